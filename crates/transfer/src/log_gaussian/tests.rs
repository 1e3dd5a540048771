use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

/// Devices that differ in speed and in one trait that every third network feels; each measured most networks.
fn devices(count: usize, seed: u64) -> (Vec<Vec<Observation>>, Vec<Vec<f64>>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let truth: Vec<Vec<f64>> = (0..count)
        .map(|_| {
            let (speed, felt) = (rng.random_range(-2.0..2.0f64), rng.random_range(-1.0..1.0f64));
            (0..12).map(|n| (speed + 0.3 * n as f64 + if n % 3 == 0 { felt } else { 0.0 }).exp()).collect()
        })
        .collect();
    let mut measured = |times: &Vec<f64>| -> Vec<Observation> {
        let all = times.iter().enumerate().map(|(network, &ms)| Observation { network, ms });
        all.filter(|_| rng.random_bool(0.8)).collect()
    };
    (truth.iter().map(&mut measured).collect(), truth)
}

fn error(predicted: &[f64], truth: &[f64]) -> f64 {
    predicted.iter().zip(truth).map(|(p, t)| (p / t - 1.0).abs()).sum::<f64>() / truth.len() as f64
}

#[test]
fn a_device_is_known_by_a_few_networks() {
    let (measured, truth) = devices(80, 1);
    let fitted = LogGaussian::from_devices(&measured[1..], 12, 0.05).unwrap();
    let chosen = fitted.select(&(0..12).collect::<Vec<_>>(), 4).unwrap();
    assert!(chosen.iter().any(|n| n % 3 == 0) && chosen.iter().any(|n| n % 3 != 0), "{chosen:?}");
    let observations: Vec<Observation> =
        chosen.iter().map(|&network| Observation { network, ms: truth[0][network] }).collect();
    assert!(error(&fitted.adapt(&observations).unwrap().predict_all(), &truth[0]) < 0.05);
}

#[test]
fn networks_of_like_columns_take_like_times() {
    let columns: Vec<Vec<f64>> = (0..20).map(|i| vec![f64::from(i)]).collect();
    let truth: Vec<f64> = columns.iter().map(|c| (0.5 * (0.3 * c[0]).sin()).exp()).collect();
    let gaussian = LogGaussian::from_columns(&columns, Scales { smooth: 0.5, length: 0.5, noise: 0.05 }).unwrap();
    let others = (0..20).filter(|network| *network != 7);
    let observations: Vec<Observation> = others.map(|network| Observation { network, ms: truth[network] }).collect();
    let device = gaussian.adapt(&observations).unwrap();
    assert!((device.predict(7).unwrap().ms / truth[7] - 1.0).abs() < 0.02);
}

#[test]
fn what_does_not_fit_is_refused() {
    let one = |network, ms| vec![Observation { network, ms }];
    let fit = |samples: Vec<Observation>| LogGaussian::from_devices(&[one(0, 1.0), samples], 2, 0.1).map(drop);
    assert!(fit(one(2, 1.0)).unwrap_err().to_string().contains("position of a network"));
    assert!(fit(one(1, 0.0)).unwrap_err().to_string().contains("is 0"));
    assert!(LogGaussian::from_devices(&[], 2, 0.1).is_err());
}
