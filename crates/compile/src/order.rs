//! In which order the elements of a tensor lie in memory, so that two layouts can be compared.

use tachograph_ir::TensorId;
use tachograph_program::{Layout, LayoutDim};

/// Tensors, and the order in which each is read or written.
pub type Orders = Vec<(TensorId, Layout)>;

/// The same order as a layout that says it in one way alone: dimensions of one element are left out, and what lies together as
/// one dimension would is one. So blocks of 16 channels of a single pixel are plain channels.
pub fn canonical(layout: &Layout, shape: &[u64]) -> Layout {
    let extents = layout.extents(shape);
    let whole = |axis: usize| shape.get(axis).copied().unwrap_or(1);
    let own = |axis: usize| layout.dims.iter().zip(&extents).filter(move |(dim, _)| dim.axis == axis);
    // Blocks that are not full stay as they are: what pads them takes memory.
    let padded = |axis: usize| own(axis).map(|(_, extent)| extent).product::<u64>() != whole(axis);
    let mut dims: Vec<(LayoutDim, u64)> = Vec::new();
    for (dim, &extent) in layout.dims.iter().zip(&extents) {
        if padded(dim.axis) {
            dims.push((dim.clone(), extent));
            continue;
        }
        if extent == 1 {
            continue;
        }
        match dims.last_mut() {
            Some((last, inner)) if last.axis == dim.axis && last.divide == dim.divide * extent => {
                (last.divide, *inner) = (dim.divide, *inner * extent);
            }
            _ => dims.push((dim.clone(), extent)),
        }
    }
    let dim = |(dim, extent): (LayoutDim, u64)| match padded(dim.axis) {
        true => dim,
        false => LayoutDim { modulo: (dim.divide * extent != whole(dim.axis)).then_some(extent), ..dim },
    };
    Layout { dims: dims.into_iter().map(dim).collect() }
}

/// Row-major.
pub fn plain(shape: &[u64]) -> Layout {
    canonical(&Layout::plain(shape.len()), shape)
}

/// A layout for every axis again, as schedules want it.
pub fn complete(order: &Layout, rank: usize) -> Layout {
    let missing = (0..rank).filter(|&axis| !order.dims.iter().any(|dim| dim.axis == axis));
    let ones = missing.map(|axis| LayoutDim { axis, divide: 1, modulo: None });
    Layout { dims: ones.chain(order.dims.iter().cloned()).collect() }
}

/// Elements in memory, those that pad blocks included.
pub fn elements(order: &Layout, shape: &[u64]) -> u64 {
    order.extents(shape).into_iter().product()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, rank: usize) -> Layout {
        let names: Vec<String> = (0..rank).map(|i| format!("a{i}")).collect();
        Layout::parse(text, &names).unwrap()
    }

    #[test]
    fn what_lies_alike_is_alike() {
        let blocks = |shape: &[u64]| canonical(&parse("d0 d1/16 d2 d3 d1%16", 4), shape);
        assert_eq!(blocks(&[1, 64, 1, 1]), plain(&[1, 64, 1, 1]));
        assert_ne!(blocks(&[1, 64, 2, 1]), plain(&[1, 64, 2, 1]));
        // One block of all channels lies as channels last.
        let last = canonical(&parse("d0 d2 d3 d1", 4), &[1, 16, 5, 5]);
        assert_eq!(canonical(&parse("d0 d1/16 d2 d3 d1%16", 4), &[1, 16, 5, 5]), last);
        // Blocks that are not full are longer.
        assert_eq!(elements(&blocks(&[1, 20, 2, 1]), &[1, 20, 2, 1]), 64);
        assert_ne!(blocks(&[1, 20, 1, 1]), plain(&[1, 20, 1, 1]));
    }

    #[test]
    fn an_order_is_a_layout() {
        let shape = [1, 20, 2, 1];
        let data: Vec<f32> = (0..40).map(|n| n as f32).collect();
        for text in ["d0 d1/16 d2 d3 d1%16", "d0 d1/4 d2 d3 d1%4", "d3 d2 d1 d0", "d0 d1 d2 d3"] {
            let layout = parse(text, 4);
            let order = complete(&canonical(&layout, &shape), 4);
            assert!(order.check(4).is_ok(), "{text}: {order}");
            assert_eq!(order.pack(&shape, &data), layout.pack(&shape, &data), "{text}");
        }
    }
}
