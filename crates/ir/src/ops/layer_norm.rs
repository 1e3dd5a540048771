//! Normalisation over the trailing axes, with or without a residual added first.
//!
//! Per element: LayerNormalization 8 (mean, centring, square, variance, scaling, affine), RMSNormalization 5
//! (no mean, no centring, no shift), and the `Skip` forms of ONNX Runtime one more.

use super::{
    axes::{self, product},
    values::broadcast,
};
use crate::{Call, Class, DType, Fact, Fvcore, Node, OpError, Operator, Role, Work};

pub(super) struct LayerNorm;

impl Operator for LayerNorm {
    fn names(&self) -> &'static [&'static str] {
        &[
            "LayerNormalization",
            "RMSNormalization",
            "SimplifiedLayerNormalization",
            "SkipLayerNormalization",
            "SkipSimplifiedLayerNormalization",
        ]
    }

    fn domain(&self, node: &Node) -> &'static str {
        if node.op.name().starts_with("Skip") { "com.microsoft" } else { "" }
    }

    /// Result, mean, inverse deviation, and for the `Skip` forms the sum.
    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        let skip = skips(call);
        if skip && broadcast([x, call.shape(1)?])? != x {
            return Err(format!("residual {:?} does not fit {x:?}", call.shape(1)?).into());
        }
        let axis = axes::axis(if skip { -1 } else { call.int("axis", -1) }, x)?;
        let first = if skip { 2 } else { 1 };
        for i in first..call.inputs.len().min(first + 2) {
            if let Some(affine) = call.optional(i).and_then(|f| f.shape.as_deref())
                && broadcast([x, affine])? != x
            {
                return Err(format!("operand {i} of shape {affine:?} does not fit {x:?}").into());
            }
        }
        let mut reduced = x.to_vec();
        reduced[axis..].fill(1);
        let statistic = Fact::new(axes::dtype(call, "stash_type")?.unwrap_or(DType::F32), reduced);
        let result = Fact::new(call.dtype(0)?, x);
        Ok(vec![result.clone(), statistic.clone(), statistic, result])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Normalization
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let roles: &[Role] = match node.op.name().starts_with("Skip") {
            true => &[Role::Data, Role::Data, Role::Scale, Role::Bias, Role::Bias],
            false => &[Role::Data, Role::Scale, Role::Bias],
        };
        roles.get(i).copied()
    }

    fn fvcore(&self, call: &Call<'_>) -> Result<Fvcore, OpError> {
        Fvcore::per_element(if call.node.op.name() == "LayerNormalization" { 5 } else { 0 }, call.shape(0)?)
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let layer = matches!(call.node.op.name(), "LayerNormalization" | "SkipLayerNormalization");
        let per_element = if layer { 8 } else { 5 } + u64::from(skips(call));
        product([per_element, call.output_elements(0)?]).map(Work::flops)
    }
}

fn skips(call: &Call<'_>) -> bool {
    call.node.op.name().starts_with("Skip")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, attrs};

    #[test]
    fn statistics_keep_rank() {
        let inputs = [f32(&[2, 5, 8]), f32(&[5, 8]), f32(&[5, 8])];
        let (facts, work) = run("LayerNormalization", attrs([("axis", Attr::Int(1))]), &inputs).unwrap();
        assert_eq!((facts[0].clone(), facts[1].clone(), work.flops), (f32(&[2, 5, 8]), f32(&[2, 1, 1]), 640));
    }

    #[test]
    fn residual_forms() {
        let inputs = [f32(&[2, 5, 8]), f32(&[2, 5, 8]), f32(&[8]), f32(&[8])];
        let (facts, work) = run("SkipLayerNormalization", attrs([]), &inputs).unwrap();
        assert_eq!((facts[3].clone(), work.flops), (f32(&[2, 5, 8]), 720));
        assert!(run("SkipLayerNormalization", attrs([]), &[f32(&[2, 5, 8]), f32(&[2, 5, 9])]).is_err());
    }

    #[test]
    fn refuses_scales_of_other_extents() {
        assert!(run("LayerNormalization", attrs([]), &[f32(&[2, 8]), f32(&[7])]).is_err());
        assert!(run("RMSNormalization", attrs([("axis", Attr::Int(2))]), &[f32(&[2, 8]), f32(&[8])]).is_err());
    }
}
