//! Recorded spaces: tables of configurations and their times, which stand for the hardware.

mod programs;
mod read;
#[cfg(test)]
mod tests;

use std::path::Path;

use serde_json::{Map, Value};
use tachograph_program::{Choice, Decision, Point};

use crate::{Domain, History, Result, Search, Source, Strategy, Trial};

/// A table of measured configurations. Its points are exactly those: a configuration that is not in the table is in no
/// space, and one that failed is a result with its reason.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// What the table is about.
    pub name: String,
    domain: Domain,
    outcomes: Vec<Result<f64, String>>,
}

impl Recorded {
    /// Reads one device and task of a CSV file, gzip'd or not. `None` for what the file has but one of.
    ///
    /// # Errors
    /// With file, line and column: what cannot be read or understood; a device or a task that is not there, or has to be
    /// named because there are several.
    pub fn read(path: &Path, device: Option<&str>, task: Option<&str>) -> Result<Self> {
        Table::read(path)?.space(device, task)
    }

    /// The space.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// What measuring a point gave.
    pub fn measure(&self, point: &Point) -> Result<f64, String> {
        match self.domain.position(point) {
            Some(i) => self.outcomes[i].clone(),
            None => Err("not in the table".into()),
        }
    }

    /// What every point gave, in the order of [`Domain::points`].
    pub fn outcomes(&self) -> &[Result<f64, String>] {
        &self.outcomes
    }

    /// The best time; `None` if all failed.
    pub fn best_ms(&self) -> Option<f64> {
        self.outcomes.iter().filter_map(|outcome| outcome.as_ref().ok().copied()).min_by(f64::total_cmp)
    }

    /// How many points come within `slack` (0.05 for 5 %) of the best.
    pub fn within(&self, slack: f64) -> usize {
        let Some(best) = self.best_ms() else { return 0 };
        self.outcomes.iter().filter(|outcome| outcome.as_ref().is_ok_and(|&t| t <= best * (1.0 + slack))).count()
    }

    /// Runs a strategy for so many trials, or until all is measured. The same seed makes the same trials.
    ///
    /// # Errors
    /// A model that cannot be fitted, or what `each` says of a trial.
    pub fn replay<E: From<crate::Error>>(
        &self,
        strategy: Box<dyn Strategy>,
        seed: u64,
        trials: usize,
        mut each: impl FnMut(&Trial) -> Result<(), E>,
    ) -> Result<History, E> {
        let mut search = Search::new(&self.domain, strategy, seed);
        while search.history().len() < trials {
            let new = search.round(1, |point| self.measure(point))?;
            if new.is_empty() {
                break;
            }
            new.iter().try_for_each(&mut each)?;
        }
        Ok(search.history().clone())
    }

    /// All of it as what another search may start from.
    pub fn source(&self) -> Source {
        let points = self.domain.points().unwrap_or_default();
        let trial =
            |(point, outcome): (&Point, &Result<f64, String>)| Trial { point: point.clone(), outcome: outcome.clone() };
        let trials = points.iter().zip(&self.outcomes).map(trial).collect();
        Source { name: self.name.clone(), domain: self.domain.clone(), trials }
    }

    /// A point as names and values; numbers where they are numbers. Tiles and orders of programs, which have no names, go by
    /// their places.
    pub fn config(&self, point: &Point) -> Map<String, Value> {
        let sketches = &self.domain.space().sketches;
        let Some(sketch) = sketches.get(point.sketch) else { return Map::new() };
        let value = |text: &str| match serde_json::from_str::<Value>(text) {
            Ok(number @ Value::Number(_)) => number,
            _ => Value::from(text),
        };
        let joined = |parts: Vec<String>| Value::from(parts.join("x"));
        let pair = |(i, (decision, choice)): (usize, (&Decision, &Choice))| match (decision, choice) {
            (Decision::Category { name, options }, Choice::Category(i)) => {
                Some((name.clone(), value(options.get(*i)?)))
            }
            (_, Choice::Tile(parts)) => Some((format!("tile {i}"), joined(parts.iter().map(u64::to_string).collect()))),
            (_, Choice::Order(places)) => {
                Some((format!("order {i}"), joined(places.iter().map(usize::to_string).collect())))
            }
            _ => None,
        };
        let several =
            (sketches.len() > 1).then(|| ("sketch".to_owned(), format!("{} {}", point.sketch, sketch.name).into()));
        several.into_iter().chain(sketch.decisions.iter().zip(&point.choices).enumerate().filter_map(pair)).collect()
    }
}

/// A file of recorded spaces.
#[derive(Clone, Debug)]
pub struct Table {
    path: std::path::PathBuf,
    parameters: Vec<String>,
    has_device: bool,
    has_task: bool,
    rows: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Row {
    device: String,
    task: String,
    values: Vec<String>,
    outcome: Result<f64, String>,
}
