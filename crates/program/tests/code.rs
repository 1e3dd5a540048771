//! Random points of random workloads as C, compiled and run in a child process, against the interpreter; then what
//! must not go unnoticed: crashes, hangs, wrong output.

mod common;

use rand::Rng;
use tachograph_program::{Compiler, Cpu, Failure, Limits, Measurer, Outcome, Settings};

fn cpu(settings: Settings) -> Option<Cpu> {
    match Compiler::find() {
        Ok(compiler) => Some(Cpu::new(compiler, settings).unwrap()),
        Err(error) => {
            eprintln!("not run: {error}");
            None
        }
    }
}

/// One repeat: the check is what matters here.
fn quick() -> Settings {
    Settings { repeats: 1, warmup_ms: 0.0, repeat_ms: 0.0, ..Settings::default() }
}

fn points(from: u64, count: u64) -> Vec<String> {
    let Some(mut cpu) = cpu(quick()) else { return Vec::new() };
    let mut failed = Vec::new();
    for seed in from..from + count {
        let mut rng = common::rng(seed);
        let workload = common::workload(&mut rng);
        let steps = rng.random_range(0..40);
        let schedule = common::schedule(&workload, &mut rng, steps);
        if schedule.lower(&workload).is_err() {
            continue;
        }
        let record = cpu.measure(&workload, std::slice::from_ref(&schedule)).unwrap().remove(0);
        if let Outcome::Failed { reason, message } = record.outcome {
            let code = tachograph_program::c(&schedule.lower(&workload).unwrap(), tachograph_program::Target::native());
            let code = code.map(|code| code.text).unwrap_or_default();
            failed.push(format!("seed {seed}: {reason:?} {message}\n{workload}\n{schedule}\n{code}"));
        }
    }
    failed
}

#[test]
fn code_computes_what_workloads_say() {
    let failed = points(0, 100);
    assert!(failed.is_empty(), "{} failed, the first:\n{}", failed.len(), failed[0]);
}

/// `TACHOGRAPH_POINTS=10000 cargo test --release -p tachograph-program --test code many -- --ignored`
#[test]
#[ignore = "takes half an hour"]
fn many() {
    let count = std::env::var("TACHOGRAPH_POINTS").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000);
    let failed = points(1_000_000, count);
    failed.iter().take(3).for_each(|failure| eprintln!("{failure}"));
    assert!(failed.is_empty(), "{} of {count} failed", failed.len());
}
