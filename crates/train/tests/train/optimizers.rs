//! Agreement with `torch.optim` and `clip_grad_norm_`; `golden/make_optimizers.py` made the numbers.

use serde_json::Value;
use tachograph_train::{Optimizer, OptimizerConfig, optimizer::SgdConfig};
use tch::{Device, Kind, Tensor, nn};

fn numbers(value: &Value) -> Vec<f32> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        number => vec![number.as_f64().unwrap() as f32],
    }
}

#[track_caller]
fn close(found: f32, expected: f32) {
    assert!((found - expected).abs() <= 2e-5 * expected.abs().max(0.1), "{found}, expected {expected}");
}

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/optimizers.json")).unwrap()
}

/// The store and its weights at the start.
fn start(golden: &Value) -> (nn::VarStore, Vec<(&'static str, Tensor)>) {
    let vs = nn::VarStore::new(Device::Cpu);
    let weight = |(name, shape): (&'static str, &[i64])| {
        let start = Tensor::from_slice(&numbers(&golden["start"][name])).reshape(shape);
        (name, vs.root().var_copy(name, &start))
    };
    let weights = [("a", &[3, 2][..]), ("b", &[4])].map(weight).into();
    (vs, weights)
}

fn backward(weights: &[(&str, Tensor)], factor: f32) {
    let squares = weights.iter().map(|(_, w)| w.square().sum(Kind::Float)).sum::<Tensor>();
    (squares * (0.5 * f64::from(factor))).backward();
}

#[test]
fn twenty_steps_agree_with_pytorch() {
    let golden = golden();
    let rate = golden["rate"].as_f64().unwrap();
    for case in golden["cases"].as_array().unwrap() {
        let (vs, weights) = start(&golden);
        let config: OptimizerConfig = serde_json::from_value(case["config"].clone()).unwrap();
        let [clip, each] = ["clip", "clip_each"].map(|name| case[name].as_f64().unwrap());
        let mut optimizer = Optimizer::new(&vs, config).unwrap();
        for (factor, norm) in numbers(&golden["factors"]).into_iter().zip(numbers(&case["norms"])) {
            optimizer.zero_grad();
            backward(&weights, factor);
            close(optimizer.clip(clip, each).unwrap() as f32, norm);
            optimizer.step(rate).unwrap();
        }
        assert_eq!(optimizer.steps(), 20);
        for (name, weight) in &weights {
            let found: Vec<f32> = weight.detach().flatten(0, -1).try_into().unwrap();
            found.into_iter().zip(numbers(&case["end"][name])).for_each(|(f, e)| close(f, e));
        }
    }
}

/// What keeps something derived from a weight asks the version whether it is still true.
#[test]
fn a_step_is_a_new_version_of_every_weight() {
    let golden = golden();
    for case in golden["cases"].as_array().unwrap() {
        let (vs, weights) = start(&golden);
        let config: OptimizerConfig = serde_json::from_value(case["config"].clone()).unwrap();
        let mut optimizer = Optimizer::new(&vs, config).unwrap();
        let versions = || weights.iter().map(|(_, w)| w.internal_version()).collect::<Vec<_>>();
        backward(&weights, 1.0);
        let before = versions();
        optimizer.step(0.01).unwrap();
        assert!(before.iter().zip(versions()).all(|(old, new)| *old < new), "{config:?}");
    }
}

#[test]
fn a_restored_state_goes_on_bit_for_bit() {
    let golden = golden();
    let bits = |weights: &[(&str, Tensor)]| -> Vec<Vec<u32>> {
        let one = |t: &Tensor| Vec::<f32>::try_from(t.detach().flatten(0, -1)).unwrap();
        weights.iter().map(|(_, w)| one(w).into_iter().map(f32::to_bits).collect()).collect()
    };
    for case in golden["cases"].as_array().unwrap() {
        let config: OptimizerConfig = serde_json::from_value(case["config"].clone()).unwrap();
        let factors = numbers(&golden["factors"]);
        let go = |optimizer: &mut Optimizer, weights: &[(&str, Tensor)], factors: &[f32]| {
            for &factor in factors {
                optimizer.zero_grad();
                backward(weights, factor);
                optimizer.step(0.01).unwrap();
            }
        };
        let (vs, weights) = start(&golden);
        let mut whole = Optimizer::new(&vs, config).unwrap();
        go(&mut whole, &weights, &factors[..10]);

        let (vs2, mut weights2) = start(&golden);
        let mut second = Optimizer::new(&vs2, config).unwrap();
        second.restore(whole.steps(), &whole.state()).unwrap();
        tch::no_grad(|| weights2.iter_mut().zip(&weights).for_each(|((_, to), (_, from))| to.copy_(from)));

        go(&mut whole, &weights, &factors[10..]);
        go(&mut second, &weights2, &factors[10..]);
        assert_eq!(bits(&weights), bits(&weights2), "{config:?}");
    }
}

#[test]
fn a_state_that_does_not_fit_is_refused_by_name() {
    let (vs, _) = start(&golden());
    let mut adam = Optimizer::new(&vs, OptimizerConfig::default()).unwrap();
    let momentum = Optimizer::new(&vs, OptimizerConfig::Sgd(SgdConfig::default())).unwrap();
    let message = adam.restore(1, &momentum.state()).unwrap_err().to_string();
    assert_eq!(message, "the saved state lacks `a.second` of shape [3, 2]");
    let bad = OptimizerConfig::Sgd(SgdConfig { momentum: 1.0, ..SgdConfig::default() });
    assert!(Optimizer::new(&vs, bad).unwrap_err().to_string().contains("`optimizer.momentum`: 1 is not within [0, 1)"));
}

#[test]
fn gradients_that_are_not_finite_show_in_the_norm() {
    let vs = nn::VarStore::new(Device::Cpu);
    let w = vs.root().zeros("w", &[2]);
    let mut adam = Optimizer::new(&vs, OptimizerConfig::default()).unwrap();
    assert_eq!(adam.clip(1.0, 1.0).unwrap(), 0.0);
    (w.sqrt()).sum(Kind::Float).backward();
    assert_eq!(adam.clip(1.0, 1.0).unwrap(), f64::INFINITY);
    assert_eq!(Vec::<f32>::try_from(w.grad()).unwrap(), [f32::INFINITY; 2]);
}
