//! Many graphs as one disjoint union.

use tch::{Device, Tensor};

use crate::{Csr, Error, Result, compress, error::torch};

/// One graph as the caller holds it.
#[derive(Clone, Copy, Debug)]
pub struct GraphRef<'a> {
    /// Node features, row-major: (nodes, width).
    pub nodes: &'a [f32],
    /// Features per node.
    pub width: usize,
    /// Edges as (source, destination); messages flow from source to destination.
    pub edges: &'a [(u32, u32)],
    /// Features of the whole graph.
    pub globals: &'a [f32],
}

/// How one layer passes messages: from `sources` rows to `destinations` rows.
#[derive(Debug)]
pub struct Hop {
    /// Mean over in-neighbours, (destinations, sources). Rows without in-edges are empty: their mean is 0.
    pub mean: Csr,
    /// Row of each destination among the sources, (destinations); `None` when they are the same rows.
    pub own: Option<Tensor>,
}

impl Hop {
    /// Each destination's own row: (sources, d) → (destinations, d).
    pub fn own(&self, x: &Tensor) -> Result<Tensor> {
        match &self.own {
            Some(index) => x.f_index_select(0, index).map_err(torch("own rows")),
            None => Ok(x.shallow_clone()),
        }
    }
}

/// A batch of graphs on a device, ready for a network of a fixed number of layers.
///
/// Uncompressed, every layer works on all nodes. [Compressed](GraphBatch::compressed), layer `l` works on
/// the classes of nodes that `l` rounds of colour refinement cannot tell apart: nodes of one class have
/// equal embeddings whatever the weights, so each is computed once, and the read-out counts it as often
/// as it occurs. Results are equal up to rounding; dropout would break the equality, so training with
/// dropout uses uncompressed batches.
#[derive(Debug)]
pub struct GraphBatch {
    /// Features of the rows of the first layer: (rows, width).
    pub nodes: Tensor,
    /// One hop per layer.
    hops: Vec<Hop>,
    layers: usize,
    /// Sum over the nodes of each graph: (graphs, rows of the last layer).
    pub sum: Csr,
    /// Graph features: (graphs, globals).
    pub globals: Tensor,
}

/// The union of graphs before it goes to a device: edges sorted by destination.
pub(crate) struct Union<'a> {
    pub nodes: Vec<f32>,
    pub width: usize,
    /// In-degree of each node.
    pub degrees: Vec<u32>,
    /// Sources, sorted by destination.
    pub sources: Vec<u32>,
    /// Nodes of each graph.
    pub sizes: Vec<u32>,
    graphs: &'a [GraphRef<'a>],
}

impl GraphBatch {
    /// The disjoint union of `graphs` for a network of `layers` layers.
    ///
    /// # Errors
    /// Graphs of different widths, ragged features, or edges that name a node that is not there.
    pub fn new(graphs: &[GraphRef<'_>], layers: usize, device: Device) -> Result<Self> {
        let union = Union::new(graphs)?;
        let n = union.degrees.len();
        let ones = vec![1.0; n];
        let members: Vec<u32> = (0..n as u32).collect();
        let hop = Hop { mean: mean(&union.degrees, &union.sources, None, n, device)?, own: None };
        Ok(Self {
            nodes: to_tensor(&union.nodes, n, union.width, device)?,
            hops: vec![hop],
            layers,
            sum: Csr::new(&union.sizes, &members, &ones, n, device)?,
            globals: union.globals(device)?,
        })
    }

    /// The same result with equal nodes computed once; see [`GraphBatch`].
    ///
    /// # Errors
    /// As [`GraphBatch::new`].
    pub fn compressed(graphs: &[GraphRef<'_>], layers: usize, device: Device) -> Result<Self> {
        let union = Union::new(graphs)?;
        let rounds = compress::refine(&union, layers);
        let first = &rounds[0];
        let rows: Vec<f32> = first.representatives.iter().flat_map(|&v| union.row(v)).copied().collect();
        let mut hops = Vec::with_capacity(layers);
        for pair in rounds.windows(2) {
            hops.push(compress::hop(&union, &pair[0], &pair[1], device)?);
        }
        let last = &rounds[layers];
        let (lengths, columns, counts) = compress::occurrences(&union, last);
        Ok(Self {
            nodes: to_tensor(&rows, first.representatives.len(), union.width, device)?,
            hops,
            layers,
            sum: Csr::new(&lengths, &columns, &counts, last.representatives.len(), device)?,
            globals: union.globals(device)?,
        })
    }

    /// Number of graphs.
    pub fn len(&self) -> i64 {
        self.sum.rows()
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
    pub fn hop(&self, l: usize) -> Result<&Hop> {
        let message = || format!("layer {l} of a batch built for {} layers", self.layers);
        if l >= self.layers {
            return Err(Error::Shape { layer: "graph batch", message: message() });
        }
        self.hops.get(l).or(self.hops.first()).ok_or_else(|| Error::Shape { layer: "graph batch", message: message() })
    }
}

impl<'a> Union<'a> {
    fn new(graphs: &'a [GraphRef<'a>]) -> Result<Self> {
        let width = graphs.first().map_or(0, |g| g.width);
        let globals = graphs.first().map_or(0, |g| g.globals.len());
        let mut union = Self { nodes: vec![], width, degrees: vec![], sources: vec![], sizes: vec![], graphs };
        for (index, graph) in graphs.iter().enumerate() {
            let refuse = |message| Err(Error::Graph { index, message });
            if graph.width != width || graph.globals.len() != globals {
                return refuse(format!(
                    "{} node and {} graph features in a batch of {width} and {globals}",
                    graph.width,
                    graph.globals.len()
                ));
            }
            if width == 0 || graph.nodes.len() % width != 0 {
                return refuse(format!("{} numbers are no rows of {width}", graph.nodes.len()));
            }
            let n = graph.nodes.len() / width;
            let offset = union.degrees.len();
            if offset + n > u32::MAX as usize {
                return refuse("the batch has more than 2³² nodes".into());
            }
            let mut degrees = vec![0u32; n];
            for &(source, destination) in graph.edges {
                if source as usize >= n || destination as usize >= n {
                    return refuse(format!("edge ({source}, {destination}) among {n} nodes"));
                }
                degrees[destination as usize] += 1;
            }
            let mut next: Vec<usize> = degrees
                .iter()
                .scan(union.sources.len(), |at, &d| {
                    let start = *at;
                    *at += d as usize;
                    Some(start)
                })
                .collect();
            union.sources.resize(union.sources.len() + graph.edges.len(), 0);
            for &(source, destination) in graph.edges {
                let at = &mut next[destination as usize];
                union.sources[*at] = offset as u32 + source;
                *at += 1;
            }
            union.nodes.extend_from_slice(graph.nodes);
            union.degrees.extend(degrees);
            union.sizes.push(n as u32);
        }
        Ok(union)
    }

    pub fn row(&self, node: u32) -> &[f32] {
        let start = node as usize * self.width;
        &self.nodes[start..start + self.width]
    }

    fn globals(&self, device: Device) -> Result<Tensor> {
        let width = self.graphs.first().map_or(0, |g| g.globals.len());
        let all: Vec<f32> = self.graphs.iter().flat_map(|g| g.globals).copied().collect();
        to_tensor(&all, self.graphs.len(), width, device)
    }
}

/// Mean over in-edges; `counts` holds the multiplicity of each edge, 1 where it is `None`.
pub(crate) fn mean(
    lengths: &[u32],
    sources: &[u32],
    counts: Option<&[f32]>,
    width: usize,
    device: Device,
) -> Result<Csr> {
    let mut values = Vec::with_capacity(sources.len());
    let mut start = 0;
    for &n in lengths {
        let range = start..start + n as usize;
        let total = counts.map_or(n as f32, |c| c[range.clone()].iter().sum());
        values.extend(range.clone().map(|e| counts.map_or(1.0, |c| c[e]) / total));
        start = range.end;
    }
    Csr::new(lengths, sources, &values, width, device)
}

fn to_tensor(values: &[f32], rows: usize, width: usize, device: Device) -> Result<Tensor> {
    let build = || Tensor::f_from_slice(values)?.f_reshape([rows as i64, width as i64])?.f_to_device(device);
    build().map_err(torch("graph batch"))
}
