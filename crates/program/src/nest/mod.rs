//! Loop nests: what features read and what generators of code print.

mod grid;
mod interpret;
mod intrinsic;
mod picture;
mod setup;
mod text;
mod with;

use tachograph_ir::DType;

use crate::{BufferId, Cond, Expr, Index, Layout, Mark, Range, Scope, Var, intrinsic::Call};

/// A loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loop {
    /// Stage and axis that it comes from.
    pub name: String,
    /// Number of trips.
    pub extent: u64,
    /// How they are run.
    pub mark: Mark,
}

/// What a buffer is to its nest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Storage {
    /// Given by the caller, anew for every run.
    Input,
    /// Given by the caller once.
    Weight,
    /// Filled by [`Nest::prepare`], once, and kept.
    Prepared,
    /// Filled for the caller.
    Output,
    /// Lives through one run.
    Workspace,
    /// Lives through one trip of a loop, from its [`Stmt::Alloc`] on.
    Local,
    /// Of a stage that is gone.
    Gone,
}

/// A buffer of a nest: as much of the workload's as it needs to hold.
#[derive(Clone, Debug, PartialEq)]
pub struct NestBuffer {
    /// The workload's name.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Extents along the axes of the workload's buffer; before them those of virtual threads that have one each.
    pub shape: Vec<u64>,
    /// How it lies in memory.
    pub layout: Layout,
    /// Where it lives.
    pub scope: Scope,
    /// What it is to the nest.
    pub storage: Storage,
}

impl NestBuffer {
    /// Extents in memory.
    pub fn extents(&self) -> Vec<u64> {
        self.layout.extents(&self.shape)
    }

    /// Number of elements in memory.
    pub fn elements(&self) -> u64 {
        self.extents().into_iter().fold(1, u64::saturating_mul)
    }

    /// True for what each thread of a kernel has for itself.
    pub fn is_private(&self) -> bool {
        self.storage == Storage::Local && self.scope != Scope::Shared
    }

    /// Size in bytes.
    pub fn bytes(&self) -> u64 {
        self.elements().saturating_mul(self.dtype.bits().div_ceil(8))
    }
}

/// A statement. Indices are those in memory, one for each dimension of the layout.
#[derive(Clone, Debug, PartialEq)]
pub enum Stmt {
    /// A loop over [`Nest::loops`].
    For(Var, Vec<Self>),
    /// Runs only where all conditions hold.
    If(Vec<Cond>, Vec<Self>),
    /// A buffer that lives to the end of the block.
    Alloc(BufferId),
    /// Writes an element.
    Store(BufferId, Vec<Index>, Expr),
    /// Asks for an element that is needed later. It may lie beyond the buffer: nothing is read.
    Prefetch(BufferId, Vec<Index>),
    /// An instruction, in place of loops.
    Intrinsic(Call),
    /// A kernel of a GPU: every thread of every block runs it. Loops that are bound are no loops there: their variable
    /// is the number of the block or thread, and threads beyond their extent leave them out.
    Launch(Launch, Vec<Self>),
    /// The threads of a block wait for each other; what they have written is there for all of them.
    Barrier,
}

/// The grid of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Launch {
    /// Blocks along x, y and z.
    pub blocks: [u64; 3],
    /// Threads of a block along x, y and z.
    pub threads: [u64; 3],
}

impl Launch {
    /// Threads of a block.
    pub fn block_threads(&self) -> u64 {
        self.threads.iter().product()
    }
}

impl Stmt {
    /// The statements inside of it.
    pub fn body(&self) -> &[Self] {
        match self {
            Self::For(_, body) | Self::If(_, body) | Self::Launch(_, body) => body,
            Self::Alloc(_) | Self::Store(..) | Self::Prefetch(..) | Self::Intrinsic(_) | Self::Barrier => &[],
        }
    }

    /// True if the condition holds of it or of a statement inside.
    pub(crate) fn any(&self, f: &mut dyn FnMut(&Self) -> bool) -> bool {
        f(self) || self.body().iter().any(|stmt| stmt.any(f))
    }

    /// True if threads wait for each other in it.
    pub(crate) fn has_barrier(&self) -> bool {
        self.any(&mut |stmt| matches!(stmt, Self::Barrier))
    }
}

/// Loops over stores. Variables of its expressions are positions in `loops`; buffers have the numbers that they have in
/// the workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Nest {
    /// Name of the workload.
    pub name: String,
    /// Every buffer.
    pub buffers: Vec<NestBuffer>,
    /// Every loop; a variable is a position here.
    pub loops: Vec<Loop>,
    /// What depends on weights alone, and is run once.
    pub prepare: Vec<Stmt>,
    /// What is run every time.
    pub body: Vec<Stmt>,
    /// Inputs and weights, then outputs: the order of arguments.
    pub inputs: Vec<BufferId>,
    /// What the caller gets.
    pub outputs: Vec<BufferId>,
}

impl Nest {
    /// The values of a variable.
    pub fn range(&self, var: Var) -> Range {
        Range::of(self.loops.get(var as usize).map_or(1, |l| l.extent))
    }

    /// The buffer with this number.
    ///
    /// # Panics
    /// When there is none.
    pub fn buffer(&self, id: BufferId) -> &NestBuffer {
        &self.buffers[id.index()]
    }

    /// Buffers that live through a run, or from the preparation on, and that the caller does not give.
    pub fn owned(&self) -> impl Iterator<Item = BufferId> + '_ {
        let owned =
            |(_, buffer): &(usize, &NestBuffer)| matches!(buffer.storage, Storage::Prepared | Storage::Workspace);
        self.buffers.iter().enumerate().filter(owned).map(|(i, _)| BufferId(i as u32))
    }

    /// Calls `f` with every statement, outer ones first.
    pub fn visit<'a>(&'a self, f: &mut dyn FnMut(&'a Stmt)) {
        fn all<'a>(stmts: &'a [Stmt], f: &mut dyn FnMut(&'a Stmt)) {
            for stmt in stmts {
                f(stmt);
                all(stmt.body(), f);
            }
        }
        all(&self.prepare, f);
        all(&self.body, f);
    }
}
