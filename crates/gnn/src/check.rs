//! Checks of what goes into a layer, and of what was loaded from a file.

use tch::{Tensor, nn};

use crate::{Adjacency, Error, Result, error::torch};

/// Refuses a checkpoint whose numbers are not all finite.
///
/// # Errors
/// [`Error::Parameter`] names the first parameter, in alphabetical order, that holds a NaN or an infinity.
pub fn check_finite(vs: &nn::VarStore) -> Result<()> {
    let mut variables: Vec<(String, Tensor)> = vs.variables().into_iter().collect();
    variables.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, variable) in variables {
        let wrong = || variable.f_isfinite()?.f_logical_not()?.f_sum(tch::Kind::Int64)?.f_int64_value(&[]);
        match wrong().map_err(torch("check of parameters"))? {
            0 => {}
            count => return Err(Error::Parameter { name, count, numel: variable.numel() }),
        }
    }
    Ok(())
}

/// Refuses anything but a matrix of `width` columns.
pub(crate) fn width(layer: &'static str, what: &str, x: &Tensor, width: i64) -> Result<()> {
    let size = x.size();
    if size.len() == 2 && size[1] == width {
        return Ok(());
    }
    Err(Error::Shape { layer, message: format!("{what} of shape {size:?}, expected (nodes, {width})") })
}

/// Refuses anything but exactly this shape.
pub(crate) fn shape(layer: &'static str, what: &str, x: &Tensor, expected: &[i64]) -> Result<()> {
    let size = x.size();
    if size == expected {
        return Ok(());
    }
    Err(Error::Shape { layer, message: format!("{what} of shape {size:?}, expected {expected:?}") })
}

/// A size that must be at least 1.
pub(crate) fn positive(layer: &'static str, what: &str, n: i64) -> Result<()> {
    if n > 0 {
        return Ok(());
    }
    Err(Error::Shape { layer, message: format!("{what} is {n}, expected at least 1") })
}

/// What a layer reads and was not given.
pub(crate) fn absent(layer: &'static str, what: &str, expected: &[i64]) -> Result<()> {
    Err(Error::Shape { layer, message: format!("no {what}, expected {expected:?}") })
}

/// What a layer cannot do without.
pub(crate) fn missing(layer: &'static str, what: &str) -> Error {
    Error::Shape { layer, message: format!("no {what}") }
}

/// Refuses `members` that do not hold every row of `x` exactly once, as those of a compressed batch do not.
pub(crate) fn partition(layer: &'static str, x: &Tensor, members: &Adjacency) -> Result<()> {
    let rows = x.size().first().copied().unwrap_or(0);
    if members.columns() == rows && members.len() == rows && members.counts().is_none() {
        return Ok(());
    }
    let (entries, columns) = (members.len(), members.columns());
    let message = format!("{entries} members among {columns} rows for {rows} nodes: every node must be there once");
    Err(Error::Shape { layer, message })
}
