//! Tensors of a file: element types, extents, and the elements of small ones.

use bytes::Buf;
use half::{bf16, f16};
use prost::encoding::decode_varint;
use tachograph_ir::{DType, Shape, Value, elements};

use super::proto::{SparseTensorProto, TensorProto};

/// The element type with this number.
pub(super) fn dtype(code: i32) -> Option<DType> {
    DType::from_onnx(code.into())
}

/// The number of an element type.
pub(super) fn code(dtype: DType) -> i32 {
    (1..=32).find(|&code| self::dtype(code) == Some(dtype)).unwrap_or(0)
}

/// Extents as a shape.
pub(super) fn shape(dims: &[i64]) -> Result<Shape, String> {
    dims.iter().map(|&d| u64::try_from(d).map_err(|_| format!("shape {dims:?} has a negative extent"))).collect()
}

/// Type and shape, checked to fit 64 bits.
pub(super) fn declaration(tensor: &TensorProto) -> Result<(DType, Shape), String> {
    let dtype = dtype(tensor.data_type).ok_or_else(|| format!("unknown element type {}", tensor.data_type))?;
    let shape = shape(&tensor.dims)?;
    match elements(&shape).and_then(|n| dtype.bytes(n)) {
        Some(_) => Ok((dtype, shape)),
        None => Err(format!("size of shape {shape:?} exceeds 64 bits")),
    }
}

/// Elements, when there are at most `limit` and all are in the file.
pub(super) fn value(tensor: &TensorProto, limit: usize) -> Option<Value> {
    let (dtype, shape) = declaration(tensor).ok()?;
    let count = usize::try_from(elements(&shape)?).ok().filter(|&n| n <= limit && tensor.data_location == 0)?;
    let value = match dtype {
        DType::F32 | DType::F64 | DType::F16 | DType::BF16 => Value::Floats(floats(tensor, dtype, count)?),
        dtype if dtype.is_integer() && dtype.bits() >= 8 => Value::Ints(ints(tensor, dtype, count)?),
        _ => return None,
    };
    (value.len() == count).then_some(value)
}

/// Elements of a tensor whose data is in the message, however many.
pub(super) fn elements_of(tensor: &TensorProto) -> Result<Vec<f64>, String> {
    let (dtype, shape) = declaration(tensor)?;
    let count = elements(&shape).and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
    let found = if dtype.is_float() {
        floats(tensor, dtype, count)
    } else if dtype.is_integer() && dtype.bits() >= 8 {
        ints(tensor, dtype, count).map(|v| v.into_iter().map(|n| n as f64).collect())
    } else {
        return Err(format!("elements of {dtype} cannot be read"));
    };
    found.ok_or_else(|| format!("it has fewer elements than the {count} of its shape {shape:?}"))
}

/// A sparse tensor as a dense one: with its elements where there are few, else as if they lay elsewhere.
pub(super) fn dense(sparse: &SparseTensorProto) -> TensorProto {
    let values = sparse.values.clone().unwrap_or_default();
    match filled(sparse, &values) {
        Some(dense) => dense,
        None => TensorProto { dims: sparse.dims.clone(), data_location: 1, ..values },
    }
}

fn filled(sparse: &SparseTensorProto, values: &TensorProto) -> Option<TensorProto> {
    let (dtype, shape) = (dtype(values.data_type)?, shape(&sparse.dims).ok()?);
    let count = usize::try_from(elements(&shape)?).ok().filter(|&n| n <= Value::MAX_ELEMENTS)?;
    let (given, indices) = (value(values, count)?, value(sparse.indices.as_ref()?, count.checked_mul(shape.len())?)?);
    // Either offsets, or a place on every axis.
    let width = if sparse.indices.as_ref()?.dims.len() > 1 { shape.len() } else { 1 };
    let extents = if width == 1 { &[count as u64][..] } else { &shape };
    let offset = |place: &[i64]| {
        let step = |at: u64, (&i, &extent): (&i64, &u64)| {
            at.checked_mul(extent)?.checked_add(u64::try_from(i).ok().filter(|&i| i < extent)?)
        };
        usize::try_from(place.iter().zip(extents).try_fold(0, step)?).ok()
    };
    let places: Vec<usize> = indices.ints()?.chunks(width.max(1)).map(offset).collect::<Option<_>>()?;
    let value = match given {
        Value::Ints(given) => Value::Ints(scatter(count, &places, &given)?),
        Value::Floats(given) => Value::Floats(scatter(count, &places, &given)?),
    };
    Some(message(&values.name, dtype, &shape, &value))
}

fn scatter<T: Copy + Default>(count: usize, places: &[usize], given: &[T]) -> Option<Vec<T>> {
    let mut all = vec![T::default(); count];
    for (&place, &value) in places.iter().zip(given) {
        *all.get_mut(place)? = value;
    }
    (places.len() == given.len()).then_some(all)
}

/// A message with these elements.
pub(super) fn message(name: &str, dtype: DType, shape: &[u64], value: &Value) -> TensorProto {
    let mut raw = Vec::new();
    match value {
        Value::Floats(v) => v.iter().for_each(|&x| match dtype {
            DType::F64 => raw.extend(x.to_le_bytes()),
            DType::F16 => raw.extend(f16::from_f64(x).to_le_bytes()),
            DType::BF16 => raw.extend(bf16::from_f64(x).to_le_bytes()),
            _ => raw.extend((x as f32).to_le_bytes()),
        }),
        Value::Ints(v) => {
            let width = usize::try_from(dtype.bits() / 8).unwrap_or(8).clamp(1, 8);
            v.iter().for_each(|x| raw.extend(&x.to_le_bytes()[..width]));
        }
    }
    TensorProto {
        name: name.into(),
        data_type: code(dtype),
        dims: shape.iter().map(|&n| n as i64).collect(),
        raw_data: raw.into(),
        ..TensorProto::default()
    }
}

/// A message with the elements of a weight.
pub(super) fn weight(name: &str, dtype: DType, shape: &[u64], values: Vec<f32>) -> TensorProto {
    if dtype != DType::F32 {
        return message(name, dtype, shape, &Value::Floats(values.into_iter().map(f64::from).collect()));
    }
    let raw: Vec<u8> = values.into_iter().flat_map(f32::to_le_bytes).collect();
    TensorProto { raw_data: raw.into(), ..message(name, dtype, shape, &Value::Floats(Vec::new())) }
}

fn floats(tensor: &TensorProto, dtype: DType, count: usize) -> Option<Vec<f64>> {
    let raw = &tensor.raw_data[..];
    let half = |bits: u16| {
        let (half, brain) = (f16::from_bits(bits), bf16::from_bits(bits));
        if dtype == DType::F16 { half.to_f64() } else { brain.to_f64() }
    };
    let single = |mut bytes: &[u8]| take(count, || bytes.try_get_f32_le().ok().map(f64::from));
    let double = |mut bytes: &[u8]| take(count, || bytes.try_get_f64_le().ok());
    match (dtype, raw.is_empty()) {
        (DType::F32, true) => single(&tensor.float_data),
        (DType::F32, false) => single(raw),
        (DType::F64, true) => double(&tensor.double_data),
        (DType::F64, false) => double(raw),
        (_, true) => Some(varints(&tensor.int32_data, count)?.into_iter().map(|bits| half(bits as u16)).collect()),
        (_, false) => {
            let mut raw = raw;
            take(count, || raw.try_get_u16_le().ok().map(half))
        }
    }
}

fn ints(tensor: &TensorProto, dtype: DType, count: usize) -> Option<Vec<i64>> {
    if tensor.raw_data.is_empty() {
        return match dtype {
            DType::I64 => varints(&tensor.int64_data, count),
            DType::U32 | DType::U64 => varints(&tensor.uint64_data, count),
            _ => varints(&tensor.int32_data, count),
        };
    }
    let mut raw = &tensor.raw_data[..];
    take(count, || {
        Some(match dtype {
            DType::I64 | DType::U64 => raw.try_get_i64_le().ok()?,
            DType::I32 => raw.try_get_i32_le().ok()?.into(),
            DType::U32 => raw.try_get_u32_le().ok()?.into(),
            DType::I16 => raw.try_get_i16_le().ok()?.into(),
            DType::U16 => raw.try_get_u16_le().ok()?.into(),
            DType::I8 => raw.try_get_i8().ok()?.into(),
            _ => raw.try_get_u8().ok()?.into(),
        })
    })
}

fn varints(mut bytes: &[u8], count: usize) -> Option<Vec<i64>> {
    take(count, || decode_varint(&mut bytes).ok().map(|v| v as i64))
}

fn take<T>(count: usize, mut next: impl FnMut() -> Option<T>) -> Option<Vec<T>> {
    (0..count).map(|_| next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(data_type: i32, dims: &[i64]) -> TensorProto {
        TensorProto { data_type, dims: dims.to_vec(), ..TensorProto::default() }
    }

    #[test]
    fn elements_are_found_in_every_field() {
        let raw = |code, bytes: &'static [u8]| TensorProto { raw_data: bytes.into(), ..tensor(code, &[2]) };
        assert_eq!(value(&raw(3, &[255, 1]), 2), Some(Value::Ints(vec![-1, 1])));
        assert_eq!(value(&raw(10, &[0, 0x3c, 0, 0xc0]), 2), Some(Value::Floats(vec![1., -2.])));
        assert_eq!(value(&raw(16, &[0x80, 0x3f, 0, 0xc0]), 2), Some(Value::Floats(vec![1., -2.])));
        let varint = TensorProto { int64_data: vec![0xac, 2, 1].into(), ..tensor(7, &[2]) };
        assert_eq!(value(&varint, 2), Some(Value::Ints(vec![300, 1])));
        let packed = TensorProto { float_data: vec![0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0].into(), ..tensor(1, &[2]) };
        assert_eq!(value(&packed, 2), Some(Value::Floats(vec![1., -2.])));
    }

    #[test]
    fn missing_external_and_many_elements_are_not_read() {
        assert_eq!(value(&tensor(7, &[2]), 2), None);
        let external = TensorProto { data_location: 1, raw_data: vec![1, 2].into(), ..tensor(2, &[2]) };
        assert_eq!(value(&external, 2), None);
        let long = TensorProto { raw_data: vec![1, 2].into(), ..tensor(2, &[2]) };
        assert_eq!(value(&long, 1), None);
    }

    #[test]
    fn sparse_tensors_are_filled_with_zeros() {
        let ints = |dims: &[i64], v: &[i64]| {
            let raw: Vec<u8> = v.iter().flat_map(|x| x.to_le_bytes()).collect();
            TensorProto { raw_data: raw.into(), ..tensor(7, dims) }
        };
        let sparse = |indices, dims: &[i64]| {
            let (values, indices) = (Some(ints(&[2], &[5, 6])), Some(indices));
            dense(&SparseTensorProto { values, indices, dims: dims.to_vec() })
        };
        let elements = |dense: TensorProto| (value(&dense, 6), dense.dims);
        let expected = (Some(Value::Ints(vec![0, 5, 0, 0, 0, 6])), vec![2, 3]);
        assert_eq!(elements(sparse(ints(&[2], &[1, 5]), &[2, 3])), expected);
        assert_eq!(elements(sparse(ints(&[2, 2], &[0, 1, 1, 2]), &[2, 3])), expected);
        // Places outside, and more elements than anything needs: a weight without elements.
        for other in [sparse(ints(&[2], &[1, 6]), &[2, 3]), sparse(ints(&[2], &[1, 5]), &[1 << 40, 3])] {
            assert_eq!((value(&other, 1 << 20), other.data_location), (None, 1));
        }
    }

    #[test]
    fn impossible_sizes_are_refused() {
        assert!(declaration(&tensor(1, &[2, -1])).unwrap_err().contains("[2, -1]"));
        assert!(declaration(&tensor(1, &[i64::MAX, i64::MAX])).unwrap_err().contains("64 bits"));
        assert!(declaration(&tensor(99, &[])).unwrap_err().contains("99"));
    }
}
