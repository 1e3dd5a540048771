//! `Pooling`. Keys: 0 max (0) or average (1), 1 and 11 kernel, 2 and 12 strides, 3, 14, 13, 15 pads left, right, top,
//! bottom, 4 global, 5 rounding and padding, 6 whether averages count pads.

use tachograph_ir::{Attr, attrs};

use super::{Blob, Layer, Net, Result, move_, none};

pub(super) fn pool(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let average = match layer.int(0, 0)? {
        0 => false,
        1 => true,
        kind => return Err(format!("kind {kind} of pooling is unknown")),
    };
    if layer.int(4, 0)? != 0 {
        let id = net.node(layer, if average { "GlobalAveragePool" } else { "GlobalMaxPool" }, &[x.id], none());
        return Ok(move_::flatten(net, layer, Blob { id, rank: 4 }));
    }
    if layer.int(7, 0)? != 0 {
        return Err("adaptive pooling is not read".into());
    }
    let size = |width, height, default| -> Result<[i64; 2]> {
        let width = layer.size(width, default)? as i64;
        Ok([layer.size(height, width)? as i64, width])
    };
    let left = layer.int(3, 0)?;
    let (right, top) = (layer.int(14, left)?, layer.int(13, left)?);
    let pads = Attr::Ints(vec![top, left, layer.int(15, top)?, right]);
    let (name, value) = match layer.int(5, 0)? {
        0 => ("ceil_mode", Attr::Int(1)),
        1 => ("ceil_mode", Attr::Int(0)),
        2 => ("auto_pad", Attr::from("SAME_UPPER")),
        3 => ("auto_pad", Attr::from("SAME_LOWER")),
        mode => return Err(format!("padding mode {mode} is unknown")),
    };
    let mut attrs = attrs([
        ("kernel_shape", Attr::Ints(size(1, 11, 0)?.to_vec())),
        ("strides", Attr::Ints(size(2, 12, 1)?.to_vec())),
        (name, value),
    ]);
    if name == "ceil_mode" {
        attrs.insert("pads".into(), pads);
    }
    if average {
        attrs.insert("count_include_pad".into(), Attr::Int(layer.int(6, 0)?));
    }
    let id = net.node(layer, if average { "AveragePool" } else { "MaxPool" }, &[x.id], attrs);
    Ok(Blob { id, rank: 4 })
}
