//! Matrix products.

use tachograph_ir::{Attr, Attrs, TensorId, attrs};

use super::{Importer, Op, Read, before, finish, id};
use crate::tflite::graph::CHANNELS_FIRST;

/// Weight (out, in). Rows are multiplied one by one if the axes are kept, else all but the features are merged.
pub(super) fn fully_connected(net: &mut Importer, op: &Op) -> Read {
    let (x, w, output) = (op.input(0)?, op.input(1)?, op.output(0)?);
    let &[out, features] = net.info(w).shape.as_slice() else {
        return Err(format!("weight of shape {:?}", net.info(w).shape));
    };
    let bias = op.inputs.get(2).copied().flatten();
    let act = op.options.byte(4);
    let y = before(net, act, output);
    let keep = op.options.flag(8) && net.rank(x) != 2;
    if keep && net.rank(x) == 4 && net.is_constant(w) {
        let mut inputs = vec![id(x), net.weight(w, Some(&[out, features, 1, 1]))];
        inputs.extend(bias.map(|b| net.weight(b, None)));
        net.emit("Conv", &inputs, attrs([("kernel_shape", Attr::Ints(vec![1, 1]))]), y);
    } else if keep && net.is_constant(w) {
        let weight = net.weight(w, Some(&[features, out]));
        let product = if bias.is_some() { net.temporary() } else { y };
        net.emit("MatMul", &[id(x), weight], Attrs::new(), product);
        if let Some(bias) = bias {
            let bias = net.weight(bias, None);
            net.emit("Add", &[product, bias], Attrs::new(), y);
        }
    } else if keep {
        // A computed weight: from half precision, from a sparse one, from data.
        let weight = net.derive("Transpose", &[id(w)], attrs([("perm", Attr::Ints(vec![1, 0]))]));
        let operand = net.file_order(x);
        let product = if net.rank(x) == 4 { net.temporary() } else { y };
        let bare = if bias.is_some() { net.temporary() } else { product };
        net.emit("MatMul", &[operand, weight], Attrs::new(), bare);
        if let Some(bias) = bias {
            let bias = net.weight(bias, None);
            net.emit("Add", &[bare, bias], Attrs::new(), product);
        }
        if product != y {
            let order = CHANNELS_FIRST.map(|axis| axis as i64).to_vec();
            net.emit("Transpose", &[product], attrs([("perm", Attr::Ints(order))]), y);
        }
    } else {
        let mut inputs = vec![matrix(net, x, features), net.weight(w, None)];
        inputs.extend(bias.map(|b| net.weight(b, None)));
        net.emit("Gemm", &inputs, attrs([("transB", Attr::Int(1))]), y);
    }
    finish(net, act, y, output)
}

/// Tensor `i` as a matrix of rows of `features`.
fn matrix(net: &mut Importer, i: usize, features: u64) -> TensorId {
    let shape = &net.info(i).shape;
    if shape.len() == 2 {
        return id(i);
    }
    // One row an image: the order of its elements is the weight's affair.
    if shape.iter().skip(1).try_fold(1u64, |n, &d| n.checked_mul(d)) == Some(features) {
        return net.derive("Flatten", &[id(i)], attrs([("axis", Attr::Int(1))]));
    }
    let x = net.file_order(i);
    let target = net.ints(vec![-1, features as i64]);
    net.derive("Reshape", &[x, target], Attrs::new())
}

pub(super) fn batch_matmul(net: &mut Importer, op: &Op) -> Read {
    let output = op.output(0)?;
    let mut factors = Vec::new();
    for (i, slot) in [(op.input(0)?, 4), (op.input(1)?, 6)] {
        let rank = net.rank(i);
        if rank < 2 {
            return Err(format!("operand of shape {:?}", net.info(i).shape));
        }
        let mut factor = net.file_order(i);
        if op.options.flag(slot) {
            let mut order: Vec<i64> = (0..rank as i64).collect();
            order.swap(rank - 2, rank - 1);
            factor = net.derive("Transpose", &[factor], attrs([("perm", Attr::Ints(order))]));
        }
        factors.push(factor);
    }
    let y = net.file_result(output);
    net.emit("MatMul", &factors, Attrs::new(), y);
    net.our_order(output, y);
    Ok(true)
}
