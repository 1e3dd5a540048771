//! Many graphs as one disjoint union.

use tachograph_batch::{BatchOptions, Colours, Edges, GraphRef, Lists, Union, offsets};
use tch::{Device, Kind, TchError, Tensor};

use crate::{Adjacency, Configured, Error, Groups, LayerEdges, Result, error::torch};

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
    /// What is compared, where the graphs are graphs under configurations.
    pub configured: Option<Configured>,
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
        let members = Edges { offsets: offsets(&union.sizes), sources: (0..n as i64).collect(), ..Edges::default() };
        let reverse = union.reverse.as_ref().map(|lists| Adjacency::new(&host(lists), n, device)).transpose()?;
        let hop = LayerEdges {
            edges: Adjacency::new(&host(&union.edges), n, device)?,
            reverse,
            features: features(&union, union.edges.items.len(), &union.edge_features, device)?,
            residual_rows: None,
            parent_edges: None,
        };
        Ok(Self {
            nodes: node_rows(&union, device)?,
            globals,
            graph_of_row: Adjacency::new(&members, n, device)?,
            groups: Groups::new(graphs, &union.sizes, device)?,
            configured: None,
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
        let mut before: Option<(Edges, Vec<u32>)> = None;
        for (l, round) in rounds[..options.layers].iter().enumerate() {
            let sources = round.representatives.len();
            let (edges, places) = colours.edges(union, l, false, degrees);
            let w = union.edge_width;
            let rows: Vec<f32> = places
                .iter()
                .flat_map(|&e| &union.edge_features[e as usize * w..(e as usize + 1) * w])
                .copied()
                .collect();
            let reverse = || Adjacency::new(&colours.edges(union, l, true, false).0, sources, device);
            let parents = before.take().filter(|_| w > 0).map(|b| colours.parents(union, l, &b, &places));
            hops.push(LayerEdges {
                edges: Adjacency::new(&edges, sources, device)?,
                reverse: union.reverse.as_ref().map(|_| reverse()).transpose()?,
                features: features(union, places.len(), &rows, device)?,
                residual_rows: Some(indices(&colours.residual_rows(l), device)?),
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
            graph_of_row: Adjacency::new(&colours.graph_of_row(union), last.representatives.len(), device)?,
            groups: None,
            configured: None,
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

    /// The rows of the last layer that nodes are, by their position among the nodes of the batch: (positions), i64.
    ///
    /// # Errors
    /// A device out of memory; a position that is none.
    pub(crate) fn rows_of(&self, positions: &[i64], device: Device) -> Result<Tensor> {
        let positions = indices(positions, device)?;
        match &self.rows {
            Some(rows) => rows.f_index_select(0, &positions).map_err(torch("rows of nodes")),
            None => Ok(positions),
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
            configured: self.configured.as_ref().map(|c| c.to_device(device)).transpose()?,
            hops: self.hops.iter().map(|h| h.to_device(device)).collect::<Result<_>>()?,
            layers: self.layers,
            sizes: self.sizes.clone(),
            rows: self.rows.as_ref().map(put).transpose()?,
        })
    }
}

/// Features of all nodes of the union: (nodes, width).
fn node_rows(union: &Union<'_>, device: Device) -> Result<Tensor> {
    let width = union.width as i64;
    let view = |g: &GraphRef<'_>| {
        let n = (g.nodes.len() / union.width) as i64;
        // SAFETY: the tensor is read before the slice ends, and `Union::new` found n rows of this width in it.
        unsafe { Tensor::f_from_blob(g.nodes.as_ptr().cast(), &[n, width], &[width, 1], Kind::Float, Device::Cpu) }
    };
    let build = || -> Result<Tensor, TchError> {
        if union.graphs().is_empty() {
            return Tensor::f_zeros([0, width], (Kind::Float, device));
        }
        let views = union.graphs().iter().map(view).collect::<Result<Vec<_>, _>>()?;
        Tensor::f_cat(&views, 0)?.f_to_device(device)
    };
    build().map_err(torch("graph batch"))
}

fn host(lists: &Lists) -> Edges {
    let wide = |v: &[u32]| v.iter().map(|&x| i64::from(x)).collect();
    Edges { offsets: wide(&lists.offsets), sources: wide(&lists.items), ..Edges::default() }
}

fn features(union: &Union<'_>, edges: usize, values: &[f32], device: Device) -> Result<Option<Tensor>> {
    (union.edge_width > 0).then(|| to_tensor(values, edges, union.edge_width, device)).transpose()
}

fn indices(values: &[i64], device: Device) -> Result<Tensor> {
    Tensor::f_from_slice(values).and_then(|t| t.f_to_device(device)).map_err(torch("graph batch"))
}

fn to_tensor(values: &[f32], rows: usize, width: usize, device: Device) -> Result<Tensor> {
    let build = || Tensor::f_from_slice(values)?.f_reshape([rows as i64, width as i64])?.f_to_device(device);
    build().map_err(torch("graph batch"))
}
