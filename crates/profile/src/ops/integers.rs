//! Integers where libtorch computes in floating point alone: int8 networks have convolutions, products and pooling of
//! integers, which it refuses or lets overflow. The operands become floating point, the result is rounded back.

use tachograph_ir::{Call, DType, Fact, OpError, Role};
use tch::{Kind, Tensor};

use super::{Args, Kernel, quantised::Target};

/// Operators that keep the meaning of their operands when those become floating point.
const EMULATED: [&str; 37] = [
    "AdaptiveAveragePool",
    "AveragePool",
    "Conv",
    "ConvTranspose",
    "Elu",
    "Erf",
    "Exp",
    "Gelu",
    "Gemm",
    "GRU",
    "GlobalAveragePool",
    "GlobalLpPool",
    "GlobalMaxPool",
    "HardSigmoid",
    "HardSwish",
    "InstanceNormalization",
    "LSTM",
    "LayerNormalization",
    "LeakyRelu",
    "Log",
    "LogSoftmax",
    "LpNormalization",
    "LpPool",
    "MatMul",
    "MaxPool",
    "PRelu",
    "RNN",
    "ReduceL2",
    "ReduceMean",
    "Resize",
    "SVDF",
    "Sigmoid",
    "Silu",
    "Softmax",
    "Sqrt",
    "Tanh",
    "Upsample",
];

pub(super) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    let name = call.node.op.name();
    let Some(first) = call.optional(0).map(|f| f.dtype) else { return Ok(None) };
    if first == DType::Bool || !EMULATED.contains(&name) {
        return Ok(None);
    }
    let short = |dtype| matches!(dtype, DType::I4 | DType::U4 | DType::I8 | DType::U8 | DType::I16 | DType::U16);
    // Products of wide integers are libtorch's own.
    let own = matches!(name, "MatMul" | "Gemm") && !short(first);
    let computes = |role| !matches!(role, Role::Index | Role::Coordinates | Role::Shape | Role::Setting | Role::Mask);
    let weight = call.optional(1).is_some_and(|f| short(f.dtype)) && computes(call.node.role(1));
    // Data in floating point may have quantised weights.
    if if first.is_integer() { own } else { !weight } {
        return Ok(None);
    }
    let (dtype, kind) = match first {
        _ if short(first) => (DType::F32, Kind::Float),
        _ if first.is_integer() => (DType::F64, Kind::Double),
        _ => (first, super::kind(first).ok_or(OpError::Unknown)?),
    };
    let changed: Vec<bool> = call
        .inputs
        .iter()
        .enumerate()
        .map(|(i, fact)| fact.is_some_and(|fact| fact.dtype.is_integer()) && computes(call.node.role(i)))
        .collect();
    let float = |fact: &Fact| Fact { dtype, ..fact.clone() };
    let inputs: Vec<Option<Fact>> = call
        .inputs
        .iter()
        .zip(&changed)
        .map(|(fact, &yes)| fact.map(|f| if yes { float(f) } else { f.clone() }))
        .collect();
    let outputs: Vec<Fact> = call.outputs.iter().map(float).collect();
    let borrowed: Vec<Option<&Fact>> = inputs.iter().map(Option::as_ref).collect();
    let Some(kernel) = super::compile(&Call { node: call.node, inputs: &borrowed, outputs: &outputs })? else {
        return Ok(None);
    };
    let result = call.outputs.first().ok_or(OpError::Unknown)?.dtype;
    let target = if result.is_float() { None } else { Some(wide(result)?) };
    Ok(Some(Box::new(move |x| {
        let converted =
            x.0.iter()
                .zip(&changed)
                .map(|(t, &yes)| t.map(|t| if yes { t.f_to_kind(kind) } else { Ok(t.shallow_clone()) }).transpose());
        let converted: Vec<Option<Tensor>> = converted.collect::<Result<_, _>>()?;
        let borrowed: Vec<Option<&Tensor>> = converted.iter().map(Option::as_ref).collect();
        let mut results = kernel(&Args(&borrowed))?;
        if let (Some(target), Some(first)) = (target, results.first_mut()) {
            *first = match target {
                Rounding::To(target) => target.round(first)?,
                Rounding::Wide(kind) => first.f_to_kind(kind)?,
            };
        }
        Ok(results)
    })))
}

#[derive(Clone, Copy)]
enum Rounding {
    To(Target),
    /// Of a type that holds what is computed; its fraction is cut off, as ONNX's integers do.
    Wide(Kind),
}

fn wide(dtype: DType) -> Result<Rounding, OpError> {
    match dtype {
        DType::I64 => Ok(Rounding::Wide(Kind::Int64)),
        DType::I32 => Ok(Rounding::Wide(Kind::Int)),
        _ => Target::new(dtype).map(Rounding::To),
    }
}
