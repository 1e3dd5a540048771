//! Operations over the edges of each row.

use std::marker::PhantomData;

use tch::{Device, Kind, TchError, Tensor};
use torch_sys::C_tensor;

use crate::surface::{Answer, Argument, kernels};

/// Edges as compressed sparse rows, and turned round for the gradient. See `Pattern` in `native/segments.cpp`.
#[derive(Clone, Copy, Debug)]
pub struct Pattern<'a> {
    tensors: [*const C_tensor; 5],
    borrowed: PhantomData<&'a Tensor>,
}

impl<'a> Pattern<'a> {
    /// Edges into each row: `offsets` (rows + 1), and the row that each of the `reads` (edges).
    ///
    /// `transpose` is needed where a gradient is: offsets of the edges out of each row, their places among the edges,
    /// and the rows that they go to.
    pub fn new(offsets: &'a Tensor, reads: &'a Tensor, transpose: Option<&'a [Tensor; 3]>) -> Self {
        let [out_offsets, places, goes] = match transpose {
            Some([a, b, c]) => [a.as_ptr(), b.as_ptr(), c.as_ptr()],
            None => [std::ptr::null(); 3],
        };
        let tensors = [offsets.as_ptr(), reads.as_ptr(), out_offsets, places, goes];
        Self { tensors, borrowed: PhantomData }
    }
}

impl Argument for &Pattern<'_> {
    type Raw = *const *const C_tensor;

    fn raw(&self) -> Self::Raw {
        self.tensors.as_ptr()
    }
}

/// True where these kernels serve `x`: on the CPU, in f32 and f64.
pub fn serves(x: &Tensor) -> bool {
    cfg!(fused) && x.device() == Device::Cpu && matches!(x.kind(), Kind::Float | Kind::Double)
}

kernels! {
    /// Σ weights · x over the edges of each row: x (columns, d), weights (edges) or (edges, heads) → (rows, d).
    ///
    /// # Errors
    /// libtorch is out of memory.
    pub fn sum = tachograph_sum(x: &Tensor, weights: Option<&Tensor>, pattern: &Pattern<'_>)
        -> Result<Tensor, TchError>;

    /// The greatest of sign · x over the edges of each row: x (columns, d), counts (edges) → (rows, d).
    ///
    /// # Errors
    /// libtorch is out of memory.
    pub fn extremum = tachograph_extremum(x: &Tensor, counts: Option<&Tensor>, sign: f64, pattern: &Pattern<'_>)
        -> Result<Tensor, TchError>;

    /// Σ softmax(t · x) · x over the edges of each row, channel by channel: x (columns, d), counts (edges) → (rows, d).
    ///
    /// # Errors
    /// libtorch is out of memory.
    pub fn softmax_sum = tachograph_softmax_sum(x: &Tensor, counts: Option<&Tensor>, t: f64, pattern: &Pattern<'_>)
        -> Result<Tensor, TchError>;

    /// Softmax over the edges of each row: logits (edges, heads), counts (edges), offsets (rows + 1) → (edges, heads).
    ///
    /// # Errors
    /// libtorch is out of memory.
    pub fn softmax = tachograph_softmax(logits: &Tensor, counts: Option<&Tensor>, offsets: &Tensor)
        -> Result<Tensor, TchError>;
}
