//! Numbers as bytes of their type, and back.

use tachograph_ir::DType;

use crate::{Error, Nest, NestBuffer, Result};

macro_rules! types {
    ($($dtype:ident $t:ty),*) => {
        /// Elements as they lie in memory.
        pub(super) fn to_bytes(dtype: DType, data: &[f64]) -> Option<Vec<u8>> {
            Some(match dtype {
                $(DType::$dtype => data.iter().flat_map(|&x| (x as $t).to_ne_bytes()).collect(),)*
                _ => return None,
            })
        }

        /// Elements from memory.
        pub(super) fn from_bytes(dtype: DType, bytes: &[u8]) -> Option<Vec<f64>> {
            Some(match dtype {
                $(DType::$dtype => bytes
                    .chunks_exact(size_of::<$t>())
                    .map(|chunk| <$t>::from_ne_bytes(chunk.try_into().unwrap_or_default()) as f64)
                    .collect(),)*
                _ => return None,
            })
        }
    };
}
types! { F64 f64, F32 f32, I64 i64, I32 i32, I16 i16, I8 i8, U64 u64, U32 u32, U16 u16, U8 u8, Bool u8 }

impl NestBuffer {
    /// Row-major elements as bytes in the buffer's layout.
    ///
    /// # Errors
    /// Another number of elements; a type that has none in memory here.
    pub fn pack(&self, data: &[f64]) -> Result<Vec<u8>> {
        packed(self, data)
    }
}

fn unknown(buffer: &NestBuffer) -> Error {
    Error::data(&buffer.name, format!("has elements of {}, which cannot be passed", buffer.dtype))
}

/// A buffer's row-major elements as bytes in its layout.
pub(super) fn packed(buffer: &NestBuffer, data: &[f64]) -> Result<Vec<u8>> {
    if data.len() as u64 != buffer.shape.iter().product::<u64>() {
        return Err(Error::data(&buffer.name, format!("{} elements given for {:?}", data.len(), buffer.shape)));
    }
    to_bytes(buffer.dtype, &buffer.layout.pack(&buffer.shape, data)).ok_or_else(|| unknown(buffer))
}

/// A buffer's row-major elements from bytes in its layout.
pub(super) fn unpacked(buffer: &NestBuffer, bytes: &[u8]) -> Result<Vec<f64>> {
    let data = from_bytes(buffer.dtype, bytes).ok_or_else(|| unknown(buffer))?;
    if data.len() as u64 != buffer.elements() {
        return Err(Error::data(&buffer.name, format!("{} elements in memory for {:?}", data.len(), buffer.shape)));
    }
    Ok(buffer.layout.unpack(&buffer.shape, &data))
}

/// The outputs of a nest, one after the other in `bytes`.
pub(super) fn outputs(nest: &Nest, bytes: &[u8]) -> Result<crate::Data> {
    let mut rest = bytes;
    let mut data = crate::Data::new();
    for &id in &nest.outputs {
        let buffer = nest.buffer(id);
        let size = (buffer.bytes() as usize).min(rest.len());
        let (own, after) = rest.split_at(size);
        data.insert(id, unpacked(buffer, own)?);
        rest = after;
    }
    Ok(data)
}
