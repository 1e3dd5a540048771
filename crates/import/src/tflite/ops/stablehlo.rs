//! Operators of StableHLO, which TFLite carries as they are. Shapes in them are fixed.

use tachograph_ir::{Attr, Attrs, OpType, attrs};

use super::{Importer, Op, Read, contraction, control, elementwise, id, move_, plain, result, state};

/// Those that have a form of TFLite's own.
const SAME: [(&str, &str); 16] = [
    ("ABS", "ABS"),
    ("ADD", "ADD"),
    ("CONVERT", "CAST"),
    ("COSINE", "COS"),
    ("DIVIDE", "DIV"),
    ("EXPONENTIAL", "EXP"),
    ("FLOOR", "FLOOR"),
    ("LOG", "LOG"),
    ("LOGISTIC", "LOGISTIC"),
    ("MAXIMUM", "MAXIMUM"),
    ("MINIMUM", "MINIMUM"),
    ("MULTIPLY", "MUL"),
    ("NEGATE", "NEG"),
    ("POWER", "POW"),
    ("SELECT", "SELECT_V2"),
    ("SUBTRACT", "SUB"),
];

pub(super) fn add(net: &mut Importer, kind: &str, op: &Op) -> Read {
    let name = kind.trim_start_matches("STABLEHLO_");
    if let Some((_, same)) = SAME.iter().find(|(stable, _)| *stable == name) {
        return elementwise::elementwise(net, same, op);
    }
    let o = op.options;
    match name {
        "RSQRT" | "TANH" => elementwise::elementwise(net, name, op),
        "REMAINDER" => elementwise::elementwise(net, "FLOOR_MOD", op),
        "AND" | "OR" => {
            let truth = net.info(op.output(0)?).dtype == tachograph_ir::DType::Bool;
            let name = match (name, truth) {
                ("AND", true) => "And",
                ("AND", false) => "BitwiseAnd",
                (_, true) => "Or",
                (_, false) => "BitwiseOr",
            };
            by_element(net, op, name, Attrs::new())
        }
        "SHIFT_LEFT" => by_element(net, op, "BitShift", attrs([("direction", Attr::from("LEFT"))])),
        "CBRT" => {
            let third = net.scalar(net.info(op.output(0)?).dtype, tachograph_ir::Value::Floats(vec![1.0 / 3.0]));
            net.emit("Pow", &[id(op.input(0)?), third], Attrs::new(), id(op.output(0)?));
            Ok(true)
        }
        "COMPARE" => match o.int(4, 0) {
            0 => by_element(net, op, "Equal", Attrs::new()),
            1 => elementwise::elementwise(net, "NOT_EQUAL", op),
            2 => by_element(net, op, "GreaterOrEqual", Attrs::new()),
            3 => by_element(net, op, "Greater", Attrs::new()),
            4 => by_element(net, op, "LessOrEqual", Attrs::new()),
            _ => by_element(net, op, "Less", Attrs::new()),
        },
        "CLAMP" => {
            let bounded = elementwise::aligned(net, op)?;
            let &[low, x, high] = bounded.as_slice() else { return Err("takes two bounds".into()) };
            let lower = net.derive("Max", &[x, low], Attrs::new());
            net.emit("Min", &[lower, high], Attrs::new(), id(op.output(0)?));
            Ok(true)
        }
        "CONCATENATE" => move_::concat(net, op, o.long(4), 0),
        "TRANSPOSE" => move_::transpose(net, op, Some(o.list(4))),
        "SLICE" => slice(net, op),
        "PAD" => pad(net, op),
        "BROADCAST_IN_DIM" => broadcast(net, op),
        "DYNAMIC_SLICE" => {
            let positions: Vec<usize> = (0..op.inputs.len()).collect();
            plain(net, op, "DynamicSlice", &positions, attrs([("sizes", Attr::Ints(o.list(4)))]))
        }
        "DYNAMIC_UPDATE_SLICE" => {
            let positions: Vec<usize> = (0..op.inputs.len()).collect();
            plain(net, op, "DynamicUpdateSlice", &positions, Attrs::new())
        }
        "DOT_GENERAL" => contraction::products(net, op),
        "CONVOLUTION" => contraction::convolution(net, op),
        "REDUCE" => reduce(net, op),
        "REDUCE_WINDOW" => reduce_window(net, op),
        "GATHER" | "IOTA" | "RNG_BIT_GENERATOR" | "SCATTER" | "SORT" => {
            let name = match name {
                "GATHER" => "GatherSlices",
                "IOTA" => "Iota",
                "RNG_BIT_GENERATOR" => "RandomBits",
                "SCATTER" => "ScatterSlices",
                _ => "Sort",
            };
            if let Some(slot) = [("ScatterSlices", 16), ("Sort", 8)].iter().find(|(of, _)| *of == name) {
                control::only(net, o.int(slot.1, 0))?;
            }
            state(net, OpType::new(name), op, Attrs::new());
            Ok(true)
        }
        _ => Ok(false),
    }
}

fn by_element(net: &mut Importer, op: &Op, name: &str, settings: Attrs) -> Read {
    let inputs = elementwise::aligned(net, op)?;
    net.emit(name, &inputs, settings, id(op.output(0)?));
    Ok(true)
}

/// Emits `name` on operand 0 in the order of the file, after lists of integers.
fn listed(net: &mut Importer, op: &Op, name: &str, lists: Vec<Vec<i64>>) -> Read {
    let mut inputs = vec![net.file_order(op.input(0)?)];
    inputs.extend(lists.into_iter().map(|list| net.ints(list)));
    result(net, op, |net, y| net.emit(name, &inputs, Attrs::new(), y))
}

fn slice(net: &mut Importer, op: &Op) -> Read {
    let [begins, ends, steps] = [4, 6, 8].map(|slot| op.options.list(slot));
    let axes = (0..begins.len() as i64).collect();
    listed(net, op, "Slice", vec![begins, ends, axes, steps])
}

/// Gaps between elements, then padding (or cropping) at both ends.
fn pad(net: &mut Importer, op: &Op) -> Read {
    let [low, high, gaps] = [4, 6, 8].map(|slot| op.options.list(slot));
    let mut x = net.file_order(op.input(0)?);
    let fill = id(op.input(1)?);
    if gaps.iter().any(|&gap| gap > 0) {
        let dilations = net.ints(gaps.iter().map(|gap| gap.saturating_add(1)).collect());
        x = net.derive("Dilate", &[x, dilations, fill], Attrs::new());
    }
    let pads = net.ints([low, high].concat());
    result(net, op, |net, y| net.emit("Pad", &[x, pads, fill], Attrs::new(), y))
}

/// Axis i of the operand is axis `dimensions[i]` of the result.
fn broadcast(net: &mut Importer, op: &Op) -> Read {
    let (x, output) = (op.input(0)?, op.output(0)?);
    let shape: Vec<i64> = net.info(output).shape.iter().map(|&n| n as i64).collect();
    let mut placed = vec![1; shape.len()];
    for (&axis, &n) in op.options.list(4).iter().zip(&net.info(x).shape) {
        let place = usize::try_from(axis).ok().and_then(|axis| placed.get_mut(axis));
        *place.ok_or_else(|| format!("no axis {axis} of {shape:?}"))? = n as i64;
    }
    let operand = net.file_order(x);
    let placed = net.ints(placed);
    let operand = net.derive("Reshape", &[operand, placed], Attrs::new());
    let shape = net.ints(shape);
    result(net, op, |net, y| net.emit("Expand", &[operand, shape], Attrs::new(), y))
}

/// A reduction whose graph is one operator.
fn reduce(net: &mut Importer, op: &Op) -> Read {
    let name = match control::only(net, op.options.int(6, 0))?.as_deref() {
        Some("Add") => "ReduceSum",
        Some("Mul") => "ReduceProd",
        Some("Max" | "Or") => "ReduceMax",
        Some("Min" | "And") => "ReduceMin",
        _ => {
            state(net, OpType::new("ReduceBy"), op, Attrs::new());
            return Ok(true);
        }
    };
    let operand = net.file_order(op.input(0)?);
    let axes = net.ints(op.options.list(4));
    let settings = attrs([("keepdims", Attr::Int(0))]);
    result(net, op, |net, y| net.emit(name, &[operand, axes], settings, y))
}

fn reduce_window(net: &mut Importer, op: &Op) -> Read {
    let o = op.options;
    let x = op.input(0)?;
    let rank = net.rank(x);
    let list = |slot| Some(o.list(slot)).filter(|list| list.len() == rank).unwrap_or_else(|| vec![1; rank]);
    let pads = o.list(12);
    let mut settings = attrs([("base_dilations", Attr::Ints(list(8)))]);
    if pads.len() == 2 * rank {
        let ends = |which: usize| pads.iter().skip(which).step_by(2).copied();
        settings.insert("pads".into(), Attr::Ints(ends(0).chain(ends(1)).collect()));
    }
    control::only(net, o.int(14, 0))?;
    let operand = net.file_order(x);
    let lists = [list(4), list(6), list(10)].map(|list| net.ints(list));
    let inputs = [operand, id(op.input(1)?), lists[0], lists[1], lists[2]];
    result(net, op, |net, y| net.emit("ReduceWindow", &inputs, settings, y))
}
