//! The rows of the tables.

use std::path::Path;

use anyhow::Result;
use tachograph_train::RunConfig;

use super::{Settings, Subject};
use crate::recipe::changed;

/// What puts configurations in order.
#[derive(Clone, Copy, Debug)]
pub(super) enum Learner {
    /// Nothing: the first configuration, which is the compiler's own, before all others.
    Untuned,
    /// Boosted trees.
    Trees,
    /// A network, by a recipe with some settings changed.
    Network { recipe: &'static str, change: &'static str },
}

/// A row.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What it is called.
    pub name: &'static str,
    pub(super) learner: Learner,
}

const fn network(name: &'static str, recipe: &'static str, change: &'static str) -> Row {
    Row { name, learner: Learner::Network { recipe, change } }
}

macro_rules! recipe {
    ($name:literal) => {
        include_str!(concat!("../../recipes/ranking/", $name, ".toml"))
    };
}

const UNTUNED: Row = Row { name: "untuned", learner: Learner::Untuned };
const TREES: Row = Row { name: "trees", learner: Learner::Trees };

/// What ranks layouts, the baselines first.
const LAYOUTS: [Row; 6] = [
    network("resmodel", recipe!("resmodel"), ""),
    network("gst", recipe!("gst"), ""),
    network("study", recipe!("study"), ""),
    network("first", recipe!("first"), ""),
    network("second", recipe!("second"), ""),
    network("ours", recipe!("ours"), ""),
];

/// What ranks tiles: TpuGraphs' baselines by the recipe of theirs, Kaufman's by it too.
const TILES: [Row; 10] = [
    network("mlp", recipe!("tile"), "model = { kind = 'tile-mlp' }"),
    network("sage-early", recipe!("tile"), ""),
    network("sage-late", recipe!("tile"), "model = { kind = 'tile-sage', join = 'late' }"),
    network("gcn-early", recipe!("tile"), "model = { kind = 'tile-gcn', join = 'early' }"),
    network("gcn-late", recipe!("tile"), "model = { kind = 'tile-gcn', join = 'late' }"),
    network("kaufman", recipe!("tile"), "model = { kind = 'kaufman' }"),
    network("study", recipe!("study"), ""),
    network("first", recipe!("first"), "model = { kind = 'tile-first' }"),
    network("second", recipe!("second"), ""),
    network("ours", recipe!("ours"), "model = { logarithms = true }"),
];

impl Row {
    /// The rows of a table.
    pub fn all(subject: Subject) -> Vec<Self> {
        let learned: &[Self] = if subject == Subject::Tiles { &TILES } else { &LAYOUTS };
        let others: &[Self] = if subject.many() { &[UNTUNED, TREES] } else { &[] };
        [others, learned].concat()
    }

    /// The settings of a training.
    pub(super) fn config(&self, subject: Subject, data: &Path, seed: u64, settings: &Settings) -> Result<RunConfig> {
        let Learner::Network { recipe, change } = self.learner else { anyhow::bail!("{} is not trained", self.name) };
        let mut config = changed(recipe, &[change, &settings.change])?;
        (config.data, config.seed, config.epochs) = (data.to_path_buf(), seed, settings.epochs);
        config.ranking.split = subject.split(seed);
        if !subject.many() {
            config.ranking.draws = settings.steps * config.batch;
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_training() {
        let settings = Settings { epochs: 3, steps: 5, time: None, change: "rate = 0.5".into() };
        for subject in [Subject::Alexnet, Subject::Layouts, Subject::Tiles] {
            let rows = Row::all(subject);
            for row in rows.iter().filter(|row| matches!(row.learner, Learner::Network { .. })) {
                let config = row.config(subject, Path::new("here"), 7, &settings).unwrap();
                assert!(config.model.ranking().is_some() && config.epochs == 3 && config.rate == 0.5, "{}", row.name);
            }
            assert_eq!(rows.iter().any(|row| row.name == "trees"), subject.many());
        }
    }
}
