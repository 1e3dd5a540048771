//! Positions of extremes, the largest elements and running sums: what runs along one axis.

use tachograph_ir::{Attr, Attrs, OpType, attrs};

use super::{Importer, Op, Read, id, reduce};

/// The axis that operand `i` holds, among those of operand 0.
fn along(net: &Importer, op: &Op, i: usize) -> Option<i64> {
    net.known(op.optional(i)?)?.first().copied()
}

pub(super) fn arg(net: &mut Importer, op: &Op, name: &str) -> Read {
    let (x, output) = (op.input(0)?, op.output(0)?);
    let Some(axis) = along(net, op, 1) else { return Ok(false) };
    let ours = net.axis(axis, x)?;
    let set = |axis| attrs([("axis", Attr::Int(axis)), ("dtype", net.typed(output)), ("keepdims", Attr::Int(0))]);
    let (plain, permuted) = (set(axis), set(ours));
    if reduce::reorders(net, x, output, &[ours]) {
        return super::plain(net, op, name, &[0], plain);
    }
    net.emit(name, &[id(x)], permuted, id(output));
    Ok(true)
}

/// Along the last axis of the file.
pub(super) fn top_k(net: &mut Importer, op: &Op) -> Read {
    let (x, k, indices) = (op.input(0)?, op.input(1)?, op.output(1)?);
    let attrs = attrs([("axis", Attr::Int(net.axis(-1, x)?)), ("dtype", net.typed(indices))]);
    let outputs = op.outputs.iter().map(|&i| id(i)).collect();
    net.node(OpType::new("TopK"), vec![Some(id(x)), Some(id(k))], attrs, outputs);
    Ok(true)
}

pub(super) fn cumulated(net: &mut Importer, op: &Op) -> Read {
    let (x, output) = (op.input(0)?, op.output(0)?);
    let flag = |slot| Attr::Int(op.options.flag(slot).into());
    let attrs: Attrs = attrs([("exclusive", flag(4)), ("reverse", flag(6))]);
    let Some(axis) = along(net, op, 1) else { return super::plain(net, op, "CumSum", &[0, 1], attrs) };
    let axis = net.axis(axis, x)?;
    let axis = net.ints(vec![axis]);
    net.emit("CumSum", &[id(x), axis], attrs, id(output));
    Ok(true)
}
