//! Outputs of a model: one head each, on what the model makes of a graph once.

use tachograph_gnn::torch;
use tch::Tensor;

use crate::{Error, Result};

/// The heads at `indices`.
///
/// # Errors
/// An output without a head, or no output.
pub(crate) fn select<'a, H>(heads: &'a [H], indices: &[usize]) -> Result<Vec<&'a H>> {
    if indices.is_empty() {
        return Err(Error::NoOutput);
    }
    let head = |&index: &usize| heads.get(index).ok_or(Error::Output { index, heads: heads.len() });
    indices.iter().map(head).collect()
}

/// (n, 1) of each head side by side: (n, heads).
///
/// # Errors
/// Columns of different heights.
pub(crate) fn columns(mut columns: Vec<Tensor>) -> Result<Tensor> {
    match columns.pop() {
        Some(only) if columns.is_empty() => Ok(only),
        last => {
            columns.extend(last);
            Ok(Tensor::f_cat(&columns, 1).map_err(torch("heads"))?)
        }
    }
}
