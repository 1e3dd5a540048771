//! Templates with knobs, as AutoTVM has them (Chen et al., "Learning to Optimize Tensor Programs", NeurIPS 2018): for a
//! kind of workload that is known well, a schedule with few decisions, each option of which is worth a try.
//!
//! A template is one file and one line in [`ALL`].

mod blocked;
mod channels;
mod rows;
mod winograd;

use super::{Sketch, draft::Draft, predicate};
use crate::{BufferId, Result, Stage, Step, Target, Workload};

/// What templates suppose of the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Elements of a vector.
    pub lanes: u64,
    /// Registers of vectors.
    pub registers: u64,
    /// Cores that share the work; with one nothing is shared.
    pub cores: u64,
}

impl Machine {
    /// A core with vectors of this target, for elements of four bytes. AVX-512 and NEON have 32 registers, AVX2 and SSE
    /// 16.
    pub fn of(target: Target) -> Self {
        let lanes = (target.vector_bytes / 4).max(1);
        let many = target.vector_bytes == 64 || cfg!(target_arch = "aarch64");
        Self { lanes, registers: if many { 32 } else { 16 }, cores: 1 }
    }

    /// How many of so many channels lie together where templates lay them out in blocks; 1 where they do not.
    pub fn block(self, channels: u64) -> u64 {
        block(channels, self.lanes)
    }
}

/// The sketch for a workload, if it is of the template's kind.
type Template = fn(&Workload, Machine) -> Result<Option<Sketch>>;

/// Every template.
const ALL: [Template; 4] = [blocked::sketch, winograd::sketch, rows::sketch, channels::sketch];

/// The sketches of all templates that know the workload.
pub(super) fn sketches(workload: &Workload, machine: Machine) -> Result<Vec<Sketch>> {
    ALL.iter().filter_map(|template| template(workload, machine).transpose()).collect()
}

/// Inlines what follows a stage, element by element, into the last of it, and gives that; the stage itself where nothing follows.
/// `None` where what follows is something else.
fn stored(draft: &mut Draft, of: BufferId) -> Result<Option<BufferId>> {
    alone(draft, of)?;
    while let Some(reader) = predicate::elementwise_consumer(draft.state.workload(), of) {
        if draft.state.workload().outputs() == [reader] {
            return Ok(Some(reader));
        }
        alone(draft, reader)?;
        if predicate::elementwise_consumer(draft.state.workload(), reader).is_none() {
            return Ok(None);
        }
        let stage = draft.name(reader);
        draft.take(Step::Inline { stage })?;
    }
    Ok((draft.state.workload().outputs() == [of]).then_some(of))
}

/// Inlines what reads this stage alone, element by element, where another stage reads it too: the gate of `x·sigmoid(x)`.
fn alone(draft: &mut Draft, id: BufferId) -> Result<()> {
    loop {
        let workload = draft.state.workload();
        let readers = workload.readers(id);
        let gate = readers.iter().copied().filter(|_| readers.len() > 1).find(|reader| {
            let own = |stage: &Stage| {
                let reads = predicate::reads(stage);
                !stage.reduces() && reads.iter().all(|(read, _)| *read == id || workload.is_constant(*read))
            };
            !workload.outputs().contains(reader) && workload.stage(*reader).is_some_and(own)
        });
        let Some(gate) = gate else { return Ok(()) };
        draft.take(Step::Inline { stage: draft.name(gate) })?;
    }
}

/// The stage that sums and the one that is stored: the last of what follows, or a copy of the sum where nothing does.
fn epilogue(draft: &mut Draft, sum: BufferId) -> Result<Option<(BufferId, BufferId)>> {
    match stored(draft, sum)? {
        Some(last) if last == sum => {
            let stage = draft.name(sum);
            draft.take(Step::CacheWrite { stage: stage.clone() })?;
            Ok(draft.state.workload().find(&format!("{stage}.local")).map(|local| (local, sum)))
        }
        last => Ok(last.map(|last| (sum, last))),
    }
}

/// What the stored stage of a sum reads besides the sum, as large as its result.
fn beside(draft: &Draft, [sum, last]: [BufferId; 2]) -> Vec<BufferId> {
    let workload = draft.state.workload();
    let shape = &workload.buffer(last).shape;
    // A convolution that is stored itself reads nothing besides.
    let Some(stage) = workload.stage(last).filter(|stage| !stage.reduces()) else { return Vec::new() };
    let reads = predicate::reads(stage).into_iter().map(|(id, _)| id);
    reads.filter(|id| ![sum, last].contains(id) && workload.buffer(*id).shape == *shape).collect()
}

/// Loads for each product of a tile of `points` broadcast numbers × `vectors`, in thousandths: the fewer, the better it hides them.
/// Tiles are in this order, so that the first point of a template is one worth running untuned.
fn loads(points: u64, vectors: u64) -> u64 {
    1000 * (points + vectors) / (points * vectors).max(1)
}

/// How many elements lie together in a block: the largest power of two up to `most` that divides the extent, which vectors
/// have as lanes; where that is small, the largest divisor.
fn block(extent: u64, most: u64) -> u64 {
    let divides = |n: &u64| extent.is_multiple_of(*n);
    let power = (0..=most.max(1).ilog2()).rev().map(|n| 1 << n).find(divides).unwrap_or(1);
    match 4 * power >= most {
        true => power,
        false => (1..=most.max(1)).rev().find(divides).unwrap_or(1),
    }
}

/// The layout of a buffer with `rank` dimensions in which one lies in blocks, innermost; plain where it is the last
/// already or nothing is gained.
fn blocked_layout(rank: usize, dim: usize, block: u64) -> Option<String> {
    if dim + 1 >= rank || block <= 1 {
        return None;
    }
    let part = |d: usize| if d == dim { format!("d{d}/{block}") } else { format!("d{d}") };
    let outer = (0..rank).map(part).collect::<Vec<_>>().join(" ");
    Some(format!("{outer} d{dim}%{block}"))
}
