//! The same networks as tensor programs: each fused group compiled to a kernel, one after the other, against ONNX Runtime.

use std::collections::HashMap;

use tachograph_ir::{BoundGraph, FusionRule, TensorId, Value};
use tachograph_profile::Fill;
use tachograph_program::{Compiler, Data, Kernel, Machine, Schedule, Space, Target, Workload, group};
use tch::Tensor;

use crate::{
    case::Source,
    networks::{CPU, Expected, each, expected, here},
};

/// Those of a plain test run: residual, depthwise, recurrent in width, attention.
const SOME: [&str; 4] = ["squeezenet1_1", "mobilenet-v2-5-9", "nasbench201-5-10", "gpt-5-23"];

#[test]
fn some_networks() {
    let some = |source: &Source| SOME.contains(&source.name().as_str());
    assert_eq!(expected(some).len(), SOME.len());
    compare(some);
}

/// `cargo test --release -p tachograph-profile --test outputs kernels::all -- --ignored --nocapture`
#[test]
#[ignore = "takes minutes"]
fn all() {
    compare(here);
}

fn compare(chosen: fn(&Source) -> bool) {
    let compiler = Compiler::find().unwrap();
    each(chosen, |case| {
        run(case, &compiler).map(|(worst, groups)| format!("{groups} groups, at most {worst:.1e} off"))
    });
}

/// The largest difference, and the number of groups.
fn run(case: &Expected, compiler: &Compiler) -> Result<(f64, usize), String> {
    let bound = case.source.load();
    let mut values: HashMap<TensorId, Vec<f64>> = HashMap::new();
    let mut kernels: HashMap<String, Kernel> = HashMap::new();
    let groups = bound.fuse(&FusionRule::default());
    for (i, fused) in groups.iter().enumerate() {
        let failed = |error: tachograph_program::Error| format!("group {i}: {error}");
        let made = group(&bound, fused).map_err(failed)?;
        let text = serde_json::to_string(&made.workload).map_err(|error| error.to_string())?;
        if !kernels.contains_key(&text) {
            let nest = schedule(&made.workload).and_then(|s| s.lower(&made.workload)).map_err(failed)?;
            kernels.insert(text.clone(), Kernel::new(&nest, compiler).map_err(failed)?);
        }
        let read: Vec<_> = made.inputs.iter().filter(|(_, b)| !made.workload.readers(*b).is_empty()).collect();
        let given: Data = read.iter().map(|(t, buffer)| (*buffer, operand(&bound, &values, *t))).collect();
        let found = kernels.get_mut(&text).unwrap().call_with(&given).map_err(failed)?;
        for (tensor, buffer) in &made.outputs {
            values.insert(*tensor, found[buffer].clone());
        }
    }
    let outputs: Vec<Tensor> = bound
        .graph()
        .outputs()
        .iter()
        .map(|id| {
            let shape: Vec<i64> = bound.shape(*id).unwrap().iter().map(|&n| n as i64).collect();
            Tensor::from_slice(&operand(&bound, &values, *id)).reshape(shape)
        })
        .collect();
    Ok((case.check(&outputs, CPU)?, groups.len()))
}

/// The first point of a template, else loops as they stand.
fn schedule(workload: &Workload) -> tachograph_program::Result<Schedule> {
    let space = Space::templates(workload, Machine::of(Target::native()))?;
    match space.nth(0) {
        Some(point) => space.schedule(&point),
        None => Ok(Schedule::new()),
    }
}

/// What a tensor holds: computed, known to inference, or a stand-in.
fn operand(bound: &BoundGraph, values: &HashMap<TensorId, Vec<f64>>, id: TensorId) -> Vec<f64> {
    if let Some(computed) = values.get(&id) {
        return computed.clone();
    }
    let fact = bound.fact(id);
    match &fact.value {
        Some(Value::Ints(ints)) => ints.iter().map(|&n| n as f64).collect(),
        Some(Value::Floats(floats)) => floats.clone(),
        _ => {
            let n = bound.shape(id).unwrap().iter().product::<u64>() as usize;
            let fill = Fill::of(bound, id);
            match fact.dtype.is_integer() {
                true => fill.integers(id.0, n).into_iter().map(|n| n as f64).collect(),
                false => fill.floats(id.0, n).into_iter().map(f64::from).collect(),
            }
        }
    }
}
