//! Headline figures of `docs/results.md`, from the published sets. What takes longer than some seconds is left to those
//! who change it: the commands stand beside the tables.

use std::path::Path;

use crate::{at, documented::assert_documented, reproduce::PROGRAM, run};

#[test]
#[ignore = "needs TACHOGRAPH_DATA (ncnn)"]
fn machines_and_networks_held_out_are_as_documented() {
    let out = run(PROGRAM, ["ncnn-unseen"]).good();
    let all: String = out.split("\n### ").filter(|table| table.contains("all rows (ms)")).collect();
    assert_documented(&all, "tachograph rates", 0);
    assert_documented(&all, "bundled checkpoint, scaled by the median ratio", 0);
    assert!(out.contains("80 % intervals hold 82.5 % (5 measured)."), "{out}");
}

#[test]
#[ignore = "needs TACHOGRAPH_DATA (neusight)"]
fn language_models_are_as_documented() {
    // The kernels of the first seed, which take one fit; the row above has three.
    let predictors = ["NeuSight, published", "roofline of the device file", "  kernels alone"];
    let only = predictors.iter().flat_map(|predictor| ["--only", predictor]);
    let out = run(PROGRAM, ["neusight", "--seeds", "1"].into_iter().chain(only)).good();
    for predictor in predictors {
        assert_documented(&out, predictor.trim(), 0);
    }
}

#[test]
#[ignore = "needs TACHOGRAPH_DATA (help)"]
fn what_needs_no_seed_in_helps_table_is_as_documented() {
    let out = run(PROGRAM, ["help-fbnet", "--seeds", "1"]).good().replace(" ± 0.0000", "");
    for predictor in ["FLOPs", "best training device, with hindsight", "ceiling: the device's own times, smoothed"] {
        assert_documented(&out, predictor, 0);
    }
}

#[test]
#[ignore = "needs TACHOGRAPH_DATA and TACHOGRAPH_MODELS (timm)"]
fn costs_agree_with_published_ones_as_documented() {
    let folder = |name: &str| Path::new(&std::env::var_os(name).unwrap()).join("timm");
    let words = [folder("TACHOGRAPH_MODELS"), "--published".into(), folder("TACHOGRAPH_DATA")];
    let said = run(env!("CARGO_BIN_EXE_survey"), words);
    let documented = std::fs::read_to_string(at("docs/costs.md")).unwrap();
    let shares = said.err.lines().filter(|line| line.ends_with("models within 1 %"));
    let shares: Vec<&str> = shares.map(|line| line.split_once(": ").unwrap().1.split(" of").next().unwrap()).collect();
    assert_eq!(shares.len(), 3, "{}", said.err);
    assert!(shares.iter().all(|share| documented.contains(share)), "docs/costs.md has other shares than {shares:?}");
}
