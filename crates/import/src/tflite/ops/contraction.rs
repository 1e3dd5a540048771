//! StableHLO's products and convolutions, over any axes.

use tachograph_ir::{Attr, Attrs, attrs};

use super::{Importer, Op, Read, id, result};

/// A product over any axes, as Einsum.
pub(super) fn products(net: &mut Importer, op: &Op) -> Read {
    let (a, b) = (op.input(0)?, op.input(1)?);
    let [batch_a, batch_b, sum_a, sum_b] = [4, 6, 8, 10].map(|slot| op.options.list(slot));
    let (rank_a, rank_b) = (net.rank(a), net.rank(b));
    if rank_a + rank_b > 26 || batch_a.len() != batch_b.len() || sum_a.len() != sum_b.len() {
        return Ok(false);
    }
    let letters: Vec<char> = ('a'..='z').collect();
    let own = |axis: i64| usize::try_from(axis).ok().filter(|&axis| axis < rank_a);
    let left: String = letters[..rank_a].iter().collect();
    let mut right = letters[rank_a..rank_a + rank_b].to_vec();
    for (&mine, &theirs) in batch_a.iter().chain(&sum_a).zip(batch_b.iter().chain(&sum_b)) {
        let slot = usize::try_from(theirs).ok().and_then(|axis| right.get_mut(axis));
        let (Some(mine), Some(slot)) = (own(mine), slot) else { return Err("axes do not exist".into()) };
        *slot = letters[mine];
    }
    let mut out: String = batch_a.iter().filter_map(|&axis| own(axis)).map(|axis| letters[axis]).collect();
    let free = |axis: &usize, used: [&[i64]; 2]| !used.iter().any(|list| list.contains(&(*axis as i64)));
    out.extend((0..rank_a).filter(|i| free(i, [&batch_a, &sum_a])).map(|i| letters[i]));
    out.extend((0..rank_b).filter(|i| free(i, [&batch_b, &sum_b])).map(|i| letters[rank_a + i]));
    let right: String = right.into_iter().collect();
    let equation = Attr::from(format!("{left},{right}->{out}").as_str());
    let inputs = [net.file_order(a), net.file_order(b)];
    result(net, op, |net, y| net.emit("Einsum", &inputs, attrs([("equation", equation)]), y))
}

/// Axes in the order that ONNX wants: two, then those of space.
fn order(first: i64, second: i64, space: Vec<i64>) -> Vec<i64> {
    [vec![first, second], space].concat()
}

pub(super) fn convolution(net: &mut Importer, op: &Op) -> Read {
    let o = op.options;
    let (x, w) = (op.input(0)?, op.input(1)?);
    let image = order(o.long(14), o.long(16), o.list(18));
    let kernel = order(o.long(22), o.long(20), o.list(24));
    let written = order(o.long(26), o.long(28), o.list(30));
    let rank = net.rank(x);
    let whole = |list: &[i64]| (0..rank as i64).all(|axis| list.contains(&axis)) && list.len() == rank;
    if rank < 3 || net.rank(w) != rank || ![&image, &kernel, &written].into_iter().all(|list| whole(list)) {
        return Err(format!("axes {image:?}, {kernel:?}, {written:?} of {rank}"));
    }
    let space = rank - 2;
    let list = |slot| Some(o.list(slot)).filter(|list| list.len() == space).unwrap_or_else(|| vec![1; space]);
    let turned = |net: &mut Importer, i: usize, to: &[i64]| {
        let i = net.file_order(i);
        net.derive("Transpose", &[i], attrs([("perm", Attr::Ints(to.to_vec()))]))
    };
    // Our images are in this order already.
    let ours = rank == 4 && image == [0, 3, 1, 2];
    let mut operand = if ours { id(x) } else { turned(net, x, &image) };
    let gaps = list(8);
    if gaps.iter().any(|&gap| gap != 1) {
        let gaps = net.ints([vec![1, 1], gaps].concat());
        operand = net.derive("Dilate", &[operand, gaps], Attrs::new());
    }
    let weight = match net.is_constant(w) {
        true => {
            let shape: Vec<u64> = kernel.iter().map(|&axis| net.info(w).shape[axis as usize]).collect();
            net.weight(w, Some(&shape))
        }
        false => turned(net, w, &kernel),
    };
    let pads = o.list(6);
    let ends = |which: usize| pads.iter().skip(which).step_by(2).copied();
    let pads: Vec<i64> = match pads.len() == 2 * space {
        true => ends(0).chain(ends(1)).collect(),
        false => vec![0; 2 * space],
    };
    let window = attrs([
        ("dilations", Attr::Ints(list(10))),
        ("group", Attr::Int(o.long(32).max(1))),
        ("pads", Attr::Ints(pads)),
        ("strides", Attr::Ints(list(4))),
    ]);
    let output = op.output(0)?;
    if rank == 4 && written == [0, 3, 1, 2] {
        net.emit("Conv", &[operand, weight], window, id(output));
        return Ok(true);
    }
    let y = net.derive("Conv", &[operand, weight], window);
    let back = (0..rank as i64).map(|axis| written.iter().position(|&w| w == axis).unwrap_or(0) as i64).collect();
    result(net, op, |net, z| net.emit("Transpose", &[y], attrs([("perm", Attr::Ints(back))]), z))
}
