//! The command line of `reproduce`.

use crate::run;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_reproduce");

#[test]
fn tables_are_listed_and_others_refused() {
    let said = run(PROGRAM, ["nothing"]);
    assert!(!said.good && said.out.is_empty());
    let tables = ["help-nb201", "ncnn-unseen", "neusight", "own-cpu", "timm-device", "timm-train"];
    assert!(tables.iter().all(|table| said.err.contains(table)), "{}", said.err);
    assert!(run(PROGRAM, ["--help"]).good().contains("--only"));
}

#[test]
fn a_table_whose_data_are_missing_says_where_to_get_them() {
    for (table, set) in [
        ("help-fbnet", "help"),
        ("ncnn", "ncnn"),
        ("neusight", "NeuSight"),
        ("timm-cpu", "timm"),
        ("timm-device", "timm"),
    ] {
        let said = run(PROGRAM, [table, "--data", "nowhere"]);
        assert!(!said.good && said.err.contains("nowhere") && said.err.contains(set), "{table}: {}", said.err);
    }
}

#[test]
fn intervals_need_an_ensemble() {
    let said = run(PROGRAM, ["timm", "--data", "nowhere", "--seeds", "1", "--intervals", "x"]);
    assert!(!said.good && said.err.contains("--seeds"), "{}", said.err);
}
