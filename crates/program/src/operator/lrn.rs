//! Local response normalisation across channels (Krizhevsky et al., NeurIPS 2012), as ONNX's `LRN` has it.

use super::{Node, Operator, named};
use crate::{Binary, BufferId, Builder, Cond, Error, Expr, Reducer, Result};

/// x / (bias + alpha / size · Σ x²)^beta, with the sum over `size` channels around each, of which axis 1 has those that are
/// there.
///
/// # Errors
/// No axis of channels, or an empty window.
pub fn lrn(b: &mut Builder, x: BufferId, size: u64, [alpha, beta, bias]: [f64; 3]) -> Result<BufferId> {
    let shape = b.shape(x).to_vec();
    let Some(&channels) = shape.get(1).filter(|_| size > 0) else {
        return Err(Error::operator("LRN", format!("x {shape:?}, a window of {size}")));
    };
    let axes = named(&shape);
    let below = (size - 1) / 2;
    let squares = b.reduce("squares", &axes, &[("r", size)], Reducer::Sum, |s, r| {
        let mut at = s.to_vec();
        at[1] = &(&s[1] + &r[0]) - below as i64;
        let inside = Cond::In(at[1].clone(), 0, channels as i64);
        let load = Expr::Load(x, at);
        (load.clone() * load).when(inside, 0.0)
    })?;
    let axes = named(&shape);
    b.map("lrn", &axes, |i| {
        let sum = Expr::Load(squares, i.to_vec()) * (alpha / size as f64) + bias;
        Expr::Load(x, i.to_vec()) / sum.binary(Binary::Pow, beta)
    })
}

pub(super) struct Lrn;

impl Operator for Lrn {
    fn names(&self) -> &'static [&'static str] {
        &["LRN"]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        let size = u64::try_from(node.call.int("size", 1)).unwrap_or(0);
        let setting = |name: &str, default: f64| node.call.node.float(name).unwrap_or(default);
        let settings = [setting("alpha", 1e-4), setting("beta", 0.75), setting("bias", 1.0)];
        lrn(b, node.operand(0)?, size, settings).map(|y| vec![y])
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{close, data, run};
    use super::*;

    #[test]
    fn equals_loops() {
        for size in [1, 2, 3, 5] {
            let (_, _, y) = run(&[&[1, 4, 3]], |b, x| lrn(b, x[0], size, [0.5, 0.75, 2.0]));
            let x = data(0, &[1, 4, 3]);
            let mut expected = Vec::new();
            for c in 0..4i64 {
                for j in 0..3 {
                    let first = c - (size as i64 - 1) / 2;
                    let there = (first..first + size as i64).filter(|k| (0..4).contains(k));
                    let sum: f64 = there.map(|k| x[k as usize * 3 + j].powi(2)).sum();
                    expected.push(x[c as usize * 3 + j] / (2.0 + 0.5 / size as f64 * sum).powf(0.75));
                }
            }
            close(&expected, &y);
        }
    }
}
