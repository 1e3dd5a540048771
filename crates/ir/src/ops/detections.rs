//! What remains of many boxes once those that overlap are dropped: how many depends on the data, so that the results
//! are unknown. ncnn's, of SSD and YOLO and of region proposals.

use crate::{Call, Class, Fact, Node, OpError, Operator, Role};

pub(super) struct Detections;

impl Operator for Detections {
    fn names(&self) -> &'static [&'static str] {
        &["DetectionOutput", "Proposal"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let dtype = call.dtype(0)?;
        Ok(vec![Fact::unknown(dtype); call.node.outputs.len().max(1)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, _: &Node, _: usize) -> Option<Role> {
        Some(Role::Data)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, f32};
    use crate::{DType, Fact, attrs};

    #[test]
    fn results_are_unknown() {
        let x = f32(&[1, 9, 4]);
        let (facts, _) = call("Proposal", attrs([]), &[Some(&x)], 2).unwrap();
        assert_eq!(facts, vec![Fact::unknown(DType::F32); 2]);
        assert!(call("DetectionOutput", attrs([]), &[], 1).is_err());
    }
}
