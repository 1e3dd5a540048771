//! A checkpoint ready to predict.

use std::{collections::BTreeMap, path::Path};

use rayon::prelude::*;
use tachograph_features::FeatureGraph;
use tachograph_ir::{Assignment, BoundGraph, NodeId, Quantity};

use crate::{
    Checkpoint, Error, Manifest, Near, OutputId, Prediction, Result, estimate::Estimate, ladder, plain::Plain,
};

/// A checkpoint ready to predict: in plain Rust where its kind of network is among those that are bundled
/// (`operator-sum`, `learned-roofline`, `nnlp`), else, with the feature `torch`, on libtorch.
#[derive(Debug)]
pub struct Predictor {
    manifest: Manifest,
    networks: Networks,
}

#[derive(Debug)]
enum Networks {
    Plain(Plain),
    /// Tensors of libtorch may move between threads, but not be shared.
    #[cfg(feature = "torch")]
    Torch(Box<std::sync::Mutex<crate::torch::TorchPredictor>>),
}

impl Predictor {
    /// Reads a checkpoint.
    ///
    /// # Errors
    /// The file is missing, damaged, of another kind, of a newer format, or of a network that this build cannot run.
    pub fn load(path: &Path) -> Result<Self> {
        Self::new(Checkpoint::load(path)?).map_err(|e| in_file(path, e))
    }

    /// Of a checkpoint in memory.
    ///
    /// # Errors
    /// A weight that is missing or of another shape; a network that this build cannot run.
    pub fn new(checkpoint: Checkpoint) -> Result<Self> {
        if let Some(plain) = Plain::new(&checkpoint) {
            return Ok(Self { networks: Networks::Plain(plain?), manifest: checkpoint.manifest });
        }
        #[cfg(feature = "torch")]
        return Ok(crate::torch::TorchPredictor::new(checkpoint, tch::Device::Cpu)?.into());
        #[cfg(not(feature = "torch"))]
        Err(Error::Kind { kind: checkpoint.manifest.model.kind })
    }

    /// What the checkpoint says about itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// An output by device and quantity; without a device, the first of the quantity.
    ///
    /// # Errors
    /// The checkpoint has no such output.
    pub fn output(&self, device: Option<&str>, quantity: Quantity) -> Result<OutputId> {
        self.manifest.output(device, quantity)
    }

    /// The latency of the device that `name` means; see [`Manifest::find`].
    ///
    /// # Errors
    /// The checkpoint does not know the device.
    pub fn find(&self, name: &str) -> Result<OutputId> {
        self.manifest.find(name)
    }

    /// The devices that it knows, the nearest to `name` first; see [`Manifest::nearest`].
    pub fn nearest(&self, name: &str) -> Vec<Near> {
        self.manifest.nearest(name)
    }

    /// Predicts a quantity of a bound graph on a device.
    ///
    /// # Errors
    /// A graph that cannot be featurised; an output of another checkpoint.
    pub fn predict(&self, bound: &BoundGraph, output: OutputId) -> Result<Prediction> {
        let mut predictions = self.predict_outputs(bound, &[output])?;
        predictions.pop().ok_or(Error::Output { index: output.0, outputs: self.manifest.outputs.len() })
    }

    /// Predicts several outputs of a bound graph, in their order. What they share is computed once.
    ///
    /// What the networks say is a factor of a physical term: of the roofline of the device, or of what is resident. It
    /// ends at the factors that were seen in training ([`Seen`](crate::Seen)), and so no prediction is less than the device
    /// allows, or grows faster than the work does. Operators that were never seen have their own roofline, times the
    /// factor that is usual, and change nothing else.
    ///
    /// # Errors
    /// A graph that cannot be featurised; an output of another checkpoint.
    pub fn predict_outputs(&self, bound: &BoundGraph, outputs: &[OutputId]) -> Result<Vec<Prediction>> {
        Ok(self.predict_batches(&[bound], outputs)?.pop().unwrap_or_default())
    }

    /// The same of one network at several batches: the predictions of each. What they share is computed once.
    ///
    /// # Errors
    /// As [`Predictor::predict_outputs`].
    pub fn predict_batches(&self, network: &[&BoundGraph], outputs: &[OutputId]) -> Result<Vec<Vec<Prediction>>> {
        let mut there: BTreeMap<u64, Vec<Estimate>> = BTreeMap::new();
        for bound in network {
            there.insert(bound.batch(), self.estimates(bound, outputs)?);
        }
        network.iter().map(|bound| self.among(bound, outputs, &mut there)).collect()
    }

    /// Predictions at one of the batches `there`, to which others are added as they are needed.
    fn among(
        &self,
        bound: &BoundGraph,
        outputs: &[OutputId],
        there: &mut BTreeMap<u64, Vec<Estimate>>,
    ) -> Result<Vec<Prediction>> {
        let mut predictions = Vec::new();
        for (i, &id) in outputs.iter().enumerate() {
            let output = self.manifest.get(id)?;
            let measured = output.seen.as_ref().map_or((bound.batch(), bound.batch()), |seen| seen.batches);
            let mut missing = ladder::rungs(measured, bound.batch());
            missing.retain(|rung| !there.contains_key(rung));
            let estimate = |rung: u64| Some(self.estimates(&rebatched(bound, rung)?, outputs).map(|of| (rung, of)));
            let estimated: Vec<_> = missing.into_par_iter().filter_map(estimate).collect::<Result<_>>()?;
            there.extend(estimated);
            let values = there.iter().map(|(&batch, estimates)| (batch, estimates[i].rung())).collect();
            let here = &there[&bound.batch()][i];
            // A graph whose batch is fixed is what it is.
            let value = ladder::climb(measured, &values, bound.batch()).unwrap_or(here.value);
            predictions.push(here.prediction(&self.manifest, output, value));
        }
        Ok(predictions)
    }

    /// What is predicted of outputs at one batch, by itself.
    fn estimates(&self, bound: &BoundGraph, outputs: &[OutputId]) -> Result<Vec<Estimate>> {
        Estimate::all(&self.manifest, bound, outputs, |familiar| {
            let features = self.manifest.featurizer.featurize(familiar)?;
            let values = self.predict_features(&[&features], outputs)?.into_iter().flatten().collect();
            Ok((values, features.unknown))
        })
    }

    /// Predicts many featurised graphs at once for several outputs: the graphs of each output, in the
    /// [unit](Quantity::unit) of its quantity. Batches are spread over the threads of rayon's pool.
    ///
    /// # Errors
    /// Features of another schema; an output of another checkpoint.
    pub fn predict_features(&self, graphs: &[&FeatureGraph], outputs: &[OutputId]) -> Result<Vec<Vec<f64>>> {
        let known = outputs.iter().map(|&id| self.manifest.get(id)).collect::<Result<Vec<_>>>()?;
        let width = self.manifest.featurizer.schema().node_columns.len();
        if let Some(graph) = graphs.iter().find(|graph| graph.nodes.ncols() != width) {
            return Err(tachograph_features::Error::Mismatch {
                what: "columns",
                found: graph.nodes.ncols(),
                expected: width,
            }
            .into());
        }
        let indices: Vec<usize> = outputs.iter().map(|id| id.0).collect();
        let mut values = match &self.networks {
            Networks::Plain(plain) => plain.outputs(graphs, &indices)?,
            #[cfg(feature = "torch")]
            Networks::Torch(torch) => lock(torch).raw_outputs(graphs, &indices)?,
        };
        for (column, output) in values.iter_mut().zip(known) {
            column.iter_mut().for_each(|y| *y = output.decode(*y));
        }
        Ok(values)
    }

    /// Predicted value of each operator that runs, in the unit of the output, for networks that are sums over operators
    /// and outputs that are no memory; else `None`. Their sum is `total`, what was predicted of the whole.
    ///
    /// # Errors
    /// As [`Predictor::predict`].
    pub fn operators(&self, bound: &BoundGraph, output: OutputId, total: f64) -> Result<Option<Vec<(NodeId, f64)>>> {
        Estimate::operators(&self.manifest, bound, output, total, |familiar| {
            let features = self.manifest.featurizer.featurize(familiar)?;
            let times = match &self.networks {
                Networks::Plain(plain) => plain.operators(&features, output.0)?,
                #[cfg(feature = "torch")]
                Networks::Torch(torch) => lock(torch).raw_operators(&features, output.0)?,
            };
            Ok(times.map(|times| features.node_ids.into_iter().zip(times).collect()))
        })
    }

    /// What the heads read of featurised graphs: (graphs, width of the model). Those of an ensemble's members stand side by
    /// side.
    ///
    /// # Errors
    /// Features of another schema; no graphs.
    pub fn embed(&self, graphs: &[&FeatureGraph]) -> Result<ndarray::Array2<f64>> {
        match &self.networks {
            Networks::Plain(plain) => plain.embed(graphs),
            #[cfg(feature = "torch")]
            Networks::Torch(torch) => lock(torch).embed(graphs),
        }
    }
}

/// The same network at another batch, if its batch is open and it can be.
fn rebatched(bound: &BoundGraph, batch: u64) -> Option<BoundGraph> {
    bound.rebind(&Assignment::from([(bound.batch_name()?.to_owned(), batch)])).ok()
}

#[cfg(feature = "torch")]
impl From<crate::torch::TorchPredictor> for Predictor {
    fn from(torch: crate::torch::TorchPredictor) -> Self {
        Self { manifest: torch.manifest().clone(), networks: Networks::Torch(Box::new(std::sync::Mutex::new(torch))) }
    }
}

/// A thread that panicked in the middle of a prediction left the networks as they were.
#[cfg(feature = "torch")]
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// An error of what a file holds, with the name of the file.
fn in_file(path: &Path, error: Error) -> Error {
    match error {
        Error::Weight { .. } | Error::Kind { .. } => crate::error::checkpoint(path, error),
        other => other,
    }
}
