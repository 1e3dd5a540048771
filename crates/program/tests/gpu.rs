//! Programs for GPUs: random points of random workloads in the interpreter, which knows threads, barriers and races; as
//! OpenCL C on whatever device there is; as CUDA C through NVIDIA's compiler.

mod common;

use rand::Rng;
use tachograph_ir::DType::F32;
use tachograph_program::{
    Binding, Builder, Compiler, Dim, GpuRules, GpuTarget, Limits, Measurer, MetaSchedule, Nest, Outcome, Schedule,
    Settings, Space, Stmt, Workload, cuda, opencl, operator,
};

const BLOCK: Binding = Binding::Block(Dim::X);
const THREAD: Binding = Binding::Thread(Dim::X);

/// A random workload and up to so many schedules with something bound: random ones, and points of the space that rules
/// make.
fn points(seed: u64, count: usize) -> (Workload, Vec<Schedule>) {
    let mut rng = common::rng(seed);
    let workload = common::workload(&mut rng);
    // By Ansor's rules, or by MetaSchedule's.
    let space = match seed % 2 {
        0 => Space::gpu(&workload, GpuRules::default()).unwrap(),
        _ => Space::meta_schedule(&workload, MetaSchedule::Gpu(GpuRules::default())).unwrap(),
    };
    let mut schedule = |_| {
        let schedule = match rng.random_bool(0.5) {
            true => space.schedule(&space.sample(&mut rng)?).ok()?,
            false => {
                let steps = rng.random_range(0..40);
                common::gpu::schedule(&workload, &mut rng, steps)
            }
        };
        schedule.lower(&workload).is_ok_and(|nest| launches(&nest)).then_some(schedule)
    };
    let schedules = (0..count).filter_map(&mut schedule).collect();
    (workload, schedules)
}

fn launches(nest: &Nest) -> bool {
    nest.body.iter().any(|stmt| matches!(stmt, Stmt::Launch(..)))
}

fn interpreted(from: u64, count: u64) -> (u64, Vec<String>) {
    let (mut run, mut failed) = (0, Vec::new());
    for seed in from..from + count {
        let (workload, mut schedules) = points(seed, 1);
        let Some(schedule) = schedules.pop() else { continue };
        run += 1;
        let data = common::data(&workload, &mut common::rng(seed));
        let nest = schedule.lower(&workload).unwrap();
        let expected = workload.run(&data).unwrap();
        let outcome = nest.run(&data).map_err(|error| error.to_string()).and_then(|found| {
            workload.outputs().iter().try_for_each(|output| common::close(&expected[output], &found[output]))
        });
        if let Err(message) = outcome {
            failed.push(format!("seed {seed}: {message}\n{workload}\n{schedule}\n{nest}"));
        }
    }
    (run, failed)
}

#[test]
fn threads_compute_what_workloads_say() {
    let (run, failed) = interpreted(0, 300);
    assert!(failed.is_empty(), "{} of {run} failed, the first:\n{}", failed.len(), failed[0]);
    assert!(run > 200, "{run}");
}

/// `x · w`, of 64 rows and columns.
fn product(reduction: u64) -> Workload {
    let mut b = Builder::new("product");
    let (x, w) = (b.input("x", F32, &[64, reduction]).unwrap(), b.weight("w", F32, &[reduction, 64]).unwrap());
    let y = operator::matmul(&mut b, x, w).unwrap();
    b.finish(&[y]).unwrap()
}

/// Tiles of 32 × 32 by 8 × 8 threads and 2 virtual threads, through shared memory.
fn tiled() -> Schedule {
    let fetch = |schedule: Schedule, copy: &str| {
        let loops = ["d0", "d1"];
        schedule
            .compute_at(copy, "matmul.local", "k.0")
            .shared(copy)
            .fuse(copy, &loops)
            .split(copy, "d0*d1", &[64, 4])
            .bind(copy, "d0*d1.1", THREAD)
            .vectorize(copy, "d0*d1.2")
    };
    let schedule = Schedule::new()
        .cache_write("matmul")
        .tile("matmul.local", &[("i", &[2, 8, 2]), ("j", &[1, 8, 4])])
        .split("matmul.local", "k", &[8])
        .reorder("matmul.local", &["i.0", "j.0", "i.1", "j.1", "i.2", "j.2", "k.0", "k.1", "i.3", "j.3"])
        .fuse("matmul.local", &["i.0", "j.0"])
        .fuse("matmul.local", &["i.1", "j.1"])
        .fuse("matmul.local", &["i.2", "j.2"])
        .bind("matmul.local", "i.0*j.0", BLOCK)
        .bind("matmul.local", "i.1*j.1", Binding::Vthread)
        .bind("matmul.local", "i.2*j.2", THREAD)
        .reverse_compute_at("matmul", "matmul.local", "i.2*j.2")
        .registers("matmul.local")
        .cache_read("x")
        .cache_read("w");
    fetch(fetch(schedule, "x.read"), "w.read")
}

#[test]
fn a_tiled_product_reads_as_it_runs() {
    let nest = tiled().lower(&product(24)).unwrap();
    println!("{nest}");
    let text = nest.to_string();
    for part in [
        "launch [4, 1, 1] blocks of [64, 1, 1] threads",
        "registers matmul.local: f32[2, 2, 4]",
        "shared x.read: f32[32, 8]",
        "shared w.read: f32[8, 32]",
        "vector x.read.d0*d1.2 < 4",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // Before the tiles are overwritten, and before they are read.
    assert_eq!(text.matches("barrier").count(), 2, "{text}");
    for code in [cuda(&nest, GpuTarget::default()).unwrap(), opencl(&nest, GpuTarget::default()).unwrap()] {
        println!("{}", code.text);
        assert_eq!(code.kernels.len(), 1);
        assert_eq!(code.kernels[0].shared_bytes, 2 * 32 * 8 * 4);
        assert!(code.text.contains("float4") || code.text.contains("vload4"), "{}", code.text);
    }
}

#[test]
fn a_schedule_says_what_is_bound() {
    let text = serde_json::to_string(&tiled()).unwrap();
    assert!(text.contains(r#"{"step":"bind","stage":"matmul.local","axis":"i.0*j.0","to":"blockIdx.x"}"#), "{text}");
    assert_eq!(Schedule::from_json(&text).unwrap(), tiled());
    assert!(Schedule::from_json(&text.replace("blockIdx.x", "blockIdx.w")).is_err());
}

#[test]
fn what_a_gpu_cannot_do_is_refused() {
    let plain = || Schedule::new().bind("matmul", "i", BLOCK);
    let cases: [(Schedule, &str); 11] = [
        (plain().bind("matmul", "k", THREAD), "step 1 (bind matmul k to threadIdx.x): `k` is reduced"),
        (
            plain().bind("matmul", "j", BLOCK),
            "step 1 (bind matmul j to blockIdx.x): `i` is bound to blockIdx.x already",
        ),
        (Schedule::new().bind("matmul", "i", Binding::Thread(Dim::Z)).bind("matmul", "i", THREAD), "`i` is marked"),
        (Schedule::new().reorder("matmul", &["j", "i"]).bind("matmul", "i", BLOCK), "inside of other loops"),
        (Schedule::new().shared("matmul"), "an output lives in memory"),
        (Schedule::new().cache_write("matmul").shared("matmul.local"), "no longer than a block"),
        (plain().split("matmul", "j", &[4]).parallel("matmul", "j.0"), "`j.0` is parallel"),
        (
            Schedule::new().bind("matmul", "i", THREAD).bind("matmul", "j", Binding::Thread(Dim::Y)),
            "blocks of [64, 64, 1] threads, and 1024 is the most",
        ),
        (
            plain().cache_read("x").compute_at("x.read", "matmul", "i").bind("x.read", "d1", THREAD),
            "the scope is not shared",
        ),
        // 64 threads fetch for each other what only 32 go on with.
        (
            plain()
                .split("matmul", "j", &[32])
                .bind("matmul", "j.1", THREAD)
                .cache_read("x")
                .compute_at("x.read", "matmul", "k")
                .shared("x.read")
                .cache_read("w")
                .compute_at("w.read", "matmul", "j.1")
                .shared("w.read")
                .fuse("w.read", &["d0", "d1"])
                .split("w.read", "d0*d1", &[64])
                .bind("w.read", "d0*d1.1", THREAD),
            "not all of them reach a barrier inside",
        ),
        (plain().bind("matmul", "j", Binding::Thread(Dim::Y)).split("matmul", "j", &[4]), "is marked"),
    ];
    for (schedule, part) in cases {
        match schedule.lower(&product(40)) {
            Ok(nest) => panic!("{part}\n{schedule}\n{nest}"),
            Err(error) => assert!(error.to_string().contains(part), "{error}\nand not {part}"),
        }
    }
    let wide = Schedule::new().fuse("matmul", &["i", "j"]).bind("matmul", "i*j", THREAD);
    let message = wide.lower(&product(8)).unwrap_err().to_string();
    assert!(message.contains("step 1") && message.contains("4096 trips"), "{message}");
    // What depends on the device is refused by the generator of code.
    let nest = tiled().lower(&product(24)).unwrap();
    for (target, part) in [
        (GpuTarget { threads: 32, ..GpuTarget::default() }, "the device allows 32"),
        (GpuTarget { shared_bytes: 1024, ..GpuTarget::default() }, "blocks share 2048 bytes"),
        (GpuTarget { private_bytes: 16, ..GpuTarget::default() }, "each thread would have 64 bytes"),
    ] {
        let message = cuda(&nest, target).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
    let plain = Schedule::new().lower(&product(8)).unwrap();
    assert!(opencl(&plain, GpuTarget::default()).unwrap_err().to_string().contains("no loop is bound"));
    assert!(tachograph_program::c(&nest, tachograph_program::Target::native()).is_err());
}

/// A barrier that is missing does not go unnoticed.
#[test]
fn races_are_found() {
    fn without(stmts: &[Stmt], which: &mut i32) -> Vec<Stmt> {
        let mut kept = Vec::new();
        for stmt in stmts {
            kept.push(match stmt {
                Stmt::Barrier => {
                    *which -= 1;
                    if *which == -1 {
                        continue;
                    }
                    Stmt::Barrier
                }
                Stmt::For(var, body) => Stmt::For(*var, without(body, which)),
                Stmt::Launch(launch, body) => Stmt::Launch(*launch, without(body, which)),
                other => other.clone(),
            });
        }
        kept
    }
    let workload = product(24);
    let data = common::data(&workload, &mut common::rng(0));
    let nest = tiled().lower(&workload).unwrap();
    nest.run(&data).unwrap();
    // The one before the tiles are overwritten, and the one before they are read.
    for barrier in [0, 1] {
        let mut wrong = nest.clone();
        wrong.body = without(&nest.body, &mut { barrier });
        let message = wrong.run(&data).unwrap_err().to_string();
        assert!(message.contains("touched by another, with no barrier"), "{message}");
    }
}

/// `TACHOGRAPH_POINTS=10000 cargo test --release -p tachograph-program --test gpu many -- --ignored`
#[test]
#[ignore = "takes minutes"]
fn many_in_the_interpreter() {
    let (run, failed) = interpreted(1_000_000, count(10_000));
    failed.iter().take(3).for_each(|failure| eprintln!("{failure}"));
    assert!(failed.is_empty(), "{} of {run} failed", failed.len());
    println!("{run} points agree");
}

fn count(default: u64) -> u64 {
    std::env::var("TACHOGRAPH_POINTS").ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

/// Runs random points on a device; some to a workload, since a process that compiles for one takes a second to start.
fn on(device: &mut dyn Measurer, from: u64, count: u64, each: usize) -> (usize, Vec<String>) {
    let (mut run, mut failed) = (0, Vec::new());
    for (workload, schedules) in (from..from + count.div_ceil(each as u64)).map(|seed| points(seed, each)) {
        run += schedules.len();
        for record in device.measure(&workload, &schedules).unwrap() {
            if let Outcome::Failed { reason, message } = record.outcome {
                let nest = record.schedule.lower(&workload).unwrap();
                let code = opencl(&nest, GpuTarget::default()).map(|code| code.text).unwrap_or_default();
                failed.push(format!("{reason:?} {message}\n{workload}\n{}\n{code}", record.schedule));
            }
        }
        eprintln!("{run} points, {} failed", failed.len());
    }
    (run, failed)
}

/// For checks: no times, and long limits.
fn settings() -> (Compiler, Settings) {
    let limits = Limits { seconds: 60, mebibytes: 0 };
    let compiler = Compiler::find().unwrap_or_else(|error| panic!("{error}")).with_limits(limits);
    (compiler, Settings { repeats: 0, limits, ..Settings::default() })
}

/// On the first OpenCL device: a GPU, or the processor by PoCL (Debian's `pocl-opencl-icd`).
mod with_opencl {
    use super::*;
    use tachograph_program::OpenCl;

    pub fn device() -> OpenCl {
        let (compiler, settings) = settings();
        OpenCl::new(compiler, settings).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    #[ignore = "needs an OpenCL device: install pocl-opencl-icd"]
    fn code_computes_what_workloads_say() {
        let (run, failed) = on(&mut device(), 0, 60, 4);
        assert!(failed.is_empty(), "{} of {run} failed, the first:\n{}", failed.len(), failed[0]);
        assert!(run > 40, "{run}");
    }

    /// Without tensor cores, each thread of a warp computes the whole of its tile.
    #[test]
    #[ignore = "needs an OpenCL device: install pocl-opencl-icd"]
    fn tensor_cores_run_by_their_definition() {
        let mut device = device();
        let mut run = 0;
        for seed in 0..20 {
            let (workload, schedule) = common::gpu::tensorized(&mut common::rng(seed), "wmma_m16n16k8_tf32");
            if workload.stages()[0].points() < 1 << 16 {
                let outcome = device.measure(&workload, &[schedule]).unwrap().remove(0).outcome;
                assert!(matches!(outcome, Outcome::Time { .. }), "{outcome:?}\n{workload}");
                run += 1;
            }
        }
        assert!(run > 2, "{run}");
    }

    #[test]
    #[ignore = "needs an OpenCL device: install pocl-opencl-icd"]
    fn a_product_is_timed() {
        let limits = Limits { seconds: 60, mebibytes: 0 };
        let settings = Settings { repeats: 3, warmup_ms: 1.0, repeat_ms: 0.1, limits, ..Settings::default() };
        let mut device = OpenCl::new(super::settings().0, settings).unwrap();
        let outcome = device.measure(&product(24), &[tiled()]).unwrap().remove(0).outcome;
        assert!(matches!(&outcome, Outcome::Time { repeats, median, .. } if repeats.len() == 3 && *median > 0.0));
    }
}

/// With NVIDIA's driver and NVRTC.
mod with_cuda {
    use super::*;
    use tachograph_program::{Cuda, Nvrtc};

    #[test]
    #[ignore = "needs a GPU of NVIDIA's, and NVRTC"]
    fn code_computes_what_workloads_say() {
        let (compiler, settings) = settings();
        let nvrtc = Nvrtc::find().unwrap_or_else(|error| panic!("{error}"));
        let mut device = Cuda::new(compiler, nvrtc, settings).unwrap_or_else(|error| panic!("{error}"));
        let (run, failed) = on(&mut device, 0, count(300), 4);
        assert!(failed.is_empty(), "{} of {run} failed, the first:\n{}", failed.len(), failed[0]);
    }
}

/// With NVIDIA's compiler, which needs no GPU: `pip download --no-deps nvidia-cuda-nvrtc-cu12` and unpack it.
mod with_nvrtc {
    use super::*;
    use tachograph_program::Nvrtc;

    /// `TACHOGRAPH_NVRTC=…/libnvrtc.so.12 cargo test -p tachograph-program --test gpu with_nvrtc -- --ignored`
    #[test]
    #[ignore = "needs NVIDIA's compiler: TACHOGRAPH_NVRTC names libnvrtc.so"]
    fn programs_compile() {
        let compiler = Nvrtc::find().unwrap_or_else(|error| panic!("{error}"));
        let (mut compiled, mut refused, wanted) = (0, 0, count(500));
        for seed in 0.. {
            let (workload, schedules) = points(seed, 2);
            for schedule in schedules {
                // More memory than a block or a thread has: there is no code.
                let Ok(code) = cuda(&schedule.lower(&workload).unwrap(), GpuTarget::default()) else {
                    refused += 1;
                    continue;
                };
                for architecture in ["sm_80", "sm_90"] {
                    let image = compiler.compile(&code, architecture);
                    let image = image.unwrap_or_else(|error| panic!("{error}\n{workload}\n{schedule}\n{}", code.text));
                    assert!(image.starts_with(b"\x7fELF"));
                }
                compiled += 1;
                if compiled % 20 == 0 {
                    eprintln!("{compiled} programs, and {refused} have no code");
                }
            }
            if compiled >= wanted {
                break;
            }
        }
        assert!(compiled > 10 * refused, "{refused} have no code");
        println!("{compiled} programs by NVRTC {}, and {refused} have no code", compiler.version());
    }

    /// `TACHOGRAPH_NVRTC=…/libnvrtc.so.12 cargo test -p tachograph-program --test gpu with_nvrtc -- --ignored`
    #[test]
    #[ignore = "needs NVIDIA's compiler: TACHOGRAPH_NVRTC names libnvrtc.so"]
    fn tensor_cores_compile() {
        let compiler = Nvrtc::find().unwrap_or_else(|error| panic!("{error}"));
        let products = ["wmma_m16n16k16_f16", "wmma_m16n16k16_bf16", "wmma_m16n16k8_tf32"];
        for (seed, intrinsic) in (0..60).zip(products.into_iter().cycle()) {
            let (workload, schedule) = common::gpu::tensorized(&mut common::rng(seed), intrinsic);
            let code = cuda(&schedule.lower(&workload).unwrap(), GpuTarget::default()).unwrap();
            for architecture in ["sm_80", "sm_90"] {
                let image = compiler.compile(&code, architecture);
                let image = image.unwrap_or_else(|error| panic!("{error}\n{workload}\n{schedule}\n{}", code.text));
                assert!(image.starts_with(b"\x7fELF"));
            }
        }
        println!("60 programs by NVRTC {}", compiler.version());
    }
}

/// `TACHOGRAPH_POINTS=10000 cargo test --release -p tachograph-program --test gpu many_on_a_device -- --ignored`
#[test]
#[ignore = "takes an hour, and needs an OpenCL device"]
fn many_on_a_device() {
    let (run, failed) = on(&mut with_opencl::device(), 1_000_000, count(10_000), 64);
    failed.iter().take(3).for_each(|failure| eprintln!("{failure}"));
    assert!(failed.is_empty(), "{} of {run} failed", failed.len());
    println!("{run} points agree");
}

/// Points of the space of each distinct group of some networks: for most there is code.
#[test]
fn groups_of_networks_have_code() {
    let mut seen = std::collections::HashSet::new();
    let (mut tried, mut good) = (0, 0);
    for (name, graph) in tachograph_networks::reference() {
        if !["resnet18", "mobilenet_v3_small", "bert_base"].contains(&name) {
            continue;
        }
        let bound = graph.bind(&Default::default()).unwrap();
        for fused in bound.fuse(&tachograph_ir::FusionRule::default()) {
            let Ok(group) = tachograph_program::group(&bound, &fused) else { continue };
            let workload = group.workload;
            if !seen.insert(workload.hash()) {
                continue;
            }
            let space = Space::gpu(&workload, GpuRules::default()).unwrap_or_else(|e| panic!("{e}\n{workload}"));
            let mut rng = common::rng(0);
            let mut outcomes = Vec::new();
            for _ in 0..20 {
                let schedule = space.schedule(&space.sample(&mut rng).unwrap()).unwrap();
                let code = schedule.lower(&workload).and_then(|nest| cuda(&nest, GpuTarget::default()));
                outcomes.push(code.map_err(|error| error.to_string()));
            }
            let own = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
            assert!(own > 0, "{:?}\n{workload}", outcomes.last());
            (tried, good) = (tried + outcomes.len(), good + own);
        }
    }
    // The others have too many threads in a block, or too much shared memory.
    assert!(seen.len() > 80 && 2 * good > tried, "{good} of {tried} points of {} workloads", seen.len());
}
