//! One method applied to some of the measurements.

use std::collections::BTreeMap;

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use tachograph_features::FeatureGraph;
use tachograph_gnn::GraphBatch;
use tachograph_ir::{Millis, Quantity};
use tachograph_predict::{OutputId, role};
use tch::Tensor;

use super::{AdaptConfig, Method, method::HEADS};
use crate::{
    DeviceScale, Error, FORMAT, Optimizer, OptimizerConfig, Output, PredictionInterval, Result, TorchPredictor,
    collate,
    error::{setting, torch},
    interval::NOMINAL,
};

/// Least prediction of which a logarithm is taken, milliseconds: a network untrained for such graphs may put out 0 or less.
const LEAST: f64 = 1e-6;
/// Longest gradient: with few measurements one far-off prediction would decide the first steps.
const CLIP: f64 = 1.0;

/// Where every fit begins.
pub(super) struct Start<'a> {
    source: &'a TorchPredictor,
    head: OutputId,
    device: Output,
    /// The source's predictions of the samples, milliseconds.
    predicted: Vec<f64>,
    pub samples: &'a [(&'a FeatureGraph, Millis)],
    pub config: &'a AdaptConfig,
}

impl<'a> Start<'a> {
    pub fn new(
        source: &'a TorchPredictor,
        device: Output,
        samples: &'a [(&'a FeatureGraph, Millis)],
        config: &'a AdaptConfig,
    ) -> Result<Self> {
        for method in &config.methods {
            known_prefixes(source, method)?;
        }
        let heads: Vec<OutputId> = match &config.source {
            Some(name) => vec![source.manifest().output(Some(name), Quantity::Latency)?],
            None => source.manifest().ids().filter(|(_, d)| d.quantity.is_latency()).map(|(id, _)| id).collect(),
        };
        let graphs: Vec<&FeatureGraph> = samples.iter().map(|s| s.0).collect();
        let mut best: Option<(f64, OutputId, Vec<f64>)> = None;
        for head in heads {
            let mut predicted = source.predict_all(&graphs, head)?;
            predicted.iter_mut().for_each(|p| *p = p.max(LEAST));
            let pairs: Vec<_> = predicted.iter().zip(samples).map(|(&p, s)| (p, s.1.0)).collect();
            let fit = DeviceScale::log_linear(&pairs);
            let error = pairs.iter().map(|(p, m)| (fit.apply(*p) / m).ln().abs()).sum();
            if best.as_ref().is_none_or(|(least, ..)| error < *least) {
                best = Some((error, head, predicted));
            }
        }
        let (_, head, predicted) = best.ok_or_else(|| {
            let known = source.manifest().outputs.iter().map(Output::title).collect::<Vec<_>>().join(", ");
            Error::Device { name: "any with latencies".into(), known }
        })?;
        Ok(Self { source, head, device, predicted, samples, config })
    }

    pub fn source_name(&self) -> &str {
        &self.source.manifest().outputs[self.head.index()].name
    }

    /// Applies `method` to the samples `members`; `watch` sees the predictor after every step, and once at step 0.
    pub fn fit(
        &self,
        method: &Method,
        members: &[usize],
        steps: u64,
        mut watch: impl FnMut(u64, &TorchPredictor) -> Result<()>,
    ) -> Result<TorchPredictor> {
        let mut predictor = self.copy(method)?;
        let pairs = |predicted: &[f64]| -> Vec<(f64, f64)> {
            members.iter().zip(predicted).map(|(&i, &p)| (p, self.samples[i].1.0)).collect()
        };
        let of_source: Vec<f64> = members.iter().map(|&i| self.predicted[i]).collect();
        let inner = self.source.manifest().outputs[self.head.index()].calibration;
        let calibration = match method {
            Method::Scale => DeviceScale::scale(&pairs(&of_source)).after(inner),
            Method::LogLinear | Method::FineTune { .. } => DeviceScale::log_linear(&pairs(&of_source)).after(inner),
            Method::FreshHead | Method::Transfer => {
                let graphs: Vec<&FeatureGraph> = members.iter().map(|&i| self.samples[i].0).collect();
                DeviceScale::scale(&pairs(&predictor.predict_all(&graphs, predictor.manifest().id(0)?)?))
            }
        };
        self.place(&mut predictor, calibration);
        watch(0, &predictor)?;
        if steps > 0 {
            self.learn(&predictor, method, members, steps, watch)?;
        }
        predictor.freeze();
        Ok(predictor)
    }

    /// The source's weights, with its chosen head as the only one, or a fresh one.
    fn copy(&self, method: &Method) -> Result<TorchPredictor> {
        tch::manual_seed(self.config.seed as i64);
        let mut manifest = self.source.manifest().clone();
        manifest.format = FORMAT;
        let Output { quantity, target, .. } = manifest.outputs[self.head.index()];
        let calibration = DeviceScale::default();
        manifest.outputs = vec![Output { quantity, target, calibration, ..self.device.clone() }];
        let mut predictor = TorchPredictor::untrained(manifest, self.source.store().device())?;
        // The adapted model has one head, number 0: it takes the weights of the source's head under that name, or keeps
        // those it was born with.
        let mut weights: BTreeMap<String, Tensor> = self.source.weights();
        let own = format!("{HEADS}{}.", self.head.index());
        let moved: Vec<_> = predictor.weights().into_keys().filter(|name| role(name).starts_with(HEADS)).collect();
        let fresh = predictor.weights();
        for name in moved {
            let weight = match method {
                Method::FreshHead | Method::Transfer => fresh.get(&name),
                _ => weights.get(&name.replacen(&format!("{HEADS}0."), &own, 1)),
            };
            if let Some(weight) = weight.map(Tensor::shallow_clone) {
                weights.insert(name, weight);
            }
        }
        predictor.set_weights(&weights)?;
        Ok(predictor)
    }

    fn learn(
        &self,
        predictor: &TorchPredictor,
        method: &Method,
        members: &[usize],
        steps: u64,
        mut watch: impl FnMut(u64, &TorchPredictor) -> Result<()>,
    ) -> Result<()> {
        for (name, weight) in predictor.weights() {
            let _ = weight.f_set_requires_grad(!method.freezes(role(&name))).map_err(torch("adaptation"))?;
        }
        let batches = self.batches(predictor, members)?;
        let mut adam = Optimizer::new(predictor.store(), OptimizerConfig::default())?;
        for ((batch, target), step) in batches.iter().cycle().zip(1..=steps) {
            let prediction = predictor.forward(batch, predictor.manifest().id(0)?, true)?;
            let loss = self.config.loss.value(&prediction, target, None)?;
            let value = f64::try_from(&loss).map_err(torch("loss"))?;
            adam.zero_grad();
            loss.f_backward().map_err(torch("backward"))?;
            let norm = adam.clip(CLIP, 0.0)?;
            if !(value.is_finite() && norm.is_finite()) {
                let what = format!("loss {value} or norm of the gradients {norm} of {method}");
                let members = format!("{} measurements on {}", members.len(), self.device.name);
                return Err(Error::NotFinite { step, what, members });
            }
            adam.step(self.config.rate)?;
            watch(step, predictor)?;
        }
        Ok(())
    }

    fn batches(&self, predictor: &TorchPredictor, members: &[usize]) -> Result<Vec<(GraphBatch, Tensor)>> {
        let mut order = members.to_vec();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(self.config.seed));
        let (model, device) = (predictor.config(), predictor.store().device());
        let batch = |chunk: &[usize]| {
            let graphs: Vec<&FeatureGraph> = chunk.iter().map(|&i| self.samples[i].0).collect();
            let targets: Vec<f32> = chunk.iter().map(|&i| self.samples[i].1.0 as f32).collect();
            let targets =
                Tensor::f_from_slice(&targets).and_then(|t| t.f_to_device(device)).map_err(torch("targets"))?;
            Ok((collate(&graphs, &model.batch_options(true), device)?, targets))
        };
        order.chunks(self.config.batch).map(batch).collect()
    }

    fn place(&self, predictor: &mut TorchPredictor, calibration: DeviceScale) {
        if let Some(device) = predictor.manifest_mut().outputs.first_mut() {
            device.calibration = calibration;
        }
    }

    /// Writes into the manifest what the weights are. Their range is the source's, carried over to the new device, and
    /// that of the measurements; the interval is that of the cross-validated errors of the samples.
    pub fn describe(&self, predictor: &mut TorchPredictor, method: &Method, mape: f64, errors: &[f64]) {
        let n = self.samples.len();
        let pairs: Vec<_> = self.predicted.iter().zip(self.samples).map(|(&p, s)| (p, s.1.0)).collect();
        let law = DeviceScale::log_linear(&pairs);
        let ratios: Vec<f64> = errors.iter().map(|e| 1.0 + e).collect();
        let source = format!("cross-validation of the adaptation, {n} measurements");
        let interval = PredictionInterval::fit(&ratios, &vec![1.0; ratios.len()], NOMINAL, source);
        if let Some(device) = predictor.manifest_mut().outputs.first_mut() {
            device.interval = interval;
            // That of the source is of another machine.
            device.seen = None;
        }
        let training = &mut predictor.manifest_mut().training;
        let (low, high) = self.source.manifest().outputs[self.head.index()].range.unwrap_or(training.range_ms);
        let all = pairs.iter().map(|p| p.1).chain([law.apply(low), law.apply(high)]);
        training.range_ms = all.fold((f64::MAX, 0f64), |(l, h), ms| (l.min(ms), h.max(ms)));
        training.data = format!("{}, then {n} measurements on {} ({method})", training.data, self.device.name);
        training.seed = self.config.seed;
        training.validation_mape = Some(100.0 * mape);
    }
}

fn known_prefixes(source: &TorchPredictor, method: &Method) -> Result<()> {
    let Method::FineTune { frozen } = method else { return Ok(()) };
    let names = source.weights();
    let unknown = frozen.iter().find(|prefix| !names.keys().any(|name| role(name).starts_with(*prefix)));
    let message = |prefix| format!("no parameter of the model begins with `{prefix}`");
    unknown.map_or(Ok(()), |prefix| Err(setting("methods.fine-tune.frozen", message(prefix))))
}
