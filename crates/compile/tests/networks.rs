//! Compiled networks, held to their groups run by the interpreter of workloads.

use std::collections::HashMap;

use tachograph_compile::{Basis, Compiled, How, Measured, Network, Out, Way, compile, in_network, ways};
use tachograph_ir::{Assignment, Attrs, BoundGraph, Builder, DType, Fill, FusionRule, TensorId, Value};
use tachograph_program::{Compiler, Data, Form, group};

fn compiled(bound: &BoundGraph, folder: &std::path::Path, threads: u32) -> (Vec<Vec<f32>>, tachograph_compile::Plan) {
    let network = Network::of(bound).unwrap();
    let out = Out { folder, objects: &folder.join("build"), threads };
    let plan =
        compile(&network, &ways(&network, &Measured::new()).unwrap(), &|_| Ok(None), &Compiler::find().unwrap(), out)
            .unwrap();
    let mut library = Compiled::open(&folder.join("network.so")).unwrap();
    let given: Vec<Vec<f32>> = bound.graph().inputs().iter().map(|&id| stand_in(bound, id)).collect();
    let given: Vec<&[f32]> = given.iter().map(Vec::as_slice).collect();
    // A second run must not depend on the first.
    library.run(&given).unwrap();
    (library.run(&given).unwrap(), plan)
}

fn stand_in(bound: &BoundGraph, id: TensorId) -> Vec<f32> {
    Fill::of(bound, id).floats(id.0, bound.shape(id).unwrap().iter().product::<u64>() as usize)
}

/// The outputs of the graph, group by group.
fn interpreted(bound: &BoundGraph) -> Vec<Vec<f64>> {
    let mut values: HashMap<TensorId, Vec<f64>> = HashMap::new();
    let operand = |values: &HashMap<TensorId, Vec<f64>>, id: TensorId| match (values.get(&id), &bound.fact(id).value) {
        (Some(computed), _) => computed.clone(),
        (None, Some(Value::Ints(ints))) => ints.iter().map(|&n| n as f64).collect(),
        (None, Some(Value::Floats(floats))) => floats.clone(),
        (None, None) => stand_in(bound, id).into_iter().map(f64::from).collect(),
    };
    for fused in bound.fuse(&FusionRule::default()) {
        let made = group(bound, &fused).unwrap();
        let data: Data = made
            .inputs
            .iter()
            .filter(|(_, buffer)| !made.workload.readers(*buffer).is_empty())
            .map(|(id, buffer)| (*buffer, operand(&values, *id)))
            .collect();
        let results = made.workload.run(&data).unwrap();
        for (id, buffer) in &made.outputs {
            values.insert(*id, results[buffer].clone());
        }
    }
    bound.graph().outputs().iter().map(|id| operand(&values, *id)).collect()
}

fn check(bound: &BoundGraph) -> tachograph_compile::Plan {
    let folder = tempfile::tempdir().unwrap();
    let (found, plan) = compiled(bound, folder.path(), 1);
    for (found, expected) in found.iter().zip(interpreted(bound)) {
        let scale = (expected.iter().map(|x| x * x).sum::<f64>() / expected.len() as f64).sqrt();
        assert_eq!(found.len(), expected.len());
        for (i, (&a, &b)) in found.iter().zip(&expected).enumerate() {
            assert!((f64::from(a) - b).abs() <= 1e-4 * scale, "{a} and {b} at {i}, of {scale}");
        }
    }
    plan
}

fn network(shape: &[u64], build: impl FnOnce(&mut Builder, TensorId) -> tachograph_ir::Result<TensorId>) -> BoundGraph {
    let mut b = Builder::new("network");
    let x = b.input("x", DType::F32, shape.iter().map(|&n| n.into()).collect::<Vec<_>>());
    let y = build(&mut b, x).unwrap();
    b.finish(&[y]).unwrap().bind(&Assignment::new()).unwrap()
}

#[test]
fn a_residual_network_keeps_one_layout() {
    let bound = network(&[1, 3, 16, 16], |b, x| {
        let x = b.conv(x, 32, [3, 3], 2, 1, 1, true)?;
        let x = b.op("Relu", &[x])?;
        let y = b.conv(x, 32, [3, 3], 1, 1, 1, true)?;
        let y = b.op("Relu", &[y])?;
        let y = b.conv(y, 32, [3, 3], 1, 1, 1, true)?;
        let y = b.op("Add", &[y, x])?;
        let y = b.op("Relu", &[y])?;
        let y = b.op("GlobalAveragePool", &[y])?;
        let y = b.op("Flatten", &[y])?;
        b.gemm(y, 10)
    });
    let plan = check(&bound);
    // The picture alone may come in another order than it is read.
    assert!(plan.copies() <= 1, "{plan:#?}");
    assert!(!plan.stand_ins.is_empty() && plan.arena_bytes > 0 && plan.predicted_ms() > 0.0);
    assert!(plan.steps.iter().all(|step| !matches!(&step.run, How::Kernel { refused: Some(_), .. })));
}

#[test]
fn branches_are_made_where_they_are_joined() {
    let fire = |b: &mut Builder, x: TensorId, channels: [u64; 3]| -> tachograph_ir::Result<TensorId> {
        let x = b.conv(x, channels[0], [1, 1], 1, 0, 1, true)?;
        let left = b.conv(x, channels[1], [1, 1], 1, 0, 1, true)?;
        let left = b.op("Relu", &[left])?;
        let right = b.conv(x, channels[2], [3, 3], 1, 1, 1, true)?;
        let right = b.op("Relu", &[right])?;
        let joined = b.op_with("Concat", &[left, right], Attrs::from([("axis".into(), 1i64.into())]))?;
        // What is joined is read elsewhere too.
        let other = b.conv(left, channels[1] + channels[2], [1, 1], 1, 0, 1, true)?;
        b.op("Mul", &[joined, other])
    };
    for channels in [[16, 32, 48], [8, 12, 10], [4, 3, 5], [8, 8, 16]] {
        for batch in [1, 2] {
            let bound = network(&[batch, 3, 9, 9], |b, x| fire(b, x, channels));
            let plan = check(&bound);
            if (channels, batch) == ([16, 32, 48], 1) {
                assert!(plan.steps.iter().all(|step| step.operators != "Concat"), "{plan:#?}");
            }
        }
    }
}

#[test]
fn attention_and_constants() {
    let bound = network(&[1, 12, 32], |b, x| {
        let q = b.linear(x, 32)?;
        let k = b.linear(x, 32)?;
        let k = b.op_with("Transpose", &[k], Attrs::from([("perm".into(), vec![0i64, 2, 1].into())]))?;
        let scores = b.op("MatMul", &[q, k])?;
        let scores = b.op("Softmax", &[scores])?;
        let y = b.op("MatMul", &[scores, x])?;
        b.op("Add", &[y, x])
    });
    check(&bound);
}

#[test]
fn what_depends_on_weights_alone_is_computed_beforehand() {
    // Few enough for the interpreter, and not.
    for size in [12, 2600] {
        let bound = network(&[1, 2, size], |b, x| {
            let w = b.parameter(&[20, size]);
            let w = b.op_with("Transpose", &[w], Attrs::from([("perm".into(), vec![1i64, 0].into())]))?;
            b.op("MatMul", &[x, w])
        });
        // Without elements the transposed weight is a stand-in like any other.
        check(&bound);
        let network = Network::of(&bound).unwrap();
        let weight = |id: TensorId| (0..bound.shape(id).unwrap().iter().product()).map(|i| (i % 7) as f64).collect();
        let folder = tempfile::tempdir().unwrap();
        let out = Out { folder: folder.path(), objects: &folder.path().join("build"), threads: 1 };
        let compiler = Compiler::find().unwrap();
        let ways = ways(&network, &Measured::new()).unwrap();
        let plan = compile(&network, &ways, &|id| Ok(Some(weight(id))), &compiler, out).unwrap();
        assert!(plan.stand_ins.is_empty() && plan.steps.len() == 1, "{plan:#?}");
        let ones = vec![1.0; 2 * size as usize];
        let found = Compiled::open(&folder.path().join("network.so")).unwrap().run(&[ones.as_slice()]).unwrap();
        let expected = |column: u64| (0..size).map(|k| ((column * size + k) % 7) as f32).sum::<f32>();
        assert!((0..20).all(|j| found[0][j as usize] == expected(j)), "{:?}", found[0]);
    }
}

#[test]
fn kernels_are_timed_between_the_others() {
    let bound = network(&[1, 16, 28, 28], |b, x| {
        let x = b.conv(x, 32, [3, 3], 1, 1, 1, true)?;
        let y = b.conv(x, 32, [3, 3], 1, 1, 1, true)?;
        let y = b.op("Add", &[y, x])?;
        b.op("Softmax", &[y])
    });
    let network = Network::of(&bound).unwrap();
    let (folder, compiler) = (tempfile::tempdir().unwrap(), Compiler::find().unwrap());
    let (objects, none) = (folder.path().join("build"), Measured::new());
    let all = ways(&network, &none).unwrap();
    let timed = in_network(&network, &all, &all, &|_| Ok(None), &compiler, &objects).unwrap();
    let mut forms = Vec::new();
    for (before, after) in all.parts.iter().zip(&timed.parts) {
        assert!(!after.is_empty() && after.len() <= before.len());
        for kernel in after.iter().filter_map(Way::kernel) {
            assert!(kernel.basis == Basis::InNetwork && kernel.ms > 0.0, "{kernel:#?}");
            forms.push(kernel.form);
        }
    }
    // Each convolution in every form that a formula gives a chance.
    assert!(forms.contains(&Form::WinogradF4) && forms.len() > network.parts.len(), "{forms:?}");
    let out = Out { folder: folder.path(), objects: &objects, threads: 1 };
    let plan = compile(&network, &timed, &|_| Ok(None), &compiler, out).unwrap();
    assert!(plan.steps.iter().all(|step| step.run == How::Copy || step.basis == Basis::InNetwork), "{plan:#?}");
    let given = stand_in(&bound, bound.graph().inputs()[0]);
    let found = Compiled::open(&folder.path().join("network.so")).unwrap().run(&[given.as_slice()]).unwrap();
    for (a, b) in found[0].iter().zip(&interpreted(&bound)[0]) {
        assert!((f64::from(*a) - b).abs() <= 1e-4 * b.abs().max(1e-3), "{a} {b}");
    }
}

/// Convolutions in both forms, a pool, a copy between orders, softmax: what threads share has to be the same.
#[test]
fn threads_share_a_run() {
    let bound = network(&[1, 32, 28, 28], |b, x| {
        let y = b.conv(x, 64, [3, 3], 1, 1, 1, true)?;
        let y = b.op("Relu", &[y])?;
        let y = b.conv(y, 64, [3, 3], 2, 1, 64, true)?;
        let y = b.conv(y, 48, [1, 1], 1, 0, 1, true)?;
        let y = b.op_with("Transpose", &[y], Attrs::from([("perm".into(), vec![0i64, 2, 3, 1].into())]))?;
        b.op("Softmax", &[y])
    });
    let (alone, three) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ((expected, plan), (found, shared)) = (compiled(&bound, alone.path(), 1), compiled(&bound, three.path(), 3));
    let parallel = |plan: &tachograph_compile::Plan| {
        let schedule = |step: &&tachograph_compile::Step| match &step.run {
            How::Kernel { schedule, .. } => schedule.to_string().contains("parallel"),
            How::Copy => false,
        };
        plan.steps.iter().filter(schedule).count()
    };
    assert_eq!((plan.threads, parallel(&plan), shared.threads), (1, 0, 3));
    assert!(parallel(&shared) >= 3 && shared.predicted_ms() < 0.6 * plan.predicted_ms(), "{shared:#?}");
    for (a, b) in found[0].iter().zip(&expected[0]) {
        assert!((a - b).abs() <= 1e-5 * b.abs().max(1e-3), "{a} {b}");
    }
}

#[test]
fn what_no_program_knows_is_named() {
    let bound = network(&[8, 8], |b, x| b.op("Det", &[x]));
    let error = Network::of(&bound).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("Det at `Det_0`"), "{error}");
}
