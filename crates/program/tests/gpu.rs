//! Programs for GPUs: random points of random workloads in the interpreter, which knows threads, barriers and races; as
//! OpenCL C on whatever device there is; as CUDA C through NVIDIA's compiler.

mod common;

use rand::Rng;
use tachograph_ir::DType::F32;
use tachograph_program::{
    Binding, Builder, Dim, Mark, Nest, Schedule, Stmt, Workload,
    operator::{self, Activation},
};

const BLOCK: Binding = Binding::Block(Dim::X);
const THREAD: Binding = Binding::Thread(Dim::X);

/// A random workload and up to so many random schedules with something bound.
fn points(seed: u64, count: usize) -> (Workload, Vec<Schedule>) {
    let mut rng = common::rng(seed);
    let workload = common::workload(&mut rng);
    let mut schedule = |_| {
        let steps = rng.random_range(0..40);
        let schedule = common::gpu::schedule(&workload, &mut rng, steps);
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

/// On the first OpenCL device: a GPU, or the processor by PoCL (Debian's `pocl-opencl-icd`).
mod with_opencl {
    use super::*;
    use tachograph_program::{Compiler, Limits, Measurer, OpenCl, Outcome, Settings};

    fn device() -> OpenCl {
        let limits = Limits { seconds: 60, mebibytes: 0 };
        let quick = Settings { repeats: 0, limits, ..Settings::default() };
        let compiler = Compiler::find().unwrap_or_else(|error| panic!("{error}")).with_limits(limits);
        OpenCl::new(compiler, quick).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Some to a workload, since a process that compiles OpenCL takes a second to start.
    fn run(from: u64, count: u64, each: usize) -> (usize, Vec<String>) {
        let mut device = device();
        let target = device.target();
        let (mut run, mut failed) = (0, Vec::new());
        for (workload, schedules) in (from..from + count.div_ceil(each as u64)).map(|seed| points(seed, each)) {
            run += schedules.len();
            for record in device.measure(&workload, &schedules).unwrap() {
                if let Outcome::Failed { reason, message } = record.outcome {
                    let code = tachograph_program::opencl(&record.schedule.lower(&workload).unwrap(), target);
                    let code = code.map(|code| code.text).unwrap_or_default();
                    failed.push(format!("{reason:?} {message}\n{workload}\n{}\n{code}", record.schedule));
                }
            }
        }
        (run, failed)
    }

    #[test]
    #[ignore = "needs an OpenCL device: install pocl-opencl-icd"]
    fn code_computes_what_workloads_say() {
        let (run, failed) = run(0, 60, 4);
        assert!(failed.is_empty(), "{} of {run} failed, the first:\n{}", failed.len(), failed[0]);
        assert!(run > 40, "{run}");
    }

    /// `TACHOGRAPH_POINTS=10000 cargo test --release -p tachograph-program --test gpu with_opencl::many -- --ignored`
    #[test]
    #[ignore = "takes an hour"]
    fn many() {
        let (run, failed) = run(1_000_000, count(10_000), 16);
        failed.iter().take(3).for_each(|failure| eprintln!("{failure}"));
        assert!(failed.is_empty(), "{} of {run} failed", failed.len());
        println!("{run} points agree");
    }
}

/// With NVIDIA's compiler, which needs no GPU: `pip download --no-deps nvidia-cuda-nvrtc-cu12` and unpack it.
mod with_nvrtc {
    use super::*;
    use tachograph_program::{GpuTarget, Nvrtc, cuda};

    /// `TACHOGRAPH_NVRTC=…/libnvrtc.so.12 cargo test -p tachograph-program --test gpu with_nvrtc -- --ignored`
    #[test]
    #[ignore = "needs NVIDIA's compiler: TACHOGRAPH_NVRTC names libnvrtc.so"]
    fn programs_compile() {
        let compiler = Nvrtc::find().unwrap_or_else(|error| panic!("{error}"));
        let (mut compiled, wanted) = (0, count(500));
        for seed in 0.. {
            let (workload, schedules) = points(seed, 2);
            for schedule in schedules {
                let code = cuda(&schedule.lower(&workload).unwrap(), GpuTarget::default()).unwrap();
                for architecture in ["sm_80", "sm_90"] {
                    let image = compiler.compile(&code, architecture);
                    let image = image.unwrap_or_else(|error| panic!("{error}\n{workload}\n{schedule}\n{}", code.text));
                    assert!(image.starts_with(b"\x7fELF"));
                }
                compiled += 1;
            }
            if compiled >= wanted {
                break;
            }
        }
        println!("{compiled} programs by NVRTC {}", compiler.version());
    }
}
