//! Measurements of one device, featurised for a predictor.

use std::path::Path;

use anyhow::{Context, Result};
use clap::ValueEnum;
use tachograph_features::{FeatureGraph, Featurizer};
use tachograph_train::{Corpus, Output, Query, Selection};
use tachograph_transfer::rates::{self, RatePrior};

/// Measurements of one device, in the order of their source.
pub struct Measured {
    /// The device, as a checkpoint describes it.
    pub device: Output,
    /// Files or networks.
    pub names: Vec<String>,
    /// What the predictor sees of them.
    pub graphs: Vec<FeatureGraph>,
    /// What they use up, as [`rates::costs`] has it.
    pub costs: Vec<Vec<f64>>,
    /// Milliseconds.
    pub latencies: Vec<f64>,
}

impl Measured {
    /// Reads the latencies of `device` from a table or a data set, as [`Corpus::open`] does. Models that cannot be read
    /// are named on standard error and left out.
    ///
    /// # Errors
    /// A table or a data set that cannot be read, no measurement of the device.
    pub fn read(data: &Path, root: Option<&Path>, device: &str, featurizer: &Featurizer) -> Result<Self> {
        let corpus = Corpus::open(data, root, &Query::latency([device]))?;
        corpus.left_out.iter().for_each(|(network, why)| eprintln!("left out: {network}: {why}"));
        let samples = corpus.featurize(featurizer)?;
        Ok(Self {
            names: samples.iter().map(|s| s.name.clone()).collect(),
            latencies: samples.iter().filter_map(|s| s.target(0)).collect(),
            graphs: samples.into_iter().map(|s| s.features).collect(),
            costs: corpus.entries.iter().map(|entry| rates::costs(&entry.bound)).collect::<Result<_, _>>()?,
            device: corpus.outputs.into_iter().next().context("no output")?,
        })
    }
}

/// A [`Selection`] by name.
///
/// # Errors
/// Another name.
pub fn selection(name: &str) -> Result<Selection, String> {
    match name {
        "random" => Ok(Selection::Random),
        "diverse" => Ok(Selection::Diverse),
        "stratified" => Ok(Selection::Stratified),
        _ => Err("use random, diverse or stratified".into()),
    }
}

/// A [`RatePrior`] by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Start {
    /// Of CPUs.
    Cpu,
    /// Of GPUs.
    Gpu,
    /// None: all rates alike.
    Equal,
}

impl Start {
    /// The prior of this name.
    pub fn prior(self) -> RatePrior {
        match self {
            Self::Cpu => RatePrior::cpu(),
            Self::Gpu => RatePrior::gpu(),
            Self::Equal => RatePrior::equal(),
        }
    }
}
