//! Element types of tensors.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The element type of a tensor, with ONNX's set of types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum DType {
    F64,
    F32,
    F16,
    BF16,
    F8,
    I64,
    I32,
    I16,
    I8,
    I4,
    U64,
    U32,
    U16,
    U8,
    U4,
    Bool,
    String,
    Complex64,
    Complex128,
    F6,
    F4,
    /// An exponent of two without mantissa: the scale of a block.
    E8M0,
    I2,
    U2,
}

const NAMES: [(DType, &str, u64); 24] = [
    (DType::F64, "f64", 64),
    (DType::F32, "f32", 32),
    (DType::F16, "f16", 16),
    (DType::BF16, "bf16", 16),
    (DType::F8, "f8", 8),
    (DType::I64, "i64", 64),
    (DType::I32, "i32", 32),
    (DType::I16, "i16", 16),
    (DType::I8, "i8", 8),
    (DType::I4, "i4", 4),
    (DType::U64, "u64", 64),
    (DType::U32, "u32", 32),
    (DType::U16, "u16", 16),
    (DType::U8, "u8", 8),
    (DType::U4, "u4", 4),
    (DType::Bool, "bool", 8),
    (DType::String, "string", 64),
    (DType::Complex64, "complex64", 64),
    (DType::Complex128, "complex128", 128),
    (DType::F6, "f6", 6),
    (DType::F4, "f4", 4),
    (DType::E8M0, "e8m0", 8),
    (DType::I2, "i2", 2),
    (DType::U2, "u2", 2),
];

impl DType {
    /// Storage of one element, in bits. Strings count as one 64-bit reference.
    pub fn bits(self) -> u64 {
        NAMES[self as usize].2
    }

    /// Storage of `elements` elements, in bytes, rounded up; `None` on overflow.
    pub fn bytes(self, elements: u64) -> Option<u64> {
        Some(elements.checked_mul(self.bits())?.div_ceil(8))
    }

    /// The type with this number in ONNX's `TensorProto.DataType`.
    pub fn from_onnx(code: i64) -> Option<Self> {
        Some(match code {
            1 => Self::F32,
            2 => Self::U8,
            3 => Self::I8,
            4 => Self::U16,
            5 => Self::I16,
            6 => Self::I32,
            7 => Self::I64,
            8 => Self::String,
            9 => Self::Bool,
            10 => Self::F16,
            11 => Self::F64,
            12 => Self::U32,
            13 => Self::U64,
            14 => Self::Complex64,
            15 => Self::Complex128,
            16 => Self::BF16,
            17..=20 => Self::F8,
            21 => Self::U4,
            22 => Self::I4,
            23 => Self::F4,
            24 => Self::E8M0,
            25 => Self::U2,
            26 => Self::I2,
            27 | 28 => Self::F6,
            _ => return None,
        })
    }

    /// True for real floating-point types.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F64 | Self::F32 | Self::F16 | Self::BF16 | Self::F8 | Self::F6 | Self::F4 | Self::E8M0)
    }

    /// True for integers and booleans: the types that shape arithmetic uses.
    pub fn is_integer(self) -> bool {
        !self.is_float() && !matches!(self, Self::String | Self::Complex64 | Self::Complex128)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAMES[*self as usize].1)
    }
}

impl FromStr for DType {
    type Err = crate::Error;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let known = NAMES.iter().find(|(_, name, _)| *name == s);
        let names = || NAMES.iter().map(|(_, name, _)| (*name).to_owned()).collect();
        let unknown = || crate::Error::UnknownName { kind: "data type", name: s.into(), known: names() };
        known.map(|(dtype, ..)| *dtype).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_in_declaration_order() {
        for (i, (dtype, name, _)) in NAMES.iter().enumerate() {
            assert_eq!(*dtype as usize, i);
            assert_eq!(name.parse::<DType>().unwrap(), *dtype);
        }
    }

    #[test]
    fn sub_byte_types_round_up() {
        assert_eq!(DType::I4.bytes(3), Some(2));
        let block = [DType::F6, DType::F4, DType::E8M0, DType::I2, DType::U2].map(|dtype| dtype.bytes(33).unwrap());
        assert_eq!(block, [25, 17, 33, 9, 9]);
        assert_eq!(DType::F64.bytes(u64::MAX), None);
    }

    #[test]
    fn every_number_of_onnx_is_a_type() {
        let bits: Vec<u64> = (1..=28).map(|code| DType::from_onnx(code).unwrap().bits()).collect();
        let onnx = [32, 8, 8, 16, 16, 32, 64, 64, 8, 16, 64, 32, 64, 64, 128, 16, 8, 8, 8, 8, 4, 4, 4, 8, 2, 2, 6, 6];
        assert_eq!(bits, onnx);
        assert_eq!((DType::from_onnx(0), DType::from_onnx(29)), (None, None));
        assert!(DType::E8M0.is_float() && DType::U2.is_integer() && !DType::F4.is_integer());
    }
}
