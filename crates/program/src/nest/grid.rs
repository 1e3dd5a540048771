//! Kernels in the interpreter: block after block, the threads of a block in turn from barrier to barrier. What one
//! thread writes and another touches without a barrier between them is a race, and an error.

use super::{Launch, Stmt, Storage, interpret::Machine};
use crate::{Binding, BufferId, Error, Mark, Result, Scope, Var, intrinsic::WARP};

/// A thread at a moment; `thread` or `block` is [`SEVERAL`] where there is more than one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Access {
    /// Which launch; 0 for none.
    kernel: u64,
    block: u64,
    /// Barriers so far.
    phase: u64,
    thread: u64,
}

const SEVERAL: u64 = u64::MAX;

/// Who touched an element last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Touched {
    written: Access,
    read: Access,
}

/// The kernel that runs at the moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Running {
    launch: Option<Launch>,
    now: Access,
    /// Along x, y and z.
    block: [u64; 3],
    thread: [u64; 3],
}

impl Access {
    /// True if nothing orders the two, and they are not of one thread.
    fn races(self, other: Self, shared: bool) -> bool {
        if self.kernel != other.kernel || self.kernel == 0 {
            return false;
        }
        match self.block == other.block && self.block != SEVERAL {
            true => self.phase == other.phase && (self.thread != other.thread || self.thread == SEVERAL),
            // Blocks have shared memory each.
            false => !shared,
        }
    }

    /// Both, as one.
    fn and(self, other: Self) -> Self {
        if self.kernel != other.kernel {
            return other;
        }
        let block = if self.block == other.block { self.block } else { SEVERAL };
        let several = self.block == other.block && self.phase == other.phase && self.thread != other.thread;
        Self { block, thread: if several { SEVERAL } else { other.thread }, ..other }
    }
}

fn along(mut n: u64, extents: [u64; 3]) -> [u64; 3] {
    extents.map(|extent| {
        let at = n % extent.max(1);
        n /= extent.max(1);
        at
    })
}

impl Machine<'_> {
    pub(super) fn launch(&mut self, launch: &Launch, body: &[Stmt]) -> Result<()> {
        self.kernels += 1;
        self.running.launch = Some(*launch);
        for block in 0..launch.blocks.iter().product::<u64>() {
            self.running.now = Access { kernel: self.kernels, block, phase: 0, thread: 0 };
            self.running.block = along(block, launch.blocks);
            self.together(body, launch, &mut Vec::new())?;
        }
        self.running = Running::default();
        Ok(())
    }

    /// All threads of a block, in step.
    fn together(&mut self, stmts: &[Stmt], launch: &Launch, bound: &mut Vec<Var>) -> Result<()> {
        let wrong = |what: &str| Err(Error::data("barrier", what));
        for stmt in stmts {
            match stmt {
                Stmt::Barrier => self.running.now.phase += 1,
                Stmt::Alloc(id) => {
                    for thread in 0..launch.block_threads() {
                        self.running.now.thread = thread;
                        self.alloc(*id);
                    }
                }
                Stmt::For(var, body) if stmt.has_barrier() => {
                    let l = &self.nest.loops[*var as usize];
                    match l.mark {
                        Mark::Bind(Binding::Block(dim)) => {
                            self.at[*var as usize] = self.running.block[dim as usize] as i64;
                            self.together(body, launch, bound)?;
                        }
                        Mark::Bind(Binding::Thread(dim)) => {
                            if l.extent != launch.threads[dim as usize] {
                                return wrong("lies in a loop that not all threads share");
                            }
                            bound.push(*var);
                            self.together(body, launch, bound)?;
                            bound.pop();
                        }
                        _ => {
                            for i in 0..l.extent {
                                self.at[*var as usize] = i as i64;
                                self.together(body, launch, bound)?;
                            }
                        }
                    }
                }
                _ if stmt.has_barrier() => return wrong("lies under a condition"),
                _ => {
                    for thread in 0..launch.block_threads() {
                        self.running.now.thread = thread;
                        self.running.thread = along(thread, launch.threads);
                        for var in &*bound {
                            if let Mark::Bind(Binding::Thread(dim)) = self.nest.loops[*var as usize].mark {
                                self.at[*var as usize] = self.running.thread[dim as usize] as i64;
                            }
                        }
                        self.block(std::slice::from_ref(stmt))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The trips of a loop: one, or none, where a kernel's blocks or threads share them out.
    pub(super) fn trips(&self, var: Var) -> std::ops::Range<i64> {
        let l = &self.nest.loops[var as usize];
        let extent = l.extent as i64;
        let one = |at: u64| if at < l.extent { at as i64..at as i64 + 1 } else { 0..0 };
        match l.mark {
            Mark::Bind(Binding::Block(dim)) => one(self.running.block[dim as usize]),
            Mark::Bind(Binding::Thread(dim)) => one(self.running.thread[dim as usize]),
            _ => 0..extent,
        }
    }

    /// Forgets what a buffer held. Every thread has its part of a buffer that it does not share.
    pub(super) fn alloc(&mut self, id: BufferId) {
        let (buffer, elements) = (self.nest.buffer(id), self.elements[id.index()]);
        let threads = self.running.launch.map_or(1, |launch| launch.block_threads() as usize);
        let memory = &mut self.memory[id.index()];
        if !buffer.is_private() {
            *memory = vec![None; elements];
        } else {
            memory.resize(elements * threads, None);
            let own = self.running.now.thread as usize * elements;
            memory[own..own + elements].fill(None);
        }
    }

    /// True outside of kernels, and for the first thread of a warp.
    pub(super) fn is_first_lane(&self) -> bool {
        self.running.launch.is_none() || self.running.thread[0].is_multiple_of(WARP)
    }

    /// Where a thread's own elements of a buffer begin.
    pub(super) fn own(&self, id: BufferId) -> usize {
        match self.running.launch.is_some() && self.nest.buffer(id).is_private() {
            true => self.running.now.thread as usize * self.elements[id.index()],
            false => 0,
        }
    }

    /// Notes an access within a kernel, and refuses it where another thread's is not in order with it.
    pub(super) fn touch(&self, id: BufferId, at: usize, write: bool) -> Result<()> {
        let buffer = self.nest.buffer(id);
        if self.running.launch.is_none()
            || buffer.is_private()
            || matches!(buffer.storage, Storage::Input | Storage::Weight)
        {
            return Ok(());
        }
        let (now, shared) = (self.running.now, buffer.scope == Scope::Shared);
        let mut all = self.touched.borrow_mut();
        let touched = &mut all[id.index()];
        touched.resize(self.elements[id.index()], Touched::default());
        let Some(touched) = touched.get_mut(at) else { return Ok(()) };
        if touched.written.races(now, shared) || write && touched.read.races(now, shared) {
            let how = if write { "written" } else { "read" };
            let message = format!("is {how} at {at} by thread {} and touched by another, with no barrier", now.thread);
            return Err(Error::data(&buffer.name, message));
        }
        match write {
            true => touched.written = now,
            false => touched.read = touched.read.and(now),
        }
        Ok(())
    }
}
