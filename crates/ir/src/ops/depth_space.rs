//! Blocks of space become channels and back: (N, C, H, W) ↔ (N, C·b², H/b, W/b).

use crate::{Call, Class, Fact, Node, OpError, Operator, Shape};

pub(super) struct DepthSpace;

impl Operator for DepthSpace {
    fn names(&self) -> &'static [&'static str] {
        &["DepthToSpace", "SpaceToDepth"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, block) = (call.shape(0)?, call.int("blocksize", 0));
        let shape = u64::try_from(block).ok().filter(|&b| b > 0).and_then(|block| match call.node.op.name() {
            "DepthToSpace" => to_space(x, block),
            _ => to_depth(x, block),
        });
        let shape = shape.ok_or_else(|| format!("{x:?} does not fit blocks of {block}"))?;
        Ok(vec![Fact::new(call.dtype(0)?, shape)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }
}

fn to_space(x: &[u64], block: u64) -> Option<Shape> {
    let &[n, c, h, w] = x else { return None };
    let area = block.checked_mul(block)?;
    (c % area == 0).then_some(vec![n, c / area, h.checked_mul(block)?, w.checked_mul(block)?])
}

fn to_depth(x: &[u64], block: u64) -> Option<Shape> {
    let &[n, c, h, w] = x else { return None };
    let fits = h % block == 0 && w % block == 0;
    fits.then_some(vec![n, c.checked_mul(block.checked_mul(block)?)?, h / block, w / block])
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, shape};
    use crate::{Attr, attrs};

    #[test]
    fn there_and_back() {
        let block = |b| attrs([("blocksize", Attr::Int(b))]);
        assert_eq!(shape("DepthToSpace", block(2), &[f32(&[1, 8, 3, 5])]).unwrap(), [1, 2, 6, 10]);
        assert_eq!(shape("SpaceToDepth", block(2), &[f32(&[1, 2, 6, 10])]).unwrap(), [1, 8, 3, 5]);
        assert!(shape("SpaceToDepth", block(4), &[f32(&[1, 2, 6, 10])]).is_err());
        assert!(shape("DepthToSpace", block(0), &[f32(&[1, 8, 3, 5])]).is_err());
    }
}
