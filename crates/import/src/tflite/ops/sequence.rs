//! Recurrent layers and SVDF. Weights come one a gate; ONNX's layers want them joined, in the order i, o, f, c.

use tachograph_ir::{Attr, Attrs, OpType, TensorId, attrs};

use super::{Importer, Op, Read, before, finish, id};

/// One direction of a layer over a sequence.
struct Direction {
    x: TensorId,
    time_major: bool,
    reverse: bool,
}

impl Direction {
    fn settings(&self) -> Attrs {
        let direction = if self.reverse { "reverse" } else { "forward" };
        attrs([("direction", Attr::from(direction)), ("layout", Attr::Int((!self.time_major).into()))])
    }

    /// Emits ONNX's layer `name` on joined weights, and drops its axis of directions.
    fn emit(&self, net: &mut Importer, name: &str, weights: [Option<TensorId>; 4], hidden: u64, y: TensorId) {
        let [w, r, bias, peepholes] = weights;
        let mut inputs = vec![Some(self.x), w, r, bias];
        if peepholes.is_some() {
            inputs.extend([None, None, None, peepholes]);
        }
        let mut settings = self.settings();
        settings.insert("hidden_size".into(), Attr::Int(hidden as i64));
        let all = net.temporary();
        net.node(OpType::new(name), inputs, settings, vec![all]);
        let axis = net.ints(vec![if self.time_major { 1 } else { 2 }]);
        net.emit("Squeeze", &[all, axis], Attrs::new(), y);
    }
}

/// Weights one after the other along the first axis, as those of the only direction.
fn joined(net: &mut Importer, parts: &[TensorId]) -> TensorId {
    let all = match parts {
        [one] => *one,
        parts => net.derive("Concat", parts, attrs([("axis", Attr::Int(0))])),
    };
    let first = net.ints(vec![0]);
    net.derive("Unsqueeze", &[all, first], Attrs::new())
}

/// A bias, and the second one of ONNX, which TFLite does not have.
fn biases(net: &mut Importer, mut parts: Vec<TensorId>, width: u64) -> TensorId {
    let width = net.ints(vec![width as i64]);
    parts.push(net.derive("ConstantOfShape", &[width], Attrs::new()));
    joined(net, &parts)
}

/// Where the operands of a direction are: the first weight of the input, peepholes, bias, projection, normalisation,
/// and of an auxiliary input and its first weight.
struct Places {
    weights: usize,
    recurrent: usize,
    peepholes: usize,
    biases: usize,
    projection: usize,
    states: usize,
    factors: Option<usize>,
    auxiliary: Option<(usize, usize)>,
}

const FORWARD: Places = Places {
    weights: 1,
    recurrent: 5,
    peepholes: 9,
    biases: 12,
    projection: 16,
    states: 18,
    factors: Some(20),
    auxiliary: None,
};

pub(super) fn lstm(net: &mut Importer, op: &Op, time_major: bool) -> Read {
    let (x, output) = (id(op.input(0)?), id(op.output(0)?));
    direction(net, op, &Direction { x, time_major, reverse: false }, &FORWARD, output)
}

fn direction(net: &mut Importer, op: &Op, way: &Direction, at: &Places, y: TensorId) -> Read {
    let x_rank = net.rank(op.input(0)?);
    let hidden = net.info(op.input(at.weights + 1)?).shape.first().copied().unwrap_or(0);
    let weight = |net: &mut Importer, i: usize| op.optional(i).map(|i| net.weight(i, None));
    let mut of_input: Vec<Option<TensorId>> = (at.weights..at.weights + 4).map(|i| weight(net, i)).collect();
    let mut way = Direction { ..*way };
    if let Some((input, first)) = at.auxiliary.filter(|&(input, _)| op.optional(input).is_some()) {
        let extra = id(op.input(input)?);
        if op.optional(first + 1).is_some() {
            way.x = net.derive("Concat", &[way.x, extra], attrs([("axis", Attr::Int(2))]));
            for (gate, place) in of_input.iter_mut().zip(first..) {
                if let (Some(w), Some(more)) = (*gate, weight(net, place)) {
                    *gate = Some(net.derive("Concat", &[w, more], attrs([("axis", Attr::Int(1))])));
                }
            }
        } else if way.reverse {
            way.x = extra;
        }
    }
    let of_state: Vec<Option<TensorId>> = (at.recurrent..at.recurrent + 4).map(|i| weight(net, i)).collect();
    let diagonal = op.input(at.recurrent + 1).is_ok_and(|i| net.rank(i) == 1);
    let normal = at.factors.is_some_and(|first| (first..first + 4).any(|i| op.optional(i).is_some()));
    let whole = of_input[0].is_some() && op.optional(at.projection).is_none() && !normal && !diagonal && x_rank == 3;
    let peepholes: Vec<Option<TensorId>> = (at.peepholes..at.peepholes + 3).map(|i| weight(net, i)).collect();
    let gates: Vec<Option<TensorId>> = (at.biases..at.biases + 4).map(|i| weight(net, i)).collect();
    // i, o, f, c among the file's i, f, c, o.
    let ordered = |list: &[Option<TensorId>]| [0, 3, 1, 2].iter().map(|&i| list.get(i).copied().flatten()).collect();
    let (w, r, b): (Option<Vec<_>>, Option<Vec<_>>, Option<Vec<_>>) =
        (ordered(&of_input), ordered(&of_state), ordered(&gates));
    if let (true, Some(w), Some(r)) = (whole, w, r) {
        let (w, r) = (joined(net, &w), joined(net, &r));
        let b = b.map(|b| biases(net, b, hidden.saturating_mul(4)));
        // i, o, f among the file's i, f, o.
        let p: Option<Vec<TensorId>> = [0, 2, 1].iter().map(|&i: &usize| peepholes[i]).collect();
        let p = p.map(|p| joined(net, &p));
        way.emit(net, "LSTM", [Some(w), Some(r), b, p], hidden, y);
        return Ok(true);
    }
    let mut inputs = vec![Some(way.x)];
    inputs.extend(of_input.into_iter().chain(of_state).chain(peepholes).chain(gates));
    inputs.extend([at.projection, at.projection + 1].map(|i| weight(net, i)));
    inputs.extend([at.states, at.states + 1].map(|i| op.optional(i).map(id)));
    inputs.extend(at.factors.into_iter().flat_map(|first| first..first + 4).map(|i| weight(net, i)));
    net.node(OpType::new("SequenceLSTM"), inputs, way.settings(), vec![y]);
    Ok(true)
}

/// Results of two directions: one tensor with both, or two.
fn both(net: &mut Importer, op: &Op, merge: bool, mut each: impl FnMut(&mut Importer, bool, TensorId) -> Read) -> Read {
    let outputs = match merge {
        true => [net.temporary(), net.temporary()],
        false => [id(op.output(0)?), id(op.output(1)?)],
    };
    if !each(net, false, outputs[0])? || !each(net, true, outputs[1])? {
        return Ok(false);
    }
    if merge {
        net.emit("Concat", &outputs, attrs([("axis", Attr::Int(2))]), id(op.output(0)?));
    }
    Ok(true)
}

pub(super) fn both_lstm(net: &mut Importer, op: &Op) -> Read {
    let (x, time_major) = (id(op.input(0)?), op.options.flag(12));
    both(net, op, op.options.flag(10), |net, reverse, y| {
        let at = match reverse {
            false => Places { states: 35, factors: None, auxiliary: Some((39, 40)), ..FORWARD },
            true => Places {
                weights: 18,
                recurrent: 22,
                peepholes: 26,
                biases: 29,
                projection: 33,
                states: 37,
                factors: None,
                auxiliary: Some((39, 44)),
            },
        };
        direction(net, op, &Direction { x, time_major, reverse }, &at, y)
    })
}

/// ONNX's RNN on the operands whose first weight is at `first`.
fn simple(net: &mut Importer, op: &Op, way: &Direction, first: usize, extra: Option<usize>, y: TensorId) -> Read {
    let (w, r) = (op.input(first)?, op.input(first + 1)?);
    let hidden = net.info(w).shape.first().copied().unwrap_or(0);
    let mut w = net.weight(w, None);
    if let Some(extra) = extra.and_then(|i| op.optional(i)) {
        let extra = net.weight(extra, None);
        w = net.derive("Concat", &[w, extra], attrs([("axis", Attr::Int(1))]));
    }
    let r = net.weight(r, None);
    let (w, r) = (joined(net, &[w]), joined(net, &[r]));
    let bias = op.optional(first + 2).map(|b| net.weight(b, None));
    let bias = bias.map(|b| biases(net, vec![b], hidden));
    way.emit(net, "RNN", [Some(w), Some(r), bias, None], hidden, y);
    Ok(true)
}

pub(super) fn rnn(net: &mut Importer, op: &Op) -> Read {
    let (x, y) = (id(op.input(0)?), id(op.output(0)?));
    simple(net, op, &Direction { x, time_major: op.options.flag(4), reverse: false }, 1, None, y)
}

pub(super) fn both_rnn(net: &mut Importer, op: &Op) -> Read {
    let (x, time_major) = (id(op.input(0)?), op.options.flag(4));
    let auxiliary = op.optional(9).map(id);
    let weighted = op.optional(10).is_some();
    both(net, op, op.options.flag(8), |net, reverse, y| {
        let x = match auxiliary {
            Some(extra) if weighted => net.derive("Concat", &[x, extra], attrs([("axis", Attr::Int(2))])),
            Some(extra) if reverse => extra,
            _ => x,
        };
        let (first, extra) = if reverse { (5, 11) } else { (1, 10) };
        simple(net, op, &Direction { x, time_major, reverse }, first, Some(extra), y)
    })
}

/// One step of a simple layer: rows times weights, state times weights, bias.
pub(super) fn step(net: &mut Importer, op: &Op) -> Read {
    let (x, w, r, state, output) = (op.input(0)?, op.input(1)?, op.input(2)?, op.input(4)?, op.output(0)?);
    let turned = || attrs([("transB", Attr::Int(1))]);
    let mut inputs = vec![id(x), net.weight(w, None)];
    inputs.extend(op.optional(3).map(|b| net.weight(b, None)));
    let of_input = net.derive("Gemm", &inputs, turned());
    let r = net.weight(r, None);
    let of_state = net.derive("Gemm", &[id(state), r], turned());
    let act = op.options.byte(4);
    let y = before(net, act, output);
    net.emit("Add", &[of_input, of_state], Attrs::new(), y);
    finish(net, act, y, output)
}

/// One step of an LSTM with one weight for all gates. Operands: row, earlier result, weight, bias, earlier cell; results:
/// row, cell, and two intermediate ones.
pub(super) fn basic_lstm(net: &mut Importer, op: &Op) -> Read {
    let operand = |i| op.input(i).map(id);
    let (x, earlier, cell) = (operand(0)?, operand(1)?, operand(4)?);
    let (w, b) = (net.weight(op.input(2)?, None), net.weight(op.input(3)?, None));
    let [result, state, joined, gates] = [0, 1, 2, 3].map(|i| op.output(i).map(id));
    let (result, state, joined, gates) = (result?, state?, joined?, gates?);
    net.emit("Concat", &[x, earlier], attrs([("axis", Attr::Int(1))]), joined);
    net.emit("Gemm", &[joined, w, b], attrs([("transB", Attr::Int(1))]), gates);
    let parts: Vec<TensorId> = (0..4).map(|_| net.temporary()).collect();
    let split = attrs([("axis", Attr::Int(1)), ("num_outputs", Attr::Int(4))]);
    net.node(OpType::new("Split"), vec![Some(gates)], split, parts.clone());
    let [input, new, forget, out] = [("Sigmoid", 0), ("Tanh", 1), ("Sigmoid", 2), ("Sigmoid", 3)]
        .map(|(name, i)| net.derive(name, &[parts[i]], Attrs::new()));
    let kept = net.derive("Mul", &[forget, cell], Attrs::new());
    let added = net.derive("Mul", &[input, new], Attrs::new());
    net.emit("Add", &[kept, added], Attrs::new(), state);
    let bounded = net.derive("Tanh", &[state], Attrs::new());
    net.emit("Mul", &[out, bounded], Attrs::new(), result);
    Ok(true)
}

pub(super) fn svdf(net: &mut Importer, op: &Op) -> Read {
    let output = op.output(0)?;
    let act = op.options.byte(6);
    let mut inputs = vec![op.optional(0).map(id)];
    inputs.extend((1..4).map(|i| op.optional(i).map(|i| net.weight(i, None))));
    inputs.push(op.optional(4).map(id));
    let y = before(net, act, output);
    net.node(OpType::new("SVDF"), inputs, attrs([("rank", Attr::Int(op.options.int(4, 0)))]), vec![y]);
    finish(net, act, y, output)
}
