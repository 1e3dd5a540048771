//! Operators as workloads: one file each, with a function that adds its stages to a [`Builder`] and, where `ir` has the
//! operator, what makes those of a node.
//!
//! Several functions for one operator compete: a convolution is [`conv`], [`conv_as_matmul`] or [`winograd`].

use tachograph_ir::{Call, Fact};

use crate::{BufferId, Builder, Error, Expr, Form, Index, Result};

macro_rules! operators {
    ($($file:ident: $($operator:ident),*;)*) => {
        $(mod $file;)*
        /// Every operator that `ir` may have in a graph.
        static ALL: &[&dyn Operator] = &[$($(&$file::$operator,)*)*];
    };
}
operators! {
    attention: Attention;
    batch_norm: BatchNorm;
    binary: Binary;
    cast: Cast;
    clip: Clip;
    concat: Concat;
    conv: Conv;
    conv_transpose: ConvTranspose;
    expand: Expand;
    gather: Gather;
    gather_elements: GatherElements;
    gemm: Gemm;
    global_pool: GlobalPool;
    group_norm: GroupNorm;
    identity: Identity;
    implicit_gemm:;
    layer_norm: LayerNorm;
    lrn: Lrn;
    matmul: MatMul;
    pad: Pad;
    pool: Pool;
    reduce: Reduce;
    reshape: Reshape;
    resize: Resize;
    slice: Slice;
    softmax: Softmax;
    split: Split;
    transpose: Transpose;
    unary: Unary;
    where_: Where;
    winograd:;
}

pub use attention::attention;
pub use batch_norm::batch_norm;
pub use concat::concat;
pub use conv::{Window, conv};
pub use conv_transpose::conv_transpose;
pub use gather::gather;
pub use gemm::dense;
pub use group_norm::group_norm;
pub use implicit_gemm::conv_as_matmul;
pub use layer_norm::layer_norm;
pub use lrn::lrn;
pub use matmul::matmul;
pub use pool::{Pooling, pool};
pub use reduce::{Reduction, reduce};
pub use reshape::reshape;
pub use resize::{Resampling, resize};
pub use slice::slice;
pub use softmax::softmax;
pub use transpose::transpose;
pub use unary::{Activation, activation};
pub use winograd::{Tile, winograd};

/// What makes stages of a node of a graph.
pub(crate) trait Operator: Sync {
    /// Names of `ir` that it covers.
    fn names(&self) -> &'static [&'static str];

    /// Adds the stages of a node; `operands` are those that are no constants of shape arithmetic. The result has a
    /// buffer for each result of the node that is made, in order.
    fn build(&self, b: &mut Builder, call: &Node<'_>) -> Result<Vec<BufferId>>;
}

/// A node with its operands.
pub(crate) struct Node<'a> {
    /// The node, its operands' facts and those of its results.
    pub call: Call<'a>,
    /// Operands by position; `None` where left out, or where shape arithmetic knows their elements.
    pub operands: Vec<Option<BufferId>>,
    /// How a convolution is computed.
    pub form: Form,
}

impl<'a> Node<'a> {
    pub fn name(&self) -> &'a str {
        self.call.node.op.name()
    }

    pub fn refuse(&self, message: impl Into<String>) -> Error {
        Error::operator(self.name(), format!("node `{}` {}", self.call.node.name, message.into()))
    }

    pub fn operand(&self, i: usize) -> Result<BufferId> {
        self.optional(i).ok_or_else(|| self.refuse(format!("has no operand {i}")))
    }

    pub fn optional(&self, i: usize) -> Option<BufferId> {
        self.operands.get(i).copied().flatten()
    }

    /// Shape of the result at `i`.
    pub fn result(&self, i: usize) -> Result<&[u64]> {
        let shape = self.call.outputs.get(i).and_then(|fact| fact.shape.as_deref());
        shape.ok_or_else(|| self.refuse(format!("has no known result {i}")))
    }

    /// Integers of an operand that is an operand of shape arithmetic, or of the attribute.
    pub fn ints(&self, name: &str, i: usize) -> Result<Option<&'a [i64]>> {
        self.call.list_or_input(name, i).map_err(|_| self.refuse(format!("has a `{name}` that depends on data")))
    }

    /// A number that an operand or an attribute gives.
    pub fn number(&self, name: &str, i: usize) -> Result<Option<f64>> {
        match self.call.optional(i) {
            None => Ok(self.call.node.float(name)),
            Some(Fact { value: Some(value), .. }) => Ok(value.to_floats().first().copied()),
            Some(_) => Err(self.refuse(format!("has a `{name}` that depends on data"))),
        }
    }

    /// The axis that an attribute names, counted from the end where it is negative.
    pub fn axis(&self, name: &str, default: i64, rank: usize) -> Result<usize> {
        axis(self.name(), self.call.int(name, default), rank)
    }
}

/// The operator of this name.
pub(crate) fn find(name: &str) -> Option<&'static dyn Operator> {
    ALL.iter().copied().find(|op| op.names().contains(&name))
}

pub(crate) fn axis(op: &str, axis: i64, rank: usize) -> Result<usize> {
    let from_start = if axis < 0 { axis + rank as i64 } else { axis };
    let found = usize::try_from(from_start).ok().filter(|&axis| axis < rank);
    found.ok_or_else(|| Error::operator(op, format!("axis {axis} of {rank}")))
}

/// Names for the axes of a shape.
pub(crate) fn named(shape: &[u64]) -> Vec<(&'static str, u64)> {
    const NAMES: [&str; 8] = ["i", "j", "k", "l", "m", "p", "q", "r"];
    const IMAGE: [&[&str]; 3] = [&["n", "c", "x"], &["n", "c", "y", "x"], &["n", "c", "z", "y", "x"]];
    let names: &[&str] = match shape.len() {
        rank @ 3..=5 => IMAGE[rank - 3],
        _ => &NAMES,
    };
    shape.iter().enumerate().map(|(i, &extent)| (names.get(i).copied().unwrap_or("axis"), extent)).collect()
}

/// Names for spatial axes, the innermost last.
pub(crate) fn spatial_names(count: usize) -> &'static [&'static str] {
    &["z", "y", "x"][3 - count.min(3)..]
}

/// Names for the axes of a window.
pub(crate) fn window_names(count: usize) -> &'static [&'static str] {
    &["kz", "ky", "kx"][3 - count.min(3)..]
}

/// The element of `of` that broadcasting gives at `index` of a result.
pub(crate) fn broadcast(b: &Builder, of: BufferId, index: &[Index]) -> Expr {
    let shape = b.shape(of);
    let skip = index.len().saturating_sub(shape.len());
    let at = |(extent, i): (&u64, &Index)| if *extent == 1 { Index::constant(0) } else { i.clone() };
    Expr::Load(of, shape.iter().zip(&index[skip..]).map(at).collect())
}

/// The shape that both broadcast to.
pub(crate) fn common(op: &str, a: &[u64], b: &[u64]) -> Result<Vec<u64>> {
    let rank = a.len().max(b.len());
    let extent = |shape: &[u64], i: usize| (i + shape.len()).checked_sub(rank).map_or(1, |i| shape[i]);
    let both = |i| match (extent(a, i), extent(b, i)) {
        (x, y) if x == y => Ok(x),
        (1, x) | (x, 1) => Ok(x),
        _ => Err(Error::operator(op, format!("{a:?} and {b:?} do not broadcast"))),
    };
    (0..rank).map(both).collect()
}

#[cfg(test)]
pub(crate) mod testing {
    use crate::{BufferId, Builder, Data, Result, Workload};
    use tachograph_ir::DType::F32;

    /// Builds a workload of inputs of these shapes, and runs it on small integers that repeat irregularly.
    pub fn run(
        shapes: &[&[u64]],
        build: impl FnOnce(&mut Builder, &[BufferId]) -> Result<BufferId>,
    ) -> (Workload, Data, Vec<f64>) {
        let mut b = Builder::new("test");
        let inputs: Vec<BufferId> = shapes.iter().map(|shape| b.input("x", F32, shape).unwrap()).collect();
        let y = build(&mut b, &inputs).unwrap();
        let workload = b.finish(&[y]).unwrap();
        let given = inputs.iter().zip(shapes).map(|(&id, shape)| (id, data(id.0, shape))).collect();
        let result = workload.run(&given).unwrap();
        let y = result[&y].clone();
        (workload, result, y)
    }

    pub fn data(seed: u32, shape: &[u64]) -> Vec<f64> {
        let n: u64 = shape.iter().product();
        (0..n).map(|i| ((i * 7 + u64::from(seed) * 5 + i * i % 13) % 11) as f64 - 5.0).collect()
    }

    pub fn close(a: &[f64], b: &[f64]) {
        assert_eq!(a.len(), b.len());
        let scale = a.iter().fold(1.0, |scale: f64, a| scale.max(a.abs()));
        for (i, (a, b)) in a.iter().zip(b).enumerate() {
            assert!((a - b).abs() <= 2e-6 * scale, "{a} and {b} at {i}");
        }
    }
}
