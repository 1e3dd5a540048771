//! Points of the spaces that rules make, held to the interpreter of workloads; sketches of known operators.

mod common;

use std::collections::HashSet;

use tachograph_ir::DType::F32;
use tachograph_program::{
    Builder, Compiler, Cpu, CpuRules, Decision, Error, GpuRules, Measurer, Outcome, Settings, Space, Workload,
    operator::{self, Activation, Window},
};

fn gemm_relu() -> Workload {
    let mut b = Builder::new("gemm_relu");
    let (x, w) = (b.input("x", F32, &[16, 12]).unwrap(), b.weight("w", F32, &[12, 32]).unwrap());
    let y = operator::matmul(&mut b, x, w).unwrap();
    let y = operator::activation(&mut b, y, Activation::Relu).unwrap();
    b.finish(&[y]).unwrap()
}

#[test]
fn a_product_with_an_epilogue_has_ansors_three_sketches() {
    let space = Space::cpu(&gemm_relu(), CpuRules::default()).unwrap();
    let names: Vec<&str> = space.sketches.iter().map(|sketch| sketch.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "keep relu, tile matmul",
            "keep relu, tile matmul and fuse relu at 2",
            "keep relu, tile matmul and fuse relu at 1"
        ]
    );
    // i, j into four and k into two, times the lengths of unrolling.
    let tile = |extent, parts| Decision::Tile { extent, parts, max_innermost: Some(64) }.count();
    assert_eq!(space.count(), Some(3 * tile(16, 4) * tile(32, 4) * tile(12, 2) * 4));
}

#[test]
fn a_product_alone_is_cached_or_not() {
    let mut b = Builder::new("gemm");
    let (x, w) = (b.input("x", F32, &[16, 16]).unwrap(), b.input("w", F32, &[16, 16]).unwrap());
    let y = operator::matmul(&mut b, x, w).unwrap();
    let space = Space::cpu(&b.finish(&[y]).unwrap(), CpuRules::default()).unwrap();
    assert_eq!(space.sketches.len(), 3, "{:?}", space.sketches.iter().map(|s| &s.name).collect::<Vec<_>>());
}

#[test]
fn every_point_computes_what_the_workload_says() {
    let mut points = 0;
    for seed in 0..120 {
        let mut rng = common::rng(seed);
        let workload = common::workload(&mut rng);
        let data = common::data(&workload, &mut rng);
        let expected = workload.run(&data).unwrap();
        let cores = if seed % 2 == 0 { 1 } else { 4 };
        let rules = CpuRules { cores, prefetch: seed % 3 == 0, ..CpuRules::default() };
        let space = Space::cpu(&workload, rules).unwrap_or_else(|error| panic!("{error}\n{workload}"));
        let mut point = space.sample(&mut rng).unwrap();
        for _ in 0..3 {
            let schedule = space.schedule(&point).unwrap();
            let fail = |what: String| -> ! { panic!("seed {seed}: {what}\n{workload}\n{schedule}") };
            let nest = schedule.lower(&workload).unwrap_or_else(|error| fail(error.to_string()));
            let found = nest.run(&data).unwrap_or_else(|error| fail(format!("{error}\n{nest}")));
            for output in workload.outputs() {
                common::close(&expected[output], &found[output])
                    .unwrap_or_else(|error| fail(format!("{error}\n{nest}")));
            }
            let code = space.encode(&point).unwrap();
            let other = space.sample(&mut rng).unwrap();
            assert_eq!(code.len(), space.encode(&other).unwrap().len());
            let child = space.cross(&point, &other, &mut rng).unwrap();
            point = space.mutate(&child, &mut rng).unwrap();
            points += 1;
        }
        assert!(space.neighbours(&point).unwrap().iter().all(|next| space.schedule(next).is_ok()));
    }
    assert_eq!(points, 360);
}

#[test]
fn numbers_name_points_once() {
    let space = Space::cpu(&gemm_relu(), CpuRules::default()).unwrap();
    let count = space.count().unwrap();
    let some: HashSet<u64> = (0..500).map(|i| space.nth(i * (count / 500)).unwrap().key()).collect();
    assert_eq!(some.len(), 500);
    assert_eq!(space.nth(count), None);
    let text = serde_json::to_string(&space).unwrap();
    assert_eq!(serde_json::from_str::<Space>(&text).unwrap(), space);
}

#[test]
fn a_point_replays_on_another_shape() {
    let conv = |extent: u64| {
        let mut b = Builder::new("conv");
        let (x, w) = (b.input("x", F32, &[1, 8, extent, extent]).unwrap(), b.weight("w", F32, &[16, 8, 3, 3]).unwrap());
        let y = operator::conv(&mut b, x, w, &Window::square(2, 1, 1)).unwrap();
        let y = operator::activation(&mut b, y, Activation::Relu).unwrap();
        b.finish(&[y]).unwrap()
    };
    let (from, to) = (conv(12), conv(7));
    let space = Space::cpu(&from, CpuRules::default()).unwrap();
    let other = Space::cpu(&to, CpuRules::default()).unwrap();
    let mut rng = common::rng(3);
    let data = common::data(&to, &mut rng);
    let expected = to.run(&data).unwrap();
    for _ in 0..10 {
        let point = space.sample(&mut rng).unwrap();
        // The schedule itself, with guards where its splits do not divide the new extents, and the point, repaired.
        let repaired = other.repair(&point).unwrap();
        for schedule in [space.schedule(&point).unwrap(), other.schedule(&repaired).unwrap()] {
            let found = schedule.lower(&to).unwrap().run(&data).unwrap();
            for output in to.outputs() {
                common::close(&expected[output], &found[output]).unwrap();
            }
        }
    }
}

#[test]
fn points_run_as_code() {
    let Ok(compiler) = Compiler::find() else { return };
    let settings = Settings { repeats: 1, warmup_ms: 0.0, repeat_ms: 0.0, ..Settings::default() };
    let mut cpu = Cpu::new(compiler, settings).unwrap();
    for seed in 0..6 {
        let mut rng = common::rng(seed);
        let workload = common::workload(&mut rng);
        let space = Space::cpu(&workload, CpuRules::default()).unwrap();
        let schedules: Vec<_> = (0..4).map(|_| space.schedule(&space.sample(&mut rng).unwrap()).unwrap()).collect();
        for record in cpu.measure(&workload, &schedules).unwrap() {
            assert!(
                matches!(record.outcome, Outcome::Time { .. }),
                "{:?}\n{workload}\n{}",
                record.outcome,
                record.schedule
            );
        }
    }
}

#[test]
fn every_point_for_a_gpu_computes_what_the_workload_says() {
    let (mut run, mut refused) = (0, 0);
    for seed in 0..120 {
        let mut rng = common::rng(seed);
        let workload = common::workload(&mut rng);
        let data = common::data(&workload, &mut rng);
        let expected = workload.run(&data).unwrap();
        let space = Space::gpu(&workload, GpuRules::default()).unwrap_or_else(|error| panic!("{error}\n{workload}"));
        for _ in 0..3 {
            let point = space.sample(&mut rng).unwrap();
            let schedule = space.schedule(&point).unwrap();
            let fail = |what: String| -> ! { panic!("seed {seed}: {what}\n{workload}\n{schedule}") };
            let nest = match schedule.lower(&workload) {
                Ok(nest) => nest,
                // Too many threads.
                Err(Error::Lower { message, .. }) if message.contains("threads, and") => {
                    refused += 1;
                    continue;
                }
                Err(error) => fail(error.to_string()),
            };
            let found = nest.run(&data).unwrap_or_else(|error| fail(format!("{error}\n{nest}")));
            for output in workload.outputs() {
                common::close(&expected[output], &found[output])
                    .unwrap_or_else(|error| fail(format!("{error}\n{nest}")));
            }
            run += 1;
        }
    }
    assert!(run > 10 * refused, "{run} {refused}");
}

#[test]
fn a_product_on_a_gpu_is_tiled_over_blocks_and_threads() {
    let space = Space::gpu(&gemm_relu(), GpuRules::default()).unwrap();
    let names: Vec<&str> = space.sketches.iter().map(|sketch| sketch.name.as_str()).collect();
    assert_eq!(names, ["keep relu, tile matmul and fuse relu"]);
    let tile = |extent, parts| Decision::Tile { extent, parts, max_innermost: Some(64) }.count();
    // Two words, and the lengths of unrolling.
    assert_eq!(space.count(), Some(tile(16, 5) * tile(32, 5) * tile(12, 3) * 3 * 3 * 5));
}

#[test]
fn a_softmax_on_a_gpu_is_one_kernel() {
    let mut b = Builder::new("softmax");
    let x = b.input("x", F32, &[6, 50]).unwrap();
    let y = operator::softmax(&mut b, x, 1, false).unwrap();
    let workload = b.finish(&[y]).unwrap();
    let space = Space::gpu(&workload, GpuRules::default()).unwrap();
    let mut rng = common::rng(0);
    let data = common::data(&workload, &mut rng);
    let expected = &workload.run(&data).unwrap()[&y];
    let mut fewest = usize::MAX;
    for _ in 0..40 {
        let schedule = space.schedule(&space.sample(&mut rng).unwrap()).unwrap();
        let nest = schedule.lower(&workload).unwrap_or_else(|error| panic!("{error}\n{schedule}"));
        let found = nest.run(&data).unwrap_or_else(|error| panic!("{error}\n{nest}"));
        common::close(expected, &found[&y]).unwrap();
        fewest = fewest.min(nest.body.len());
    }
    let names: Vec<&str> = space.sketches.iter().map(|sketch| sketch.name.as_str()).collect();
    assert_eq!(fewest, 1, "{names:?}\n{workload}");
}

/// Winograd's transforms have loops over their tables innermost, written out, in both spaces.
#[test]
fn tables_are_written_out() {
    let mut b = Builder::new("winograd");
    let x = b.input("x", F32, &[1, 4, 12, 12]).unwrap();
    let w = b.weight("w", F32, &[8, 4, 3, 3]).unwrap();
    let y = operator::winograd(&mut b, x, w, &Window::square(2, 1, 1), operator::Tile::F2).unwrap();
    let workload = b.finish(&[y]).unwrap();
    let spaces =
        [Space::cpu(&workload, CpuRules::default()).unwrap(), Space::gpu(&workload, GpuRules::default()).unwrap()];
    let mut rng = common::rng(0);
    let data = common::data(&workload, &mut rng);
    let expected = &workload.run(&data).unwrap()[&y];
    for (i, space) in spaces.iter().enumerate() {
        for sketch in &space.sketches {
            assert!(sketch.name.contains("write tables of input_rows out"), "{}", sketch.name);
            assert!(sketch.name.contains("write tables of output_rows out"), "{}", sketch.name);
            // What is padded is computed for each tile where it is transformed, not wherever it is read.
            assert_eq!(sketch.name.contains("place pad beside tables"), i == 1, "{}", sketch.name);
        }
        let mut run = 0;
        for _ in 0..30 {
            let schedule = space.schedule(&space.sample(&mut rng).unwrap()).unwrap();
            let text = schedule.to_string();
            assert!(
                text.contains("unroll input_rows e\nunroll input_rows r") || text.contains("unroll input_rows r"),
                "{text}"
            );
            let nest = match schedule.lower(&workload) {
                Err(Error::Lower { message, .. }) if message.contains("threads, and") => continue,
                nest => nest.unwrap_or_else(|error| panic!("{error}\n{schedule}")),
            };
            let found = nest.run(&data).unwrap_or_else(|error| panic!("{error}\n{nest}"));
            common::close(expected, &found[&y]).unwrap_or_else(|error| panic!("{error}\n{nest}"));
            run += 1;
        }
        assert!(run > 10, "{run}");
    }
}

/// Loops that are shared among cores are outside of those at which something is computed.
#[test]
fn shared_loops_and_places_agree() {
    let mut b = Builder::new("exp_gemm");
    let (x, w) = (b.input("x", F32, &[16, 12]).unwrap(), b.weight("w", F32, &[12, 32]).unwrap());
    let x = b.apply("exp", x, |x, _| x.exp()).unwrap();
    let y = operator::matmul(&mut b, x, w).unwrap();
    let workload = b.finish(&[y]).unwrap();
    let space = Space::cpu(&workload, CpuRules { cores: 4, ..CpuRules::default() }).unwrap();
    let mut rng = common::rng(0);
    for _ in 0..300 {
        let schedule = space.schedule(&space.sample(&mut rng).unwrap()).unwrap();
        schedule.lower(&workload).unwrap_or_else(|error| panic!("{error}\n{schedule}"));
    }
}
