//! Weights of files that were published without theirs.

use bytes::Bytes;

use super::{Weights, model, schema, write::elements};
use crate::Result;

/// TFLite's number of int8.
const I8: i8 = 9;

/// The model with its int8 weights filled where all their elements are the same, in place: the file is as it was but for
/// them. Weights are constants of two axes or more; others (biases, factors) stay. Operators that read one constant
/// together still do.
///
/// # Errors
/// As [`super::read`] of a file that is none.
pub fn filled(bytes: &Bytes, weights: Weights, name: &str) -> Result<Vec<u8>> {
    let model = model(bytes, name)?;
    let mut filled = bytes.to_vec();
    // No two weights have the same elements: a compiler would keep them once.
    let mut elements = elements(weights);
    let tensors = model.graphs().into_iter().flatten().flat_map(|graph| graph.tensors().into_iter().flatten());
    for tensor in tensors.filter(|t| t.element() == Some(I8) && t.shape().is_some_and(|shape| shape.len() > 1)) {
        let Some(data) = constant(&model, &tensor).filter(|data| same(data)) else { continue };
        // Where a part of the bytes lies in them.
        let start = data.as_ptr().addr() - bytes.as_ptr().addr();
        let Some(place) = filled.get_mut(start..start + data.len()) else { continue };
        place.iter_mut().zip(&mut elements).for_each(|(byte, element)| *byte = element);
    }
    Ok(filled)
}

/// Several bytes of one value.
fn same(data: &[u8]) -> bool {
    data.len() > 1 && data.windows(2).all(|pair| pair.first() == pair.last())
}

/// The bytes of a tensor that has some.
fn constant<'a>(model: &schema::Model<'a>, tensor: &schema::Tensor<'a>) -> Option<&'a [u8]> {
    let (buffers, at) = (model.buffers()?, tensor.buffer()? as usize);
    let data = (at < buffers.len()).then(|| buffers.get(at))?.data()?.bytes();
    (!data.is_empty()).then_some(data)
}

#[cfg(test)]
mod tests {
    use tachograph_ir::{Assignment, Builder, DType};

    use super::*;
    use crate::tflite::write_with;

    #[test]
    fn no_two_weights_have_the_same_elements() {
        let mut b = Builder::new("twice");
        let mut x = b.input("x", DType::F32, [1, 4, 8, 8].map(Into::into).to_vec());
        for _ in 0..2 {
            let weight = b.parameter(&[4, 4, 3, 3]);
            x = b.op("Conv", &[x, weight]).unwrap();
        }
        let bound = b.finish(&[x]).unwrap().bind(&Assignment::new()).unwrap();
        let zeros = write_with(&bound, Weights::Zero).unwrap();
        for bytes in
            [write_with(&bound, Weights::Bell).unwrap(), filled(&zeros.into(), Weights::Bell, "zeros").unwrap()]
        {
            let bytes = Bytes::from(bytes);
            let model = model(&bytes, "twice").unwrap();
            let tensors = model.graphs().unwrap().get(0).tensors().unwrap();
            let weights: Vec<_> =
                tensors.iter().filter_map(|t| constant(&model, &t).filter(|d| d.len() == 144)).collect();
            assert!(weights.len() == 2 && weights[0] != weights[1], "{weights:?}");
        }
    }
}
