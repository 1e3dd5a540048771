//! Points of the templates, held to the interpreter of workloads, as nests and as C.

mod common;

use rand::{Rng, seq::IndexedRandom};
use tachograph_ir::DType::F32;
use tachograph_program::{
    BufferId, Builder, Choice, Compiler, Cpu, Decision, Expr, Index, Machine, Measurer, Outcome, Result, Settings,
    Space, Target, Workload, c,
    operator::{self, Activation, Tile, Window},
};

/// Something that goes over memory once: a softmax, a normalisation, a reduction, a chain of element-wise functions.
fn rows(b: &mut Builder, rng: &mut impl Rng) -> Result<BufferId> {
    let mut pick = |of: &[u64]| *of.choose(rng).unwrap();
    let shape = [pick(&[1, 3]), pick(&[2, 5]), pick(&[1, 7, 16, 37, 64, 96])];
    let x = b.input("x", F32, &shape)?;
    let axes: &[usize] = if pick(&[0, 1]) == 0 { &[2] } else { &[1, 2] };
    let keep = pick(&[0, 1]) == 1;
    match pick(&[0, 1, 2, 3]) {
        0 => operator::softmax(b, x, 2, keep),
        1 => {
            let scale = b.weight("scale", F32, &[shape[2]])?;
            operator::layer_norm(b, x, axes[0], 1e-5, Some(scale), None)
        }
        2 => {
            use operator::Reduction::{L2, Max, Mean, Min, Product, Sum};
            let what = [Sum, Mean, Max, Min, Product, L2][pick(&[0, 1, 2, 3, 4, 5]) as usize];
            operator::reduce(b, x, axes, keep, what)
        }
        _ => {
            let shift = b.weight("shift", F32, &shape[1..])?;
            let y = b.apply("shifted", x, |y, i| y + Expr::Load(shift, i[1..].to_vec()))?;
            operator::activation(
                b,
                y,
                [Activation::Gelu, Activation::Silu, Activation::Tanh][pick(&[0, 1, 2]) as usize],
            )
        }
    }
}

/// A gate for each channel of images.
fn gated(b: &mut Builder, rng: &mut impl Rng) -> Result<BufferId> {
    let mut pick = |of: &[u64]| *of.choose(rng).unwrap();
    let (n, c, size) = (pick(&[1, 2]), pick(&[2, 12, 16, 20, 48]), pick(&[5, 8]));
    let (x, gate) = (b.input("x", F32, &[n, c, size, size + 1])?, b.input("gate", F32, &[n, c, 1, 1])?);
    let index = |i: &[Index]| vec![i[0].clone(), i[1].clone(), Index::default(), Index::default()];
    b.apply("gated", x, |x, i| x * Expr::Load(gate, index(i)))
}

/// Windows of images, or all of each: the largest, or a mean.
fn pooled(b: &mut Builder, rng: &mut impl Rng) -> Result<BufferId> {
    use operator::{Pooling, Reduction, pool};
    let mut pick = |of: &[u64]| *of.choose(rng).unwrap();
    let (c, size, stride, pad) = (pick(&[1, 8, 15, 20, 64]), pick(&[6, 9, 14]), pick(&[1, 2]), pick(&[0, 1]));
    let x = b.input("x", F32, &[pick(&[1, 2]), c, size, size + 1])?;
    if pick(&[0, 1, 2]) == 0 {
        let what = [Reduction::Max, Reduction::Mean][pick(&[0, 1]) as usize];
        return operator::reduce(b, x, &[2, 3], true, what);
    }
    let kernel = pick(&[2, 3]);
    let window = Window::square(2, stride, pad as i64);
    let output = [size, size + 1].map(|n| (n + 2 * pad - kernel) / stride + 1);
    let what = [Pooling::Max, Pooling::Mean, Pooling::MeanOfAll][pick(&[0, 1, 2]) as usize];
    pool(b, x, &[kernel, kernel], &window, &output, what)
}

/// A convolution, depthwise or not, direct or by Winograd, pooling, a product, or what goes over memory once; and what follows.
fn workload(rng: &mut impl Rng) -> Result<Workload> {
    let mut b = Builder::new("t");
    let mut pick = |of: &[u64]| *of.choose(rng).unwrap();
    let kind = pick(&[0, 1, 2, 3, 4, 5, 6, 7, 8]);
    let y = if kind == 6 {
        pooled(&mut b, rng)?
    } else if kind == 7 {
        gated(&mut b, rng)?
    } else if kind == 5 {
        rows(&mut b, rng)?
    } else if kind == 4 {
        let (m, k, n) = (pick(&[1, 7, 16]), pick(&[1, 5, 32]), pick(&[3, 16, 48]));
        match pick(&[0, 1]) {
            0 => {
                let (x, w) = (b.input("x", F32, &[m, k])?, b.weight("w", F32, &[k, n])?);
                operator::matmul(&mut b, x, w)?
            }
            // Two activations, as in attention.
            _ => {
                let (x, y) = (b.input("x", F32, &[2, m, k])?, b.input("y", F32, &[2, k, n])?);
                operator::matmul(&mut b, x, y)?
            }
        }
    } else {
        let (c, height, width) = (pick(&[1, 3, 12, 16, 20]), pick(&[5, 7, 8]), pick(&[5, 9, 14]));
        let (o, kernel) = (pick(&[7, 8, 16, 32, 48]), if kind == 0 { pick(&[1, 3, 5]) } else { 3 });
        let (c, o, groups) = match kind {
            1 => (c, c, c),
            8 => {
                let groups = pick(&[2, 3, 8]);
                (groups * pick(&[1, 3, 4, 16]), groups * pick(&[2, 4, 6, 16]), groups)
            }
            _ => (c, o, 1),
        };
        let stride = if [0, 1, 8].contains(&kind) { pick(&[1, 2]) } else { 1 };
        let window = Window::square(2, stride, pick(&[0, 1]) as i64).grouped(groups);
        let (x, w) =
            (b.input("x", F32, &[1, c, height, width])?, b.weight("w", F32, &[o, c / groups, kernel, kernel])?);
        match kind {
            2 => operator::winograd(&mut b, x, w, &window, Tile::F2)?,
            3 => operator::winograd(&mut b, x, w, &window, Tile::F4)?,
            _ => operator::conv(&mut b, x, w, &window)?,
        }
    };
    let shape = b.shape(y).to_vec();
    let y = match if shape.len() < 2 { 0 } else { *[0, 1, 2, 3, 4].choose(rng).unwrap() } {
        0 => y,
        1 => operator::activation(&mut b, y, Activation::Relu)?,
        // A stage whose axes are called otherwise.
        2 => {
            let named: Vec<(String, u64)> = shape.iter().enumerate().map(|(i, n)| (format!("d{i}"), *n)).collect();
            let named: Vec<(&str, u64)> = named.iter().map(|(name, n)| (name.as_str(), *n)).collect();
            b.map("doubled", &named, |i| Expr::Load(y, i.to_vec()) * 2.0)?
        }
        // A gate by itself, after a bias.
        3 => {
            let y = b.apply("shifted", y, |y, _| y + 0.5)?;
            let gate = operator::activation(&mut b, y, Activation::Sigmoid)?;
            b.apply("gated", gate, |gate, i| gate * Expr::Load(y, i.to_vec()))?
        }
        // The epilogue of a residual block, with a bias for each channel.
        _ => {
            let (other, bias) = (b.input("other", F32, &shape)?, b.weight("bias", F32, &[shape[1]])?);
            let y = b.apply("biased", y, |y, i| y + Expr::Load(bias, vec![i[1].clone()]))?;
            let y = b.apply("sum", y, |y, i| y + Expr::Load(other, i.to_vec()))?;
            operator::activation(&mut b, y, Activation::Relu)?
        }
    };
    b.finish(&[y])
}

fn machine(lanes: u64, cores: u64) -> Machine {
    Machine { lanes, registers: if lanes == 16 { 32 } else { 16 }, cores }
}

#[test]
fn every_point_computes_what_the_workload_says() {
    for seed in 0..120 {
        let mut rng = common::rng(seed);
        let workload = workload(&mut rng).unwrap();
        let data = common::data(&workload, &mut rng);
        let expected = workload.run(&data).unwrap();
        let machine = machine(*[4, 8, 16].choose(&mut rng).unwrap(), rng.random_range(1..3));
        let space = Space::templates(&workload, machine).unwrap_or_else(|error| panic!("{error}\n{workload}"));
        // What may lie plainly or in blocks of channels, or be reduced as a row as well, has one for each.
        assert!((1..3).contains(&space.sketches.len()), "seed {seed}\n{workload}");
        for _ in 0..3 {
            let schedule = space.schedule(&space.sample(&mut rng).unwrap()).unwrap();
            let fail = |what: String| -> ! { panic!("seed {seed}: {what}\n{workload}\n{schedule}") };
            let nest = schedule.lower(&workload).unwrap_or_else(|error| fail(error.to_string()));
            let found = nest.run(&data).unwrap_or_else(|error| fail(format!("{error}\n{nest}")));
            for output in workload.outputs() {
                common::close(&expected[output], &found[output]).unwrap_or_else(|error| fail(error));
            }
        }
    }
}

#[test]
fn points_run_as_code() {
    let settings = Settings { repeats: 1, warmup_ms: 0.0, repeat_ms: 0.0, ..Settings::default() };
    let mut cpu = Cpu::new(Compiler::find().unwrap(), settings).unwrap();
    for seed in 1000..1025 {
        let mut rng = common::rng(seed);
        let workload = workload(&mut rng).unwrap();
        let space = Space::templates(&workload, Machine::of(Target::native())).unwrap();
        let schedule = space.schedule(&space.sample(&mut rng).unwrap()).unwrap();
        if let Outcome::Failed { reason, message } =
            cpu.measure(&workload, std::slice::from_ref(&schedule)).unwrap().remove(0).outcome
        {
            panic!("seed {seed}: {reason:?} {message}\n{workload}\n{schedule}");
        }
    }
}

#[test]
fn other_workloads_have_no_template() {
    // Along an axis that does not lie together.
    let mut b = Builder::new("softmax");
    let x = b.input("x", F32, &[8, 64]).unwrap();
    let y = operator::softmax(&mut b, x, 0, false).unwrap();
    let space = Space::templates(&b.finish(&[y]).unwrap(), machine(16, 1)).unwrap();
    assert_eq!((space.sketches.len(), space.count()), (0, Some(0)));
    // Heads of attention are no channels.
    let mut b = Builder::new("keys");
    let x = b.input("x", F32, &[1, 12, 50, 64]).unwrap();
    let y = operator::transpose(&mut b, x, &[0, 1, 3, 2]).unwrap();
    assert_eq!(Space::templates(&b.finish(&[y]).unwrap(), machine(16, 1)).unwrap().sketches, []);
}

/// 197 rows and columns are a prime number: what is left of splits is in parts of its own, and sums stay in registers.
#[test]
fn splits_that_leave_a_rest_ask_for_nothing_inside() {
    let mut b = Builder::new("dense");
    let (x, w) = (b.input("x", F32, &[197, 32]).unwrap(), b.input("w", F32, &[32, 197]).unwrap());
    let y = operator::matmul(&mut b, x, w).unwrap();
    let workload = b.finish(&[y]).unwrap();
    let target = Target { vector_bytes: 64 };
    let space = Space::templates(&workload, Machine::of(target)).unwrap();
    let nest = space.schedule(&space.nth(0).unwrap()).unwrap().lower(&workload).unwrap();
    let text = c(&nest, target).unwrap().text;
    let run = &text[text.find("void run(").unwrap()..];
    assert!(!run.contains("if ("), "{run}");
    assert!(run.contains("  v16f b"), "{run}");
}

/// A loop of two trips of which one is a rest is in parts too: sums did not stay in registers, and products took twice as long.
#[test]
fn two_trips_are_in_parts() {
    let mut b = Builder::new("winograd");
    let x = b.input("x", F32, &[1, 64, 14, 14]).unwrap();
    let w = b.weight("w", F32, &[64, 64, 3, 3]).unwrap();
    let y = operator::winograd(&mut b, x, w, &Window::square(2, 1, 1), Tile::F2).unwrap();
    let workload = b.finish(&[y]).unwrap();
    let target = Target { vector_bytes: 64 };
    let space = Space::templates(&workload, Machine::of(target)).unwrap();
    let Decision::Category { options, .. } = &space.sketches[0].decisions[0] else { panic!("no options") };
    // Six of seven columns.
    let six = options.iter().position(|option| option == "1x6x4, 7").unwrap();
    let point =
        (0..space.count().unwrap()).filter_map(|n| space.nth(n)).find(|p| p.choices[0] == Choice::Category(six));
    let nest = space.schedule(&point.unwrap()).unwrap().lower(&workload).unwrap();
    let text = c(&nest, target).unwrap().text;
    let run = &text[text.find("void run(").unwrap()..];
    // Sums of six columns and of one, each as an array of vectors.
    let sums = run.lines().filter(|line| line.contains("_products_local["));
    let sums: Vec<&str> = sums.filter(|line| line.contains("  v16f b") || line.contains("  float b")).collect();
    assert!(sums.len() == 2 && sums.iter().all(|line| line.contains("v16f b")), "{sums:?}");
}

/// What tiles leave has few sums, which wait for each other.
#[test]
fn the_first_tiles_of_winograds_products_leave_no_rest() {
    for (channels, size, tile, expected) in [
        (512, 7, Tile::F2, "2x4x2, 4"),
        (512, 7, Tile::F4, "2x2x4, 2"),
        (256, 14, Tile::F2, "1x7x4, 7"),
        (256, 14, Tile::F4, "2x4x2, 4"),
        (64, 56, Tile::F4, "1x7x4, 1"),
    ] {
        let mut b = Builder::new("winograd");
        let x = b.input("x", F32, &[1, channels, size, size]).unwrap();
        let w = b.weight("w", F32, &[channels, channels, 3, 3]).unwrap();
        let y = operator::winograd(&mut b, x, w, &Window::square(2, 1, 1), tile).unwrap();
        let space = Space::templates(&b.finish(&[y]).unwrap(), machine(16, 1)).unwrap();
        let first = match &space.sketches[0].decisions[0] {
            Decision::Category { options, .. } => options[0].clone(),
            other => format!("{other:?}"),
        };
        assert_eq!(first, expected, "{channels} channels of {size}, {tile:?}");
    }
}
