//! What networks that rank configurations read of a batch.

use serde::{Deserialize, Serialize};
use tachograph_features::Schema;
use tachograph_gnn::{Configured, GraphBatch, Join, torch};
use tch::{Kind, Tensor, nn};

use crate::{Error, Result};

/// Codes of XLA's operators are below this; those that are not share the last.
const OPCODES: i64 = 128;

/// Columns of a node in TpuGraphs, and how many of them, the last, are places in its layout.
pub(crate) const LAYOUT_COLUMNS: (i64, i64) = (140, 6);

/// Codes of layouts from −2 (not configurable) to 5.
const LAYOUTS: i64 = 8;

/// Whether configurations meet nodes before the first layer or after the last, as a config names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JoinAt {
    /// Before the first layer.
    #[default]
    Early,
    /// After the read-out.
    Late,
}

impl From<JoinAt> for Join {
    fn from(at: JoinAt) -> Self {
        match at {
            JoinAt::Early => Self::Early,
            JoinAt::Late => Self::Late,
        }
    }
}

/// Widths of the features of a node and of a configuration.
pub(crate) fn widths(schema: &Schema) -> [i64; 2] {
    [schema.node_columns.len() as i64, schema.global_columns.len() as i64]
}

/// The configurations of a batch.
pub(crate) fn configured<'a>(model: &'static str, batch: &'a GraphBatch) -> Result<&'a Configured> {
    batch.configured.as_ref().ok_or(Error::Lacks { model, what: "configurations" })
}

/// Refuses all but the one output of a network that ranks.
pub(crate) fn one_output(outputs: &[usize]) -> Result<()> {
    match outputs {
        [] => Err(Error::NoOutput),
        [0] => Ok(()),
        [.., last] => Err(Error::Output { index: *last, heads: 1 }),
    }
}

/// Rows of `table` by number.
pub(crate) fn pick(table: &Tensor, rows: &Tensor) -> Result<Tensor> {
    Ok(table.f_index_select(0, rows).map_err(torch("rows of a table"))?)
}

/// Tensors side by side.
pub(crate) fn beside(parts: &[&Tensor]) -> Result<Tensor> {
    Ok(Tensor::f_cat(parts, 1).map_err(torch("columns side by side"))?)
}

/// Learned vectors for codes.
#[derive(Debug)]
pub(crate) struct Embedding {
    table: Tensor,
}

impl Embedding {
    /// Of operators: `opcodes.weight` under `vs`, drawn as Keras does.
    pub fn opcodes(vs: &nn::Path<'_>, width: i64) -> Result<Self> {
        let init = nn::Init::Uniform { lo: -0.05, up: 0.05 };
        let table = (vs / "opcodes").f_var("weight", &[OPCODES, width], init).map_err(torch("embedding"))?;
        Ok(Self { table })
    }

    /// Of extents' places in layouts: `layouts.weight` under `vs`, drawn as PyTorch does.
    pub fn layouts(vs: &nn::Path<'_>, width: i64) -> Result<Self> {
        let init = nn::Init::Randn { mean: 0.0, stdev: 1.0 };
        let table = (vs / "layouts").f_var("weight", &[LAYOUTS, width], init).map_err(torch("embedding"))?;
        Ok(Self { table })
    }

    /// Of the operators of distinct nodes: (distinct nodes, width).
    pub fn of_nodes(&self, configured: &Configured) -> Result<Tensor> {
        let codes = configured.opcodes.f_clamp_max(OPCODES - 1).map_err(torch("embedding"))?;
        pick(&self.table, &codes)
    }

    /// Of rows of places, (n, columns) from −2: (n, columns · width).
    pub fn of_places(&self, places: &Tensor) -> Result<Tensor> {
        let embed = || {
            let codes = places.f_add_scalar(2.0)?.f_clamp(0.0, (LAYOUTS - 1) as f64)?.f_to_kind(Kind::Int64)?;
            let (n, columns) = codes.size2()?;
            self.table.f_index_select(0, &codes.f_reshape([-1])?)?.f_reshape([n, columns * self.table.size2()?.1])
        };
        Ok(embed().map_err(torch("embedding"))?)
    }
}

/// True for the rows of a layer that are configurable nodes, carried from layer to layer: (rows).
pub(crate) fn carry(batch: &GraphBatch, layer: usize, marks: &Tensor) -> Result<Tensor> {
    Ok(batch.layer_edges(layer)?.residual_rows(marks)?)
}
