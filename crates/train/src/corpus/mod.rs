//! Networks bound as they were measured, with what was measured of them.

mod bind;
mod table;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use rayon::prelude::*;
use tachograph_datasets::{Mode, Source};
use tachograph_features::{FeatureGraph, Featurizer};
use tachograph_ir::{Assignment, BoundGraph, Quantity};

use crate::{Error, Example, Output, Result};

/// What is measured of networks: a table of entries (networks under a configuration) by outputs (quantities on devices).
#[derive(Debug)]
pub struct Corpus {
    /// The data set.
    pub data: String,
    /// What is measured: the columns of [`Entry::targets`].
    pub outputs: Vec<Output>,
    /// Networks, in the order of the data set.
    pub entries: Vec<Entry>,
    /// Networks whose graph could not be had, and why.
    pub left_out: BTreeMap<String, String>,
}

/// A network under a configuration.
#[derive(Debug)]
pub struct Entry {
    /// Name of the network in the data set.
    pub network: String,
    /// Its family.
    pub family: String,
    /// What was run.
    pub phase: Mode,
    /// The batch.
    pub batch: u64,
    /// The graph of an inference, also where a training step was measured.
    pub bound: BoundGraph,
    /// What was measured, one value an output; not a number where nothing was.
    pub targets: Vec<f64>,
    /// Of a set that was [added](Corpus::extend): always learned from, never validated or tested on.
    pub extra: bool,
}

/// Which measurements of a data set are taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Names of devices; empty takes all.
    pub devices: Vec<String>,
    /// Quantities.
    pub quantities: Vec<Quantity>,
    /// Bind every network at this batch and scale its latencies to it, which is fair where devices were measured at
    /// batches that fill them; without, networks are bound as they were measured.
    pub batch: Option<u64>,
}

impl Query {
    /// The latencies on all devices.
    pub fn all() -> Self {
        Self { devices: vec![], quantities: vec![Quantity::Latency], batch: None }
    }

    /// The latencies on `devices`.
    pub fn latency<S: Into<String>>(devices: impl IntoIterator<Item = S>) -> Self {
        Self { devices: devices.into_iter().map(Into::into).collect(), ..Self::all() }
    }
}

impl Corpus {
    /// Opens a data set and reads it: a folder in the project's own format, a table (`.csv`, `.csv.gz`) beside model
    /// files, or a published set by name, below `root` (by default what `TACHOGRAPH_DATA` names).
    ///
    /// # Errors
    /// As [`Corpus::read`]; a name of no data set; a published one where nobody says in which folder.
    pub fn open(data: &Path, root: Option<&Path>, query: &Query) -> Result<Self> {
        Self::read(&*tachograph_datasets::open(data, root)?, query)
    }

    /// Reads measurements of any data set. Each network is imported once and bound once for each configuration; those
    /// that cannot be are left out and named in [`Corpus::left_out`]. Of several measurements of the same quantity
    /// of a network under the same configuration on one device the smallest stands, since interference only adds.
    ///
    /// # Errors
    /// A data set that cannot be read, or whose values have no unit; a device without measurements; no network whose
    /// graph can be had.
    pub fn read(source: &dyn Source, query: &Query) -> Result<Self> {
        let (data, table) = (source.name(), table::Table::new(source, query)?);
        let (entries, left_out) = bind::bind(table.lines, &|network| Ok(source.graph(network)?));
        if entries.is_empty() {
            let why = left_out.values().next().cloned().unwrap_or_default();
            return Err(Error::NoGraphs { data, networks: left_out.len(), why });
        }
        let mut corpus = Self { data, outputs: table.outputs, entries, left_out };
        corpus.drop_empty_outputs();
        Ok(corpus)
    }

    /// Adds another set, whose devices become further outputs, to learn from: splits divide what was there before. A
    /// network that may be one to test on is left out.
    #[must_use]
    pub fn extend(mut self, other: Self) -> Self {
        let (before, after) = (self.outputs.len(), self.outputs.len() + other.outputs.len());
        let own: BTreeSet<String> =
            self.entries.iter().filter(|entry| !entry.extra).map(|entry| entry.network.clone()).collect();
        self.entries.iter_mut().for_each(|entry| entry.targets.resize(after, f64::NAN));
        for entry in other.entries {
            if own.contains(&entry.network) {
                self.left_out.insert(format!("{} of {}", entry.network, other.data), format!("is in {}", self.data));
                continue;
            }
            let targets = std::iter::repeat_n(f64::NAN, before).chain(entry.targets).collect();
            self.entries.push(Entry { targets, extra: true, ..entry });
        }
        self.outputs.extend(other.outputs);
        self.left_out.extend(other.left_out);
        self.data = format!("{}, {}", self.data, other.data);
        self
    }

    /// Positions of the entries with a value of output `output`.
    pub fn measured(&self, output: usize) -> impl Iterator<Item = usize> + '_ {
        let known = move |entry: &Entry| entry.targets.get(output).is_some_and(|t| t.is_finite());
        self.entries.iter().enumerate().filter(move |(_, entry)| known(entry)).map(|(i, _)| i)
    }

    /// Featurises all entries in parallel.
    ///
    /// # Errors
    /// A network that the featuriser refuses.
    pub fn featurize(&self, featurizer: &Featurizer) -> Result<Vec<Example>> {
        let sample = |entry: &Entry| -> Result<Example> {
            let features: FeatureGraph = featurizer.featurize(&entry.bound)?;
            Ok(Example {
                name: entry.network.clone(),
                family: entry.family.clone(),
                batch: entry.batch,
                features,
                targets: entry.targets.clone(),
            })
        };
        self.entries.par_iter().map(sample).collect()
    }

    /// Outputs of which no entry is left.
    fn drop_empty_outputs(&mut self) {
        let kept: Vec<bool> = (0..self.outputs.len()).map(|o| self.measured(o).next().is_some()).collect();
        let mut flags = kept.iter();
        self.outputs.retain(|_| *flags.next().unwrap_or(&true));
        for entry in &mut self.entries {
            let mut flags = kept.iter();
            entry.targets.retain(|_| *flags.next().unwrap_or(&true));
        }
    }
}

/// A network under a configuration, not bound yet.
struct Line {
    network: String,
    family: String,
    phase: Mode,
    assignment: Assignment,
    targets: Vec<f64>,
}
