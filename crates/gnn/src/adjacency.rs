//! Edges sorted by destination, and what is summed along them.

use std::cell::OnceCell;

use tch::{Device, Kind, TchError, Tensor};

use crate::{Error, Result, error::torch, native, plain};

/// A constant set of edges from source rows to destination rows, sorted by destination: a compressed sparse row
/// pattern on a device, with its transpose cached at the first gradient. An edge of a compressed batch stands for
/// several equal ones; every operation here counts it as often.
///
/// All operations are differentiable once, in x and in the weights. On the CPU in f32 and f64 they are fused kernels,
/// elsewhere libtorch's own operations (see [`plain`](crate::plain)).
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

/// Edges on the host, before they go to a device.
#[derive(Debug, Default)]
pub(crate) struct HostEdges {
    /// (rows + 1)
    pub offsets: Vec<i64>,
    pub sources: Vec<i64>,
    /// Empty: each edge counts once.
    pub counts: Vec<f32>,
    /// Empty: the in-degrees of the rows themselves.
    pub source_degrees: Vec<f64>,
}

impl Adjacency {
    pub(crate) fn new(edges: &HostEdges, columns: usize, device: Device) -> Result<Self> {
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
        cached(&self.destinations, || plain::index(&self.offsets)).map_err(torch("edges"))
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

    /// yᵢ = Σ_{j→i} w·xⱼ; rows without edges are 0.
    ///
    /// # Shapes
    /// x (columns, d), weights (E) or (E, heads) where each head weighs d / heads channels → (rows, d)
    ///
    /// # Errors
    /// Other shapes.
    pub fn sum(&self, x: &Tensor, weights: Option<&Tensor>) -> Result<Tensor> {
        self.check("sum over edges", x, self.columns)?;
        if let Some(w) = weights {
            let heads = if w.dim() == 2 { w.size()[1] } else { 1 };
            if w.size().first() != Some(&self.len()) || w.dim() > 2 || heads == 0 || x.size()[1] % heads != 0 {
                return Err(mismatch(
                    "sum over edges",
                    "weights",
                    w,
                    format!("({} edges, heads of {:?})", self.len(), x.size()),
                ));
            }
        }
        let counts = self.counts_of(x.kind())?;
        let weights = match (weights, &counts) {
            (Some(w), Some(n)) if w.dim() == 2 => Some(w.f_mul(&n.f_unsqueeze(1).map_err(torch("counts"))?)),
            (Some(w), Some(n)) => Some(w.f_mul(n)),
            (Some(w), None) => Some(Ok(w.shallow_clone())),
            (None, n) => n.as_ref().map(|n| Ok(n.shallow_clone())),
        };
        let weights = weights.transpose().map_err(torch("sum over edges"))?;
        self.product(x, weights.as_ref())
    }

    /// yᵢ = mean of xⱼ over j→i; rows without edges are 0.
    ///
    /// # Shapes
    /// (columns, d) → (rows, d)
    ///
    /// # Errors
    /// Another number of rows.
    pub fn mean(&self, x: &Tensor) -> Result<Tensor> {
        self.check("mean over edges", x, self.columns)?;
        let weights = self.mean.get(x.kind(), || {
            let totals = self.degrees()?.f_index_select(0, self.destination_index()?)?;
            self.edge_counts()?.f_div(&totals)
        });
        self.product(x, Some(&weights.map_err(torch("mean over edges"))?))
    }

    /// yᵢ = maximum of xⱼ over j→i, channel by channel; rows without edges are 0. Equal maxima share the gradient.
    ///
    /// # Shapes
    /// (columns, d) → (rows, d)
    ///
    /// # Errors
    /// Another number of rows.
    pub fn max(&self, x: &Tensor) -> Result<Tensor> {
        self.extremum(x, 1.0)
    }

    /// yᵢ = minimum of xⱼ over j→i; as [`Adjacency::max`].
    ///
    /// # Shapes
    /// (columns, d) → (rows, d)
    ///
    /// # Errors
    /// Another number of rows.
    pub fn min(&self, x: &Tensor) -> Result<Tensor> {
        self.extremum(x, -1.0)
    }

    /// yᵢ = Σ softmax(t·xⱼ)·xⱼ over j→i, channel by channel: `SoftmaxAggregation` of PyTorch Geometric (Li et al.,
    /// "DeeperGCN", 2020). Rows without edges are 0.
    ///
    /// # Shapes
    /// (columns, d) → (rows, d)
    ///
    /// # Errors
    /// Another number of rows.
    pub fn softmax_sum(&self, x: &Tensor, t: f64) -> Result<Tensor> {
        self.check("softmax over edges", x, self.columns)?;
        let counts = self.counts_of(x.kind())?;
        if native::serves(x) {
            return native::softmax_sum(x, counts.as_ref(), t, self.pattern(x.requires_grad())?);
        }
        let column = column(counts).map_err(torch("softmax over edges"))?;
        let values = self.from_sources(x)?;
        plain::softmax_sum(&values, column.as_ref(), t, self.destinations()?, self.rows)
            .map_err(torch("softmax over edges"))
    }

    /// Attention coefficients: exp(z) over its sum along the edges of a destination, head by head; with counts, so
    /// that [`Adjacency::sum`] with these weights is a mean.
    ///
    /// # Shapes
    /// (E, heads) → (E, heads)
    ///
    /// # Errors
    /// Another number of edges.
    pub fn softmax(&self, logits: &Tensor) -> Result<Tensor> {
        self.check("softmax over edges", logits, self.len())?;
        let counts = self.counts_of(logits.kind())?;
        if native::serves(logits) {
            return native::softmax(logits, counts.as_ref(), &self.offsets);
        }
        let column = column(counts).map_err(torch("softmax over edges"))?;
        plain::softmax(logits, column.as_ref(), self.destinations()?, self.rows).map_err(torch("softmax over edges"))
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

    /// Σ of the values of the edges into each destination: (E, d) → (rows, d); rows without edges are 0.
    ///
    /// # Errors
    /// Another number of edges.
    pub fn sum_edges(&self, values: &Tensor) -> Result<Tensor> {
        self.check("sum of edges", values, self.len())?;
        let counted = match self.counts_of(values.kind())? {
            Some(counts) => counts.f_unsqueeze(1).and_then(|n| values.f_mul(&n)).map_err(torch("sum of edges"))?,
            None => values.shallow_clone(),
        };
        plain::sum(&counted, self.destinations()?, self.rows).map_err(torch("sum of edges"))
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

    fn extremum(&self, x: &Tensor, sign: f64) -> Result<Tensor> {
        self.check("extremum over edges", x, self.columns)?;
        let counts = self.counts_of(x.kind())?;
        if native::serves(x) {
            return native::extremum(x, counts.as_ref(), sign, self.pattern(x.requires_grad())?);
        }
        let column = column(counts).map_err(torch("extremum over edges"))?;
        let index = self.destinations()?;
        let signed = self.from_sources(x)?.f_mul_scalar(sign).map_err(torch("extremum over edges"))?;
        let y = plain::max(&signed, column.as_ref(), index, self.rows);
        y.and_then(|y| y.f_mul_scalar(sign)).map_err(torch("extremum over edges"))
    }

    /// Σ w·x, where `w` already counts.
    fn product(&self, x: &Tensor, weights: Option<&Tensor>) -> Result<Tensor> {
        if native::serves(x) {
            return native::sum(x, weights, self.pattern(x.requires_grad())?);
        }
        let messages = self.from_sources(x)?;
        let weigh = || match weights {
            Some(w) if w.dim() == 2 => {
                let (e, heads) = w.size2()?;
                messages.f_reshape([e, heads, -1])?.f_mul(&w.f_unsqueeze(2)?)?.f_reshape(messages.size())
            }
            Some(w) => messages.f_mul(&w.f_unsqueeze(1)?),
            None => Ok(messages.shallow_clone()),
        };
        let index = self.destinations()?;
        weigh().and_then(|m| plain::sum(&m, index, self.rows)).map_err(torch("sum over edges"))
    }

    fn pattern(&self, gradient: bool) -> Result<native::Pattern<'_>> {
        let (offsets, sources) = (Some(&self.offsets), Some(&self.sources));
        if !gradient {
            return Ok([offsets, sources, None, None, None]);
        }
        let transpose = cached(&self.transpose, || self.transposed()).map_err(torch("edges"))?;
        let [out_offsets, places, reads] = transpose;
        Ok([offsets, sources, Some(out_offsets), Some(places), Some(reads)])
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
        plain::sum(&self.edge_counts()?, self.destination_index()?, self.rows)
    }

    fn edge_counts(&self) -> Result<Tensor, TchError> {
        match &self.counts {
            Some(counts) => counts.f_to_kind(Kind::Double),
            None => Tensor::f_ones([self.len()], (Kind::Double, self.offsets.device())),
        }
    }

    fn destination_index(&self) -> Result<&Tensor, TchError> {
        cached(&self.destinations, || plain::index(&self.offsets))
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

fn column(counts: Option<Tensor>) -> Result<Option<Tensor>, TchError> {
    counts.map(|n| n.f_unsqueeze(1)).transpose()
}
