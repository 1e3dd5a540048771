//! An operator of one's own, a schedule for it, and the kernel called from Rust.
//!
//! It is a gated linear unit with the gate's product beside the value's: y = (x·v) · sigmoid(x·g).

use tachograph_ir::DType::F32;
use tachograph_program::{Builder, Compiler, Data, Expr, Kernel, Reducer, Schedule};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (rows, depth, width) = (64, 256, 512);
    let mut b = Builder::new("gated_linear_unit");
    let x = b.input("x", F32, &[rows, depth])?;
    let mut product = |name: &str| {
        let w = b.weight(&format!("w_{name}"), F32, &[depth, width])?;
        let y = b.reduce(name, &[("i", rows), ("j", width)], &[("k", depth)], Reducer::Sum, |s, r| {
            Expr::Load(x, vec![s[0].clone(), r[0].clone()]) * Expr::Load(w, vec![r[0].clone(), s[1].clone()])
        })?;
        Ok::<_, tachograph_program::Error>((w, y))
    };
    let ((w_value, value), (w_gate, gate)) = (product("value")?, product("gate")?);
    let y = b.map("glu", &[("i", rows), ("j", width)], |i| {
        Expr::Load(value, i.to_vec()) * Expr::Load(gate, i.to_vec()).sigmoid()
    })?;
    let workload = b.finish(&[y])?;

    // Tiles of 4 × 32 of the result; both products of a tile stay in registers over the whole reduction.
    let mut schedule = Schedule::new()
        .split("glu", "i", &[4])
        .split("glu", "j", &[32])
        .reorder("glu", &["i.0", "j.0", "i.1", "j.1"])
        .vectorize("glu", "j.1");
    for name in ["value", "gate"] {
        schedule = schedule
            .layout(&format!("w_{name}"), "d1/32 d0 d1%32")
            .compute_at(name, "glu", "j.0")
            .reorder(name, &["k", "i", "j"])
            .registers(name)
            .unroll(name, "i")
            .vectorize(name, "j");
    }
    let nest = schedule.lower(&workload)?;
    println!("{workload}\n{schedule}\n{nest}");

    let mut kernel = Kernel::new(&nest, &Compiler::find()?)?;
    let numbers = |n: u64, step: u64| (0..n).map(|i| (i * step % 17) as f64 / 17.0 - 0.5).collect::<Vec<f64>>();
    let given = Data::from([
        (x, numbers(rows * depth, 5)),
        (w_value, numbers(depth * width, 7)),
        (w_gate, numbers(depth * width, 3)),
    ]);
    let (found, expected) = (kernel.call_with(&given)?, workload.run(&given)?);
    let error = found[&y].iter().zip(&expected[&y]).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    println!("largest difference from the interpreter: {error:.1e}");

    let start = std::time::Instant::now();
    (0..100).try_for_each(|_| kernel.run())?;
    let seconds = start.elapsed().as_secs_f64() / 100.0;
    println!("{:.3} ms, {:.1} GFLOP/s", seconds * 1e3, workload.flops() as f64 / seconds / 1e9);
    Ok(())
}
