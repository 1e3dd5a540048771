//! A roofline that a network corrects, operator by operator. Our own model.

use serde::{Deserialize, Serialize};
use tachograph_gnn::{GraphBatch, Linear, Sage, SageConfig};
use tch::{Tensor, nn};

use crate::{Result, error::torch, heads::select};

/// Settings of [`Tachograph`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TachographConfig {
    /// Width of all hidden layers.
    pub hidden: i64,
    /// GraphSAGE layers before the others, each adding one operator of context to what the features hold.
    pub layers: usize,
    /// Layers of the network that reads an operator.
    pub depth: usize,
}

impl Default for TachographConfig {
    fn default() -> Self {
        Self { hidden: 192, layers: 0, depth: 2 }
    }
}

/// The time of a batch of b images is the sum over operators of what a roofline says, each corrected by a factor that
/// depends on the operator, its neighbours and the device:
///
/// y = b · Σᵢ (computeᵢ / p + trafficᵢ / q + residentᵢ / r) · exp(w·hᵢ + c), hᵢ = MLP(xᵢ)
///
/// It reads the features of `Kind::Tachograph`: the logarithms of `compute`, `traffic` and `resident`, times for one image
/// on an imaginary machine, are the first columns of a node; b is the first of a graph. Peak memory has the last term alone:
/// it is a sum over the operators that have something resident at the peak, however many others there are. One
/// embedding h serves all outputs; an output has w, c and its speeds p, q and r against that machine, which are
/// learned as logarithms. All start at 0, so
/// an untrained network is the roofline, and a network larger than any in training is still a sum of familiar terms.
///
/// # Shapes
/// A batch of G graphs with node features of width `inputs` → (G, outputs), in the unit of the training target.
#[derive(Debug)]
pub struct Tachograph {
    graph: Vec<Sage>,
    hidden: Vec<Linear>,
    heads: Vec<Head>,
}

#[derive(Debug)]
struct Head {
    /// w, (1, hidden).
    weight: Tensor,
    /// c, (1).
    bias: Tensor,
    /// ln p, ln q and ln r, (1, 3).
    speeds: Tensor,
    /// Which of the three terms it has.
    terms: [f32; TIMES as usize],
}

/// Columns that hold times.
const TIMES: i64 = 3;

/// Deviations from the mean at which other columns end, as they do in training: beyond them, where a network has many
/// times what any other had (operands of a concatenation), a straight line would go on for ever.
const FAR: f64 = 10.0;

/// Keeps exp within f32 and its gradient alive.
const LIMIT: f64 = 15.0;

impl Tachograph {
    /// Adds its parameters under `vs`; one head for each of `outputs` outputs.
    ///
    /// # Errors
    /// libtorch cannot allocate the parameters.
    pub fn new(vs: &nn::Path<'_>, inputs: i64, outputs: usize, config: &TachographConfig) -> Result<Self> {
        let hidden = config.hidden;
        let width = |l: usize| if l == 0 { inputs } else { hidden };
        let sage = |l: usize| Sage::new(&(vs / "graph" / l), width(l), hidden, SageConfig::default());
        let linear = |l: usize| Linear::new(&(vs / "hidden" / l), width(config.layers + l), hidden, true);
        let head = |d: usize| {
            let vs = vs / "heads" / d;
            let zeros = nn::Init::Const(0.0);
            let width = width(config.layers + config.depth);
            Ok(Head {
                weight: vs.f_var("weight", &[1, width], zeros)?,
                bias: vs.f_var("bias", &[1], zeros)?,
                speeds: vs.f_var("speeds", &[1, TIMES], zeros)?,
                terms: [1.0; TIMES as usize],
            })
        };
        Ok(Self {
            graph: (0..config.layers).map(sage).collect::<Result<_, _>>()?,
            hidden: (0..config.depth).map(linear).collect::<Result<_, _>>()?,
            heads: (0..outputs).map(head).collect::<Result<_, _>>().map_err(torch("heads"))?,
        })
    }

    /// Says which outputs are peak memory; outputs that there are not are passed over.
    pub fn set_memory(&mut self, outputs: &[usize]) {
        for (output, head) in self.heads.iter_mut().enumerate() {
            let time = if outputs.contains(&output) { 0.0 } else { 1.0 };
            head.terms = [time, time, 1.0];
        }
    }

    /// Embedding h of every operator and its times: (rows of the last layer, hidden) and (rows, 3).
    fn rows(&self, batch: &GraphBatch) -> Result<(Tensor, Tensor)> {
        let columns = |from, n| batch.nodes.f_narrow(1, from, n).map_err(torch("features"));
        let mut times = columns(0, TIMES)?;
        let rest = columns(TIMES, batch.nodes.size()[1] - TIMES)?.f_clamp(-FAR, FAR);
        let mut h = rest.and_then(|rest| Tensor::f_cat(&[&times, &rest], 1)).map_err(torch("features"))?;
        for (l, layer) in self.graph.iter().enumerate() {
            let hop = batch.hop(l)?;
            h = layer.forward(&h, hop)?.f_silu().map_err(torch("SiLU"))?;
            times = hop.own(&times)?;
        }
        for linear in &self.hidden {
            h = linear.forward(&h)?.f_silu().map_err(torch("SiLU"))?;
        }
        Ok((h, times))
    }

    /// Embeddings of the graphs before any head, the mean of h weighted by the roofline: (G, hidden).
    ///
    /// # Errors
    /// The batch has another width or was built for fewer layers.
    pub fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        let (h, times) = self.rows(batch)?;
        let times = times.f_exp().and_then(|t| t.f_sum_dim_intlist(1, true, None)).map_err(torch("times"))?;
        let sum = batch.members.sum(&h.f_mul(&times).map_err(torch("embedding"))?, None)?;
        sum.f_div(&batch.members.sum(&times, None)?).map_err(torch("embedding"))
    }

    /// Time of each operator for one image and each of `heads`: (rows of the last layer, heads), positive. Rows are the
    /// nodes of the batch, or their classes when it is compressed.
    ///
    /// # Errors
    /// The batch has another width or was built for fewer layers; an output without a head, or no output.
    pub fn operators(&self, batch: &GraphBatch, heads: &[usize]) -> Result<Tensor> {
        let heads = select(&self.heads, heads)?;
        let (h, times) = self.rows(batch)?;
        let stack = |part: fn(&Head) -> &Tensor| Tensor::f_cat(&heads.iter().map(|h| part(h)).collect::<Vec<_>>(), 0);
        let terms: Vec<f32> = heads.iter().flat_map(|head| head.terms).collect();
        let corrected = || {
            let terms = Tensor::f_from_slice(&terms)?.f_view([-1, TIMES])?.f_to_device(times.device())?;
            let slowness = stack(|h| &h.speeds)?.f_neg()?.f_exp()?.f_mul(&terms)?;
            let roofline = times.f_exp()?.f_matmul(&slowness.f_tr()?)?;
            let correction = h.f_linear(&stack(|h| &h.weight)?, Some(&stack(|h| &h.bias)?))?;
            roofline.f_mul(&correction.f_clamp(-LIMIT, LIMIT)?.f_exp()?)
        };
        corrected().map_err(torch("heads"))
    }

    /// Predictions for each of `heads`: (G, heads), positive.
    ///
    /// # Errors
    /// As [`Tachograph::operators`].
    pub fn forward(&self, batch: &GraphBatch, heads: &[usize]) -> Result<Tensor> {
        let image = batch.members.sum(&self.operators(batch, heads)?, None)?;
        let images = batch.globals.f_narrow(1, 0, 1);
        images.and_then(|images| image.f_mul(&images)).map_err(torch("read-out"))
    }
}
