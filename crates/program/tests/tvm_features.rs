//! Ansor's features against those that TVM 0.27 computes for the same loops.

mod common;
#[path = "common/tvmscript.rs"]
mod tvmscript;

use std::io::{Read, Write};

use serde::{Deserialize, Serialize};
use tachograph_ir::DType::F32;
use tachograph_program::{
    Builder, CpuRules, Schedule, Space, Workload,
    features::{self, Program},
    operator::{self, Activation, Pooling, Tile, Window},
};

/// A program, and what TVM says of it. `tests/golden/tvm_features.py` fills in the features.
#[derive(Serialize, Deserialize)]
struct Golden {
    workload: Workload,
    schedule: Schedule,
    script: String,
    #[serde(default)]
    features: Vec<Vec<f64>>,
}

/// Workloads of the sizes that networks have.
fn workloads() -> Vec<Workload> {
    let of = |name: &str, make: &dyn Fn(&mut Builder) -> tachograph_program::Result<tachograph_program::BufferId>| {
        let mut b = Builder::new(name);
        let y = make(&mut b).unwrap();
        b.finish(&[y]).unwrap()
    };
    let conv = |channels: u64, out: u64, extent: u64, kernel: u64, stride: u64, groups: u64| {
        of("conv", &|b| {
            let x = b.input("x", F32, &[1, channels, extent, extent])?;
            let w = b.weight("w", F32, &[out, channels / groups, kernel, kernel])?;
            let y = operator::conv(b, x, w, &Window::square(2, stride, kernel as i64 / 2).grouped(groups))?;
            operator::activation(b, y, Activation::Relu)
        })
    };
    vec![
        conv(64, 64, 56, 3, 1, 1),
        conv(3, 64, 224, 7, 2, 1),
        conv(128, 256, 28, 1, 2, 1),
        conv(96, 96, 28, 5, 1, 96),
        of("dense", &|b| {
            let (x, w) = (b.input("x", F32, &[128, 768])?, b.weight("w", F32, &[768, 3072])?);
            let y = operator::matmul(b, x, w)?;
            operator::activation(b, y, Activation::Gelu)
        }),
        of("batch", &|b| {
            let (x, y) = (b.input("x", F32, &[12, 64, 32])?, b.input("y", F32, &[12, 32, 64])?);
            operator::matmul(b, x, y)
        }),
        of("softmax", &|b| {
            let x = b.input("x", F32, &[12, 64, 64])?;
            operator::softmax(b, x, 2, false)
        }),
        of("norm", &|b| {
            let x = b.input("x", F32, &[64, 768])?;
            operator::layer_norm(b, x, 1, 1e-5, None, None)
        }),
        of("pool", &|b| {
            let x = b.input("x", F32, &[1, 64, 112, 112])?;
            operator::pool(b, x, &[3, 3], &Window::square(2, 2, 1), &[56, 56], Pooling::Max)
        }),
        of("winograd", &|b| {
            let (x, w) = (b.input("x", F32, &[1, 32, 14, 14])?, b.weight("w", F32, &[32, 32, 3, 3])?);
            operator::winograd(b, x, w, &Window::square(2, 1, 1), Tile::F2)
        }),
    ]
}

/// Writes the programs for the script: `TACHOGRAPH_PROGRAMS=FILE`, and `TACHOGRAPH_SEED=N` for others than those of the
/// golden file, which is N = 0.
#[test]
#[ignore = "writes the programs that the golden file is made of"]
fn write_programs() {
    let base = std::env::var("TACHOGRAPH_SEED").map_or(0, |n| n.parse().expect("a number"));
    let mut programs = Vec::new();
    let mut add = |workload: &Workload, schedule: Schedule, limit: usize| {
        let Ok(nest) = schedule.lower(workload) else { return };
        if let Some(script) = tvmscript::script(&nest)
            && script.len() < 12_000
            && programs.len() < limit
        {
            programs.push(Golden { workload: workload.clone(), schedule, script, features: Vec::new() });
        }
    };
    for seed in 0..200 {
        let mut rng = common::rng(1000 * (base + 1) + seed);
        let workload = common::workload(&mut rng);
        let schedule = common::schedule(&workload, &mut rng, 20);
        add(&workload, schedule, 100);
    }
    let mut rng = common::rng(7 + base);
    for cores in [1, 4].repeat(10) {
        for workload in workloads() {
            let space = Space::cpu(&workload, CpuRules { cores, ..CpuRules::default() }).unwrap();
            let point = space.sample(&mut rng).unwrap();
            add(&workload, space.schedule(&point).unwrap(), 200);
        }
    }
    assert_eq!(programs.len(), 200);
    let path = std::env::var("TACHOGRAPH_PROGRAMS").expect("TACHOGRAPH_PROGRAMS names a file");
    let mut file = std::fs::File::create(path).unwrap();
    for program in programs {
        writeln!(file, "{}", serde_json::to_string(&program).unwrap()).unwrap();
    }
}

fn golden() -> Vec<Golden> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/tvm_features.jsonl.gz");
    let path = std::env::var("TACHOGRAPH_GOLDEN").unwrap_or_else(|_| path.into());
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn per_store_features_are_those_of_tvm() {
    let set = features::named("per-store").unwrap();
    let (mut stale, mut stores, mut wrong) = (0, 0, Vec::new());
    for (i, program) in golden().iter().enumerate() {
        let ours = Program::new(&program.workload, &program.schedule).unwrap();
        // Lowering may get better; what TVM said was of the loops as they were.
        if tvmscript::script(ours.nest()).as_ref() != Some(&program.script) {
            stale += 1;
            continue;
        }
        let columns = set.columns(&ours);
        let found = set.extract(&ours).unwrap();
        let mut differ: Vec<String> = Vec::new();
        if found.len() != program.features.len() {
            differ.push(format!("{} stores and not {}", found.len(), program.features.len()));
        }
        for (store, expected) in program.features.iter().enumerate().take(found.len()) {
            stores += 1;
            for ((name, &expected), &found) in columns.iter().zip(expected).zip(found.row(store)) {
                if (expected - found).abs() > 1e-8 * expected.abs().max(1.0) {
                    differ.push(format!(
                        "store {store}, {name}: {} and not {}",
                        found.exp2() - 1.0,
                        expected.exp2() - 1.0
                    ));
                }
            }
        }
        if !differ.is_empty() {
            wrong.push(format!("program {i}\n{}\n{}", differ.join("\n"), program.script));
        }
    }
    println!("{stores} stores, {} programs differ, {stale} are lowered otherwise", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(stale < 100, "{stale} programs are lowered otherwise now: run tests/golden/tvm_features.py again");
}
