//! Instructions that do the work of a loop nest, for [`Step::Tensorize`](crate::Step::Tensorize): a registry of one file
//! each.
//!
//! Each is defined by what it computes: `c[…] += a[…] · b[…]` over axes of given lengths, with operands converted to the
//! type of the result, or a copy. Lowering holds a stage's loops to the definition, and the interpreters, and every
//! language without the instruction, run by it.

mod vnni;
mod wmma;
mod wmma_bf16;
mod wmma_f16;
mod wmma_store;
mod wmma_tf32;

use tachograph_ir::DType;

use crate::{BufferId, Builder, Expr, Index, Reducer, Result, Var, Workload};

/// A tensor that an instruction reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Operand {
    /// Its letter.
    pub name: &'static str,
    /// Element type.
    pub dtype: DType,
    /// The instruction's axes that index it, in order.
    pub axes: &'static [usize],
}

/// An instruction, by what it computes.
#[derive(Clone, Copy, Debug)]
pub struct Intrinsic {
    /// Its name in schedules.
    pub name: &'static str,
    /// What it is, and what it needs.
    pub about: &'static str,
    /// Lengths of its axes: those of the result, then those that are summed up.
    pub extents: &'static [u64],
    /// How many axes the result has.
    pub spatial: usize,
    /// What it reads: two factors, or one for a copy.
    pub operands: &'static [Operand],
    /// Element type of the result.
    pub result: DType,
    /// True if the 32 threads of a warp do it together, and each has a part of the result.
    pub warp: bool,
    /// In C, the macro of a compiler whose target has it.
    pub guard: &'static str,
    /// Writes it.
    pub(crate) code: fn(&Place) -> Result<Vec<String>, String>,
}

impl PartialEq for Intrinsic {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// Threads of a warp.
pub(crate) const WARP: u64 = 32;

/// All of them.
pub const ALL: [&Intrinsic; 5] =
    [&wmma_f16::WMMA_F16, &wmma_bf16::WMMA_BF16, &wmma_tf32::WMMA_TF32, &wmma_store::WMMA_STORE, &vnni::VNNI];

/// The one of this name.
pub fn named(name: &str) -> Option<&'static Intrinsic> {
    ALL.into_iter().find(|intrinsic| intrinsic.name == name)
}

/// The product of tensor cores for factors of this type.
pub(crate) fn wmma_for(factors: DType) -> Option<&'static str> {
    let of = |intrinsic: &&&Intrinsic| intrinsic.warp && intrinsic.reduces() && intrinsic.operands[0].dtype == factors;
    ALL.iter().find(of).map(|intrinsic| intrinsic.name)
}

impl Intrinsic {
    /// True if it sums up.
    pub fn reduces(&self) -> bool {
        self.spatial < self.extents.len()
    }

    /// What it computes, from a result of 0, as a workload of one stage.
    ///
    /// # Errors
    /// None known.
    pub fn definition(&self) -> Result<Workload> {
        let mut b = Builder::new(self.name);
        let mut ids = Vec::new();
        for operand in self.operands {
            let shape: Vec<u64> = operand.axes.iter().map(|&axis| self.extents[axis]).collect();
            ids.push(b.input(operand.name, operand.dtype, &shape)?);
        }
        let names: Vec<String> = (0..self.extents.len()).map(|axis| format!("i{axis}")).collect();
        let axes: Vec<(&str, u64)> = names.iter().map(String::as_str).zip(self.extents.iter().copied()).collect();
        let value = |index: &[Index]| {
            let load = |(operand, &id): (&Operand, &BufferId)| {
                let load = Expr::Load(id, operand.axes.iter().map(|&axis| index[axis].clone()).collect());
                if operand.dtype == self.result { load } else { Expr::Cast(self.result, Box::new(load)) }
            };
            let factors = self.operands.iter().zip(&ids).map(load);
            factors.reduce(|a, b| a * b).unwrap_or(Expr::Const(0.0))
        };
        let (spatial, reduction) = axes.split_at(self.spatial);
        let c = match self.reduces() {
            true => b.reduce("c", spatial, reduction, Reducer::Sum, |s, r| value(&[s, r].concat()))?,
            false => b.map("c", spatial, value)?,
        };
        b.set_dtype(c, self.result);
        b.finish(&[c])
    }
}

/// An instruction in a nest.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Which.
    pub intrinsic: &'static Intrinsic,
    /// True if it sets the result to 0, and reads nothing.
    pub clears: bool,
    /// Variables of the nest that stand for its axes; where it clears, for those of the result.
    pub vars: Vec<Var>,
    /// The result, and indices in memory in terms of the variables.
    pub result: (BufferId, Vec<Index>),
    /// The same for what it reads.
    pub operands: Vec<(BufferId, Vec<Index>)>,
}

impl Call {
    /// Every index, changed by `f`.
    pub(crate) fn map(&self, f: &dyn Fn(&Index) -> Index) -> Self {
        let all = |(id, index): &(BufferId, Vec<Index>)| (*id, index.iter().map(f).collect());
        Self { result: all(&self.result), operands: self.operands.iter().map(all).collect(), ..self.clone() }
    }
}

/// Where a tensor of a call lies, for the text of the instruction.
pub(crate) struct Tensor {
    /// The first element, as text; of what a warp holds, the number of the tile.
    pub first: String,
    /// Elements from one position to the next, along each axis of the instruction.
    pub strides: Vec<i64>,
    /// What the position of the first element is certainly a multiple of.
    pub aligned: u64,
}

/// Where all of them lie.
pub(crate) struct Place {
    pub clears: bool,
    pub result: Tensor,
    pub operands: Vec<Tensor>,
    /// Whether the result is memory, and not what a warp holds.
    pub result_in_memory: bool,
}
