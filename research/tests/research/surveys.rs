//! The surveys, which need no libtorch.

use crate::{at, run};

#[test]
fn the_models_of_the_repository_have_no_fault() {
    let said = run(env!("CARGO_BIN_EXE_survey"), [at("datasets/models").to_str().unwrap(), "--batch", "4"]);
    assert!(said.err.contains("14 of 14 files without fault"), "{}", said.err);
    let lines: Vec<Vec<&str>> = said.out.lines().map(|line| line.split('\t').collect()).collect();
    let column = |name: &str| lines[0].iter().position(|heading| *heading == name).unwrap();
    let (file, macs) = (column("file"), column("macs"));
    let squeezenet = lines.iter().find(|line| line[file] == "squeezenet1_1").unwrap();
    let macs: f64 = squeezenet[macs].parse().unwrap();
    assert!((macs / 0.35e9 - 1.0).abs() < 0.1, "0.35 GMACs by its authors, here {macs}");
}

#[test]
fn published_columns_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let rows = "model,infer_img_size,infer_gmacs,infer_macts,param_count\na,224,1.0,2.0,3.0\n";
    std::fs::write(folder.path().join("benchmark-infer-x.csv"), rows).unwrap();
    let words = [at("datasets/models"), "--published".into(), folder.path().to_owned()];
    let said = run(env!("CARGO_BIN_EXE_survey"), words);
    assert!(said.good && said.err.contains("GMACs: 100.00 % of 0 models within 1 %"), "{}", said.err);
}

#[test]
fn a_set_repeats_itself() {
    let set = at("datasets/gpu-again");
    let out = run(env!("CARGO_BIN_EXE_repeatability"), [&set, &set]).good();
    assert!(out.contains("65 networks measured twice; medians differ by\n  0.0 % (median)"), "{out}");
    let other = run(env!("CARGO_BIN_EXE_repeatability"), [at("datasets/gpu"), set]).good();
    assert!(other.contains("peak memories differ by"), "{other}");
}
