//! Builds workloads, for operators of this crate and for those of one's own.

use tachograph_ir::DType;

use crate::{Axis, Buffer, BufferId, Error, Expr, Index, Parts, Reducer, Result, Role, Stage, Workload};

/// Adds buffers and stages one by one. See [`Workload`] for an example.
#[derive(Clone, Debug)]
pub struct Builder {
    parts: Parts,
}

impl Builder {
    /// A workload without stages.
    pub fn new(name: impl Into<String>) -> Self {
        let parts = Parts { name: name.into(), buffers: Vec::new(), stages: Vec::new(), outputs: Vec::new() };
        Self { parts }
    }

    /// Data that is given anew for every run.
    ///
    /// # Errors
    /// A shape of more than 2⁴⁰ elements.
    pub fn input(&mut self, name: &str, dtype: DType, shape: &[u64]) -> Result<BufferId> {
        self.buffer(name, dtype, shape, Role::Input)
    }

    /// Data that stays: a schedule may lay it out as it likes, and what depends on it alone is computed beforehand.
    ///
    /// # Errors
    /// A shape of more than 2⁴⁰ elements.
    pub fn weight(&mut self, name: &str, dtype: DType, shape: &[u64]) -> Result<BufferId> {
        self.buffer(name, dtype, shape, Role::Weight)
    }

    /// A stage whose elements do not depend on each other; `f` is given the index along each axis.
    ///
    /// # Errors
    /// See [`Workload::new`]; what takes the whole workload to see is found by [`Builder::finish`].
    pub fn map(&mut self, name: &str, axes: &[(&str, u64)], f: impl FnOnce(&[Index]) -> Expr) -> Result<BufferId> {
        self.stage(name, axes, &[], None, |spatial, _| f(spatial))
    }

    /// A stage whose elements are sums, or other reductions, over axes; `f` is given the index along each spatial axis
    /// and along each reduction axis.
    ///
    /// # Errors
    /// As [`Builder::map`].
    pub fn reduce(
        &mut self,
        name: &str,
        spatial: &[(&str, u64)],
        reduction: &[(&str, u64)],
        reducer: Reducer,
        f: impl FnOnce(&[Index], &[Index]) -> Expr,
    ) -> Result<BufferId> {
        self.stage(name, spatial, reduction, Some(reducer), f)
    }

    /// Element by element of a buffer: `f` is given the element and its indices.
    ///
    /// # Errors
    /// As [`Builder::map`].
    pub fn apply(&mut self, name: &str, of: BufferId, f: impl FnOnce(Expr, &[Index]) -> Expr) -> Result<BufferId> {
        let axes = self.axes(of);
        let axes: Vec<(&str, u64)> = axes.iter().map(|(name, extent)| (name.as_str(), *extent)).collect();
        self.map(name, &axes, |i| f(Expr::Load(of, i.to_vec()), i))
    }

    /// Shape of a buffer; empty if there is none.
    pub fn shape(&self, id: BufferId) -> &[u64] {
        self.parts.buffers.get(id.index()).map_or(&[], |buffer| &buffer.shape)
    }

    /// Element type of a buffer; f32 if there is none.
    pub fn dtype(&self, id: BufferId) -> DType {
        self.parts.buffers.get(id.index()).map_or(DType::F32, |buffer| buffer.dtype)
    }

    /// Axes of the stage that computes a buffer, or made-up ones.
    pub fn axes(&self, id: BufferId) -> Vec<(String, u64)> {
        match self.parts.stages.iter().find(|stage| stage.buffer == id) {
            Some(stage) => stage.spatial.iter().map(|axis| (axis.name.clone(), axis.extent)).collect(),
            None => self.shape(id).iter().enumerate().map(|(i, &extent)| (format!("d{i}"), extent)).collect(),
        }
    }

    /// Gives a buffer another element type than that of what its stage reads first.
    pub fn set_dtype(&mut self, id: BufferId, dtype: DType) {
        if let Some(buffer) = self.parts.buffers.get_mut(id.index()) {
            buffer.dtype = dtype;
        }
    }

    /// Gives a buffer a name, unless it is taken.
    pub fn rename(&mut self, id: BufferId, name: &str) {
        let name = self.unique(name);
        if let Some(buffer) = self.parts.buffers.get_mut(id.index()) {
            buffer.name = name;
        }
    }

    /// Validates and returns the workload.
    ///
    /// # Errors
    /// See [`Workload::new`].
    pub fn finish(mut self, outputs: &[BufferId]) -> Result<Workload> {
        self.parts.outputs = outputs.to_vec();
        Workload::new(self.parts)
    }

    fn unique(&self, name: &str) -> String {
        let taken = |name: &str| self.parts.buffers.iter().any(|buffer| buffer.name == name);
        let name = if name.is_empty() { "t" } else { name };
        match taken(name) {
            false => name.to_owned(),
            true => (2..).map(|n| format!("{name}_{n}")).find(|name| !taken(name)).unwrap_or_default(),
        }
    }

    fn buffer(&mut self, name: &str, dtype: DType, shape: &[u64], role: Role) -> Result<BufferId> {
        let name = self.unique(name);
        if tachograph_ir::elements(shape).is_none_or(|n| n > 1 << 40) {
            let message = format!("{shape:?} is too large");
            return Err(Error::Workload { workload: self.parts.name.clone(), stage: name, message });
        }
        self.parts.buffers.push(Buffer { name, dtype, shape: shape.to_vec(), role });
        Ok(BufferId(self.parts.buffers.len() as u32 - 1))
    }

    fn stage(
        &mut self,
        name: &str,
        spatial: &[(&str, u64)],
        reduction: &[(&str, u64)],
        reducer: Option<Reducer>,
        f: impl FnOnce(&[Index], &[Index]) -> Expr,
    ) -> Result<BufferId> {
        let vars: Vec<Index> = (0..(spatial.len() + reduction.len()) as u32).map(Index::var).collect();
        let value = f(&vars[..spatial.len()], &vars[spatial.len()..]);
        let dtype = value.reads().first().map_or(DType::F32, |&read| self.dtype(read));
        let dtype = if let Expr::Cast(to, _) = &value { *to } else { dtype };
        let shape: Vec<u64> = spatial.iter().map(|&(_, extent)| extent).collect();
        let buffer = self.buffer(name, dtype, &shape, Role::Stage)?;
        let axes = |list: &[(&str, u64)]| -> Vec<Axis> {
            list.iter().map(|&(name, extent)| Axis { name: name.into(), extent }).collect()
        };
        self.parts.stages.push(Stage { buffer, spatial: axes(spatial), reduction: axes(reduction), reducer, value });
        Ok(buffer)
    }
}
