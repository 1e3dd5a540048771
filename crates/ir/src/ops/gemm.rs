//! Y = α·A'·B' + β·C: (M, K) × (K, N) → (M, N), either factor transposed on request, in floating point or quantised.

use super::{
    axes::{self, product},
    values::broadcast,
};
use crate::{Call, Class, DType, Fact, Fvcore, Node, OpError, Operator, Role, Work};

pub(super) struct Gemm;

/// Places of the second factor and of the bias: the quantised form has scales and zero points between.
fn places(call: &Call<'_>) -> (usize, usize) {
    if call.node.op.name() == "QGemm" { (3, 6) } else { (1, 2) }
}

/// M, K and N.
fn extents(call: &Call<'_>) -> Result<[u64; 3], OpError> {
    let (a, b) = (call.shape(0)?, call.shape(places(call).0)?);
    let matrix = |shape: &[u64], flag: &str| match *shape {
        [rows, columns] if call.int(flag, 0) != 0 => Some([columns, rows]),
        [rows, columns] => Some([rows, columns]),
        _ => None,
    };
    match (matrix(a, "transA"), matrix(b, "transB")) {
        (Some([m, k]), Some([other, n])) if k == other => Ok([m, k, n]),
        _ => {
            let flags = (call.int("transA", 0), call.int("transB", 0));
            Err(format!("{a:?} and {b:?} cannot be multiplied (transA, transB = {flags:?})").into())
        }
    }
}

impl Operator for Gemm {
    fn names(&self) -> &'static [&'static str] {
        &["FusedGemm", "Gemm", "GemmFloat8", "QGemm"]
    }

    fn domain(&self, node: &Node) -> &'static str {
        if node.op.name() == "Gemm" { "" } else { "com.microsoft" }
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let [m, _, n] = extents(call)?;
        if let Some(bias) = call.optional(places(call).1).and_then(|f| f.shape.as_deref())
            && broadcast([bias, &[m, n]])? != [m, n]
        {
            return Err(format!("bias {bias:?} does not broadcast to {:?}", [m, n]).into());
        }
        let dtype = match call.node.op.name() {
            // Without a scale of the result it is not quantised again.
            "QGemm" => call.optional(8).map_or(DType::F32, |zero_point| zero_point.dtype),
            "GemmFloat8" => axes::dtype(call, "dtype")?.unwrap_or(DType::F32),
            _ => call.dtype(0)?,
        };
        Ok(vec![Fact::new(dtype, [m, n])])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Matrix
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        const SETTING: Role = Role::Setting;
        let roles: &[Role] = match node.op.name() {
            "GemmFloat8" => &[Role::Data, Role::Weight, Role::Bias, SETTING, SETTING, SETTING],
            "QGemm" => &[Role::Data, SETTING, SETTING, Role::Weight, SETTING, SETTING, Role::Bias, SETTING, SETTING],
            _ => &[Role::Data, Role::Weight, Role::Bias],
        };
        roles.get(i).copied()
    }

    fn fvcore(&self, call: &Call<'_>) -> Result<Fvcore, OpError> {
        Fvcore::products(self.work(call)?, call)
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let [m, k, n] = extents(call)?;
        let mut work = Work::macs(Some(product([m, k, n])?))?;
        if call.optional(places(call).1).is_some() {
            work.flops = work.flops.saturating_add(product([m, n])?);
        }
        Ok(work)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, DType, Fact, attrs};

    #[test]
    fn classifier_with_bias() {
        let attrs = attrs([("transB", Attr::Int(1))]);
        let (facts, work) = run("Gemm", attrs, &[f32(&[8, 512]), f32(&[1000, 512]), f32(&[1000])]).unwrap();
        assert_eq!(facts[0], f32(&[8, 1000]));
        assert_eq!((work.macs, work.flops), (8 * 512 * 1000, 2 * 8 * 512 * 1000 + 8000));
    }

    #[test]
    fn quantised() {
        let (byte, scale) = (|shape: &[u64]| Fact::new(DType::U8, shape), f32(&[]));
        let (x, w, zero) = (byte(&[2, 64]), byte(&[32, 64]), byte(&[]));
        let bias = Fact::new(DType::I32, [32]);
        let inputs = [x, scale.clone(), zero.clone(), w, scale.clone(), zero.clone(), bias, scale, zero];
        let transposed = attrs([("transB", Attr::Int(1))]);
        let (facts, work) = run("QGemm", transposed.clone(), &inputs).unwrap();
        assert_eq!((facts[0].clone(), work.macs, work.flops), (byte(&[2, 32]), 4096, 8192 + 64));
        assert_eq!(run("QGemm", transposed, &inputs[..7]).unwrap().0[0], f32(&[2, 32]));
    }

    #[test]
    fn refuses_unequal_inner_extents_and_wide_bias() {
        assert!(run("Gemm", attrs([]), &[f32(&[2, 3]), f32(&[4, 5])]).is_err());
        assert!(run("Gemm", attrs([]), &[f32(&[2, 3]), f32(&[3, 1]), f32(&[5])]).is_err());
        assert!(run("Gemm", attrs([]), &[f32(&[2, 3, 1]), f32(&[3, 1])]).is_err());
    }
}
