//! Edges sorted by destination, and what is summed along them.

mod messages;

use std::cell::OnceCell;

use tachograph_batch::Edges;
use tachograph_gnn_kernels::Pattern;
use tch::{Device, Kind, TchError, Tensor};

use crate::{Error, Result, error::torch, fallback};

/// A constant set of edges from source rows to destination rows, sorted by destination: a compressed sparse row
/// pattern on a device, with its transpose cached at the first gradient. An edge of a compressed batch stands for
/// several equal ones; every operation here counts it as often.
///
/// All operations are differentiable once, in x and in the weights. On the CPU in f32 and f64 they are fused kernels,
/// elsewhere libtorch's own operations (see [`fallback`](crate::fallback)).
#[derive(Debug)]
pub struct Adjacency {
    rows: i64,
    columns: i64,
    /// (rows + 1)
    offsets: Tensor,
    /// Source of each edge, (E).
    sources: Tensor,
    /// How often each edge counts, (E), f32; `None`: once.
    counts: Option<Tensor>,
    /// In-degree of the source rows in the graph, (columns), f64; `None`: the rows' own.
    source_degrees: Option<Tensor>,
    destinations: OnceCell<Tensor>,
    transpose: OnceCell<[Tensor; 3]>,
    mean: Weights,
    gcn: Weights,
}

/// Weights in each type that was asked for.
#[derive(Debug, Default)]
struct Weights {
    double: OnceCell<Tensor>,
    float: OnceCell<Tensor>,
}

impl Weights {
    fn get(&self, kind: Kind, make: impl FnOnce() -> Result<Tensor, TchError>) -> Result<Tensor, TchError> {
        let double = cached(&self.double, make)?;
        if kind == Kind::Float {
            return Ok(cached(&self.float, || double.f_to_kind(kind))?.shallow_clone());
        }
        double.f_to_kind(kind)
    }
}

fn cached<T, E>(cell: &OnceCell<T>, make: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
    match cell.get() {
        Some(value) => Ok(value),
        None => {
            let value = make()?;
            Ok(cell.get_or_init(|| value))
        }
    }
}

impl Adjacency {
    pub(crate) fn new(edges: &Edges, columns: usize, device: Device) -> Result<Self> {
        let optional = |t: Option<Result<Tensor, TchError>>| t.transpose();
        let build = || -> Result<Self, TchError> {
            let put = |t: Result<Tensor, TchError>| t.and_then(|t| t.f_to_device(device));
            let counts = (!edges.counts.is_empty()).then(|| put(Tensor::f_from_slice(&edges.counts)));
            let degrees = (!edges.source_degrees.is_empty()).then(|| put(Tensor::f_from_slice(&edges.source_degrees)));
            Ok(Self {
                rows: edges.offsets.len().saturating_sub(1) as i64,
                columns: columns as i64,
                offsets: put(Tensor::f_from_slice(&edges.offsets))?,
                sources: put(Tensor::f_from_slice(&edges.sources))?,
                counts: optional(counts)?,
                source_degrees: optional(degrees)?,
                destinations: OnceCell::new(),
                transpose: OnceCell::new(),
                mean: Weights::default(),
                gcn: Weights::default(),
            })
        };
        build().map_err(torch("edges"))
    }

    /// Destinations.
    pub fn rows(&self) -> i64 {
        self.rows
    }

    /// Sources.
    pub fn columns(&self) -> i64 {
        self.columns
    }

    /// Edges; equal ones of a compressed batch as one.
    pub fn len(&self) -> i64 {
        self.sources.numel() as i64
    }

    /// Edges into each row, equal ones of a compressed batch as one: (rows), i64.
    ///
    /// # Errors
    /// A device out of memory.
    pub fn counts_of_rows(&self) -> Result<Tensor, TchError> {
        self.offsets.f_diff(1, -1, None::<&Tensor>, None::<&Tensor>)
    }

    /// True without edges.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How often each edge counts, (E), or `None` where each counts once.
    pub fn counts(&self) -> Option<&Tensor> {
        self.counts.as_ref()
    }

    /// Source row of each edge: (E), i64.
    pub fn sources(&self) -> &Tensor {
        &self.sources
    }

    /// Destination row of each edge: (E), i64, ascending.
    ///
    /// # Errors
    /// A device out of memory.
    pub fn destinations(&self) -> Result<&Tensor> {
        cached(&self.destinations, || fallback::index(&self.offsets)).map_err(torch("edges"))
    }

    /// The row that each edge comes from: (columns, d) → (E, d).
    ///
    /// # Errors
    /// `x` has another number of rows.
    pub fn from_sources(&self, x: &Tensor) -> Result<Tensor> {
        self.check("rows of sources", x, self.columns)?;
        x.f_index_select(0, &self.sources).map_err(torch("rows of sources"))
    }

    /// The row that each edge goes to: (rows, d) → (E, d).
    ///
    /// # Errors
    /// `x` has another number of rows.
    pub fn from_destinations(&self, x: &Tensor) -> Result<Tensor> {
        self.check("rows of destinations", x, self.rows)?;
        x.f_index_select(0, self.destinations()?).map_err(torch("rows of destinations"))
    }

    /// 1/√(dᵢ·dⱼ) of each edge j→i, d the in-degrees (Kipf and Welling, 2017): (E), in the type `kind`.
    ///
    /// # Errors
    /// The rows on both sides are not the same nodes: a compressed batch that was built without self-loops.
    pub fn gcn_weights(&self, kind: Kind) -> Result<Tensor> {
        if self.source_degrees.is_none() && (self.rows != self.columns || self.counts.is_some()) {
            let message = "a compressed batch keeps degrees when it is built with `self_loops`".into();
            return Err(Error::Shape { layer: "GCN weights", message });
        }
        let weights = self.gcn.get(kind, || {
            let here = self.degrees()?.f_index_select(0, self.destination_index()?)?;
            let there = match &self.source_degrees {
                Some(degrees) => degrees.f_index_select(0, &self.sources)?,
                None => self.degrees()?.f_index_select(0, &self.sources)?,
            };
            let root = here.f_mul(&there)?.f_rsqrt()?;
            root.f_masked_fill(&root.f_isinf()?, 0.0)
        });
        weights.map_err(torch("GCN weights"))
    }

    /// In-degrees of the source rows, as often as edges count: (columns), f64.
    ///
    /// # Errors
    /// A compressed batch that was built without self-loops does not know them.
    pub fn source_degrees(&self) -> Result<Tensor> {
        match &self.source_degrees {
            Some(degrees) => Ok(degrees.shallow_clone()),
            None if self.rows == self.columns && self.counts.is_none() => self.degrees().map_err(torch("degrees")),
            None => {
                let message = "a compressed batch keeps degrees when it is built with `self_loops`".into();
                Err(Error::Shape { layer: "degrees", message })
            }
        }
    }

    /// The same edges on another device.
    ///
    /// # Errors
    /// A device out of memory.
    pub fn to_device(&self, device: Device) -> Result<Self> {
        let put = |t: &Tensor| t.f_to_device(device);
        let build = || -> Result<Self, TchError> {
            Ok(Self {
                rows: self.rows,
                columns: self.columns,
                offsets: put(&self.offsets)?,
                sources: put(&self.sources)?,
                counts: self.counts.as_ref().map(put).transpose()?,
                source_degrees: self.source_degrees.as_ref().map(put).transpose()?,
                destinations: OnceCell::new(),
                transpose: OnceCell::new(),
                mean: Weights::default(),
                gcn: Weights::default(),
            })
        };
        build().map_err(torch("edges"))
    }

    fn pattern(&self, gradient: bool) -> Result<Pattern<'_>> {
        let transpose = gradient.then(|| cached(&self.transpose, || self.transposed())).transpose();
        Ok(Pattern::new(&self.offsets, &self.sources, transpose.map_err(torch("edges"))?))
    }

    /// Edges sorted by source: offsets (columns + 1), places among the edges (E), destinations (E).
    fn transposed(&self) -> Result<[Tensor; 3], TchError> {
        let offsets = Vec::<i64>::try_from(&self.offsets)?;
        let sources = Vec::<i64>::try_from(&self.sources)?;
        let mut starts = vec![0i64; self.columns as usize + 1];
        for &s in &sources {
            starts[s as usize + 1] += 1;
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut next = starts.clone();
        let (mut places, mut reads) = (vec![0i64; sources.len()], vec![0i64; sources.len()]);
        for (row, pair) in offsets.windows(2).enumerate() {
            for k in pair[0]..pair[1] {
                let at = &mut next[sources[k as usize] as usize];
                (places[*at as usize], reads[*at as usize]) = (k, row as i64);
                *at += 1;
            }
        }
        Ok([Tensor::f_from_slice(&starts)?, Tensor::f_from_slice(&places)?, Tensor::f_from_slice(&reads)?])
    }

    /// Edges into each row, as often as they count: (rows), f64.
    fn degrees(&self) -> Result<Tensor, TchError> {
        fallback::sum(&self.edge_counts()?, self.destination_index()?, self.rows)
    }

    fn edge_counts(&self) -> Result<Tensor, TchError> {
        match &self.counts {
            Some(counts) => counts.f_to_kind(Kind::Double),
            None => Tensor::f_ones([self.len()], (Kind::Double, self.offsets.device())),
        }
    }

    fn destination_index(&self) -> Result<&Tensor, TchError> {
        cached(&self.destinations, || fallback::index(&self.offsets))
    }

    fn counts_of(&self, kind: Kind) -> Result<Option<Tensor>> {
        self.counts.as_ref().map(|n| n.f_to_kind(kind)).transpose().map_err(torch("counts"))
    }

    fn check(&self, place: &'static str, x: &Tensor, rows: i64) -> Result<()> {
        if x.dim() != 2 || x.size()[0] != rows {
            return Err(mismatch(place, "input", x, format!("({rows}, channels)")));
        }
        Ok(())
    }
}

fn mismatch(layer: &'static str, what: &str, found: &Tensor, expected: String) -> Error {
    Error::Shape { layer, message: format!("{what} {:?}, expected {expected}", found.size()) }
}
