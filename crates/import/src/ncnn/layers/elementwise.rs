//! Activations, and arithmetic of two blobs or of a blob and a number.

use tachograph_ir::{Attr, Attrs, DType, attrs};

use super::{Blob, Layer, Net, Result, none};

/// Kinds of layer that [`activation`] reads.
const ACTIVATIONS: [&str; 14] = [
    "AbsVal",
    "Clip",
    "ELU",
    "Exp",
    "GELU",
    "HardSigmoid",
    "HardSwish",
    "Mish",
    "PReLU",
    "ReLU",
    "Sigmoid",
    "Swish",
    "TanH",
    "UnaryOp",
];

const UNARY: [&str; 20] = [
    "Abs",
    "Neg",
    "Floor",
    "Ceil",
    "",
    "Sqrt",
    "",
    "Exp",
    "Log",
    "Sin",
    "Cos",
    "Tan",
    "Asin",
    "Acos",
    "Atan",
    "Reciprocal",
    "Tanh",
    "",
    "Round",
    "",
];

pub(super) fn is_activation(kind: &str) -> bool {
    ACTIVATIONS.contains(&kind)
}

/// A layer that maps every element by itself.
pub(super) fn activation(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let (op, attrs) = match layer.kind {
        "AbsVal" => ("Abs", none()),
        "Clip" => return Ok(clip(net, layer, x, layer.float(0, f64::MIN)?, layer.float(1, f64::MAX)?)),
        "ELU" => ("Elu", attrs([("alpha", Attr::Float(layer.float(0, 0.1)?))])),
        "Exp" => ("Exp", none()),
        "GELU" => ("Gelu", attrs([("approximate", Attr::from(if layer.int(0, 0)? != 0 { "tanh" } else { "none" }))])),
        "HardSigmoid" => ("HardSigmoid", line(layer.float(0, 0.2)?, layer.float(1, 0.5)?)),
        "HardSwish" => return Ok(hard_swish(net, layer, x, layer.float(0, 0.2)?, layer.float(1, 0.5)?)),
        "Mish" => ("Mish", none()),
        "PReLU" => {
            let mut shape = vec![1; x.rank - 1];
            shape[0] = layer.size(0, 1)?;
            let slope = net.weight(layer, "slope", DType::F32, &shape);
            return Ok(Blob { id: net.node(layer, "PRelu", &[x.id, slope], none()), ..x });
        }
        "ReLU" => relu(layer.float(0, 0.0)?),
        "Sigmoid" => ("Sigmoid", none()),
        "Swish" => {
            let gate = net.node(layer, "Sigmoid", &[x.id], none());
            return Ok(Blob { id: net.node(layer, "Mul", &[x.id, gate], none()), ..x });
        }
        "TanH" => ("Tanh", none()),
        _ => {
            let code = layer.int(0, 0)?;
            let op = usize::try_from(code).ok().and_then(|code| UNARY.get(code)).filter(|op| !op.is_empty());
            (*op.ok_or_else(|| format!("operation {code} is unknown"))?, none())
        }
    };
    Ok(Blob { id: net.node(layer, op, &[x.id], attrs), ..x })
}

/// The activation inside a convolution or matrix product: key 9 says which, key 10 has its numbers.
pub(super) fn fused(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let numbers = layer.floats(10)?;
    let number = |i: usize, default: f64| numbers.get(i).copied().unwrap_or(default);
    let (op, attrs) = match layer.int(9, 0)? {
        0 => return Ok(x),
        1 => ("Relu", none()),
        2 => relu(number(0, 0.0)),
        3 => return Ok(clip(net, layer, x, number(0, f64::MIN), number(1, f64::MAX))),
        4 => ("Sigmoid", none()),
        5 => ("Mish", none()),
        6 => return Ok(hard_swish(net, layer, x, number(0, 1.0 / 6.0), number(1, 0.5))),
        kind => return Err(format!("activation {kind} is unknown")),
    };
    Ok(Blob { id: net.node(layer, op, &[x.id], attrs), ..x })
}

fn relu(slope: f64) -> (&'static str, Attrs) {
    if slope == 0.0 { ("Relu", none()) } else { ("LeakyRelu", attrs([("alpha", Attr::Float(slope))])) }
}

fn line(alpha: f64, beta: f64) -> Attrs {
    attrs([("alpha", Attr::Float(alpha)), ("beta", Attr::Float(beta))])
}

fn clip(net: &mut Net, layer: &Layer, x: Blob, low: f64, high: f64) -> Blob {
    let (low, high) = (net.floats(layer, "min", vec![low]), net.floats(layer, "max", vec![high]));
    Blob { id: net.node(layer, "Clip", &[x.id, low, high], none()), ..x }
}

/// x · clip(αx + β, 0, 1); ONNX's HardSwish where the numbers are its own.
fn hard_swish(net: &mut Net, layer: &Layer, x: Blob, alpha: f64, beta: f64) -> Blob {
    if (alpha - 1.0 / 6.0).abs() < 1e-4 && (beta - 0.5).abs() < 1e-4 {
        return Blob { id: net.node(layer, "HardSwish", &[x.id], none()), ..x };
    }
    let gate = net.node(layer, "HardSigmoid", &[x.id], line(alpha, beta));
    Blob { id: net.node(layer, "Mul", &[x.id, gate], none()), ..x }
}

/// Keys: 0 operation, 1 whether the second operand is the number of key 2.
pub(super) fn binary(net: &mut Net, layer: &Layer, operands: &[Blob]) -> Result<Blob> {
    let code = layer.int(0, 0)?;
    let op = ["Add", "Sub", "Mul", "Div", "Max", "Min", "Pow", "Sub", "Div"];
    let op = usize::try_from(code).ok().and_then(|code| op.get(code)).ok_or_else(|| format!("operation {code}"))?;
    let (mut a, mut b) = match *operands {
        [a, b] => (a, b),
        [a] if layer.int(1, 0)? != 0 => {
            (a, Blob { id: net.floats(layer, "number", vec![layer.float(2, 0.0)?]), rank: 0 })
        }
        _ => return Err(format!("{} operands", operands.len())),
    };
    let rank = a.rank.max(b.rank);
    if b.rank > 0 {
        (a, b) = (widen(net, layer, a, rank), widen(net, layer, b, rank));
    }
    let inputs = if code >= 7 { [b.id, a.id] } else { [a.id, b.id] };
    Ok(Blob { id: net.node(layer, op, &inputs, none()), rank })
}

/// A blob of fewer axes meets the outermost ones of the other: inner axes of extent 1 are added.
fn widen(net: &mut Net, layer: &Layer, x: Blob, rank: usize) -> Blob {
    if x.rank == rank {
        return x;
    }
    let axes = net.ints(layer, "axes", (x.rank as i64..rank as i64).collect());
    Blob { id: net.node(layer, "Unsqueeze", &[x.id, axes], none()), rank }
}

/// Key 0: product, sum or maximum of two or more blobs of one shape.
pub(super) fn eltwise(net: &mut Net, layer: &Layer, operands: &[Blob]) -> Result<Blob> {
    let (pair, many) = match layer.int(0, 0)? {
        0 => ("Mul", None),
        1 => ("Add", Some("Sum")),
        2 => ("Max", Some("Max")),
        code => return Err(format!("operation {code} is unknown")),
    };
    let &[first, second, ref rest @ ..] = operands else { return Err(format!("{} operands", operands.len())) };
    if let (Some(op), false) = (many, rest.is_empty()) {
        let inputs: Vec<_> = operands.iter().map(|blob| blob.id).collect();
        return Ok(Blob { id: net.node(layer, op, &inputs, none()), ..first });
    }
    let start = net.node(layer, pair, &[first.id, second.id], none());
    let id = rest.iter().fold(start, |id, next| net.node(layer, pair, &[id, next.id], none()));
    Ok(Blob { id, ..first })
}
