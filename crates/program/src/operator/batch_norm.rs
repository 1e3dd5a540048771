//! Batch normalisation at inference: a product and a sum by channel, folded from five vectors.

use super::{Node, Operator};
use crate::{BufferId, Builder, Error, Expr, Result};

/// x (N, C, …) · s + t by channel, with s = scale / √(variance + ε) and t = shift − mean · s. Both depend on weights
/// alone, so they are made beforehand.
///
/// # Errors
/// Vectors of another length than the channels.
pub fn batch_norm(
    b: &mut Builder,
    x: BufferId,
    [scale, shift, mean, variance]: [BufferId; 4],
    epsilon: f64,
) -> Result<BufferId> {
    let channels = b.shape(x).get(1).copied().unwrap_or(1);
    if [scale, shift, mean, variance].iter().any(|&v| b.shape(v) != [channels]) {
        return Err(Error::operator("batch_norm", format!("{:?}, vectors of {:?}", b.shape(x), b.shape(scale))));
    }
    let load = |v: BufferId, i: &[crate::Index]| Expr::Load(v, i.to_vec());
    let factor = b.map("factor", &[("c", channels)], |i| load(scale, i) / (load(variance, i) + epsilon).sqrt())?;
    let offset = b.map("offset", &[("c", channels)], |i| load(shift, i) - load(mean, i) * load(factor, i))?;
    b.apply("batch_norm", x, |x, i| {
        let c = [i[1].clone()];
        x * load(factor, &c) + load(offset, &c)
    })
}

pub(super) struct BatchNorm;

impl Operator for BatchNorm {
    fn names(&self) -> &'static [&'static str] {
        &["BatchNormalization"]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        let vectors = [node.operand(1)?, node.operand(2)?, node.operand(3)?, node.operand(4)?];
        batch_norm(b, node.operand(0)?, vectors, node.call.float("epsilon", 1e-5)).map(|y| vec![y])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tachograph_ir::DType::F32;

    #[test]
    fn what_depends_on_weights_alone_costs_nothing() {
        let mut b = Builder::new("t");
        let x = b.input("x", F32, &[1, 4, 2, 2]).unwrap();
        let vectors = [0; 4].map(|_| b.weight("v", F32, &[4]).unwrap());
        let y = batch_norm(&mut b, x, vectors, 1e-5).unwrap();
        let w = b.finish(&[y]).unwrap();
        assert_eq!(w.flops(), 2 * 16);
        let given = w.inputs().map(|id| (id, vec![4.0; w.buffer(id).elements() as usize])).collect();
        let y = &w.run(&given).unwrap()[&y];
        assert!(y.iter().all(|y| (y - 4.0).abs() < 1e-5));
    }
}
