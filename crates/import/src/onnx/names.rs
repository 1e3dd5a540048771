//! Names of a file as tensor ids.

use std::collections::HashMap;

use tachograph_ir::{Tensor, TensorId, TensorKind};

/// Tensors by name, in order of first mention.
#[derive(Default)]
pub(super) struct Names {
    ids: HashMap<String, TensorId>,
    pub tensors: Vec<Tensor>,
}

impl Names {
    /// The id of a name if it was mentioned.
    pub fn get(&self, name: &str) -> Option<TensorId> {
        self.ids.get(name).copied()
    }

    /// The id of a name, which is a node's result unless it is or will be defined as something else.
    pub fn refer(&mut self, name: &str) -> TensorId {
        self.get(name).unwrap_or_else(|| self.push(Tensor::activation(name)))
    }

    /// Ids of operands or results; empty names are left out.
    pub fn refer_all(&mut self, names: &[String]) -> Vec<Option<TensorId>> {
        names.iter().map(|name| (!name.is_empty()).then(|| self.refer(name))).collect()
    }

    /// Defines a tensor that no node writes.
    ///
    /// # Errors
    /// The name has a definition already.
    pub fn define(&mut self, tensor: Tensor) -> Result<TensorId, String> {
        let Some(id) = self.get(&tensor.name) else { return Ok(self.push(tensor)) };
        let mentioned = &mut self.tensors[id.index()];
        if mentioned.kind != TensorKind::Activation {
            return Err("is defined twice".into());
        }
        *mentioned = tensor;
        Ok(id)
    }

    /// From here on `name` means this tensor; whatever had it before keeps it for messages.
    pub fn cover(&mut self, name: &str, tensor: Tensor) -> TensorId {
        let id = self.push(tensor);
        self.ids.insert(name.into(), id);
        id
    }

    /// Makes `name` another name of a stored tensor; false if either is not free for that. Exporters merge
    /// parameters that are equal at the time: matrices are equal because they are shared, but vectors, and matrices
    /// of the same place in another block, because nobody has trained them yet: these become parameters of their own.
    pub fn alias(&mut self, name: &str, target: &str) -> bool {
        let Some(id) = self.get(target).filter(|_| !self.ids.contains_key(name)) else { return false };
        let tensor = &self.tensors[id.index()];
        let vector = tensor.dims.as_ref().is_some_and(|d| d.len() < 2);
        let place = |name: &str| name.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
        match tensor.kind {
            TensorKind::Parameter if vector || place(name) == place(target) => {
                self.push(Tensor { name: name.into(), ..tensor.clone() });
            }
            TensorKind::Parameter | TensorKind::Constant => drop(self.ids.insert(name.into(), id)),
            _ => return false,
        }
        true
    }

    fn push(&mut self, tensor: Tensor) -> TensorId {
        let id = TensorId(self.tensors.len() as u32);
        self.ids.insert(tensor.name.clone(), id);
        self.tensors.push(tensor);
        id
    }
}
