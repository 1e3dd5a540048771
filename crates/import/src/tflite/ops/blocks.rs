//! Blocks of space that become channels or images of a batch, and the reverse.

use tachograph_ir::{Attr, attrs};

use super::{Importer, Op, Read, id};

pub(super) fn depth(net: &mut Importer, op: &Op, name: &str) -> Read {
    let attrs = attrs([("blocksize", Attr::Int(op.options.int(4, 0)))]);
    net.emit(name, &[id(op.input(0)?)], attrs, id(op.output(0)?));
    Ok(true)
}

/// Operands: image, extents of a block, pads or crops. The axes after the first are cut, as many as a block has.
pub(super) fn batch(net: &mut Importer, op: &Op, name: &str) -> Read {
    let (x, block, margins) = (op.input(0)?, op.input(1)?, op.input(2)?);
    let blocked = net.info(block).shape.first().copied().unwrap_or(0);
    let axes = (1..=blocked.min(8) as i64).map(|axis| net.axis(axis, x)).collect::<Result<Vec<_>, _>>()?;
    net.emit(name, &[id(x), id(block), id(margins)], attrs([("axes", Attr::Ints(axes))]), id(op.output(0)?));
    Ok(true)
}
