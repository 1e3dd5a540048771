//! Losses: agreement with PyTorch (`golden/losses.py` made the numbers), invariances, refusals.

use proptest::prelude::*;
use serde_json::{Value, json};
use tachograph_train::{Error, Loss, RunConfig, Segments};
use tch::{Device, Kind, Tensor};

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/losses.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn loss(config: Value) -> Loss {
    serde_json::from_value(config).unwrap()
}

/// Every ranking loss.
fn ranking() -> Vec<Loss> {
    let names = ["list-net", "pairwise-logistic", "rank-net", "lambda-rank"].map(|name| json!(name));
    let tables = ["list-mle", "pairwise-hinge", "diff-mat"].map(|name| json!({name: {}}));
    names.into_iter().chain(tables).map(loss).collect()
}

/// Value and gradient.
fn run(loss: &Loss, s: &[f64], y: &[f64], lengths: &[usize], kind: Kind) -> (f64, Vec<f64>) {
    let segments = Segments::from_lengths(lengths, Device::Cpu).unwrap();
    let s = Tensor::from_slice(s).to_kind(kind).set_requires_grad(true);
    let columns = loss.quantiles().map_or(vec![y.len() as i64], |q| vec![y.len() as i64, q.len() as i64]);
    let y = Tensor::from_slice(y).to_kind(kind);
    let value = loss.value(&s.reshape(columns), &y, Some(&segments)).unwrap();
    assert!(value.size().is_empty(), "{value:?}");
    value.backward();
    let value = f64::try_from(value.detach()).unwrap();
    (value, s.grad().to_kind(Kind::Double).try_into().unwrap())
}

#[track_caller]
fn close(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((found - expected).abs() <= tolerance * expected.abs().max(1.0), "{what}: {found}, expected {expected}");
}

#[test]
fn values_and_gradients_agree_with_pytorch() {
    let golden = golden();
    let lengths: Vec<usize> = numbers(&golden["lengths"]).iter().map(|&n| n as usize).collect();
    let y = numbers(&golden["target"]);
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 18);
    for case in cases {
        let loss = loss(case["loss"].clone());
        let s = numbers(&golden[if loss.quantiles().is_some() { "spread" } else { "prediction" }]);
        for (kind, tolerance) in [(Kind::Double, 1e-12), (Kind::Float, 2e-5)] {
            let (value, gradient) = run(&loss, &s, &y, &lengths, kind);
            let what = format!("{} in {kind:?}", case["loss"]);
            close(value, case["value"].as_f64().unwrap(), tolerance, &what);
            let expected = numbers(&case["gradient"]);
            assert_eq!(gradient.len(), expected.len());
            gradient.iter().zip(expected).for_each(|(&f, e)| close(f, e, tolerance, &what));
        }
    }
}

/// Lists of 1 to 6 samples with few different targets, so that many tie.
fn lists() -> impl Strategy<Value = Vec<Vec<(f64, f64)>>> {
    let sample = (-3.0..3.0f64, (0..4u8).prop_map(|y| f64::from(y) * 0.25));
    prop::collection::vec(prop::collection::vec(sample, 1..7), 1..6)
}

fn flat(lists: &[Vec<(f64, f64)>]) -> (Vec<f64>, Vec<f64>, Vec<usize>) {
    let (s, y) = lists.iter().flatten().copied().unzip();
    (s, y, lists.iter().map(Vec::len).collect())
}

fn value(loss: &Loss, lists: &[Vec<(f64, f64)>]) -> f64 {
    let (s, y, lengths) = flat(lists);
    run(loss, &s, &y, &lengths, Kind::Double).0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn order_within_and_of_lists_changes_nothing(lists in lists(), seed in any::<u64>()) {
        let mut other = lists.clone();
        let mut state = seed;
        let mut next = |n: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % n
        };
        for list in &mut other {
            (1..list.len()).for_each(|i| list.swap(i, next(i + 1)));
        }
        let turn = next(other.len());
        other.rotate_left(turn);
        for loss in ranking() {
            close(value(&loss, &other), value(&loss, &lists), 1e-12, loss.name());
        }
    }

    #[test]
    fn lists_do_not_see_each_other_and_are_averaged(lists in lists()) {
        for loss in ranking() {
            let alone: Vec<f64> = lists.iter().map(|list| value(&loss, std::slice::from_ref(list))).collect();
            close(value(&loss, &lists), alone.iter().sum::<f64>() / alone.len() as f64, 1e-12, loss.name());
            close(value(&loss, &[&lists[..], &lists[..]].concat()), value(&loss, &lists), 1e-12, loss.name());
        }
    }

    /// They depend on differences of scores alone, so that their gradients sum to nothing in each list.
    #[test]
    fn moving_all_scores_of_a_list_changes_nothing(lists in lists(), by in -5.0..5.0f64) {
        let mut moved = lists.clone();
        moved[0].iter_mut().for_each(|(s, _)| *s += by);
        for loss in ranking() {
            close(value(&loss, &moved), value(&loss, &lists), 1e-9, loss.name());
            let (s, y, lengths) = flat(&lists);
            let (_, gradient) = run(&loss, &s, &y, &lengths, Kind::Double);
            close(gradient[..lengths[0]].iter().sum(), 0.0, 1e-9, loss.name());
        }
    }

    #[test]
    fn the_median_minimises_the_pinball_loss_of_one_half(y in prop::collection::vec(0.1..9.0f64, 1..20), at in 0.0..9.0f64) {
        let loss = loss(json!({"quantile": {"quantiles": [0.5]}}));
        let mut sorted = y.clone();
        sorted.sort_by(f64::total_cmp);
        let at_constant = |c: f64| run(&loss, &vec![c; y.len()], &y, &[y.len()], Kind::Double).0;
        prop_assert!(at_constant(sorted[y.len() / 2]) <= at_constant(at) + 1e-12);
    }
}

#[test]
fn the_true_order_costs_less_than_its_reverse() {
    let y = [0.1, 0.3, 0.5, 1.0];
    for loss in ranking() {
        let right = run(&loss, &[-2.0, -1.0, 1.0, 2.0], &y, &[4], Kind::Double).0;
        let wrong = run(&loss, &[2.0, 1.0, -1.0, -2.0], &y, &[4], Kind::Double).0;
        assert!(right < wrong, "{}: {right} and {wrong}", loss.name());
    }
}

#[test]
fn far_scores_stay_finite() {
    for loss in ranking() {
        for (s, y) in [([1e4, -1e4, 0.0], [0.0, 1.0, 0.5]), ([-1e4, 1e4, 0.0], [0.0, 1.0, 0.5])] {
            let (value, gradient) = run(&loss, &s, &y, &[3], Kind::Float);
            assert!(value.is_finite() && gradient.iter().all(|g| g.is_finite()), "{}: {value}", loss.name());
        }
    }
}

fn refusal(loss: &Loss, s: &[f32], y: &[f32], segments: Option<&Segments>) -> Error {
    loss.value(&Tensor::from_slice(s), &Tensor::from_slice(y), segments).unwrap_err()
}

#[test]
fn what_has_no_value_is_refused_by_type_and_name() {
    let (relative, log) = (Loss::RelativeAbsolute, Loss::LogSquared);
    let error = refusal(&relative, &[1.0, 1.0], &[1.0, 0.0], None);
    assert!(matches!(error, Error::LossTarget { index: 1, value: 0.0, .. }), "{error}");
    assert_eq!(error.to_string(), "loss `relative-absolute`: target 1 is 0; targets must be other than 0");
    assert!(matches!(refusal(&log, &[1.0, 1.0], &[-1.0, 1.0], None), Error::LossTarget { index: 0, .. }));
    let sum = Loss::Sum(vec![tachograph_train::Weighted { weight: 1.0, loss: relative.clone() }]);
    assert!(matches!(refusal(&sum, &[1.0], &[0.0], None), Error::LossTarget { .. }));
    assert!(matches!(refusal(&Loss::Squared, &[1.0], &[f32::NAN], None), Error::LossTarget { .. }));

    let error = refusal(&relative, &[1.0, 1.0], &[1.0; 3], None);
    assert_eq!(error.to_string(), "loss `relative-absolute`: prediction is [2], expected [3]");
    assert!(matches!(refusal(&relative, &[], &[], None), Error::LossShape { .. }));
    let quantile = loss(json!({"quantile": {"quantiles": [0.1, 0.9]}}));
    assert!(matches!(refusal(&quantile, &[1.0; 4], &[1.0; 2], None), Error::LossShape { .. }));

    let five = Segments::from_lengths(&[2, 3], Device::Cpu).unwrap();
    for loss in ranking() {
        assert!(loss.ranks());
        assert!(matches!(refusal(&loss, &[1.0; 4], &[1.0; 4], None), Error::LossWithoutSegments { .. }));
        let error = refusal(&loss, &[1.0; 4], &[1.0; 4], Some(&five)).to_string();
        assert!(error.ends_with("segments is [5], expected [4]"), "{error}");
    }
}

#[test]
fn segments_come_from_lengths_or_ids() {
    let segments = Segments::from_ids(&["a", "a", "c", "b", "b", "b"], Device::Cpu).unwrap();
    assert_eq!((segments.samples(), segments.lists()), (6, 3));
    let message = |result: Result<Segments, Error>| result.unwrap_err().to_string();
    let apart = message(Segments::from_ids(&[7, 7, 8, 7], Device::Cpu));
    assert_eq!(apart, "samples of list 7 do not stand together");
    assert_eq!(message(Segments::from_lengths(&[2, 0], Device::Cpu)), "list 1 of the batch is empty");
    assert_eq!(message(Segments::from_ids::<u8>(&[], Device::Cpu)), "0 lists in a batch");
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let bad = [
        json!({"huber": {"delta": 0.0}}),
        json!({"list-mle": {"temperature": -1.0}}),
        json!({"pairwise-hinge": {"margin": -0.1}}),
        json!({"quantile": {"quantiles": []}}),
        json!({"quantile": {"quantiles": [0.9, 0.1]}}),
        json!({"quantile": {"quantiles": [0.0, 0.5]}}),
        json!({"sum": []}),
        json!({"sum": [{"weight": 1.0, "loss": {"huber": {"delta": -1.0}}}]}),
    ];
    for config in bad {
        let error = loss(config.clone()).check().unwrap_err();
        assert!(matches!(error, Error::Config(_)) && error.to_string().starts_with("loss `"), "{config}: {error}");
    }
}

#[test]
fn losses_round_trip_through_toml_and_old_spellings_load() {
    let read = |loss: &str| toml::from_str::<RunConfig>(&format!("data = 'd'\ndevice = 'x'\n{loss}")).unwrap();
    let old = [
        ("relative-squared", Loss::RelativeSquared),
        ("relative-absolute", Loss::RelativeAbsolute),
        ("log-squared", Loss::LogSquared),
    ];
    for (name, expected) in old {
        assert_eq!(read(&format!("loss = '{name}'")).loss, expected);
    }
    assert_eq!(read("").loss, Loss::RelativeSquared);
    assert_eq!(read("loss = 'mape'").loss, Loss::RelativeAbsolute);
    for case in golden()["cases"].as_array().unwrap() {
        let config = RunConfig { loss: loss(case["loss"].clone()), ..read("") };
        assert_eq!(toml::from_str::<RunConfig>(&toml::to_string(&config).unwrap()).unwrap(), config);
    }
    let table =
        "[[loss.sum]]\nweight = 1.0\nloss.list-mle.temperature = 10.0\n[[loss.sum]]\nweight = 0.02\nloss = 'mse'";
    assert!(read(table).loss.ranks());
}

#[test]
fn the_differential_loss_by_hand() {
    let (s, y) = ([1.0, 4.0, 2.0, 7.0, 6.0], [1.0, 3.0, 4.0, 5.0, 6.0]);
    // Errors 0, 1, −2 in the first list and 2, 0 in the second; the variance of 1, 3, 4, 5, 6 is 2.96.
    let differences = ((1.0 + 4.0 + 9.0) / 3.0 + 4.0) / 2.0;
    let absolute = (0.0 + 1.0 + 4.0 + 4.0 + 0.0) / 5.0;
    for anchor in [0.0, 0.1, 2.0] {
        let loss = loss(json!({"differential": {"anchor": anchor}}));
        let (value, gradient) = run(&loss, &s, &y, &[3, 2], Kind::Double);
        close(value, (differences + anchor * absolute) / 2.96, 1e-12, "differential");
        let shift: f64 = gradient.iter().sum();
        close(shift, anchor * 2.0 * (0.0 + 1.0 - 2.0 + 2.0 + 0.0) / 5.0 / 2.96, 1e-12, "only the anchor sees a shift");
    }
    assert!(loss(json!({"differential": {"anchor": -1.0}})).check().is_err());
    assert!(loss(json!({"differential": {}})).ranks());
}

#[test]
fn a_logarithmic_huber_loss_is_one_of_logarithms() {
    let (s, y) = ([1.0, 4.0, 2.0], [2.0, 4.0, 30.0]);
    let ln = |v: [f64; 3]| v.map(f64::ln);
    let (value, _) = run(&loss(json!({"log-huber": {"delta": 0.5}})), &s, &y, &[3], Kind::Double);
    let (expected, _) = run(&loss(json!({"huber": {"delta": 0.5}})), &ln(s), &ln(y), &[3], Kind::Double);
    close(value, expected, 1e-12, "log-huber");
    assert!(loss(json!({"log-huber": {"delta": 0.0}})).check().is_err());
}

#[test]
fn the_mixed_loss_weighs_what_lags() {
    let tensor = |v: &[f64]| Tensor::from_slice(v);
    let mut mixed = tachograph_train::Mixed::default();
    // Squared relative errors: subgraphs 0.25 and 0, networks 0.01.
    let (s, t) = (tensor(&[1.5, 2.0]), tensor(&[1.0, 2.0]));
    let (n, m) = (tensor(&[9.0]), tensor(&[10.0]));
    let value = |mixed: &mut tachograph_train::Mixed| f64::try_from(mixed.value((&s, &t), (&n, &m)).unwrap()).unwrap();
    close(value(&mut mixed), 0.5 * 0.125 + 0.5 * 0.01, 1e-12, "first epoch");
    mixed.end_epoch();
    close(mixed.lambda(), 0.9, 1e-12, "0.125 of 0.135, and no more than 0.9");
    close(value(&mut mixed), 0.9 * 0.125 + 0.1 * 0.01, 1e-12, "second epoch");
    mixed.end_epoch();
    mixed.end_epoch();
    close(mixed.lambda(), 0.9, 1e-12, "an epoch without a batch changes nothing");
}
