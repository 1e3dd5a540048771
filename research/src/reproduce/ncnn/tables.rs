//! Tables with all rows, and beside them with steady ones only.

use std::collections::BTreeMap;

use anyhow::Result;
use tachograph_datasets::DeviceSplit;
use tachograph_train::Predicted;
use tachograph_transfer::Observation;

use super::{FOLDS, STEADY, Setting};
use crate::reproduce::rows::Rows;

/// All rows, and steady ones only.
pub struct Tables([Rows; 2]);

impl Tables {
    pub fn new(title: &str) -> Self {
        let steady = format!("{title}, rows whose slowest run took at most {STEADY} times the fastest");
        Self([Rows::new(format!("{title}, all rows"), "ms"), Rows::new(steady, "ms")])
    }

    pub fn split(&mut self, seed: u64, folds: &BTreeMap<&str, usize>) {
        let part = |fold: usize| -> Vec<String> {
            folds.iter().filter(|(_, f)| **f == fold).map(|(key, _)| (*key).to_owned()).collect()
        };
        let hashes: Vec<String> = (0..FOLDS).map(|f| DeviceSplit::new("", vec![], vec![], part(f)).hash()).collect();
        self.0.iter_mut().for_each(|rows| rows.split(format!("seed {seed}"), hashes.join(" ")));
    }

    /// `predicted` by network.
    pub fn add(&mut self, row: &str, seed: u64, setting: &Setting, held: &[Observation], predicted: &[f64]) {
        let [all, steady] = &mut self.0;
        for sample in held {
            let at = setting.samples.iter().position(|s| s.network == sample.network);
            let value = || Predicted {
                name: String::new(),
                family: String::new(),
                batch: 1,
                output: 0,
                predicted: predicted[sample.network],
                measured: sample.ms,
            };
            all.add(row, seed, "all", [value()]);
            if at.is_some_and(|at| setting.steady[at]) {
                steady.add(row, seed, "all", [value()]);
            }
        }
    }

    pub fn print(&self) -> Result<()> {
        self.0.iter().try_for_each(Rows::print)
    }
}
