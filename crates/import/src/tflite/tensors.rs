//! Tensors as the file has them: types, open extents, what is known of their elements.

use tachograph_ir::{Attr, DType, Dim, Domain, Hyperparameter, Tensor, TensorKind, Value, elements};

use super::{
    graph::{Importer, id},
    layout::permuted,
    schema::Tensor as Stored,
};
use crate::{Error, Result};

/// A tensor as the file has it.
pub(super) struct Info<'a> {
    pub name: String,
    pub dtype: DType,
    /// In the order of the file.
    pub shape: Vec<u64>,
    /// Which extents are left open.
    pub open: Vec<bool>,
    pub data: Option<&'a [u8]>,
    /// Of quantisation, first channel.
    pub scale: f64,
}

impl Info<'_> {
    /// Whether the first extent is left open.
    pub fn open_batch(&self) -> bool {
        self.open.first() == Some(&true)
    }

    /// Whether an extent beyond the first is left open: there the stated shape holds nothing but a place.
    pub fn open_beyond(&self) -> bool {
        self.open.iter().skip(1).any(|&open| open)
    }
}

impl<'a> Importer<'a> {
    /// Takes the tensor at index `i`.
    pub fn tensor(&mut self, i: usize, stored: &Stored<'a>, input: bool) -> Result<()> {
        let name = stored.name().unwrap_or_default().to_owned();
        let refuse =
            |message: String| Error::Tensor { file: self.file.clone(), tensor: format!("{name}#{i}"), message };
        let code = stored.element().unwrap_or(0);
        let dtype = dtype(code).ok_or_else(|| refuse(format!("element type {code} is unknown")))?;
        let extents: Vec<i32> = stored.shape().into_iter().flatten().collect();
        let shape: Option<Vec<u64>> = extents.iter().map(|&n| u64::try_from(n).ok()).collect();
        let shape = shape.ok_or_else(|| refuse(format!("shape {extents:?}")))?;
        let signature: Vec<i32> = stored.signature().into_iter().flatten().collect();
        let open: Vec<bool> = (0..shape.len()).map(|axis| signature.get(axis) == Some(&-1)).collect();
        let index = stored.buffer().unwrap_or(0) as usize;
        let buffers = self.model.buffers();
        let buffer = buffers.filter(|b| index < b.len()).map(|b| b.get(index));
        let buffer = buffer.ok_or_else(|| refuse(format!("no buffer {index}")))?;
        let data = buffer.data().map(|data| data.bytes()).filter(|data| !data.is_empty());
        let apart = buffer.offset().unwrap_or(0) > 1;
        let constant = data.is_some() || apart;
        // What one run leaves for the next: neither a weight nor what the caller provides.
        let state = stored.variable().unwrap_or(false) && !constant;
        let value = data.and_then(|data| value(dtype, &shape, data));
        let kind = match (constant, &value) {
            _ if input || state => TensorKind::Input,
            (true, Some(_)) => TensorKind::Constant,
            (true, None) => TensorKind::Parameter,
            (false, _) => TensorKind::Activation,
        };
        let mut dims: Vec<Dim> = shape.iter().map(|&n| Dim::Fixed(n)).collect();
        let outermost = self.nesting.len() == 1;
        if input && outermost {
            self.free(&mut dims, &open, &shape);
        }
        let dims = (input || state || constant || !open.contains(&true)).then(|| permuted(dims));
        let scale = stored.quantization().and_then(|q| q.scale()).and_then(|s| s.iter().next()).unwrap_or(1.0);
        self.infos.push(Info { name: name.clone(), dtype, shape, open, data, scale: scale.into() });
        self.parts.tensors.push(Tensor { name, kind, dtype: Some(dtype), dims, value });
        Ok(())
    }

    /// Open extents of an input become hyperparameters.
    fn free(&mut self, dims: &mut [Dim], open: &[bool], shape: &[u64]) {
        for (axis, dim) in dims.iter_mut().enumerate().filter(|(axis, _)| open[*axis]) {
            let name = match (axis, shape.len()) {
                (0, _) => "batch".to_owned(),
                (1, 4) => "height".to_owned(),
                (2, 4) => "width".to_owned(),
                _ => format!("dim{axis}"),
            };
            let domain = Domain::Range { min: 1, max: 1 << 20, step: 1 };
            // Beyond the batch, the file has 1 for what it does not know.
            let default = (axis == 0).then_some(shape[axis].max(1));
            self.parts.hyperparameters.insert(name.clone(), Hyperparameter { domain, default });
            *dim = Dim::Free(name);
        }
    }

    /// Known integers of tensor `i`, in the order of the file.
    pub fn known(&self, i: usize) -> Option<Vec<i64>> {
        let info = self.infos.get(i)?;
        let empty = elements(&info.shape) == Some(0) && !self.written().contains(&id(i));
        match value(info.dtype, &info.shape, info.data.or(empty.then_some(&[]))?)? {
            Value::Ints(values) => Some(values),
            Value::Floats(_) => None,
        }
    }

    /// Declares result `i` as the file states it, since nothing else describes it. Where the signature leaves nothing
    /// open but the batch, and the file has for it what it has for that of the inputs, it follows theirs.
    pub fn state(&mut self, i: usize) {
        let info = &self.infos[i];
        if info.open_beyond() {
            return;
        }
        let mut dims: Vec<Dim> = info.shape.iter().map(|&n| Dim::Fixed(n)).collect();
        // A graph inside another has no extents of its own to bind.
        let follows = self.nesting.len() == 1 && self.batch.is_some() && self.batch == info.shape.first().copied();
        if info.open_batch() && follows {
            dims[0] = Dim::Free("batch".into());
        }
        self.parts.tensors[i].dims = Some(permuted(dims));
    }

    /// Declares result `i` with these extents.
    pub fn declare(&mut self, i: usize, shape: &[u64]) {
        self.parts.tensors[i].dims = Some(permuted(shape.iter().map(|&n| Dim::Fixed(n)).collect()));
    }

    /// Which ONNX type result `i` has in the file, for operators that have it as an attribute.
    pub fn typed(&self, i: usize) -> Attr {
        Attr::Int(number(self.infos[i].dtype))
    }
}

/// ONNX's number of a type.
pub(super) fn number(dtype: DType) -> i64 {
    (0..32).find(|&code| DType::from_onnx(code) == Some(dtype)).unwrap_or(0)
}

fn dtype(code: i8) -> Option<DType> {
    use DType::*;
    // Handles of resources and variants are numbers of 32 bits.
    const TYPES: [DType; 23] = [
        F32, F16, I32, U8, I64, String, Bool, I16, Complex64, I8, F64, Complex128, U64, I32, I32, U32, U16, I4, BF16,
        I2, U4, F8, F8,
    ];
    usize::try_from(code).ok().and_then(|code| TYPES.get(code).copied())
}

/// Elements that matter to shapes: small tensors of integers with fewer than four axes, and single numbers.
fn value(dtype: DType, shape: &[u64], data: &[u8]) -> Option<Value> {
    let count = elements(shape).filter(|&n| n <= Value::MAX_ELEMENTS as u64)?;
    let fits = |width: u64| Some(data.len() as u64) == count.checked_mul(width);
    let integers = shape.len() < 4;
    match dtype {
        DType::I32 if integers && fits(4) => {
            Some(Value::Ints(data.as_chunks().0.iter().map(|&b| i32::from_le_bytes(b).into()).collect()))
        }
        DType::I64 if integers && fits(8) => {
            Some(Value::Ints(data.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b)).collect()))
        }
        DType::F32 if count == 1 && fits(4) && shape.len() < 2 => {
            Some(Value::Floats(data.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b).into()).collect()))
        }
        _ => None,
    }
}
