//! Pruner's symbols of a statement, its formula of a time, and how its data flow ("Pruner: A Draft-then-Verify Exploration
//! Mechanism to Accelerate Tensor Program Tuning", Qiao et al., ASPLOS 2025).
//!
//! With work W, bytes D of memory, registers R, reuse u, g parts that run beside each other and b elements that go together, of
//! which a warp has ℓ:
//!
//! α = (b/ℓ) / ⌈b/ℓ⌉, β = 1 + 1/u, ρ = max(1, R / registers), π = g / (⌈g/T⌉ T), t = max(W β ρ / (P π α), D / bandwidth)
//!
//! The formula is that of the released code, which is about GPUs. What the symbols are on a processor is ours: a vector is the
//! warp and b the trips of vector loops; registers hold what is touched inside of the innermost loop that leaves the store in
//! place; g is the trips of parallel loops and T the cores, 1, as programs are measured on one thread; memory brings what does
//! not fit into the second cache together. P is 100 GFLOP/s, the bandwidth 10 GB/s, the roofline of some core: only the order of
//! times is of interest.

use super::{
    Work,
    access::{Access, Memory},
    buffers::Around,
    slog,
};
use crate::{Mark, Nest};

/// Columns of a statement.
pub(in super::super) const COLUMNS: [&str; 11] = [
    "work",
    "memory bytes",
    "registers",
    "reuse",
    "lanes",
    "parts",
    "lane use",
    "load penalty",
    "register penalty",
    "core use",
    "formula ms",
];

/// Numbers of a flow: how a statement moves a buffer.
pub(in super::super) const FLOW: usize = 23;

/// Where in a flow are the logarithms of the bytes that go into the first and into the second cache, and of those touched in all.
pub(in super::super) const MOVED: [usize; 3] = [7, 10, 12];

/// How many bytes of a buffer come from memory, and how it flows.
pub type Flow = (f64, [f64; FLOW]);

/// Elements of a vector, and vectors that there is room for.
const LANES: f64 = 16.0;
const REGISTERS: f64 = 32.0;
/// Bytes of the first and of the second cache.
const CACHES: [f64; 2] = [32.0 * 1024.0, 1024.0 * 1024.0];
const CORES: f64 = 1.0;
/// Operations and bytes in a millisecond.
const PEAK: f64 = 100e6;
const BANDWIDTH: f64 = 10e6;

/// A statement: its loops and what it touches.
pub(super) struct Statement<'a> {
    pub nest: &'a Nest,
    pub loops: &'a [Around],
    pub accesses: &'a [Access<'a>],
    pub memory: &'a [Memory],
    pub work: &'a Work,
}

impl Statement<'_> {
    /// Elements of an access that are touched by the loops from a depth on; one where there is none.
    fn elements(access: &Access<'_>, depth: usize) -> f64 {
        access.elements.get(depth).map_or(1.0, |&n| n as f64)
    }

    fn bytes(&self, access: &Access<'_>, depth: usize) -> f64 {
        Self::elements(access, depth) * self.memory[access.buffer].bytes as f64
    }

    /// Trips of the loops outside of a depth; those right outside that leave an access in place bring nothing new.
    fn trips(&self, access: &Access<'_>, depth: usize) -> f64 {
        let outside = self.loops[..depth].iter().rev();
        let moving = outside.skip_while(|around| !access.depends_on(around.var));
        moving.map(|around| around.extent).product()
    }

    /// The outermost depth whose loops touch no more than this; behind the innermost where there is none.
    fn fits(&self, bytes: f64) -> usize {
        let touched =
            |&depth: &usize| self.accesses.iter().map(|access| self.bytes(access, depth)).sum::<f64>() <= bytes;
        (0..self.loops.len()).find(touched).unwrap_or(self.loops.len())
    }

    /// Trips of the loops with a mark; 1 where there is none.
    fn marked(&self, mark: Mark) -> f64 {
        let has = |around: &&Around| self.nest.loops.get(around.var as usize).is_some_and(|l| l.mark == mark);
        self.loops.iter().filter(has).map(|around| around.extent).product()
    }

    /// The depth of what stands in registers: inside of the innermost loop that leaves the store in place; where there is none
    /// of them, the innermost loop.
    fn tile(&self) -> usize {
        let stays = |around: &Around| !self.accesses.first().is_some_and(|store| store.depends_on(around.var));
        match self.loops.iter().rposition(stays) {
            Some(depth) => depth + 1,
            None => self.loops.len().saturating_sub(1),
        }
    }

    /// [`COLUMNS`].
    pub fn symbols(&self) -> [f64; COLUMNS.len()] {
        let work: f64 = self.work[..7].iter().sum();
        let cached = self.fits(CACHES[1]);
        let moved = self.accesses.iter().map(|access| self.bytes(access, cached) * self.trips(access, cached));
        let memory: f64 = moved.sum();
        let (lanes, parts, tile) = (self.marked(Mark::Vector), self.marked(Mark::Parallel), self.tile());
        let vectors = |access: &Access<'_>| {
            // What the vector does not move is one number, or one vector of it.
            let lanes = lanes.clamp(1.0, LANES);
            (Self::elements(access, tile) / lanes).ceil()
        };
        let registers: f64 = self.accesses.iter().map(vectors).sum();
        let outside: f64 = self.loops[..tile].iter().map(|around| around.extent).product();
        let loads = self.accesses.iter().filter(|access| !access.written).map(|access| Self::elements(access, tile));
        let reuse = work / outside / loads.sum::<f64>().max(1.0);
        let warps = lanes / LANES;
        let lane_use = warps / warps.ceil();
        let load = 1.0 + 1.0 / reuse.max(1e-3);
        let spill = (registers / REGISTERS).max(1.0);
        let core_use = parts / ((parts / CORES).ceil() * CORES);
        let ms = (work * load * spill / (PEAK * core_use * lane_use)).max(memory / BANDWIDTH);
        let logs = [work, memory, registers, reuse, lanes, parts].map(slog);
        let [work, memory, registers, reuse, lanes, parts] = logs;
        [work, memory, registers, reuse, lanes, parts, lane_use, load, spill, core_use, ms]
    }

    /// How each buffer flows, and how many bytes of it come from memory: whether it is read, written, both; bytes touched, bytes
    /// moved and trips outside, in registers, caches and memory; strides of the innermost and of the vector loop; trips of loops
    /// that move it and that do not; then the statement's operations, trips and loops, and bytes of an element.
    pub fn flows(&self) -> Vec<Flow> {
        let flow = |access: &Access<'_>| {
            let memory = &self.memory[access.buffer];
            let mut row = Vec::with_capacity(FLOW);
            let kinds = [!access.written, !access.read, access.read && access.written];
            row.extend(kinds.map(|is| f64::from(u8::from(is))));
            for depth in [self.tile(), self.fits(CACHES[0]), self.fits(CACHES[1]), 0] {
                let (bytes, trips) = (self.bytes(access, depth), self.trips(access, depth));
                row.extend([bytes, bytes * trips, trips].map(slog));
            }
            let vector = self
                .loops
                .iter()
                .rev()
                .find(|around| self.nest.loops.get(around.var as usize).is_some_and(|l| l.mark == Mark::Vector));
            let stride = |around: Option<&Around>| around.map_or(0, |around| access.stride(memory, around.var)) as f64;
            let trips = |moves: bool| -> f64 {
                let of = self.loops.iter().filter(|around| access.depends_on(around.var) == moves);
                of.map(|around| around.extent).product()
            };
            let all: f64 = self.loops.iter().map(|around| around.extent).product();
            let work: f64 = self.work[..7].iter().sum();
            row.extend([stride(self.loops.last()), stride(vector), trips(true), trips(false), work, all].map(slog));
            row.extend([self.loops.len() as f64, memory.bytes as f64].map(slog));
            let mut numbers = [0.0; FLOW];
            numbers.iter_mut().zip(row).for_each(|(number, x)| *number = x);
            let cached = self.fits(CACHES[1]);
            (self.bytes(access, cached) * self.trips(access, cached), numbers)
        };
        self.accesses.iter().map(flow).collect()
    }
}
