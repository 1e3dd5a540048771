//! Embedding tables of ONNX Runtime: quantised in blocks, packed, or as PyTorch's `Embedding`.

use super::{
    axes::{axis, dtype, product},
    matmul_nbits::positive,
};
use crate::{Call, Class, DType, Fact, Node, OpError, Operator, Role};

pub(super) struct GatherQuantized;

impl Operator for GatherQuantized {
    fn names(&self) -> &'static [&'static str] {
        &["GatherBlockQuantized", "GatherPacked", "TorchEmbedding"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (data, indices) = (call.shape(0)?, call.shape(1)?);
        let rows = |width: u64| [indices, &[width]].concat();
        match call.node.op.name() {
            "GatherPacked" => {
                let dtype = dtype(call, "output_dtype")?.unwrap_or(DType::F32);
                Ok(vec![Fact::new(dtype, rows(positive(call, "K")?))])
            }
            "TorchEmbedding" => match data {
                &[_, width] => Ok(vec![Fact::new(call.dtype(0)?, rows(width))]),
                _ => Err(format!("table {data:?} is no matrix").into()),
            },
            _ => {
                let place = axis(call.int("gather_axis", 0), data)?;
                let mut shape = [&data[..place], indices, &data[place + 1..]].concat();
                // Bytes hold several numbers, along the last axis.
                let bits = u64::try_from(call.int("bits", 4)).ok().filter(|&bits| bits > 0);
                if let (DType::U8, Some(bits), Some(last)) = (call.dtype(0)?, bits, shape.last_mut()) {
                    *last = product([*last, (8 / bits).max(1)])?;
                }
                Ok(vec![Fact::new(call.dtype(2)?, shape)])
            }
        }
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        use Role::{Data, Index, Setting, Weight};
        let roles: &[Role] = match node.op.name() {
            "GatherPacked" => &[Weight, Index],
            "TorchEmbedding" => &[Data, Index, Setting, Setting],
            _ => &[Weight, Index, Setting, Setting],
        };
        roles.get(i).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run, shape};
    use crate::{DType, Fact, attrs};

    #[test]
    fn tables_of_four_bits() {
        let ids = Fact::new(DType::I64, [2, 5]);
        let inputs = [Fact::new(DType::U8, [1000, 32]), ids.clone(), f32(&[1000, 2])];
        assert_eq!(run("GatherBlockQuantized", attrs([]), &inputs).unwrap().0[0], f32(&[2, 5, 64]));
        let inputs = [Fact::new(DType::U4, [1000, 64]), ids.clone(), f32(&[1000, 2])];
        assert_eq!(run("GatherBlockQuantized", attrs([]), &inputs).unwrap().0[0], f32(&[2, 5, 64]));
        assert_eq!(shape("TorchEmbedding", attrs([]), &[f32(&[9, 4]), ids]).unwrap(), [2, 5, 4]);
    }
}
