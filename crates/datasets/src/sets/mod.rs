//! Readers of published sets, one file a set. Each has typed records and is a [`Source`](crate::Source).

mod help;
mod help_splits;
mod layerdag;
mod ncnn;
mod neusight;
mod timm;
mod tpugraphs;
mod vela;

pub use help::{FbNet, FbNetRow, NasBench201, NasBench201Row, Ofa, OfaArch, OfaRow, is_estimate};
pub use layerdag::{LayerDagTile, TileKernel};
pub use ncnn::{Ncnn, NcnnKey, NcnnRow};
pub use neusight::{
    Gpu, Label, Method, NeuSight, OpGraphNode, OperatorKind, OperatorRow, OperatorShape, Prediction, TraceRow,
};
pub use timm::{Setting, Timm, TimmRow};
pub use tpugraphs::{Archive, Collection, RawConfig, RawInstruction, RawModule, RawRun, TpuGraphs};
pub use vela::{Vela, VelaRow};

use std::path::Path;

use tachograph_ir::Graph;

use crate::{About, Error, Result};

/// An error for a network of `about` whose graph cannot be had.
fn no_graph<E: ToString>(about: &'static About, network: &str) -> impl FnOnce(E) -> Error {
    move |cause| Error::NoGraph { set: about.name, network: network.into(), message: cause.to_string() }
}

/// Reads the model file of a network.
pub(crate) fn import(about: &'static About, network: &str, path: &Path) -> Result<Graph> {
    if !path.exists() {
        return Err(no_graph(about, network)(format!("{} is not there", path.display())));
    }
    tachograph_import::load(path).map(|model| model.graph).map_err(no_graph(about, network))
}
