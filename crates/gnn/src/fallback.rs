//! Segment operations from libtorch's own: for devices and types that the fused kernels do not serve, and the oracle
//! of their tests. Here `index` holds the segment of each row of `values`, (E); there are `n` segments.

use tch::{TchError, Tensor};

type Result = std::result::Result<Tensor, TchError>;

/// Sum of the rows of each segment: (E, …) → (n, …).
pub fn sum(values: &Tensor, index: &Tensor, n: i64) -> Result {
    let mut shape = values.size();
    shape[0] = n;
    Tensor::f_zeros(shape, (values.kind(), values.device()))?.f_index_add(0, index, values)
}

/// The greatest of the rows of each segment, channel by channel; 0 for an empty segment. Rows that reach it share its
/// gradient, each as often as it counts.
pub fn max(values: &Tensor, counts: Option<&Tensor>, index: &Tensor, n: i64) -> Result {
    let top = greatest(&values.f_detach()?, index, n)?.f_index_select(0, index)?;
    let reached = weighted(&values.f_eq_tensor(&top)?.f_to_kind(values.kind())?, counts)?;
    let total = sum(&reached, index, n)?.f_index_select(0, index)?;
    // A segment with a NaN has no row equal to it: 0 / 0 hands it on.
    sum(&values.f_mul(&reached.f_div(&total)?)?, index, n)
}

fn greatest(values: &Tensor, index: &Tensor, n: i64) -> Result {
    let mut shape = values.size();
    shape[0] = n;
    let index = index.f_unsqueeze(1)?.f_expand_as(values)?;
    let zeros = Tensor::f_zeros(shape, (values.kind(), values.device()))?;
    zeros.f_internal_scatter_reduce(0, &index, values, "amax", false)
}

/// exp(z) / Σ counts · exp(z) over each segment: (E, h) → (E, h). `counts` is (E, 1).
pub fn softmax(logits: &Tensor, counts: Option<&Tensor>, index: &Tensor, n: i64) -> Result {
    let top = greatest(&logits.f_detach()?, index, n)?.f_index_select(0, index)?;
    let e = logits.f_sub(&top)?.f_exp()?;
    let total = sum(&weighted(&e, counts)?, index, n)?.f_index_select(0, index)?;
    e.f_div(&total)
}

/// Σ x · softmax(t · x) over each segment, channel by channel: (E, d) → (n, d).
pub fn softmax_sum(values: &Tensor, counts: Option<&Tensor>, t: f64, index: &Tensor, n: i64) -> Result {
    let p = softmax(&values.f_mul_scalar(t)?, counts, index, n)?;
    sum(&weighted(&p.f_mul(values)?, counts)?, index, n)
}

fn weighted(values: &Tensor, counts: Option<&Tensor>) -> Result {
    match counts {
        Some(counts) => values.f_mul(&counts.f_to_kind(values.kind())?),
        None => Ok(values.shallow_clone()),
    }
}

/// The segment of each row, from offsets: (n + 1) → (E).
pub(crate) fn index(offsets: &Tensor) -> Result {
    let lengths = offsets.f_diff::<Tensor>(1, 0, None, None)?;
    Tensor::f_repeat_interleave(&lengths, None)
}
