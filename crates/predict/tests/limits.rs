//! No prediction is absurd: two thousand networks, at two batches each, in one of seven types, on every output of the
//! checkpoint for many devices, and one in four on those of the others.

mod common;

use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use tachograph_ir::{
    Assignment, BoundGraph, Builder, DType, DeviceKind, Domain, Graph, OpType, Parts, Quantity, attrs,
};
use tachograph_networks::{Family, sample};
use tachograph_predict::{Bundled, Output, OutputId, Outside, Prediction, Predictor};

const NETWORKS: u64 = 2000;

/// Types of which f32 alone was learned from, as often as the others together.
const TYPES: [DType; 12] = {
    use DType::{BF16, F8, F16, F32, F64, I8, U8};
    [F32, F32, F32, F32, F32, F32, F16, BF16, F64, F8, I8, U8]
};

#[test]
fn no_prediction_is_absurd() {
    let predictors: Vec<Predictor> = Bundled::ALL.iter().map(|bundled| bundled.load().unwrap()).collect();
    let real: Vec<Graph> = common::graphs();
    let failures: Vec<String> = (0..NETWORKS)
        .into_par_iter()
        .flat_map_iter(|seed| {
            let case = Case::new(seed, &real);
            let asked = predictors.iter().filter(|p| p.manifest().outputs.len() > 1 || seed % 4 == 0);
            asked.flat_map(|predictor| case.failures(predictor)).collect::<Vec<_>>()
        })
        .collect();
    assert!(
        failures.is_empty(),
        "{} failures, such as\n{}",
        failures.len(),
        failures[..20.min(failures.len())].join("\n")
    );
}

/// A network at two batches.
struct Case {
    name: String,
    dtype: DType,
    few: BoundGraph,
    many: BoundGraph,
}

impl Case {
    fn new(seed: u64, real: &[Graph]) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let graph = match seed % 8 {
            0 => real.choose(&mut rng).unwrap().clone(),
            1..=4 => sample(*Family::ALL.choose(&mut rng).unwrap(), 16, seed).unwrap().graph,
            _ => chain(&mut rng),
        };
        let dtype = *TYPES.choose(&mut rng).unwrap();
        let batch = |rng: &mut ChaCha8Rng| 2f64.powf(rng.random_range(0.0..12.0)).floor() as u64;
        let (a, b) = (batch(&mut rng), batch(&mut rng));
        let graph = in_type(graph, dtype);
        let bind = |batch| graph.bind(&Assignment::from([("batch".into(), batch)])).unwrap();
        let name = format!("seed {seed}: {} in {dtype} at {} and {}", graph.name(), a.min(b), a.max(b));
        Self { name, dtype, few: bind(a.min(b)), many: bind(a.max(b)) }
    }

    fn failures(&self, predictor: &Predictor) -> Vec<String> {
        let outputs: Vec<OutputId> = predictor.manifest().ids().map(|(id, _)| id).collect();
        let mut predictions = predictor.predict_batches(&[&self.few, &self.many], &outputs).unwrap();
        let (many, few) = (predictions.pop().unwrap(), predictions.pop().unwrap());
        let mut failures = Vec::new();
        for ((few, many), (_, output)) in few.iter().zip(&many).zip(predictor.manifest().ids()) {
            let said = |what: &str| format!("{} on {}: {what}", self.name, output.title());
            let (low, high) = (few.value.value(), many.value.value());
            let times = self.many.batch() as f64 / self.few.batch() as f64;
            let seen = output.seen.as_ref().unwrap();
            let mut check = |holds: bool, what: &str| {
                if !holds {
                    failures.push(format!("{}: {low} and {high}", said(what)));
                }
            };
            check(low <= high * (1.0 + 1e-9), "more samples cost less");
            // A memory is of whole bytes.
            let bytes = if output.quantity == Quantity::Memory { 1e-6 * (1.0 + times) } else { 0.0 };
            check(high <= low * times * (1.0 + 1e-9) + bytes, "it grows faster than the work");
            for (bound, prediction) in [(&self.few, few), (&self.many, many)] {
                let value = prediction.value.value();
                check(value.is_finite() && value > 0.0, "no positive number");
                check(value >= floor(output, bound) * (1.0 - 1e-9), "below what the device allows");
                let most = seen.ratios.iter().map(|ratios| ratios.high).fold(0.0, f64::max);
                check(value <= 3.0 * most * output.physical(bound).unwrap(), "above all that was seen");
                check(self.is_warned(predictor, output, bound, prediction), "no warning");
                check(is_honest(prediction), "an interval that means nothing");
            }
        }
        failures
    }

    /// Whether what the training set had nothing alike of is said.
    fn is_warned(&self, predictor: &Predictor, output: &Output, bound: &BoundGraph, prediction: &Prediction) -> bool {
        let said = |of: fn(&Outside) -> bool| prediction.outside.iter().any(of);
        let (least, most) = output.seen.as_ref().unwrap().batches;
        let known = &predictor.manifest().featurizer.schema().operators;
        let runs = |name: &str| bound.live().iter().any(|&id| bound.graph().node(id).op.to_string() == name);
        let strange = ["QuantizeLinear", "DequantizeLinear", "Mystery"];
        let unknown = strange.iter().any(|name| runs(name) && !known.contains(&(*name).to_owned()));
        // Every network here has a product of matrices.
        let strange_type = !output.seen.as_ref().unwrap().types.contains(&self.dtype);
        let far = bound.batch() * 4 < least || bound.batch() > 4 * most;
        (!strange_type || said(|outside| matches!(outside, Outside::Types { .. })))
            && (!unknown || said(|outside| matches!(outside, Outside::Operators { .. })))
            && (!far || said(|outside| matches!(outside, Outside::Batch { .. })))
    }
}

/// Whether a share is promised only where nothing is strange, and the value lies within its own bounds.
fn is_honest(prediction: &Prediction) -> bool {
    let Some(bounds) = &prediction.bounds else { return true };
    let within = bounds.low.value() <= prediction.value.value() && prediction.value.value() <= bounds.high.value();
    // Intervals are those of ratios, whose middle need not be 1.
    let promised = bounds.nominal.is_some();
    if promised { prediction.outside.is_empty() } else { within }
}

/// What no run of an inference beats, told from the device file alone: its operations at the highest of its peaks (at least
/// as many of the narrowest type as fit into f32), or for a memory the weights, unless they are packed.
fn floor(output: &Output, bound: &BoundGraph) -> f64 {
    let weights: u64 = bound.weights().into_iter().filter_map(|t| bound.fact(t).bytes()).sum();
    let Some(device) = output.device_file().filter(|_| output.quantity == Quantity::Latency) else {
        let resident = output.quantity == Quantity::Memory && !output.library.contains("vela");
        return if resident { weights as f64 / 1e6 } else { 0.0 };
    };
    let share = match (device.kind, device.units) {
        (DeviceKind::Cpu, Some(units)) if output.threads > 0 => f64::from(output.threads) / f64::from(units),
        _ => 1.0,
    };
    let narrowest = bound.graph().tensors().iter().filter_map(|t| t.dtype).map(DType::bits).min().unwrap_or(32);
    let fitting = device.peak[&DType::F32] * 32.0 / narrowest.min(32) as f64;
    let peak = share * device.peak.values().copied().fold(fitting, f64::max);
    let start = if device.kind == DeviceKind::Gpu { 1e-3 } else { 5e-4 };
    (1e3 * bound.cost().unwrap().flops as f64 / peak).max(start)
}

/// Every tensor of f32 in another type, any batch allowed, and an operator that nobody knows in the place of Softsign.
fn in_type(graph: Graph, dtype: DType) -> Graph {
    let mut parts: Parts = graph.into_parts();
    parts.hyperparameters.values_mut().for_each(|open| open.domain = Domain::POSITIVE);
    for node in parts.nodes.iter_mut().filter(|node| node.op.name() == "Softsign") {
        node.op = OpType::new("Mystery");
    }
    for tensor in parts.tensors.iter_mut().filter(|tensor| tensor.dtype == Some(DType::F32)) {
        tensor.dtype = Some(dtype);
    }
    Graph::new(parts).unwrap()
}

/// A few operators one after the other, among them such as no checkpoint has seen.
fn chain(rng: &mut ChaCha8Rng) -> Graph {
    let mut b = Builder::new("chain");
    b.hyperparameter("batch", Domain::POSITIVE, 1);
    let channels = 1 << rng.random_range(0..10);
    let extent = rng.random_range(1..80);
    let mut x = b.input("x", DType::F32, vec!["batch".into(), channels.into(), extent.into(), extent.into()]);
    let (mut width, mut ends) = (channels, Vec::new());
    for _ in 0..rng.random_range(1..12) {
        x = match rng.random_range(0..9) {
            0..3 => {
                width = 1 << rng.random_range(0..10);
                b.conv(x, width, [3, 3], 1, 1, 1, true).unwrap()
            }
            3 => b.op("Relu", &[x]).unwrap(),
            4 => b.op("Sigmoid", &[x]).unwrap(),
            5 => b.op_with("Softmax", &[x], attrs([("axis", 1.into())])).unwrap(),
            6 => {
                let (scale, zero) = (b.parameter(&[]), b.parameter(&[]));
                let q = b.op("QuantizeLinear", &[x, scale, zero]).unwrap();
                b.op("DequantizeLinear", &[q, scale, zero]).unwrap()
            }
            7 => {
                ends.push(b.op("Softsign", &[x]).unwrap());
                x
            }
            _ => b.op("HardSwish", &[x]).unwrap(),
        };
    }
    let y = b.op("GlobalAveragePool", &[x]).unwrap();
    let y = b.op_with("Flatten", &[y], attrs([("axis", 1.into())])).unwrap();
    ends.push(b.gemm(y, 1 + width).unwrap());
    b.finish(&ends).unwrap()
}
