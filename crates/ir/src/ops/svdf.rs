//! SVDF, a layer of low rank with memory: (N, I), weights of features (F, I) and of time (F, M), bias, the memory
//! (N, F·M) → (N, F / rank). Arithmetic: both products, and one addition per filter.

use super::axes::product;
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct Svdf;

impl Operator for Svdf {
    fn names(&self) -> &'static [&'static str] {
        &["SVDF"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, features, time) = (call.shape(0)?, call.shape(1)?, call.shape(2)?);
        let refuse = || OpError::Invalid(format!("input {x:?} does not fit weights {features:?} and {time:?}"));
        let (&[n, width], &[filters, inner], &[others, _]) = (x, features, time) else { return Err(refuse()) };
        let rank = u64::try_from(call.int("rank", 1)).ok().filter(|&rank| rank > 0 && filters % rank == 0);
        let rank = rank.filter(|_| width == inner && filters == others).ok_or_else(refuse)?;
        Ok(vec![Fact::new(call.dtype(0)?, [n, filters / rank])])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Matrix
    }

    /// Between its two products it writes the memory.
    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Weight, Role::Weight, Role::Bias, Role::State].get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let (&[n, width], &[filters, memory]) = (call.shape(0)?, call.shape(2)?) else { return Err(OpError::Unknown) };
        let rows = product([n, filters])?;
        let mut work = Work::macs(width.checked_add(memory).and_then(|n| n.checked_mul(rows)))?;
        work.flops = work.flops.saturating_add(rows);
        Ok(work)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, attrs};

    #[test]
    fn filters_of_rank_two() {
        let operands = [f32(&[2, 40]), f32(&[64, 40]), f32(&[64, 8]), f32(&[32]), f32(&[2, 512])];
        let (facts, work) = run("SVDF", attrs([("rank", Attr::Int(2))]), &operands).unwrap();
        assert_eq!((&facts[0], work.macs, work.flops), (&f32(&[2, 32]), 2 * 64 * 48, 2 * 64 * 97));
        let error = run("SVDF", attrs([("rank", Attr::Int(3))]), &operands).unwrap_err();
        assert!(format!("{error:?}").contains("[64, 40]"), "{error:?}");
    }
}
