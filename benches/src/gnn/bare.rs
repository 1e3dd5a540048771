//! What a case costs at least: its matrix products, timed, or a copy of the bytes that it moves.

use std::time::Instant;

use anyhow::Result;
use tch::{Device, Kind as Type, Tensor};

use super::{
    Case, Floor, Folder, Kind, Seconds, Work,
    cases::{Layer, Mode, Reduction},
    nb201,
};

/// A layer's products: `count` of (rows, inputs) by (inputs, outputs).
struct Product {
    count: usize,
    inputs: i64,
    outputs: i64,
}

struct Plan {
    rows: i64,
    /// The rows come in so many equal parts, one after the other.
    parts: i64,
    edges: f64,
    products: Vec<Product>,
    backward: bool,
}

fn plan(case: &Case, folder: &Folder) -> Result<Option<Plan>> {
    let (rows, parts, edges, width, layer, layers, hidden, mode) = match &case.kind {
        Kind::Network(n) => {
            let [rows, width] = *folder.shape("nodes")? else { anyhow::bail!("nodes are not a matrix") };
            let edges = folder.shape("edges")?[0] as f64;
            (rows as i64, 1, edges, width as i64, n.layer, n.layers, n.hidden, n.mode)
        }
        Kind::Score(s) => {
            let [rows, edges] = folder.integers("size")?[..] else { anyhow::bail!("no size") };
            let parts = s.networks.div_ceil(s.peer_batch) as i64;
            (
                i64::from(rows),
                parts,
                f64::from(edges),
                nb201::WIDTH as i64,
                Layer::Sage,
                s.layers,
                s.hidden,
                Mode::Infer,
            )
        }
        Kind::Kernel(_) => return Ok(None),
    };
    let count = if matches!(layer, Layer::Sage | Layer::GraphConv) { 2 } else { 1 };
    let product = |l| Product { count, inputs: if l == 0 { width } else { hidden }, outputs: hidden };
    let products = (0..layers).map(product).collect();
    Ok(Some(Plan { rows, parts, edges, products, backward: mode != Mode::Infer }))
}

/// See [`super::floor`].
pub(super) fn floor(case: &Case, folder: &Folder) -> Result<Floor> {
    let Some(plan) = plan(case, folder)? else {
        let Kind::Kernel(kernel) = case.kind else { return Ok(Floor::default()) };
        let (messages, rows) = ((kernel.edges * kernel.width) as f64, (kernel.rows * kernel.width) as f64);
        // Backward, the gradient of the mean needs no messages; the others read them and the result again.
        let again = if kernel.reduction == Reduction::Mean { 0.0 } else { messages + rows };
        return Ok(Floor { flop: 0.0, bytes: 4.0 * (messages + rows + again + rows + messages) });
    };
    let rows = plan.rows as f64;
    let mut floor = Floor::default();
    for (l, p) in plan.products.iter().enumerate() {
        let once = 2.0 * rows * (p.inputs * p.outputs) as f64 * p.count as f64;
        let backward = f64::from(u8::from(plan.backward)) * if l == 0 { 1.0 } else { 2.0 };
        floor.flop += once * (1.0 + backward);
        // The first layer hands no gradient on.
        let passes = if plan.backward && l > 0 { 2.0 } else { 1.0 };
        floor.bytes += passes * 4.0 * p.inputs as f64 * (plan.edges + rows);
    }
    Ok(floor)
}

pub(super) enum Bare {
    Products(Products),
    /// Source and destination.
    Copy(Tensor, Tensor),
}

pub(super) struct Products {
    parts: i64,
    backward: bool,
    /// For each layer: input, gradient of the output, weights.
    layers: Vec<(Tensor, Tensor, Vec<Tensor>)>,
}

pub(super) fn open(case: &Case, folder: &Folder) -> Result<Bare> {
    let float = (Type::Float, Device::Cpu);
    let Some(plan) = plan(case, folder)? else {
        let count = (floor(case, folder)?.bytes / 8.0) as i64;
        return Ok(Bare::Copy(Tensor::f_ones([count], float)?, Tensor::f_zeros([count], float)?));
    };
    let rows = (plan.rows + plan.parts - 1) / plan.parts;
    let layer = |p: &Product| -> Result<_> {
        let weights = (0..p.count).map(|_| Tensor::f_randn([p.outputs, p.inputs], float)).collect::<Result<_, _>>()?;
        Ok((Tensor::f_randn([rows, p.inputs], float)?, Tensor::f_randn([rows, p.outputs], float)?, weights))
    };
    let layers = plan.products.iter().map(layer).collect::<Result<_>>()?;
    Ok(Bare::Products(Products { parts: plan.parts, backward: plan.backward, layers }))
}

impl Work for Bare {
    fn run(&mut self) -> Result<Seconds> {
        let _guard = tch::no_grad_guard();
        let start = Instant::now();
        match self {
            Self::Products(products) => products.run()?,
            Self::Copy(from, to) => to.f_copy_(from)?,
        }
        Ok(Seconds { build: 0.0, network: start.elapsed().as_secs_f64() })
    }

    fn outputs(&self) -> Result<Vec<(String, Tensor)>> {
        Ok(vec![])
    }
}

impl Products {
    fn run(&self) -> Result<()> {
        for _ in 0..self.parts {
            for (l, (x, gradient, weights)) in self.layers.iter().enumerate() {
                for w in weights {
                    let _ = x.f_mm(&w.f_tr()?)?;
                    if self.backward {
                        let _ = gradient.f_tr()?.f_mm(x)?;
                    }
                    if self.backward && l > 0 {
                        let _ = gradient.f_mm(w)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Bytes read plus bytes written in a second by a copy of 256 MB.
///
/// # Errors
/// Too little memory.
pub fn copy_rate() -> Result<f64> {
    const COUNT: i64 = 64 << 20;
    let from = Tensor::f_ones([COUNT], (Type::Float, Device::Cpu))?;
    let mut to = from.f_zeros_like()?;
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        to.f_copy_(&from)?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(8.0 * COUNT as f64 / best)
}
