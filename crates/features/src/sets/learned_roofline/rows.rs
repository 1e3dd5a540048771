//! Filling the rows of nodes.

use std::collections::{BTreeSet, HashMap};

use ndarray::Array2;
use tachograph_ir::{BoundGraph, FusionRule, Node, NodeId};

use super::{ALIVE, TIMES, costs, logarithm};
use crate::{
    Result, Schema,
    attributes::{operand_shape, result_shape},
};

/// Where columns are, resolved once a graph.
pub struct Places {
    pub times: [usize; 4],
    /// First column of the operators: of the node itself, of producers, and of readers.
    op: usize,
    from: usize,
    to: usize,
    /// First of the 27 numbers.
    numbers: usize,
    anchor: usize,
    kernel: usize,
    fan_in: usize,
    fan_out: usize,
    aligned: [usize; 2],
    pub batch: usize,
    pub peak: usize,
}

impl Places {
    pub fn new(schema: &Schema) -> Result<Self> {
        let first = schema.operators.first().map_or("?", String::as_str);
        let at = |name: &str| schema.place(name);
        Ok(Self {
            times: [at(TIMES[0])?, at(TIMES[1])?, at(TIMES[2])?, at(ALIVE)?],
            op: at(&format!("op={first}"))?,
            from: at(&format!("from={first}"))?,
            to: at(&format!("to={first}"))?,
            numbers: at(costs::NUMBERS[0])?,
            anchor: at("anchor")?,
            kernel: at("kernel")?,
            fan_in: at("fan_in")?,
            fan_out: at("fan_out")?,
            aligned: [at("aligned_in")?, at("aligned_out")?],
            batch: at("batch")?,
            peak: at("peak")?,
        })
    }
}

/// The features of nodes as they are filled.
pub struct Rows {
    pub nodes: Array2<f32>,
    pub places: Places,
    pub row_of: HashMap<NodeId, usize>,
    /// Place of the operator of each row among operators.
    pub slots: Vec<usize>,
}

impl Rows {
    pub fn times(&mut self, row: usize, times: [f64; 4]) {
        for (place, ms) in self.places.times.into_iter().zip(times) {
            self.nodes[[row, place]] = logarithm(ms);
        }
    }

    /// What a node is by itself.
    pub fn own(&mut self, row: usize, bound: &BoundGraph, node: &Node, numbers: [f64; costs::NUMBERS.len()]) {
        self.nodes[[row, self.places.op + self.slots[row]]] = 1.0;
        for (k, value) in numbers.into_iter().enumerate() {
            self.nodes[[row, self.places.numbers + k]] = value as f32;
        }
        let shapes = [operand_shape(bound, node, 0), result_shape(bound, node, 0)];
        for (place, shape) in self.places.aligned.into_iter().zip(shapes) {
            self.nodes[[row, place]] = alignment(shape);
        }
    }

    /// The fused kernel that each node is part of.
    pub fn kernels(&mut self, bound: &BoundGraph) {
        for group in bound.fuse(&FusionRule::default()) {
            for (k, &row) in group.nodes.iter().filter_map(|id| self.row_of.get(id)).enumerate() {
                self.nodes[[row, self.places.anchor]] = f32::from(u8::from(k == 0));
                self.nodes[[row, self.places.kernel]] = group.nodes.len().min(8) as f32;
            }
        }
    }

    /// The nodes beside each node; returns producer and reader of each pair.
    pub fn neighbours(&mut self, bound: &BoundGraph) -> BTreeSet<(usize, usize)> {
        let row = |id: NodeId| self.row_of.get(&id).copied();
        // A set: two tensors between the same nodes make one neighbour.
        let links: BTreeSet<(usize, usize)> =
            bound.graph().edges().filter_map(|(from, to, _)| Some((row(from)?, row(to)?))).collect();
        let Places { from: producers, to: readers, fan_in, fan_out, .. } = self.places;
        for &(from, to) in &links {
            self.nodes[[to, producers + self.slots[from]]] = 1.0;
            self.nodes[[from, readers + self.slots[to]]] = 1.0;
            self.nodes[[to, fan_in]] = (self.nodes[[to, fan_in]] + 1.0).min(4.0);
            self.nodes[[from, fan_out]] = (self.nodes[[from, fan_out]] + 1.0).min(4.0);
        }
        links
    }
}

/// log₂ of the largest power of two, at most 64, that divides the channels.
fn alignment(shape: Option<&[u64]>) -> f32 {
    channels(shape).map_or(0, |c| c.trailing_zeros().min(6)) as f32
}

/// The second extent of images, else the last.
pub fn channels(shape: Option<&[u64]>) -> Option<u64> {
    shape.and_then(|s| if s.len() == 4 { s.get(1) } else { s.last() }).copied()
}
