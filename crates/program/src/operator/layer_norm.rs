//! Layer normalisation over the last axes, and that by the root of the mean square.

use super::{Node, Operator, Reduction, broadcast, named, reduce};
use crate::{BufferId, Builder, Expr, Index, Reducer, Result};

/// (x − mean) / √(variance + ε) · scale + shift, with mean and variance over the axes from `axis` on.
///
/// # Errors
/// An axis that is not there; a scale or shift that does not broadcast.
pub fn layer_norm(
    b: &mut Builder,
    x: BufferId,
    axis: usize,
    epsilon: f64,
    scale: Option<BufferId>,
    shift: Option<BufferId>,
) -> Result<BufferId> {
    let axes: Vec<usize> = (axis..b.shape(x).len()).collect();
    let mean = reduce(b, x, &axes, true, Reduction::Mean)?;
    normalize(b, x, axis, epsilon, Some(mean), scale, shift)
}

fn normalize(
    b: &mut Builder,
    x: BufferId,
    axis: usize,
    epsilon: f64,
    mean: Option<BufferId>,
    scale: Option<BufferId>,
    shift: Option<BufferId>,
) -> Result<BufferId> {
    let shape = b.shape(x).to_vec();
    let names = named(&shape);
    let along = |i: &[Index]| {
        let mut index = i.to_vec();
        index.iter_mut().skip(axis).for_each(|i| *i = Index::constant(0));
        index
    };
    let centred = |i: &[Index]| {
        let x = Expr::Load(x, i.to_vec());
        mean.map_or(x.clone(), |mean| x - Expr::Load(mean, along(i)))
    };
    let kept: Vec<(&str, u64)> =
        names.iter().enumerate().map(|(a, &(name, extent))| (name, if a < axis { extent } else { 1 })).collect();
    let inside: Vec<String> = names[axis..].iter().map(|(name, _)| format!("r{name}")).collect();
    let reduction: Vec<(&str, u64)> = inside.iter().map(String::as_str).zip(shape[axis..].iter().copied()).collect();
    let squares = b.reduce("squares", &kept, &reduction, Reducer::Sum, |s, r| {
        let index: Vec<Index> = s[..axis].iter().chain(r).cloned().collect();
        centred(&index) * centred(&index)
    })?;
    let count: u64 = shape[axis..].iter().product();
    let factor = b.map("factor", &kept, |i| {
        let variance = Expr::Load(squares, i.to_vec()) * (1.0 / count as f64);
        Expr::from(1.0) / (variance + epsilon).sqrt()
    })?;
    let reader = b.clone();
    b.map("norm", &names, |i| {
        let mut y = centred(i) * Expr::Load(factor, along(i));
        if let Some(scale) = scale {
            y = y * broadcast(&reader, scale, i);
        }
        if let Some(shift) = shift {
            y = y + broadcast(&reader, shift, i);
        }
        y
    })
}

pub(super) struct LayerNorm;

impl Operator for LayerNorm {
    fn names(&self) -> &'static [&'static str] {
        &["LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization"]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        let x = node.operand(0)?;
        if node.call.node.outputs.iter().skip(1).any(Option::is_some) {
            return Err(node.refuse("has its mean as a result"));
        }
        let axis = node.axis("axis", -1, b.shape(x).len())?;
        let epsilon = node.call.float("epsilon", 1e-5);
        let y = match node.name() {
            "LayerNormalization" => layer_norm(b, x, axis, epsilon, node.optional(1), node.optional(2)),
            _ => normalize(b, x, axis, epsilon, None, node.optional(1), None),
        }?;
        Ok(vec![y])
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{close, data, run};
    use super::*;

    #[test]
    fn by_definition() {
        let (_, _, y) = run(&[&[3, 8], &[8], &[8]], |b, x| layer_norm(b, x[0], 1, 1e-5, Some(x[1]), Some(x[2])));
        let (x, scale, shift) = (data(0, &[3, 8]), data(1, &[8]), data(2, &[8]));
        let expected = x.chunks(8).flat_map(|row| {
            let mean = row.iter().sum::<f64>() / 8.0;
            let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 8.0;
            let root = (variance + 1e-5).sqrt();
            row.iter().enumerate().map(|(i, x)| (x - mean) / root * scale[i] + shift[i]).collect::<Vec<_>>()
        });
        close(&expected.collect::<Vec<_>>(), &y);
    }
}
