//! The API as a client meets it.

mod admin;
mod calls;
mod door;
mod stream;
