//! How one layer passes messages.

use tch::{Device, Tensor};

use crate::{Adjacency, Error, Result, error::torch};

/// How one layer passes messages: from `edges.columns()` source rows to `edges.rows()` destination rows. They are the
/// same rows unless the batch is compressed.
#[derive(Debug)]
pub struct LayerEdges {
    /// Edges, sorted by destination.
    pub edges: Adjacency,
    /// The edges turned round (each node's successors), where the batch was built with `reverse`.
    pub reverse: Option<Adjacency>,
    /// Features of `edges`, in their order: (E, width); `None` where the graphs have none.
    pub features: Option<Tensor>,
    /// Row of each destination among the sources, (destinations); `None` when they are the same rows.
    pub(crate) residual_rows: Option<Tensor>,
    /// Each edge among the edges of the layer before, (E); `None` when they are the same edges.
    pub(crate) parent_edges: Option<Tensor>,
}

impl LayerEdges {
    /// Each destination's own row: (sources, d) → (destinations, d).
    ///
    /// # Errors
    /// `x` has too few rows.
    pub fn residual_rows(&self, x: &Tensor) -> Result<Tensor> {
        match &self.residual_rows {
            Some(index) => x.f_index_select(0, index).map_err(torch("own rows")),
            None => Ok(x.shallow_clone()),
        }
    }

    /// What a layer computed for the edges of the layer before, for the edges of this one: (E before, w) → (E, w).
    /// For the first layer, and uncompressed, they are the same edges.
    ///
    /// # Errors
    /// `e` has too few rows.
    pub fn parent_edges(&self, e: &Tensor) -> Result<Tensor> {
        match &self.parent_edges {
            Some(index) => e.f_index_select(0, index).map_err(torch("own edges")),
            None => Ok(e.shallow_clone()),
        }
    }

    /// True where source and destination rows are the same nodes.
    pub fn is_square(&self) -> bool {
        self.residual_rows.is_none()
    }

    /// The edges turned round.
    ///
    /// # Errors
    /// The batch was built without them.
    pub fn reversed(&self) -> Result<&Adjacency> {
        let message = || "the batch was built without `reverse`".into();
        self.reverse.as_ref().ok_or_else(|| Error::Shape { layer: "layer edges", message: message() })
    }

    /// The same on another device.
    ///
    /// # Errors
    /// A device out of memory.
    pub fn to_device(&self, device: Device) -> Result<Self> {
        let put =
            |t: &Option<Tensor>| t.as_ref().map(|t| t.f_to_device(device)).transpose().map_err(torch("layer edges"));
        Ok(Self {
            edges: self.edges.to_device(device)?,
            reverse: self.reverse.as_ref().map(|r| r.to_device(device)).transpose()?,
            features: put(&self.features)?,
            residual_rows: put(&self.residual_rows)?,
            parent_edges: put(&self.parent_edges)?,
        })
    }
}
