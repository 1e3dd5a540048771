//! Rank metrics of a million pairs; `metrics.py` runs SciPy on the same numbers.
//!
//!     cargo bench -p tachograph-benches-plain --bench metrics
//!     cargo bench -p tachograph-benches-plain --bench metrics -- --peer python    # side by side, in turn

use std::{hint::black_box, process::Command, time::Instant};

use criterion::{BenchmarkId, Criterion};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tachograph_metrics::{kendall, mape, spearman};

const PAIRS: usize = 1_000_000;

/// Predictions that follow the measurements with noise; `tied` rounds both to a tenth.
fn pairs(n: usize, tied: bool) -> (Vec<f64>, Vec<f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let round = |v: f64| if tied { (10.0 * v).round() / 10.0 } else { v };
    (0..n)
        .map(|_| {
            let y: f64 = rng.random_range(1.0..100.0);
            (round(y * rng.random_range(0.5..2.0)), round(y))
        })
        .unzip()
}

fn criterion(criterion: &mut Criterion) {
    for tied in [false, true] {
        let (p, y) = pairs(PAIRS, tied);
        let mut group = criterion.benchmark_group(if tied { "tied" } else { "distinct" });
        group.sample_size(20);
        group.bench_function(BenchmarkId::new("kendall", PAIRS), |b| b.iter(|| kendall(black_box(&p), &y)));
        group.bench_function(BenchmarkId::new("spearman", PAIRS), |b| b.iter(|| spearman(black_box(&p), &y)));
        group.bench_function(BenchmarkId::new("mape", PAIRS), |b| b.iter(|| mape(black_box(&p), &y)));
        group.finish();
    }
}

/// Writes the pairs, then times both sides in turn: SciPy says its own times, without starting up.
fn side_by_side(python: &str) -> std::io::Result<()> {
    let dir = std::env::temp_dir().join(format!("tachograph-metrics-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    for tied in [false, true] {
        let (p, y) = pairs(PAIRS, tied);
        for (name, values) in [("p", &p), ("y", &y)] {
            let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            std::fs::write(dir.join(name), bytes)?;
        }
        let mut times: Vec<f64> = (0..15)
            .map(|_| {
                let start = Instant::now();
                black_box(kendall(black_box(&p), &y)).ok();
                start.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        times.sort_unstable_by(f64::total_cmp);
        let found = kendall(&p, &y).map_or(f64::NAN, |v| v);
        let what = if tied { "tied" } else { "distinct" };
        println!("{what}: Tachograph  median {:.1} ms, least {:.1} ms, tau {found:.15}", times[7], times[0]);
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/metrics.py");
        Command::new(python).arg(script).arg(&dir).env("OMP_NUM_THREADS", "1").status()?;
    }
    std::fs::remove_dir_all(&dir)
}

fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    if let Some(at) = args.iter().position(|a| a == "--peer") {
        return side_by_side(args.get(at + 1).map_or("python3", |p| p));
    }
    let mut all = Criterion::default().configure_from_args();
    criterion(&mut all);
    all.final_summary();
    Ok(())
}
