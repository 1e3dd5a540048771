//! Bucketize: the number of the interval in which each element lies, a search of one compare per element and doubling.

use crate::{Call, DType, Fact, Fusion, Node, OpError, Operator};

pub(super) struct Bucketize;

impl Operator for Bucketize {
    fn names(&self) -> &'static [&'static str] {
        &["Bucketize"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        Ok(vec![Fact::new(DType::I32, call.shape(0)?)])
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{DType, Fact, Work, attrs};

    #[test]
    fn numbers_of_intervals() {
        let (facts, work) = run("Bucketize", attrs([]), &[f32(&[3, 2])]).unwrap();
        assert_eq!((&facts[0], work), (&Fact::new(DType::I32, [3, 2]), Work::flops(6)));
    }
}
