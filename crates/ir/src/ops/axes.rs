//! Axes as ONNX counts them: negative ones from the end.

use crate::{Call, DType, OpError};

/// Position of `axis` among `rank` axes; `None` when it is outside.
pub(super) fn position(axis: i64, rank: usize) -> Option<usize> {
    let from_start = if axis < 0 { axis.checked_add(rank as i64)? } else { axis };
    usize::try_from(from_start).ok().filter(|&a| a < rank)
}

/// Position of `axis` in `shape`.
pub(super) fn axis(axis: i64, shape: &[u64]) -> Result<usize, OpError> {
    position(axis, shape.len()).ok_or_else(|| OpError::Invalid(format!("axis {axis} is outside {shape:?}")))
}

/// Positions of distinct `axes` in `shape`, in the order given.
pub(super) fn axes(list: &[i64], shape: &[u64]) -> Result<Vec<usize>, OpError> {
    distinct(list, shape.len()).ok_or_else(|| OpError::Invalid(format!("axes {list:?} do not fit {shape:?}")))
}

/// Positions of distinct axes among `rank`; `None` when one is outside or repeated.
pub(crate) fn distinct(list: &[i64], rank: usize) -> Option<Vec<usize>> {
    let mut seen = vec![false; rank];
    let place = |&a: &i64| position(a, rank).filter(|&a| !std::mem::replace(&mut seen[a], true));
    list.iter().map(place).collect()
}

/// Extents given as signed integers; negative ones are refused.
pub(super) fn extents(list: &[i64]) -> Result<Vec<u64>, OpError> {
    let extent = |&n: &i64| u64::try_from(n).map_err(|_| OpError::Invalid(format!("negative extent in {list:?}")));
    list.iter().map(extent).collect()
}

/// Product of an operator's counts; overflow is an error.
pub(super) fn product(factors: impl IntoIterator<Item = u64>) -> Result<u64, OpError> {
    let mut factors = factors.into_iter();
    let product = factors.try_fold(1u64, |n, d| n.checked_mul(d));
    product.ok_or_else(|| OpError::Invalid("operation count exceeds 64 bits".into()))
}

/// Element type in an attribute that holds its ONNX number.
pub(super) fn dtype(call: &Call<'_>, attribute: &str) -> Result<Option<DType>, OpError> {
    let Some(code) = call.attrs().get(attribute) else { return Ok(None) };
    match code {
        crate::Attr::Int(0) => Ok(None),
        crate::Attr::Int(code) => {
            DType::from_onnx(*code).map(Some).ok_or_else(|| OpError::Invalid(format!("{attribute} {code} is no type")))
        }
        other => Err(format!("{attribute} {other:?} is no type").into()),
    }
}
