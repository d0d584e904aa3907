//! `tandem campaign …`

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use tandem_core::tenant::pacing::sim::{self, Contender, Scenario, report};

use super::Failure;

/// `tandem campaign …`
#[derive(Debug, Subcommand)]
pub(super) enum CampaignCommand {
    /// Live through days of dialing on virtual time, and compare methods of pacing on the same days.
    #[command(after_help = "Examples:\n  tandem campaign simulate                                  # the public scenarios\n  \
        tandem campaign simulate --set memoryless --only exact-005 --methods ours\n  \
        tandem campaign simulate --scenarios mine.txt --days 20 --csv results.csv\n\n\
        A scenario file has a name and key=value settings per line, as in\n  \
        mine agents=12 live=0.2 machine=0.3 busy=0.05 fail=0.05 amd=1 talk_mean=90 drift=4:0.5\n\n\
        ratio* is set in hindsight on the very days measured, an advantage that no real dialer has. average and tapered are a\n\
        model of a known dialer's adaptive level, not a measurement of it.")]
    Simulate(SimulateArgs),
}

/// Options of `tandem campaign simulate`.
#[derive(Debug, Args)]
pub(super) struct SimulateArgs {
    /// Scenario file.
    #[arg(long, value_name = "FILE", conflicts_with = "set")]
    scenarios: Option<PathBuf>,
    /// Scenarios that come with the program.
    #[arg(long, value_enum, default_value_t = Set::Public)]
    set: Set,
    /// Random scenarios of `--set random`.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    count: u64,
    /// Only scenarios whose name contains one of these.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Methods.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Name::Ours, Name::Progressive, Name::Ratio, Name::Tapered])]
    methods: Vec<Name>,
    /// Days of each.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    days: u32,
    /// Seed of the first day; the next days follow it.
    #[arg(long, default_value_t = 1000)]
    seed: u64,
    /// Write the results to this file, too.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Set {
    /// The published ones, with targets.
    Public,
    /// Worlds whose exact optimum is known.
    Memoryless,
    /// Teams, lists and surprises that nobody chose.
    Random,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    Ours,
    Progressive,
    Ratio,
    Average,
    Tapered,
}

impl From<Name> for Contender {
    fn from(name: Name) -> Self {
        match name {
            Name::Ours => Contender::Ours,
            Name::Progressive => Contender::Progressive,
            Name::Ratio => Contender::Ratio,
            Name::Average => Contender::Average,
            Name::Tapered => Contender::Tapered,
        }
    }
}

pub(super) fn run(command: CampaignCommand) -> Result<(), Failure> {
    match command {
        CampaignCommand::Simulate(args) => simulate(&args),
    }
}

fn simulate(args: &SimulateArgs) -> Result<(), Failure> {
    let scenarios = scenarios(args)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", report::head())?;
    let mut rows = Vec::new();
    for scenario in &scenarios {
        for method in &args.methods {
            let row =
                report::measure(scenario, (*method).into(), args.days, args.seed).with_context(|| format!("scenario {}", scenario.name))?;
            writeln!(out, "{}", report::text(&row))?;
            out.flush()?;
            rows.push(row);
        }
    }
    if let Some(file) = &args.csv {
        std::fs::write(file, report::csv(&rows)).with_context(|| format!("can't write {}", file.display()))?;
    }
    Ok(())
}

fn scenarios(args: &SimulateArgs) -> Result<Vec<Scenario>, Failure> {
    let mut scenarios = match (&args.scenarios, args.set) {
        (Some(file), _) => {
            let text = std::fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
            sim::read(&text).with_context(|| file.display().to_string())?
        }
        (None, Set::Public) => sim::public(),
        (None, Set::Memoryless) => sim::OPTIMA.iter().map(|(agents, live, _)| sim::memoryless(*agents, *live)).collect(),
        (None, Set::Random) => (0..args.count).map(sim::random).collect(),
    };
    if !args.only.is_empty() {
        scenarios.retain(|scenario| args.only.iter().any(|part| scenario.name.contains(part.as_str())));
    }
    if scenarios.is_empty() {
        return Err(anyhow::anyhow!("no scenario has a name with {} in it", args.only.join(" or ")).into());
    }
    Ok(scenarios)
}
