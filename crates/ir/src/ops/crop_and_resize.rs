//! Crops of images, resized to one size: (N, C, H, W) with R regions → (R, C, h, w).

use super::{
    axes::{extents, product},
    resize::per_sample,
};
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct CropAndResize;

impl Operator for CropAndResize {
    fn names(&self) -> &'static [&'static str] {
        &["CropAndResize"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, regions, size) = (call.shape(0)?, call.shape(1)?, extents(call.ints(3)?)?);
        let (&[_, channels, _, _], &[count, 4], &[height, width]) = (x, regions, &size[..]) else {
            return Err(format!("regions {regions:?} of size {size:?} do not fit {x:?}").into());
        };
        Ok(vec![Fact::new(call.dtype(0)?, [count, channels, height, width])])
    }

    fn class(&self, node: &Node) -> Class {
        if per_sample(node.text("mode").unwrap_or("bilinear")) == 0 { Class::Movement } else { Class::Elementwise }
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Coordinates, Role::Index, Role::Shape].get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        product([per_sample(call.text("mode", "bilinear")), call.output_elements(0)?]).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, ints, run};
    use crate::{DType, Fact, attrs};

    #[test]
    fn one_size_for_all() {
        let inputs = [f32(&[2, 3, 32, 32]), f32(&[5, 4]), Fact::new(DType::I32, [5]), ints(&[7, 9])];
        let (facts, work) = run("CropAndResize", attrs([]), &inputs).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[5, 3, 7, 9]), 7 * 945));
        assert!(run("CropAndResize", attrs([]), &[f32(&[2, 3, 32]), f32(&[5, 4]), f32(&[5]), ints(&[7, 9])]).is_err());
    }
}
