//! Tables of what ranks the configurations of a compiler.

mod rows;
mod subject;
mod trees;

use std::{fs, path::Path, time::Duration};

use anyhow::Result;
use tachograph_train::{GraphRanking, RankingOutcome, train_ranker};

use crate::{recipe::within, spread};

pub use rows::Row;
pub use subject::Subject;

use rows::Learner;

/// How networks are trained.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Epochs, at most.
    pub epochs: u32,
    /// Steps of an epoch, where there is one graph.
    pub steps: usize,
    /// Wall-clock time, at most.
    pub time: Option<Duration>,
    /// Settings that are others than those of the recipes, as TOML.
    pub change: String,
}

/// A row of a table with one seed: measured, or what it said when it was.
///
/// # Errors
/// A training fails; a file cannot be read or written.
pub fn outcome(
    row: &Row,
    subject: Subject,
    data: &Path,
    out: &Path,
    seed: u64,
    settings: &Settings,
) -> Result<RankingOutcome> {
    let dir = out.join(format!("{}-{seed}", row.name));
    let done = dir.join("outcome.json");
    if let Ok(text) = fs::read_to_string(&done) {
        return Ok(serde_json::from_str(&text)?);
    }
    let outcome = match row.learner {
        Learner::Untuned => trees::untuned(data)?,
        Learner::Trees => trees::trees(data, seed)?,
        Learner::Network { .. } => {
            within(&row.config(subject, data, seed, settings)?, settings.time, |config, watch| {
                train_ranker(config, &dir, watch)
            })?
        }
    };
    fs::create_dir_all(&dir)?;
    fs::write(&done, serde_json::to_string(&outcome)?)?;
    Ok(outcome)
}

/// A number of a row, what it is multiplied by, and its digits.
type Column = (&'static str, fn(&GraphRanking) -> Option<f64>, f64, usize);

const COLUMNS: [Column; 7] = [
    ("OPA", |g| g.opa, 1.0, 4),
    ("τ", |g| g.kendall, 1.0, 4),
    ("τ apart", |g| g.kendall_apart, 1.0, 4),
    ("top-1 %", |g| g.top_1, 100.0, 3),
    ("top-5 %", |g| g.top_5, 100.0, 3),
    ("top-10 %", |g| g.top_10, 100.0, 3),
    ("top-100 %", |g| g.top_100, 100.0, 3),
];

/// The head of a table.
pub fn head() -> String {
    let titles = COLUMNS.map(|(title, ..)| title).join(" | ");
    let line = "--:|".repeat(COLUMNS.len() + 3);
    format!("| row | seeds | epochs | {titles} | validation τ | splits |\n|---|{line}---|")
}

/// Mean and spread over seeds of the test set, and of what chose.
pub fn line(name: &str, outcomes: &[RankingOutcome]) -> String {
    let of = |&(_, number, factor, digits): &Column| {
        let values: Vec<f64> = outcomes.iter().filter_map(|o| number(&o.test.mean)).map(|v| factor * v).collect();
        spread(&values, digits)
    };
    let validation: Vec<f64> = outcomes.iter().filter_map(|o| o.validation.mean.kendall).collect();
    let epochs: Vec<String> = outcomes.iter().map(|o| o.epochs.to_string()).collect();
    let mut splits: Vec<&str> = outcomes.iter().map(|o| o.split.as_str()).collect();
    splits.dedup();
    let mut cells = vec![name.to_owned(), outcomes.len().to_string(), epochs.join(", ")];
    cells.extend(COLUMNS.iter().map(of));
    cells.extend([spread(&validation, 4), splits.join(", ")]);
    format!("| {} |", cells.join(" | "))
}
