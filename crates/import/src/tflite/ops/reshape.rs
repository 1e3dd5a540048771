//! RESHAPE, SQUEEZE and EXPAND_DIMS: other axes for the same elements.

use tachograph_ir::{Attr, Attrs, TensorId, attrs};

use super::{Importer, Op, Read, id};
use crate::tflite::graph::permuted;

pub(super) fn reshape(net: &mut Importer, kind: &str, op: &Op) -> Read {
    let (x, output) = (op.input(0)?, op.output(0)?);
    let (from, to) = (net.info(x).shape.clone(), net.info(output).shape.clone());
    // An image that becomes a row: the order of its elements is the next weight's affair.
    if from.len() == 4 && to.len() == 2 && from[0] == to[0] && !net.info(x).open_beyond() {
        net.emit("Flatten", &[id(x)], attrs([("axis", Attr::Int(1))]), id(output));
        return Ok(true);
    }
    // The stated extents hold nothing but a place.
    if net.info(output).open_beyond() && kind != "RESHAPE" {
        return axes(net, kind, op);
    }
    let operand = if net.trivial(x) { id(x) } else { net.file_order(x) };
    match target(net, op, &to)? {
        Some(target) if to.len() == 4 && net.trivial(output) => {
            let target = net.ints(permuted(target));
            net.emit("Reshape", &[operand, target], Attrs::new(), id(output));
        }
        target => {
            let target: TensorId = match (target, op.optional(1)) {
                (Some(target), _) => net.ints(target),
                (None, Some(computed)) => id(computed),
                (None, None) => return Err("has no target".into()),
            };
            let y = net.file_result(output);
            net.emit("Reshape", &[operand, target], Attrs::new(), y);
            net.our_order(output, y);
        }
    }
    Ok(true)
}

/// The target where it is known: from the file, or the stated shape with the first extent kept where it alone is open.
fn target(net: &Importer, op: &Op, stated: &[u64]) -> Result<Option<Vec<i64>>, String> {
    let (x, output) = (net.info(op.input(0)?), net.info(op.output(0)?));
    let mut target: Vec<i64> = stated.iter().map(|&n| n as i64).collect();
    if output.open_beyond() {
        let known = op.optional(1).and_then(|i| net.known(i));
        let given = known.or_else(|| Some(op.options.list(4)).filter(|list| !list.is_empty()));
        return Ok(given.filter(|given| given.len() == stated.len()));
    }
    if let Some(first) = target.first_mut().filter(|_| output.open_batch() && x.open_batch()) {
        // Where other extents are open too, they may be merged with it.
        *first = if x.shape.first() == stated.first() && !x.open_beyond() { 0 } else { -1 };
        return Ok(Some(target));
    }
    if output.open_batch() {
        let known = op.optional(1).and_then(|i| net.known(i));
        return Ok(known.filter(|known| known.len() == stated.len()));
    }
    Ok(Some(target))
}

/// Drops or adds axes by their numbers.
fn axes(net: &mut Importer, kind: &str, op: &Op) -> Read {
    let (x, output) = (op.input(0)?, op.output(0)?);
    let (name, list) = match kind {
        "SQUEEZE" => ("Squeeze", Some(op.options.list(4))),
        "EXPAND_DIMS" => ("Unsqueeze", op.optional(1).and_then(|i| net.known(i))),
        _ => return Ok(false),
    };
    let Some(list) = list else { return Ok(false) };
    let mut inputs = vec![net.file_order(x)];
    if !list.is_empty() {
        inputs.push(net.ints(list));
    }
    let y = net.file_result(output);
    net.emit(name, &inputs, Attrs::new(), y);
    net.our_order(output, y);
    Ok(true)
}
