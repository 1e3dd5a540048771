//! A roofline that a network corrects, operator by operator. Our own model.

use serde::{Deserialize, Serialize};
use tachograph_features::Schema;
use tachograph_gnn::{Context, Conv, GraphBatch, Linear, Sage, SageConfig, torch};
use tachograph_ir::Quantity;
use tch::{TchError, Tensor, nn};

use crate::{Network, NetworkConfig, Result, heads::select, network::column};

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

impl NetworkConfig for LearnedRooflineConfig {
    const KIND: &'static str = "learned-roofline";

    const ALIASES: &'static [&'static str] = &["tachograph"];

    fn layers(&self) -> usize {
        self.layers
    }

    fn build(&self, vs: &nn::Path<'_>, schema: &Schema, outputs: &[Quantity]) -> Result<Box<dyn Network>> {
        Ok(Box::new(LearnedRoofline::new(vs, Columns::new(schema)?, outputs, self)?))
    }

    fn variants() -> Vec<Self> {
        [0, 2].map(|layers| Self { hidden: 8, layers, ..Self::default() }).to_vec()
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
/// and on devices whose compilers pack weights and lay out what is between operators, each has a factor as well:
///
/// y = b · (Σᵢ weightsᵢ / r · exp(v·hᵢ + d) + maxᵢ (aliveᵢ / r · exp(u·hᵢ + e) + trafficᵢ / q · exp(w·hᵢ + c − 3)))
///
/// It reads the feature set `learned-roofline`, column by column name: of a node the logarithms of `compute`, `traffic`,
/// `resident` and `alive`, times for one image on an imaginary machine; of a graph `batch`, which is b, and all `weights`.
/// With `own_weights` of a node, as in `learned-roofline-npu`, memory has the factors. x is all columns of a node but `alive`.
///
/// One embedding h serves all outputs; an output has w, c and its speeds p, q and r against that machine, which are learned
/// as logarithms; u, e, v and d are of memory alone. All start at 0, so an untrained network is the roofline, or what is resident with a workspace of a
/// twentieth of the operator's traffic, and a network larger than any in training is still a sum of familiar terms.
///
/// # Shapes
/// A batch of G graphs with node features of width `inputs` → (G, outputs), in the unit of the training target.
#[derive(Debug)]
pub struct LearnedRoofline {
    graph: Vec<Sage>,
    hidden: Vec<Linear>,
    heads: Vec<Head>,
    columns: Columns,
}

#[derive(Debug)]
struct Head {
    /// w, (1, hidden).
    weight: Tensor,
    /// c, (1).
    bias: Tensor,
    /// ln p, ln q and ln r, (1, 3).
    speeds: Tensor,
    /// The output is peak memory.
    memory: bool,
    /// v, (1, hidden), and d, (1), where weights have a factor, and u and e of what is alive.
    packing: Option<[Tensor; 2]>,
    holding: Option<[Tensor; 2]>,
}

/// Columns that make up the roofline.
const TIMES: [&str; 3] = ["compute", "traffic", "resident"];
const ALIVE: &str = "alive";
const OWN_WEIGHTS: &str = "own_weights";

/// Where its columns are in the features.
#[derive(Debug)]
struct Columns {
    /// [`TIMES`], then `own_weights` where there are, and `alive` after them.
    times: Vec<i64>,
    /// The others of a node, as runs of neighbours: first column and number.
    others: Vec<(i64, i64)>,
    /// Of a node, all together.
    width: i64,
    /// Of a graph.
    images: i64,
    weights: i64,
}

impl Columns {
    fn new(schema: &Schema) -> Result<Self> {
        let (nodes, globals) = (&schema.node_columns, &schema.global_columns);
        let of_node = |name| column(MODEL, nodes, name);
        let own = nodes.iter().any(|name| name == OWN_WEIGHTS).then_some(OWN_WEIGHTS);
        let times = TIMES.into_iter().chain(own).chain([ALIVE]).map(of_node).collect::<Result<Vec<_>>>()?;
        let mut others: Vec<(i64, i64)> = Vec::new();
        for c in (0..nodes.len() as i64).filter(|c| !times.contains(c)) {
            match others.last_mut() {
                Some((first, n)) if *first + *n == c => *n += 1,
                _ => others.push((c, 1)),
            }
        }
        let (images, weights) = (column(MODEL, globals, "batch")?, column(MODEL, globals, "weights")?);
        Ok(Self { times, others, width: nodes.len() as i64, images, weights })
    }

    /// Of the times those that are columns of x: all but `alive`.
    fn known(&self) -> i64 {
        self.times.len() as i64 - 1
    }

    /// Whether weights are there operator by operator.
    fn packs(&self) -> bool {
        self.known() > TIMES.len() as i64
    }

    /// Number of columns of x.
    fn inputs(&self) -> i64 {
        self.known() + self.others.iter().map(|(_, n)| n).sum::<i64>()
    }

    /// The logarithms of times, (rows, 4 or 5), and x, (rows, inputs).
    fn split(&self, nodes: &Tensor) -> Result<[Tensor; 2], TchError> {
        if nodes.size()[1] != self.width {
            return Err(TchError::Shape(format!("{} columns of a node, expected {}", nodes.size()[1], self.width)));
        }
        let times = self.times.iter().map(|&c| nodes.f_narrow(1, c, 1)).collect::<Result<Vec<_>, _>>()?;
        let times = Tensor::f_cat(&times, 1)?;
        let mut x = vec![times.f_narrow(1, 0, self.known())?];
        for &(first, n) in &self.others {
            x.push(nodes.f_narrow(1, first, n)?.f_clamp(-FAR, FAR)?);
        }
        Ok([times, Tensor::f_cat(&x, 1)?])
    }
}

const MODEL: &str = "LearnedRoofline";

/// c of the workspace of an untrained network.
const WORKSPACE: f64 = -3.0;

/// Deviations from the mean at which other columns end, as they do in training: beyond them, where a network has many
/// times what any other had (operands of a concatenation), a straight line would go on for ever.
const FAR: f64 = 10.0;

/// Keeps exp within f32 and its gradient alive.
const LIMIT: f64 = 15.0;

impl LearnedRoofline {
    fn new(vs: &nn::Path<'_>, columns: Columns, outputs: &[Quantity], config: &LearnedRooflineConfig) -> Result<Self> {
        let hidden = config.hidden;
        let width = |l: usize| if l == 0 { columns.inputs() } else { hidden };
        let sage = |l: usize| Sage::new(&(vs / "graph" / l), width(l), hidden, SageConfig::default());
        let linear = |l: usize| Linear::new(&(vs / "hidden" / l), width(config.layers + l), hidden, true);
        let head = |(d, quantity): (usize, &Quantity)| {
            let vs = vs / "heads" / d;
            let zeros = nn::Init::Const(0.0);
            let width = width(config.layers + config.depth);
            let memory = *quantity == Quantity::Memory;
            let factor = |name: &str| {
                let bias = vs.f_var(&format!("{name}_bias"), &[1], zeros);
                Ok::<_, TchError>([vs.f_var(name, &[1, width], zeros)?, bias?])
            };
            let factor = |name| (memory && columns.packs()).then(|| factor(name)).transpose();
            Ok(Head {
                weight: vs.f_var("weight", &[1, width], zeros)?,
                bias: vs.f_var("bias", &[1], zeros)?,
                speeds: vs.f_var("speeds", &[1, TIMES.len() as i64], zeros)?,
                memory,
                packing: factor("packing")?,
                holding: factor("holding")?,
            })
        };
        Ok(Self {
            graph: (0..config.layers).map(sage).collect::<Result<_, _>>()?,
            hidden: (0..config.depth).map(linear).collect::<Result<_, _>>()?,
            heads: outputs.iter().enumerate().map(head).collect::<Result<_, _>>().map_err(torch("heads"))?,
            columns,
        })
    }

    fn rows(&self, batch: &GraphBatch) -> Result<Rows> {
        let [mut own, mut h] = self.columns.split(&batch.nodes).map_err(torch("features"))?;
        for (l, layer) in self.graph.iter().enumerate() {
            let hop = batch.layer_edges(l)?;
            h = layer.forward(&h, hop, &Context::default())?.f_silu().map_err(torch("SiLU"))?;
            own = hop.residual_rows(&own)?;
        }
        for linear in &self.hidden {
            h = linear.forward(&h)?.f_silu().map_err(torch("SiLU"))?;
        }
        let own = own.f_exp().map_err(torch("times"))?;
        let part = |from, n| own.f_narrow(1, from, n).map_err(torch("times"));
        let (times, alive) = (TIMES.len() as i64, self.columns.known());
        let weights = self.columns.packs().then(|| part(times, 1)).transpose()?;
        Ok(Rows { h, times: part(0, times)?, weights, alive: part(alive, 1)? })
    }
}

impl Network for LearnedRoofline {
    fn forward(&self, batch: &GraphBatch, outputs: &[usize], _: bool) -> Result<Tensor> {
        let (rows, heads) = (self.rows(batch)?, select(&self.heads, outputs)?);
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
            let resident = |weights: &Tensor| weights.f_matmul(&heads.slowness(2)?);
            let weights = match (&rows.weights, &heads.packing) {
                (Some(own), Some([weight, bias])) => {
                    let packed = || resident(own)?.f_mul(&factors(&rows.h, [weight, bias], 0.0)?);
                    batch.graph_of_row.sum(&packed().map_err(torch("weights"))?, None)?
                }
                _ => resident(&global(self.columns.weights)?).map_err(torch("weights"))?,
            };
            parts.push(most.f_add(&weights).map_err(torch("weights"))?);
        }
        // In the order in which they were asked for.
        let mut order = vec![0; heads.len()];
        others.iter().chain(&memory).enumerate().for_each(|(at, &o)| order[o] = at as i64);
        let images = global(self.columns.images)?;
        let ordered = || {
            let order = Tensor::f_from_slice(&order)?.f_to_device(images.device())?;
            Tensor::f_cat(&parts, 1)?.f_index_select(1, &order)?.f_mul(&images)
        };
        Ok(ordered().map_err(torch("read-out"))?)
    }

    /// The mean of h weighted by the roofline: (G, hidden).
    fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        let Rows { h, times, .. } = self.rows(batch)?;
        let times = times.f_sum_dim_intlist(1, true, None).map_err(torch("times"))?;
        let sum = batch.graph_of_row.sum(&h.f_mul(&times).map_err(torch("embedding"))?, None)?;
        Ok(sum.f_div(&batch.graph_of_row.sum(&times, None)?).map_err(torch("embedding"))?)
    }

    fn operators(&self, batch: &GraphBatch, output: usize) -> Result<Option<Tensor>> {
        let heads = select(&self.heads, &[output])?;
        if heads.iter().any(|head| head.memory) {
            return Ok(None);
        }
        let image = times(&self.rows(batch)?, &Stack::new(&heads)?).map_err(torch("heads"))?;
        // Each row is of one graph, unless the batch is compressed.
        let graph = batch.globals.f_narrow(1, self.columns.images, 1).map_err(torch("operators"))?;
        let times = image.f_mul(&graph).and_then(|t| t.f_squeeze_dim(1));
        Ok(Some(times.map_err(torch("operators"))?))
    }
}

/// What is known of every operator, for one image.
struct Rows {
    /// h, (rows, hidden).
    h: Tensor,
    /// Compute, traffic and resident, (rows, 3).
    times: Tensor,
    /// (rows, 1), where they are known operator by operator.
    weights: Option<Tensor>,
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
    /// v and d, u and e of heads that have them all: (heads, hidden), (heads).
    packing: Option<[Tensor; 2]>,
    holding: Option<[Tensor; 2]>,
}

impl Stack {
    fn new(heads: &[&Head]) -> Result<Self> {
        let cat = |part: fn(&Head) -> &Tensor| Tensor::f_cat(&heads.iter().map(|h| part(h)).collect::<Vec<_>>(), 0);
        let new = || {
            let slowness = cat(|h| &h.speeds)?.f_neg()?.f_exp()?;
            let factor = |factor: fn(&Head) -> Option<&[Tensor; 2]>| {
                let all: Option<Vec<_>> = heads.iter().map(|head| factor(head)).collect();
                let part =
                    |all: &[&[Tensor; 2]], i: usize| Tensor::f_cat(&all.iter().map(|f| &f[i]).collect::<Vec<_>>(), 0);
                all.map(|all| Ok::<_, TchError>([part(&all, 0)?, part(&all, 1)?])).transpose()
            };
            let [packing, holding] = [factor(|h| h.packing.as_ref())?, factor(|h| h.holding.as_ref())?];
            Ok(Self { weight: cat(|h| &h.weight)?, bias: cat(|h| &h.bias)?, slowness, packing, holding })
        };
        Ok(new().map_err(torch("heads"))?)
    }

    /// Of one speed: (1, heads).
    fn slowness(&self, speed: i64) -> Result<Tensor, TchError> {
        self.slowness.f_narrow(1, speed, 1)?.f_tr()
    }

    /// exp(w·hᵢ + c + `shift`): (rows, heads).
    fn correction(&self, h: &Tensor, shift: f64) -> Result<Tensor, TchError> {
        factors(h, [&self.weight, &self.bias], shift)
    }
}

/// exp(w·hᵢ + c + `shift`): (rows, heads).
fn factors(h: &Tensor, [weight, bias]: [&Tensor; 2], shift: f64) -> Result<Tensor, TchError> {
    h.f_linear(weight, Some(bias))?.f_add_scalar(shift)?.f_clamp(-LIMIT, LIMIT)?.f_exp()
}

/// Times of operators: (rows, heads).
fn times(rows: &Rows, heads: &Stack) -> Result<Tensor, TchError> {
    rows.times.f_matmul(&heads.slowness.f_tr()?)?.f_mul(&heads.correction(&rows.h, 0.0)?)
}

/// What is alive while each operator runs, and its workspace: (rows, heads).
fn moments(rows: &Rows, heads: &Stack) -> Result<Tensor, TchError> {
    let traffic = rows.times.f_narrow(1, 1, 1)?.f_matmul(&heads.slowness(1)?)?;
    let workspace = traffic.f_mul(&heads.correction(&rows.h, WORKSPACE)?)?;
    let alive = rows.alive.f_matmul(&heads.slowness(2)?)?;
    let alive = match &heads.holding {
        Some([weight, bias]) => alive.f_mul(&factors(&rows.h, [weight, bias], 0.0)?)?,
        None => alive,
    };
    alive.f_add(&workspace)
}
