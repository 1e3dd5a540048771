//! What TVM makes of buffers that are larger than what is touched of them, as those whose layout pads blocks are.

use super::super::walk::{Read, Walk, reads};
use super::access::Memory;
use crate::{BufferId, Index, Nest, Storage, Var};

/// Shrinks what the nest allocates along dimensions of blocks to what is touched. Others are touched whole.
pub(super) fn compact(nest: &Nest, walk: &Walk<'_>, memory: &mut [Memory]) {
    let padded = |id: BufferId| {
        let buffer = nest.buffer(id);
        matches!(buffer.storage, Storage::Workspace | Storage::Local)
            && buffer.layout.dims.iter().any(|dim| dim.modulo.is_some())
    };
    let ids = (0..nest.buffers.len() as u32).map(BufferId);
    for id in ids.filter(|&id| padded(id)) {
        let mut ends: Vec<Option<(i64, i64)>> = vec![None; memory[id.index()].extents.len()];
        let mut widen = |index: &[Index]| {
            for (end, index) in ends.iter_mut().zip(index) {
                let range = index.range(&|var: Var| nest.range(var));
                let (min, max) = end.unwrap_or((range.min, range.max));
                *end = Some((min.min(range.min), max.max(range.max)));
            }
        };
        for site in &walk.sites {
            if site.buffer == id {
                widen(&site.index);
            }
            reads(&site.value, &mut |read| match read {
                Read::Buffer { buffer, index, looked_up: None } if buffer == id => widen(index),
                _ => {}
            });
        }
        let memory = &mut memory[id.index()];
        let extents = memory.extents.iter().zip(ends);
        let extents = extents.map(|(&extent, end)| end.map_or(extent, |(min, max)| extent.min(max - min + 1)));
        *memory = Memory::new(&memory.name, extents.collect(), memory.bytes);
    }
}
