//! Tensor programs: from what a kernel computes to code that computes it fast.
//!
//! A [`Workload`] says what: stages over named axes. A [`Schedule`] says how, as steps that are taken one after the
//! other; lowering makes a [`Nest`] of loops of it, and [`c()`] code, which [`Kernel`] calls and [`Cpu`] measures. A
//! [`Space`] has the schedules that are worth trying. [`Workload::run`] and [`Nest::run`] are interpreters, to which
//! everything else is held.

#![deny(missing_docs)]

mod builder;
mod code;
mod cost;
mod error;
mod expr;
pub mod features;
mod graph;
mod hash;
mod index;
mod interpret;
pub mod intrinsic;
mod lower;
mod measure;
mod nest;
pub mod operator;
mod schedule;
mod space;
mod text;
mod workload;

pub use builder::Builder;
pub use code::{CCode, GENERATION, GpuCode, GpuKernel, GpuTarget, Target, c, cuda, opencl};
pub use error::{Error, Result};
pub use expr::{Binary, BufferId, Comparison, Cond, Expr, Reducer, Unary};
pub use graph::{Form, Group, forms, group, group_as};
pub use hash::WorkloadHash;
pub use index::{Atom, Index, Range, Var};
pub use interpret::{Data, round};
pub use measure::{
    Compiler, Cpu, Cuda, Failure, Kernel, Limits, Measurer, Memory, Nvrtc, OpenCl, Outcome, Record, Settings,
};
pub use nest::{Launch, Loop, Nest, NestBuffer, Stmt, Storage};
pub use schedule::{
    Among, Binding, Dim, Kind, Layout, LayoutDim, LoopNode, Loops, Mark, Place, Prefetch, Relation, Schedule, Scope,
    State, Step,
};
pub use space::{Choice, CpuRules, Decision, GpuRules, Machine, MetaSchedule, Open, Point, Sketch, Space};
pub use workload::{Axis, Buffer, Parts, Role, Stage, Workload};

/// The front page, whose program is tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct FrontPage;
