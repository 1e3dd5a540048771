//! The order of axes: a file has images as (n, h, w, c), the graph as (n, c, h, w).

use tachograph_ir::{Attr, Attrs, TensorId, attrs};

use super::graph::{Importer, id};

/// Axes of (n, h, w, c) in the order n, c, h, w.
pub(super) const CHANNELS_FIRST: [usize; 4] = [0, 3, 1, 2];
/// Axes of (n, c, h, w) in the order n, h, w, c; also the position of a file's axis among ours.
pub(super) const CHANNELS_LAST: [usize; 4] = [0, 2, 3, 1];

impl Importer<'_> {
    /// Our axis for axis `axis` (negative: from the end) of tensor `i`.
    pub fn axis(&self, axis: i64, i: usize) -> Result<i64, String> {
        let rank = self.rank(i);
        let axis = if axis < 0 { axis + rank as i64 } else { axis };
        let axis = usize::try_from(axis).ok().filter(|&a| a < rank);
        let axis = axis.ok_or_else(|| format!("no such axis of {:?}", self.infos[i].shape))?;
        Ok(if rank == 4 { CHANNELS_LAST[axis] } else { axis } as i64)
    }

    /// True where (n, h, w, c) and (n, c, h, w) order the elements alike.
    pub fn trivial(&self, i: usize) -> bool {
        let info = &self.infos[i];
        !info.open_beyond() && matches!(info.shape[..], [_, h, w, c] if c == 1 || h.saturating_mul(w) == 1)
    }

    /// Tensor `i` with the axes of the file.
    pub fn file_order(&mut self, i: usize) -> TensorId {
        match self.infos[i].shape[..] {
            [_, h, w, c] if self.trivial(i) => {
                let shape = self.ints(vec![0, h as i64, w as i64, c as i64]);
                self.derive("Reshape", &[id(i), shape], Attrs::new())
            }
            [_, _, _, _] => self.derive("Transpose", &[id(i)], perm(CHANNELS_LAST)),
            _ => id(i),
        }
    }

    /// Where to write result `i` with the axes of the file; [`Importer::our_order`] then brings it to ours.
    pub fn file_result(&mut self, i: usize) -> TensorId {
        if self.rank(i) == 4 { self.temporary() } else { id(i) }
    }

    /// Completes result `i`, which `written` holds with the axes of the file.
    pub fn our_order(&mut self, i: usize, written: TensorId) {
        match self.infos[i].shape[..] {
            [_, h, w, c] if self.trivial(i) => {
                let shape = self.ints(vec![0, c as i64, h as i64, w as i64]);
                self.emit("Reshape", &[written, shape], Attrs::new(), id(i));
            }
            [_, _, _, _] => self.emit("Transpose", &[written], perm(CHANNELS_FIRST), id(i)),
            _ => {}
        }
    }
}

fn perm(order: [usize; 4]) -> Attrs {
    attrs([("perm", Attr::Ints(order.map(|axis| axis as i64).to_vec()))])
}

/// Entries by axis of the file in our order of axes.
pub(super) fn permuted<T: Clone>(entries: Vec<T>) -> Vec<T> {
    if entries.len() == 4 { CHANNELS_FIRST.iter().map(|&axis| entries[axis].clone()).collect() } else { entries }
}
