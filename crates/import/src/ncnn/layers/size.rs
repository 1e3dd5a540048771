//! Sizes that follow extents of blobs: numbers where they can be, else the nodes that compute them at binding; and the
//! texts in which newer files write them: `/(0w,2),*(0h,2),0c`, each function before its arguments.

use tachograph_ir::{Attr, TensorId, attrs};

use super::{Blob, Layer, Net, Result, none};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Size {
    Int(i64),
    Float(f64),
    /// A tensor of one element: an integer, or a floating-point number.
    Computed(TensorId, bool),
}

/// Axis of the tensor that ncnn calls `letter`: w, h, d or c; `None` where the blob lacks it, so that its extent is 1.
pub(super) fn axis_of(letter: char, rank: usize) -> Option<usize> {
    let letters = match rank {
        2 => "w",
        3 => "hw",
        4 => "chw",
        5 => "cdhw",
        _ => return None,
    };
    letters.find(letter).map(|place| place + 1)
}

/// The extent of `blob` that ncnn calls `letter`.
pub(super) fn extent(net: &mut Net, layer: &Layer, blob: Blob, letter: char) -> Size {
    let Some(axis) = axis_of(letter, blob.rank) else { return Size::Int(1) };
    let shape = net.node(layer, "Shape", &[blob.id], none());
    let range = [axis, axis + 1].map(|n| net.ints(layer, "place", vec![n as i64]));
    Size::Computed(net.node(layer, "Slice", &[shape, range[0], range[1]], none()), false)
}

/// A 1-D tensor of sizes.
pub(super) fn vector(net: &mut Net, layer: &Layer, what: &str, sizes: &[Size]) -> TensorId {
    let known = |size: &Size| match *size {
        Size::Int(n) => Some(n),
        Size::Float(x) => Some(x as i64),
        Size::Computed(..) => None,
    };
    if let Some(sizes) = sizes.iter().map(known).collect::<Option<Vec<_>>>() {
        return net.ints(layer, what, sizes);
    }
    let pieces: Vec<TensorId> = sizes.iter().map(|&size| integer(net, layer, size)).collect();
    net.node(layer, "Concat", &pieces, attrs([("axis", Attr::Int(0))]))
}

/// As a tensor of one integer.
fn integer(net: &mut Net, layer: &Layer, size: Size) -> TensorId {
    match size {
        Size::Int(n) => net.ints(layer, "size", vec![n]),
        Size::Float(x) => net.ints(layer, "size", vec![x as i64]),
        Size::Computed(id, false) => id,
        Size::Computed(id, true) => net.node(layer, "Cast", &[id], attrs([("to", Attr::Int(7))])),
    }
}

/// As a tensor of one floating-point number.
fn float(net: &mut Net, layer: &Layer, size: Size) -> TensorId {
    match size {
        Size::Int(n) => net.floats(layer, "size", vec![n as f64]),
        Size::Float(x) => net.floats(layer, "size", vec![x]),
        Size::Computed(id, true) => id,
        Size::Computed(id, false) => net.node(layer, "Cast", &[id], attrs([("to", Attr::Int(1))])),
    }
}

pub(super) fn add(net: &mut Net, layer: &Layer, a: Size, b: Size) -> Result<Size> {
    binary(net, layer, "+", a, b)
}

/// The list that `text` writes, of extents of `blobs`.
pub(super) fn list(net: &mut Net, layer: &Layer, text: &str, blobs: &[Blob]) -> Result<Vec<Size>> {
    let mut stack = Vec::new();
    for token in text.rsplit(['(', ')', ',']).map(str::trim).filter(|token| !token.is_empty()) {
        let mut pop = || stack.pop().ok_or_else(|| format!("`{text}`: `{token}` lacks an argument"));
        let size = match token {
            "+" | "-" | "*" | "//" | "/" | "max" | "min" | "pow" => {
                let (a, b) = (pop()?, pop()?);
                binary(net, layer, token, a, b)?
            }
            _ if FUNCTIONS.iter().any(|(name, _)| *name == token) => {
                let a = pop()?;
                unary(net, layer, token, a)?
            }
            _ => operand(net, layer, token, blobs).ok_or_else(|| format!("`{text}`: `{token}` is not read"))?,
        };
        stack.push(size);
    }
    stack.reverse();
    Ok(stack)
}

/// A number, or an extent such as `0w`: the width of the first blob.
fn operand(net: &mut Net, layer: &Layer, token: &str, blobs: &[Blob]) -> Option<Size> {
    if let Ok(n) = token.parse() {
        return Some(Size::Int(n));
    }
    if let Ok(x) = token.parse::<f64>() {
        return Some(Size::Float(x));
    }
    let mut letters = token.chars();
    let (blob, letter) = (letters.next()?.to_digit(10)? as usize, letters.next()?);
    if letters.next().is_some() || !"whdc".contains(letter) {
        return None;
    }
    Some(extent(net, layer, *blobs.get(blob)?, letter))
}

/// Functions of one number, with the operator that computes them.
const FUNCTIONS: [(&str, &str); 12] = [
    ("abs", "Abs"),
    ("ceil", "Ceil"),
    ("exp", "Exp"),
    ("floor", "Floor"),
    ("log", "Log"),
    ("neg", "Neg"),
    ("reciprocal", "Reciprocal"),
    ("round", "Round"),
    ("sign", "Sign"),
    ("sqrt", "Sqrt"),
    ("square", "Mul"),
    ("trunc", ""),
];

fn unary(net: &mut Net, layer: &Layer, function: &str, a: Size) -> Result<Size> {
    let rounds = matches!(function, "ceil" | "floor" | "round" | "trunc");
    let keeps = matches!(function, "abs" | "neg" | "sign" | "square");
    Ok(match a {
        Size::Int(n) if rounds => Size::Int(n),
        Size::Int(n) if keeps => match function {
            "abs" => n.checked_abs(),
            "neg" => n.checked_neg(),
            "sign" => Some(n.signum()),
            _ => n.checked_mul(n),
        }
        .map(Size::Int)
        .ok_or("a size exceeds 64 bits")?,
        Size::Int(_) | Size::Float(_) => {
            let x = if let Size::Int(n) = a {
                n as f64
            } else if let Size::Float(x) = a {
                x
            } else {
                0.0
            };
            match function {
                "ceil" => Size::Int(x.ceil() as i64),
                "floor" => Size::Int(x.floor() as i64),
                "round" => Size::Int(x.round() as i64),
                "trunc" => Size::Int(x as i64),
                "abs" => Size::Float(x.abs()),
                "neg" => Size::Float(-x),
                "sign" => Size::Float(if x == 0.0 { 0.0 } else { x.signum() }),
                "square" => Size::Float(x * x),
                "exp" => Size::Float(x.exp()),
                "log" => Size::Float(x.ln()),
                "sqrt" => Size::Float(x.sqrt()),
                _ => Size::Float(x.recip()),
            }
        }
        Size::Computed(_, false) if rounds => a,
        Size::Computed(id, is_float) => {
            let operand = if keeps { id } else { float(net, layer, a) };
            let result = match FUNCTIONS.iter().find(|(name, _)| *name == function) {
                Some((_, "Mul")) => net.node(layer, "Mul", &[operand, operand], none()),
                Some((_, op)) if !op.is_empty() => net.node(layer, op, &[operand], none()),
                _ => operand,
            };
            let result = Size::Computed(result, is_float || !keeps);
            if rounds { Size::Computed(integer(net, layer, result), false) } else { result }
        }
    })
}

fn binary(net: &mut Net, layer: &Layer, function: &str, a: Size, b: Size) -> Result<Size> {
    let is_float = |size: Size| matches!(size, Size::Float(_) | Size::Computed(_, true));
    let floats = is_float(a) || is_float(b) || matches!(function, "/" | "pow");
    let known = |size: Size| match size {
        Size::Int(n) => Some(n as f64),
        Size::Float(x) => Some(x),
        Size::Computed(..) => None,
    };
    if let (Size::Int(a), Size::Int(b), false) = (a, b, floats) {
        let result = match function {
            "+" => a.checked_add(b),
            "-" => a.checked_sub(b),
            "*" => a.checked_mul(b),
            "//" => a.checked_div(b),
            "max" => Some(a.max(b)),
            _ => Some(a.min(b)),
        };
        return result.map(Size::Int).ok_or_else(|| format!("{function}({a},{b}) is no size"));
    }
    if let (Some(a), Some(b)) = (known(a), known(b)) {
        return Ok(Size::Float(match function {
            "+" => a + b,
            "-" => a - b,
            "*" => a * b,
            "/" => a / b,
            "//" => (a / b).floor(),
            "pow" => a.powf(b),
            "max" => a.max(b),
            _ => a.min(b),
        }));
    }
    let op = match function {
        "+" => "Add",
        "-" => "Sub",
        "*" => "Mul",
        "/" | "//" => "Div",
        "pow" => "Pow",
        "max" => "Max",
        _ => "Min",
    };
    let operand = |net: &mut Net, size| if floats { float(net, layer, size) } else { integer(net, layer, size) };
    let operands = [operand(net, a), operand(net, b)];
    let mut id = net.node(layer, op, &operands, none());
    if floats && function == "//" {
        id = net.node(layer, "Floor", &[id], none());
    }
    Ok(Size::Computed(id, floats))
}
