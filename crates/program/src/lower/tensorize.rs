//! Loops that an instruction does the work of: held to its definition.

use super::{Lowering, emit::Emission};
use crate::{
    BufferId, Error, Expr, Index, Kind, Mark, Reducer, Result, Stmt, Var,
    intrinsic::{Call, Intrinsic, Operand},
};

type Refused<T> = Result<T, String>;

impl Lowering<'_> {
    /// The position of the first loop that an instruction replaces, and the instruction.
    pub(super) fn tensorized(&self, e: &Emission<'_>) -> Result<Option<(usize, &'static Intrinsic)>> {
        let Some(&(leaf, intrinsic)) = self.state.tensorized.get(&e.stage.buffer) else { return Ok(None) };
        match e.loops.leaves.iter().position(|&other| other == leaf) {
            Some(position) => Ok(Some((position, intrinsic))),
            None => Err(Error::lower(self.name(e.stage.buffer), format!("the loop of `{}` is gone", intrinsic.name))),
        }
    }

    /// The instruction in place of the loops from `position` on.
    pub(super) fn called(&self, e: &Emission<'_>, position: usize, intrinsic: &'static Intrinsic) -> Result<Stmt> {
        let call = self.vars_of(e, position, intrinsic).and_then(|vars| self.matched(e, vars, intrinsic));
        let refused =
            |message| Error::lower(self.name(e.stage.buffer), format!("{} does not fit: {message}", intrinsic.name));
        call.map(Stmt::Intrinsic).map_err(refused)
    }

    /// Variables of the loops, which must be those of the instruction's axes.
    fn vars_of(&self, e: &Emission<'_>, position: usize, intrinsic: &Intrinsic) -> Refused<Vec<Var>> {
        let tail = &e.loops.leaves[position..];
        if tail.len() != intrinsic.extents.len() {
            return Err(format!("there are {} loops and not {}", tail.len(), intrinsic.extents.len()));
        }
        if self.innermost_place(e.stage.buffer) > position {
            return Err("something is computed inside of the loops".into());
        }
        if self.state.prefetches().iter().any(|p| p.stage == e.stage.buffer && tail.contains(&p.leaf)) {
            return Err("something is prefetched inside of the loops".into());
        }
        if e.guarded_beyond(position) {
            return Err("a guard holds some of its elements back".into());
        }
        let mut vars = Vec::new();
        for (axis, (&leaf, &extent)) in tail.iter().zip(intrinsic.extents).enumerate() {
            let (node, own) = (&e.loops.nodes[leaf], e.extents[leaf]);
            let kind = if axis < intrinsic.spatial { Kind::Spatial } else { Kind::Reduction };
            if own != extent || node.kind != kind {
                return Err(format!(
                    "`{}` has {own} trips of {:?}, and {extent} of {kind:?} are needed",
                    node.name, node.kind
                ));
            }
            if !matches!(node.mark, Mark::Serial | Mark::Unroll) {
                return Err(format!("`{}` is marked {:?}", node.name, node.mark));
            }
            vars.extend(e.vars[&leaf]);
        }
        Ok(vars)
    }

    /// The stage's expression as the instruction's.
    fn matched(&self, e: &Emission<'_>, vars: Vec<Var>, intrinsic: &'static Intrinsic) -> Refused<Call> {
        let id = e.stage.buffer;
        let Ok(Stmt::Store(_, index, value)) = self.store(e) else { return Err("it cannot be lowered".into()) };
        let value = match (e.reducer, value) {
            (Some(Reducer::Sum), Expr::Binary(_, _, added)) if intrinsic.reduces() => *added,
            (None, value) if !intrinsic.reduces() => value,
            _ => return Err("it does not reduce in the same way".into()),
        };
        let dtype = self.buffers[id.index()].dtype;
        if dtype != intrinsic.result {
            return Err(format!("the result is {dtype}, and {} is needed", intrinsic.result));
        }
        let factors = match (&value, intrinsic.operands) {
            (Expr::Binary(crate::Binary::Mul, a, b), [_, _]) => vec![a.as_ref(), b.as_ref()],
            (copied, [_]) => vec![copied],
            _ => return Err("the stage is no product of two elements".into()),
        };
        // A product may have its factors in either order.
        let swapped: Vec<&Expr> = factors.iter().rev().copied().collect();
        let all = |factors: &[&Expr]| -> Refused<Vec<(BufferId, Vec<Index>)>> {
            factors.iter().zip(intrinsic.operands).map(|(f, o)| self.operand(f, o, intrinsic, &vars)).collect()
        };
        let operands = all(&factors).or_else(|message| all(&swapped).map_err(|_| message))?;
        let result: Vec<usize> = (0..intrinsic.spatial).collect();
        self.linear(id, &index, &result, &vars).map_err(|message| format!("the result {message}"))?;
        Ok(Call { intrinsic, clears: false, vars, result: (id, index), operands })
    }

    fn operand(
        &self,
        factor: &Expr,
        operand: &Operand,
        intrinsic: &Intrinsic,
        vars: &[Var],
    ) -> Refused<(BufferId, Vec<Index>)> {
        let load = match factor {
            Expr::Cast(to, load) if *to == intrinsic.result => load.as_ref(),
            load if operand.dtype == intrinsic.result => load,
            _ => return Err(format!("`{}` is to be converted to {}", operand.name, intrinsic.result)),
        };
        let Expr::Load(id, index) = load else { return Err(format!("`{}` is no element of a buffer", operand.name)) };
        let buffer = &self.buffers[id.index()];
        if buffer.dtype != operand.dtype {
            let what = (&buffer.name, buffer.dtype, operand.dtype, operand.name);
            return Err(format!("`{}` is {}, and {} is needed for `{}`", what.0, what.1, what.2, what.3));
        }
        self.linear(*id, index, operand.axes, vars).map_err(|message| format!("`{}` {message}", buffer.name))?;
        Ok((*id, index.clone()))
    }

    /// Checks that the place of an element moves by the same with every step along the axes that index it, and not at all
    /// along the others.
    fn linear(&self, id: BufferId, index: &[Index], axes: &[usize], vars: &[Var]) -> Refused<()> {
        let extents = self.buffers[id.index()].extents();
        let flat = index.iter().zip(extents).fold(Index::default(), |flat, (i, n)| &(flat * n as i64) + i);
        let flat = self.simplify(&flat);
        for (axis, &var) in vars.iter().enumerate() {
            match flat.coefficient(var) {
                None => return Err("is not read at even distances".into()),
                Some(0) if axes.contains(&axis) => return Err(format!("is not indexed by axis {axis}")),
                Some(n) if n != 0 && !axes.contains(&axis) => return Err(format!("is indexed by axis {axis}")),
                Some(_) => {}
            }
        }
        Ok(())
    }
}
