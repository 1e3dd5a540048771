//! The mean normalised run time of kernels of TpuGraphs' tile collection, from the graph of their operators alone: LayerDAG's
//! extract has no shapes.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    slice::from_ref,
};

use anyhow::{Result, ensure};
use ndarray::Array2;
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use tachograph_datasets::sets::{LayerDagTile, TileKernel};
use tachograph_features::FeatureGraph;
use tachograph_metrics::{mape, median, spearman};
use tachograph_train::{BEST, ProgramScorer, ProgramTask, torch_device, train_programs};
use tachograph_tune::models::{Boosting, BoostingOptions, Objective, Packed};

use crate::{Watch, recipe::changed};

const RECIPE: &str = include_str!("../recipes/programs/tile-graphs.toml");

/// What predicts.
pub enum Row {
    /// The median of what is learned from.
    Median,
    /// What most resembles it: the median of those that have the same operators, each as often.
    Alike,
    /// Trees on how often each operator is there.
    Trees,
    /// The network of the recipe with some settings changed.
    Network(&'static str),
}

/// The rows, baselines first.
pub const ROWS: [(&str, Row); 8] = [
    ("median", Row::Median),
    ("same operators", Row::Alike),
    ("trees", Row::Trees),
    ("tenset-mlp", Row::Network("model = { kind = 'tenset-mlp' }")),
    ("gtuner", Row::Network("")),
    ("gtuner, sage", Row::Network("model = { conv = { kind = 'sage' } }")),
    ("gtuner, gcn", Row::Network("model = { conv = { kind = 'gcn' } }")),
    ("gtuner, gat", Row::Network("model = { conv = { kind = 'gat' } }")),
];

/// Kernels, divided 80/10/10.
pub struct Kernels {
    all: Vec<TileKernel>,
    programs: Vec<FeatureGraph>,
    /// Where training, validation and test are.
    parts: [Vec<usize>; 3],
}

/// How a row did on the test set.
#[derive(Clone, Copy, Debug)]
pub struct Score {
    /// Spearman's ρ; none where all predictions are equal.
    pub spearman: Option<f64>,
    /// Mean absolute percentage error, 0.1 is 10 %.
    pub mape: f64,
}

impl Kernels {
    /// The kernels below the root of the published sets.
    ///
    /// # Errors
    /// The set is not there, or damaged.
    pub fn open(root: &Path, seed: u64) -> Result<Self> {
        let all = LayerDagTile::open(root)?.kernels().collect::<tachograph_datasets::Result<Vec<_>>>()?;
        ensure!(all.len() >= 10, "{} kernels are too few to divide", all.len());
        let operators: BTreeSet<u16> = all.iter().flat_map(|kernel| kernel.operators.iter().copied()).collect();
        let column: BTreeMap<u16, usize> = operators.into_iter().enumerate().map(|(i, op)| (op, i)).collect();
        let programs = all.iter().map(|kernel| features(kernel, &column)).collect();
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let tenth = all.len() / 10;
        let (test, rest) = order.split_at(tenth);
        let (validation, training) = rest.split_at(tenth);
        Ok(Self { all, programs, parts: [training.to_vec(), validation.to_vec(), test.to_vec()] })
    }

    /// How many there are to learn from, to choose by, and to test on; and what share of the last has a twin among the first, with the same
    /// operators and edges.
    pub fn told(&self) -> ([usize; 3], f64) {
        let whole = |i: &usize| (&self.all[*i].operators, &self.all[*i].edges);
        let known: BTreeSet<_> = self.parts[0].iter().map(whole).collect();
        let twins = self.parts[2].iter().filter(|i| known.contains(&whole(i))).count();
        (self.parts.each_ref().map(Vec::len), twins as f64 / self.parts[2].len() as f64)
    }

    /// Learns a row, in `dir` where it is a network, and tests it.
    ///
    /// # Errors
    /// A training fails.
    pub fn score(&self, row: &Row, dir: &Path, seed: u64) -> Result<Score> {
        let predicted = match row {
            Row::Median => vec![self.middle(&self.parts[0]); self.parts[2].len()],
            Row::Alike => self.alike(),
            Row::Trees => self.trees(seed)?,
            Row::Network(change) => self.network(change, dir, seed)?,
        };
        let times = self.times(&self.parts[2]);
        Ok(Score { spearman: spearman(&predicted, &times).ok(), mape: mape(&predicted, &times)? })
    }

    fn times(&self, of: &[usize]) -> Vec<f64> {
        of.iter().map(|&i| self.all[i].time).collect()
    }

    fn middle(&self, of: &[usize]) -> f64 {
        median(&self.times(of)).unwrap_or(1.0)
    }

    fn alike(&self) -> Vec<f64> {
        let key = |i: usize| self.programs[i].globals.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        let mut like: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        self.parts[0].iter().for_each(|&i| like.entry(key(i)).or_default().push(i));
        let any = self.middle(&self.parts[0]);
        self.parts[2].iter().map(|&i| like.get(&key(i)).map_or(any, |alike| self.middle(alike))).collect()
    }

    fn trees(&self, seed: u64) -> Result<Vec<f64>> {
        let pack = |of: &[usize]| {
            let mut packed = Packed::new(self.programs[0].globals.len());
            of.iter().for_each(|&i| packed.push(self.programs[i].globals.iter().copied()));
            packed
        };
        let targets: Vec<f64> = self.times(&self.parts[0]).into_iter().map(f64::ln).collect();
        let objective = Objective::Squared { targets: &targets, weights: &[] };
        let options = BoostingOptions { trees: 100, learning_rate: 0.1, ..BoostingOptions::TENSET };
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let trees = Boosting::fit(&pack(&self.parts[0]), &objective, &options, rng)?;
        Ok(trees.predict(&pack(&self.parts[2]))?.into_iter().map(f64::exp).collect())
    }

    fn network(&self, change: &str, dir: &Path, seed: u64) -> Result<Vec<f64>> {
        // A program whose time is learned as a factor to one is what a kernel is here.
        let task = |name: &str, of: &[usize]| ProgramTask {
            name: name.into(),
            programs: of.iter().map(|&i| self.programs[i].clone()).collect(),
            ms: vec![self.times(of)],
            formula_ms: vec![1.0; of.len()],
        };
        let [training, validation] = [task("training", &self.parts[0]), task("validation", &self.parts[1])];
        let mut config = changed(RECIPE, &[change])?;
        config.seed = seed;
        let parts = [from_ref(&training), from_ref(&validation)];
        train_programs(&config, config.features, parts, dir, &mut Watch::new(None))?;
        let scorer = ProgramScorer::load(&dir.join(BEST), torch_device("cpu")?)?;
        let test = task("test", &self.parts[2]);
        Ok(scorer.score(&test.programs, &test.formula_ms, 0)?)
    }
}

/// Of each node its operator, and of the whole how often each is there and how many edges there are.
fn features(kernel: &TileKernel, column: &BTreeMap<u16, usize>) -> FeatureGraph {
    let mut nodes = Array2::zeros((kernel.operators.len(), column.len()));
    let mut globals = vec![0.0; column.len() + 1];
    for (i, op) in kernel.operators.iter().enumerate() {
        if let Some(&at) = column.get(op) {
            nodes[(i, at)] = 1.0;
            globals[at] += 1.0;
        }
    }
    globals[column.len()] = kernel.edges.len() as f32;
    // Some kernels have many times what others have.
    globals.iter_mut().for_each(|count| *count = count.ln_1p());
    FeatureGraph { nodes, edges: kernel.edges.clone(), globals, ..FeatureGraph::default() }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_reads_operators_knows_more_than_the_median() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("tpugraphs/layerdag_tile");
        fs::create_dir_all(&folder).unwrap();
        // The time is that of the operators; there are nine kinds of kernels.
        let line = |i: usize| {
            let (a, b) = (i % 3, i / 3 % 3);
            let op = [vec![5; a + 1], vec![9; b + 1]].concat();
            format!(r#"{{"src": [1], "dst": [0], "op": {op:?}, "y": {}}}"#, 1.0 + a as f64 + 0.1 * b as f64)
        };
        fs::write(folder.join("val.jsonl"), (0..120).map(line).collect::<Vec<_>>().join("\n")).unwrap();
        let kernels = Kernels::open(root.path(), 3).unwrap();
        assert_eq!(kernels.told(), ([96, 12, 12], 1.0));
        let score = |row| kernels.score(&row, &root.path().join("none"), 0).unwrap();
        let (median, alike, trees) = (score(Row::Median), score(Row::Alike), score(Row::Trees));
        assert!(median.spearman.is_none() && median.mape > 0.2, "{median:?}");
        assert!(alike.mape < 1e-9 && alike.spearman.unwrap() > 0.999, "{alike:?}");
        assert!(trees.mape < 0.05 && trees.spearman.unwrap() > 0.95, "{trees:?}");
        // Another seed divides otherwise.
        assert_ne!(Kernels::open(root.path(), 4).unwrap().parts, kernels.parts);
    }
}
