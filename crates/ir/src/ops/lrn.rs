//! Local response normalisation over `size` neighbouring channels: size + 4 operations per element
//! (a square, size − 1 additions, scale and shift, a power, a division).

use super::axes::product;
use crate::{Call, Class, Fact, Node, OpError, Operator, Work};

pub(super) struct Lrn;

fn size(call: &Call<'_>) -> Result<u64, OpError> {
    let size = call.int("size", 0);
    u64::try_from(size).ok().filter(|&n| n > 0).ok_or_else(|| OpError::Invalid(format!("size {size} is not positive")))
}

impl Operator for Lrn {
    fn names(&self) -> &'static [&'static str] {
        &["LRN"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        size(call)?;
        let x = call.shape(0)?;
        if x.len() < 2 {
            return Err(format!("{x:?} has no channels").into());
        }
        Ok(vec![Fact::new(call.dtype(0)?, x)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Normalization
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        product([size(call)?.saturating_add(4), call.output_elements(0)?]).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, attrs};

    #[test]
    fn cost_grows_with_size() {
        let (facts, work) = run("LRN", attrs([("size", Attr::Int(5))]), &[f32(&[1, 96, 2, 2])]).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[1, 96, 2, 2]), 9 * 384));
        assert!(run("LRN", attrs([]), &[f32(&[1, 96, 2, 2])]).is_err());
    }
}
