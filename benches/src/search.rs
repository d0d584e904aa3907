//! Looks for the highest level that is still good.

use std::io::Write;

use crate::limits::STEPS;
use crate::report::{Report, Step};

/// Something that can be run at a level: a rate per second, or a number of calls at once.
pub trait Load {
    /// Runs one step; `None` means as fast as possible.
    fn step(&mut self, level: Option<f64>) -> anyhow::Result<Step>;
    /// Waits until nothing of a failed step is left.
    fn settle(&mut self) -> anyhow::Result<()>;
}

/// How levels rise.
#[derive(Debug, Clone, Copy)]
pub struct Ladder {
    /// First level.
    pub start: f64,
    /// Each level is this many times the one before.
    pub factor: f64,
    /// Highest level that is tried.
    pub max: f64,
    /// How often the gap between the last good and the first bad level is halved.
    pub refine: u32,
}

/// Rises until a step is bad, then halves the gap. Returns the highest good level.
pub fn find_max<W: Write>(load: &mut impl Load, ladder: Ladder, report: &mut Report<W>) -> anyhow::Result<Option<f64>> {
    let (mut good, mut bad) = (None, None);
    let mut level = ladder.start.min(ladder.max);
    for _ in 0..STEPS {
        let step = load.step(Some(level))?;
        report.step(&step)?;
        if !step.faults.is_empty() {
            bad = Some(level);
            break;
        }
        good = Some(level);
        if level >= ladder.max {
            break;
        }
        level = (level * ladder.factor).round().max(level + 1.0).min(ladder.max);
    }
    if let (Some(mut low), Some(mut high)) = (good, bad) {
        for _ in 0..ladder.refine {
            let middle = ((low + high) / 2.0).round();
            if middle <= low || middle >= high {
                break;
            }
            load.settle()?;
            let step = load.step(Some(middle))?;
            report.step(&step)?;
            if step.faults.is_empty() { low = middle } else { high = middle }
        }
        good = Some(low);
    }
    load.settle()?;
    Ok(good)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Row;

    struct Limit(f64, u32);
    impl Load for Limit {
        fn step(&mut self, level: Option<f64>) -> anyhow::Result<Step> {
            self.1 += 1;
            let faults = if level.unwrap() > self.0 { vec!["too much".to_owned()] } else { Vec::new() };
            Ok(Step { level, faults, row: Row::default() })
        }
        fn settle(&mut self) -> anyhow::Result<()> {
            Ok(())
        }
    }

    fn search(limit: f64, ladder: Ladder) -> (Option<f64>, u32) {
        let mut load = Limit(limit, 0);
        let found = find_max(&mut load, ladder, &mut Report::new("x", Vec::new())).unwrap();
        (found, load.1)
    }

    #[test]
    fn the_last_good_level_is_found() {
        let ladder = Ladder { start: 100.0, factor: 2.0, max: 10_000.0, refine: 4 };
        let (found, steps) = search(1234.0, ladder);
        let found = found.unwrap();
        assert!((1150.0..=1234.0).contains(&found), "{found}");
        assert_eq!(steps, 9);
        assert_eq!(search(50.0, ladder), (None, 1));
        assert_eq!(search(1e9, ladder).0, Some(10_000.0));
    }

    #[test]
    fn a_factor_of_one_still_ends() {
        assert_eq!(search(1e9, Ladder { start: 1.0, factor: 1.0, max: 1e9, refine: 0 }).1, STEPS as u32);
    }
}
