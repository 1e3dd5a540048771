//! An encoded image → (height, width, channels), which the bytes say.

use crate::{Call, Class, DType, Fact, Fusion, Node, OpError, Operator};

pub(super) struct ImageDecoder;

impl Operator for ImageDecoder {
    fn names(&self) -> &'static [&'static str] {
        &["ImageDecoder"]
    }

    fn infer(&self, _: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        Ok(vec![Fact::unknown(DType::U8)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }
}
