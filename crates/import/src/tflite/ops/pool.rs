//! Pooling over windows. Averages count the pixels that exist.

use tachograph_ir::{Attr, Attrs, attrs};

use super::{Importer, Op, Read, before, finish, id};

fn window(op: &Op) -> Attrs {
    let o = op.options;
    attrs([
        ("auto_pad", Attr::from(if o.byte(4) == 0 { "SAME_UPPER" } else { "VALID" })),
        ("kernel_shape", Attr::Ints(vec![o.int(12, 0), o.int(10, 0)])),
        ("strides", Attr::Ints(vec![o.int(8, 0), o.int(6, 0)])),
    ])
}

pub(super) fn pool(net: &mut Importer, op: &Op, name: &str) -> Read {
    let (x, output, act) = (op.input(0)?, op.output(0)?, op.options.byte(14));
    let y = before(net, act, output);
    net.emit(name, &[id(x)], window(op), y);
    finish(net, act, y, output)
}

/// Root of the mean of squares.
pub(super) fn root_mean_square(net: &mut Importer, op: &Op) -> Read {
    let (x, output, act) = (id(op.input(0)?), op.output(0)?, op.options.byte(14));
    let squares = net.derive("Mul", &[x, x], Attrs::new());
    let mean = net.derive("AveragePool", &[squares], window(op));
    let y = before(net, act, output);
    net.emit("Sqrt", &[mean], Attrs::new(), y);
    finish(net, act, y, output)
}
