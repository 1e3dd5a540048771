//! The study of a device with few measurements, on the table of the examples.

use crate::{at, run};

#[test]
fn a_table_is_studied() {
    let table = at("examples/measured.csv");
    let words =
        ["--device", "xeon-spr-1t", "--k", "5", "--seeds", "1", "--methods", "--only", "rates", "--only", "scale"];
    let words = ["--csv", table.to_str().unwrap()].into_iter().chain(words);
    let out = run(env!("CARGO_BIN_EXE_few_shot"), words).good();
    assert!(out.starts_with("14 measurements on xeon-spr-1t, seeds 0 to 0\n"), "{out}");
    // Three selections by rates, and the checkpoint scaled by one factor, from a stratified one.
    let lines: Vec<&str> = out.lines().skip(2).collect();
    let of = |name: &str| lines.iter().filter(|line| line.contains(name)).count();
    assert_eq!((of(" rates "), of(" scale "), lines.len()), (3, 1, 4), "{out}");
    let error = |line: &&str| -> f64 {
        let (before, _) = line.split_once(" % (").unwrap();
        before.rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert!(lines.iter().map(error).all(|mape| mape > 0.0 && mape < 60.0), "{out}");
}
