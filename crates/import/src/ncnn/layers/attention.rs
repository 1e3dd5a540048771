//! `MultiHeadAttention`: projections with bias, attention, projection. Keys: 0 features, 1 heads, 2 elements of a
//! projection's weight, 3 and 4 features of keys and values.

use tachograph_ir::{Attr, DType, OpType, TensorId, attrs};

use super::{Blob, Layer, Net, Result, none};

pub(super) fn attention(net: &mut Net, layer: &Layer, operands: &[Blob]) -> Result<Blob> {
    let (features, heads) = (layer.size(0, 0)?, layer.size(1, 1)?);
    if layer.int(5, 0)? != 0 {
        return Err("a mask is not read".into());
    }
    let (q, k, v) = match *operands {
        [x] => (x, x, x),
        [q, k] => (q, k, k),
        [q, k, v] => (q, k, v),
        _ => return Err(format!("{} operands", operands.len())),
    };
    let (key_features, value_features) = (layer.size(3, features as i64)?, layer.size(4, features as i64)?);
    let q = linear(net, layer, "query", q.id, [layer.size(2, 0)? / features, features]);
    let k = linear(net, layer, "key", k.id, [key_features, features]);
    let v = linear(net, layer, "value", v.id, [value_features, features]);
    let op = OpType::with_domain("com.microsoft", "MultiHeadAttention");
    let heads = attrs([("num_heads", Attr::Int(heads as i64))]);
    let mixed = net.nodes(layer, op, vec![Some(q), Some(k), Some(v)], heads, 1)[0];
    let id = linear(net, layer, "out", mixed, [features; 2]);
    Ok(Blob { id, rank: 3 })
}

fn linear(net: &mut Net, layer: &Layer, what: &str, x: TensorId, shape: [u64; 2]) -> TensorId {
    let weight = net.weight(layer, &format!("{what}.weight"), DType::F32, &shape);
    let y = net.node(layer, "MatMul", &[x, weight], none());
    let bias = net.weight(layer, &format!("{what}.bias"), DType::F32, &shape[1..]);
    net.node(layer, "Add", &[y, bias], none())
}
