//! The space that MetaSchedule's rules make: known counts of sketches and of decisions, and random points held to the
//! interpreter of workloads, in the interpreter of nests and as C.

mod common;

use tachograph_ir::DType::F32;
use tachograph_program::{
    Builder, Compiler, Cpu, CpuRules, Decision, Error, Expr, GpuRules, Limits, Measurer, MetaSchedule, Outcome,
    Reducer, Settings, Space, Unary, Workload,
    operator::{self, Activation, Window},
};

fn cpu(workload: &Workload) -> Space {
    Space::meta_schedule(workload, MetaSchedule::Cpu(CpuRules { cores: 18, ..CpuRules::default() })).unwrap()
}

fn gpu(workload: &Workload) -> Space {
    Space::meta_schedule(workload, MetaSchedule::Gpu(GpuRules::default())).unwrap()
}

fn product(n: u64) -> Workload {
    let mut b = Builder::new("gmm");
    let (x, w) = (b.input("x", F32, &[n, n]).unwrap(), b.weight("w", F32, &[n, n]).unwrap());
    let y = operator::matmul(&mut b, x, w).unwrap();
    b.finish(&[y]).unwrap()
}

/// √Σ x², over two axes.
fn norm() -> Workload {
    let mut b = Builder::new("nrm");
    let x = b.input("x", F32, &[1, 256, 256]).unwrap();
    let square = |s: &[tachograph_program::Index], r: &[tachograph_program::Index]| {
        let load = || Expr::Load(x, vec![s[0].clone(), r[0].clone(), r[1].clone()]);
        load() * load()
    };
    let c = b.reduce("c", &[("b", 1)], &[("i", 256), ("j", 256)], Reducer::Sum, square).unwrap();
    let d = b.apply("d", c, |c, _| c.unary(Unary::Sqrt)).unwrap();
    b.finish(&[d]).unwrap()
}

fn softmax() -> Workload {
    let mut b = Builder::new("sfm");
    let x = b.input("x", F32, &[256, 256]).unwrap();
    let y = operator::softmax(&mut b, x, 1, false).unwrap();
    b.finish(&[y]).unwrap()
}

/// Convolutions of one to three axes, depthwise, dilated, grouped and transposed, and one with an epilogue.
fn convolutions() -> Vec<Workload> {
    let conv = |axes: usize, stride: u64, dilation: u64, groups: u64, channels: [u64; 2]| {
        let mut b = Builder::new("conv");
        let image = [vec![1, channels[0]], vec![16; axes]].concat();
        let kernel = [vec![channels[1], channels[0] / groups], vec![3; axes]].concat();
        let (x, w) = (b.input("x", F32, &image).unwrap(), b.weight("w", F32, &kernel).unwrap());
        let mut window = Window::square(axes, stride, 1).grouped(groups);
        window.dilations = vec![dilation; axes];
        let y = operator::conv(&mut b, x, w, &window).unwrap();
        (b, y)
    };
    let plain = [conv(1, 2, 1, 1, [64, 128]), conv(2, 2, 1, 1, [8, 64]), conv(3, 2, 1, 1, [8, 64])];
    let other = [conv(2, 1, 1, 32, [32, 32]), conv(2, 2, 2, 1, [8, 64]), conv(2, 2, 1, 4, [64, 128])];
    let mut all: Vec<Workload> = plain.into_iter().chain(other).map(|(b, y)| b.finish(&[y]).unwrap()).collect();
    let (mut b, y) = conv(2, 2, 1, 1, [8, 64]);
    let shape = b.shape(y).to_vec();
    let bias = b.weight("bias", F32, &[shape[1]]).unwrap();
    let y = b.apply("bias_add", y, |y, i| y + Expr::Load(bias, vec![i[1].clone()])).unwrap();
    let y = operator::activation(&mut b, y, Activation::Relu).unwrap();
    all.push(b.finish(&[y]).unwrap());
    let mut b = Builder::new("transposed");
    let (x, w) = (b.input("x", F32, &[1, 64, 4, 4]).unwrap(), b.weight("w", F32, &[64, 32, 4, 4]).unwrap());
    let y = operator::conv_transpose(&mut b, x, w, &Window::square(2, 2, 1), &[8, 8]).unwrap();
    all.push(b.finish(&[y]).unwrap());
    all
}

/// Tiles, and all decisions, of each sketch.
fn decisions(space: &Space) -> Vec<[usize; 2]> {
    let tile = |decision: &&Decision| matches!(decision, Decision::Tile { .. });
    space.sketches.iter().map(|s| [s.decisions.iter().filter(tile).count(), s.decisions.len()]).collect()
}

fn names(space: &Space) -> Vec<&str> {
    space.sketches.iter().map(|sketch| sketch.name.as_str()).collect()
}

fn tile(extent: u64, parts: usize) -> u128 {
    Decision::Tile { extent, parts, max_innermost: Some(64) }.count()
}

/// 512 into four with at most 64 innermost: 210 of 220 (`SamplePerfectTile`).
#[test]
fn a_product_has_three_sketches_on_a_processor_and_one_on_a_gpu() {
    let space = cpu(&product(512));
    assert_eq!(
        names(&space),
        ["tile matmul", "tile matmul.local and write matmul at 1", "tile matmul.local and write matmul at 2"]
    );
    assert_eq!((tile(512, 4), Decision::Tile { extent: 512, parts: 4, max_innermost: None }.count()), (210, 220));
    // The length of unrolling, and how many loops of the outermost stage are shared, none included: four, one or two.
    assert!(decisions(&space).iter().all(|&[tiles, all]| (tiles, all) == (3, 5)), "{:?}", decisions(&space));
    let one = Space::meta_schedule(&product(512), MetaSchedule::Cpu(CpuRules::default())).unwrap();
    assert_eq!(one.count(), Some(3 * 210 * 210 * tile(512, 2) * 4));
    let space = gpu(&product(512));
    assert_eq!(names(&space), ["tile matmul.local and write matmul"]);
    assert_eq!(space.count(), Some(tile(512, 5) * tile(512, 5) * tile(512, 3) * 4 * 4 * 8));
}

/// As TVM's own tests of its spaces have it (`test_meta_schedule_space_cpu.py` and `…_cuda.py`): a norm has three
/// sketches on processors and two on GPUs, a softmax nine and four, convolutions three and one.
#[test]
fn sketches_are_as_many_as_tvms() {
    // Tiles and decisions of each sketch, but for those on loops shared among cores, which are none to TVM.
    let without_sharing = |space: &Space| -> Vec<[usize; 2]> {
        let shared = |d: &&Decision| matches!(d, Decision::Category { name, .. } if name.ends_with("shared"));
        let count = |s: &tachograph_program::Sketch| s.decisions.iter().filter(shared).count();
        decisions(space).iter().zip(&space.sketches).map(|(&[t, all], s)| [t, all - count(s)]).collect()
    };
    let space = cpu(&norm());
    assert_eq!(without_sharing(&space), [[1, 4], [1, 4], [0, 2]], "{:?}", names(&space));
    let space = cpu(&softmax());
    let expected = [[2, 8], [2, 8], [1, 6], [2, 8], [2, 8], [1, 6], [1, 6], [1, 6], [0, 4]];
    assert_eq!(without_sharing(&space), expected, "{:?}", names(&space));
    assert_eq!((gpu(&norm()).sketches.len(), gpu(&softmax()).sketches.len()), (2, 4));
    for workload in convolutions() {
        assert_eq!(cpu(&workload).sketches.len(), 3, "{workload}\n{:?}", names(&cpu(&workload)));
        assert_eq!(gpu(&workload).sketches.len(), 1, "{workload}\n{:?}", names(&gpu(&workload)));
    }
}

/// What is padded is read into shared memory as it is padded, and not padded in memory first.
#[test]
fn a_convolution_on_a_gpu_is_one_kernel() {
    for workload in convolutions() {
        let space = gpu(&workload);
        let mut rng = common::rng(0);
        let lowered = (0..50).find_map(|_| space.schedule(&space.sample(&mut rng)?).ok()?.lower(&workload).ok());
        assert_eq!(lowered.unwrap().body.len(), 1, "{workload}");
    }
}

#[test]
fn a_reduction_is_factored_over_all_its_axes() {
    let workload = norm();
    let space = cpu(&workload);
    let mut rng = common::rng(1);
    let point = (0..).find_map(|_| space.sample(&mut rng).filter(|point| point.sketch == 0)).unwrap();
    let text = space.schedule(&point).unwrap().to_string();
    assert!(text.contains("rfactor c i*j by"), "{text}");
}

/// Random points of a random workload's spaces: how many ran, how many were refused for their threads.
fn points(seed: u64, each: usize) -> Result<[usize; 2], String> {
    let mut rng = common::rng(seed);
    let workload = common::workload(&mut rng);
    let data = common::data(&workload, &mut rng);
    let expected = workload.run(&data).map_err(|error| error.to_string())?;
    let cores = if seed.is_multiple_of(2) { 1 } else { 4 };
    let targets =
        [MetaSchedule::Cpu(CpuRules { cores, ..CpuRules::default() }), MetaSchedule::Gpu(GpuRules::default())];
    let mut counts = [0, 0];
    for target in targets {
        let space = Space::meta_schedule(&workload, target).map_err(|error| format!("{seed}: {error}\n{workload}"))?;
        for _ in 0..each {
            let point = space.sample(&mut rng).ok_or("no sketch")?;
            let schedule = space.schedule(&point).map_err(|error| error.to_string())?;
            let fail = |what: String| format!("seed {seed}: {what}\n{workload}\n{schedule}");
            let nest = match schedule.lower(&workload) {
                Ok(nest) => nest,
                Err(Error::Lower { message, .. }) if message.contains("threads, and") => {
                    counts[1] += 1;
                    continue;
                }
                Err(error) => return Err(fail(error.to_string())),
            };
            let found = nest.run(&data).map_err(|error| fail(format!("{error}\n{nest}")))?;
            for output in workload.outputs() {
                common::close(&expected[output], &found[output]).map_err(|error| fail(format!("{error}\n{nest}")))?;
            }
            counts[0] += 1;
        }
    }
    Ok(counts)
}

#[test]
fn every_point_computes_what_the_workload_says() {
    let (mut run, mut refused) = (0, 0);
    for seed in 0..100 {
        let [a, b] = points(seed, 2).unwrap_or_else(|message| panic!("{message}"));
        (run, refused) = (run + a, refused + b);
    }
    assert!(run > 10 * refused, "{run} {refused}");
}

/// `TACHOGRAPH_POINTS=10000 cargo test --release -p tachograph-program --test meta_schedule many -- --ignored`
#[test]
#[ignore = "takes minutes"]
fn many() {
    let wanted: usize = std::env::var("TACHOGRAPH_POINTS").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000);
    let (mut run, mut failed) = (0, Vec::new());
    for seed in 1_000_000.. {
        match points(seed, 4) {
            Ok([a, _]) => run += a,
            Err(message) => failed.push(message),
        }
        if run >= wanted || failed.len() > 10 {
            break;
        }
    }
    failed.iter().take(3).for_each(|failure| eprintln!("{failure}"));
    assert!(failed.is_empty(), "{} failed, {run} agree", failed.len());
    println!("{run} points agree");
}

/// Points as C, each checked against the interpreter by the measurer.
fn as_code(seeds: std::ops::Range<u64>, each: usize) -> usize {
    let Ok(compiler) = Compiler::find() else { return 0 };
    // The check is what matters here, and other programs may have the cores.
    let limits = Limits { seconds: 120, mebibytes: 0 };
    let settings = Settings { repeats: 1, warmup_ms: 0.0, repeat_ms: 0.0, limits, ..Settings::default() };
    let mut cpu = Cpu::new(compiler.with_limits(limits), settings).unwrap();
    let mut run = 0;
    for seed in seeds {
        let mut rng = common::rng(seed);
        let workload = common::workload(&mut rng);
        let cores = if seed.is_multiple_of(2) { 1 } else { 4 };
        let rules = CpuRules { cores, ..CpuRules::default() };
        let space = Space::meta_schedule(&workload, MetaSchedule::Cpu(rules)).unwrap();
        let schedules: Vec<_> = (0..each).map(|_| space.schedule(&space.sample(&mut rng).unwrap()).unwrap()).collect();
        for record in cpu.measure(&workload, &schedules).unwrap() {
            let timed = matches!(record.outcome, Outcome::Time { .. });
            assert!(timed, "{:?}\n{workload}\n{}", record.outcome, record.schedule);
            run += 1;
        }
    }
    run
}

#[test]
fn points_run_as_code() {
    as_code(0..6, 4);
}

/// `cargo test --release -p tachograph-program --test meta_schedule many_as_code -- --ignored`
#[test]
#[ignore = "takes minutes"]
fn many_as_code() {
    println!("{} points agree", as_code(2_000_000..2_000_100, 4));
}
