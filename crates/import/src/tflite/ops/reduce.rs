//! Reductions and what runs along the channels.

use tachograph_ir::{Attr, Attrs, attrs};

use super::{Importer, Op, Read, id};

pub(super) fn reduce(net: &mut Importer, op: &Op, name: &str) -> Read {
    let (x, output) = (op.input(0)?, op.output(0)?);
    let Some(axes) = net.known(op.input(1)?) else { return Ok(false) };
    let keep = op.options.flag(4);
    let mut axes = axes.into_iter().map(|axis| net.axis(axis, x)).collect::<Result<Vec<_>, _>>()?;
    axes.sort_unstable();
    // Channels that stay behind a remaining axis of the image would change places.
    let channels_stay = net.rank(x) == 4 && !axes.contains(&1) && !(axes.contains(&2) && axes.contains(&3));
    if !keep && (channels_stay || net.rank(x) > 4 && net.rank(output) == 4) {
        return Ok(false);
    }
    let axes = net.ints(axes);
    net.emit(name, &[id(x), axes], attrs([("keepdims", Attr::Int(keep.into()))]), id(output));
    Ok(true)
}

/// An operator along the last axis of the file.
pub(super) fn along_channels(net: &mut Importer, op: &Op, name: &str, mut attrs: Attrs) -> Read {
    let x = op.input(0)?;
    attrs.insert("axis".into(), Attr::Int(net.axis(-1, x)?));
    net.emit(name, &[id(x)], attrs, id(op.output(0)?));
    Ok(true)
}
