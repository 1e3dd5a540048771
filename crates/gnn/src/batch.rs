//! Many graphs as one disjoint union.

use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use crate::{
    Adjacency, Error, Groups, LayerEdges, Result,
    adjacency::HostEdges,
    compress::Colours,
    error::torch,
    union::{Lists, Union},
};

/// One graph as the caller holds it.
#[derive(Clone, Copy, Debug, Default)]
pub struct GraphRef<'a> {
    /// Node features, row-major: (nodes, width).
    pub nodes: &'a [f32],
    /// Features per node.
    pub width: usize,
    /// Edges as (source, destination); messages flow from source to destination.
    pub edges: &'a [(u32, u32)],
    /// Edge features, row-major, in the order of `edges`: (edges, any width); may be empty.
    pub edge_features: &'a [f32],
    /// Features of the whole graph.
    pub globals: &'a [f32],
    /// Group of each node (a kernel, say), 0, 1, …; may be empty.
    pub groups: &'a [u32],
}

/// What a batch must offer to the network that it is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchOptions {
    /// Message-passing layers.
    pub layers: usize,
    /// Compute equal nodes once; see [`GraphBatch`].
    pub compressed: bool,
    /// Give every node exactly one self-loop in place of those that it has, whose features are the mean of the other
    /// edges into the node. GCN and GAT want this.
    pub self_loops: bool,
    /// Carry the edges turned round as well, for layers that listen to successors.
    pub reverse: bool,
}

impl Default for BatchOptions {
    fn default() -> Self {
        Self { layers: 1, compressed: false, self_loops: false, reverse: false }
    }
}

/// A batch of graphs on a device, ready for a network of a fixed number of layers.
///
/// Uncompressed, every layer works on all nodes. [Compressed](BatchOptions::compressed), layer `l` works on the classes
/// of nodes that `l` rounds of colour refinement cannot tell apart: nodes of one class have equal embeddings whatever
/// the weights, so each is computed once, and the read-out counts it as often as it occurs. Results and gradients of
/// the parameters are equal up to rounding; dropout would break the equality, so training with dropout uses
/// uncompressed batches.
#[derive(Debug)]
pub struct GraphBatch {
    /// Features of the rows of the first layer: (rows, width).
    pub nodes: Tensor,
    /// Graph features: (graphs, globals).
    pub globals: Tensor,
    /// The read-out: from the rows of the last layer to the graphs that they are in.
    pub graph_of_row: Adjacency,
    /// The groups of nodes, where the graphs have them and the batch is not compressed.
    pub groups: Option<Groups>,
    /// One hop for each layer, or one for all.
    hops: Vec<LayerEdges>,
    layers: usize,
    /// Nodes of each graph.
    sizes: Vec<i64>,
    /// Row of each node after the last layer, (nodes); `None` when they are the same.
    rows: Option<Tensor>,
}

impl GraphBatch {
    /// The disjoint union of `graphs` for a network of `layers` layers.
    ///
    /// # Errors
    /// As [`GraphBatch::build`].
    pub fn new(graphs: &[GraphRef<'_>], layers: usize, device: Device) -> Result<Self> {
        Self::build(graphs, &BatchOptions { layers, ..BatchOptions::default() }, device)
    }

    /// The same result with equal nodes computed once; see [`GraphBatch`].
    ///
    /// # Errors
    /// As [`GraphBatch::build`].
    pub fn compressed(graphs: &[GraphRef<'_>], layers: usize, device: Device) -> Result<Self> {
        Self::build(graphs, &BatchOptions { layers, compressed: true, ..BatchOptions::default() }, device)
    }

    /// The disjoint union of `graphs` as `structure` asks for it.
    ///
    /// # Errors
    /// Graphs of different widths, ragged features, or edges that name a node that is not there.
    pub fn build(graphs: &[GraphRef<'_>], options: &BatchOptions, device: Device) -> Result<Self> {
        let union = Union::new(graphs, options.self_loops, options.reverse)?;
        let globals = to_tensor(&union.globals, graphs.len(), union.global_width, device)?;
        let sizes = union.sizes.iter().map(|&n| n as i64).collect();
        let layers = options.layers;
        if options.compressed {
            return Self::compress(&union, options, globals, sizes, device);
        }
        let n = union.len();
        let members =
            HostEdges { offsets: offsets(&union.sizes), sources: (0..n as i64).collect(), ..HostEdges::default() };
        let reverse = union.reverse.as_ref().map(|lists| Adjacency::new(&host(lists), n, device)).transpose()?;
        let hop = LayerEdges {
            edges: Adjacency::new(&host(&union.edges), n, device)?,
            reverse,
            features: features(&union, union.edges.items.len(), &union.edge_features, device)?,
            residual_rows: None,
            parent_edges: None,
        };
        Ok(Self {
            nodes: union.nodes(device)?,
            globals,
            graph_of_row: Adjacency::new(&members, n, device)?,
            groups: Groups::new(graphs, &union.sizes, device)?,
            hops: vec![hop],
            layers,
            sizes,
            rows: None,
        })
    }

    fn compress(
        union: &Union<'_>,
        options: &BatchOptions,
        globals: Tensor,
        sizes: Vec<i64>,
        device: Device,
    ) -> Result<Self> {
        let degrees = options.self_loops;
        let node_rows = union.rows();
        let colours = Colours::new(union, &node_rows, options.layers, degrees);
        let rounds = &colours.rounds;
        let mut hops = Vec::with_capacity(options.layers);
        let mut before: Option<(HostEdges, Vec<u32>)> = None;
        for (l, round) in rounds[..options.layers].iter().enumerate() {
            let sources = round.representatives.len();
            let (edges, places) = colours.hop(union, l, false, degrees);
            let w = union.edge_width;
            let rows: Vec<f32> = places
                .iter()
                .flat_map(|&e| &union.edge_features[e as usize * w..(e as usize + 1) * w])
                .copied()
                .collect();
            let reverse = || Adjacency::new(&colours.hop(union, l, true, false).0, sources, device);
            let parents = before.take().filter(|_| w > 0).map(|b| colours.parents(union, l, &b, &places));
            hops.push(LayerEdges {
                edges: Adjacency::new(&edges, sources, device)?,
                reverse: union.reverse.as_ref().map(|_| reverse()).transpose()?,
                features: features(union, places.len(), &rows, device)?,
                residual_rows: Some(indices(&colours.own(l), device)?),
                parent_edges: parents.map(|p| indices(&p, device)).transpose()?,
            });
            before = Some((edges, places));
        }
        let (first, last) = (&rounds[0], &rounds[options.layers]);
        let nodes: Vec<f32> = first.representatives.iter().flat_map(|&v| node_rows[v as usize]).copied().collect();
        let rows: Vec<i64> = last.class.iter().map(|&c| i64::from(c)).collect();
        Ok(Self {
            nodes: to_tensor(&nodes, first.representatives.len(), union.width, device)?,
            globals,
            graph_of_row: Adjacency::new(&colours.members(union), last.representatives.len(), device)?,
            groups: None,
            hops,
            layers: options.layers,
            sizes,
            rows: Some(indices(&rows, device)?),
        })
    }

    /// Number of graphs.
    pub fn len(&self) -> i64 {
        self.graph_of_row.rows()
    }

    /// True for a batch without graphs.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Layers that the batch was built for.
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// How layer `l` passes messages.
    ///
    /// # Errors
    /// The batch was built for fewer layers.
    pub fn layer_edges(&self, l: usize) -> Result<&LayerEdges> {
        let hop = if l < self.layers { self.hops.get(l).or(self.hops.first()) } else { None };
        let message = || format!("layer {l} of a batch built for {} layers", self.layers);
        hop.ok_or_else(|| Error::Shape { layer: "graph batch", message: message() })
    }

    /// Rows of the last layer as rows of nodes, in the order in which the graphs came: (rows, d) → (nodes, d).
    ///
    /// # Errors
    /// `x` has too few rows.
    pub fn expand(&self, x: &Tensor) -> Result<Tensor> {
        match &self.rows {
            Some(rows) => x.f_index_select(0, rows).map_err(torch("nodes of a batch")),
            None => Ok(x.shallow_clone()),
        }
    }

    /// Rows of the last layer, graph by graph: (rows, d) → one (nodes of the graph, d) for each.
    ///
    /// # Errors
    /// `x` has another number of rows.
    pub fn split(&self, x: &Tensor) -> Result<Vec<Tensor>> {
        self.expand(x)?.f_split_with_sizes(&self.sizes, 0).map_err(torch("graphs of a batch"))
    }

    /// The same batch on another device.
    ///
    /// # Errors
    /// A device out of memory.
    pub fn to_device(&self, device: Device) -> Result<Self> {
        let put = |t: &Tensor| t.f_to_device(device).map_err(torch("graph batch"));
        Ok(Self {
            nodes: put(&self.nodes)?,
            globals: put(&self.globals)?,
            graph_of_row: self.graph_of_row.to_device(device)?,
            groups: self.groups.as_ref().map(|g| g.to_device(device)).transpose()?,
            hops: self.hops.iter().map(|h| h.to_device(device)).collect::<Result<_>>()?,
            layers: self.layers,
            sizes: self.sizes.clone(),
            rows: self.rows.as_ref().map(put).transpose()?,
        })
    }
}

fn host(lists: &Lists) -> HostEdges {
    let wide = |v: &[u32]| v.iter().map(|&x| i64::from(x)).collect();
    HostEdges { offsets: wide(&lists.offsets), sources: wide(&lists.items), ..HostEdges::default() }
}

fn features(union: &Union<'_>, edges: usize, values: &[f32], device: Device) -> Result<Option<Tensor>> {
    (union.edge_width > 0).then(|| to_tensor(values, edges, union.edge_width, device)).transpose()
}

/// Running totals, from 0.
pub(crate) fn offsets(lengths: &[usize]) -> Vec<i64> {
    let totals = lengths.iter().scan(0, |total, &n| {
        *total += n as i64;
        Some(*total)
    });
    std::iter::once(0).chain(totals).collect()
}

fn indices(values: &[i64], device: Device) -> Result<Tensor> {
    Tensor::f_from_slice(values).and_then(|t| t.f_to_device(device)).map_err(torch("graph batch"))
}

fn to_tensor(values: &[f32], rows: usize, width: usize, device: Device) -> Result<Tensor> {
    let build = || Tensor::f_from_slice(values)?.f_reshape([rows as i64, width as i64])?.f_to_device(device);
    build().map_err(torch("graph batch"))
}
