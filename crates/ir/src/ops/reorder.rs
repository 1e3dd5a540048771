//! Into the blocked layout of ONNX Runtime's optimiser, (N, C, H, W) with channels in blocks of `block`, an attribute that
//! the importer adds, and out of it.

use super::{
    axes::product,
    delegate::{channels_first, channels_last},
    matmul_nbits::positive,
};
use crate::{Call, Class, Fact, Node, OpError, Operator, Saved};

pub(super) struct Reorder;

impl Operator for Reorder {
    fn names(&self) -> &'static [&'static str] {
        &["ReorderInput", "ReorderOutput"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft.nchwc"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let last = call.int("channels_last", 0) != 0;
        let x = Fact::new(call.dtype(0)?, call.shape(0)?);
        let mut result = if last && call.node.op.name() == "ReorderInput" { channels_first(&x) } else { x };
        let shape = result.shape.as_deref_mut();
        let channels = shape.and_then(|shape| shape.get_mut(1)).ok_or_else(|| "has no channels".to_owned())?;
        if call.node.op.name() == "ReorderInput" {
            *channels =
                channels.checked_next_multiple_of(positive(call, "block").unwrap_or(1)).ok_or(OpError::Unknown)?;
            return Ok(vec![result]);
        }
        // The last block may have room for more.
        *channels = positive(call, "channels")?;
        product(result.shape.iter().flatten().copied())?;
        Ok(vec![if last { channels_last(&result) } else { result }])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn saves(&self, _: &Node) -> Saved {
        Saved::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, shape};
    use crate::{Attr, attrs};

    #[test]
    fn blocks_lose_what_fills_them() {
        let channels = attrs([("channels", Attr::Int(10))]);
        assert_eq!(shape("ReorderOutput", channels, &[f32(&[1, 16, 7, 7])]).unwrap(), [1, 10, 7, 7]);
        let last = attrs([("channels", Attr::Int(10)), ("channels_last", Attr::Int(1))]);
        assert_eq!(shape("ReorderOutput", last.clone(), &[f32(&[1, 16, 7, 8])]).unwrap(), [1, 7, 8, 10]);
        assert_eq!(shape("ReorderInput", last, &[f32(&[1, 7, 8, 16])]).unwrap(), [1, 16, 7, 8]);
        let block = attrs([("block", Attr::Int(16))]);
        assert_eq!(shape("ReorderInput", block, &[f32(&[1, 60, 7, 8])]).unwrap(), [1, 64, 7, 8]);
    }
}
