//! The HTTP server: one router for health, metrics, the admin API, and the status page.

pub mod extract;
pub mod health;
pub mod problem;
mod router;
mod serve;
mod state;
pub mod web;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use problem::Problem;
pub use router::{openapi, router};
pub use serve::{Server, serve_http};
pub use state::{AppState, KafkaProbe, KafkaStatus, Parts};
