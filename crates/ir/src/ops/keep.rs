//! Operators that rearrange or replace elements and keep shape and type.

use super::axes::product;
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct Keep;

impl Operator for Keep {
    fn names(&self) -> &'static [&'static str] {
        &["CopyInto", "ReverseSequence", "Scatter", "ScatterElements", "ScatterND", "Trilu"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        let op = call.node.op.name();
        if op == "Trilu" && x.len() < 2 {
            return Err(format!("{x:?} holds no matrix").into());
        }
        if matches!(op, "Scatter" | "ScatterElements") {
            super::axes::axis(call.int("axis", 0), x)?;
            let (indices, updates) = (call.shape(1)?, call.shape(2)?);
            if indices != updates || indices.len() != x.len() {
                return Err(format!("indices {indices:?} and updates {updates:?} do not fit {x:?}").into());
            }
        }
        if op == "ScatterND" {
            scatter_nd(x, call.shape(1)?, call.shape(2)?)?;
        }
        Ok(vec![Fact::new(call.dtype(0)?, x)])
    }

    fn class(&self, node: &Node) -> Class {
        if node.text("reduction").unwrap_or("none") == "none" { Class::Movement } else { Class::Elementwise }
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let roles: &[Role] = match node.op.name() {
            "CopyInto" => &[Role::Data, Role::Data],
            "ReverseSequence" => &[Role::Data, Role::Shape],
            "ScatterND" => &[Role::Data, Role::Coordinates, Role::Data],
            "Trilu" => &[Role::Data, Role::Setting],
            _ => &[Role::Data, Role::Index, Role::Data],
        };
        roles.get(i).copied()
    }

    /// A scatter that reduces costs one operation per update.
    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        match call.text("reduction", "none") {
            "none" => Ok(Work::MOVE),
            _ => product(call.shape(2)?.iter().copied()).map(Work::flops),
        }
    }
}

/// Updates have the outer shape of the indices, then the slice that each index vector names.
fn scatter_nd(x: &[u64], indices: &[u64], updates: &[u64]) -> Result<(), OpError> {
    let expected = indices.split_last().and_then(|(&depth, outer)| {
        let slice = x.get(usize::try_from(depth).ok()?..)?;
        Some([outer, slice].concat())
    });
    match expected {
        Some(expected) if expected == updates => Ok(()),
        _ => Err(format!("indices {indices:?} and updates {updates:?} do not fit {x:?}").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{DType, Fact, attrs};

    #[test]
    fn scatters_check_their_updates() {
        let indices = |s: &[u64]| Fact::new(DType::I64, s);
        let inputs = [f32(&[4, 5]), indices(&[3, 1]), f32(&[3, 5])];
        let (facts, work) = run("ScatterND", attrs([("reduction", "add".into())]), &inputs).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[4, 5]), 15));
        assert!(run("ScatterND", attrs([]), &[f32(&[4, 5]), indices(&[3, 1]), f32(&[3, 4])]).is_err());
        assert!(run("ScatterElements", attrs([]), &[f32(&[4, 5]), indices(&[2, 2]), f32(&[2, 3])]).is_err());
        assert!(run("Trilu", attrs([]), &[f32(&[4])]).is_err());
    }
}
