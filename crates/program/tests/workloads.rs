//! Workloads as data: files, hashes, groups of networks.

mod common;

use std::collections::HashMap;

use proptest::prelude::*;
use tachograph_ir::{DType::F32, FusionRule};
use tachograph_program::{Axis, Builder, Expr, Parts, Schedule, Workload, group, operator};

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn files_are_read_back(seed: u64) {
        let workload = common::workload(&mut common::rng(seed));
        let text = serde_json::to_string(&workload).unwrap();
        let again: Workload = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&again, &workload);
        prop_assert_eq!(again.hash(), workload.hash());
    }

    #[test]
    fn names_do_not_count(seed: u64) {
        let workload = common::workload(&mut common::rng(seed));
        let mut parts = Parts::from(workload.clone());
        parts.name.push('!');
        parts.buffers.iter_mut().for_each(|buffer| buffer.name.push('!'));
        for axis in parts.stages.iter_mut().flat_map(|stage| stage.spatial.iter_mut().chain(&mut stage.reduction)) {
            axis.name.push('!');
        }
        prop_assert_eq!(Workload::new(parts).unwrap().hash(), workload.hash());
    }

    #[test]
    fn damaged_files_are_refused_and_do_no_harm(seed: u64, at in 0usize..4096, byte: u8) {
        let workload = common::workload(&mut common::rng(seed));
        let mut text = serde_json::to_vec(&workload).unwrap();
        let at = at % text.len();
        text[at] = byte;
        if let Ok(read) = serde_json::from_slice::<Workload>(&text) {
            // What is read is a workload: it can be hashed, printed and lowered.
            let _ = (read.hash(), read.to_string(), read.flops(), read.bytes());
            let small = read.stages().iter().all(|stage| stage.points() < 1 << 20);
            prop_assert!(!small || Schedule::new().lower(&read).is_ok());
        }
    }

    #[test]
    fn damaged_schedules_are_refused_and_do_no_harm(seed: u64, at in 0usize..4096, byte: u8) {
        let mut rng = common::rng(seed);
        let workload = common::workload(&mut rng);
        let schedule = match seed % 2 {
            0 => common::schedule(&workload, &mut rng, 15),
            _ => common::gpu::schedule(&workload, &mut rng, 15),
        };
        let mut text = serde_json::to_vec(&schedule).unwrap();
        let at = at % text.len();
        text[at] = byte;
        let schedule = Schedule::from_json(&String::from_utf8_lossy(&text));
        if let Ok(nest) = schedule.and_then(|schedule| schedule.lower(&workload)) {
            let _ = tachograph_program::cuda(&nest, Default::default());
        }
    }
}

#[test]
fn what_differs_has_another_hash() {
    let dense = |i, k, relu: bool| {
        let mut b = Builder::new("d");
        let (x, w) = (b.input("x", F32, &[i, k]).unwrap(), b.weight("w", F32, &[k, 8]).unwrap());
        let mut y = operator::matmul(&mut b, x, w).unwrap();
        if relu {
            y = operator::activation(&mut b, y, operator::Activation::Relu).unwrap();
        }
        b.finish(&[y]).unwrap().hash()
    };
    let hashes = [dense(4, 4, false), dense(4, 5, false), dense(5, 4, false), dense(4, 4, true)];
    for (i, a) in hashes.iter().enumerate() {
        assert!(hashes[..i].iter().all(|b| a != b));
        assert_eq!(a.to_string().parse::<tachograph_program::WorkloadHash>().unwrap(), *a);
    }
}

#[test]
fn two_inputs_are_not_one_twice() {
    let sum = |twice: bool| {
        let mut b = Builder::new("s");
        let x = b.input("x", F32, &[4]).unwrap();
        let y = if twice { x } else { b.input("y", F32, &[4]).unwrap() };
        let z = b.map("z", &[("i", 4)], |i| Expr::Load(x, i.to_vec()) + Expr::Load(y, i.to_vec())).unwrap();
        b.finish(&[z]).unwrap().hash()
    };
    assert_ne!(sum(true), sum(false));
}

#[test]
fn what_means_nothing_is_refused() {
    let mut b = Builder::new("w");
    let x = b.input("x", F32, &[4]).unwrap();
    let y = b.map("y", &[("i", 5)], |i| Expr::Load(x, i.to_vec())).unwrap();
    let error = b.clone().finish(&[y]).unwrap_err().to_string();
    assert!(error.contains("reads `x` along axis 0 of 4 from 0 to 4"), "{error}");
    let mut parts = Parts { name: "w".into(), buffers: Vec::new(), stages: Vec::new(), outputs: Vec::new() };
    assert!(Workload::new(parts.clone()).is_err());
    let whole = common::workload(&mut common::rng(1));
    parts = Parts::from(whole);
    parts.stages[0].spatial.push(Axis { name: "more".into(), extent: 2 });
    assert!(Workload::new(parts).is_err());
}

/// The networks that compilers are compared on, each group as a workload.
#[test]
fn every_group_of_known_networks_is_a_workload() {
    let known = ["resnet18", "resnet34", "resnet50", "squeezenet1_0", "mobilenet_v2", "mobilenet_v3_large"];
    let known: Vec<&str> = known.into_iter().chain(["efficientnet_b0", "vit_b_16", "bert_base", "gpt2"]).collect();
    let graphs: HashMap<&str, tachograph_ir::Graph> = tachograph_networks::reference().into_iter().collect();
    for name in known {
        let bound = graphs[name].bind(&Default::default()).unwrap();
        for fused in bound.fuse(&FusionRule::default()) {
            let made = group(&bound, &fused).unwrap_or_else(|error| panic!("{name}: {error}"));
            // Loops for it exist too.
            Schedule::new().lower(&made.workload).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}

#[test]
fn arithmetic_of_a_group_is_what_ir_counts() {
    let graphs: HashMap<&str, tachograph_ir::Graph> = tachograph_networks::reference().into_iter().collect();
    let bound = graphs["resnet18"].bind(&Default::default()).unwrap();
    for fused in bound.fuse(&FusionRule::default()) {
        let first = bound.graph().node(fused.nodes[0]);
        if first.op.name() == "Conv" {
            let made = group(&bound, &fused).unwrap().workload;
            let macs = made.stages().iter().filter(|stage| stage.reduces()).map(|stage| stage.points()).sum::<u64>();
            let (inputs, outputs) = (bound.input_facts(first), bound.output_facts(first));
            let call = tachograph_ir::Call { node: first, inputs: &inputs, outputs: &outputs };
            let tachograph_ir::OpType::Known(_, op) = &first.op else { panic!("a convolution is known") };
            assert_eq!(macs, op.work(&call).unwrap().macs);
        }
    }
}
