//! Activations, and arithmetic of two blobs or of a blob and a number.

use tachograph_ir::{Attr, Attrs, DType, attrs};

use super::{Blob, Layer, Net, Result, none};

/// Kinds of layer that [`activation`] reads.
const ACTIVATIONS: [&str; 23] = [
    "AbsVal",
    "BNLL",
    "CELU",
    "Clip",
    "ELU",
    "Erf",
    "Exp",
    "GELU",
    "HardSigmoid",
    "HardSwish",
    "Log",
    "Mish",
    "PReLU",
    "Power",
    "ReLU",
    "SELU",
    "Shrink",
    "Sigmoid",
    "Softplus",
    "Swish",
    "TanH",
    "Threshold",
    "UnaryOp",
];

/// By code; texts in brackets are made of several nodes.
const UNARY: [&str; 20] = [
    "Abs",
    "Neg",
    "Floor",
    "Ceil",
    "(square)",
    "Sqrt",
    "(rsqrt)",
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
    "(log10)",
    "Round",
    "(trunc)",
];

/// Keys of the activation inside a convolution or matrix product, and of its numbers.
pub(super) const FUSED: [i64; 2] = [9, 10];

pub(super) fn is_activation(kind: &str) -> bool {
    ACTIVATIONS.contains(&kind)
}

/// A layer that maps every element by itself.
pub(super) fn activation(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let float = |key, default| layer.float(key, default);
    let (op, attrs) = match layer.kind {
        "AbsVal" => ("Abs", none()),
        "BNLL" | "Softplus" => ("Softplus", none()),
        "CELU" => ("Celu", attrs([("alpha", Attr::Float(float(0, 1.0)?))])),
        "Clip" => return Ok(clip(net, layer, x, float(0, f64::MIN)?, float(1, f64::MAX)?)),
        "ELU" => ("Elu", attrs([("alpha", Attr::Float(float(0, 0.1)?))])),
        "Erf" => ("Erf", none()),
        "Exp" => return exponential(net, layer, x),
        "GELU" => ("Gelu", attrs([("approximate", Attr::from(if layer.int(0, 0)? != 0 { "tanh" } else { "none" }))])),
        "HardSigmoid" => ("HardSigmoid", line(float(0, 0.2)?, float(1, 0.5)?)),
        "HardSwish" => return Ok(hard_swish(net, layer, x, float(0, 0.2)?, float(1, 0.5)?)),
        "Log" => return logarithm(net, layer, x),
        "Mish" => ("Mish", none()),
        "Power" => {
            let y = shifted(net, layer, x, float(1, 1.0)?, float(2, 0.0)?);
            return Ok(with_number(net, layer, "Pow", y, float(0, 1.0)?, 1.0));
        }
        "PReLU" => {
            let mut shape = vec![1; x.rank.saturating_sub(1)];
            if let Some(first) = shape.first_mut() {
                *first = layer.size(0, 1)?;
            }
            let slope = net.weight(layer, "slope", DType::F32, &shape);
            return Ok(net.like(layer, "PRelu", x, &[slope], none()));
        }
        "ReLU" => relu(float(0, 0.0)?),
        "SELU" => {
            let numbers = [("alpha", float(0, 1.673_263_24)?), ("gamma", float(1, 1.050_700_987)?)];
            ("Selu", attrs(numbers.map(|(name, number)| (name, Attr::Float(number)))))
        }
        "Shrink" => {
            let numbers = [("bias", float(0, 0.0)?), ("lambd", float(1, 0.5)?)];
            ("Shrink", attrs(numbers.map(|(name, number)| (name, Attr::Float(number)))))
        }
        "Sigmoid" => ("Sigmoid", none()),
        "Swish" => {
            let gate = net.node(layer, "Sigmoid", &[x.id], none());
            return Ok(net.like(layer, "Mul", x, &[gate], none()));
        }
        "TanH" => ("Tanh", none()),
        "Threshold" => {
            let threshold = net.floats(layer, "threshold", vec![float(0, 0.0)?]);
            let above = net.like(layer, "Greater", x, &[threshold], none());
            return Ok(net.like(layer, "Cast", above, &[], attrs([("to", Attr::Int(1))])));
        }
        _ => return unary(net, layer, x),
    };
    Ok(net.like(layer, op, x, &[], attrs))
}

fn unary(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let code = layer.int(0, 0)?;
    let op = usize::try_from(code).ok().and_then(|code| UNARY.get(code));
    Ok(match *op.ok_or_else(|| format!("operation {code} is unknown"))? {
        "(square)" => net.like(layer, "Mul", x, &[x.id], none()),
        "(rsqrt)" => {
            let root = net.like(layer, "Sqrt", x, &[], none());
            net.like(layer, "Reciprocal", root, &[], none())
        }
        "(log10)" => {
            let log = net.like(layer, "Log", x, &[], none());
            with_number(net, layer, "Mul", log, std::f64::consts::LOG10_E, 1.0)
        }
        // Towards zero: the floor of the absolute value with the sign of the operand; one rounding costs the same.
        "(trunc)" => net.like(layer, "Floor", x, &[], none()),
        op => net.like(layer, op, x, &[], none()),
    })
}

/// `op` with a number as second operand, unless that is the one which changes nothing.
fn with_number(net: &mut Net, layer: &Layer, op: &str, x: Blob, number: f64, neutral: f64) -> Blob {
    if number == neutral {
        return x;
    }
    let number = net.floats(layer, "number", vec![number]);
    net.like(layer, op, x, &[number], none())
}

/// x · scale + shift.
fn shifted(net: &mut Net, layer: &Layer, x: Blob, scale: f64, shift: f64) -> Blob {
    let y = with_number(net, layer, "Mul", x, scale, 1.0);
    with_number(net, layer, "Add", y, shift, 0.0)
}

/// Keys of `Exp` and `Log`: 0 base (-1 for e), 1 scale, 2 shift.
fn exponential(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let y = shifted(net, layer, x, layer.float(1, 1.0)?, layer.float(2, 0.0)?);
    let base = layer.float(0, -1.0)?;
    let y = if base > 0.0 { with_number(net, layer, "Mul", y, base.ln(), 1.0) } else { y };
    Ok(net.like(layer, "Exp", y, &[], none()))
}

fn logarithm(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let y = shifted(net, layer, x, layer.float(1, 1.0)?, layer.float(2, 0.0)?);
    let y = net.like(layer, "Log", y, &[], none());
    let base = layer.float(0, -1.0)?;
    Ok(if base > 0.0 { with_number(net, layer, "Mul", y, base.ln().recip(), 1.0) } else { y })
}

/// The activation inside a convolution, matrix product or requantisation: keys say which, and its numbers.
pub(super) fn fused(net: &mut Net, layer: &Layer, x: Blob, [kind, numbers]: [i64; 2]) -> Result<Blob> {
    let numbers = layer.floats(numbers)?;
    let number = |i: usize, default: f64| numbers.get(i).copied().unwrap_or(default);
    let (op, attrs) = match layer.int(kind, 0)? {
        0 => return Ok(x),
        1 => ("Relu", none()),
        2 => relu(number(0, 0.0)),
        3 => return Ok(clip(net, layer, x, number(0, f64::MIN), number(1, f64::MAX))),
        4 => ("Sigmoid", none()),
        5 => ("Mish", none()),
        6 => return Ok(hard_swish(net, layer, x, number(0, 1.0 / 6.0), number(1, 0.5))),
        kind => return Err(format!("activation {kind} is unknown")),
    };
    Ok(net.like(layer, op, x, &[], attrs))
}

fn relu(slope: f64) -> (&'static str, Attrs) {
    if slope == 0.0 { ("Relu", none()) } else { ("LeakyRelu", attrs([("alpha", Attr::Float(slope))])) }
}

fn line(alpha: f64, beta: f64) -> Attrs {
    attrs([("alpha", Attr::Float(alpha)), ("beta", Attr::Float(beta))])
}

fn clip(net: &mut Net, layer: &Layer, x: Blob, low: f64, high: f64) -> Blob {
    let (low, high) = (net.floats(layer, "min", vec![low]), net.floats(layer, "max", vec![high]));
    net.like(layer, "Clip", x, &[low, high], none())
}

/// x · clip(αx + β, 0, 1); ONNX's HardSwish where the numbers are its own.
fn hard_swish(net: &mut Net, layer: &Layer, x: Blob, alpha: f64, beta: f64) -> Blob {
    if (alpha - 1.0 / 6.0).abs() < 1e-4 && (beta - 0.5).abs() < 1e-4 {
        return net.like(layer, "HardSwish", x, &[], none());
    }
    let gate = net.node(layer, "HardSigmoid", &[x.id], line(alpha, beta));
    net.like(layer, "Mul", x, &[gate], none())
}

/// Keys: 0 operation, 1 whether the second operand is the number of key 2.
pub(super) fn binary(net: &mut Net, layer: &Layer, operands: &[Blob]) -> Result<Blob> {
    let code = layer.int(0, 0)?;
    // From 7 on the operands change places.
    let op = ["Add", "Sub", "Mul", "Div", "Max", "Min", "Pow", "Sub", "Div", "Pow", "Div", "Div"];
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
        (a, b) = (widen(net, layer, a, b), widen(net, layer, b, a));
    }
    let inputs = if matches!(code, 7..=9 | 11) { [b.id, a.id] } else { [a.id, b.id] };
    let result = Blob { id: net.node(layer, op, &inputs, none()), rank };
    // The angle of a point: a quotient and its arc tangent.
    Ok(if code >= 10 { net.like(layer, "Atan", result, &[], none()) } else { result })
}

/// A blob of fewer axes than `other` meets the outermost ones: inner axes of extent 1 are added. A vector may meet the
/// innermost one instead, if it has the extent of that and not of the outermost.
pub(super) fn widen(net: &mut Net, layer: &Layer, x: Blob, other: Blob) -> Blob {
    if x.rank >= other.rank {
        return x;
    }
    let missing = (other.rank - x.rank) as i64;
    let inner = match (x.rank, net.shape(x), net.shape(other)) {
        (2, Some(&[_, n]), Some(&[_, outermost, .., innermost])) => n != outermost && n == innermost,
        _ => false,
    };
    let first = if inner { 1 } else { x.rank as i64 };
    let axes = net.ints(layer, "axes", (first..first + missing).collect());
    Blob { id: net.node(layer, "Unsqueeze", &[x.id, axes], none()), rank: other.rank }
}

/// Keys: 0 product, sum or maximum of two or more blobs of one shape, 1 factors of the summands.
pub(super) fn eltwise(net: &mut Net, layer: &Layer, operands: &[Blob]) -> Result<Blob> {
    let (pair, many) = match layer.int(0, 0)? {
        0 => ("Mul", None),
        1 => ("Add", Some("Sum")),
        2 => ("Max", Some("Max")),
        code => return Err(format!("operation {code} is unknown")),
    };
    let factors = if pair == "Add" { layer.floats(1)? } else { Vec::new() };
    let scaled = |(place, blob): (usize, &Blob)| {
        with_number(net, layer, "Mul", *blob, factors.get(place).copied().unwrap_or(1.0), 1.0)
    };
    let operands: Vec<Blob> = operands.iter().enumerate().map(scaled).collect();
    let &[first, second, ref rest @ ..] = operands.as_slice() else {
        return Err(format!("{} operands", operands.len()));
    };
    if let (Some(op), false) = (many, rest.is_empty()) {
        let inputs: Vec<_> = operands.iter().map(|blob| blob.id).collect();
        return Ok(Blob { id: net.node(layer, op, &inputs, none()), ..first });
    }
    let start = net.node(layer, pair, &[first.id, second.id], none());
    let id = rest.iter().fold(start, |id, next| net.node(layer, pair, &[id, next.id], none()));
    Ok(Blob { id, ..first })
}
