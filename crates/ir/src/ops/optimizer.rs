//! Training inside a graph: the optimisers of ONNX's preview domain, whose operands are a rate, a count of updates, and
//! then the parameters, their gradients and their states one group after the other; and gradients by name.

use super::axes::product;
use crate::{Attr, Call, Class, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct Optimizer;

/// Groups of operands after the rate and the count, and operations per parameter.
fn groups(op: &str) -> (usize, u64) {
    match op {
        "Adam" => (4, 12),
        "Adagrad" => (3, 7),
        _ => (3, 5),
    }
}

impl Operator for Optimizer {
    fn names(&self) -> &'static [&'static str] {
        &["Adagrad", "Adam", "Gradient", "Momentum"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "ai.onnx.preview.training"
    }

    /// New parameters and states, with the shapes of the old; a gradient has that of what it is of.
    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let same = |i: usize| Ok(Fact::new(call.dtype(i)?, call.shape(i)?));
        if call.node.op.name() == "Gradient" {
            let of = match call.attrs().get("xs") {
                Some(Attr::Strs(names)) => names.len(),
                _ => 1,
            };
            return (0..of).map(same).collect();
        }
        let (groups, _) = groups(call.node.op.name());
        let each = call.inputs.len().saturating_sub(2) / groups;
        if each == 0 || call.inputs.len() != 2 + each * groups {
            return Err(format!("{} operands are not {groups} a parameter", call.inputs.len()).into());
        }
        (0..each * (groups - 1)).map(|i| same(if i < each { 2 + i } else { 2 + each + i })).collect()
    }

    fn class(&self, node: &Node) -> Class {
        if node.op.name() == "Gradient" { Class::Movement } else { Class::Elementwise }
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        Some(if i < 2 && node.op.name() != "Gradient" { Role::Setting } else { Role::Data })
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        if call.node.op.name() == "Gradient" {
            return Ok(Work::MOVE);
        }
        let (groups, per_element) = groups(call.node.op.name());
        let parameters = call.inputs.len().saturating_sub(2) / groups;
        let mut flops = 0u64;
        for i in 0..parameters {
            flops = flops.saturating_add(product(call.shape(2 + i)?.iter().copied().chain([per_element]))?);
        }
        Ok(Work::flops(flops))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, attrs};

    #[test]
    fn states_follow_their_parameters() {
        let (a, b, rate) = (f32(&[3, 4]), f32(&[5]), f32(&[]));
        let pairs = |n: usize| vec![[a.clone(), b.clone()]; n].concat();
        let step = |groups: usize| [vec![rate.clone(); 2], pairs(groups)].concat();
        let (facts, work) = run("Adam", attrs([]), &step(4)).unwrap();
        assert_eq!((facts, work.flops), (pairs(3), 12 * 17));
        assert_eq!(run("Momentum", attrs([]), &step(3)).unwrap().0, pairs(2));
        assert!(run("Adagrad", attrs([]), &step(2)[..4]).is_err());
        let of = attrs([("xs", Attr::Strs(vec!["a".into()]))]);
        assert_eq!(run("Gradient", of, &[a.clone(), b.clone()]).unwrap().0, [a.clone()]);
    }
}
