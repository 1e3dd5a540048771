//! Losses: what holds for every one in the registry, what holds for those that rank, agreement with PyTorch
//! (`golden/losses.py` made the numbers), refusals.

use std::{fs, path::Path};

use proptest::prelude::*;
use serde_json::{Value, json};
use tachograph_train::{
    Error, Loss, RunConfig,
    loss::{Huber, LossFunction, RankedLists, RelativeSquared, Squared, Sum, Weighted},
};
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

/// Every loss that ranks and sees nothing of a list but differences of scores; those two see the values as well.
fn ranking() -> Vec<Loss> {
    let orders = |loss: &Loss| loss.ranks() && !["differential", "sum"].contains(&loss.name());
    let ranking: Vec<Loss> = Loss::all().filter(orders).collect();
    assert!(ranking.len() > 6);
    ranking
}

/// Predictions of the width that a loss asks for, from one number a sample: further columns spread around it.
fn spread(loss: &Loss, s: &[f64]) -> Vec<f64> {
    let columns = |&s: &f64| (0..loss.columns().unwrap_or(1)).map(move |c| s * (0.7 + 0.3 * c as f64));
    if loss.columns().is_none() { s.to_vec() } else { s.iter().flat_map(columns).collect() }
}

/// Value and gradient.
fn run(loss: &Loss, s: &[f64], y: &[f64], lengths: &[usize], kind: Kind) -> (f64, Vec<f64>) {
    let segments = RankedLists::from_lengths(lengths, Device::Cpu).unwrap();
    let s = Tensor::from_slice(s).to_kind(kind).set_requires_grad(true);
    let shape = loss.columns().map_or(vec![y.len() as i64], |columns| vec![y.len() as i64, columns as i64]);
    let y = Tensor::from_slice(y).to_kind(kind);
    let value = loss.value(&s.reshape(shape), &y, Some(&segments)).unwrap();
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
        let s = numbers(&golden[if loss.columns().is_some() { "spread" } else { "prediction" }]);
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

#[test]
fn gradients_agree_with_finite_differences() {
    // Far from every kink: no two scores, nor a score and its target, nearly equal.
    let s = [0.31, 1.7, 0.95, 2.6, 1.22, 0.57, 3.4];
    let y = [0.5, 1.5, 0.75, 1.5, 2.0, 0.25, 3.0];
    let (h, lengths) = (1e-6, [3, 4]);
    for loss in Loss::all() {
        let s = spread(&loss, &s);
        let (_, gradient) = run(&loss, &s, &y, &lengths, Kind::Double);
        assert!(gradient.iter().any(|g| *g != 0.0), "{loss:?} teaches nothing");
        for (i, found) in gradient.iter().enumerate() {
            let at = |step: f64| {
                let mut s = s.clone();
                s[i] += step;
                run(&loss, &s, &y, &lengths, Kind::Double).0
            };
            close(*found, (at(h) - at(-h)) / (2.0 * h), 1e-7, &format!("{loss:?}, prediction {i}"));
        }
    }
}

/// Lists of 1 to 6 samples with few different targets, so that many tie.
fn lists() -> impl Strategy<Value = Vec<Vec<(f64, f64)>>> {
    let sample = (-3.0..3.0f64, (0..4u8).prop_map(|y| f64::from(y) * 0.25));
    prop::collection::vec(prop::collection::vec(sample, 1..7), 1..6)
}

/// The same with scores and targets above 0, of which every loss has a value.
fn positive_lists() -> impl Strategy<Value = Vec<Vec<(f64, f64)>>> {
    let above = |lists: Vec<Vec<(f64, f64)>>| -> Vec<Vec<(f64, f64)>> {
        lists.into_iter().map(|list| list.into_iter().map(|(s, y)| (s + 3.1, y + 0.25)).collect()).collect()
    };
    lists().prop_map(above)
}

fn flat(lists: &[Vec<(f64, f64)>]) -> (Vec<f64>, Vec<f64>, Vec<usize>) {
    let (s, y) = lists.iter().flatten().copied().unzip();
    (s, y, lists.iter().map(Vec::len).collect())
}

fn value(loss: &Loss, lists: &[Vec<(f64, f64)>]) -> f64 {
    let (s, y, lengths) = flat(lists);
    run(loss, &spread(loss, &s), &y, &lengths, Kind::Double).0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_mean_does_not_grow_with_the_batch(lists in positive_lists()) {
        for loss in Loss::all() {
            close(value(&loss, &[&lists[..], &lists[..]].concat()), value(&loss, &lists), 1e-12, loss.name());
        }
    }

    #[test]
    fn order_within_and_of_lists_changes_nothing(lists in positive_lists(), seed in any::<u64>()) {
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
        for loss in Loss::all() {
            close(value(&loss, &other), value(&loss, &lists), 1e-12, loss.name());
        }
    }

    #[test]
    fn lists_do_not_see_each_other_and_are_averaged(lists in lists()) {
        for loss in ranking() {
            let alone: Vec<f64> = lists.iter().map(|list| value(&loss, std::slice::from_ref(list))).collect();
            close(value(&loss, &lists), alone.iter().sum::<f64>() / alone.len() as f64, 1e-12, loss.name());
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

fn refusal(loss: &Loss, s: &[f32], y: &[f32], segments: Option<&RankedLists>) -> Error {
    loss.value(&Tensor::from_slice(s), &Tensor::from_slice(y), segments).unwrap_err()
}

#[test]
fn every_loss_refuses_shapes_targets_and_lists_that_do_not_fit() {
    let list = |n: usize| RankedLists::from_lengths(&[n], Device::Cpu).unwrap();
    for loss in Loss::all() {
        let what = |error: Error| match error {
            Error::LossShape { loss: named, what, .. } => {
                assert_eq!(named, loss.name());
                what
            }
            other => panic!("{loss:?}: {other}"),
        };
        let columns = loss.columns().unwrap_or(1);
        assert_eq!(what(refusal(&loss, &[1.0; 2], &[1.0; 3], Some(&list(3)))), "prediction");
        assert_eq!(what(refusal(&loss, &[], &[], None)), "target");
        let s = Tensor::ones([3, 2 + columns as i64], (Kind::Float, Device::Cpu));
        let y = Tensor::ones([3], (Kind::Float, Device::Cpu));
        assert_eq!(what(loss.value(&s, &y, Some(&list(3))).unwrap_err()), "prediction");

        let s = spread(&loss, &[1.0, 2.0, 3.0]);
        let shape = loss.columns().map_or(vec![3], |columns| vec![3, columns as i64]);
        let s = Tensor::from_slice(&s).reshape(shape);
        let value = |y: [f64; 3], lists: Option<&RankedLists>| loss.value(&s, &Tensor::from_slice(&y), lists);
        for bad in [f64::NAN, f64::INFINITY] {
            let error = value([1.0, 2.0, bad], Some(&list(3))).unwrap_err();
            assert!(matches!(error, Error::LossTarget { index: 2, what: "finite", .. }), "{loss:?}: {error}");
        }
        if loss.ranks() {
            let error = value([1.0, 2.0, 3.0], None).unwrap_err();
            assert!(matches!(error, Error::LossWithoutSegments { .. }), "{loss:?}: {error}");
            let error = value([1.0, 2.0, 3.0], Some(&list(4))).unwrap_err().to_string();
            assert!(error.ends_with("segments is [4], expected [3]"), "{loss:?}: {error}");
        } else {
            assert!(value([1.0, 2.0, 3.0], None).is_ok(), "{loss:?} says that it does not rank");
        }
    }
}

#[test]
fn targets_without_a_value_are_refused_by_type_and_name() {
    let [relative, log] = ["relative-absolute", "log-squared"].map(|name| Loss::named(name).unwrap());
    let error = refusal(&relative, &[1.0, 1.0], &[1.0, 0.0], None);
    assert!(matches!(error, Error::LossTarget { index: 1, value: 0.0, .. }), "{error}");
    assert_eq!(error.to_string(), "loss `relative-absolute`: target 1 is 0; targets must be other than 0");
    assert!(matches!(refusal(&log, &[1.0, 1.0], &[-1.0, 1.0], None), Error::LossTarget { index: 0, .. }));
    let sum = Loss::from(Sum(vec![Weighted { weight: 1.0, loss: relative.clone() }]));
    assert!(matches!(refusal(&sum, &[1.0], &[0.0], None), Error::LossTarget { .. }));
    let error = refusal(&relative, &[1.0, 1.0], &[1.0; 3], None);
    assert_eq!(error.to_string(), "loss `relative-absolute`: prediction is [2], expected [3]");
}

#[test]
fn segments_come_from_lengths_or_ids() {
    let segments = RankedLists::from_ids(&["a", "a", "c", "b", "b", "b"], Device::Cpu).unwrap();
    assert_eq!((segments.samples(), segments.lists()), (6, 3));
    let message = |result: Result<RankedLists, Error>| result.unwrap_err().to_string();
    let apart = message(RankedLists::from_ids(&[7, 7, 8, 7], Device::Cpu));
    assert_eq!(apart, "samples of list 7 do not stand together");
    assert_eq!(message(RankedLists::from_lengths(&[2, 0], Device::Cpu)), "list 1 of the batch is empty");
    assert_eq!(message(RankedLists::from_ids::<u8>(&[], Device::Cpu)), "0 lists in a batch");
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
        let Error::Setting { key, .. } = &error else { panic!("{config}: {error}") };
        assert!(key.starts_with("loss."), "{config}: {error}");
    }
}

#[test]
fn settings_that_a_loss_does_not_have_are_refused_by_name() {
    let message = |config: Value| serde_json::from_value::<Loss>(config).unwrap_err().to_string();
    for loss in Loss::all().filter(|loss| loss.name() != "sum") {
        let message = message(json!({(loss.name()): {"nonsense": 1.0}}));
        assert!(message.starts_with(&format!("loss `{}`: unknown field `nonsense`", loss.name())), "{message}");
    }
    assert!(message(json!({"sum": [{"weight": 1.0, "loss": {"huber": {"dleta": 1.0}}}]})).contains("`dleta`"));
    assert!(message(json!({"huber": {"delta": "wide"}})).starts_with("loss `huber`: invalid type"));
    assert!(message(json!({"quantile": {}})).contains("missing field `quantiles`"));
    assert!(message(json!("hubber")).starts_with("setting `loss`: unknown loss `hubber`; known: squared, absolute"));
    assert!(message(json!({"squared": {}, "huber": {}})).contains("several make a `sum`"));
    assert!(message(json!({})).contains("no loss") && message(json!(1)).contains("the name of a loss"));
    let toml = "data = 'd'\nloss = { huber = { dleta = 0.5 } }";
    let message = toml::from_str::<RunConfig>(toml).unwrap_err().to_string();
    assert!(message.contains("loss `huber`: unknown field `dleta`, expected `delta`"), "{message}");
}

#[test]
fn losses_round_trip_through_toml_and_old_spellings_load() {
    let read = |loss: &str| toml::from_str::<RunConfig>(&format!("data = 'd'\ndevice = 'x'\n{loss}")).unwrap();
    assert_eq!(read("").loss, Loss::from(RelativeSquared {}));
    assert_eq!(read("loss = { huber = { delta = 0.5 } }").loss, Loss::from(Huber { delta: 0.5 }));
    assert_ne!(read("loss = { huber = {} }").loss, Loss::from(Huber { delta: 0.5 }));
    for (old, new) in [("mse", "squared"), ("mae", "absolute"), ("mape", "relative-absolute")] {
        assert_eq!(read(&format!("loss = '{old}'")).loss, Loss::named(new).unwrap());
    }
    let golden = golden();
    let cases = golden["cases"].as_array().unwrap().iter().map(|case| loss(case["loss"].clone()));
    for loss in Loss::all().chain(cases) {
        let config = RunConfig { loss: loss.clone(), ..read("") };
        assert_eq!(toml::from_str::<RunConfig>(&toml::to_string(&config).unwrap()).unwrap(), config);
        assert_eq!(serde_json::from_str::<Loss>(&serde_json::to_string(&loss).unwrap()).unwrap(), loss);
    }
    // As the states of earlier runs spell them.
    let text = |name| serde_json::to_string(&Loss::named(name).unwrap()).unwrap();
    assert_eq!((text("log-squared"), text("huber")), (r#""log-squared""#.into(), r#"{"huber":{"delta":1.0}}"#.into()));
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
fn names_are_unique() {
    let mut names: Vec<&str> = Loss::all().flat_map(|loss| [&[loss.name()], loss.aliases()].concat()).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

#[test]
fn a_loss_of_ones_own_serves_a_call() {
    #[derive(Debug, serde::Serialize)]
    struct Worst {}
    impl LossFunction for Worst {
        fn name(&self) -> &'static str {
            "worst"
        }
        fn formula(&self) -> &'static str {
            "max (ŷ − y)²"
        }
        fn value(&self, p: &Tensor, y: &Tensor, _: Option<&RankedLists>) -> Result<Tensor, Error> {
            Ok((p - y).square().max())
        }
    }
    let worst = Loss::from(Worst {});
    assert_eq!(run(&worst, &[1.0, 5.0], &[2.0, 2.0], &[2], Kind::Double).0, 9.0);
    assert_ne!(worst, Loss::from(Squared {}));
}

/// The table of `docs/training.md`, which `TACHOGRAPH_WRITE=1 cargo test -p tachograph-train table_of_losses` writes.
#[test]
fn the_table_of_losses_lists_every_one() {
    let mut table = String::from("| loss | settings | what it is | targets | lists |\n|---|---|---|---|---|\n");
    for loss in Loss::all() {
        let names: Vec<String> = [&[loss.name()], loss.aliases()].concat().iter().map(|n| format!("`{n}`")).collect();
        let settings = match serde_json::to_value(&loss).unwrap() {
            Value::Object(named) => named[loss.name()].as_object().map(|settings| {
                let one = |(key, value): (&String, &Value)| format!("`{key} = {value}`");
                settings.iter().map(one).collect::<Vec<_>>().join(", ")
            }),
            _ => None,
        };
        let of_terms = "as its terms";
        let (targets, lists) = match loss.name() {
            "sum" => (of_terms, of_terms),
            _ => (loss.targets().words(), if loss.ranks() { "ranks" } else { "" }),
        };
        let formula = loss.formula();
        let (names, settings) = (names.join(", "), settings.unwrap_or_default());
        table += &format!("| {names} | {settings} | {formula} | {targets} | {lists} |\n");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/training.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("<!-- losses -->\n").expect("a place for the table");
    let (found, after) = rest.split_once("<!-- end of losses -->").expect("an end of the table");
    if std::env::var_os("TACHOGRAPH_WRITE").is_some() {
        fs::write(&path, format!("{before}<!-- losses -->\n{table}<!-- end of losses -->{after}")).unwrap();
    } else {
        assert_eq!(found, table, "the losses have changed; the comment above this test says how the table follows");
    }
}
