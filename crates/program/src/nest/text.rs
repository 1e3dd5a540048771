//! Nests as people read them.

use std::fmt;

use super::{Nest, Stmt, Storage};
use crate::{BufferId, Mark, Scope, Var, text::Names};

impl fmt::Display for Nest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "nest {}", self.name)?;
        for buffer in self.buffers.iter().filter(|b| b.storage != Storage::Gone && b.storage != Storage::Local) {
            let storage = crate::text::lower(&buffer.storage);
            let extents = crate::text::extents(&buffer.extents());
            writeln!(f, "  {storage} {}: {}[{extents}]", buffer.name, buffer.dtype)?;
        }
        for (word, stmts) in [("prepare", &self.prepare), ("run", &self.body)] {
            if !stmts.is_empty() {
                writeln!(f, "  {word}")?;
                self.stmts(f, stmts, 2)?;
            }
        }
        Ok(())
    }
}

impl Nest {
    fn stmts(&self, f: &mut fmt::Formatter<'_>, stmts: &[Stmt], depth: usize) -> fmt::Result {
        let buffer = |id: BufferId| self.buffer(id).name.clone();
        let var = |var: Var| self.loops[var as usize].name.clone();
        let names = Names { buffer: &buffer, var: &var };
        let indent = "  ".repeat(depth);
        for stmt in stmts {
            match stmt {
                Stmt::For(var, body) => {
                    let l = &self.loops[*var as usize];
                    let bound;
                    let mark = match l.mark {
                        Mark::Bind(to) => {
                            bound = to.to_string();
                            bound.as_str()
                        }
                        Mark::Serial => "for",
                        Mark::Parallel => "parallel",
                        Mark::Vector => "vector",
                        Mark::Unroll => "unroll",
                    };
                    writeln!(f, "{indent}{mark} {} < {}", l.name, l.extent)?;
                    self.stmts(f, body, depth + 1)?;
                }
                Stmt::If(conds, body) => {
                    let conds: Vec<String> = conds.iter().map(|cond| names.cond(cond)).collect();
                    writeln!(f, "{indent}if {}", conds.join(" and "))?;
                    self.stmts(f, body, depth + 1)?;
                }
                Stmt::Alloc(id) => {
                    let b = self.buffer(*id);
                    let scope = match b.scope {
                        Scope::Register => "registers",
                        Scope::Shared => "shared",
                        Scope::Memory | Scope::Streamed => "local",
                    };
                    writeln!(f, "{indent}{scope} {}: {}[{}]", b.name, b.dtype, crate::text::extents(&b.extents()))?;
                }
                Stmt::Launch(launch, body) => {
                    let [blocks, threads] = [launch.blocks, launch.threads].map(|n| crate::text::extents(&n));
                    writeln!(f, "{indent}launch [{blocks}] blocks of [{threads}] threads")?;
                    self.stmts(f, body, depth + 1)?;
                }
                Stmt::Intrinsic(call) => {
                    let tensor = |(id, index): &(BufferId, Vec<crate::Index>)| {
                        format!("{}[{}]", buffer(*id), names.indices(index))
                    };
                    let read: Vec<String> = call.operands.iter().map(tensor).collect();
                    let what = if call.clears { "0".to_owned() } else { format!("({})", read.join(", ")) };
                    let over: Vec<String> = call.vars.iter().map(|&v| var(v)).collect();
                    let (name, to) = (call.intrinsic.name, tensor(&call.result));
                    writeln!(f, "{indent}{name} over {}: {to} <- {what}", over.join(", "))?;
                }
                Stmt::Prefetch(id, index) => {
                    writeln!(f, "{indent}prefetch {}[{}]", buffer(*id), names.indices(index))?;
                }
                Stmt::Barrier => writeln!(f, "{indent}barrier")?,
                Stmt::Store(id, index, value) => {
                    writeln!(f, "{indent}{}[{}] = {}", buffer(*id), names.indices(index), names.expr(value))?;
                }
            }
        }
        Ok(())
    }
}
