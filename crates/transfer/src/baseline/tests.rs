//! Baselines on data whose law is known.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tachograph_ir::{Bytes, Cost, DType, Device};

use super::*;

/// Networks of random costs over four decades.
fn rows(n: usize) -> Vec<StaticRow> {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let mut draw = |low: f64, high: f64| 10f64.powf(rng.random_range(low..high));
    (0..n)
        .map(|_| {
            let node = |flops: f64, bytes: f64, parameters: f64| Cost {
                flops: flops as u64,
                read: bytes as u64,
                parameters: parameters as u64,
                ..Cost::default()
            };
            let count = draw(0.5, 2.0) as usize;
            let nodes: Vec<Cost> = (0..count).map(|_| node(draw(4.0, 8.0), draw(3.0, 7.0), draw(2.0, 6.0))).collect();
            let total: Cost = nodes.iter().copied().sum();
            let columns =
                [total.flops, total.bytes(), total.parameters, count as u64].map(|v| (v as f64 + 1.0).log10());
            let mut kernels = BTreeMap::new();
            for (i, cost) in nodes.iter().enumerate() {
                let sums: &mut [f64; 3] =
                    kernels.entry(["Conv+Relu", "Conv", "MaxPool"][i % 3].to_owned()).or_default();
                let values = [1.0, cost.flops as f64, cost.bytes() as f64];
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            }
            let peak = Bytes(draw(5.0, 8.0) as u64);
            StaticRow { total, peak, nodes, columns: columns.to_vec(), kernels }
        })
        .collect()
}

/// Largest relative error on rows that were not fitted on.
fn worst(baseline: &mut dyn Baseline, law: impl Fn(&StaticRow) -> f64) -> f64 {
    let rows = rows(400);
    let (train, test) = rows.split_at(300);
    baseline.fit(train, &train.iter().map(&law).collect::<Vec<_>>()).unwrap();
    let error = |row: &StaticRow| (baseline.predict(row).unwrap() / law(row) - 1.0).abs();
    test.iter().map(error).fold(0.0, f64::max)
}

#[test]
fn flops_line_finds_a_straight_line() {
    assert!(worst(&mut FlopsLine::default(), |r| 3e-9 * r.total.flops as f64 + 0.25) < 1e-5);
}

#[test]
fn resident_line_finds_peak_weights_and_workspace() {
    let largest = |r: &StaticRow| r.nodes.iter().map(Cost::bytes).max().unwrap_or(0) as f64;
    let law = |r: &StaticRow| 1e-6 * (r.peak.0 as f64 + 4.0 * r.total.parameters as f64 + 0.5 * largest(r)) + 3.0;
    assert!(worst(&mut Resident::default(), law) < 1e-3);
}

#[test]
fn flops_line_finds_a_power() {
    assert!(worst(&mut FlopsLine::default(), |r| 1e-5 * (1.0 + r.total.flops as f64).powf(0.7)) < 1e-5);
}

#[test]
fn flops_line_is_never_negative() {
    let rows = rows(50);
    let mut line = FlopsLine::default();
    // Latency falls with FLOPs: a straight line would cross zero.
    let latencies: Vec<f64> = rows.iter().map(|r| 1e9 / (1.0 + r.total.flops as f64)).collect();
    line.fit(&rows, &latencies).unwrap();
    assert!(rows.iter().all(|r| line.predict(r).unwrap() > 0.0));
}

#[test]
fn log_linear_finds_its_law() {
    let law = |r: &StaticRow| {
        let p = |v: u64| v as f64 + 1.0;
        1e-4 * p(r.total.flops).powf(0.4) * p(r.total.bytes()).powf(0.3) * p(r.nodes.len() as u64).powf(0.5)
    };
    assert!(worst(&mut LogLinear::default(), law) < 1e-5);
}

#[test]
fn kernels_find_a_law_of_each_kind() {
    let law = |r: &StaticRow| {
        let sum = |kind: &str, weights: [f64; 3]| -> f64 {
            r.kernels.get(kind).map_or(0.0, |sums| sums.iter().zip(weights).map(|(x, w)| x * w).sum())
        };
        0.1 + sum("Conv+Relu", [0.01, 1e-8, 1e-9]) + sum("Conv", [0.02, 3e-8, 0.0]) + sum("MaxPool", [0.0, 0.0, 5e-8])
    };
    assert!(worst(&mut Kernels::default(), law) < 0.01);
    assert!(worst(&mut FlopsLine::default(), law) > 0.1);
}

#[test]
fn roofline_finds_the_efficiency() {
    let device = Device::builtin("v100-sxm2").unwrap();
    let bound = Roofline::new(device, DType::F32).unwrap();
    let bare = bound.clone();
    let mut fitted = bound;
    assert!(worst(&mut fitted, |r| bare.predict(r).unwrap() / 0.37) < 1e-9);
    assert!((fitted.efficiency() - 0.37).abs() < 1e-9);
    assert!(Roofline::new(device, DType::I4).is_none());
}

#[cfg(feature = "gbdt")]
#[test]
fn boosted_trees_find_a_step_that_no_line_can() {
    let law = |r: &StaticRow| if r.nodes.len() > 20 { 8.0 } else { 1.0 };
    assert!(worst(&mut Gbdt::default(), law) < 0.01);
    assert!(worst(&mut LogLinear::default(), law) > 0.5);
}

#[cfg(feature = "gbdt")]
#[test]
fn boosted_trees_are_deterministic() {
    let rows = rows(200);
    let latencies: Vec<f64> = rows.iter().map(|r| (r.total.flops as f64).sqrt()).collect();
    let predict = || {
        let mut trees = Gbdt::default();
        trees.fit(&rows, &latencies).unwrap();
        trees.predict(&rows[7]).unwrap()
    };
    assert_eq!(predict(), predict());
}

#[test]
fn bad_input_is_a_typed_error() {
    let rows = rows(20);
    for mut baseline in all() {
        assert!(matches!(baseline.predict(&rows[0]), Err(Error::NotFitted(_))), "{}", baseline.name());
        assert!(matches!(baseline.fit(&rows, &[1.0]), Err(Error::Mismatch { .. })));
        assert!(matches!(baseline.fit(&rows[..1], &[1.0]), Err(Error::TooFew { .. })));
        let mut latencies = vec![1.0; 20];
        latencies[3] = 0.0;
        assert!(matches!(baseline.fit(&rows, &latencies), Err(Error::Value { sample: 3, .. })));
    }
}
