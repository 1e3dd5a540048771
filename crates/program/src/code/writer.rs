//! Statements in any of the languages.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

use tachograph_ir::DType;

use super::{c::ALIGN, dialect::Dialect, intrinsic, vector::vector_type};
use crate::{BufferId, Error, Expr, Mark, Nest, Range, Result, Scope, Stmt, Storage, Var};

pub(super) struct Writer<'a> {
    pub nest: &'a Nest,
    pub dialect: Dialect,
    /// Bytes of the widest vector.
    pub vector_bytes: u64,
    /// Bytes that a buffer within a function may have: on the stack, or in a GPU's thread.
    pub private_bytes: u64,
    pub text: String,
    pub depth: usize,
    pub names: HashMap<BufferId, String>,
    /// Lanes of the register buffers that are arrays of vectors.
    pub vectors: HashMap<BufferId, u64>,
    /// Where in the workspace local buffers lie that are too large for the stack.
    pub placed: HashMap<BufferId, u64>,
    /// Ranges of variables that are no loops of the nest.
    pub extra: Vec<u64>,
    /// Kinds of vectors that are used.
    pub used: BTreeSet<(u64, u64)>,
    /// Tables, where they stand outside of functions.
    pub tables: Vec<Vec<f64>>,
    pub parallel: bool,
    /// Buffers that are spread over the threads of warps, and their tiles.
    pub spread: HashMap<BufferId, u64>,
    /// Threads of the kernel that is written.
    pub threads: [u64; 3],
}

impl<'a> Writer<'a> {
    pub fn new(nest: &'a Nest, dialect: Dialect, vector_bytes: u64, private_bytes: u64) -> Result<Self> {
        let mut names = HashMap::new();
        for (i, buffer) in nest.buffers.iter().enumerate() {
            if buffer.storage != Storage::Gone {
                dialect.element(buffer.dtype, &buffer.name)?;
            }
            let plain: String = buffer.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
            names.insert(BufferId(i as u32), format!("b{i}_{plain}"));
        }
        Ok(Self {
            nest,
            dialect,
            vector_bytes,
            private_bytes,
            text: String::new(),
            depth: 1,
            names,
            vectors: HashMap::new(),
            placed: HashMap::new(),
            extra: Vec::new(),
            used: BTreeSet::new(),
            tables: tables(nest),
            parallel: false,
            spread: intrinsic::spread(nest, dialect),
            threads: [1; 3],
        })
    }
}

/// The tables of a nest, each once.
fn tables(nest: &Nest) -> Vec<Vec<f64>> {
    let mut found: Vec<Vec<f64>> = Vec::new();
    nest.visit(&mut |stmt| {
        if let Stmt::Store(.., value) = stmt {
            let mut visit = |expr: &Expr| match expr {
                Expr::Table(values, _) if !found.contains(values) => found.push(values.clone()),
                _ => {}
            };
            value.visit(&mut visit, &mut |_| {});
        }
    });
    found
}

impl Writer<'_> {
    pub fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "{}{line}", "  ".repeat(self.depth));
    }

    pub fn range(&self, var: Var) -> Range {
        match (var as usize).checked_sub(self.nest.loops.len()) {
            Some(extra) => Range::of(self.extra.get(extra).copied().unwrap_or(1)),
            None => self.nest.range(var),
        }
    }

    /// A variable that is no loop of the nest.
    pub fn fresh(&mut self, extent: u64) -> Var {
        self.extra.push(extent);
        (self.nest.loops.len() + self.extra.len() - 1) as Var
    }

    pub fn lanes(&self, dtype: DType) -> u64 {
        self.vector_bytes * 8 / dtype.bits()
    }

    pub fn block(&mut self, stmts: &[Stmt]) -> Result<()> {
        let mut heap = Vec::new();
        for stmt in stmts {
            match stmt {
                Stmt::Barrier if self.dialect.is_gpu() => self.line(self.dialect.barrier()),
                Stmt::Launch(..) | Stmt::Barrier => {
                    return self.refuse(&self.nest.name, "its loops are bound to a grid".into());
                }
                Stmt::Alloc(id) => {
                    if let Some(name) = self.alloc(*id)? {
                        heap.push(name);
                    }
                }
                Stmt::Prefetch(id, index) => {
                    let (flat, elements) = (self.index(&self.flat(*id, index)), self.nest.buffer(*id).elements());
                    self.line(&self.dialect.prefetch(&self.names[id], &flat, elements));
                }
                Stmt::For(var, body) => self.each(*var, body)?,
                Stmt::If(conds, body) => {
                    let conds: Vec<String> = conds.iter().map(|cond| self.cond(cond)).collect();
                    self.line(&format!("if ({}) {{", conds.join(" && ")));
                    self.depth += 1;
                    self.block(body)?;
                    self.depth -= 1;
                    self.line("}");
                }
                Stmt::Intrinsic(call) => self.call(call)?,
                Stmt::Store(id, index, value) => {
                    self.check_whole(stmt)?;
                    let dtype = self.nest.buffer(*id).dtype;
                    let value = self.stored(dtype, value);
                    let at = self.element(*id, index);
                    self.line(&format!("{at} = {value};"));
                }
            }
        }
        heap.into_iter().for_each(|name| self.line(&format!("free({name});")));
        Ok(())
    }

    /// Declares a local buffer; gives its name if it is to be freed.
    fn alloc(&mut self, id: BufferId) -> Result<Option<String>> {
        let buffer = self.nest.buffer(id);
        let (t, name) = (self.dialect.element(buffer.dtype, &buffer.name)?, self.names[&id].clone());
        let (elements, bytes) = (buffer.elements().max(1), buffer.bytes().max(1));
        if let Some(tiles) = self.spread.get(&id) {
            self.line(&format!("float {name}[{tiles}][8];"));
        } else if let Some(&lanes) = self.vectors.get(&id) {
            self.line(&format!("{} {name}[{}];", vector_type(lanes, buffer.dtype), elements.div_ceil(lanes)));
        } else if self.dialect.is_gpu() && buffer.scope == Scope::Shared {
            // Declared with the kernel.
        } else if self.dialect.is_gpu() && bytes <= self.private_bytes {
            self.line(&format!("{t} {name}[{elements}];"));
        } else if self.dialect.is_gpu() {
            return self.refuse(&buffer.name, format!("each thread would have {bytes} bytes of it"));
        } else if let Some(offset) = self.placed.get(&id) {
            self.line(&format!("{t} *restrict const {name} = __builtin_assume_aligned(work + {offset}, {ALIGN});"));
        } else if bytes <= self.private_bytes {
            self.line(&format!("{t} {name}[{elements}] __attribute__((aligned({ALIGN})));"));
        } else {
            let size = bytes.next_multiple_of(ALIGN);
            self.line(&format!("{t} *restrict const {name} = aligned_alloc({ALIGN}, {size});"));
            return Ok(Some(name));
        }
        Ok(None)
    }

    fn each(&mut self, var: Var, body: &[Stmt]) -> Result<()> {
        let (extent, mark) = (self.nest.loops[var as usize].extent, self.nest.loops[var as usize].mark);
        let name = self.var(var);
        if self.dialect.is_gpu() {
            return self.gpu_loop(var, body);
        }
        match mark {
            Mark::Vector if self.vectorized(var, body)? => return Ok(()),
            // Trips of a reduction depend on each other.
            Mark::Vector if self.moves(var, body) => self.line("PRAGMA(GCC ivdep)"),
            Mark::Parallel => {
                self.parallel = true;
                self.line("PRAGMA(omp parallel for schedule(static))");
            }
            Mark::Unroll => self.unroll(var, extent, body),
            Mark::Serial | Mark::Vector => {}
            Mark::Bind(_) => return self.refuse(&name, "it is bound to a grid".into()),
        }
        self.counted(&name, 0, extent, body)
    }

    /// A loop as it is, from a trip up to another.
    pub fn counted(&mut self, name: &str, first: u64, end: u64, body: &[Stmt]) -> Result<()> {
        let (t, _) = self.dialect.index();
        self.line(&format!("for ({t} {name} = {first}; {name} < {end}; ++{name}) {{"));
        self.depth += 1;
        self.block(body)?;
        self.depth -= 1;
        self.line("}");
        Ok(())
    }

    pub fn refuse<T>(&self, what: &str, message: String) -> Result<T> {
        Err(Error::Code { language: self.dialect.name(), what: what.into(), message })
    }

    pub fn var(&self, var: Var) -> String {
        match self.nest.loops.get(var as usize) {
            Some(l) => {
                let axis = l.name.rsplit_once('.').map_or(l.name.as_str(), |_| l.name.as_str());
                let plain: String = axis.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
                format!("i{var}_{plain}")
            }
            None => format!("c{var}"),
        }
    }
}
