//! Runs a nest as it is written, with every access checked: what bounds, guards and indices are held to.

use super::{
    Nest, Stmt, Storage,
    grid::{Running, Touched},
};
use std::cell::RefCell;

use crate::{BufferId, Cond, Data, Error, Expr, Index, Result, round};

pub(super) struct Machine<'a> {
    pub nest: &'a Nest,
    /// Elements as they lie in memory; `None` for those never written.
    pub memory: Vec<Vec<Option<f64>>>,
    pub at: Vec<i64>,
    /// Launches so far, the one that runs, and who touched what.
    pub kernels: u64,
    pub running: Running,
    pub touched: RefCell<Vec<Vec<Touched>>>,
    /// How many elements each buffer has.
    pub elements: Vec<usize>,
}

impl Nest {
    /// Runs it, the preparation included. `given` has the elements of inputs and weights in row-major order, and the
    /// result those of the outputs.
    ///
    /// # Errors
    /// An input that is missing; an access outside of a buffer's extents, to an element that was never written, or by
    /// one thread of a kernel that no barrier orders with another's.
    pub fn run(&self, given: &Data) -> Result<Data> {
        let mut machine = Machine {
            nest: self,
            memory: vec![Vec::new(); self.buffers.len()],
            at: vec![0; self.loops.len()],
            kernels: 0,
            running: Running::default(),
            touched: RefCell::new(vec![Vec::new(); self.buffers.len()]),
            elements: self.buffers.iter().map(|buffer| buffer.elements() as usize).collect(),
        };
        for (buffer, memory) in self.buffers.iter().zip(&mut machine.memory) {
            if !matches!(buffer.storage, Storage::Gone | Storage::Local) {
                *memory = vec![None; buffer.elements() as usize];
            }
        }
        for &id in &self.inputs {
            let buffer = self.buffer(id);
            let elements = given.get(&id).filter(|data| data.len() as u64 == buffer.shape.iter().product::<u64>());
            let elements = elements.ok_or_else(|| Error::data(&buffer.name, "is not given, or not whole"))?;
            let elements: Vec<Option<f64>> = elements.iter().map(|&x| Some(round(buffer.dtype, x))).collect();
            machine.memory[id.index()] = buffer.layout.pack(&buffer.shape, &elements);
        }
        machine.block(&self.prepare)?;
        machine.block(&self.body)?;
        let mut result = Data::new();
        for &id in &self.outputs {
            let buffer = self.buffer(id);
            let elements = buffer.layout.unpack(&buffer.shape, &machine.memory[id.index()]);
            let elements = elements.into_iter().collect::<Option<Vec<f64>>>();
            result
                .insert(id, elements.ok_or_else(|| Error::data(&buffer.name, "has elements that were never written"))?);
        }
        Ok(result)
    }
}

impl Machine<'_> {
    pub(super) fn block(&mut self, stmts: &[Stmt]) -> Result<()> {
        for stmt in stmts {
            match stmt {
                Stmt::For(var, body) => {
                    for trip in self.trips(*var) {
                        self.at[*var as usize] = trip;
                        self.block(body)?;
                    }
                }
                Stmt::If(conds, body) => {
                    let mut all = true;
                    for cond in conds {
                        all = all && self.holds(cond)?;
                    }
                    if all {
                        self.block(body)?;
                    }
                }
                Stmt::Launch(launch, body) => self.launch(launch, body)?,
                Stmt::Barrier => return Err(Error::data("barrier", "lies outside of a kernel")),
                Stmt::Alloc(id) => self.alloc(*id),
                Stmt::Intrinsic(call) => self.call(call)?,
                // Nothing is read.
                Stmt::Prefetch(..) => {}
                Stmt::Store(id, index, value) => {
                    let value = self.value(value)?;
                    let at = self.address(*id, index, None)?;
                    self.touch(*id, at, true)?;
                    let at = at + self.own(*id);
                    self.memory[id.index()][at] = Some(round(self.nest.buffer(*id).dtype, value));
                }
            }
        }
        Ok(())
    }

    pub(super) fn address(&self, id: BufferId, index: &[Index], given: Option<(usize, i64)>) -> Result<usize> {
        let buffer = self.nest.buffer(id);
        let mut flat = 0;
        for (dim, (index, extent)) in index.iter().zip(buffer.extents()).enumerate() {
            let i = match given {
                Some((looked, position)) if looked == dim => position,
                _ => index.value(&self.at),
            };
            if i < 0 || i >= extent as i64 {
                return Err(Error::data(&buffer.name, format!("is accessed at {i} along dimension {dim} of {extent}")));
            }
            flat = flat * extent as usize + i as usize;
        }
        Ok(flat)
    }

    pub(super) fn read(&self, id: BufferId, index: &[Index], given: Option<(usize, i64)>) -> Result<f64> {
        let at = self.address(id, index, given)?;
        self.touch(id, at, false)?;
        let found = self.memory[id.index()].get(at + self.own(id)).copied().flatten();
        found.ok_or_else(|| {
            Error::data(&self.nest.buffer(id).name, format!("is read at {at} and was not written there"))
        })
    }

    fn value(&self, expr: &Expr) -> Result<f64> {
        Ok(match expr {
            Expr::Const(number) => *number,
            Expr::Index(index) => index.value(&self.at) as f64,
            Expr::Load(id, index) => self.read(*id, index, None)?,
            Expr::Lookup { buffer, axis, position, index } => {
                self.read(*buffer, index, Some((*axis, self.value(position)? as i64)))?
            }
            Expr::Table(values, index) => {
                let found = usize::try_from(index.value(&self.at)).ok().and_then(|i| values.get(i));
                *found.ok_or_else(|| Error::data("table", "is read outside"))?
            }
            Expr::Unary(function, a) => function.apply(self.value(a)?),
            Expr::Binary(function, a, b) => function.apply(self.value(a)?, self.value(b)?),
            Expr::Select(cond, a, b) => self.value(if self.holds(cond)? { a } else { b })?,
            Expr::Cast(dtype, a) => round(*dtype, self.value(a)?),
        })
    }

    fn holds(&self, cond: &Cond) -> Result<bool> {
        Ok(match cond {
            Cond::In(index, min, max) => (*min..*max).contains(&index.value(&self.at)),
            Cond::Order(a, b) => a.value(&self.at) <= b.value(&self.at),
            Cond::Compare(how, a, b) => how.apply(self.value(a)?, self.value(b)?),
            Cond::All(parts) => parts.iter().try_fold(true, |all, part| Ok(all && self.holds(part)?))?,
            Cond::Any(parts) => parts.iter().try_fold(false, |any, part| Ok(any || self.holds(part)?))?,
        })
    }
}
