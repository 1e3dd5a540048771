//! Tensors of given shape with elements drawn at random or from the unit matrix.

use super::axes::{dtype, extents};
use crate::{Call, Class, DType, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct Fill;

impl Operator for Fill {
    fn names(&self) -> &'static [&'static str] {
        &[
            "Bernoulli",
            "EyeLike",
            "Multinomial",
            "RandomNormal",
            "RandomNormalLike",
            "RandomUniform",
            "RandomUniformLike",
        ]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let declared = dtype(call, "dtype")?;
        if matches!(call.node.op.name(), "RandomNormal" | "RandomUniform") {
            let shape = call.list("shape").ok_or_else(|| OpError::Invalid("has no shape".into()))?;
            return Ok(vec![Fact::new(declared.unwrap_or(DType::F32), extents(shape)?)]);
        }
        if call.node.op.name() == "Multinomial" {
            let (x, samples) = (call.shape(0)?, extents(&[call.int("sample_size", 1)])?);
            let &[rows, _] = x else { return Err(format!("{x:?} is no list of distributions").into()) };
            return Ok(vec![Fact::new(declared.unwrap_or(DType::I32), [rows, samples[0]])]);
        }
        Ok(vec![Fact::new(declared.unwrap_or(call.dtype(0)?), call.shape(0)?)])
    }

    fn class(&self, node: &Node) -> Class {
        if node.op.name() == "EyeLike" { Class::Movement } else { Class::Elementwise }
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let reads = !matches!(node.op.name(), "RandomNormal" | "RandomUniform");
        (reads && i == 0).then_some(Role::Data)
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        match call.node.op.name() {
            "EyeLike" => Ok(Work::MOVE),
            _ => call.output_elements(0).map(Work::flops),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, DType, Fact, attrs};

    #[test]
    fn shapes_and_types() {
        let given = attrs([("shape", vec![2, 3].into()), ("dtype", Attr::Int(11))]);
        let (facts, work) = run("RandomNormal", given, &[]).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (Fact::new(DType::F64, [2, 3]), 6));
        assert_eq!(run("EyeLike", attrs([]), &[f32(&[4, 4])]).unwrap().0[0], f32(&[4, 4]));
        let samples = run("Multinomial", attrs([("sample_size", Attr::Int(9))]), &[f32(&[4, 7])]).unwrap();
        assert_eq!(samples.0[0], Fact::new(DType::I32, [4, 9]));
        assert!(run("RandomUniform", attrs([("shape", vec![-2].into())]), &[]).is_err());
    }
}
