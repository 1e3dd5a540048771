//! Products of matrices: `InnerProduct` (keys 0 features, 1 bias, 2 elements of the weight, 8 int8, 9 activation),
//! `Gemm` (0 and 1 factors of the product and of what is added, 2 and 3 transposed factors, 4 to 6 which of A, B and C
//! are inside, 7, 8, 9 M, N, K, 10 form of C, 11 and 14 form of the result, 18 how weights are quantised), `MatMul`
//! (0 transposed second factor), `Einsum` (0 the equation as numbers of letters) and `Embed` (0 features, 1 words,
//! 2 bias, 18 int8).

use tachograph_ir::{Attr, DType, TensorId, attrs};

use super::{
    Blob, Layer, Net, Result,
    conv::{bias, weight_type},
    elementwise::{FUSED, fused},
    move_, none,
};

/// Features that an `InnerProduct` reads.
pub(super) fn features(layer: &Layer) -> Result<u64> {
    let (out, weights) = (layer.size(0, 0)?, layer.size(2, 0)?);
    if !weights.is_multiple_of(out) {
        return Err(format!("{weights} weights do not make {out} features"));
    }
    Ok(weights / out)
}

pub(super) fn inner_product(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let (out, features) = (layer.size(0, 0)?, features(layer)?);
    // Rows of a matrix are multiplied one by one if they are as long as the weight; anything else is one vector.
    if x.rank == 3 && net.shape(x).is_none_or(|shape| shape.last() == Some(&features)) {
        let weight = net.weight(layer, "weight", weight_type(layer)?, &[features, out]);
        let mut id = net.node(layer, "MatMul", &[x.id, weight], none());
        let mut operands = vec![id];
        bias(net, layer, 1, out, &mut operands)?;
        if operands.len() > 1 {
            id = net.node(layer, "Add", &operands, none());
        }
        return fused(net, layer, Blob { id, rank: 3 }, FUSED);
    }
    let x = if x.rank == 2 { x } else { move_::flatten(net, layer, x) };
    vector(net, layer, x, 1, layer.size(2, 0)?)
}

/// One vector times a matrix of `weights` elements, with a bias if the key says so.
pub(super) fn vector(net: &mut Net, layer: &Layer, x: Blob, bias_key: i64, weights: u64) -> Result<Blob> {
    let out = layer.size(0, 0)?;
    let mut inputs = vec![x.id, net.weight(layer, "weight", weight_type(layer)?, &[out, weights / out])];
    bias(net, layer, bias_key, out, &mut inputs)?;
    let id = net.node(layer, "Gemm", &inputs, attrs([("transB", Attr::Int(1))]));
    fused(net, layer, Blob { id, rank: 2 }, FUSED)
}

/// Type of weights by the code that `Gemm` and `MultiHeadAttention` share: below 400 bytes, else bits and two digits.
pub(super) fn quantised(layer: &Layer) -> Result<DType> {
    Ok(match layer.int(18, 0)? {
        0 => DType::F32,
        400..500 => DType::I4,
        _ => DType::I8,
    })
}

pub(super) fn gemm(net: &mut Net, layer: &Layer, operands: &[Blob]) -> Result<Blob> {
    let mut operands = operands.iter().copied();
    let flag = |key| layer.int(key, 0).map(|n| n != 0);
    let (m, n, k) = (7, 8, 9);
    let (flip_a, flip_b, fixed_a, fixed_b) = (flag(2)?, flag(3)?, flag(4)?, flag(5)?);
    let dtype = quantised(layer)?;
    let mut factor = |net: &mut Net, what: &str, inside: bool, flip: bool, keys: [i64; 2]| -> Result<TensorId> {
        if inside {
            // A transposed weight is a matter of storage.
            let shape = [layer.size(keys[0], 0)?, layer.size(keys[1], 0)?];
            return Ok(net.weight(layer, what, dtype, &shape));
        }
        let x = operands.next().ok_or_else(|| format!("lacks operand {what}"))?;
        let x = rows(net, layer, x)?;
        Ok(if flip { net.node(layer, "Transpose", &[x], attrs([("perm", Attr::Ints(vec![0, 2, 1]))])) } else { x })
    };
    let a = factor(net, if fixed_b { "left" } else { "weight" }, fixed_a, flip_a, [m, k])?;
    let b = factor(net, "weight", fixed_b, flip_b, [k, n])?;
    let mut id = net.node(layer, "MatMul", &[a, b], none());
    if fixed_a && fixed_b {
        let first = net.ints(layer, "axes", vec![0]);
        id = net.node(layer, "Unsqueeze", &[id, first], none());
    }
    let added = match (flag(6)?, layer.int(10, 0)?) {
        (true, -1) => None,
        (true, form) => {
            let shape = match form {
                0 => vec![1],
                1 | 2 => vec![layer.size(m, 0)?, 1],
                3 => vec![layer.size(m, 0)?, layer.size(n, 0)?],
                _ => vec![layer.size(n, 0)?],
            };
            Some(net.weight(layer, "bias", DType::F32, &shape))
        }
        (false, _) => match operands.next() {
            None => None,
            Some(c) => Some(addend(net, layer, c, Blob { id, rank: 3 })?),
        },
    };
    if let Some(c) = added {
        let c = scaled(net, layer, c, layer.float(1, 1.0)?);
        id = net.node(layer, "Add", &[id, c], none());
    }
    id = scaled(net, layer, id, layer.float(0, 1.0)?);
    if flag(14)? {
        id = net.node(layer, "Transpose", &[id], attrs([("perm", Attr::Ints(vec![0, 2, 1]))]));
    }
    if flag(11)? {
        let axes = net.ints(layer, "axes", vec![2]);
        return Ok(Blob { id: net.node(layer, "Unsqueeze", &[id, axes], none()), rank: 4 });
    }
    Ok(Blob { id, rank: 3 })
}

/// A factor as a matrix: of three axes, the outermost are the rows.
fn rows(net: &mut Net, layer: &Layer, x: Blob) -> Result<TensorId> {
    match x.rank {
        3 => Ok(x.id),
        2 => {
            let axes = net.ints(layer, "axes", vec![1]);
            Ok(net.node(layer, "Unsqueeze", &[x.id, axes], none()))
        }
        4 => {
            let target = net.ints(layer, "rows", vec![1, 0, -1]);
            Ok(net.node(layer, "Reshape", &[x.id, target], none()))
        }
        rank => Err(format!("no product of {} axes", rank - 1)),
    }
}

/// A vector is added to every row if it is as long as one, else to every column.
fn addend(net: &mut Net, layer: &Layer, c: Blob, product: Blob) -> Result<TensorId> {
    let columns = net.shape(product).and_then(|shape| shape.last().copied());
    let length = net.shape(c).and_then(|shape| shape.last().copied());
    if c.rank == 2 && length != Some(1) && columns.is_some() && length.is_some() && length != columns {
        let axes = net.ints(layer, "axes", vec![2]);
        return Ok(net.node(layer, "Unsqueeze", &[c.id, axes], none()));
    }
    if c.rank == 4 { rows(net, layer, c) } else { Ok(c.id) }
}

fn scaled(net: &mut Net, layer: &Layer, x: TensorId, factor: f64) -> TensorId {
    if factor == 1.0 {
        return x;
    }
    let factor = net.floats(layer, "factor", vec![factor]);
    net.node(layer, "Mul", &[x, factor], none())
}

pub(super) fn matmul(net: &mut Net, layer: &Layer, [a, b]: [Blob; 2]) -> Result<Blob> {
    // A vector is a row on the left, a column on the right, and the axis it gets goes again.
    let mut widen = |x: Blob, place: i64| {
        let axes = net.ints(layer, "axes", vec![place]);
        Blob { id: net.node(layer, "Unsqueeze", &[x.id, axes], none()), rank: 3 }
    };
    let left = if a.rank == 2 { widen(a, 1) } else { a };
    let mut right = if b.rank == 2 { widen(b, 2) } else { b };
    if b.rank > 2 && layer.int(0, 0)? != 0 {
        let mut order: Vec<i64> = (0..b.rank as i64).collect();
        order.swap(b.rank - 2, b.rank - 1);
        right = net.like(layer, "Transpose", b, &[], attrs([("perm", Attr::Ints(order))]));
    }
    let rank = left.rank.max(right.rank);
    let id = net.node(layer, "MatMul", &[left.id, right.id], none());
    match (a.rank, b.rank) {
        (2, _) => {
            let axes = net.ints(layer, "row", vec![rank as i64 - 2]);
            Ok(Blob { id: net.node(layer, "Squeeze", &[id, axes], none()), rank: rank - 1 })
        }
        (_, 2) => {
            let axes = net.ints(layer, "column", vec![rank as i64 - 1]);
            Ok(Blob { id: net.node(layer, "Squeeze", &[id, axes], none()), rank: rank - 1 })
        }
        _ => Ok(Blob { id, rank }),
    }
}

/// The leading 1 of every tensor is an ellipsis.
pub(super) fn einsum(net: &mut Net, layer: &Layer, operands: &[Blob]) -> Result<Blob> {
    let codes = layer.ints(0)?.unwrap_or_default();
    let letter = |code: i64| u8::try_from(code).ok().filter(u8::is_ascii_graphic).map(char::from);
    let equation: Option<String> = codes.iter().map(|&code| letter(code)).collect();
    let equation = match equation {
        Some(equation) if !equation.is_empty() => equation,
        _ => layer.text(0).to_owned(),
    };
    let (left, right) = match equation.split_once("->") {
        Some(sides) => sides,
        None if equation == "ii" => ("ii", ""),
        None => return Err(format!("equation `{equation}` has no result")),
    };
    let terms: Vec<String> = left.split(',').map(|term| format!("...{term}")).collect();
    // A sum over everything is a blob of one number.
    let result = if right.is_empty() { "..." } else { &format!("...{right}") };
    let text = Attr::Str(format!("{}->{result}", terms.join(",")));
    let inputs: Vec<TensorId> = operands.iter().map(|blob| blob.id).collect();
    let mut id = net.node(layer, "Einsum", &inputs, attrs([("equation", text)]));
    if right.is_empty() {
        let axes = net.ints(layer, "axes", vec![1]);
        id = net.node(layer, "Unsqueeze", &[id, axes], none());
    }
    Ok(Blob { id, rank: 1 + right.len().max(1) })
}

pub(super) fn embed(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let (out, words) = (layer.size(0, 0)?, layer.size(1, 0)?);
    let dtype = if layer.int(18, 0)? != 0 { DType::I8 } else { DType::F32 };
    let table = net.weight(layer, "weight", dtype, &[words, out]);
    let x = if x.rank == 2 { x } else { move_::flatten(net, layer, x) };
    let mut id = net.node(layer, "Gather", &[table, x.id], attrs([("axis", Attr::Int(0))]));
    let mut operands = vec![id];
    bias(net, layer, 2, out, &mut operands)?;
    if operands.len() > 1 {
        id = net.node(layer, "Add", &operands, none());
    }
    Ok(Blob { id, rank: 3 })
}
