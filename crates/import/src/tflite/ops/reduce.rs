//! Reductions and what runs along the channels.

use tachograph_ir::{Attr, Attrs, attrs};

use super::{Importer, Op, Read, before, finish, id, plain};

pub(super) fn reduce(net: &mut Importer, op: &Op, name: &str) -> Read {
    let (x, output) = (op.input(0)?, op.output(0)?);
    let keep = op.options.flag(4);
    let attrs = attrs([("keepdims", Attr::Int(keep.into()))]);
    let Some(axes) = net.known(op.input(1)?) else { return plain(net, op, name, &[0, 1], attrs) };
    // ONNX would reduce all axes; here no axes are none.
    if axes.is_empty() {
        return plain(net, op, "Identity", &[0], Attrs::new());
    }
    let mut axes = axes.into_iter().map(|axis| net.axis(axis, x)).collect::<Result<Vec<_>, _>>()?;
    axes.sort_unstable();
    axes.dedup();
    if !keep && reorders(net, x, output, &axes) {
        return plain(net, op, name, &[0, 1], attrs);
    }
    let axes = net.ints(axes);
    net.emit(name, &[id(x), axes], attrs, id(output));
    Ok(true)
}

/// Whether dropping `axes` (ours) of `x` leaves the others in another order than the file's: channels that stay behind a
/// remaining axis of the image would change places.
pub(super) fn reorders(net: &Importer, x: usize, output: usize, axes: &[i64]) -> bool {
    let channels_stay = net.rank(x) == 4 && !axes.contains(&1) && !(axes.contains(&2) && axes.contains(&3));
    channels_stay || net.rank(x) > 4 && net.rank(output) == 4
}

/// An operator along the last axis of the file.
pub(super) fn along_channels(net: &mut Importer, op: &Op, name: &str, mut attrs: Attrs) -> Read {
    let (x, output) = (op.input(0)?, op.output(0)?);
    // From 8 bits to 16.
    if net.info(x).dtype != net.info(output).dtype {
        attrs.insert("dtype".into(), net.typed(output));
    }
    along(net, x, name, attrs, id(output))
}

fn along(net: &mut Importer, x: usize, name: &str, mut attrs: Attrs, y: tachograph_ir::TensorId) -> Read {
    attrs.insert("axis".into(), Attr::Int(net.axis(-1, x)?));
    net.emit(name, &[id(x)], attrs, y);
    Ok(true)
}

pub(super) fn normalization(net: &mut Importer, op: &Op) -> Read {
    let (output, act) = (op.output(0)?, op.options.byte(4));
    let y = before(net, act, output);
    along(net, op.input(0)?, "LpNormalization", attrs([("p", Attr::Int(2))]), y)?;
    finish(net, act, y, output)
}
