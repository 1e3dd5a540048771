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

/// A random workload and a random schedule with something bound.
fn point(seed: u64) -> Option<(Workload, Schedule)> {
    let mut rng = common::rng(seed);
    let workload = common::workload(&mut rng);
    let steps = rng.random_range(0..40);
    let schedule = common::gpu::schedule(&workload, &mut rng, steps);
    let nest = schedule.lower(&workload).ok()?;
    launches(&nest).then_some((workload, schedule))
}

fn launches(nest: &Nest) -> bool {
    nest.body.iter().any(|stmt| matches!(stmt, Stmt::Launch(..)))
}

fn interpreted(from: u64, count: u64) -> (u64, Vec<String>) {
    let (mut run, mut failed) = (0, Vec::new());
    for seed in from..from + count {
        let Some((workload, schedule)) = point(seed) else { continue };
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
