//! Pooling over windows. Averages count the pixels that exist.

use tachograph_ir::{Attr, attrs};

use super::{Importer, Op, Read, before, finish, id};

pub(super) fn pool(net: &mut Importer, op: &Op, name: &str) -> Read {
    let (x, output, o) = (op.input(0)?, op.output(0)?, op.options);
    let attrs = attrs([
        ("auto_pad", Attr::from(if o.byte(4) == 0 { "SAME_UPPER" } else { "VALID" })),
        ("kernel_shape", Attr::Ints(vec![o.int(12, 0), o.int(10, 0)])),
        ("strides", Attr::Ints(vec![o.int(8, 0), o.int(6, 0)])),
    ]);
    let y = before(net, o.byte(14), output);
    net.emit(name, &[id(x)], attrs, y);
    finish(net, o.byte(14), y, output)
}
