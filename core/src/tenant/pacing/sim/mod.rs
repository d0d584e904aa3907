//! A day on virtual time, to judge pacing: scenarios, the world, rivals, reports.
//!
//! Pure as the rest of the core: a scenario and a seed give the same day, everywhere.

mod day;
mod draw;
pub mod report;
mod rivals;
mod scenario;
mod world;

pub use self::day::{Day, Summary};
pub use self::draw::Draw;
pub use self::rivals::{Brake, Level};
pub use self::scenario::{OPTIMA, Scenario, ScenarioError, memoryless, optimum, public, published, random, read};
pub use self::world::{Policy, World};

use super::{Mode, Pacer, Settings, SettingsError};

/// What is compared, as one names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contender {
    /// Predictive mode.
    Ours,
    /// One line per ready agent.
    Progressive,
    /// The best fixed ratio, found in hindsight on the very days that are measured.
    Ratio,
    /// The adaptive level with the average brake.
    Average,
    /// The adaptive level with the tapered brake.
    Tapered,
}

/// A way of dialing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// Ours, or one of its simple modes.
    Ours(Mode),
    /// The adaptive level.
    Level(Brake),
}

impl Method {
    /// A fixed number of lines per agent that is ready or talking.
    pub fn ratio(ratio: f64) -> Self {
        Method::Ours(Mode::Ratio(ratio))
    }

    /// What the pacer would be set to for this scenario: rules and switches, nothing of the list's or the staff's behaviour.
    pub fn settings(mode: Mode, scenario: &Scenario) -> Settings {
        Settings { mode, detection: scenario.amd, patience: scenario.waits(), ring_timeout: scenario.ring_limit, ..Settings::default() }
    }

    /// Lives through one day.
    ///
    /// # Errors
    /// If a setting that follows from the scenario is out of its bounds.
    pub fn day(self, scenario: &Scenario, seed: u64) -> Result<Day, SettingsError> {
        let world = World::new(scenario, seed);
        Ok(match self {
            Method::Ours(mode) => world.run(&mut Pacer::new(Method::settings(mode, scenario))?),
            Method::Level(brake) => world.run(&mut Level::new(brake, super::limits::LEGAL_SHARE, scenario.shift)),
        })
    }
}
