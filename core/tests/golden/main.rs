//! What others rely on: the schemas of events, and logs that were written long ago.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod replay;
mod schemas;

// Random histories are written by the same model that the tests of a tenant use.
#[allow(dead_code)]
#[path = "../tenant/wishes.rs"]
mod wishes;
#[allow(dead_code)]
#[path = "../tenant/world.rs"]
mod world;
