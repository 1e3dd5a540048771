//! Agreement with `torch.optim.Adam` and `clip_grad_norm_`; `golden/make_adam.py` made the numbers.

use serde_json::Value;
use tachograph_train::{Adam, AdamConfig};
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

#[test]
fn twenty_steps_agree_with_pytorch() {
    let golden: Value = serde_json::from_str(include_str!("../golden/adam.json")).unwrap();
    let number = |name: &str| golden[name].as_f64().unwrap();
    for case in golden["cases"].as_array().unwrap() {
        let vs = nn::VarStore::new(Device::Cpu);
        let mut weights = vec![];
        for (name, shape) in [("a", vec![3, 2]), ("b", vec![4])] {
            let start = Tensor::from_slice(&numbers(&golden["start"][name])).reshape(&shape);
            weights.push((name, vs.root().var_copy(name, &start)));
        }
        let config = AdamConfig { beta1: number("beta1"), beta2: number("beta2"), eps: number("eps") };
        let mut adam = Adam::new(&vs, config).unwrap();
        for (factor, norm) in numbers(&golden["factors"]).into_iter().zip(numbers(&case["norms"])) {
            adam.zero_grad();
            let squares = weights.iter().map(|(_, w)| w.square().sum(Kind::Float)).sum::<Tensor>();
            (squares * (0.5 * f64::from(factor))).backward();
            close(adam.clip(case["clip"].as_f64().unwrap()).unwrap() as f32, norm);
            adam.step(number("rate")).unwrap();
        }
        assert_eq!(adam.steps(), 20);
        for (name, weight) in &weights {
            let found: Vec<f32> = weight.detach().flatten(0, -1).try_into().unwrap();
            found.into_iter().zip(numbers(&case["end"][name])).for_each(|(f, e)| close(f, e));
        }
    }
}

#[test]
fn gradients_that_are_not_finite_show_in_the_norm() {
    let vs = nn::VarStore::new(Device::Cpu);
    let w = vs.root().zeros("w", &[2]);
    let mut adam = Adam::new(&vs, AdamConfig::default()).unwrap();
    assert_eq!(adam.clip(1.0).unwrap(), 0.0);
    (w.sqrt()).sum(Kind::Float).backward();
    assert_eq!(adam.clip(1.0).unwrap(), f64::INFINITY);
    assert_eq!(Vec::<f32>::try_from(w.grad()).unwrap(), [f32::INFINITY; 2]);
}
