//! A roofline whose efficiency is learned: `LearnedRoofline` of `tachograph-models`, whose documentation has the
//! equations.

use ndarray::{Array1, Array2, Axis};
use tachograph_features::Schema;
use tachograph_ir::Quantity;

use super::{
    Network,
    activation::silu,
    batch::{Batch, Reduce, reduce},
    column,
    linear::Linear,
    sage::Sage,
    weights::Weights,
};
use crate::Result;

/// c of the workspace of an untrained network.
const WORKSPACE: f32 = -3.0;

/// Deviations from the mean at which other columns end.
const FAR: f32 = 10.0;

/// Keeps exp within f32.
const LIMIT: f32 = 15.0;

struct LearnedRoofline {
    /// Columns of the logarithms of compute, traffic and resident.
    times: [usize; 3],
    alive: usize,
    /// Of weights operator by operator, of sets that have them.
    own_weights: Option<usize>,
    /// Graph columns: images, and weights in the time that it takes to read them.
    batch: usize,
    weights: usize,
    graph: Vec<Sage>,
    hidden: Vec<Linear>,
    heads: Vec<Head>,
}

struct Head {
    correction: Factor,
    /// 1 / p, 1 / q and 1 / r.
    slowness: [f32; 3],
    memory: bool,
    /// Factors of the weights of operators and of what is alive, where weights are known operator by operator.
    packing: Option<Factor>,
    holding: Option<Factor>,
}

struct Factor {
    weight: Array1<f32>,
    bias: f32,
}

impl Factor {
    /// exp(w·hᵢ + c + `shift`) of every row.
    fn shifted(&self, h: &Array2<f32>, shift: f32) -> Array1<f32> {
        h.dot(&self.weight).mapv(|z| (z + self.bias + shift).clamp(-LIMIT, LIMIT).exp())
    }
}

/// What is known of every row, for one image.
struct Rows {
    /// (rows, hidden)
    h: Array2<f32>,
    /// Compute, traffic and resident, then what is alive and the weights, 0 where they are not known: (rows, 5).
    times: Array2<f32>,
}

pub(super) fn build(weights: &Weights<'_>, schema: &Schema, outputs: &[Quantity]) -> Result<Box<dyn Network>> {
    let node = |name| column(&schema.node_columns, name);
    let own_weights = schema.node_column("own_weights");
    // What is alive is no part of what the network reads.
    let (graph, mut width) = Sage::stack(weights, schema.node_columns.len().saturating_sub(1), false)?;
    let mut hidden = Vec::new();
    while weights.has(&format!("hidden.{}.weight", hidden.len())) {
        let layer = Linear::new(weights, &format!("hidden.{}", hidden.len()), width)?;
        width = layer.outputs();
        hidden.push(layer);
    }
    let head = |(o, quantity): (usize, &Quantity)| -> Result<Head> {
        let name = |part: &str| format!("heads.{o}.{part}");
        let speeds = weights.matrix(&name("speeds"), 3)?;
        let slowness = speeds.iter().map(|speed| (-speed).exp()).collect::<Vec<_>>();
        let one = |part: &str| weights.refuse(&name(part), "is not of one head".into());
        let memory = *quantity == Quantity::Memory;
        let factor = |part: &str, part_bias: &str| {
            let bias = weights.vector(&name(part_bias))?;
            let weight = weights.matrix(&name(part), width)?.row(0).to_owned();
            Ok::<_, crate::Error>(Factor { weight, bias: *bias.first().ok_or_else(|| one(part_bias))? })
        };
        let of_memory = |part, bias| (memory && own_weights.is_some()).then(|| factor(part, bias)).transpose();
        Ok(Head {
            correction: factor("weight", "bias")?,
            slowness: slowness.try_into().map_err(|_| one("speeds"))?,
            memory,
            packing: of_memory("packing", "packing_bias")?,
            holding: of_memory("holding", "holding_bias")?,
        })
    };
    Ok(Box::new(LearnedRoofline {
        times: [node("compute")?, node("traffic")?, node("resident")?],
        alive: node("alive")?,
        own_weights,
        batch: column(&schema.global_columns, "batch")?,
        weights: column(&schema.global_columns, "weights")?,
        graph,
        hidden,
        heads: outputs.iter().enumerate().map(head).collect::<Result<_>>()?,
    }))
}

impl LearnedRoofline {
    fn rows(&self, batch: &Batch) -> Rows {
        let x = &batch.nodes;
        let physical = [self.times[0], self.times[1], self.times[2], self.alive];
        let (mut times, mut h) = (Array2::zeros((x.nrows(), 5)), Array2::zeros((x.nrows(), x.ncols() - 1)));
        for ((x, mut times), mut h) in x.rows().into_iter().zip(times.rows_mut()).zip(h.rows_mut()) {
            times.iter_mut().zip(physical.into_iter().chain(self.own_weights)).for_each(|(time, c)| *time = x[c].exp());
            let others = x.iter().enumerate().filter(|(c, _)| *c != self.alive);
            for (h, (c, &value)) in h.iter_mut().zip(others) {
                *h =
                    if self.times.contains(&c) || self.own_weights == Some(c) { value } else { value.clamp(-FAR, FAR) };
            }
        }
        for (l, layer) in self.graph.iter().enumerate() {
            h = activated(layer.apply(batch, l, &h));
            times = times.select(Axis(0), &batch.layers[l].1);
        }
        for layer in &self.hidden {
            h = activated(layer.apply(&h));
        }
        Rows { h, times }
    }

    /// Time of every row by one head, or what is resident while it runs: (rows, 1).
    fn values(&self, rows: &Rows, head: &Head) -> Array2<f32> {
        let shift = if head.memory { WORKSPACE } else { 0.0 };
        let mut values = head.correction.shifted(&rows.h, shift);
        let held = head.holding.as_ref().map(|factor| factor.shifted(&rows.h, 0.0));
        let [compute, traffic, resident] = head.slowness;
        for (row, (value, t)) in values.iter_mut().zip(rows.times.rows()).enumerate() {
            *value = if head.memory {
                t[3] * resident * held.as_ref().map_or(1.0, |held| held[row]) + t[1] * traffic * *value
            } else {
                (t[0] * compute + t[1] * traffic + t[2] * resident) * *value
            };
        }
        values.insert_axis(Axis(1))
    }
}

impl Network for LearnedRoofline {
    fn layers(&self) -> usize {
        self.graph.len()
    }

    fn forward(&self, batch: &Batch, outputs: &[usize]) -> Array2<f32> {
        let rows = self.rows(batch);
        let (images, weights) = (batch.globals.column(self.batch), batch.globals.column(self.weights));
        let mut y = Array2::zeros((batch.globals.nrows(), outputs.len()));
        for (mut column, &output) in y.axis_iter_mut(Axis(1)).zip(outputs) {
            let head = &self.heads[output];
            let values = self.values(&rows, head);
            if head.memory {
                column.assign(&reduce(&batch.graph_of_row, &values, Reduce::Max).column(0));
                match &head.packing {
                    Some(packing) => {
                        let packed = (packing.shifted(&rows.h, 0.0) * rows.times.column(4)).insert_axis(Axis(1));
                        let own = reduce(&batch.graph_of_row, &packed, Reduce::Sum);
                        column.scaled_add(head.slowness[2], &own.column(0));
                    }
                    None => column.scaled_add(head.slowness[2], &weights),
                }
            } else {
                column.assign(&reduce(&batch.graph_of_row, &values, Reduce::Sum).column(0));
            }
            column *= &images;
        }
        y
    }

    fn operators(&self, batch: &Batch, output: usize) -> Option<Vec<f32>> {
        let head = self.heads.get(output).filter(|head| !head.memory)?;
        let images = *batch.globals.column(self.batch).first()?;
        Some(self.values(&self.rows(batch), head).into_iter().map(|time| time * images).collect())
    }

    /// The mean of h weighted by the roofline.
    fn embed(&self, batch: &Batch) -> Array2<f32> {
        let Rows { mut h, times } = self.rows(batch);
        let sums = times.map_axis(Axis(1), |t| t[0] + t[1] + t[2]).insert_axis(Axis(1));
        h *= &sums;
        reduce(&batch.graph_of_row, &h, Reduce::Sum) / reduce(&batch.graph_of_row, &sums, Reduce::Sum)
    }
}

fn activated(mut h: Array2<f32>) -> Array2<f32> {
    if let Some(values) = h.as_slice_mut() {
        silu(values);
    } else {
        h.mapv_inplace(|x| x / (1.0 + (-x).exp()));
    }
    h
}
