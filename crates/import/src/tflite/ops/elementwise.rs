//! Operators that map elements by themselves, with broadcasting.

use tachograph_ir::{Attr, Attrs, DType, Tensor, TensorId, Value, attrs};

use super::{Importer, Op, Read, before, finish, id};
use crate::tflite::graph::permuted;

/// Operators of one operand without attributes.
const UNARY: [(&str, &str); 21] = [
    ("ABS", "Abs"),
    ("CEIL", "Ceil"),
    ("COMPLEX_ABS", "ComplexAbs"),
    ("COS", "Cos"),
    ("ELU", "Elu"),
    ("EXP", "Exp"),
    ("FLOOR", "Floor"),
    ("HARD_SWISH", "HardSwish"),
    ("IMAG", "Imag"),
    ("LOG", "Log"),
    ("LOGICAL_NOT", "Not"),
    ("LOGISTIC", "Sigmoid"),
    ("NEG", "Neg"),
    ("REAL", "Real"),
    ("RELU", "Relu"),
    ("ROUND", "Round"),
    ("SIGN", "Sign"),
    ("SIN", "Sin"),
    ("SQRT", "Sqrt"),
    ("TANH", "Tanh"),
    ("ZEROS_LIKE", "Identity"),
];

/// Operators of several operands, and whether they have an activation inside.
const BROADCAST: [(&str, &str, bool); 22] = [
    ("ADD", "Add", true),
    ("SUB", "Sub", true),
    ("MUL", "Mul", true),
    ("DIV", "Div", true),
    ("MAXIMUM", "Max", false),
    ("MINIMUM", "Min", false),
    ("POW", "Pow", false),
    ("FLOOR_MOD", "Mod", false),
    ("PRELU", "PRelu", false),
    ("EQUAL", "Equal", false),
    ("GREATER", "Greater", false),
    ("GREATER_EQUAL", "GreaterOrEqual", false),
    ("LESS", "Less", false),
    ("LESS_EQUAL", "LessOrEqual", false),
    ("LOGICAL_AND", "And", false),
    ("LOGICAL_OR", "Or", false),
    ("SELECT", "Where", false),
    ("SELECT_V2", "Where", false),
    ("ADD_N", "Sum", false),
    ("BITWISE_XOR", "BitwiseXor", false),
    ("RIGHT_SHIFT", "BitShift", false),
    ("ATAN2", "Atan2", false),
];

pub(super) fn elementwise(net: &mut Importer, kind: &str, op: &Op) -> Read {
    if let Some((_, name, fused)) = BROADCAST.iter().find(|(tflite, ..)| *tflite == kind) {
        let output = op.output(0)?;
        let act = if *fused { op.options.byte(4) } else { 0 };
        let inputs = if kind == "SELECT" { by_row(net, op)? } else { aligned(net, op)? };
        let settings = if kind == "RIGHT_SHIFT" { attrs([("direction", Attr::from("RIGHT"))]) } else { Attrs::new() };
        let y = before(net, act, output);
        net.emit(name, &inputs, settings, y);
        return finish(net, act, y, output);
    }
    match kind {
        "NOT_EQUAL" | "SQUARED_DIFFERENCE" | "FLOOR_DIV" => return composed(net, kind, op),
        _ => {}
    }
    let Some(&Some(x)) = op.inputs.first() else { return Ok(false) };
    let x = id(x);
    if let Some((_, name)) = UNARY.iter().find(|(tflite, _)| *tflite == kind) {
        net.emit(name, &[x], Attrs::new(), id(op.output(0)?));
        return Ok(true);
    }
    let (name, attrs) = match kind {
        "CAST" => ("Cast", attrs([("to", net.typed(op.output(0)?))])),
        "GELU" => {
            let approximate = if op.options.flag(4) { "tanh" } else { "none" };
            ("Gelu", attrs([("approximate", Attr::from(approximate))]))
        }
        "LEAKY_RELU" => ("LeakyRelu", attrs([("alpha", Attr::Float(op.options.float(4)))])),
        "LOCAL_RESPONSE_NORMALIZATION" => {
            let size = op.options.int(4, 0).saturating_mul(2).saturating_add(1);
            ("LRN", attrs([("size", Attr::Int(size))]))
        }
        "RELU6" | "RELU_N1_TO_1" | "RELU_0_TO_1" => {
            let bounds = match kind {
                "RELU6" => [0.0, 6.0],
                "RELU_N1_TO_1" => [-1.0, 1.0],
                _ => [0.0, 1.0],
            };
            clip(net, x, bounds, op.output(0)?);
            return Ok(true);
        }
        "RSQRT" => {
            let root = net.derive("Sqrt", &[x], Attrs::new());
            net.emit("Reciprocal", &[root], Attrs::new(), id(op.output(0)?));
            return Ok(true);
        }
        "SQUARE" => {
            net.emit("Mul", &[x, x], Attrs::new(), id(op.output(0)?));
            return Ok(true);
        }
        _ => return Ok(false),
    };
    net.emit(name, &[x], attrs, id(op.output(0)?));
    Ok(true)
}

/// Operators that ONNX writes as two.
fn composed(net: &mut Importer, kind: &str, op: &Op) -> Read {
    let (inputs, output) = (aligned(net, op)?, id(op.output(0)?));
    match kind {
        "NOT_EQUAL" => {
            let same = net.derive("Equal", &inputs, Attrs::new());
            net.emit("Not", &[same], Attrs::new(), output);
        }
        "FLOOR_DIV" => {
            let quotient = net.derive("Div", &inputs, Attrs::new());
            net.emit("Floor", &[quotient], Attrs::new(), output);
        }
        _ => {
            let difference = net.derive("Sub", &inputs, Attrs::new());
            net.emit("Mul", &[difference, difference], Attrs::new(), output);
        }
    }
    Ok(true)
}

pub(super) fn clip(net: &mut Importer, x: TensorId, bounds: [f64; 2], output: usize) {
    let [low, high] = bounds.map(|bound| net.scalar(DType::F32, Value::Floats(vec![bound])));
    net.emit("Clip", &[x, low, high], Attrs::new(), id(output));
}

/// Operands of a choice, whose condition may have one truth a row.
fn by_row(net: &mut Importer, op: &Op) -> Result<Vec<TensorId>, String> {
    let (condition, x) = (op.input(0)?, op.input(1)?);
    let mut inputs = aligned(net, op)?;
    let rank = net.rank(x);
    if net.rank(condition) == 1 && rank > 1 {
        let axes = net.ints((1..rank as i64).collect());
        inputs[0] = net.derive("Unsqueeze", &[id(condition), axes], Attrs::new());
    }
    Ok(inputs)
}

/// Operands whose axes meet as they do in the file: beside one of four axes, shorter ones get leading axes; beside one
/// of more, those of four keep the order of the file.
pub(super) fn aligned(net: &mut Importer, op: &Op) -> Result<Vec<TensorId>, String> {
    let inputs = (0..op.inputs.len()).map(|i| op.input(i)).collect::<Result<Vec<_>, _>>()?;
    let most = inputs.iter().map(|&i| net.rank(i)).max().unwrap_or(0);
    let align = |i| match most {
        4 => lift(net, i),
        5.. => net.file_order(i),
        _ => id(i),
    };
    Ok(inputs.into_iter().map(align).collect())
}

fn lift(net: &mut Importer, i: usize) -> TensorId {
    let rank = net.rank(i);
    if rank == 0 || rank >= 4 {
        return id(i);
    }
    let mut shape = vec![1; 4 - rank];
    shape.extend(&net.info(i).shape);
    let shape = permuted(shape);
    if net.is_constant(i) {
        let info = net.info(i);
        let (name, dtype) = (format!("{}#nchw", info.name), info.dtype);
        let dims = shape.into_iter().map(Into::into).collect();
        return net.push(Tensor::parameter(name, dtype, dims));
    }
    if net.info(i).open.contains(&true) {
        let axes = net.ints((0..4 - rank as i64).collect());
        let wide = net.derive("Unsqueeze", &[id(i), axes], Attrs::new());
        return net.derive("Transpose", &[wide], attrs([("perm", Attr::Ints(vec![0, 3, 1, 2]))]));
    }
    let file: Vec<i64> = [vec![1; 4 - rank], net.info(i).shape.iter().map(|&n| n as i64).collect()].concat();
    let file = net.ints(file);
    let wide = net.derive("Reshape", &[id(i), file], Attrs::new());
    net.derive("Transpose", &[wide], attrs([("perm", Attr::Ints(vec![0, 3, 1, 2]))]))
}
