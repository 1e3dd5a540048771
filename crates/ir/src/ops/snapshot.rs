//! Operators of ONNX Runtime's decoders that write into state they are given: a layer of Mamba 2 over snapshots, copies
//! of captured transitions, and the acceptance of speculated tokens.

use super::{axes::product, matmul_nbits::positive};
use crate::{Call, Class, DType, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct Snapshot;

fn mamba(node: &Node) -> bool {
    node.op.name() == "Mamba2Verify"
}

impl Operator for Snapshot {
    fn names(&self) -> &'static [&'static str] {
        &["ConvStateReplay", "GatedDeltaNetStateReplay", "Mamba2Verify", "SpeculativePrefixCommit"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let same = |i: usize| Ok::<_, OpError>(Fact::new(call.dtype(i)?, call.shape(i)?));
        match call.node.op.name() {
            "Mamba2Verify" => {
                let (tokens, inner) = (call.shape(0)?.first().copied(), call.shape(8)?.first().copied());
                let (Some(tokens), Some(inner)) = (tokens, inner) else { return Err(OpError::Unknown) };
                let channels = call.shape(3)?.first().copied().ok_or(OpError::Unknown)?;
                let dtype = call.dtype(0)?;
                let fact = |dtype: DType, n: u64| Fact::new(dtype, [tokens, n]);
                Ok(vec![fact(dtype, inner), same(1)?, same(2)?, fact(dtype, channels), fact(DType::F32, inner)])
            }
            "SpeculativePrefixCommit" => {
                let tokens = call.shape(0)?;
                let batch = if tokens.len() > 1 { tokens[0] } else { 1 };
                Ok(vec![Fact::new(DType::I32, [batch]), same(3)?, same(4)?])
            }
            _ => Ok(vec![same(2)?]),
        }
    }

    fn class(&self, node: &Node) -> Class {
        if mamba(node) { Class::Matrix } else { Class::Movement }
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        use Role::{Bias, Data, Factor, Index, Scale, Shape, State, Weight};
        let roles: &[Role] = match node.op.name() {
            "Mamba2Verify" => &[Data, State, State, Weight, Bias, Bias, Factor, Factor, Scale, Index],
            "SpeculativePrefixCommit" => &[Data, Data, Data, State, State, Shape, Shape],
            _ => &[State, State, State, Shape],
        };
        roles.get(i).copied()
    }

    /// Per token the convolution, and a state of (heads, depth, width) that is updated and read; 5 operations per result
    /// to normalise.
    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        if !mamba(call.node) {
            return Ok(Work::MOVE);
        }
        let tokens = call.shape(0)?.first().copied().unwrap_or(0);
        let state = product([positive(call, "heads")?, positive(call, "d_state")?, positive(call, "head_dim")?, 2])?;
        let each = product(call.shape(3)?.iter().copied())?.checked_add(state);
        let mut work = Work::macs(each.and_then(|n| n.checked_mul(tokens)))?;
        work.flops = work.flops.saturating_add(product([5, call.output_elements(0)?])?);
        Ok(work)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, DType, Fact, attrs};

    #[test]
    fn states_keep_their_shape() {
        let sizes = attrs([("heads", Attr::Int(4)), ("d_state", Attr::Int(16)), ("head_dim", Attr::Int(8))]);
        let (conv, ssm, heads) = (f32(&[9, 64, 3]), f32(&[9, 4, 16, 8]), f32(&[4]));
        let inputs = [
            f32(&[5, 100]),
            conv.clone(),
            ssm.clone(),
            f32(&[64, 4]),
            f32(&[64]),
            heads.clone(),
            heads.clone(),
            heads,
            f32(&[32]),
            Fact::new(DType::I32, [1]),
        ];
        let (facts, work) = run("Mamba2Verify", sizes, &inputs).unwrap();
        assert_eq!(facts[..3], [f32(&[5, 32]), conv, ssm]);
        assert_eq!(work.macs, 5 * (256 + 2 * 512));
    }
}
