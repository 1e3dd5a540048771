//! Einsum: every label is an extent; two operands or more multiply, labels absent from the result are summed.
//!
//! With n operands the count is (n − 1) × the product of all labels' extents, as multiply–accumulates where a label
//! is summed; one operand that sums costs an addition per element, one that does not only moves.

use std::collections::BTreeMap;

use super::{axes::product, values::broadcast};
use crate::{Call, Class, Fact, Fusion, Fvcore, Node, OpError, Operator, Role, Shape, Work};

pub(super) struct Einsum;

/// Extents of labels and of the ellipsis, and the labels of the result (`None` is the ellipsis).
struct Parsed {
    extents: BTreeMap<char, u64>,
    ellipsis: Shape,
    result: Vec<Option<char>>,
}

/// Labels of one term: a letter each, `None` for `...`.
fn labels(term: &str) -> Option<Vec<Option<char>>> {
    let mut labels: Vec<Option<char>> = Vec::new();
    let mut rest = term;
    while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("...") {
            if labels.contains(&None) {
                return None;
            }
            labels.push(None);
            rest = after;
        } else if first.is_ascii_alphabetic() {
            labels.push(Some(first));
            rest = &rest[1..];
        } else {
            return None;
        }
    }
    Some(labels)
}

/// Number of factors, and whether a label is summed; `None` for an equation that cannot be read.
fn factors(node: &Node) -> Option<(usize, bool)> {
    let equation: String = node.text("equation")?.split_whitespace().collect();
    let (left, right) = equation.split_once("->").map_or((equation.as_str(), None), |(l, r)| (l, Some(r)));
    let terms = left.split(',').map(labels).collect::<Option<Vec<_>>>()?;
    let sums = match right.map(labels) {
        Some(right) => {
            let right = right?;
            terms.iter().flatten().any(|label| !right.contains(label))
        }
        // Implicit: what is named twice is summed.
        None => {
            let mut named: Vec<_> = terms.iter().flatten().flatten().collect();
            let all = named.len();
            named.sort_unstable();
            named.dedup();
            named.len() < all
        }
    };
    Some((terms.len(), sums))
}

fn parse(call: &Call<'_>) -> Result<Parsed, OpError> {
    let equation: String = call.text("equation", "").split_whitespace().collect();
    let shapes = (0..call.inputs.len()).map(|i| call.shape(i)).collect::<Result<Vec<_>, _>>()?;
    let refuse = || OpError::Invalid(format!("equation `{equation}` does not fit {shapes:?}"));
    let (left, right) = equation.split_once("->").map_or((equation.as_str(), None), |(l, r)| (l, Some(r)));
    let terms: Vec<_> = left.split(',').map(labels).collect::<Option<_>>().ok_or_else(refuse)?;
    if terms.len() != shapes.len() {
        return Err(refuse());
    }
    let (mut extents, mut uses, mut ellipses) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for (term, shape) in terms.iter().zip(&shapes) {
        let named = term.iter().flatten().count();
        let hidden = shape.len().checked_sub(named).filter(|&n| n == 0 || term.contains(&None)).ok_or_else(refuse)?;
        let mut rest = *shape;
        for label in term {
            let (now, later) = rest.split_at_checked(if label.is_none() { hidden } else { 1 }).ok_or_else(refuse)?;
            rest = later;
            let Some(label) = label else {
                ellipses.push(now);
                continue;
            };
            let extent = extents.entry(*label).or_insert(now[0]);
            if *extent == 1 {
                *extent = now[0];
            } else if now[0] != 1 && now[0] != *extent {
                return Err(refuse());
            }
            *uses.entry(*label).or_insert(0u32) += 1;
        }
    }
    let result = match right {
        Some(right) => labels(right).ok_or_else(refuse)?,
        // Implicit: the ellipsis, then the labels used once in alphabetic order.
        None => {
            let ellipsis = (!ellipses.is_empty()).then_some(None);
            ellipsis.into_iter().chain(uses.iter().filter(|(_, n)| **n == 1).map(|(&label, _)| Some(label))).collect()
        }
    };
    if result.iter().flatten().any(|label| !extents.contains_key(label)) {
        return Err(refuse());
    }
    Ok(Parsed { extents, ellipsis: broadcast(ellipses)?, result })
}

impl Operator for Einsum {
    fn names(&self) -> &'static [&'static str] {
        &["Einsum"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let parsed = parse(call)?;
        let extent = |label: &Option<char>| match label {
            Some(label) => vec![parsed.extents[label]],
            None => parsed.ellipsis.clone(),
        };
        Ok(vec![Fact::new(call.dtype(0)?, parsed.result.iter().flat_map(extent).collect::<Shape>())])
    }

    fn class(&self, node: &Node) -> Class {
        let sums = match factors(node) {
            Some((factors, sums)) if factors > 1 => return if sums { Class::Matrix } else { Class::Elementwise },
            Some((_, sums)) => sums,
            None => false,
        };
        if sums { Class::Elementwise } else { Class::Movement }
    }

    /// Compilers make a product between transposes of it.
    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, _: &Node, _: usize) -> Option<Role> {
        Some(Role::Data)
    }

    fn fvcore(&self, call: &Call<'_>) -> Result<Fvcore, OpError> {
        Fvcore::products(self.work(call)?, call)
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let parsed = parse(call)?;
        let sums = parsed.extents.keys().any(|label| !parsed.result.contains(&Some(*label)))
            || (!parsed.ellipsis.is_empty() && !parsed.result.contains(&None));
        let all = product(parsed.extents.values().chain(&parsed.ellipsis).copied())?;
        match (call.inputs.len() as u64, sums) {
            (0 | 1, true) => Ok(Work::flops(all)),
            (0 | 1, false) => Ok(Work::MOVE),
            (n, true) => Work::macs(Some(product([n - 1, all])?)),
            (n, false) => Ok(Work::flops(product([n - 1, all])?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run, shape};
    use crate::{Attrs, attrs};

    fn equation(text: &str) -> Attrs {
        attrs([("equation", text.into())])
    }

    #[test]
    fn attention_scores() {
        let inputs = [f32(&[2, 5, 4, 8]), f32(&[2, 7, 4, 8])];
        let (facts, work) = run("Einsum", equation("bqhd, bkhd -> bhqk"), &inputs).unwrap();
        assert_eq!((facts[0].clone(), work.macs), (f32(&[2, 4, 5, 7]), 2 * 4 * 5 * 7 * 8));
    }

    #[test]
    fn implicit_results_diagonals_and_ellipses() {
        assert_eq!(shape("Einsum", equation("ij,jk"), &[f32(&[2, 3]), f32(&[3, 4])]).unwrap(), [2, 4]);
        assert_eq!(shape("Einsum", equation("ba"), &[f32(&[2, 3])]).unwrap(), [3, 2]);
        assert_eq!(shape("Einsum", equation("...ii->...i"), &[f32(&[5, 6, 3, 3])]).unwrap(), [5, 6, 3]);
        assert_eq!(shape("Einsum", equation("...ij,...jk"), &[f32(&[5, 2, 3]), f32(&[3, 4])]).unwrap(), [5, 2, 4]);
        assert_eq!(shape("Einsum", equation("ij->"), &[f32(&[2, 3])]).unwrap(), [0u64; 0]);
        assert_eq!(run("Einsum", equation("ij->ji"), &[f32(&[2, 3])]).unwrap().1.flops, 0);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        for bad in ["ij,jk,kl->il", "ijk,jk->i", "ij,ik->jk", "ij,jk->iz", "i1,jk->i", "....ij,jk->ik", "é,jk->j"] {
            assert!(run("Einsum", equation(bad), &[f32(&[2, 3]), f32(&[3, 4])]).is_err(), "{bad}");
        }
    }
}
