//! A product of bytes on one core, by loops that the compiler makes vectors of, and by AVX-512 VNNI in their place:
//! `cargo run --release -p tachograph-program --example tensorize`

use tachograph_ir::DType;
use tachograph_program::{Builder, Compiler, Cpu, Expr, Limits, Measurer, Reducer, Result, Schedule, Settings};

const M: u64 = 256;
const N: u64 = 512;
const K: u64 = 512;

fn main() -> Result<()> {
    let mut b = Builder::new("bytes");
    let (x, w) = (b.input("x", DType::U8, &[M, K])?, b.weight("w", DType::I8, &[N, K])?);
    let y = b.reduce("y", &[("i", M), ("j", N)], &[("k", K)], Reducer::Sum, |s, r| {
        let element = |id, i: &tachograph_program::Index| {
            Expr::Cast(DType::I32, Box::new(Expr::Load(id, vec![i.clone(), r[0].clone()])))
        };
        element(x, &s[0]) * element(w, &s[1])
    })?;
    b.set_dtype(y, DType::I32);
    let workload = b.finish(&[y])?;
    // Tiles of 8 × 32 whose sums stay on the stack, in registers if the compiler finds that it can.
    let tiled = |layout: &str| {
        Schedule::new()
            .cache_write("y")
            .layout("w", layout)
            .split("y.local", "i", &[8])
            .split("y.local", "j", &[2, 16])
            .split("y.local", "k", &[4])
            .reorder("y.local", &["j.0", "i.0", "k.0", "i.1", "j.1", "j.2", "k.1"])
            .reverse_compute_at("y", "y.local", "i.0")
            .registers("y.local")
            .unroll("y.local", "i.1")
            .unroll("y.local", "j.1")
    };
    let loops = tiled("d1/4 d0 d1%4").reorder("y.local", &["k.1", "j.2"]).unroll("y.local", "k.1");
    let vnni = tiled("d0/32 d1/4 d0%32 d1%4").tensorize("y.local", "j.2", "vnni_16x4");
    let schedules = [("loops", loops), ("VNNI", vnni)];
    let compiler = Compiler::find()?.with_limits(Limits { seconds: 60, mebibytes: 4096 });
    let mut cpu = Cpu::new(compiler, Settings::default())?;
    let records = cpu.measure(&workload, &schedules.each_ref().map(|(_, schedule)| schedule.clone()))?;
    for ((name, _), record) in schedules.iter().zip(records) {
        match record.outcome.nanoseconds() {
            Some(ns) => println!("{name}: {:.3} ms, {:.1} G operations/s", ns / 1e6, (2 * M * N * K) as f64 / ns),
            None => println!("{name}: {:?}", record.outcome),
        }
    }
    Ok(())
}
