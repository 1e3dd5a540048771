//! Matrix products with a weight: `InnerProduct` (keys 0 features, 1 bias, 2 elements of the weight, 8 int8, 9
//! activation) and `Gemm` (3 transposed weight, 5 and 6 constant weight and bias, 8 and 9 features after and before).

use tachograph_ir::{Attr, DType, attrs};

use super::{
    Blob, Layer, Net, Result,
    conv::{bias, weight_type},
    elementwise::fused,
    move_, none,
};

pub(super) fn inner_product(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let (out, weights) = (layer.size(0, 0)?, layer.size(2, 0)?);
    if !weights.is_multiple_of(out) {
        return Err(format!("{weights} weights do not make {out} features"));
    }
    let features = weights / out;
    // Rows of a matrix are multiplied one by one; anything else is one vector.
    if x.rank == 3 {
        let weight = net.weight(layer, "weight", weight_type(layer)?, &[features, out]);
        let mut id = net.node(layer, "MatMul", &[x.id, weight], none());
        let mut operands = vec![id];
        bias(net, layer, 1, out, &mut operands)?;
        if operands.len() > 1 {
            id = net.node(layer, "Add", &operands, none());
        }
        return fused(net, layer, Blob { id, rank: 3 });
    }
    let x = if x.rank == 2 { x } else { move_::flatten(net, layer, x) };
    let mut inputs = vec![x.id, net.weight(layer, "weight", weight_type(layer)?, &[out, features])];
    bias(net, layer, 1, out, &mut inputs)?;
    let id = net.node(layer, "Gemm", &inputs, attrs([("transB", Attr::Int(1))]));
    fused(net, layer, Blob { id, rank: 2 })
}

/// The layer with one operand, which has weight and bias inside.
pub(super) fn gemm(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    if layer.int(4, 0)? != 0 || layer.int(5, 0)? == 0 || layer.int(2, 0)? != 0 {
        return Err("is read only with a weight as its second factor".into());
    }
    let (out, features) = (layer.size(8, 0)?, layer.size(9, 0)?);
    let weight = net.weight(layer, "weight", DType::F32, &[features, out]);
    let mut id = net.node(layer, "MatMul", &[x.id, weight], none());
    if layer.int(6, 0)? != 0 && layer.int(10, 0)? != -1 {
        let bias = net.weight(layer, "bias", DType::F32, &[out]);
        id = net.node(layer, "Add", &[id, bias], none());
    }
    Ok(Blob { id, rank: x.rank })
}
