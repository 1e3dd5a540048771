//! ONNX Runtime's Fourier transforms of real numbers: (…, n) → (…, n/2 + 1, 2) over `signal_ndim` axes, and back:
//! 5·n·log₂ n operations for n points.

use super::axes::product;
use crate::{Call, Fact, Fusion, Node, OpError, Operator, Work, elements};

pub(super) struct Fourier;

fn points(call: &Call<'_>, real: &[u64]) -> Result<u64, OpError> {
    let axes = usize::try_from(call.int("signal_ndim", 1)).ok().filter(|n| (1..=real.len()).contains(n));
    let axes = axes.ok_or_else(|| format!("signal_ndim does not fit {real:?}"))?;
    product(real[real.len() - axes..].iter().copied())
}

impl Operator for Fourier {
    fn names(&self) -> &'static [&'static str] {
        &["Irfft", "Rfft"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        let shape = match (call.node.op.name(), x) {
            ("Rfft", [outer @ .., n]) => [outer, &[n / 2 + 1, 2]].concat(),
            ("Irfft", [outer @ .., half, 2]) if *half > 0 => {
                let n = (half - 1).checked_mul(2).ok_or_else(|| format!("{x:?} exceeds 64 bits"))?;
                [outer, &[n]].concat()
            }
            _ => return Err(format!("{x:?} holds no signal").into()),
        };
        Ok(vec![Fact::new(call.dtype(0)?, shape)])
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let result = call.outputs.first().and_then(|f| f.shape.as_deref()).ok_or(OpError::Unknown)?;
        let real = if call.node.op.name() == "Rfft" { call.shape(0)? } else { result };
        let levels = u64::from(points(call, real)?.max(1).ilog2());
        product([5, levels, elements(real).ok_or(OpError::Unknown)?]).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, attrs};

    #[test]
    fn there_and_back() {
        let one = attrs([("signal_ndim", Attr::Int(1))]);
        let (facts, work) = run("Rfft", one.clone(), &[f32(&[3, 16])]).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[3, 9, 2]), 5 * 4 * 48));
        assert_eq!(run("Irfft", one, &[f32(&[3, 9, 2])]).unwrap().0[0], f32(&[3, 16]));
    }
}
