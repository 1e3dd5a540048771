//! Operators of ONNX Runtime's optimiser and quantiser that are a standard one with something around it: scales and
//! zero points, an activation, a transposition.

use tachograph_ir::{Attr, Attrs, Call, DType, Fact, Node, OpError, OpType};
use tch::{TchError, Tensor};

use super::{Args, Kernel, quantised};

pub(super) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    let quantised = |name, places: &'static [usize], result| between_scales(call, name, places, result).map(Some);
    match call.node.op.name() {
        "QLinearAdd" => quantised("Add", &[0, 3], 6),
        "QLinearAveragePool" => quantised("AveragePool", &[0], 3),
        "QLinearGlobalAveragePool" => quantised("GlobalAveragePool", &[0], 3),
        "QLinearLeakyRelu" => quantised("LeakyRelu", &[0], 3),
        "QLinearMul" => quantised("Mul", &[0, 3], 6),
        "QLinearSigmoid" => quantised("Sigmoid", &[0], 3),
        "QLinearSoftmax" => quantised("Softmax", &[0], 3),
        "QLinearConcat" => concat(call).map(Some),
        "FusedConv" => activated(call, "Conv", Some(3)).map(Some),
        "FusedGemm" => activated(call, "Gemm", None).map(Some),
        "FusedMatMul" | "TransposeMatMul" => product(call).map(Some),
        _ => Ok(None),
    }
}

/// The kernel of the standard operator `name` on operands like these.
fn standard(node: &Node, name: &str, attrs: Attrs, inputs: &[Option<&Fact>], output: Fact) -> Result<Kernel, OpError> {
    let node = Node { op: OpType::new(name), attrs, inputs: vec![None; inputs.len()], ..node.clone() };
    let kernel = super::compile(&Call { node: &node, inputs, outputs: &[output] })?;
    kernel.ok_or_else(|| OpError::Invalid(format!("nothing here computes {name}")))
}

fn float(fact: Option<&Fact>) -> Result<Fact, OpError> {
    Ok(Fact { dtype: DType::F32, ..fact.ok_or(OpError::Unknown)?.clone() })
}

/// `name` on the operands at `places`, each with its scale and zero point; those of the result lie at `result`.
fn between_scales(call: &Call<'_>, name: &str, places: &'static [usize], result: usize) -> Result<Kernel, OpError> {
    if call.int("channels_last", 0) != 0 {
        return Err(OpError::Invalid("channels in last place have no kernel".into()));
    }
    let facts: Vec<Fact> = places.iter().map(|&i| float(call.optional(i))).collect::<Result<_, _>>()?;
    let types: Vec<DType> = places.iter().map(|&i| call.dtype(i)).collect::<Result<_, _>>()?;
    let inputs: Vec<Option<&Fact>> = facts.iter().map(Some).collect();
    let kernel = standard(call.node, name, call.node.attrs.clone(), &inputs, float(call.outputs.first())?)?;
    let target = quantised::Target::new(call.outputs.first().ok_or(OpError::Unknown)?.dtype)?;
    Ok(Box::new(move |x| {
        let operands = places.iter().zip(&types).map(|(&i, &dtype)| quantised::scaled(x, i, dtype, 0));
        let operands: Vec<Tensor> = operands.collect::<Result<_, _>>()?;
        let borrowed: Vec<Option<&Tensor>> = operands.iter().map(Some).collect();
        let mut results = kernel(&Args(&borrowed))?;
        Ok(vec![target.of(&results.remove(0), x.get(result)?, x.optional(result + 1))?])
    }))
}

/// Parts with scales of their own; scale and zero point of the result come first.
fn concat(call: &Call<'_>) -> Result<Kernel, OpError> {
    let axis = call.int("axis", 0);
    let places: Vec<usize> = (2..call.inputs.len()).step_by(3).collect();
    let types: Vec<DType> = places.iter().map(|&i| call.dtype(i)).collect::<Result<_, _>>()?;
    let target = quantised::Target::new(call.outputs.first().ok_or(OpError::Unknown)?.dtype)?;
    Ok(Box::new(move |x| {
        let parts = places.iter().zip(&types).map(|(&i, &dtype)| quantised::scaled(x, i, dtype, 0));
        let parts: Vec<Tensor> = parts.collect::<Result<_, _>>()?;
        Ok(vec![target.of(&Tensor::f_cat(&parts, axis)?, x.get(0)?, x.optional(1))?])
    }))
}

/// `name`, then the sum with operand `residual`, then the attribute `activation`.
fn activated(call: &Call<'_>, name: &str, residual: Option<usize>) -> Result<Kernel, OpError> {
    let output = call.outputs.first().ok_or(OpError::Unknown)?.clone();
    let operands: Vec<Option<&Fact>> = call.inputs.iter().copied().take(3).collect();
    let kernel = standard(call.node, name, call.node.attrs.clone(), &operands, output.clone())?;
    let activation = call.text("activation", "Identity");
    let parameters = match call.attrs().get("activation_params") {
        Some(Attr::Floats(values)) => values.clone(),
        _ => ["activation_alpha", "activation_beta"].iter().filter_map(|name| call.node.float(name)).collect(),
    };
    let names = if activation == "Clip" { ["min", "max"] } else { ["alpha", "beta"] };
    let attrs: Attrs = names.iter().zip(parameters).map(|(name, v)| ((*name).to_owned(), Attr::Float(v))).collect();
    let activation = standard(call.node, activation, attrs, &[Some(&output)], output.clone())?;
    Ok(Box::new(move |x| {
        let mut y = kernel(x)?.remove(0);
        if let Some(other) = residual.and_then(|i| x.optional(i)) {
            y = y.f_add(other)?;
        }
        activation(&Args(&[Some(&y)]))
    }))
}

/// A product of matrices with transposed factors and a scale.
fn product(call: &Call<'_>) -> Result<Kernel, OpError> {
    if call.attrs().contains_key("activation") || ["transBatchA", "transBatchB"].iter().any(|n| call.int(n, 0) != 0) {
        return Err(OpError::Invalid("a moved batch or an activation has no kernel".into()));
    }
    let (alpha, a, b) = (call.float("alpha", 1.0), call.int("transA", 0) != 0, call.int("transB", 0) != 0);
    Ok(super::pair(move |x, w| {
        let turned = |t: &Tensor, yes: bool| -> Result<Tensor, TchError> {
            if yes { t.f_transpose(-1, -2) } else { Ok(t.shallow_clone()) }
        };
        let y = turned(x, a)?.f_matmul(&turned(w, b)?)?;
        if alpha == 1.0 { Ok(y) } else { y.f_mul_scalar(alpha) }
    }))
}
