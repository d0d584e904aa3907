//! # Tandem api: shows
//!
//! The admin API, the read models behind it, the status page, and the `tandem` program itself.
//!
//! * [`config`]: one file, checked, with suggestions.
//! * [`cli`]: what `tandem` understands.
//! * [`compose`]: starts the parts in order and stops them in reverse.
//! * [`http`] and [`admin`]: the server and its routes; thin.
//! * [`cms`]: monitoring and statistics in the published CC-CMS format.
//! * [`gateway`]: the CC-Gateway interface for agents' programs.
//! * [`demo`]: a tenant that lives, for whoever wants to see one.
//! * [`view`]: read models folded from events; every GET answers from here.
//! * [`auth`]: the admin token, page sessions, signed requests, and the passwords of phones and trunks.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod admin;
pub mod auth;
pub mod cli;
pub mod cms;
pub mod compose;
pub mod config;
pub mod demo;
mod descriptors;
pub mod door;
mod forward;
pub mod gateway;
pub mod http;
pub mod limits;
pub mod node;
pub mod observe;
mod signalling;
pub mod view;
