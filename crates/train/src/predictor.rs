//! A trained model with everything that prediction needs, in one file.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};
use tachograph_features::{FeatureGraph, Featurizer};
use tachograph_gnn::GraphBatch;
use tachograph_ir::{Concrete, NodeId};
use tachograph_models::{Model, ModelConfig};
use tch::{Device, Kind, Tensor, nn};

use crate::{
    Calibration, Error, Result, Target,
    error::{file, torch},
    samples::collate,
    tensors,
};

/// Version of the checkpoint format that this library writes.
///
/// 1: weights in milliseconds. 2: adds the target's scale, the fingerprint of the training data and the calibration of
/// devices.
pub const FORMAT: u32 = 2;

/// What a checkpoint says about itself. Stored as JSON in the metadata of the safetensors file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Version of the checkpoint format.
    pub format: u32,
    /// Version of the library that wrote it.
    pub library: String,
    /// Settings of the network.
    pub model: ModelConfig,
    /// Featuriser with schema and normaliser.
    pub featurizer: Featurizer,
    /// From latencies to what the network puts out.
    #[serde(default)]
    pub target: Target,
    /// Devices in the order of the heads.
    pub devices: Vec<DeviceDocument>,
    /// What it was trained on.
    pub training: Training,
}

/// A device that a checkpoint predicts for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceDocument {
    /// Name in the data set.
    pub name: String,
    /// Model of the CPU or GPU.
    pub hardware: String,
    /// Threads of the measured computation.
    pub threads: u32,
    /// Library that ran the networks.
    pub library: String,
    /// From what its head puts out to milliseconds; [`adapt`](crate::adapt()) fits it. Since format 2.
    #[serde(default, skip_serializing_if = "Calibration::is_identity")]
    pub calibration: Calibration,
}

/// The data and the split behind a checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Folder of the data set.
    pub data: String,
    /// Hash of the samples trained on, with their features; empty in format 1.
    #[serde(default)]
    pub fingerprint: String,
    /// Measurements trained on.
    pub networks: usize,
    /// Hash of the split.
    pub split: String,
    /// Seed of the run.
    pub seed: u64,
    /// Epoch of the weights, chosen on the validation set; 0 before the first.
    pub epoch: u32,
    /// Validation error at that epoch, MAPE in percent.
    pub validation_mape: f64,
    /// Largest and smallest latency trained on, milliseconds.
    pub range_ms: (f64, f64),
}

/// A prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// Latency of one inference of the whole batch, milliseconds.
    pub latency_ms: f64,
    /// Operators that the training set did not have.
    pub unknown_operators: Vec<String>,
    /// True when the latency lies outside the range trained on by more than a factor of 1.5.
    pub extrapolates: bool,
}

/// A model ready to predict.
#[derive(Debug)]
pub struct Predictor {
    document: Document,
    model: Model,
    store: nn::VarStore,
}

impl Predictor {
    /// A model with fresh weights.
    ///
    /// # Errors
    /// libtorch cannot allocate it.
    pub fn new(document: Document, device: Device) -> Result<Self> {
        let store = nn::VarStore::new(device);
        let schema = document.featurizer.schema();
        let (inputs, globals) = (schema.node_columns.len() as i64, schema.global_columns.len() as i64);
        let model = Model::new(&store.root(), inputs, globals, document.devices.len(), &document.model)?;
        Ok(Self { document, model, store })
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// The file is missing, damaged, of another kind, or of a newer format; names the file.
    pub fn load(path: &Path, device: Device) -> Result<Self> {
        let (text, tensors) = tensors::load(path)?;
        let document: Document = serde_json::from_str(&text).map_err(|e| file(path, e))?;
        if document.format > FORMAT {
            let message = format!("format {}; this library reads up to {FORMAT}", document.format);
            return Err(file(path, message));
        }
        let mut predictor = Self::new(document, device)?;
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
        let document = serde_json::to_string(&self.document).map_err(|e| file(path, e))?;
        tensors::save(path, &document, &self.weights())
    }

    /// What the checkpoint says about itself.
    pub fn document(&self) -> &Document {
        &self.document
    }

    pub(crate) fn document_mut(&mut self) -> &mut Document {
        &mut self.document
    }

    pub(crate) fn model(&self) -> &Model {
        &self.model
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

    /// Position of a device by name; without a name, the first.
    ///
    /// # Errors
    /// The checkpoint does not know the device.
    pub fn device(&self, name: Option<&str>) -> Result<usize> {
        let devices = &self.document.devices;
        let position = name.map_or(Some(0), |name| devices.iter().position(|d| d.name == name));
        position.ok_or_else(|| Error::Device {
            name: name.unwrap_or_default().into(),
            known: devices.iter().map(|d| d.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    /// Predicts the latency of a bound graph on a device of the checkpoint.
    ///
    /// # Errors
    /// A graph that cannot be featurised.
    pub fn predict(&self, bound: &Concrete, device: usize) -> Result<Prediction> {
        let features = self.document.featurizer.featurize(bound)?;
        let latency_ms = self.predict_all(&[&features], device)?.first().copied().unwrap_or(f64::NAN);
        let (low, high) = self.document.training.range_ms;
        Ok(Prediction {
            latency_ms,
            unknown_operators: features.unknown,
            extrapolates: latency_ms < low / 1.5 || latency_ms > high * 1.5,
        })
    }

    /// Predicted time of each operator that runs, milliseconds; `None` for models that predict whole networks only.
    ///
    /// # Errors
    /// As [`Predictor::predict`].
    pub fn operators(&self, bound: &Concrete, device: usize) -> Result<Option<Vec<(NodeId, f64)>>> {
        let features = self.document.featurizer.featurize(bound)?;
        let _guard = tch::no_grad_guard();
        let batch = collate(&[&features], self.document.model.layers(), false, self.store.device())?;
        let Some(times) = self.model.operators(&batch, device)? else { return Ok(None) };
        let times = to_numbers(&times)?;
        // Target and calibration are of the whole; each operator keeps its share.
        let total: f64 = times.iter().sum();
        let factor = self.decode(total, device)? / total;
        let times = times.into_iter().map(|t| t * factor);
        Ok(Some(features.node_ids.into_iter().zip(times).collect()))
    }

    /// Predictions in milliseconds, with a gradient: (graphs).
    pub(crate) fn forward(&self, batch: &GraphBatch, device: usize, train: bool) -> Result<Tensor> {
        let output = self.model.forward(batch, device, train)?;
        let decoded = output.f_mul_scalar(self.document.target.scale);
        let calibration = self.calibration(device)?;
        decoded.and_then(|ms| calibration.forward(&ms)).map_err(torch("calibration"))
    }

    /// Milliseconds of an output of the network.
    fn decode(&self, output: f64, device: usize) -> Result<f64> {
        Ok(self.calibration(device)?.apply(self.document.target.decode(output)))
    }

    fn calibration(&self, device: usize) -> Result<Calibration> {
        let devices = &self.document.devices;
        let unknown = tachograph_models::Error::Device { index: device, heads: devices.len() };
        Ok(devices.get(device).ok_or(unknown)?.calibration)
    }

    /// Embeddings of featurised graphs, before any head: (graphs, width of the model), on the CPU in double
    /// precision.
    ///
    /// # Errors
    /// Features of another schema; no graphs.
    pub fn embed(&self, graphs: &[&FeatureGraph]) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        let mut rows = Vec::with_capacity(graphs.len().div_ceil(64));
        for chunk in graphs.chunks(64) {
            let batch = collate(chunk, self.document.model.layers(), true, self.store.device())?;
            let embedding = self.model.embed(&batch)?;
            let host = embedding.f_to_device(Device::Cpu).and_then(|t| t.f_to_kind(Kind::Double));
            rows.push(host.map_err(torch("embedding"))?);
        }
        Tensor::f_cat(&rows, 0).map_err(torch("embedding"))
    }

    /// Predicts many featurised graphs at once, milliseconds.
    ///
    /// # Errors
    /// Features of another schema.
    pub fn predict_all(&self, graphs: &[&FeatureGraph], device: usize) -> Result<Vec<f64>> {
        let _guard = tch::no_grad_guard();
        let mut all = Vec::with_capacity(graphs.len());
        for chunk in graphs.chunks(64) {
            let batch = collate(chunk, self.document.model.layers(), true, self.store.device())?;
            let output = self.model.forward(&batch, device, false)?;
            for y in to_numbers(&output)? {
                all.push(self.decode(y, device)?);
            }
        }
        Ok(all)
    }
}

fn to_numbers(y: &Tensor) -> Result<Vec<f64>> {
    let host = y.f_to_device(Device::Cpu).and_then(|y| y.f_to_kind(Kind::Double)).map_err(torch("prediction"))?;
    Vec::try_from(host).map_err(torch("prediction"))
}
