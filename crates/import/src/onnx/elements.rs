//! Elements of weights, for those who run a model and do not only look at it.

use std::{
    cell::RefCell,
    collections::HashMap,
    path::{Component, Path, PathBuf},
};

use bytes::Bytes;
use tachograph_ir::elements;

use super::{functions, proto::TensorProto, tensor, wire};
use crate::{Error, Result, file};

/// The tensors that an ONNX file, and files beside it, have elements of. Files are mapped; elements are read when they are
/// asked for.
///
/// ```no_run
/// let weights = tachograph_import::onnx::Weights::read("resnet50.onnx".as_ref())?;
/// let stem: Option<Vec<f64>> = weights.elements("conv1.weight")?;
/// # Ok::<(), tachograph_import::Error>(())
/// ```
pub struct Weights {
    file: String,
    folder: PathBuf,
    tensors: HashMap<String, TensorProto>,
    /// Tensors that are one number everywhere.
    filled: HashMap<String, TensorProto>,
    external: RefCell<HashMap<PathBuf, Bytes>>,
}

impl Weights {
    /// Finds the tensors of a file.
    ///
    /// # Errors
    /// As [`load`](crate::load).
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let proto = wire::decode(file::open(path)?, &name)?;
        let Some(graph) = proto.graph else {
            return Err(Error::Kind { file: name, message: "it has no graph".into() });
        };
        let mut tensors: HashMap<String, TensorProto> =
            graph.initializer.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect();
        tensors.extend(graph.sparse_initializer.iter().map(tensor::dense).map(|dense| (dense.name.clone(), dense)));
        let mut filled = HashMap::new();
        for node in functions::inline(&name, graph.node, &proto.functions)? {
            let Some(result) = node.output.into_iter().next() else { continue };
            // Exporters give tensors of equal elements one place, and further names.
            if let ("Identity", Some(stored)) =
                (node.op_type.as_str(), node.input.first().and_then(|of| tensors.get(of)))
            {
                let stored = stored.clone();
                tensors.insert(result, stored);
                continue;
            }
            let held = node.attribute.into_iter().find_map(|attribute| match attribute.sparse_tensor {
                Some(sparse) => Some(tensor::dense(&sparse)),
                None => attribute.t.map(|tensor| *tensor),
            });
            match (node.op_type.as_str(), held) {
                ("Constant", Some(held)) => _ = tensors.insert(result, held),
                ("ConstantOfShape", held) => _ = filled.insert(result, held.unwrap_or_default()),
                _ => {}
            }
        }
        let folder = path.parent().unwrap_or_else(|| Path::new("")).to_owned();
        Ok(Self { file: name, folder, tensors, filled, external: RefCell::default() })
    }

    /// Row-major elements of the tensor with this name; `None` where the file has none of it. What `ConstantOfShape` makes is
    /// one element, which is everywhere.
    ///
    /// # Errors
    /// Elements that are fewer than the shape says, or of a type that cannot be read; a file beside the model that is not
    /// there, is too short or lies outside of the model's folder.
    pub fn elements(&self, name: &str) -> Result<Option<Vec<f64>>> {
        let refuse = |message: String| Error::Tensor { file: self.file.clone(), tensor: name.into(), message };
        let Some(found) = self.tensors.get(name) else {
            return Ok(match self.filled.get(name) {
                Some(one) if one.dims.is_empty() && one.data_type == 0 => Some(vec![0.0]),
                Some(one) => Some(tensor::elements_of(one).map_err(refuse)?),
                None => None,
            });
        };
        if found.data_location == 0 {
            return tensor::elements_of(found).map(Some).map_err(refuse);
        }
        let raw = self.outside(found, &refuse)?;
        let inside = TensorProto { raw_data: raw, data_location: 0, external_data: Vec::new(), ..found.clone() };
        tensor::elements_of(&inside).map(Some).map_err(refuse)
    }

    /// The bytes of a tensor that lie in another file.
    fn outside(&self, tensor: &TensorProto, refuse: &dyn Fn(String) -> Error) -> Result<Bytes> {
        let entry = |key: &str| tensor.external_data.iter().find(|entry| entry.key == key).map(|entry| &entry.value);
        let Some(location) = entry("location") else {
            return Err(refuse("its elements lie in another file, of which the model does not say the name".into()));
        };
        let within =
            Path::new(location).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !within {
            return Err(refuse(format!("its elements lie in `{location}`, outside of the model's folder")));
        }
        let number = |key: &str| match entry(key) {
            Some(text) => text.parse::<usize>().map(Some).map_err(|_| refuse(format!("its {key} is `{text}`"))),
            None => Ok(None),
        };
        let (dtype, shape) = tensor::declaration(tensor).map_err(refuse)?;
        let size = elements(&shape).and_then(|n| dtype.bytes(n)).and_then(|n| usize::try_from(n).ok());
        let (offset, length) = (number("offset")?.unwrap_or(0), number("length")?.or(size).unwrap_or(0));
        let path = self.folder.join(location);
        let mut open = self.external.borrow_mut();
        let bytes = match open.get(&path) {
            Some(bytes) => bytes.clone(),
            None => {
                let bytes = file::map(&path)?;
                open.insert(path.clone(), bytes.clone());
                bytes
            }
        };
        match offset.checked_add(length).filter(|&end| end <= bytes.len()) {
            Some(end) => Ok(bytes.slice(offset..end)),
            None => Err(refuse(format!(
                "it needs {length} bytes from {offset} on of {}, which has {}",
                path.display(),
                bytes.len()
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::onnx::proto::{Entry, GraphProto, ModelProto};

    fn model(folder: &Path, tensors: Vec<TensorProto>) -> Weights {
        let graph = GraphProto { initializer: tensors, ..GraphProto::default() };
        let path = folder.join("model.onnx");
        let proto = ModelProto { ir_version: 10, graph: Some(graph), ..ModelProto::default() };
        std::fs::write(&path, proto.encode_to_vec()).unwrap();
        Weights::read(&path).unwrap()
    }

    fn outside(entries: &[(&str, &str)]) -> TensorProto {
        let external_data = entries.iter().map(|(k, v)| Entry { key: (*k).into(), value: (*v).into() }).collect();
        TensorProto {
            name: "w".into(),
            dims: vec![2],
            data_type: 1,
            data_location: 1,
            external_data,
            ..TensorProto::default()
        }
    }

    #[test]
    fn elements_lie_in_the_file_or_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let data: Vec<u8> = [9f32, 1.5, -2.0].into_iter().flat_map(f32::to_le_bytes).collect();
        std::fs::write(folder.path().join("data.bin"), data).unwrap();
        let own = TensorProto {
            name: "own".into(),
            dims: vec![1],
            data_type: 1,
            raw_data: 3f32.to_le_bytes().to_vec().into(),
            ..TensorProto::default()
        };
        let weights = model(folder.path(), vec![outside(&[("location", "data.bin"), ("offset", "4")]), own]);
        assert_eq!(weights.elements("w").unwrap(), Some(vec![1.5, -2.0]));
        assert_eq!(weights.elements("own").unwrap(), Some(vec![3.0]));
        assert_eq!(weights.elements("other").unwrap(), None);
    }

    #[test]
    fn what_lies_elsewhere_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("short.bin"), [0; 4]).unwrap();
        let cases = [
            (vec![("location", "../etc/secret")], "outside of the model's folder"),
            (vec![("location", "short.bin")], "needs 8 bytes from 0 on"),
            (vec![("location", "short.bin"), ("offset", "x")], "its offset is `x`"),
            (vec![("location", "absent.bin")], "absent.bin"),
            (vec![], "does not say the name"),
        ];
        for (entries, expected) in cases {
            let error = model(folder.path(), vec![outside(&entries)]).elements("w").unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
