//! What a workload costs on paper.

use crate::{Role, Workload};

impl Workload {
    /// Operations of arithmetic of one run, those of the reductions included; stages that depend on weights alone are
    /// computed beforehand and cost nothing.
    pub fn flops(&self) -> u64 {
        let stages = self.stages.iter().filter(|stage| !self.is_constant(stage.buffer));
        let work = |stage: &crate::Stage| {
            let each = stage.value.operations() + u64::from(stage.reduces());
            stage.points().saturating_mul(each)
        };
        stages.map(work).fold(0, u64::saturating_add)
    }

    /// Bytes that no schedule can do without: every input, weight and output once.
    pub fn bytes(&self) -> u64 {
        let read = |id: &crate::BufferId| !self.readers(*id).is_empty();
        let given = self.inputs().filter(read).map(|id| self.buffer(id).bytes());
        given.chain(self.outputs.iter().map(|&id| self.buffer(id).bytes())).fold(0, u64::saturating_add)
    }

    /// Bytes of the weights.
    pub fn weight_bytes(&self) -> u64 {
        let weights = self.buffers.iter().filter(|buffer| buffer.role == Role::Weight);
        weights.map(crate::Buffer::bytes).fold(0, u64::saturating_add)
    }
}
