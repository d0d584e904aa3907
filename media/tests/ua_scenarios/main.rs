//! Calls between two user agents on a virtual clock, joined by a network that can be made bad. One scenario per test,
//! named as one would say it in a bug report.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, unreachable_pub)]

mod answered;
mod asked;
mod auth;
mod browser;
mod changes;
mod forks;
mod hostile;
mod lost;
mod pair;
mod refused;
mod register;
mod reliable;
mod rules;
mod soak;
mod transfer;
