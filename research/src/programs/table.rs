//! Rows that were made, and the table of them.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::{By, score::Scores};
use crate::spread;

/// What a row is of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Key {
    row: String,
    by: String,
    choose: bool,
    seed: u64,
    /// Of the programs.
    data: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    key: Key,
    #[serde(flatten)]
    scores: Scores,
    seconds: f64,
}

/// All rows, in a file.
pub struct Table {
    path: PathBuf,
    data: String,
    lines: Vec<Line>,
}

impl Table {
    pub fn open(folder: &Path, data: String) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let path = folder.join("rows.jsonl");
        let text = if path.exists() { fs::read_to_string(&path)? } else { String::new() };
        // A line that a kill has cut short is made again.
        let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Ok(Self { path, data, lines })
    }

    pub fn key(&self, row: &str, by: By, choose: bool, seed: u64) -> Key {
        Key { row: row.to_owned(), by: format!("{by:?}").to_lowercase(), choose, seed, data: self.data.clone() }
    }

    /// The programs that rows are of.
    pub fn data(&self) -> &str {
        &self.data
    }

    pub fn has(&self, key: &Key) -> bool {
        self.lines.iter().any(|line| line.key == *key)
    }

    pub fn add(&mut self, key: Key, scores: Scores, seconds: f64) -> Result<()> {
        let line = Line { key, scores, seconds };
        let text = serde_json::to_string(&line)?;
        eprintln!("{text}");
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        writeln!(file, "{text}")?;
        self.lines.push(line);
        Ok(())
    }

    pub fn print(&self, rows: &[&str], by: By, choose: bool, seeds: u64) {
        println!(
            "| model | top-1 | top-5 | Σ top-1 | Σ top-5 | pairs | error of times % | of fast ones % | rounds | s |"
        );
        println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
        let mut tested = None;
        for row in rows {
            let lines: Vec<&Line> = (0..seeds)
                .filter_map(|seed| {
                    let key = self.key(row, by, choose, seed);
                    self.lines.iter().find(|line| line.key == key)
                })
                .collect();
            tested = tested.or(lines.first().map(|line| (line.scores.tasks, line.scores.programs)));
            let of = |number: fn(&Scores) -> Option<f64>, factor: f64, digits: usize| {
                let values: Vec<f64> =
                    lines.iter().filter_map(|line| number(&line.scores)).map(|v| factor * v).collect();
                spread(&values, digits)
            };
            let mean = |number: fn(&Line) -> f64| {
                let sum: f64 = lines.iter().map(|line| number(line)).sum();
                format!("{:.0}", sum / lines.len().max(1) as f64)
            };
            let cells = [
                (*row).to_owned(),
                of(|s| s.top_1, 1.0, 3),
                of(|s| s.top_5, 1.0, 3),
                of(|s| s.sum_1, 1.0, 3),
                of(|s| s.sum_5, 1.0, 3),
                of(|s| s.pairs, 1.0, 3),
                of(|s| s.mape, 100.0, 1),
                of(|s| s.mape_fast, 100.0, 1),
                mean(|line| f64::from(line.scores.rounds)),
                mean(|line| line.seconds),
            ];
            println!("{}", cells.iter().fold("|".to_owned(), |line, cell| line + &format!(" {cell} |")));
        }
        if let Some((tasks, programs)) = tested {
            println!(
                "\n{tasks} tasks, {programs} programs tested; mean (least to most) over {seeds} seeds; programs {}",
                self.data
            );
        }
    }
}
