//! The same networks compiled to libraries: layouts, memory, weights and all, against ONNX Runtime.

use tachograph_compile::{Compiled, How, Measured, Network, Out, Plan, compile, ways};
use tachograph_ir::DType;
use tachograph_program::Compiler;
use tch::{Kind, Tensor};

use crate::{
    case::Source,
    networks::{CPU, Expected, each, expected, here},
};

/// Those of a plain test run: branches that are joined, depthwise convolutions and gates, groups, attention.
const SOME: [&str; 4] = ["squeezenet1_1", "regnety_004", "mobilenet-v2-5-9", "gpt-5-23"];

#[test]
fn some_networks() {
    let some = |source: &Source| SOME.contains(&source.name().as_str());
    assert_eq!(expected(some).len(), SOME.len());
    compare(some);
}

/// `cargo test -p tachograph-profile --test outputs compiled::all -- --ignored --nocapture`
#[test]
#[ignore = "takes minutes"]
fn all() {
    compare(here);
}

fn compare(chosen: fn(&Source) -> bool) {
    let compiler = Compiler::find().unwrap();
    each(chosen, |case| {
        let (worst, plan) = run(case, &compiler)?;
        let (steps, copies, mb) = (plan.steps.len(), plan.copies(), plan.arena_bytes as f64 / 1e6);
        Ok(format!("{steps} steps, {copies} copies, {mb:.1} MB beside weights, at most {worst:.1e} off"))
    });
}

/// The largest difference, and the plan.
fn run(case: &Expected, compiler: &Compiler) -> Result<(f64, Plan), String> {
    let text = |error: tachograph_compile::Error| error.to_string();
    let bound = case.source.load();
    let network = Network::of(&bound).map_err(text)?;
    let folder = tempfile::tempdir().unwrap();
    let out = Out { folder: folder.path(), objects: &folder.path().join("build"), threads: 1 };
    // Weights that look random, the same as ONNX Runtime was given.
    let ways = ways(&network, &Measured::new()).map_err(text)?;
    let plan = compile(&network, &ways, &|_| Ok(None), compiler, out).map_err(text)?;
    let refused = plan.steps.iter().find_map(|step| match &step.run {
        How::Kernel { refused: Some(why), .. } => Some(format!("group {} ({}): {why}", step.group, step.operators)),
        _ => None,
    });
    if let Some(refused) = refused {
        return Err(refused);
    }
    let mut library = Compiled::open(&folder.path().join("network.so")).map_err(text)?;
    let inputs = network.stand_ins();
    let given: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
    let outputs = library.run_bytes(&given).map_err(text)?;
    let tensor = |(port, bytes): (&tachograph_compile::Port, &Vec<u8>)| {
        let shape: Vec<i64> = port.shape.iter().map(|&n| n as i64).collect();
        let kind = match port.dtype {
            DType::F32 => Kind::Float,
            DType::I64 => Kind::Int64,
            other => return Err(format!("an output is {other}")),
        };
        Ok(Tensor::from_data_size(bytes, &shape, kind).to_kind(Kind::Double))
    };
    let outputs: Vec<Tensor> = plan.signature.outputs.iter().zip(&outputs).map(tensor).collect::<Result<_, _>>()?;
    Ok((case.check(&outputs, CPU)?, plan))
}
