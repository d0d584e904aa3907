//! `tandem demo`: a contact centre that lives, offline, within seconds.
//!
//! * [`stage`]: what the demo tenant looks like, put in place by the same commands that an administrator gives.
//! * [`Crowd`]: simulated phones and one simulated carrier. They are clients like any other: they know the server by its
//!   SIP address only, and all of it goes through real sockets.
//! * [`shift`]: the agents, who wish what agents' programs wish.
//! * [`jingle`]: the prompt that the demo plays.
//!
//! What the crowd does by chance is in [`habits`], and only there, so that one seed makes one mood.

mod config;
mod crowd;
pub mod habits;
pub mod jingle;
pub mod limits;
pub mod shift;
pub mod stage;
mod stats;

pub use config::{CrowdConfig, SimCarrier, SimPhone};
pub use crowd::Crowd;
pub use stats::CrowdStats;

use tandem_core::Timestamp;
use tandem_core::engine::{Clock, SystemClock};

fn now() -> Timestamp {
    SystemClock.now()
}
