//! Shapes and element types, tensor by tensor.

use std::path::Path;

use tachograph_ir::{BoundGraph, DType, Graph, TensorId, TensorKind};

use super::truth::Said;

/// Names of ONNX's element types, in the order of their numbers.
const TYPES: &str = "undefined float32 uint8 int8 uint16 int16 int32 int64 string bool float16 float64 uint32 uint64 \
                     complex64 complex128 bfloat16 float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz uint4 int4 \
                     float4e2m1 float8e8m0 uint2 int2";

/// How a format describes what is described differently here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As here.
    Onnx,
    /// Four axes are (n, h, w, c).
    TfLite,
    /// No batch, which is a leading 1 here.
    Ncnn,
}

impl Format {
    /// By the end of the name.
    pub fn of(path: &Path) -> Self {
        match path.extension().and_then(|end| end.to_str()) {
            Some("tflite") => Self::TfLite,
            Some("param") => Self::Ncnn,
            _ => Self::Onnx,
        }
    }

    /// A shape of the runtime as the reader describes it.
    pub fn here(self, shape: &[u64]) -> Vec<u64> {
        match (self, shape) {
            (Self::TfLite, &[n, h, w, c]) => vec![n, c, h, w],
            (Self::Ncnn, _) => [&[1], shape].concat(),
            _ => shape.to_vec(),
        }
    }
}

/// What comparing the tensors of a file gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Equal in shape and type.
    pub equal: usize,
    /// Not known here though the runtime knows them beforehand.
    pub unknown: usize,
    /// Not known here, and to the runtime only when it runs.
    pub open: usize,
    /// One sentence each.
    pub different: Vec<String>,
    /// The first tensor that is not known.
    pub first_unknown: Option<String>,
}

/// Inputs and results that exist by name on both sides. Weights are left out: readers bring them into the order that
/// operators here take them in.
pub fn compare(bound: &BoundGraph, said: &Said, format: Format) -> Compared {
    let mut compared = Compared::default();
    for (id, name) in named(bound.graph()) {
        let Some((dtype, Some(shape))) = said.tensors.get(name) else { continue };
        let (fact, theirs) = (bound.fact(id), format.here(shape));
        let types = dtype.as_deref().is_none_or(|name| same_type(fact.dtype, name));
        match &fact.shape {
            Some(ours) if *ours == theirs && types => compared.equal += 1,
            Some(ours) => {
                let dtype = dtype.as_ref().map(|name| format!("{name} ")).unwrap_or_default();
                compared.different.push(format!("`{name}` is {} {ours:?}, not {dtype}{theirs:?}", fact.dtype));
            }
            None if said.open.contains(name) => compared.open += 1,
            None => {
                compared.unknown += 1;
                compared.first_unknown.get_or_insert_with(|| name.to_owned());
            }
        }
    }
    compared
}

fn named(graph: &Graph) -> impl Iterator<Item = (TensorId, &str)> {
    let tensors = graph.tensors().iter().enumerate();
    let own = tensors.filter(|(_, t)| matches!(t.kind, TensorKind::Input | TensorKind::Activation));
    own.map(|(i, t)| (TensorId(i as u32), t.name.as_str()))
}

/// True too where the name says nothing, as names of Python's own types do.
fn same_type(ours: DType, theirs: &str) -> bool {
    let code = TYPES.split(' ').position(|name| name == theirs);
    code.and_then(|code| DType::from_onnx(code as i64)).is_none_or(|theirs| theirs == ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_as_the_reader_describes_them() {
        assert_eq!(Format::of("a/b.param".as_ref()).here(&[3, 4]), [1, 3, 4]);
        assert_eq!(Format::of("b.tflite".as_ref()).here(&[1, 2, 3, 4]), [1, 4, 2, 3]);
        assert_eq!(Format::of("b.tflite".as_ref()).here(&[1, 2, 3]), [1, 2, 3]);
        assert_eq!(Format::of("b.onnx".as_ref()).here(&[1, 2, 3, 4]), [1, 2, 3, 4]);
    }

    #[test]
    fn types_are_those_of_onnx() {
        assert!(same_type(DType::F32, "float32") && same_type(DType::F8, "float8e5m2") && same_type(DType::I4, "int4"));
        assert!(!same_type(DType::F32, "float16") && !same_type(DType::I64, "bool"));
        assert!(same_type(DType::String, "str_"));
    }
}
