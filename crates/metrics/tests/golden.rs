//! Every metric against SciPy and scikit-learn (`golden/make.py`), and its errors.

use serde_json::Value;
use tachograph_metrics::*;

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

#[test]
fn golden() {
    let golden: Value = serde_json::from_str(include_str!("golden/metrics.json")).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert!(cases.len() >= 14);
    for case in cases {
        let (p, y) = (numbers(&case["predicted"]), numbers(&case["measured"]));
        let (p, y) = (&p, &y);
        for (metric, found) in [
            ("mae", mae(p, y)),
            ("rmse", rmse(p, y)),
            ("bias", bias(p, y)),
            ("r2", r2(p, y)),
            ("mape", mape(p, y)),
            ("rmspe", rmspe(p, y)),
            ("acc_10", accuracy(p, y, 0.10)),
            ("pearson", pearson(p, y)),
            ("spearman", spearman(p, y)),
            ("kendall", kendall(p, y)),
            ("ordered_pairs", ordered_pair_accuracy(p, y)),
            ("pairwise", pairwise_accuracy(p, y)),
            ("top_1", top_k_error(p, y, 1)),
            ("top_5", top_k_error(p, y, 5)),
        ] {
            let what = format!("{metric} of {}", case["name"]);
            match (case[metric].as_f64(), found) {
                (Some(expected), Ok(found)) => close(found, expected, &what),
                (None, Err(Error::Undefined { .. })) => {}
                (expected, found) => panic!("{what}: {found:?} where the reference has {expected:?}"),
            }
        }
        for (metric, k) in [("ndcg_3", 3), ("ndcg_all", p.len())] {
            if let Some(expected) = case[metric].as_f64() {
                close(ndcg(p, y, k).unwrap(), expected, &format!("{metric} of {}", case["name"]));
            }
        }
        assert_eq!(ranks(p).unwrap(), numbers(&case["ranks"]), "ranks of {}", case["name"]);
        let intervals = &case["intervals"];
        let (low, high) = (numbers(&intervals["low"]), numbers(&intervals["high"]));
        let found = Calibration::new(&low, &high, y, 0.9, "ms").unwrap();
        for (metric, value) in [("coverage", found.coverage), ("width", found.width)] {
            close(value, intervals[metric].as_f64().unwrap(), &format!("{metric} of {}", case["name"]));
        }
        close(found.relative_width.unwrap(), intervals["relative_width"].as_f64().unwrap(), "relative width");
    }
}

#[test]
fn golden_networks() {
    let golden: Value = serde_json::from_str(include_str!("golden/metrics.json")).unwrap();
    for network in golden["networks"].as_array().unwrap() {
        let tasks: Vec<_> = network["tasks"].as_array().unwrap().iter().collect();
        let owned: Vec<_> = tasks.iter().map(|t| (numbers(&t["scores"]), numbers(&t["times"]))).collect();
        let weights = tasks.iter().map(|t| t["weight"].as_f64().unwrap());
        let tasks: Vec<_> = weights.zip(&owned).map(|(w, (scores, times))| Task::new(w, scores, times)).collect();
        for k in [1, 5, 20] {
            let expected = |metric: &str| network[metric][k.to_string()].as_f64().unwrap();
            close(top_k_score(&tasks, k).unwrap(), expected("top_k_score"), "top-k score");
            close(peak_score(&tasks, k).unwrap(), expected("peak_score"), "peak score");
        }
        let predicted: Vec<Vec<f64>> = owned.iter().map(|(s, _)| s.iter().map(|s| -s).collect()).collect();
        let ape = tile_size_ape(predicted.iter().zip(&owned).map(|(p, (_, y))| (p, y))).unwrap();
        close(ape, network["tile_size_ape"].as_f64().unwrap(), "tile-size APE");
    }
}

fn close(found: f64, expected: f64, what: &str) {
    let tolerance = 1e-12 * expected.abs().max(1.0);
    assert!((found - expected).abs() <= tolerance, "{what}: {found} is not {expected}");
}

#[test]
fn bad_input_is_a_typed_error() {
    type Metric = fn(&[f64], &[f64]) -> Result<f64>;
    let all: [Metric; 14] = [
        |p, y| mae(p, y),
        |p, y| rmse(p, y),
        |p, y| bias(p, y),
        |p, y| r2(p, y),
        |p, y| mape(p, y),
        |p, y| rmspe(p, y),
        |p, y| accuracy(p, y, 0.1),
        |p, y| pearson(p, y),
        |p, y| spearman(p, y),
        |p, y| kendall(p, y),
        |p, y| ordered_pair_accuracy(p, y),
        |p, y| pairwise_accuracy(p, y),
        |p, y| ndcg(p, y, 3),
        |p, y| top_k_error(p, y, 1),
    ];
    for metric in all {
        let lengths = Error::Lengths { predicted: 2, measured: 1, what: "measured values" };
        assert_eq!(metric(&[1.0, 2.0], &[1.0]), Err(lengths));
        assert_eq!(metric(&[], &[]), Err(Error::Empty));
        let nan = metric(&[1.0, f64::NAN], &[1.0, 2.0]).unwrap_err();
        assert!(matches!(nan, Error::NotFinite { side: Side::Predicted, index: 1, .. }), "{nan}");
        let infinite = metric(&[1.0, 2.0], &[f64::INFINITY, 2.0]).unwrap_err();
        assert!(matches!(infinite, Error::NotFinite { side: Side::Measured, index: 0, .. }), "{infinite}");
    }
    let relative: [Metric; 3] = [|p, y| mape(p, y), |p, y| rmspe(p, y), |p, y| accuracy(p, y, 0.1)];
    for metric in relative {
        assert_eq!(metric(&[1.0, 1.0], &[1.0, 0.0]), Err(Error::ZeroTarget { index: 1 }));
    }
}

#[test]
fn pairs_by_hand() {
    // Pairs: (1,2) agree; (1,3) tied in p; (2,3) disagree; (1,4) (2,4) (3,4) agree.
    let (p, y) = ([1.0, 2.0, 1.0, 3.0], [1.0, 2.0, 4.0, 5.0]);
    assert_eq!(ordered_pair_accuracy(&p, &y), Ok(4.0 / 6.0));
    assert_eq!(pairwise_accuracy(&p, &y), Ok(4.0 / 6.0));
    assert_eq!(pairwise_accuracy(&[1.0, 1.0, 2.0], &[3.0, 3.0, 3.0]), Ok(1.0 / 3.0));
    assert!(ordered_pair_accuracy(&[1.0, 2.0], &[3.0, 3.0]).is_err());
}
