//! Mixtures of experts: each token is worked on by the `k` experts that its router chooses; the result has the shape
//! of the input. Arithmetic: the products of `k` experts per token, of weights that may be packed.

use super::axes::product;
use crate::{Call, Class, DType, Fact, Fusion, Node, OpError, Operator, Role, Work, elements};

pub(super) struct Moe;

/// Places of the weights.
fn weights(node: &Node) -> [usize; 3] {
    match node.op.name() {
        "QMoE" => [2, 5, 8],
        _ => [2, 4, 6],
    }
}

/// Products of one expert and one token.
fn expert(call: &Call<'_>) -> Result<u64, OpError> {
    if call.node.op.name() == "MoEPacked" {
        // The rows of a packed weight are of no use: its columns are as many as there are inputs.
        let width = call.shape(0)?.last().copied().ok_or(OpError::Unknown)?;
        let inner = call.shape(2)?.get(1).copied().ok_or(OpError::Unknown)?;
        let matrices = 2 + u64::from(call.optional(3).is_some());
        return product([matrices, width, inner]);
    }
    let mut products = 0u64;
    for (layer, i) in weights(call.node).into_iter().enumerate().filter(|(_, i)| call.optional(*i).is_some()) {
        let shape = call.shape(i)?;
        let experts = shape.first().copied().filter(|&n| n > 0).ok_or(OpError::Unknown)?;
        let stored = elements(shape).ok_or_else(|| format!("{shape:?} exceeds 64 bits"))? / experts;
        let own = call.int(&format!("fc{}_expert_weight_bits", layer + 1), 0);
        let bits = if own > 0 { own } else { call.int("expert_weight_bits", 4) };
        let per_byte = match (call.node.op.name(), call.dtype(i)?) {
            ("QMoE", DType::U8 | DType::I8) => u64::try_from(8 / bits.max(1)).unwrap_or(1).max(1),
            _ => 1,
        };
        products = product([stored, per_byte])?.checked_add(products).ok_or(OpError::Unknown)?;
    }
    Ok(products)
}

impl Operator for Moe {
    fn names(&self) -> &'static [&'static str] {
        &["MoE", "MoEPacked", "QMoE"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        Ok(vec![Fact::new(call.dtype(0)?, call.shape(0)?)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Matrix
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        use Role::{Bias, Data, Setting, Weight};
        let roles: &[Role] = match node.op.name() {
            "MoE" => &[Data, Data, Weight, Bias, Weight, Bias, Weight, Bias],
            "MoEPacked" => &[Data, Data, Weight, Weight, Weight, Data],
            _ => &[
                Data, Data, Weight, Setting, Bias, Weight, Setting, Bias, Weight, Setting, Bias, Setting, Setting,
                Setting, Data, Setting, Setting, Setting, Setting, Setting, Setting,
            ],
        };
        roles.get(i).copied()
    }

    /// Beside the products: 5 per token and expert for the softmax of the router.
    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let chosen = u64::try_from(call.int("k", 1)).unwrap_or(0);
        let router = call.shape(1)?;
        let tokens = router.first().copied().ok_or(OpError::Unknown)?;
        let mut work = Work::macs(Some(product([tokens, chosen, expert(call)?])?))?;
        work.flops = work.flops.saturating_add(product(router.iter().copied().chain([5]))?);
        Ok(work)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, f32, run};
    use crate::{Attr, DType, Fact, attrs};

    #[test]
    fn chosen_experts_count() {
        let two = attrs([("k", Attr::Int(2))]);
        let (x, router, up, down, bias) =
            (f32(&[3, 5, 32]), f32(&[15, 8]), f32(&[8, 64, 32]), f32(&[8, 32, 64]), f32(&[8, 64]));
        let (facts, work) = run("MoE", two.clone(), &[x.clone(), router.clone(), up, bias.clone(), down]).unwrap();
        assert_eq!((facts[0].clone(), work.macs), (x.clone(), 15 * 2 * 2 * 2048));
        let packed = |shape: &[u64]| Fact::new(DType::U8, shape);
        let (up, down, scale) = (packed(&[8, 64, 16]), packed(&[8, 32, 32]), f32(&[8, 64]));
        let inputs = [Some(&x), Some(&router), Some(&up), Some(&scale), None, Some(&down), Some(&scale)];
        assert_eq!(call("QMoE", two, &inputs, 1).unwrap().1.macs, 15 * 2 * 2 * 2048);
    }
}
