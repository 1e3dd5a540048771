use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::{Estimate, Smoother};

/// Networks of three operators each device times differently, with five known devices.
fn world(seed: u64) -> (Vec<Vec<f64>>, Vec<Vec<f64>>, ChaCha8Rng) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let costs: Vec<Vec<f64>> = (0..200).map(|_| (0..3).map(|_| f64::from(rng.random_range(0..7))).collect()).collect();
    let known = (0..5).map(|_| device(&costs, &mut rng)).collect();
    (costs, known, rng)
}

fn device(costs: &[Vec<f64>], rng: &mut ChaCha8Rng) -> Vec<f64> {
    let rates: Vec<f64> = (0..3).map(|_| rng.random_range(0.2..3.0)).collect();
    costs.iter().map(|row| 2.0 + row.iter().zip(&rates).map(|(x, r)| x * r).sum::<f64>()).collect()
}

fn error(predicted: &[f64], truth: &[f64]) -> f64 {
    predicted.iter().zip(truth).map(|(p, t)| (p / t - 1.0).abs()).sum::<f64>() / truth.len() as f64
}

fn observe(truth: &[f64], networks: &[usize]) -> Vec<Observation> {
    networks.iter().map(|&network| Observation { network, ms: truth[network] }).collect()
}

#[test]
fn an_additive_device_is_recovered() {
    let (costs, known, mut rng) = world(1);
    let prior = DevicePrior::fit(&known, &costs).unwrap();
    let truth: Vec<f64> = device(&costs, &mut rng).iter().map(|t| 40.0 * t).collect();
    let chosen = prior.select(&(0..200).collect::<Vec<_>>(), 10).unwrap();
    let adapted = prior.adapt(&observe(&truth, &chosen)).unwrap();
    assert!(error(&adapted.predict_all(), &truth) < 0.01);
}

#[test]
fn one_network_and_all_networks_agree() {
    let (costs, known, _) = world(2);
    let prior = DevicePrior::fit(&known[1..], &costs).unwrap();
    let adapted = prior.adapt(&observe(&known[0], &[3, 50, 120])).unwrap();
    for (network, ms) in adapted.predict_all().into_iter().enumerate() {
        assert!((adapted.predict(network).unwrap().ms - ms).abs() < 1e-9 * ms.abs());
    }
}

#[test]
fn one_outlier_does_not_decide() {
    let (costs, known, mut rng) = world(3);
    let prior = DevicePrior::fit(&known, &costs).unwrap();
    let truth = device(&costs, &mut rng);
    let mut observations = observe(&truth, &prior.select(&(0..200).collect::<Vec<_>>(), 10).unwrap());
    observations[4].ms *= 5.0;
    assert!(error(&prior.adapt(&observations).unwrap().predict_all(), &truth) < 0.06);
}

#[test]
fn intervals_cover_and_shrink() {
    let (costs, known, mut rng) = world(4);
    let prior = DevicePrior::fit(&known, &costs).unwrap();
    let (few, many) = ([5, 10, 20, 40, 59], (0..60).collect::<Vec<_>>());
    let mut devices = ChaCha8Rng::seed_from_u64(5);
    let (mut inside, mut total) = (0u32, [0.0; 2]);
    for _ in 0..20 {
        let noise = |t: &f64| t * rng.random_range(0.9..1.1);
        let noisy: Vec<f64> = device(&costs, &mut devices).iter().map(noise).collect();
        for (total, networks) in total.iter_mut().zip([&few[..], &many]) {
            let adapted = prior.adapt(&observe(&noisy, networks)).unwrap();
            let estimates: Vec<Estimate> = (60..200).map(|n| adapted.predict(n).unwrap()).collect();
            inside += estimates.iter().zip(&noisy[60..]).filter(|(e, t)| (e.low..e.high).contains(*t)).count() as u32;
            *total += estimates.iter().map(|e| e.high - e.low).sum::<f64>();
        }
    }
    // 80 % by rights; noise that grows with time is not what the prior assumes.
    let share = f64::from(inside) / f64::from(20 * 2 * 140);
    assert!((0.6..0.95).contains(&share), "{share} within the intervals");
    assert!(total[1] < total[0]);
}

#[test]
fn smoothing_takes_rounding_away() {
    let (costs, known, _) = world(5);
    let rounded: Vec<f64> = known[0].iter().map(|t| t.round()).collect();
    let smooth = Smoother::new(&costs, 1e-3).unwrap().smooth(&rounded).unwrap();
    assert!(error(&smooth, &known[0]) < 0.3 * error(&rounded, &known[0]));
}

#[test]
fn what_does_not_fit_is_refused() {
    let (costs, known, _) = world(6);
    let message = |result: Result<()>| result.unwrap_err().to_string();
    assert!(message(DevicePrior::fit(&[], &costs).map(drop)).contains("a prior over devices"));
    assert!(message(DevicePrior::fit(&[vec![1.0; 9]], &costs).map(drop)).contains("9 where 200"));
    let prior = DevicePrior::fit(&known, &costs).unwrap();
    assert!(message(prior.adapt(&[]).map(drop)).contains("0 samples"));
    assert!(message(prior.adapt(&[Observation { network: 200, ms: 1.0 }]).map(drop)).contains("position of a network"));
    assert!(message(prior.adapt(&[Observation { network: 0, ms: -1.0 }]).map(drop)).contains("is -1"));
    assert!(message(prior.select(&[1, 2], 3).map(drop)).contains("it needs 3"));
    assert!(message(Smoother::new(&costs, 0.0).map(drop)).contains("the penalty"));
}
