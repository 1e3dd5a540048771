//! A trained model with everything that prediction needs, in one file.

use std::{collections::BTreeMap, path::Path};

use tachograph_features::FeatureGraph;
use tachograph_gnn::{BatchOptions, GraphBatch};
use tachograph_ir::{BoundGraph, NodeId};
use tachograph_models::Network;
use tch::{Device, Kind, Tensor, nn};

use tachograph_ir::Quantity;

use crate::{
    Error, FORMAT, Manifest, Output, Predicted, Result, ensemble,
    error::{file, torch},
    interval::calibrate,
    samples::collate,
    tensors,
};

/// A prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// Latency of one inference of the whole batch, milliseconds; of an output of another quantity, that quantity in
    /// its [unit](crate::Quantity::unit).
    pub latency_ms: f64,
    /// Ends of its interval, in the same unit, where the checkpoint has one for the output; what it promises stands in
    /// [`PredictionInterval::nominal`](crate::PredictionInterval::nominal).
    pub interval_ms: Option<(f64, f64)>,
    /// Operators that the training set did not have.
    pub unknown_operators: Vec<String>,
    /// True when the prediction lies outside the range trained on by more than a factor of 1.5.
    pub extrapolates: bool,
}

/// A model ready to predict.
#[derive(Debug)]
pub struct Predictor {
    manifest: Manifest,
    /// One, or those of an ensemble.
    models: Vec<Box<dyn Network>>,
    store: nn::VarStore,
}

impl Predictor {
    /// A model with fresh weights.
    ///
    /// # Errors
    /// libtorch cannot allocate it.
    pub fn new(manifest: Manifest, device: Device) -> Result<Self> {
        let store = nn::VarStore::new(device);
        let quantities: Vec<Quantity> = manifest.outputs.iter().map(|output| output.quantity).collect();
        let model = |member| {
            let vs = ensemble::place(&store.root(), member);
            Ok(manifest.model.build(&vs, manifest.featurizer.schema(), &quantities)?)
        };
        let models = (0..manifest.members.max(1)).map(model).collect::<Result<_>>()?;
        Ok(Self { manifest, models, store })
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// The file is missing, damaged, of another kind, or of a newer format; names the file.
    pub fn load(path: &Path, device: Device) -> Result<Self> {
        let (text, tensors) = tensors::load(path)?;
        let manifest = Manifest::parse(&text).map_err(|e| file(path, e))?;
        if manifest.format > FORMAT {
            let message = format!("format {}; this library reads up to {FORMAT}", manifest.format);
            return Err(file(path, message));
        }
        let mut predictor = Self::new(manifest, device)?;
        predictor.set_weights(&tensors).map_err(|e| file(path, e))?;
        predictor.freeze();
        Ok(predictor)
    }

    pub(crate) fn freeze(&mut self) {
        self.store.freeze();
    }

    /// Writes a checkpoint.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let manifest = serde_json::to_string(&self.manifest).map_err(|e| file(path, e))?;
        tensors::save(path, &manifest, &self.weights())
    }

    /// What the checkpoint says about itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub(crate) fn manifest_mut(&mut self) -> &mut Manifest {
        &mut self.manifest
    }

    pub(crate) fn store(&self) -> &nn::VarStore {
        &self.store
    }

    pub(crate) fn weights(&self) -> BTreeMap<String, Tensor> {
        self.store.variables().into_iter().collect()
    }

    pub(crate) fn set_weights(&mut self, weights: &BTreeMap<String, Tensor>) -> Result<()> {
        let _guard = tch::no_grad_guard();
        for (name, mut variable) in self.store.variables() {
            let saved = weights.get(&name).ok_or_else(|| Error::Config(format!("weight `{name}` is missing")))?;
            if saved.size() != variable.size() {
                let message = format!("weight `{name}` is {:?}, expected {:?}", saved.size(), variable.size());
                return Err(Error::Config(message));
            }
            variable.f_copy_(saved).map_err(torch("weights"))?;
        }
        Ok(())
    }

    /// Position of the latency of a device by name; without a name, of the first.
    ///
    /// # Errors
    /// The checkpoint does not know the device.
    pub fn device(&self, name: Option<&str>) -> Result<usize> {
        self.output(name, Quantity::Latency)
    }

    /// Position of an output by device and quantity; without a name, the first of the quantity.
    ///
    /// # Errors
    /// The checkpoint has no such output.
    pub fn output(&self, name: Option<&str>, quantity: Quantity) -> Result<usize> {
        let devices = &self.manifest.outputs;
        let wanted = |d: &Output| d.quantity == quantity && name.is_none_or(|name| d.name == name);
        devices.iter().position(wanted).ok_or_else(|| Error::Device {
            name: name.unwrap_or_default().into(),
            known: devices.iter().map(Output::title).collect::<Vec<_>>().join(", "),
        })
    }

    /// Predicts the latency of a bound graph on a device of the checkpoint.
    ///
    /// # Errors
    /// A graph that cannot be featurised.
    pub fn predict(&self, bound: &BoundGraph, device: usize) -> Result<Prediction> {
        let features = self.manifest.featurizer.featurize(bound)?;
        let latency_ms = self.predict_all(&[&features], device)?.first().copied().unwrap_or(f64::NAN);
        let (low, high) = self.head(device)?.range.unwrap_or(self.manifest.training.range_ms);
        Ok(Prediction {
            latency_ms,
            interval_ms: self.interval(device, latency_ms),
            unknown_operators: features.unknown,
            extrapolates: latency_ms < low / 1.5 || latency_ms > high * 1.5,
        })
    }

    /// Fits the interval of each output on `predictions` of networks that were not learned from, such as those of
    /// cross-validation, which `source` describes. An output with too few loses its interval.
    pub fn calibrate(&mut self, predictions: &[Predicted], source: &str) {
        calibrate(&mut self.manifest.outputs, predictions, source);
    }

    /// The interval of a prediction for an output, in its unit, where the checkpoint has one for it.
    pub fn interval(&self, output: usize, prediction: f64) -> Option<(f64, f64)> {
        let interval = self.manifest.outputs.get(output)?.interval.as_ref()?;
        Some(interval.around(prediction))
    }

    /// Predicted time of each operator that runs, milliseconds; `None` for models that predict whole networks only.
    ///
    /// # Errors
    /// As [`Predictor::predict`].
    pub fn operators(&self, bound: &BoundGraph, device: usize) -> Result<Option<Vec<(NodeId, f64)>>> {
        let features = self.manifest.featurizer.featurize(bound)?;
        let _guard = tch::no_grad_guard();
        let options = BatchOptions { compressed: false, ..self.manifest.model.batch_options(false) };
        let batch = collate(&[&features], &options, self.store.device())?;
        let times: Option<Vec<Tensor>> =
            self.models.iter().map(|model| model.operators(&batch, device)).collect::<Result<_, _>>()?;
        let Some(times) = times else { return Ok(None) };
        let times = to_numbers(&mean(times)?)?;
        // Target and calibration are of the whole; each operator keeps its share.
        let total: f64 = times.iter().sum();
        let factor = self.decode(total, device)? / total;
        let times = times.into_iter().map(|t| t * factor);
        Ok(Some(features.node_ids.into_iter().zip(times).collect()))
    }

    /// Predictions for one output in its unit, with a gradient: (graphs).
    pub(crate) fn forward(&self, batch: &GraphBatch, device: usize, train: bool) -> Result<Tensor> {
        let output = self.outputs(batch, &[device], train)?.f_squeeze_dim(1).map_err(torch("prediction"))?;
        let head = self.head(device)?;
        let decoded = output.f_mul_scalar(head.target.scale);
        decoded.and_then(|ms| head.calibration.forward(&ms)).map_err(torch("calibration"))
    }

    /// What the networks put out, in the unit of each target: (graphs, outputs).
    pub(crate) fn outputs(&self, batch: &GraphBatch, outputs: &[usize], train: bool) -> Result<Tensor> {
        let of_members = self.models.iter().map(|model| model.forward(batch, outputs, train));
        mean(of_members.collect::<Result<_, _>>()?)
    }

    /// The unit of an output, of what the network puts out.
    fn decode(&self, output: f64, device: usize) -> Result<f64> {
        let head = self.head(device)?;
        Ok(head.calibration.apply(head.target.decode(output)))
    }

    fn head(&self, device: usize) -> Result<&Output> {
        let devices = &self.manifest.outputs;
        let unknown = || tachograph_models::Error::Output { index: device, heads: devices.len() };
        Ok(devices.get(device).ok_or_else(unknown)?)
    }

    /// Graphs of a batch: what stays in the caches of a core, or fills a GPU.
    fn chunk(&self) -> usize {
        if self.store.device() == Device::Cpu { 16 } else { 64 }
    }

    /// Embeddings of featurised graphs, before any head: (graphs, width of the model), on the CPU in double
    /// precision. Those of an ensemble's members stand side by side.
    ///
    /// # Errors
    /// Features of another schema; no graphs.
    pub fn embed(&self, graphs: &[&FeatureGraph]) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        let mut rows = Vec::with_capacity(graphs.len().div_ceil(self.chunk()));
        for chunk in graphs.chunks(self.chunk()) {
            let batch = collate(chunk, &self.manifest.model.batch_options(false), self.store.device())?;
            let embeddings = self.models.iter().map(|model| model.embed(&batch)).collect::<Result<Vec<_>, _>>()?;
            let embedding = Tensor::f_cat(&embeddings, 1).map_err(torch("embedding"))?;
            let host = embedding.f_to_device(Device::Cpu).and_then(|t| t.f_to_kind(Kind::Double));
            rows.push(host.map_err(torch("embedding"))?);
        }
        Tensor::f_cat(&rows, 0).map_err(torch("embedding"))
    }

    /// Predicts many featurised graphs at once for one output, in its unit.
    ///
    /// # Errors
    /// Features of another schema; an output that the checkpoint does not have.
    pub fn predict_all(&self, graphs: &[&FeatureGraph], device: usize) -> Result<Vec<f64>> {
        Ok(self.predict_outputs(graphs, &[device])?.into_iter().flatten().collect())
    }

    /// Predicts many featurised graphs at once for several outputs, each in its unit: the graphs of each output. What
    /// outputs share is computed once.
    ///
    /// # Errors
    /// Features of another schema; an output that the checkpoint does not have, or no output.
    pub fn predict_outputs(&self, graphs: &[&FeatureGraph], outputs: &[usize]) -> Result<Vec<Vec<f64>>> {
        let _guard = tch::no_grad_guard();
        let mut all = vec![Vec::with_capacity(graphs.len()); outputs.len()];
        for chunk in graphs.chunks(self.chunk()) {
            let batch = collate(chunk, &self.manifest.model.batch_options(false), self.store.device())?;
            let values = self.outputs(&batch, outputs, false)?;
            let columns = values.f_transpose(0, 1).and_then(|v| v.f_reshape([-1])).map_err(torch("prediction"))?;
            let values = to_numbers(&columns)?;
            for ((column, &output), of) in values.chunks(chunk.len()).zip(outputs).zip(&mut all) {
                for &y in column {
                    of.push(self.decode(y, output)?);
                }
            }
        }
        Ok(all)
    }
}

/// The mean over members.
fn mean(of_members: Vec<Tensor>) -> Result<Tensor> {
    match <[Tensor; 1]>::try_from(of_members) {
        Ok([one]) => Ok(one),
        Err(several) => Tensor::f_stack(&several, 0)
            .and_then(|members| members.f_mean_dim(0, false, Kind::Float))
            .map_err(torch("mean of the members")),
    }
}

fn to_numbers(y: &Tensor) -> Result<Vec<f64>> {
    let host = y.f_to_device(Device::Cpu).and_then(|y| y.f_to_kind(Kind::Double)).map_err(torch("prediction"))?;
    Vec::try_from(host).map_err(torch("prediction"))
}
