//! Loops whose work an instruction does.

use super::{Kind, Place, State};
use crate::intrinsic;

impl State {
    /// Notes that an instruction takes the place of the loops of a stage from one on. What can be seen now is checked
    /// now; the rest when it is lowered.
    pub(super) fn tensorize(&mut self, stage: &str, axis: &str, name: &str) -> Result<(), String> {
        let id = self.stage(stage)?;
        let all = || intrinsic::ALL.map(|intrinsic| intrinsic.name).join(", ");
        let intrinsic = intrinsic::named(name).ok_or_else(|| format!("there is no `{name}` among {}", all()))?;
        let (loops, of) = (&self.loops[&id], self.stage_of(id)?);
        let position = loops.position(axis)?;
        let tail = &loops.leaves[position..];
        if tail.len() != intrinsic.extents.len() {
            return Err(format!(
                "there are {} loops from `{axis}` on, and not {}",
                tail.len(),
                intrinsic.extents.len()
            ));
        }
        let axes: Vec<u64> = of.axes().map(|axis| axis.extent).collect();
        let extents = loops.extents(&axes);
        for (i, (&leaf, &wanted)) in tail.iter().zip(intrinsic.extents).enumerate() {
            let node = &loops.nodes[leaf];
            let kind = if i < intrinsic.spatial { Kind::Spatial } else { Kind::Reduction };
            // Inside of another stage's loops extents are known only when they are lowered.
            if node.kind != kind || (loops.place == Place::Root && extents[leaf] != wanted) {
                let own = (extents[leaf], node.kind);
                return Err(format!(
                    "`{}` has {} trips of {:?}, and {wanted} of {kind:?} are needed",
                    node.name, own.0, own.1
                ));
            }
        }
        let dtype = self.workload.buffer(id).dtype;
        if dtype != intrinsic.result || of.reduces() != intrinsic.reduces() {
            return Err(format!("`{stage}` is {dtype}, or does not reduce in the same way: {}", intrinsic.about));
        }
        let leaf = tail[0];
        self.tensorized.insert(id, (leaf, intrinsic));
        Ok(())
    }
}
