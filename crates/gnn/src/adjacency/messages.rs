//! What is summed along edges.

use tachograph_gnn_kernels as kernels;
use tch::{TchError, Tensor};

use super::{Adjacency, mismatch};
use crate::{Result, error::torch, fallback};

impl Adjacency {
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
        if kernels::serves(x) {
            let y = kernels::softmax_sum(x, counts.as_ref(), t, &self.pattern(x.requires_grad())?);
            return y.map_err(torch("softmax over edges"));
        }
        let column = column(counts).map_err(torch("softmax over edges"))?;
        let values = self.from_sources(x)?;
        fallback::softmax_sum(&values, column.as_ref(), t, self.destinations()?, self.rows)
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
        if kernels::serves(logits) {
            let y = kernels::softmax(logits, counts.as_ref(), &self.offsets);
            return y.map_err(torch("softmax over edges"));
        }
        let column = column(counts).map_err(torch("softmax over edges"))?;
        fallback::softmax(logits, column.as_ref(), self.destinations()?, self.rows).map_err(torch("softmax over edges"))
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
        fallback::sum(&counted, self.destinations()?, self.rows).map_err(torch("sum of edges"))
    }

    fn extremum(&self, x: &Tensor, sign: f64) -> Result<Tensor> {
        self.check("extremum over edges", x, self.columns)?;
        let counts = self.counts_of(x.kind())?;
        if kernels::serves(x) {
            let y = kernels::extremum(x, counts.as_ref(), sign, &self.pattern(x.requires_grad())?);
            return y.map_err(torch("extremum over edges"));
        }
        let column = column(counts).map_err(torch("extremum over edges"))?;
        let index = self.destinations()?;
        let signed = self.from_sources(x)?.f_mul_scalar(sign).map_err(torch("extremum over edges"))?;
        let y = fallback::max(&signed, column.as_ref(), index, self.rows);
        y.and_then(|y| y.f_mul_scalar(sign)).map_err(torch("extremum over edges"))
    }

    /// Σ w·x, where `w` already counts.
    fn product(&self, x: &Tensor, weights: Option<&Tensor>) -> Result<Tensor> {
        if kernels::serves(x) {
            let y = kernels::sum(x, weights, &self.pattern(x.requires_grad())?);
            return y.map_err(torch("sum over edges"));
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
        weigh().and_then(|m| fallback::sum(&m, index, self.rows)).map_err(torch("sum over edges"))
    }
}

fn column(counts: Option<Tensor>) -> Result<Option<Tensor>, TchError> {
    counts.map(|n| n.f_unsqueeze(1)).transpose()
}
