//! Checkpoints of every kind on libtorch: to predict, on a GPU too, and to train.

use std::{collections::BTreeMap, path::Path};

use ndarray::Array2;
use tachograph_features::FeatureGraph;
use tachograph_gnn::{BatchOptions, GraphBatch, GraphRef};
use tachograph_ir::Quantity;
use tachograph_models::{ModelConfig, Network};
use tch::{Device, Kind, Tensor, nn};

use crate::{
    Checkpoint, Error, Manifest, OutputId, Result,
    ensemble::prefix,
    error::{checkpoint, torch},
    tensors::{Array, Arrays},
};

/// The networks of a checkpoint on libtorch, with their gradients.
#[derive(Debug)]
pub struct TorchPredictor {
    manifest: Manifest,
    config: ModelConfig,
    /// One, or those of an ensemble.
    models: Vec<Box<dyn Network>>,
    store: nn::VarStore,
}

impl TorchPredictor {
    /// With fresh weights.
    ///
    /// # Errors
    /// A kind or a setting of the network that there is not; libtorch cannot allocate it.
    pub fn untrained(manifest: Manifest, device: Device) -> Result<Self> {
        let value = serde_json::to_value(&manifest.model);
        let config: ModelConfig =
            value.and_then(serde_json::from_value).map_err(|e| checkpoint(Path::new("model"), e))?;
        let store = nn::VarStore::new(device);
        let quantities: Vec<Quantity> = manifest.outputs.iter().map(|output| output.quantity).collect();
        let model = |member| {
            let vs = prefix(member).split_terminator('.').fold(store.root(), |vs, part| vs / part);
            config.build(&vs, manifest.featurizer.schema(), &quantities)
        };
        let models = (0..manifest.members.max(1)).map(model).collect::<Result<_, _>>()?;
        Ok(Self { manifest, config, models, store })
    }

    /// Of a checkpoint, its weights frozen.
    ///
    /// # Errors
    /// As [`TorchPredictor::untrained`]; a weight that is missing or of another shape.
    pub fn new(checkpoint: Checkpoint, device: Device) -> Result<Self> {
        let mut predictor = Self::untrained(checkpoint.manifest, device)?;
        predictor.set_weights(&to_tensors(&checkpoint.weights)?)?;
        predictor.freeze();
        Ok(predictor)
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// The file is missing, damaged, of another kind, or of a newer format; names the file.
    pub fn load(path: &Path, device: Device) -> Result<Self> {
        Self::new(Checkpoint::load(path)?, device).map_err(|e| checkpoint(path, e))
    }

    /// Writes a checkpoint.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        self.checkpoint()?.save(path)
    }

    /// Manifest and weights as they are now.
    ///
    /// # Errors
    /// libtorch cannot copy the weights.
    pub fn checkpoint(&self) -> Result<Checkpoint> {
        Ok(Checkpoint { manifest: self.manifest.clone(), weights: to_arrays(&self.weights())? })
    }

    /// Lets no gradient reach the weights.
    pub fn freeze(&mut self) {
        self.store.freeze();
    }

    /// What the checkpoint says about itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The same, to be changed; the outputs must stay as many.
    pub fn manifest_mut(&mut self) -> &mut Manifest {
        &mut self.manifest
    }

    /// Settings of the networks.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The weights as an optimiser takes them.
    pub fn store(&self) -> &nn::VarStore {
        &self.store
    }

    /// The weights by name.
    pub fn weights(&self) -> BTreeMap<String, Tensor> {
        self.store.variables().into_iter().collect()
    }

    /// Copies `weights` into the networks.
    ///
    /// # Errors
    /// One is missing or of another shape.
    pub fn set_weights(&mut self, weights: &BTreeMap<String, Tensor>) -> Result<()> {
        let _guard = tch::no_grad_guard();
        for (name, mut variable) in self.store.variables() {
            let refuse = |message| Error::Weight { name: name.clone(), message };
            let saved = weights.get(&name).ok_or_else(|| refuse("is missing".into()))?;
            if saved.size() != variable.size() {
                return Err(refuse(format!("is {:?}, expected {:?}", saved.size(), variable.size())));
            }
            variable.f_copy_(saved).map_err(torch("weights"))?;
        }
        Ok(())
    }

    /// Predictions for one output in its unit, with a gradient: (graphs).
    ///
    /// # Errors
    /// The batch does not fit the networks; an output of another checkpoint.
    pub fn forward(&self, batch: &GraphBatch, output: OutputId, train: bool) -> Result<Tensor> {
        let known = self.manifest.get(output)?;
        let raw = self.outputs(batch, &[output.index()], train)?;
        let scaled =
            raw.f_squeeze_dim(1).and_then(|y| y.f_mul_scalar(known.target.scale)).map_err(torch("prediction"))?;
        if known.calibration.is_identity() {
            return Ok(scaled);
        }
        let power = scaled.f_pow_tensor_scalar(known.calibration.exponent);
        power.and_then(|y| y.f_mul_scalar(known.calibration.scale)).map_err(torch("calibration"))
    }

    /// What the heads of outputs (by position) put out, in the unit of each target, with a gradient: (graphs, outputs).
    ///
    /// # Errors
    /// The batch does not fit the networks; an output of another checkpoint.
    pub fn outputs(&self, batch: &GraphBatch, outputs: &[usize], train: bool) -> Result<Tensor> {
        let of_members = self.models.iter().map(|model| model.forward(batch, outputs, train));
        mean(of_members.collect::<Result<_, _>>()?)
    }

    /// Predicts many featurised graphs at once for one output, in its unit.
    ///
    /// # Errors
    /// Features of another schema; an output of another checkpoint.
    pub fn predict_all(&self, graphs: &[&FeatureGraph], output: OutputId) -> Result<Vec<f64>> {
        let known = self.manifest.get(output)?;
        let raw = self.raw_outputs(graphs, &[output.index()])?;
        Ok(raw.into_iter().flatten().map(|y| known.decode(y)).collect())
    }

    /// Predicts many featurised graphs at once for several outputs, each in its unit: the graphs of each output. What outputs
    /// share is computed once.
    ///
    /// # Errors
    /// Features of another schema; an output of another checkpoint, or no output.
    pub fn predict_outputs(&self, graphs: &[&FeatureGraph], outputs: &[OutputId]) -> Result<Vec<Vec<f64>>> {
        let indices: Vec<usize> = outputs.iter().map(|id| id.index()).collect();
        let mut all = self.raw_outputs(graphs, &indices)?;
        for (column, &id) in all.iter_mut().zip(outputs) {
            let output = self.manifest.get(id)?;
            column.iter_mut().for_each(|y| *y = output.decode(*y));
        }
        Ok(all)
    }

    /// What the heads put out, before any scale: the graphs of each output.
    pub(crate) fn raw_outputs(&self, graphs: &[&FeatureGraph], outputs: &[usize]) -> Result<Vec<Vec<f64>>> {
        let _guard = tch::no_grad_guard();
        let mut all = vec![Vec::with_capacity(graphs.len()); outputs.len()];
        for chunk in graphs.chunks(self.chunk()) {
            let batch = collate(chunk, &self.config.batch_options(false), self.store.device())?;
            let values = self.outputs(&batch, outputs, false)?;
            let columns = values.f_transpose(0, 1).and_then(|v| v.f_reshape([-1])).map_err(torch("prediction"))?;
            let values = to_numbers(&columns)?;
            values.chunks(chunk.len()).zip(&mut all).for_each(|(column, of)| of.extend(column));
        }
        Ok(all)
    }

    /// What one head puts out for each operator; `None` for networks and outputs that are no sum over operators.
    pub(crate) fn raw_operators(&self, graph: &FeatureGraph, output: usize) -> Result<Option<Vec<f64>>> {
        let _guard = tch::no_grad_guard();
        let options = BatchOptions { compressed: false, ..self.config.batch_options(false) };
        let batch = collate(&[graph], &options, self.store.device())?;
        let times: Option<Vec<Tensor>> =
            self.models.iter().map(|model| model.operators(&batch, output)).collect::<Result<_, _>>()?;
        times.map(|times| to_numbers(&mean(times)?)).transpose()
    }

    /// Embeddings of featurised graphs, before any head: (graphs, width of the model). Those of an ensemble's members stand
    /// side by side.
    ///
    /// # Errors
    /// Features of another schema; no graphs.
    pub fn embed(&self, graphs: &[&FeatureGraph]) -> Result<Array2<f64>> {
        let _guard = tch::no_grad_guard();
        let mut rows: Vec<f64> = Vec::new();
        for chunk in graphs.chunks(self.chunk()) {
            let batch = collate(chunk, &self.config.batch_options(false), self.store.device())?;
            let embeddings = self.models.iter().map(|model| model.embed(&batch)).collect::<Result<Vec<_>, _>>()?;
            let embedding =
                Tensor::f_cat(&embeddings, 1).and_then(|t| t.f_reshape([-1])).map_err(torch("embedding"))?;
            rows.extend(to_numbers(&embedding)?);
        }
        let shape = (graphs.len(), rows.len() / graphs.len().max(1));
        let ragged = |e: ndarray::ShapeError| Error::Weight { name: "embedding".into(), message: e.to_string() };
        Array2::from_shape_vec(shape, rows).map_err(ragged)
    }

    /// Graphs of a batch: what stays in the caches of a core, or fills a GPU.
    fn chunk(&self) -> usize {
        if self.store.device() == Device::Cpu { 16 } else { 64 }
    }
}

/// The batch of featurised graphs for a network that needs `options`.
///
/// # Errors
/// Features of different widths.
pub fn collate(graphs: &[&FeatureGraph], options: &BatchOptions, device: Device) -> Result<GraphBatch> {
    let standard: Vec<_> =
        graphs.iter().map(|f| (f.nodes.as_standard_layout(), f.edge_features.as_standard_layout())).collect();
    let refs = graphs.iter().zip(&standard).map(|(f, (nodes, edge_features))| GraphRef {
        // In the standard layout there is a slice.
        nodes: nodes.as_slice().unwrap_or_default(),
        width: f.nodes.ncols(),
        edges: &f.edges,
        edge_features: edge_features.as_slice().unwrap_or_default(),
        globals: &f.globals,
        groups: &f.groups,
    });
    Ok(GraphBatch::build(&refs.collect::<Vec<_>>(), options, device)?)
}

/// Arrays as tensors on the CPU.
///
/// # Errors
/// libtorch cannot allocate one, or a shape does not fit its values.
pub fn to_tensors(arrays: &Arrays) -> Result<BTreeMap<String, Tensor>> {
    let tensor = |array: &Array| {
        let shape: Vec<i64> = array.shape.iter().map(|&n| n as i64).collect();
        Tensor::f_from_slice(&array.values)?.f_reshape(shape)
    };
    let named = |(name, array): (&String, &Array)| Ok((name.clone(), tensor(array).map_err(torch("weights"))?));
    arrays.iter().map(named).collect()
}

/// Tensors as arrays of f32.
///
/// # Errors
/// libtorch cannot copy one.
pub fn to_arrays(tensors: &BTreeMap<String, Tensor>) -> Result<Arrays> {
    let array = |tensor: &Tensor| {
        let flat = tensor.f_detach()?.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_reshape([-1])?;
        let shape = tensor.size().iter().map(|&n| n as usize).collect();
        Ok(Array { shape, values: Vec::<f32>::try_from(flat)? })
    };
    let named = |(name, tensor): (&String, &Tensor)| Ok((name.clone(), array(tensor).map_err(torch("weights"))?));
    tensors.iter().map(named).collect()
}

/// The mean of what members put out.
fn mean(mut outputs: Vec<Tensor>) -> Result<Tensor> {
    match (outputs.pop(), outputs.is_empty()) {
        (Some(only), true) => Ok(only),
        (last, _) => {
            outputs.extend(last);
            let stacked = Tensor::f_stack(&outputs, 0);
            stacked.and_then(|members| members.f_mean_dim(0, false, Kind::Float)).map_err(torch("ensemble"))
        }
    }
}

fn to_numbers(y: &Tensor) -> Result<Vec<f64>> {
    let host = y.f_to_device(Device::Cpu).and_then(|y| y.f_to_kind(Kind::Double)).map_err(torch("prediction"))?;
    Vec::<f64>::try_from(host).map_err(torch("prediction"))
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, s};

    use super::*;

    #[test]
    fn features_that_do_not_lie_row_by_row_are_not_lost() {
        let straight = Array2::from_shape_fn((3, 2), |(row, column)| (10 * row + column) as f32);
        let transposed = straight.t().as_standard_layout().into_owned().reversed_axes();
        let wide = Array2::from_shape_fn((3, 4), |(row, column)| (10 * row + column) as f32);
        let cut = wide.slice_move(s![.., ..2]);
        assert!(transposed.as_slice().is_none() && cut.as_slice().is_none());
        let numbers = |nodes: Array2<f32>| {
            let graph = FeatureGraph { nodes, edges: vec![(0, 1), (1, 2)], ..FeatureGraph::default() };
            let batch = collate(&[&graph], &BatchOptions::default(), Device::Cpu).unwrap();
            Vec::<f32>::try_from(batch.nodes.flatten(0, -1)).unwrap()
        };
        assert_eq!(numbers(straight), [0.0, 1.0, 10.0, 11.0, 20.0, 21.0]);
        assert_eq!(numbers(transposed), [0.0, 1.0, 10.0, 11.0, 20.0, 21.0]);
        assert_eq!(numbers(cut), [0.0, 1.0, 10.0, 11.0, 20.0, 21.0]);
    }
}
