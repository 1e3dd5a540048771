//! A roofline that a network corrects, operator by operator. Our own model.

use serde::{Deserialize, Serialize};
use tachograph_gnn::{GraphBatch, Linear, Sage, SageConfig};
use tch::{TchError, Tensor, nn};

use crate::{Result, error::torch, heads::select};

/// Settings of [`LearnedRoofline`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LearnedRooflineConfig {
    /// Width of all hidden layers.
    pub hidden: i64,
    /// GraphSAGE layers before the others, each adding one operator of context to what the features hold.
    pub layers: usize,
    /// Layers of the network that reads an operator.
    pub depth: usize,
}

impl Default for LearnedRooflineConfig {
    fn default() -> Self {
        Self { hidden: 192, layers: 0, depth: 2 }
    }
}

/// The time of a batch of b images, or its energy, is the sum over operators of what a roofline says, each corrected by a
/// factor that depends on the operator, its neighbours and the device:
///
/// y = b · Σᵢ (computeᵢ / p + trafficᵢ / q + residentᵢ / r) · exp(w·hᵢ + c), hᵢ = MLP(xᵢ)
///
/// Its peak memory is what is resident at the worst moment, of which the graph says how much it is but for the workspace of
/// the operator that runs then:
///
/// y = b · (weights / r + maxᵢ (aliveᵢ / r + trafficᵢ / q · exp(w·hᵢ + c − 3)))
///
/// It reads the features of `Kind::LearnedRoofline`: the logarithms of `compute`, `traffic`, `resident` and `alive`, times for one
/// image on an imaginary machine, are the first columns of a node; b and `weights` are those of a graph. `alive` is no
/// part of x. One embedding h serves all outputs; an output has w, c and its speeds p, q and r against that machine, which are
/// learned as logarithms. All start at 0, so an untrained network is the roofline, or what is resident with a workspace of
/// a twentieth of the operator's traffic, and a network larger than any in training is still a sum of familiar terms.
///
/// # Shapes
/// A batch of G graphs with node features of width `inputs` → (G, outputs), in the unit of the training target.
#[derive(Debug)]
pub struct LearnedRoofline {
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
    memory: bool,
}

/// Columns of times of an operator.
const TIMES: i64 = 3;

/// Column of what is alive while it runs.
const ALIVE: i64 = TIMES;

/// c of the workspace of an untrained network.
const WORKSPACE: f64 = -3.0;

/// Deviations from the mean at which other columns end, as they do in training: beyond them, where a network has many
/// times what any other had (operands of a concatenation), a straight line would go on for ever.
const FAR: f64 = 10.0;

/// Keeps exp within f32 and its gradient alive.
const LIMIT: f64 = 15.0;

impl LearnedRoofline {
    /// Adds its parameters under `vs`; one head for each of `outputs` outputs.
    ///
    /// # Errors
    /// libtorch cannot allocate the parameters.
    pub fn new(vs: &nn::Path<'_>, inputs: i64, outputs: usize, config: &LearnedRooflineConfig) -> Result<Self> {
        let hidden = config.hidden;
        let width = |l: usize| if l == 0 { inputs - 1 } else { hidden };
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
                memory: false,
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
            head.memory = outputs.contains(&output);
        }
    }

    pub(crate) fn is_memory(&self, output: usize) -> bool {
        self.heads.get(output).is_some_and(|head| head.memory)
    }

    fn rows(&self, batch: &GraphBatch) -> Result<Rows> {
        let own = batch.nodes.f_narrow(1, 0, TIMES + 1).map_err(torch("features"))?;
        let rest = || batch.nodes.f_narrow(1, TIMES + 1, batch.nodes.size()[1] - TIMES - 1)?.f_clamp(-FAR, FAR);
        let input = || Tensor::f_cat(&[&own.f_narrow(1, 0, TIMES)?, &rest()?], 1);
        let (mut own, mut h) = (own.shallow_clone(), input().map_err(torch("features"))?);
        for (l, layer) in self.graph.iter().enumerate() {
            let hop = batch.layer_edges(l)?;
            h = layer.forward(&h, hop)?.f_silu().map_err(torch("SiLU"))?;
            own = hop.residual_rows(&own)?;
        }
        for linear in &self.hidden {
            h = linear.forward(&h)?.f_silu().map_err(torch("SiLU"))?;
        }
        let own = own.f_exp().map_err(torch("times"))?;
        let part = |from, n| own.f_narrow(1, from, n).map_err(torch("times"));
        Ok(Rows { h, times: part(0, TIMES)?, alive: part(ALIVE, 1)? })
    }

    /// Embeddings of the graphs before any head, the mean of h weighted by the roofline: (G, hidden).
    ///
    /// # Errors
    /// The batch has another width or was built for fewer layers.
    pub fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        let Rows { h, times, .. } = self.rows(batch)?;
        let times = times.f_sum_dim_intlist(1, true, None).map_err(torch("times"))?;
        let sum = batch.graph_of_row.sum(&h.f_mul(&times).map_err(torch("embedding"))?, None)?;
        sum.f_div(&batch.graph_of_row.sum(&times, None)?).map_err(torch("embedding"))
    }

    /// Time of each operator for one image and each of `heads`: (rows of the last layer, heads), positive. Rows are the
    /// nodes of the batch, or their classes when it is compressed.
    ///
    /// # Errors
    /// The batch has another width or was built for fewer layers; an output without a head, or no output.
    pub fn operators(&self, batch: &GraphBatch, heads: &[usize]) -> Result<Tensor> {
        times(&self.rows(batch)?, &Stack::new(&select(&self.heads, heads)?)?).map_err(torch("heads"))
    }

    /// Predictions for each of `heads`: (G, heads), positive.
    ///
    /// # Errors
    /// As [`LearnedRoofline::operators`].
    pub fn forward(&self, batch: &GraphBatch, heads: &[usize]) -> Result<Tensor> {
        let (rows, heads) = (self.rows(batch)?, select(&self.heads, heads)?);
        let (memory, others): (Vec<usize>, Vec<usize>) = (0..heads.len()).partition(|&o| heads[o].memory);
        let stack = |chosen: &[usize]| Stack::new(&chosen.iter().map(|&o| heads[o]).collect::<Vec<_>>());
        let global = |column| batch.globals.f_narrow(1, column, 1).map_err(torch("read-out"));
        let mut parts = Vec::new();
        if !others.is_empty() {
            let times = times(&rows, &stack(&others)?).map_err(torch("heads"))?;
            parts.push(batch.graph_of_row.sum(&times, None)?);
        }
        if !memory.is_empty() {
            let heads = stack(&memory)?;
            let most = batch.graph_of_row.max(&moments(&rows, &heads).map_err(torch("heads"))?)?;
            let weights = global(1)?.f_matmul(&heads.slowness(2).map_err(torch("heads"))?).map_err(torch("weights"))?;
            parts.push(most.f_add(&weights).map_err(torch("weights"))?);
        }
        // In the order in which they were asked for.
        let mut order = vec![0; heads.len()];
        others.iter().chain(&memory).enumerate().for_each(|(at, &o)| order[o] = at as i64);
        let images = global(0)?;
        let ordered = || {
            let order = Tensor::f_from_slice(&order)?.f_to_device(images.device())?;
            Tensor::f_cat(&parts, 1)?.f_index_select(1, &order)?.f_mul(&images)
        };
        ordered().map_err(torch("read-out"))
    }
}

/// What is known of every operator, for one image.
struct Rows {
    /// h, (rows, hidden).
    h: Tensor,
    /// Compute, traffic and resident, (rows, 3).
    times: Tensor,
    /// (rows, 1).
    alive: Tensor,
}

/// Heads side by side.
struct Stack {
    /// (heads, hidden).
    weight: Tensor,
    /// (heads).
    bias: Tensor,
    /// 1 / p, 1 / q and 1 / r, (heads, 3).
    slowness: Tensor,
}

impl Stack {
    fn new(heads: &[&Head]) -> Result<Self> {
        let cat = |part: fn(&Head) -> &Tensor| Tensor::f_cat(&heads.iter().map(|h| part(h)).collect::<Vec<_>>(), 0);
        let new = || {
            let slowness = cat(|h| &h.speeds)?.f_neg()?.f_exp()?;
            Ok(Self { weight: cat(|h| &h.weight)?, bias: cat(|h| &h.bias)?, slowness })
        };
        new().map_err(torch("heads"))
    }

    /// Of one speed: (1, heads).
    fn slowness(&self, speed: i64) -> Result<Tensor, TchError> {
        self.slowness.f_narrow(1, speed, 1)?.f_tr()
    }

    /// exp(w·hᵢ + c + `shift`): (rows, heads).
    fn correction(&self, h: &Tensor, shift: f64) -> Result<Tensor, TchError> {
        let logarithm = h.f_linear(&self.weight, Some(&self.bias))?.f_add_scalar(shift)?;
        logarithm.f_clamp(-LIMIT, LIMIT)?.f_exp()
    }
}

/// Times of operators: (rows, heads).
fn times(rows: &Rows, heads: &Stack) -> Result<Tensor, TchError> {
    rows.times.f_matmul(&heads.slowness.f_tr()?)?.f_mul(&heads.correction(&rows.h, 0.0)?)
}

/// What is alive while each operator runs, and its workspace: (rows, heads).
fn moments(rows: &Rows, heads: &Stack) -> Result<Tensor, TchError> {
    let traffic = rows.times.f_narrow(1, 1, 1)?.f_matmul(&heads.slowness(1)?)?;
    let workspace = traffic.f_mul(&heads.correction(&rows.h, WORKSPACE)?)?;
    rows.alive.f_matmul(&heads.slowness(2)?)?.f_add(&workspace)
}
