//! The engine with real tenants on a real log.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod commit;
mod pressure;
mod quarantine;
mod restart;
mod retention;
mod rig;
