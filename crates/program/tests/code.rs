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
    let failed = points(0, 60);
    assert!(failed.is_empty(), "{} failed, the first:\n{}", failed.len(), failed[0]);
}

/// `TACHOGRAPH_POINTS=10000 cargo test --release -p tachograph-program --test code many -- --ignored`; one that failed alone by
/// `TACHOGRAPH_FROM=SEED TACHOGRAPH_POINTS=1`.
#[test]
#[ignore = "takes half an hour"]
fn many() {
    let count = std::env::var("TACHOGRAPH_POINTS").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000);
    let from = std::env::var("TACHOGRAPH_FROM").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let failed = points(from, count);
    failed.iter().for_each(|failure| eprintln!("{failure}"));
    assert!(failed.is_empty(), "{} of {count} failed", failed.len());
}

/// A matrix product with this schedule.
fn product(schedule: &tachograph_program::Schedule, settings: Settings) -> Option<Outcome> {
    let mut cpu = cpu(settings)?;
    let mut b = tachograph_program::Builder::new("product");
    let x = b.input("x", tachograph_ir::DType::F32, &[31, 40]).unwrap();
    let w = b.weight("w", tachograph_ir::DType::F32, &[40, 64]).unwrap();
    let y = tachograph_program::operator::matmul(&mut b, x, w).unwrap();
    let workload = b.finish(&[y]).unwrap();
    Some(cpu.measure(&workload, std::slice::from_ref(schedule)).unwrap().remove(0).outcome)
}

#[test]
fn what_cannot_be_done_is_a_record() {
    let unknown = tachograph_program::Schedule::new().split("matmul", "q", &[4]);
    if let Some(Outcome::Failed { reason, message }) = product(&unknown, quick()) {
        assert_eq!(reason, Failure::Schedule);
        assert!(message.contains("step 0") && message.contains("`q`"), "{message}");
    }
    // No number is that close.
    let strict = Settings { tolerance: -1.0, ..quick() };
    if let Some(outcome) = product(&tachograph_program::Schedule::new(), strict) {
        assert!(matches!(outcome, Outcome::Failed { reason: Failure::Wrong, .. }), "{outcome:?}");
    }
    let hasty = Settings { limits: Limits { seconds: 0, mebibytes: 0 }, ..quick() };
    if let Some(outcome) = product(&tachograph_program::Schedule::new(), hasty) {
        assert!(matches!(outcome, Outcome::Failed { reason: Failure::Hang, .. }), "{outcome:?}");
    }
    let small = Settings { limits: Limits { seconds: 10, mebibytes: 1 }, ..quick() };
    if let Some(outcome) = product(&tachograph_program::Schedule::new(), small) {
        assert!(matches!(outcome, Outcome::Failed { reason: Failure::Crash, .. }), "{outcome:?}");
    }
}

#[test]
fn repeats_are_kept() {
    let schedule = tachograph_program::Schedule::new().split("matmul", "j", &[16]).vectorize("matmul", "j.1");
    let reordered = tachograph_program::Schedule::new()
        .split("matmul", "j", &[16])
        .reorder("matmul", &["i", "j.0", "k", "j.1"])
        .vectorize("matmul", "j.1");
    for schedule in [schedule, reordered] {
        let settings =
            Settings { repeats: 5, warmup_ms: 1.0, repeat_ms: 0.1, flush_bytes: 1 << 16, ..Settings::default() };
        match product(&schedule, settings) {
            Some(Outcome::Time { repeats, median, .. }) => assert!(repeats.len() == 5 && median > 0.0),
            // A vector loop must be the innermost one.
            Some(Outcome::Failed { reason, .. }) => assert_eq!(reason, Failure::Schedule),
            None => {}
        }
    }
}

#[test]
fn a_kernel_is_called_from_rust() {
    let Ok(compiler) = Compiler::find() else { return };
    for seed in 0..8 {
        let mut rng = common::rng(seed);
        let workload = common::workload(&mut rng);
        let data = common::data(&workload, &mut rng);
        let nest = common::schedule(&workload, &mut rng, 10).lower(&workload);
        let Ok(nest) = nest else { continue };
        let mut kernel = tachograph_program::Kernel::new(&nest, &compiler).unwrap();
        let (found, expected) = (kernel.call_with(&data).unwrap(), workload.run(&data).unwrap());
        for output in workload.outputs() {
            common::close(&expected[output], &found[output]).unwrap();
        }
    }
}

/// Functions in vectors of every length, over their range, against those of the library.
#[test]
fn functions_are_accurate() {
    use tachograph_program::{Builder, Expr, Kernel, Schedule, Target, Unary};
    let Ok(compiler) = Compiler::find() else { return };
    let n = 4096;
    // The largest error, as a part of the value or, where that is small, of one.
    let cases: [(Unary, f64, f64); 7] = [
        (Unary::Exp, 80.0, 1e-6),
        (Unary::Tanh, 6.0, 1e-6),
        (Unary::Erf, 4.0, 1e-6),
        (Unary::Abs, 9.0, 0.0),
        (Unary::Floor, 9.0, 0.0),
        (Unary::Round, 9.0, 0.0),
        (Unary::Sign, 9.0, 0.0),
    ];
    for (function, reach, tolerance) in cases {
        let mut b = Builder::new("function");
        let x = b.input("x", tachograph_ir::DType::F32, &[n]).unwrap();
        let y = b.map("y", &[("i", n)], |i| Expr::Load(x, i.to_vec()).unary(function)).unwrap();
        let workload = b.finish(&[y]).unwrap();
        let data = (0..n).map(|i| f64::from(((i as f64 / n as f64 * 2.0 - 1.0) * reach) as f32)).collect();
        let data = [(x, data)].into();
        let expected = &workload.run(&data).unwrap()[&y];
        for lanes in [2, 4, 8, 16, 64] {
            let schedule = Schedule::new().split("y", "i", &[lanes]).vectorize("y", "i.1");
            let nest = schedule.lower(&workload).unwrap();
            let code = tachograph_program::c(&nest, Target::native()).unwrap().text;
            assert!(code.contains("f_load("), "{code}");
            let found = Kernel::new(&nest, &compiler).unwrap().call_with(&data).unwrap();
            for ((x, a), b) in data[&x].iter().zip(expected).zip(&found[&y]) {
                let scale = if function == Unary::Exp { a.abs() } else { a.abs().max(1e-2) };
                assert!((a - b).abs() <= tolerance * scale.max(1e-30), "{function:?}({x}) = {b} and not {a}");
            }
        }
    }
}

/// Where numbers have no room, beyond it, and what is no number.
#[test]
fn exponentials_have_ends() {
    use tachograph_program::{Builder, Expr, Kernel, Schedule, Unary};
    let Ok(compiler) = Compiler::find() else { return };
    let given =
        [f64::NEG_INFINITY, -200.0, -104.5, -88.0, -87.0, 0.0, 88.0, 88.5, 89.5, 200.0, f64::INFINITY, f64::NAN];
    let n = 64;
    let mut b = Builder::new("exp");
    let x = b.input("x", tachograph_ir::DType::F32, &[n]).unwrap();
    let y = b.map("y", &[("i", n)], |i| Expr::Load(x, i.to_vec()).unary(Unary::Exp)).unwrap();
    let workload = b.finish(&[y]).unwrap();
    let data: Vec<f64> = given.into_iter().cycle().take(n as usize).collect();
    for lanes in [4, 8, 16, 64] {
        let schedule = Schedule::new().split("y", "i", &[lanes]).vectorize("y", "i.1");
        let nest = schedule.lower(&workload).unwrap();
        let found = Kernel::new(&nest, &compiler).unwrap().call_with(&[(x, data.clone())].into()).unwrap();
        for (x, y) in data.iter().zip(&found[&y]) {
            let exact = x.exp();
            let right = match exact {
                // Beyond the largest number of f32, about e^88.72.
                _ if *x > 88.8 => *y == f64::INFINITY,
                _ if x.is_nan() => y.is_nan(),
                _ => (y - exact).abs() <= 1e-6 * exact + 1e-37,
            };
            assert!(right, "exp({x}) = {y} in vectors of {lanes}");
        }
    }
}
