//! Real part, imaginary part and modulus of complex numbers, and the transform of real matrices that makes them.
//!
//! Rfft2D(x, extents): the last two axes, cut or padded to `extents`, become (h, w/2 + 1) complex numbers. A transform
//! of n real numbers is taken as 5/2·n·log₂n operations.

use super::axes::{extents, product};
use crate::{Call, Class, DType, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct Complex;

impl Operator for Complex {
    fn names(&self) -> &'static [&'static str] {
        &["ComplexAbs", "Imag", "Real", "Rfft2D"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        if call.node.op.name() != "Rfft2D" {
            let dtype = if call.dtype(0)? == DType::Complex128 { DType::F64 } else { DType::F32 };
            return Ok(vec![Fact::new(dtype, x)]);
        }
        let length = extents(call.ints(1)?)?;
        let (&[height, width], [outer @ .., _, _]) = (length.as_slice(), x) else {
            return Err(format!("extents {length:?} do not fit {x:?}").into());
        };
        Ok(vec![Fact::new(DType::Complex64, [outer, &[height, width / 2 + 1]].concat())])
    }

    fn fuses(&self, node: &Node) -> Fusion {
        if node.op.name() == "Rfft2D" { Fusion::Alone } else { Fusion::Follower }
    }

    fn class(&self, _: &Node) -> Class {
        Class::Elementwise
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Shape].get(i).copied().filter(|_| i == 0 || node.op.name() == "Rfft2D")
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let results = call.output_elements(0)?;
        if call.node.op.name() != "Rfft2D" {
            return Ok(Work::flops(results));
        }
        let points = product(extents(call.ints(1)?)?)?;
        let butterflies = product([5, results, points.max(1).ilog2().into()])?;
        Ok(Work::flops(butterflies))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, ints, run};
    use crate::{DType, Fact, attrs};

    #[test]
    fn half_of_the_spectrum() {
        let (facts, work) = run("Rfft2D", attrs([]), &[f32(&[3, 5, 300]), ints(&[1, 512])]).unwrap();
        assert_eq!(facts[0], Fact::new(DType::Complex64, [3, 1, 257]));
        assert_eq!(work.flops, 5 * 3 * 257 * 9);
        assert_eq!(run("ComplexAbs", attrs([]), &facts).unwrap().0[0], f32(&[3, 1, 257]));
        let error = run("Rfft2D", attrs([]), &[f32(&[5]), ints(&[1, 512])]).unwrap_err();
        assert!(format!("{error:?}").contains("[5]"), "{error:?}");
    }
}
