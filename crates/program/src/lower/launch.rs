//! Kernels of GPU programs: what of a stage is bound to what, and how many blocks and threads that makes.

use std::collections::HashMap;

use super::{Lowering, emit::Emission};
use crate::{
    Binding, BufferId, Dim, Error, Launch, Mark, Place, Result, Scope, Stmt, intrinsic::WARP, schedule::MAX_THREADS,
};

/// How many loops over threads are around the place where a buffer begins.
type Around = HashMap<BufferId, [u32; 3]>;
type Refused<T> = Result<T, String>;

impl Lowering<'_> {
    /// Checks what the loops of a stage are bound to.
    pub(super) fn check_bindings(&self, e: &Emission<'_>) -> Result<()> {
        let id = e.stage.buffer;
        let refuse = |message: String| Err(Error::lower(self.name(id), message));
        let (root, shared) = (e.loops.place == Place::Root, self.state.scope(id) == Scope::Shared);
        if root && shared {
            return refuse("is computed at the root, and shared memory lives no longer than a block".into());
        }
        let mut outermost = true;
        for (leaf, mark) in e.loops.leaves.iter().zip(&e.marks) {
            let name = &e.loops.nodes[*leaf].name;
            if e.vars[leaf].is_none() {
                continue;
            }
            match mark {
                Mark::Parallel => return refuse(format!("`{name}` is parallel, and other loops are bound to a grid")),
                Mark::Bind(Binding::Block(_)) if !root || !outermost => {
                    return refuse(format!("`{name}` is bound to blocks and lies inside of other loops"));
                }
                Mark::Bind(Binding::Thread(_)) if !root && !shared => {
                    let message =
                        "is each thread's own and cannot be shared out among threads: the scope is not shared";
                    return refuse(format!("`{name}` {message}"));
                }
                _ => {}
            }
            outermost &= matches!(mark, Mark::Bind(Binding::Block(_)));
        }
        Ok(())
    }

    /// Makes a kernel of the statements of a stage at the root.
    pub(super) fn launch(&mut self, id: BufferId, stmts: Vec<Stmt>) -> Result<Vec<Stmt>> {
        let mut launch = Launch { blocks: [1; 3], threads: [1; 3] };
        for stmt in &stmts {
            stmt.any(&mut |stmt| {
                if let Stmt::For(var, _) = stmt {
                    let extent = self.loops[*var as usize].extent;
                    match self.loops[*var as usize].mark {
                        Mark::Bind(Binding::Block(dim)) => launch.blocks[dim as usize] = extent,
                        Mark::Bind(Binding::Thread(dim)) => {
                            let threads = &mut launch.threads[dim as usize];
                            *threads = extent.max(*threads);
                        }
                        _ => {}
                    }
                }
                false
            });
        }
        let mut warps = false;
        let of_warps = |stmt: &Stmt| matches!(stmt, Stmt::Intrinsic(call) if call.intrinsic.warp);
        stmts.iter().for_each(|stmt| warps |= stmt.any(&mut |stmt| of_warps(stmt)));
        let name = self.name(id).to_owned();
        if warps {
            launch.threads[0] = if launch.threads[0] == 1 { WARP } else { launch.threads[0] };
            if launch.threads[0] != WARP {
                let message = format!("has {} threads along threadIdx.x, and a warp has {WARP}", launch.threads[0]);
                return Err(Error::lower(&name, message));
            }
        }
        let refuse = |message: String| Err(Error::lower(&name, message));
        for (dim, &n) in [Dim::X, Dim::Y, Dim::Z].into_iter().zip(&launch.blocks) {
            let to = Binding::Block(dim);
            if to.most().is_some_and(|most| n > most) {
                return refuse(format!("has {n} blocks along {to}"));
            }
        }
        let product = launch.threads.iter().fold(1u64, |product, &n| product.saturating_mul(n));
        if product > MAX_THREADS || launch.threads[2] > 64 {
            return refuse(format!("has blocks of {:?} threads, and {MAX_THREADS} is the most", launch.threads));
        }
        let body = self.covered(stmts, &launch, [0; 3], &mut Around::new()).or_else(&refuse)?;
        Ok(vec![Stmt::Launch(launch, body)])
    }

    /// The statements with what is not shared out among the threads along a dimension left to the first of them. What
    /// fills a thread's own buffers is done by every thread. `loops` counts the loops over threads around.
    fn covered(
        &mut self,
        stmts: Vec<Stmt>,
        launch: &Launch,
        loops: [u32; 3],
        around: &mut Around,
    ) -> Refused<Vec<Stmt>> {
        let one = |stmt: Stmt| -> Refused<Stmt> {
            if let Some(missing) = self.left_to_the_first(&stmt, launch, loops, around) {
                return Ok(self.by_the_first(stmt, missing));
            }
            match stmt {
                Stmt::For(var, body) => {
                    let l = &self.loops[var as usize];
                    let mut loops = loops;
                    if let Mark::Bind(to @ Binding::Thread(dim)) = l.mark {
                        let (name, n, threads) = (&l.name, l.extent, launch.threads[dim as usize]);
                        if n < threads && body.iter().any(Stmt::has_barrier) {
                            let reach = "and not all of them reach a barrier inside";
                            return Err(format!("`{name}` is bound to {n} of {threads} threads along {to}, {reach}"));
                        }
                        loops[dim as usize] += 1;
                    }
                    Ok(Stmt::For(var, self.covered(body, launch, loops, around)?))
                }
                Stmt::If(_, body) if body.iter().any(Stmt::has_barrier) => {
                    Err("a barrier lies under a condition".into())
                }
                Stmt::If(conds, body) => Ok(Stmt::If(conds, self.covered(body, launch, loops, around)?)),
                Stmt::Alloc(id) => {
                    around.insert(id, loops);
                    Ok(stmt)
                }
                other => Ok(other),
            }
        };
        stmts.into_iter().map(one).collect()
    }

    /// The dimensions whose first thread alone is to take a statement; `None` where that is not the same for all of it.
    /// Loops around the place where shared memory begins do not share out what fills it: all threads are there.
    fn left_to_the_first(&self, stmt: &Stmt, launch: &Launch, loops: [u32; 3], around: &Around) -> Option<[bool; 3]> {
        let mut found: Option<[bool; 3]> = None;
        let mut mixed = false;
        stmt.any(&mut |stmt| {
            mixed |= match stmt {
                Stmt::Barrier | Stmt::Alloc(_) | Stmt::Launch(..) => true,
                Stmt::For(var, _) => matches!(self.loops[*var as usize].mark, Mark::Bind(Binding::Thread(_))),
                Stmt::Store(id, ..) if self.buffers[id.index()].is_private() => true,
                Stmt::Intrinsic(call) if self.buffers[call.result.0.index()].is_private() => true,
                Stmt::Intrinsic(call) => {
                    let before = around.get(&call.result.0).copied().unwrap_or_default();
                    // All threads of a warp, which lie along x, take part.
                    let missing = [0, 1, 2].map(|dim| {
                        launch.threads[dim] > 1 && loops[dim] == before[dim] && !(dim == 0 && call.intrinsic.warp)
                    });
                    *found.get_or_insert(missing) != missing
                }
                Stmt::Store(id, ..) => {
                    let before = around.get(id).copied().unwrap_or_default();
                    let missing = [0, 1, 2].map(|dim| launch.threads[dim] > 1 && loops[dim] == before[dim]);
                    *found.get_or_insert(missing) != missing
                }
                Stmt::If(..) | Stmt::Prefetch(..) => false,
            };
            mixed
        });
        found.filter(|_| !mixed)
    }

    /// Loops of one trip leave a statement to the first thread.
    fn by_the_first(&mut self, stmt: Stmt, missing: [bool; 3]) -> Stmt {
        [Dim::Z, Dim::Y, Dim::X].into_iter().filter(|&dim| missing[dim as usize]).fold(stmt, |stmt, dim| {
            let to = Binding::Thread(dim);
            Stmt::For(self.new_loop(to.to_string(), 1, Mark::Bind(to)), vec![stmt])
        })
    }
}
