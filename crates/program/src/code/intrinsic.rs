//! Instructions as text: themselves where the language has them, else the loops that define them.

use std::collections::HashMap;

use super::{dialect::Dialect, writer::Writer};
use crate::{
    BufferId, Expr, Index, Nest, Result, Stmt,
    intrinsic::{Call, Place, Tensor},
};

/// Numbers of a tile.
const TILE: i64 = 256;

/// Buffers that are spread over the threads of warps, with how many tiles each has; only CUDA has such.
pub(super) fn spread(nest: &Nest, dialect: Dialect) -> HashMap<BufferId, u64> {
    let mut found = HashMap::new();
    nest.visit(&mut |stmt| {
        let Stmt::Intrinsic(call) = stmt else { return };
        for (id, _) in call.operands.iter().chain([&call.result]) {
            let buffer = nest.buffer(*id);
            if dialect == Dialect::Cuda && call.intrinsic.warp && buffer.is_private() {
                found.insert(*id, buffer.elements().div_ceil(TILE as u64));
            }
        }
    });
    found
}

impl Writer<'_> {
    /// Refuses an element of a buffer that no thread has alone.
    pub(super) fn check_whole(&self, stmt: &Stmt) -> Result<()> {
        let Stmt::Store(id, _, value) = stmt else { return Ok(()) };
        let spread = value.reads().into_iter().chain([*id]).find(|id| self.spread.contains_key(id));
        match spread {
            Some(id) => {
                let message = "is spread over the threads of a warp: its elements are touched by instructions alone";
                self.refuse(&self.nest.buffer(id).name, message.into())
            }
            None => Ok(()),
        }
    }

    pub(super) fn call(&mut self, call: &Call) -> Result<()> {
        let language = if call.intrinsic.warp { Dialect::Cuda } else { Dialect::C };
        if self.dialect != language {
            return self.defined(call);
        }
        let lines = self.place_of(call).and_then(|place| (call.intrinsic.code)(&place));
        let lines = match lines {
            Ok(lines) => lines,
            Err(message) => return self.refuse(call.intrinsic.name, message),
        };
        if self.dialect == Dialect::C {
            // What the compiler's target lacks is done as it is defined.
            self.line(&format!("#ifdef {}", call.intrinsic.guard));
            lines.iter().for_each(|line| self.line(line));
            self.line("#else");
            self.defined(call)?;
            self.line("#endif");
        } else {
            lines.iter().for_each(|line| self.line(line));
        }
        Ok(())
    }

    /// Loops that do what the instruction is defined to do.
    fn defined(&mut self, call: &Call) -> Result<()> {
        let (id, index) = &call.result;
        let dtype = call.intrinsic.result;
        let load = |(id, index): &(BufferId, Vec<Index>)| Expr::Cast(dtype, Box::new(Expr::Load(*id, index.clone())));
        let product = call.operands.iter().map(load).reduce(|a, b| a * b).unwrap_or(Expr::Const(0.0));
        let value = match call.intrinsic.reduces() && !call.clears {
            true => Expr::Load(*id, index.clone()) + product,
            false => product,
        };
        let body = vec![Stmt::Store(*id, index.clone(), value)];
        let first = call.intrinsic.warp && !self.nest.buffer(*id).is_private() && self.dialect.is_gpu();
        if first {
            // Each thread has the whole tile here; one of them writes it.
            self.line(&format!("if ({} == 0) {{", self.dialect.thread(crate::Dim::X)));
        }
        self.counted_all(&call.vars, &call.intrinsic.extents[..call.vars.len()], &body)?;
        if first {
            self.line("}");
        }
        Ok(())
    }

    fn counted_all(&mut self, vars: &[crate::Var], extents: &[u64], body: &[Stmt]) -> Result<()> {
        let ([var, rest @ ..], [extent, others @ ..]) = (vars, extents) else { return self.block(body) };
        let (t, _) = self.dialect.index();
        let name = self.var(*var);
        self.line(&format!("for ({t} {name} = 0; {name} < {extent}; ++{name}) {{"));
        self.depth += 1;
        self.counted_all(rest, others, body)?;
        self.depth -= 1;
        self.line("}");
        Ok(())
    }

    fn place_of(&self, call: &Call) -> Result<Place, String> {
        let tensor = |(id, index): &(BufferId, Vec<Index>)| -> Result<Tensor, String> {
            let flat = self.flat(*id, index);
            let strides: Vec<i64> = call.vars.iter().map(|&var| flat.coefficient(var).unwrap_or(0)).collect();
            let first = flat.substitute(&|var| call.vars.contains(&var).then(Index::default));
            let first = first.simplify(&|var| self.range(var));
            let name = &self.names[id];
            if self.spread.contains_key(id) {
                let tile = strides.get(..2) == Some(&[16, 1]) && first.is_multiple(TILE);
                if !tile {
                    let name = &self.nest.buffer(*id).name;
                    return Err(format!(
                        "tiles of `{name}` are to lie one after the other: a layout of blocks of 16 does that"
                    ));
                }
                let at = self.index(&first.div(TILE).simplify(&|var| self.range(var)));
                return Ok(Tensor { first: format!("{name}[{at}]"), strides, aligned: 1 });
            }
            let aligned = (0..=6).rev().map(|n| 1 << n).find(|&n: &u64| first.is_multiple(n as i64)).unwrap_or(1);
            Ok(Tensor { first: format!("{name}[{}]", self.index(&first)), strides, aligned })
        };
        Ok(Place {
            clears: call.clears,
            result: tensor(&call.result)?,
            operands: call.operands.iter().map(tensor).collect::<Result<_, _>>()?,
            result_in_memory: !self.spread.contains_key(&call.result.0),
        })
    }
}
