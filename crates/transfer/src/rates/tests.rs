use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tachograph_ir::{Assignment, Builder, DType};

use tachograph_features::KernelKind;

use super::*;
use crate::{MedianRatio, Transfer, cross_validate};

/// Networks that use up a few columns each, and devices with rates around common ones.
fn world(devices: usize) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let width = Column::all().len();
    let mut costs = vec![vec![0.0; width]; 30];
    for row in &mut costs {
        for _ in 0..6 {
            row[rng.random_range(0..width)] = rng.random_range(-2.0..2.0f64).exp();
        }
    }
    let common: Vec<f64> = (0..width).map(|_| rng.random_range(-1.0..1.0)).collect();
    let device = |rng: &mut ChaCha8Rng| {
        let level = rng.random_range(-2.0..2.0);
        let rates: Vec<f64> = common.iter().map(|c| (level + c + rng.random_range(-0.4..0.4f64)).exp()).collect();
        costs.iter().map(|row| row.iter().zip(&rates).map(|(c, r)| c * r).sum()).collect()
    };
    let times = (0..devices).map(|_| device(&mut rng)).collect();
    (costs, times)
}

fn observations(times: &[f64], networks: impl Iterator<Item = usize>) -> Vec<Observation> {
    networks.map(|network| Observation { network, ms: times[network] }).collect()
}

#[test]
fn networks_that_no_device_measured() {
    let (costs, times) = world(20);
    let known: Vec<Vec<Observation>> = times[1..].iter().map(|t| observations(t, 0..25)).collect();
    let prior = RatePrior::learn(&known, &costs).unwrap();
    let error = |prior: &RatePrior, known: usize| {
        let rates = prior.adapt(&observations(&times[0], 0..known), &costs).unwrap();
        (25..30).map(|n| (rates.predict(&costs[n]).unwrap().ms / times[0][n]).ln().abs()).sum::<f64>() / 5.0
    };
    let (many, few, alone) = (error(&prior, 25), error(&prior, 5), error(&RatePrior::equal(), 5));
    assert!(many < 0.25 && few < 0.4 && few < 0.8 * alone, "{many} {few} {alone}");
}

#[test]
fn one_outlier_does_not_decide() {
    let (costs, times) = world(1);
    let mut known = observations(&times[0], 0..25);
    let clean = RatePrior::equal().adapt(&known, &costs).unwrap();
    known[3].ms *= 20.0;
    let spoiled = RatePrior::equal().adapt(&known, &costs).unwrap();
    let ms = |rates: &Rates, row: &Vec<f64>| rates.predict(row).unwrap().ms;
    let moved = costs.iter().map(|row| (ms(&clean, row) / ms(&spoiled, row)).ln().abs()).sum::<f64>() / 30.0;
    assert!(moved < 0.1, "{moved}");
}

#[test]
fn a_prediction_is_the_sum_of_its_terms_and_surer_where_more_is_known() {
    let (costs, times) = world(1);
    let rates = |known| RatePrior::cpu().adapt(&observations(&times[0], 0..known), &costs).unwrap();
    let time = rates(25).predict(&costs[28]).unwrap();
    assert!((rates(25).terms(&costs[28]).unwrap().iter().sum::<f64>() / time.ms - 1.0).abs() < 1e-12);
    let width = |time: Estimate| (time.high / time.low).ln();
    assert!(2.0 * 1.28 * NOISE < width(time) && width(time) < width(rates(3).predict(&costs[28]).unwrap()));
}

#[test]
fn costs_are_those_of_the_graph() {
    let mut b = Builder::new("two layers");
    let x = b.input("x", DType::F32, vec![1.into(), 8.into(), 16.into(), 16.into()]);
    let x = b.conv(x, 8, [3, 3], 1, 1, 1, false).unwrap();
    let x = b.op("Relu", &[x]).unwrap();
    let bound = b.finish(&[x]).unwrap().bind(&Assignment::new()).unwrap();
    let costs = costs(&bound).unwrap();
    let of = |kind, resource| {
        let column = Column { kind, resource, int8: false };
        costs[Column::all().iter().position(|c| *c == column).unwrap()]
    };
    let (image, weights) = (4.0 * 8.0 * 256.0, 4.0 * 8.0 * 8.0 * 9.0);
    let close = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-12, "{a} for {b}");
    close(of(Some(KernelKind::Winograd), Resource::Flops), bound.cost().unwrap().macs as f64 * 2e-9);
    close(of(Some(KernelKind::Winograd), Resource::Activations), 2e-8 * image);
    close(of(Some(KernelKind::Winograd), Resource::Weights), weights / 3e8);
    close(of(Some(KernelKind::Elementwise), Resource::Activations), 2e-8 * image);
    close(of(None, Resource::Launches), 2.0 / 500.0);
    let moved: f64 = (bound.cost().unwrap().bytes() as f64 - weights) * 1e-8;
    close(
        costs.iter().zip(Column::all()).filter(|(_, c)| c.resource == Resource::Activations).map(|(v, _)| v).sum(),
        moved,
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    let (costs, times) = world(2);
    let known = observations(&times[0], 0..25);
    let message = |result: Result<RatePrior>| result.unwrap_err().to_string();
    assert!(message(RatePrior::learn(&[], &costs)).contains("rates of kernels"));
    assert!(message(RatePrior::learn(&[vec![Observation { network: 0, ms: 1.0 }]], &[vec![1.0]])).contains("1 where"));
    let free = vec![vec![0.0; Column::all().len()]; 30];
    assert!(message(RatePrior::learn(std::slice::from_ref(&known), &free)).contains("the cost of the network"));
    let prior = RatePrior::learn(&[known], &costs).unwrap();
    assert!(prior.adapt(&[], &costs).unwrap_err().to_string().contains("0 samples"));
    assert!(prior.adapt(&[Observation { network: 30, ms: 1.0 }], &costs).is_err());
}

/// A device of other rates for one resource is known by a few networks, from what they spend their time on.
#[test]
fn a_device_relative_to_a_known_one() {
    let (costs, times) = world(1);
    let known = RatePrior::equal().adapt(&observations(&times[0], 0..30), &costs).unwrap();
    let slower = |column: &Column| if column.resource == Resource::Flops { 3.0 } else { 1.5 };
    let on_new = |(costs, ms): (&Vec<f64>, &f64)| {
        let terms = known.terms(costs).unwrap();
        let total: f64 = terms.iter().sum();
        ms * terms.iter().zip(Column::all()).map(|(term, column)| term * slower(&column)).sum::<f64>() / total
    };
    let new: Vec<f64> = costs.iter().zip(&times[0]).map(on_new).collect();
    let relative = Relative::with(&known, &times[0], &costs, 0.3, 0.05).unwrap();
    let chosen = relative.select(&(0..30).collect::<Vec<_>>(), 8).unwrap();
    let measured = observations(&new, chosen.iter().copied());
    let error = |prior: &dyn Transfer| {
        let predicted = prior.adapt(&measured).unwrap().predict_all();
        let others = (0..30).filter(|n| !chosen.contains(n));
        others.map(|n| (predicted[n] / new[n]).ln().abs()).fold(0.0, f64::max)
    };
    let median = MedianRatio::new(times[0].clone()).unwrap();
    assert!(error(&relative) < 0.6 * error(&median), "{} of {}", error(&relative), error(&median));
    let all = observations(&new, 0..30);
    let mape = |prior: &dyn Transfer| cross_validate(prior, &all, 10).unwrap().mape;
    assert!(mape(&relative) < mape(&median));
    assert!(Relative::with(&known, &[1.0], &[vec![1.0]], 0.3, 0.05).is_err());
}

#[test]
fn rates_of_a_list_of_networks_are_those_of_each() {
    let (costs, times) = world(1);
    let measured = observations(&times[0], 0..10);
    let over = RatePrior::cpu().over(&costs).unwrap();
    let (device, rates) = (over.adapt(&measured).unwrap(), RatePrior::cpu().adapt(&measured, &costs).unwrap());
    for (network, ms) in device.predict_all().into_iter().enumerate() {
        assert_eq!(device.predict(network).unwrap(), rates.predict(&costs[network]).unwrap());
        assert!((ms / device.predict(network).unwrap().ms - 1.0).abs() < 1e-12);
    }
    assert!(device.predict(30).is_err());
    assert!(RatePrior::cpu().over(&[vec![1.0]]).is_err());
}
