//! The whole program under load, from nothing: starts it on data of its own, sets up a tenant, phones and trunks with the
//! program's own command line, runs `tandem-load` against it, and prints a table.
//!
//! * `node`: the program, its configuration and its administrator;
//! * `run`: one run of the generator, and what is taken from its JSON;
//! * `table`: what is printed.
//!
//! Server and generator are pinned to processors of their own with `taskset`, and everything is on loopback.

mod node;
mod run;
mod table;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::{Parser, ValueEnum};

use self::node::Node;
use self::run::{Load, Outcome};

/// The whole program under load: registrations, calls and anchored calls per second or at once, with durability on and off.
#[derive(Debug, Parser)]
#[command(name = "tandem-bench", version, about)]
struct Cli {
    /// The program; the one beside this one if absent
    #[arg(long)]
    tandem: Option<PathBuf>,
    /// Which loads, in this order
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Question::ALL)]
    only: Vec<Question>,
    /// `log.durability`, each with a program and data of its own
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Durability::Always, Durability::Os])]
    durability: Vec<Durability>,
    /// Phones of the tenant
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(2..=200_000))]
    phones: u32,
    /// Seconds that are measured, per level
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// Instead of looking for the highest good level, run this one
    #[arg(long)]
    level: Option<f64>,
    /// Processors of the server and of the generator, as `taskset -c` takes them
    #[arg(long, value_names = ["SERVER", "GENERATOR"], num_args = 2, default_values = ["0", "1"])]
    cores: Vec<String>,
    /// Folder for data (on a disk of the kind that will hold the log: durability costs what that disk costs), logs and JSON;
    /// emptied at start
    #[arg(long, default_value = "target/tandem-bench")]
    dir: PathBuf,
    /// Wait for Enter with the program up, e.g. to attach a profiler
    #[arg(long)]
    pause: bool,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Question {
    /// The generator without a server: its own ceiling
    Headroom,
    /// Registrations per second, nonce used again
    Register,
    /// Registrations per second, challenged each time
    RegisterFresh,
    /// Calls per second from phones with credentials to a trunk
    CallsOut,
    /// Calls per second from a trunk to registered phones
    CallsIn,
    /// Calls with audio at once, from a trunk to phones
    Anchored,
}

impl Question {
    const ALL: [Question; 6] =
        [Question::Headroom, Question::Register, Question::RegisterFresh, Question::CallsOut, Question::CallsIn, Question::Anchored];

    /// Audio never meets the log: one run says it all.
    fn depends_on_durability(self) -> bool {
        self != Question::Anchored
    }
}

/// `log.durability`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Durability {
    /// On disk before anything that depends on it is sent
    Always,
    /// When the system likes
    Os,
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Durability::Always => "always",
            Durability::Os => "os",
        })
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Question::Headroom => "headroom",
            Question::Register => "register",
            Question::RegisterFresh => "register-fresh",
            Question::CallsOut => "calls-out",
            Question::CallsIn => "calls-in",
            Question::Anchored => "anchored",
        })
    }
}

/// Programs, folder and processors of a run.
#[derive(Debug)]
pub(crate) struct Place {
    tandem: PathBuf,
    load: PathBuf,
    dir: PathBuf,
    server_cores: String,
    generator_cores: String,
}

impl Place {
    fn of(cli: &Cli) -> anyhow::Result<Place> {
        let here = std::env::current_exe().context("where is this program?")?;
        let beside = |name: &str| here.parent().unwrap_or(Path::new(".")).join(name);
        let place = Place {
            tandem: cli.tandem.clone().unwrap_or_else(|| beside("tandem")),
            load: beside("tandem-load"),
            dir: std::path::absolute(&cli.dir)?,
            server_cores: cli.cores[0].clone(),
            generator_cores: cli.cores[1].clone(),
        };
        for program in [&place.tandem, &place.load] {
            ensure!(program.is_file(), "no program at {}: `make bench` builds it", program.display());
        }
        if place.dir.exists() {
            ensure!(place.dir.join(MARK).is_file(), "{} is not a folder of an earlier run: it would be emptied", place.dir.display());
            std::fs::remove_dir_all(&place.dir)?;
        }
        std::fs::create_dir_all(&place.dir)?;
        std::fs::write(place.dir.join(MARK), "")?;
        Ok(place)
    }
}

/// Says that a folder may be emptied by the next run.
const MARK: &str = ".tandem-bench";

/// Reads the command line, runs everything, prints tables.
pub fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let place = Place::of(&cli)?;
    warn_of_few_descriptors();
    let mut rows = Vec::new();
    if cli.only.contains(&Question::Headroom) {
        for what in ["register", "calls", "anchored"] {
            eprintln!("\n# the generator against itself: {what}");
            rows.push((what, run::headroom(&place, what)?));
        }
        table::headroom(&rows);
    }
    let mut outcomes: Vec<Outcome> = Vec::new();
    for durability in &cli.durability {
        for question in cli.only.iter().filter(|question| **question != Question::Headroom) {
            if !question.depends_on_durability() && outcomes.iter().any(|done| done.question == *question) {
                continue;
            }
            eprintln!("\n# {question}, durability {durability}");
            let node = Node::start(&place, *durability, cli.phones)?;
            if cli.pause {
                eprintln!("process {}; Enter goes on", node.pid());
                std::io::stdin().read_line(&mut String::new())?;
            }
            let load = Load { question: *question, phones: cli.phones, seconds: cli.seconds, level: cli.level };
            outcomes.push(load.run(&place, &node, *durability)?);
            node.stop()?;
        }
    }
    table::outcomes(&outcomes);
    Ok(())
}

/// Each leg takes two descriptors of the server.
fn warn_of_few_descriptors() {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let soft = limits.lines().find(|line| line.starts_with("Max open files")).and_then(|line| line.split_whitespace().nth(3)?.parse().ok());
    if let Some(soft) = soft.filter(|soft: &u64| *soft < 16_000) {
        eprintln!("only {soft} open files are allowed, enough for {} anchored calls: raise `ulimit -n` (LimitNOFILE=)", soft / 4);
    }
}
