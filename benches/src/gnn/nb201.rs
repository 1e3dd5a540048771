//! Networks of NAS-Bench-201 as operator graphs, straight from the cell: the nodes and edges of
//! [`Cell::graph`](tachograph_import::nas::nasbench201::Cell::graph) without shapes and attributes in between.

use tachograph_import::nas::nasbench201::{Cell, Edge, Frame, STAGES};

/// Columns: one-hot over [`OPERATORS`], log₂ of channels and of resolution after it, extent of the window.
pub const WIDTH: usize = OPERATORS.len() + 3;
/// Operators, in the order of their columns.
pub const OPERATORS: [&str; 9] =
    ["Conv", "BatchNormalization", "Relu", "Add", "Mul", "AveragePool", "GlobalAveragePool", "Flatten", "Gemm"];
const CONV: usize = 0;
const NORM: usize = 1;
const RELU: usize = 2;
const ADD: usize = 3;
const MUL: usize = 4;
const POOL: usize = 5;
const GLOBAL: usize = 6;
const FLATTEN: usize = 7;
const GEMM: usize = 8;

/// A network under construction: operators in the order in which they run.
#[derive(Debug, Default)]
pub struct Network {
    /// (operators, [`WIDTH`])
    pub nodes: Vec<f32>,
    /// From producer to consumer and back, as the featurisers have them.
    pub edges: Vec<(u32, u32)>,
    count: u32,
    /// log₂ of channels and of resolution.
    shape: [f32; 2],
}

impl Network {
    /// Replaces what is there by the network around `cell`.
    pub fn build(&mut self, cell: &Cell) {
        self.nodes.clear();
        self.edges.clear();
        self.count = 0;
        let mut x = 0;
        for stage in 0..STAGES {
            self.shape = [4.0 + stage as f32, 5.0 - stage as f32];
            if stage == 0 {
                self.op(CONV, 3.0, &[]);
                x = self.op(NORM, 0.0, &[0]);
            } else {
                x = self.reduce(x);
            }
            for _ in 0..Frame::CIFAR10.cells {
                x = self.cell(cell, x);
            }
        }
        x = self.op(NORM, 0.0, &[x]);
        x = self.op(RELU, 0.0, &[x]);
        self.shape[1] = 0.0;
        x = self.op(GLOBAL, 0.0, &[x]);
        x = self.op(FLATTEN, 0.0, &[x]);
        self.shape[0] = (Frame::CIFAR10.classes as f32).log2();
        self.op(GEMM, 0.0, &[x]);
    }

    fn op(&mut self, operator: usize, window: f32, operands: &[u32]) -> u32 {
        let mut row = [0.0; WIDTH];
        row[operator] = 1.0;
        [row[WIDTH - 3], row[WIDTH - 2]] = self.shape;
        row[WIDTH - 1] = window;
        self.nodes.extend_from_slice(&row);
        let id = self.count;
        self.edges.extend(operands.iter().flat_map(|&operand| [(operand, id), (id, operand)]));
        self.count += 1;
        id
    }

    fn cell(&mut self, cell: &Cell, x: u32) -> u32 {
        let [to_1, from_0_to_2, from_1_to_2, from_0_to_3, from_1_to_3, from_2_to_3] = cell.0;
        let first = self.edge(to_1, x);
        let (a, b) = (self.edge(from_0_to_2, x), self.edge(from_1_to_2, first));
        let second = self.add(a, b);
        let (a, b) = (self.edge(from_0_to_3, x), self.edge(from_1_to_3, first));
        let sum = self.add(a, b);
        let c = self.edge(from_2_to_3, second);
        self.add(sum, c)
    }

    fn add(&mut self, a: u32, b: u32) -> u32 {
        self.op(ADD, 0.0, &[a, b])
    }

    fn edge(&mut self, edge: Edge, x: u32) -> u32 {
        let mut conv = |window| {
            let y = self.op(RELU, 0.0, &[x]);
            let y = self.op(CONV, window, &[y]);
            self.op(NORM, 0.0, &[y])
        };
        match edge {
            Edge::None => self.op(MUL, 0.0, &[x]),
            Edge::Skip => x,
            Edge::Conv1 => conv(1.0),
            Edge::Conv3 => conv(3.0),
            Edge::AveragePool => self.op(POOL, 3.0, &[x]),
        }
    }

    fn reduce(&mut self, x: u32) -> u32 {
        let [channels, resolution] = self.shape;
        let y = {
            self.shape = [channels - 1.0, resolution + 1.0];
            let y = self.op(RELU, 0.0, &[x]);
            self.shape = [channels, resolution];
            y
        };
        let y = self.op(CONV, 3.0, &[y]);
        let y = self.op(NORM, 0.0, &[y]);
        let y = self.op(RELU, 0.0, &[y]);
        let y = self.op(CONV, 3.0, &[y]);
        let y = self.op(NORM, 0.0, &[y]);
        self.shape[0] = channels - 1.0;
        let shortcut = self.op(POOL, 2.0, &[x]);
        self.shape[0] = channels;
        let shortcut = self.op(CONV, 1.0, &[shortcut]);
        self.add(shortcut, y)
    }
}

#[cfg(test)]
mod tests {
    use tachograph_import::nas::nasbench201::Zeros;
    use tachograph_ir::{Attr, BoundGraph, Node};

    use super::*;

    /// The same columns from the imported graph.
    fn row(bound: &BoundGraph, node: &Node) -> [f32; WIDTH] {
        let name = node.op.to_string();
        let mut row = [0.0; WIDTH];
        row[OPERATORS.iter().position(|op| *op == name).expect("a known operator")] = 1.0;
        let shape = bound.shape(node.outputs[0].expect("a result")).expect("a shape");
        row[WIDTH - 3] = (shape[1] as f32).log2();
        row[WIDTH - 2] = shape.get(2).map_or(0.0, |&n| (n as f32).log2());
        row[WIDTH - 1] = match (node.attrs.get("kernel_shape"), name.as_str()) {
            (Some(Attr::Ints(window)), _) => window[0] as f32,
            (_, "Conv") => bound.shape(node.inputs[1].expect("a weight")).expect("a shape")[2] as f32,
            _ => 0.0,
        };
        row
    }

    #[test]
    fn networks_are_those_of_the_importer() {
        let mut total = 0;
        for cell in Cell::all().step_by(61) {
            let bound = cell.graph(Zeros::Multiplied).unwrap().bind(&Default::default()).unwrap();
            let mut live = bound.live().to_vec();
            live.sort_unstable_by_key(|id| id.index());
            let mut place = vec![None; bound.graph().len()];
            (0u32..).zip(&live).for_each(|(i, id)| place[id.index()] = Some(i));
            let nodes: Vec<f32> = live.iter().flat_map(|&id| row(&bound, bound.graph().node(id))).collect();
            let edges = bound.graph().edges().filter_map(|(from, to, _)| place[from.index()].zip(place[to.index()]));
            let mut edges: Vec<_> = edges.flat_map(|(from, to)| [(from, to), (to, from)]).collect();

            let mut network = Network::default();
            network.build(&cell);
            assert_eq!(network.nodes, nodes, "{cell}");
            network.edges.sort_unstable();
            edges.sort_unstable();
            assert_eq!(network.edges, edges, "{cell}");
            total += live.len();
        }
        assert!(total > 257 * 100, "{total}");
    }
}
