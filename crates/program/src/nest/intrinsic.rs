//! Instructions in the interpreter: by their definitions.

use super::interpret::Machine;
use crate::{Result, intrinsic::Call, round};

impl Machine<'_> {
    pub(super) fn call(&mut self, call: &Call) -> Result<()> {
        let memory = !self.nest.buffer(call.result.0).is_private();
        // All threads of a warp have the whole tile here; one of them writes it.
        if call.intrinsic.warp && memory && !self.is_first_lane() {
            return Ok(());
        }
        self.axes(call, 0)
    }

    fn axes(&mut self, call: &Call, axis: usize) -> Result<()> {
        if let Some(&var) = call.vars.get(axis) {
            for at in 0..call.intrinsic.extents[axis] {
                self.at[var as usize] = at as i64;
                self.axes(call, axis + 1)?;
            }
            return Ok(());
        }
        let (id, index) = &call.result;
        let dtype = call.intrinsic.result;
        let mut value = if call.clears { 0.0 } else { 1.0 };
        if !call.clears {
            for (id, index) in &call.operands {
                value *= round(dtype, self.read(*id, index, None)?);
            }
            if call.intrinsic.reduces() {
                value += self.read(*id, index, None)?;
            }
        }
        let at = self.address(*id, index, None)?;
        self.touch(*id, at, true)?;
        let at = at + self.own(*id);
        self.memory[id.index()][at] = Some(round(dtype, value));
        Ok(())
    }
}
