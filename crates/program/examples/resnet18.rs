//! A point chosen by hand for each distinct convolution of ResNet-18 at batch 1, measured on one thread.
//!
//! `cargo run --release -p tachograph-program --example resnet18 [-- layer]`

use tachograph_ir::DType::F32;
use tachograph_program::{
    Builder, Compiler, Cpu, Measurer, Outcome, Result, Schedule, Settings, Workload,
    operator::{Activation, Tile, Window, activation, conv, matmul, winograd},
};

/// Name, input channels, output channels, extent of the input, kernel, stride.
const LAYERS: [(&str, u64, u64, u64, u64, u64); 11] = [
    ("stem 7x7", 3, 64, 224, 7, 2),
    ("3x3 56", 64, 64, 56, 3, 1),
    ("3x3 56/2", 64, 128, 56, 3, 2),
    ("1x1 56/2", 64, 128, 56, 1, 2),
    ("3x3 28", 128, 128, 28, 3, 1),
    ("3x3 28/2", 128, 256, 28, 3, 2),
    ("1x1 28/2", 128, 256, 28, 1, 2),
    ("3x3 14", 256, 256, 14, 3, 1),
    ("3x3 14/2", 256, 512, 14, 3, 2),
    ("1x1 14/2", 256, 512, 14, 1, 2),
    ("3x3 7", 512, 512, 7, 3, 1),
];

/// Pixels, rows, vectors, depth.
type Tiles = (u64, u64, u64, u64);

fn layer(c: u64, o: u64, n: u64, k: u64, stride: u64) -> Result<Workload> {
    let mut b = Builder::new("conv_relu");
    let x = b.input("x", F32, &[1, c, n, n])?;
    let w = b.weight("w", F32, &[o, c, k, k])?;
    let y = conv(&mut b, x, w, &Window::square(2, stride, k as i64 / 2))?;
    let y = activation(&mut b, y, Activation::Relu)?;
    b.finish(&[y])
}

/// Channels in blocks of one vector, accumulators of `pixels` × `vectors` in registers over the whole reduction, and
/// rows of `rows` at a time for the padded input.
fn point(c: u64, padded: bool, lanes: u64, pixels: u64, rows: u64, vectors: u64, depth: u64) -> Schedule {
    let (block, outer) = (lanes.min(c), lanes * vectors);
    let image = format!("d0 d1/{block} d2 d3 d1%{block}");
    let mut s = Schedule::new()
        .layout("x", &image)
        .layout("w", &format!("d0/{outer} d1/{block} d2 d3 d1%{block} d0%{outer}"))
        .layout("conv", &format!("n o/{lanes} y x o%{lanes}"))
        .layout("relu", &format!("n o/{lanes} y x o%{lanes}"))
        .split("conv", "o", &[vectors, lanes])
        .split("conv", "x", &[pixels])
        .split("conv", "y", &[rows])
        .split("conv", "c", &[depth]);
    s = s
        .reorder("conv", &["n", "o.0", "y.0", "x.0", "c.0", "ky", "kx", "c.1", "y.1", "x.1", "o.1", "o.2"])
        .reverse_compute_at("relu", "conv", "x.0")
        .reorder("relu", &["n", "o.0", "y.0", "x.0", "y.1", "x.1", "o.1"])
        .vectorize("relu", "o.1")
        .unroll("relu", "x.1")
        .unroll("relu", "y.1")
        .registers("conv")
        .vectorize("conv", "o.2")
        .unroll("conv", "o.1")
        .unroll("conv", "x.1")
        .unroll("conv", "y.1");
    if padded {
        s = s.layout("pad", &image).split("pad", "c", &[block]).reorder("pad", &["n", "c.0", "y", "x", "c.1"]);
        if block > 1 {
            s = s.vectorize("pad", "c.1");
        }
    }
    s
}

/// The same convolution as Winograd's F(4×4, 3×3).
fn fast_layer(c: u64, o: u64, n: u64) -> Result<Workload> {
    let mut b = Builder::new("winograd_relu");
    let x = b.input("x", F32, &[1, c, n, n])?;
    let w = b.weight("w", F32, &[o, c, 3, 3])?;
    let y = winograd(&mut b, x, w, &Window::square(2, 1, 1), Tile::F4)?;
    let y = activation(&mut b, y, Activation::Relu)?;
    b.finish(&[y])
}

/// Transforms in vectors of channels, `rows` × `columns` tiles and two vectors of products in registers.
fn fast_point(lanes: u64, rows: u64, columns: u64, vectors: u64) -> Schedule {
    let (l, outer) = (lanes, lanes * vectors);
    let mut s = Schedule::new()
        .layout("x", &format!("d0 d1/{l} d2 d3 d1%{l}"))
        .layout("pad", &format!("n c/{l} y x c%{l}"))
        .layout("input_rows", &format!("n c/{l} ty e x c%{l}"))
        .layout("weight_tiles", &format!("e f o/{outer} c o%{outer}"))
        .layout("products", &format!("n ty tx o/{l} e f o%{l}"))
        .layout("output_rows", &format!("n o/{l} ty tx f dy o%{l}"))
        .layout("conv", &format!("n o/{l} y x o%{l}"))
        .layout("relu", &format!("n o/{l} y x o%{l}"));
    s = s.split("pad", "c", &[l]).reorder("pad", &["n", "c.0", "y", "x", "c.1"]).vectorize("pad", "c.1");
    // The input: both halves of the transform for one tile and one vector of channels at a time.
    s = s
        .split("input_tiles", "c", &[l])
        .reorder("input_tiles", &["n", "ty", "tx", "c.0", "e", "f", "r", "c.1"])
        .vectorize("input_tiles", "c.1")
        .unroll("input_tiles", "f")
        .unroll("input_tiles", "r")
        .compute_at("input_rows", "input_tiles", "c.0")
        .split("input_rows", "c", &[l])
        .reorder("input_rows", &["n", "c.0", "ty", "x", "e", "r", "c.1"])
        .vectorize("input_rows", "c.1")
        .unroll("input_rows", "e")
        .unroll("input_rows", "r");
    // 36 products of matrices.
    s = s
        .cache_write("products")
        .split("products.local", "o", &[vectors, l])
        .split("products.local", "tx", &[columns])
        .split("products.local", "ty", &[rows])
        .reorder("products.local", &["n", "e", "f", "o.0", "ty.0", "tx.0", "c", "ty.1", "tx.1", "o.1", "o.2"])
        .reverse_compute_at("products", "products.local", "tx.0")
        .split("products", "o.1", &[l])
        .reorder("products", &["ty.1", "tx.1", "o.1.0", "o.1.1"])
        .vectorize("products", "o.1.1")
        .layout("products.local", &format!("e f n ty tx o/{l} o%{l}"))
        .registers("products.local")
        .vectorize("products.local", "o.2")
        .unroll("products.local", "o.1")
        .unroll("products.local", "tx.1")
        .unroll("products.local", "ty.1");
    // The output.
    s.split("conv", "o", &[l])
        .split("conv", "y", &[4])
        .split("conv", "x", &[4])
        .reorder("conv", &["n", "y.0", "x.0", "o.0", "y.1", "x.1", "f", "o.1"])
        .reverse_compute_at("relu", "conv", "o.0")
        .reorder("relu", &["n", "y.0", "x.0", "o.0", "y.1", "x.1", "o.1"])
        .vectorize("relu", "o.1")
        .vectorize("conv", "o.1")
        .unroll("conv", "y.1")
        .unroll("conv", "x.1")
        .unroll("conv", "f")
        .registers("conv")
        .compute_at("output_rows", "relu", "o.0")
        .split("output_rows", "o", &[l])
        .reorder("output_rows", &["n", "o.0", "ty", "tx", "f", "dy", "e", "o.1"])
        .vectorize("output_rows", "o.1")
        .unroll("output_rows", "f")
        .unroll("output_rows", "dy")
        .unroll("output_rows", "e")
        .registers("output_rows")
}

/// A product whose operands stay in the first cache: about what the core can do.
fn product() -> Result<(Workload, Schedule)> {
    let mut b = Builder::new("product");
    let (x, w) = (b.input("x", F32, &[14, 128])?, b.weight("w", F32, &[128, 32])?);
    let y = matmul(&mut b, x, w)?;
    let schedule = Schedule::new()
        .cache_write("matmul")
        .split("matmul.local", "j", &[16])
        .reorder("matmul.local", &["k", "i", "j.0", "j.1"])
        .registers("matmul.local")
        .vectorize("matmul.local", "j.1")
        .unroll("matmul.local", "i")
        .unroll("matmul.local", "j.0")
        .split("matmul", "i", &[14])
        .compute_at("matmul.local", "matmul", "i.0")
        .vectorize("matmul", "j");
    Ok((b.finish(&[y])?, schedule))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let only = std::env::args().nth(1);
    let mut cpu = Cpu::new(Compiler::find()?, Settings { repeats: 15, ..Settings::default() })?;
    let lanes = tachograph_program::Target::native().vector_bytes / 4;
    let (small, schedule) = product()?;
    let records = cpu.measure(&small, &[schedule])?;
    if let Outcome::Time { median, repeats, .. } = &records[0].outcome {
        let least = repeats.iter().copied().fold(f64::INFINITY, f64::min);
        let rate = |time: f64| small.flops() as f64 / time;
        println!("14x128x32 in the first cache: {:.1} GFLOP/s, at best {:.1}", rate(*median), rate(least));
    }
    println!("{:>10} {:>9} {:>9} {:>7}  pixels, rows, vectors, depth", "layer", "ms", "GFLOP/s", "spread");
    for (name, c, o, n, k, stride) in LAYERS {
        if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        let workload = layer(c, o, n, k, stride)?;
        let width = n / stride;
        let mut choices = Vec::new();
        for (pixels, rows, vectors) in [
            (14, 1, 2),
            (7, 1, 4),
            (7, 1, 3),
            (7, 2, 2),
            (7, 3, 1),
            (7, 4, 1),
            (28, 1, 1),
            (8, 1, 3),
            (6, 1, 4),
            (7, 1, 2),
        ] {
            for depth in [lanes.min(c), 1] {
                if pixels <= width && o % (lanes * vectors) == 0 && (vectors * pixels * rows) <= 28 {
                    choices.push((pixels, rows, vectors, depth));
                }
            }
        }
        let padded = k > 1;
        let schedules: Vec<Schedule> =
            choices.iter().map(|&(p, r, v, d)| point(c, padded, lanes, p, r, v, d)).collect();
        let records = cpu.measure(&workload, &schedules)?;
        let mut best: Option<(f64, f64, &Tiles)> = None;
        for (record, choice) in records.iter().zip(&choices) {
            match &record.outcome {
                Outcome::Time { median, spread, .. } => {
                    if best.is_none_or(|(time, ..)| *median < time) {
                        best = Some((*median, *spread, choice));
                    }
                }
                Outcome::Failed { reason, message } => println!("{name} {choice:?}: {reason:?} {message}"),
            }
            if only.is_some()
                && let Some(time) = record.outcome.nanoseconds()
            {
                let Outcome::Time { repeats, .. } = &record.outcome else { continue };
                let least = repeats.iter().copied().fold(f64::INFINITY, f64::min);
                let rate = |time: f64| workload.flops() as f64 / time;
                println!("{name:>10} {:>9.4} {:>9.1} at best {:>9.1} {choice:?}", time / 1e6, rate(time), rate(least));
            }
        }
        if let Some((time, spread, choice)) = best {
            let rate = workload.flops() as f64 / time;
            println!("{name:>10} {:>9.4} {rate:>9.1} {:>6.1}%  {choice:?}", time / 1e6, spread * 100.0);
        }
        if k == 3 && stride == 1 {
            let fast = fast_layer(c, o, n)?;
            let tiles = n.div_ceil(4);
            let mut choices = Vec::new();
            for (rows, columns, vectors) in
                [(1, 14, 2), (1, 7, 2), (2, 7, 2), (1, 7, 4), (2, 4, 2), (3, 4, 2), (4, 4, 1), (1, 4, 4), (2, 2, 4)]
            {
                if columns <= tiles && rows <= tiles && o % (lanes * vectors) == 0 {
                    choices.push((rows, columns, vectors));
                }
            }
            let schedules: Vec<Schedule> = choices.iter().map(|&(r, p, v)| fast_point(lanes, r, p, v)).collect();
            let records = cpu.measure(&fast, &schedules)?;
            for (record, choice) in records.iter().zip(&choices) {
                if let Outcome::Failed { reason, message } = &record.outcome {
                    println!("{name} by Winograd {choice:?}: {reason:?} {message}");
                }
            }
            let mut best: Option<(f64, f64, &(u64, u64, u64))> = None;
            for (record, choice) in records.iter().zip(&choices) {
                let Outcome::Time { median, repeats, .. } = &record.outcome else { continue };
                let least = repeats.iter().copied().fold(f64::INFINITY, f64::min);
                let rate = |time: f64| workload.flops() as f64 / time;
                if only.is_some() {
                    println!(
                        "  Winograd {:>9.4} {:>9.1} at best {:>9.1} {choice:?}",
                        median / 1e6,
                        rate(*median),
                        rate(least)
                    );
                }
                if best.is_none_or(|(time, ..)| *median < time) {
                    best = Some((*median, least, choice));
                }
            }
            if let Some((time, least, choice)) = best {
                let rate = |time: f64| workload.flops() as f64 / time;
                println!(
                    "{name:>10} {:>9.4} {:>9.1} at best {:>9.1}  {choice:?} by Winograd",
                    time / 1e6,
                    rate(time),
                    rate(least)
                );
            }
            if only.is_some() {
                println!("{}", schedules[0].lower(&fast)?);
            }
        }
        if only.is_some() {
            let nest = schedules[0].lower(&workload)?;
            println!("{nest}\n{}", tachograph_program::c(&nest, tachograph_program::Target::native())?.text);
        }
    }
    Ok(())
}
