//! Message-passing layers, one file each. To add one: write the file, add one line to `layers!`.

mod config;
mod context;
mod parts;
mod registry;

pub use config::{ConvConfig, LayerConfig};
pub use context::Context;
pub use parts::{Aggregate, leaky_relu, normalize};
pub use registry::{RegisteredLayer, layers};

use std::fmt::Debug;

use tch::Tensor;

use crate::{LayerEdges, Result};

/// A layer of message passing: from the rows of nodes that messages start from to those that they reach.
///
/// ```
/// use tachograph_gnn::{Context, Conv, GraphBatch, GraphRef, LayerConfig};
/// use tch::{Device, nn};
///
/// let path = GraphRef { nodes: &[1., 0., 0., 1.], width: 2, edges: &[(0, 1)], ..GraphRef::default() };
/// let vs = nn::VarStore::new(Device::Cpu);
/// let config: LayerConfig = serde_json::from_str(r#"{ "kind": "gat", "heads": 2 }"#).unwrap();
/// let layer = config.layer(&vs.root(), 2, 8)?;
/// let batch = GraphBatch::build(&[path], &config.batch_options(), Device::Cpu)?;
/// let y = layer.forward(&batch.nodes, batch.layer_edges(0)?, &Context::default())?;
/// assert_eq!(y.size(), [2, layer.width()]);
/// # Ok::<(), tachograph_gnn::Error>(())
/// ```
pub trait Conv: Debug + Send {
    /// Width of the rows that [`Conv::forward`] returns.
    fn width(&self) -> i64;

    /// Features per edge that it reads.
    fn edge_features(&self) -> i64 {
        0
    }

    /// One round of messages: (sources, in) → (destinations, [`width`](Conv::width)).
    ///
    /// # Errors
    /// `x`, or what the layer reads of `edges` and `context`, has another shape than the layer was built for; the
    /// batch lacks what the layer needs. The message names the layer and the shapes.
    fn forward(&self, x: &Tensor, edges: &LayerEdges, context: &Context<'_>) -> Result<Tensor>;
}

macro_rules! layers {
    ($($file:ident: $config:ident $(, $name:ident)*;)*) => {
        $(mod $file;)*
        $(pub use $file::{$config $(, $name)*};)*
        /// Every layer of this crate.
        static ALL: &[RegisteredLayer] = &[$(RegisteredLayer::of::<$config>()),*];
    };
}

// The settings of a layer, and what else the file makes public.
layers! {
    anee: AneeConfig, Anee, AneeGate;
    edge_attention: EdgeAttentionConfig, EdgeAttention;
    gat: GatConfig, Gat;
    gatv2: GatV2Config, GatV2;
    gcn: GcnConfig, Gcn;
    gin: GinConfig, Gin;
    graph_conv: GraphConvConfig, GraphConv;
    residual_gcn: ResidualGcnConfig, ResidualForm, ResidualGcn;
    sage: SageConfig, Sage;
}
