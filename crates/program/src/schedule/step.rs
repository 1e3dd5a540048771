//! The steps of a schedule, and lists of them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Binding, Scope, State};
use crate::{Error, Nest, Result, Workload};

/// One step. Stages and buffers are known by name; loops by the name of their axis, to which a split adds `.0`, `.1`,
/// … and which a fusion joins with `*`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Splits a loop into one more than there are factors: these are the extents of all but the first, which takes
    /// what is left. Where they do not divide the extent, a guard holds back what is too much.
    Split {
        /// The stage.
        stage: String,
        /// The loop.
        axis: String,
        /// Extents of the inner parts, outermost first.
        factors: Vec<u64>,
    },
    /// Makes one loop of loops that follow one another.
    Fuse {
        /// The stage.
        stage: String,
        /// The loops, outermost first.
        axes: Vec<String>,
    },
    /// Puts loops in another order, in the places that they have together.
    Reorder {
        /// The stage.
        stage: String,
        /// The loops, outermost first.
        order: Vec<String>,
    },
    /// Shares the trips of a loop out among threads.
    Parallel {
        /// The stage.
        stage: String,
        /// The loop.
        axis: String,
    },
    /// Runs the innermost loop in vectors. One that is reduced gives partial results in lanes, which are joined after it.
    Vectorize {
        /// The stage.
        stage: String,
        /// The loop.
        axis: String,
    },
    /// Writes a loop out.
    Unroll {
        /// The stage.
        stage: String,
        /// The loop.
        axis: String,
    },
    /// Writes inner loops out as long as their trips together are no more than this.
    AutoUnroll {
        /// The stage.
        stage: String,
        /// The limit.
        max: u64,
    },
    /// Shares the trips of a loop out among the blocks of a grid, the threads of a block, or virtual threads.
    Bind {
        /// The stage.
        stage: String,
        /// The loop.
        axis: String,
        /// What it is bound to.
        to: Binding,
    },
    /// Computes a stage inside of a loop of another that reads it: as much of it as a trip needs.
    ComputeAt {
        /// The stage.
        stage: String,
        /// The stage that has the loop.
        target: String,
        /// The loop.
        axis: String,
    },
    /// Computes a stage by loops of its own again.
    ComputeRoot {
        /// The stage.
        stage: String,
    },
    /// Computes a stage, element by element, inside of a loop of the one that it reads: it takes over the loops down
    /// to that one, and the other is computed inside of them.
    ReverseComputeAt {
        /// The stage.
        stage: String,
        /// The stage that has the loop.
        target: String,
        /// The loop.
        axis: String,
    },
    /// Computes a stage wherever it is read.
    Inline {
        /// The stage.
        stage: String,
    },
    /// In each trip of a loop, asks for what the stage loads of a buffer some trips later, so that it is in the caches
    /// by then.
    Prefetch {
        /// The stage.
        stage: String,
        /// The buffer.
        buffer: String,
        /// The loop.
        axis: String,
        /// How many trips later.
        ahead: u64,
    },
    /// Puts an instruction in the place of the loops from one on: they must do what the instruction is defined to do.
    Tensorize {
        /// The stage.
        stage: String,
        /// The first of the loops.
        axis: String,
        /// Name of the instruction; see [`crate::intrinsic`].
        intrinsic: String,
    },
    /// Copies a buffer to `NAME.read`, which is then read in its place.
    CacheRead {
        /// The buffer.
        buffer: String,
        /// What reads the copy; all that read the buffer where none is named.
        readers: Vec<String>,
    },
    /// Computes a stage in `NAME.local`, and copies that to the buffer.
    CacheWrite {
        /// The stage.
        stage: String,
    },
    /// Reduces in two stages, of which the first, `NAME.rf`, keeps part of a reduction axis as an axis.
    RFactor {
        /// The stage.
        stage: String,
        /// The reduction axis; several, joined with `*`, are made one first.
        axis: String,
        /// Positions of the inner part.
        factor: u64,
        /// Whether the outer part is what is kept, and not the inner one.
        outer: bool,
    },
    /// Puts a buffer into registers, into the memory that the threads of a block share, or back into memory.
    Scope {
        /// The buffer.
        buffer: String,
        /// Where it lives.
        scope: Scope,
    },
    /// Lays a buffer out otherwise. Inputs and outputs are then expected, and given, in that layout; weights are laid
    /// out so before the first run.
    Layout {
        /// The buffer.
        buffer: String,
        /// The dimensions, outermost first: `d0 d1/16 d2 d3 d1%16`, or with names of axes where a stage has them.
        layout: String,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Split { stage, axis, factors } => {
                write!(f, "split {stage} {axis} by {}", crate::text::extents(factors))
            }
            Self::Fuse { stage, axes } => write!(f, "fuse {stage} {}", axes.join(" ")),
            Self::Reorder { stage, order } => write!(f, "reorder {stage} {}", order.join(" ")),
            Self::Parallel { stage, axis } => write!(f, "parallel {stage} {axis}"),
            Self::Vectorize { stage, axis } => write!(f, "vectorize {stage} {axis}"),
            Self::Unroll { stage, axis } => write!(f, "unroll {stage} {axis}"),
            Self::AutoUnroll { stage, max } => write!(f, "unroll {stage} up to {max}"),
            Self::Bind { stage, axis, to } => write!(f, "bind {stage} {axis} to {to}"),
            Self::ComputeAt { stage, target, axis } => write!(f, "compute {stage} at {target} {axis}"),
            Self::ComputeRoot { stage } => write!(f, "compute {stage} at the root"),
            Self::ReverseComputeAt { stage, target, axis } => write!(f, "reverse-compute {stage} at {target} {axis}"),
            Self::Inline { stage } => write!(f, "inline {stage}"),
            Self::Prefetch { stage, buffer, axis, ahead } => {
                write!(f, "prefetch {buffer} for {stage} at {axis}, {ahead} ahead")
            }
            Self::Tensorize { stage, axis, intrinsic } => write!(f, "tensorize {stage} {axis} by {intrinsic}"),
            Self::CacheRead { buffer, readers } if readers.is_empty() => write!(f, "cache-read {buffer}"),
            Self::CacheRead { buffer, readers } => write!(f, "cache-read {buffer} for {}", readers.join(" ")),
            Self::CacheWrite { stage } => write!(f, "cache-write {stage}"),
            Self::RFactor { stage, axis, factor, outer } => {
                write!(f, "rfactor {stage} {axis} by {factor}, the {} part", if *outer { "outer" } else { "inner" })
            }
            Self::Scope { buffer, scope } => write!(f, "scope {buffer} {}", crate::text::lower(scope)),
            Self::Layout { buffer, layout } => write!(f, "layout {buffer} {layout}"),
        }
    }
}

/// Steps in the order in which they are taken. Serialises as a list of objects; prints one step a line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schedule {
    /// The steps.
    pub steps: Vec<Step>,
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

impl Schedule {
    /// No steps: every stage by loops of its own.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the steps.
    ///
    /// # Errors
    /// A step that cannot be taken, by its position.
    pub fn apply(&self, workload: &Workload) -> Result<State> {
        let mut state = State::new(workload.clone());
        for (i, step) in self.steps.iter().enumerate() {
            state.apply(step).map_err(|message| Error::Step { step: i, text: step.to_string(), message })?;
        }
        Ok(state)
    }

    /// Takes the steps and lowers the result to loops.
    ///
    /// # Errors
    /// As [`Schedule::apply`] and [`State::lower`].
    pub fn lower(&self, workload: &Workload) -> Result<Nest> {
        self.apply(workload)?.lower()
    }

    /// Reads the JSON that serialising writes.
    ///
    /// # Errors
    /// A text that is none.
    pub fn from_json(text: &str) -> Result<Self> {
        let wrong = |error: serde_json::Error| Error::Format { what: "schedule", message: error.to_string() };
        serde_json::from_str(text).map_err(wrong)
    }
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|&name| name.to_owned()).collect()
}

/// Steps, one call each, to be chained.
impl Schedule {
    /// Adds a step.
    #[must_use]
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Adds [`Step::Split`].
    #[must_use]
    pub fn split(self, stage: &str, axis: &str, factors: &[u64]) -> Self {
        self.step(Step::Split { stage: stage.into(), axis: axis.into(), factors: factors.to_vec() })
    }

    /// Adds [`Step::Fuse`].
    #[must_use]
    pub fn fuse(self, stage: &str, axes: &[&str]) -> Self {
        self.step(Step::Fuse { stage: stage.into(), axes: names(axes) })
    }

    /// Adds [`Step::Reorder`].
    #[must_use]
    pub fn reorder(self, stage: &str, order: &[&str]) -> Self {
        self.step(Step::Reorder { stage: stage.into(), order: names(order) })
    }

    /// Adds a split for each axis, by its factors, and a reordering that has all first parts outside, then all second
    /// ones, and so on.
    #[must_use]
    pub fn tile(mut self, stage: &str, axes: &[(&str, &[u64])]) -> Self {
        let levels = axes.iter().map(|(_, factors)| factors.len() + 1).max().unwrap_or(0);
        for (axis, factors) in axes {
            self = self.split(stage, axis, factors);
        }
        let part = |level: usize| {
            let has = move |(_, factors): &&(&str, &[u64])| level <= factors.len();
            axes.iter().filter(has).map(move |(axis, _)| format!("{axis}.{level}"))
        };
        let order: Vec<String> = (0..levels).flat_map(part).collect();
        self.step(Step::Reorder { stage: stage.into(), order })
    }

    /// Adds [`Step::Parallel`].
    #[must_use]
    pub fn parallel(self, stage: &str, axis: &str) -> Self {
        self.step(Step::Parallel { stage: stage.into(), axis: axis.into() })
    }

    /// Adds [`Step::Vectorize`].
    #[must_use]
    pub fn vectorize(self, stage: &str, axis: &str) -> Self {
        self.step(Step::Vectorize { stage: stage.into(), axis: axis.into() })
    }

    /// Adds [`Step::Unroll`].
    #[must_use]
    pub fn unroll(self, stage: &str, axis: &str) -> Self {
        self.step(Step::Unroll { stage: stage.into(), axis: axis.into() })
    }

    /// Adds [`Step::Bind`].
    #[must_use]
    pub fn bind(self, stage: &str, axis: &str, to: Binding) -> Self {
        self.step(Step::Bind { stage: stage.into(), axis: axis.into(), to })
    }

    /// Adds [`Step::ComputeAt`].
    #[must_use]
    pub fn compute_at(self, stage: &str, target: &str, axis: &str) -> Self {
        self.step(Step::ComputeAt { stage: stage.into(), target: target.into(), axis: axis.into() })
    }

    /// Adds [`Step::ReverseComputeAt`].
    #[must_use]
    pub fn reverse_compute_at(self, stage: &str, target: &str, axis: &str) -> Self {
        self.step(Step::ReverseComputeAt { stage: stage.into(), target: target.into(), axis: axis.into() })
    }

    /// Adds [`Step::Inline`].
    #[must_use]
    pub fn inline(self, stage: &str) -> Self {
        self.step(Step::Inline { stage: stage.into() })
    }

    /// Adds [`Step::Prefetch`].
    #[must_use]
    pub fn prefetch(self, stage: &str, buffer: &str, axis: &str, ahead: u64) -> Self {
        self.step(Step::Prefetch { stage: stage.into(), buffer: buffer.into(), axis: axis.into(), ahead })
    }

    /// Adds [`Step::Tensorize`].
    #[must_use]
    pub fn tensorize(self, stage: &str, axis: &str, intrinsic: &str) -> Self {
        self.step(Step::Tensorize { stage: stage.into(), axis: axis.into(), intrinsic: intrinsic.into() })
    }

    /// Adds [`Step::CacheRead`] for all readers.
    #[must_use]
    pub fn cache_read(self, buffer: &str) -> Self {
        self.step(Step::CacheRead { buffer: buffer.into(), readers: Vec::new() })
    }

    /// Adds [`Step::CacheWrite`].
    #[must_use]
    pub fn cache_write(self, stage: &str) -> Self {
        self.step(Step::CacheWrite { stage: stage.into() })
    }

    /// Adds [`Step::RFactor`] that keeps the inner part.
    #[must_use]
    pub fn rfactor(self, stage: &str, axis: &str, factor: u64) -> Self {
        self.step(Step::RFactor { stage: stage.into(), axis: axis.into(), factor, outer: false })
    }

    /// Adds [`Step::Scope`] for registers.
    #[must_use]
    pub fn registers(self, buffer: &str) -> Self {
        self.step(Step::Scope { buffer: buffer.into(), scope: Scope::Register })
    }

    /// Adds [`Step::Scope`] for the memory that the threads of a block share.
    #[must_use]
    pub fn shared(self, buffer: &str) -> Self {
        self.step(Step::Scope { buffer: buffer.into(), scope: Scope::Shared })
    }

    /// Adds [`Step::Layout`].
    #[must_use]
    pub fn layout(self, buffer: &str, layout: &str) -> Self {
        self.step(Step::Layout { buffer: buffer.into(), layout: layout.into() })
    }
}
