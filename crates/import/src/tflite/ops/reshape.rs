//! RESHAPE, SQUEEZE and EXPAND_DIMS: other axes for the same elements.

use tachograph_ir::{Attr, Attrs, TensorId, attrs};

use super::{Importer, Op, Read, id};
use crate::tflite::graph::permuted;

pub(super) fn reshape(net: &mut Importer, op: &Op) -> Read {
    let (x, output) = (op.input(0)?, op.output(0)?);
    let (from, to) = (net.info(x).shape.clone(), net.info(output).shape.clone());
    // An image that becomes a row: the order of its elements is the next weight's affair.
    if from.len() == 4 && to.len() == 2 && from[0] == to[0] {
        net.emit("Flatten", &[id(x)], attrs([("axis", Attr::Int(1))]), id(output));
        return Ok(true);
    }
    let operand = if net.trivial(x) { id(x) } else { net.file_order(x) };
    match target(net, op, &to)? {
        Some(target) if to.len() == 4 && net.trivial(output) => {
            let target = net.ints(permuted(target));
            net.emit("Reshape", &[operand, target], Attrs::new(), id(output));
        }
        target => {
            let target: TensorId = match (target, op.inputs.get(1).copied().flatten()) {
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

/// The target where it is known: from the file, or the stated shape with the first extent kept where it is open.
fn target(net: &Importer, op: &Op, stated: &[u64]) -> Result<Option<Vec<i64>>, String> {
    let (x, output) = (net.info(op.input(0)?), net.info(op.output(0)?));
    let mut target: Vec<i64> = stated.iter().map(|&n| n as i64).collect();
    if let Some(first) = target.first_mut().filter(|_| output.open && x.open) {
        *first = if x.shape.first() == stated.first() { 0 } else { -1 };
        return Ok(Some(target));
    }
    if output.open {
        let known = op.inputs.get(1).copied().flatten().and_then(|i| net.known(i));
        return Ok(known.filter(|known| known.len() == stated.len()));
    }
    Ok(Some(target))
}
