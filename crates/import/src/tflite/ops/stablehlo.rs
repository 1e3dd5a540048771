//! Operators of StableHLO, which TFLite carries as they are. Shapes in them are fixed.

use tachograph_ir::{Attr, Attrs, OpType, TensorId, attrs};

use super::{Importer, Op, Read, control, elementwise, id, move_, plain, state};

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
        "DOT_GENERAL" => products(net, op),
        "CONVOLUTION" => convolution(net, op),
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

/// Writes the first result with the axes of the file.
fn result(net: &mut Importer, op: &Op, write: impl FnOnce(&mut Importer, TensorId)) -> Read {
    let output = op.output(0)?;
    let y = net.file_result(output);
    write(net, y);
    net.our_order(output, y);
    Ok(true)
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

/// A product over any axes, as Einsum.
fn products(net: &mut Importer, op: &Op) -> Read {
    let (a, b) = (op.input(0)?, op.input(1)?);
    let [batch_a, batch_b, sum_a, sum_b] = [4, 6, 8, 10].map(|slot| op.options.list(slot));
    let (rank_a, rank_b) = (net.rank(a), net.rank(b));
    if rank_a + rank_b > 26 || batch_a.len() != batch_b.len() || sum_a.len() != sum_b.len() {
        return Ok(false);
    }
    let letters: Vec<char> = ('a'..='z').collect();
    let own = |axis: i64| usize::try_from(axis).ok().filter(|&axis| axis < rank_a);
    let left: String = letters[..rank_a].iter().collect();
    let mut right = letters[rank_a..rank_a + rank_b].to_vec();
    for (&mine, &theirs) in batch_a.iter().chain(&sum_a).zip(batch_b.iter().chain(&sum_b)) {
        let slot = usize::try_from(theirs).ok().and_then(|axis| right.get_mut(axis));
        let (Some(mine), Some(slot)) = (own(mine), slot) else { return Err("axes do not exist".into()) };
        *slot = letters[mine];
    }
    let mut out: String = batch_a.iter().filter_map(|&axis| own(axis)).map(|axis| letters[axis]).collect();
    let free = |axis: &usize, used: [&[i64]; 2]| !used.iter().any(|list| list.contains(&(*axis as i64)));
    out.extend((0..rank_a).filter(|i| free(i, [&batch_a, &sum_a])).map(|i| letters[i]));
    out.extend((0..rank_b).filter(|i| free(i, [&batch_b, &sum_b])).map(|i| letters[rank_a + i]));
    let right: String = right.into_iter().collect();
    let equation = Attr::from(format!("{left},{right}->{out}").as_str());
    let inputs = [net.file_order(a), net.file_order(b)];
    result(net, op, |net, y| net.emit("Einsum", &inputs, attrs([("equation", equation)]), y))
}

/// Axes in the order that ONNX wants: two, then those of space.
fn order(first: i64, second: i64, space: Vec<i64>) -> Vec<i64> {
    [vec![first, second], space].concat()
}

fn convolution(net: &mut Importer, op: &Op) -> Read {
    let o = op.options;
    let (x, w) = (op.input(0)?, op.input(1)?);
    let image = order(o.long(14), o.long(16), o.list(18));
    let kernel = order(o.long(22), o.long(20), o.list(24));
    let written = order(o.long(26), o.long(28), o.list(30));
    let rank = net.rank(x);
    let whole = |list: &[i64]| (0..rank as i64).all(|axis| list.contains(&axis)) && list.len() == rank;
    if rank < 3 || net.rank(w) != rank || ![&image, &kernel, &written].into_iter().all(|list| whole(list)) {
        return Err(format!("axes {image:?}, {kernel:?}, {written:?} of {rank}"));
    }
    let space = rank - 2;
    let list = |slot| Some(o.list(slot)).filter(|list| list.len() == space).unwrap_or_else(|| vec![1; space]);
    let turned = |net: &mut Importer, i: usize, to: &[i64]| {
        let i = net.file_order(i);
        net.derive("Transpose", &[i], attrs([("perm", Attr::Ints(to.to_vec()))]))
    };
    // Our images are in this order already.
    let ours = rank == 4 && image == [0, 3, 1, 2];
    let mut operand = if ours { id(x) } else { turned(net, x, &image) };
    let gaps = list(8);
    if gaps.iter().any(|&gap| gap != 1) {
        let gaps = net.ints([vec![1, 1], gaps].concat());
        operand = net.derive("Dilate", &[operand, gaps], Attrs::new());
    }
    let weight = match net.is_constant(w) {
        true => {
            let shape: Vec<u64> = kernel.iter().map(|&axis| net.info(w).shape[axis as usize]).collect();
            net.weight(w, Some(&shape))
        }
        false => turned(net, w, &kernel),
    };
    let pads = o.list(6);
    let ends = |which: usize| pads.iter().skip(which).step_by(2).copied();
    let pads: Vec<i64> = match pads.len() == 2 * space {
        true => ends(0).chain(ends(1)).collect(),
        false => vec![0; 2 * space],
    };
    let window = attrs([
        ("dilations", Attr::Ints(list(10))),
        ("group", Attr::Int(o.long(32).max(1))),
        ("pads", Attr::Ints(pads)),
        ("strides", Attr::Ints(list(4))),
    ]);
    let output = op.output(0)?;
    if rank == 4 && written == [0, 3, 1, 2] {
        net.emit("Conv", &[operand, weight], window, id(output));
        return Ok(true);
    }
    let y = net.derive("Conv", &[operand, weight], window);
    let back = (0..rank as i64).map(|axis| written.iter().position(|&w| w == axis).unwrap_or(0) as i64).collect();
    result(net, op, |net, z| net.emit("Transpose", &[y], attrs([("perm", Attr::Ints(back))]), z))
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
