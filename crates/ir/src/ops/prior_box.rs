//! Boxes around every point of a feature map: (N, C, H, W) → (N, 4·`boxes`·H·W), with their variances beside them
//! where `rows` is 2: (N, 2, 4·`boxes`·H·W). ncnn's.

use super::axes::product;
use crate::{Call, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct PriorBox;

impl Operator for PriorBox {
    fn names(&self) -> &'static [&'static str] {
        &["PriorBox"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        let (&[n, _, h, w], Ok(boxes)) = (x, u64::try_from(call.int("boxes", 1))) else {
            return Err(format!("{x:?} is no feature map with {} boxes a point", call.int("boxes", 1)).into());
        };
        let numbers = product([4, boxes, h, w])?;
        let shape = if call.int("rows", 2) == 2 { vec![n, 2, numbers] } else { vec![n, numbers] };
        Ok(vec![Fact::new(call.dtype(0)?, shape)])
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    /// Elements of neither operand matter: only how many there are.
    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        (i < 2).then_some(Role::Data)
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        call.output_elements(0).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, shape};
    use crate::{Attr, attrs};

    #[test]
    fn four_numbers_a_box() {
        let six = attrs([("boxes", Attr::Int(6))]);
        assert_eq!(shape("PriorBox", six, &[f32(&[1, 512, 19, 19])]).unwrap(), [1, 2, 8664]);
        let one = attrs([("rows", Attr::Int(1))]);
        assert_eq!(shape("PriorBox", one, &[f32(&[1, 512, 3, 2])]).unwrap(), [1, 24]);
        assert!(shape("PriorBox", attrs([("boxes", Attr::Int(-1))]), &[f32(&[1, 5, 3, 2])]).is_err());
    }
}
