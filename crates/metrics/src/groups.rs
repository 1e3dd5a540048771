//! A metric group by group, then averaged.

use std::collections::BTreeMap;

use ndarray::{Array1, ArrayView1};
use serde::{Deserialize, Serialize};

use crate::{Error, Result, input::pair};

/// One metric of every group, and its mean over groups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grouped {
    /// By name of the group; `None` where the metric is not defined on it (one sample, constant values).
    pub groups: BTreeMap<String, Option<f64>>,
    /// Mean over the groups on which the metric is defined, each weighing the same.
    pub mean: f64,
    /// Number of groups in the mean.
    pub defined: usize,
    /// Number of samples, over all groups.
    pub n: usize,
}

/// Kendall's τ, the ordered-pair accuracy and the top-K error of a set of graphs are averages of this kind:
/// `metric` of each graph, then the mean over graphs. `groups` names the group (graph, task, family, device)
/// of each sample.
///
/// ```
/// use tachograph_metrics::{per_group, top_k_error};
/// # fn main() -> tachograph_metrics::Result<()> {
/// let (p, y) = ([1.0, 2.0, 2.0, 1.0], [5.0, 6.0, 2.0, 3.0]);
/// let slowdown = per_group(&p, &y, &["a", "a", "b", "b"], |p, y| top_k_error(p, y, 1))?;
/// assert_eq!(slowdown.mean, 0.25);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unequal lengths, no samples, values that are not finite; what `metric` refuses, other than
/// [`Error::Undefined`]; that too where no group has a value.
pub fn per_group<'a>(
    predicted: impl Into<ArrayView1<'a, f64>>,
    measured: impl Into<ArrayView1<'a, f64>>,
    groups: &[impl AsRef<str>],
    metric: impl Fn(ArrayView1<'_, f64>, ArrayView1<'_, f64>) -> Result<f64>,
) -> Result<Grouped> {
    let members = divide(predicted.into(), measured.into(), groups)?;
    let n = members.values().map(|(p, _)| p.len()).sum();
    let mut refused = Error::Empty;
    let mut values = BTreeMap::new();
    for (name, (p, y)) in members {
        let value = match metric(p.view(), y.view()) {
            Ok(value) => Some(value),
            Err(error @ Error::Undefined { .. }) => {
                refused = error;
                None
            }
            Err(error) => return Err(error),
        };
        values.insert(name, value);
    }
    let defined: Array1<f64> = values.values().flatten().copied().collect();
    let mean = defined.mean().ok_or(refused)?;
    Ok(Grouped { groups: values, mean, defined: defined.len(), n })
}

/// Predictions and measurements.
type Pairs = (Array1<f64>, Array1<f64>);

/// [`Pairs`] of each group.
pub fn divide(
    predicted: ArrayView1<'_, f64>,
    measured: ArrayView1<'_, f64>,
    groups: &[impl AsRef<str>],
) -> Result<BTreeMap<String, Pairs>> {
    let (predicted, measured) = pair(predicted, measured)?;
    if groups.len() != predicted.len() {
        let (predicted, measured) = (predicted.len(), groups.len());
        return Err(Error::Lengths { predicted, measured, what: "group names" });
    }
    let mut members: BTreeMap<&str, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
    for ((group, &p), &y) in groups.iter().zip(predicted).zip(measured) {
        let (ps, ys) = members.entry(group.as_ref()).or_default();
        ps.push(p);
        ys.push(y);
    }
    Ok(members.into_iter().map(|(name, (p, y))| (name.to_owned(), (p.into(), y.into()))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kendall, mape};

    #[test]
    fn groups_weigh_the_same_and_undefined_ones_are_counted_out() {
        let (p, y) = ([1.0, 2.0, 3.0, 2.0, 1.0, 7.0], [1.0, 2.0, 3.0, 1.0, 2.0, 7.0]);
        let found = per_group(&p, &y, &["a", "a", "a", "b", "b", "c"], |p, y| kendall(p, y)).unwrap();
        assert_eq!((found.mean, found.defined, found.n), (0.0, 2, 6));
        assert_eq!(found.groups["c"], None);
    }

    #[test]
    fn errors_that_are_not_about_definition_surface() {
        let zero = per_group(&[1.0], &[0.0], &["a"], |p, y| mape(p, y));
        assert_eq!(zero, Err(Error::ZeroTarget { index: 0 }));
        assert!(matches!(per_group(&[1.0], &[1.0], &["a"], |p, y| kendall(p, y)), Err(Error::Undefined { .. })));
        let error = per_group(&[1.0], &[1.0], &["a", "b"], |p, y| mape(p, y)).unwrap_err();
        assert_eq!(error.to_string(), "1 predicted values for 2 group names");
    }
}
