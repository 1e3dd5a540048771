//! What stands before a mixture of experts: the router's scores, and the first products of a shared expert.

use super::{axes::product, matmul_nbits::positive};
use crate::{Call, Class, DType, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct Router;

fn groups(node: &Node) -> bool {
    node.op.name() == "MoEGroupRouter"
}

/// Leading extents, inner extent and width of the product.
fn extents<'a>(call: &Call<'a>) -> Result<(&'a [u64], u64, u64), OpError> {
    let (x, weight) = (call.shape(0)?, if groups(call.node) { 2 } else { 1 });
    let refuse = |w: &[u64]| OpError::Invalid(format!("{x:?} does not fit weight {w:?}"));
    let ([outer @ .., k], w) = (x, call.shape(weight)?) else { return Err(refuse(&[])) };
    match (w, groups(call.node)) {
        (&[n, inner], true) | (&[inner, n], false) if inner == *k => Ok((outer, *k, n)),
        _ => Err(refuse(w)),
    }
}

impl Operator for Router {
    fn names(&self) -> &'static [&'static str] {
        &["MoEGroupRouter", "RouterGateUpProj"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let dtype = call.dtype(0)?;
        if !groups(call.node) {
            let ((outer, _, n), router) = (extents(call)?, positive(call, "router_size")?);
            let rest = n.checked_sub(router).ok_or_else(|| format!("{router} of {n} columns are the router's"))?;
            let fact = |n: u64| Fact::new(dtype, [outer, &[n]].concat());
            return Ok(vec![fact(router), fact(rest / 2)]);
        }
        let experts = call.shape(1)?.first().copied().ok_or(OpError::Unknown)?;
        let outer = call.shape(0)?.split_last().ok_or(OpError::Unknown)?.1;
        let tokens = product(outer.iter().copied())?;
        let wide = Fact::new(DType::F32, [tokens, experts]);
        Ok(vec![Fact::new(dtype, [tokens, experts]), wide.clone(), wide])
    }

    fn class(&self, node: &Node) -> Class {
        let multiplies = !groups(node) || node.inputs.get(2).copied().flatten().is_some();
        if multiplies { Class::Matrix } else { Class::Normalization }
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let roles: &[Role] = match groups(node) {
            true => &[Role::Data, Role::Bias, Role::Weight],
            false => &[Role::Data, Role::Weight],
        };
        roles.get(i).copied()
    }

    /// 5 operations per score of the router, 3 per gated element, and the product if it is inside.
    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let rest = match groups(call.node) {
            true => product([5, call.output_elements(0)?])?,
            false => product([3, call.output_elements(1)?])?,
        };
        if groups(call.node) && call.optional(2).is_none() {
            return Ok(Work::flops(rest));
        }
        let (outer, k, n) = extents(call)?;
        let mut work = Work::macs(Some(product(outer.iter().copied().chain([k, n]))?))?;
        work.flops = work.flops.saturating_add(rest);
        Ok(work)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, attrs};

    #[test]
    fn scores_and_a_shared_expert() {
        let (facts, _) = run("MoEGroupRouter", attrs([]), &[f32(&[2, 5, 16]), f32(&[16])]).unwrap();
        assert_eq!(facts[0], f32(&[10, 16]));
        let size = attrs([("router_size", Attr::Int(16))]);
        let (facts, work) = run("RouterGateUpProj", size, &[f32(&[2, 5, 32]), f32(&[32, 144])]).unwrap();
        assert_eq!((facts.clone(), work.macs), (vec![f32(&[2, 5, 16]), f32(&[2, 5, 64])], 10 * 32 * 144));
    }
}
