//! NAS-Bench-201: three stages of one searched cell, with residual blocks of stride 2 between them.

use tachograph_ir::{Result, TensorId};

use super::{
    Architecture,
    draw::Draw,
    net::{Act, Net},
};

pub(super) struct NasBench201 {
    resolution: u64,
    width: u64,
    /// Cells in each stage.
    cells: u64,
    cell: Cell,
    classes: u64,
}

/// Operations on the edges 0→1, 0→2, 1→2, 0→3, 1→3, 2→3 of four nodes.
type Cell = [Edge; EDGES.len()];

const EDGES: [(usize, usize); 6] = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)];

/// Operation of an edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Edge {
    #[default]
    None,
    Skip,
    Conv1,
    Conv3,
    AveragePool,
}

impl NasBench201 {
    /// The benchmark's CIFAR-10 network around `cell`.
    pub fn published(cell: Cell) -> Self {
        Self { resolution: 32, width: 16, cells: 5, cell, classes: 10 }
    }

    /// The cell; `None` when no path leads from its input to its output.
    fn cell(&self, net: &mut Net, x: TensorId) -> Result<Option<TensorId>> {
        let useful = useful(&self.cell);
        let mut nodes = [Some(x), None, None, None];
        for (i, &(from, to)) in EDGES.iter().enumerate() {
            let Some(source) = nodes[from].filter(|_| useful[to]) else { continue };
            let Some(y) = edge(net, source, self.cell[i])? else { continue };
            nodes[to] = Some(match nodes[to] {
                None => y,
                Some(sum) => net.b.op("Add", &[sum, y])?,
            });
        }
        Ok(nodes[3])
    }
}

/// Nodes from which a path leads to the output.
fn useful(cell: &Cell) -> [bool; 4] {
    let mut useful = [false, false, false, true];
    for (&(from, to), &edge) in EDGES.iter().zip(cell).rev() {
        useful[from] |= useful[to] && edge != Edge::None;
    }
    useful
}

fn edge(net: &mut Net, x: TensorId, edge: Edge) -> Result<Option<TensorId>> {
    let width = net.channels(x);
    let mut conv = |kernel| {
        let y = net.act(x, Act::Relu)?;
        net.conv_norm(y, width, kernel, 1, 1, Act::None).map(Some)
    };
    match edge {
        Edge::None => Ok(None),
        Edge::Skip => Ok(Some(x)),
        Edge::Conv1 => conv(1),
        Edge::Conv3 => conv(3),
        Edge::AveragePool => net.b.pool("AveragePool", x, 3, 1, 1).map(Some),
    }
}

/// Halves the image and doubles the channels.
fn reduce(net: &mut Net, x: TensorId) -> Result<TensorId> {
    let width = 2 * net.channels(x);
    let y = net.act(x, Act::Relu)?;
    let y = net.conv_norm(y, width, 3, 2, 1, Act::Relu)?;
    let y = net.conv_norm(y, width, 3, 1, 1, Act::None)?;
    let shortcut = net.b.pool("AveragePool", x, 2, 2, 0)?;
    let pointwise = net.b.conv(shortcut, width, [1; 2], 1, 0, 1, false)?;
    net.b.op("Add", &[pointwise, y])
}

impl Architecture for NasBench201 {
    fn sample(draw: &mut Draw) -> Self {
        let options = [Edge::None, Edge::Skip, Edge::Conv1, Edge::Conv3, Edge::AveragePool];
        let cell = loop {
            let cell: Cell = std::array::from_fn(|_| draw.pick(&options));
            if useful(&cell)[0] {
                break cell;
            }
        };
        Self {
            // Halved twice, by a convolution and a pooling that agree on even extents alone.
            resolution: 4 * draw.between(8..=32),
            width: draw.width(8, 64),
            cells: draw.between(1..=5),
            cell,
            classes: draw.pick(&[10, 100, 120]),
        }
    }

    fn build(&self, net: &mut Net) -> Result<TensorId> {
        let x = net.image(self.resolution);
        let mut x = net.conv_norm(x, self.width, 3, 1, 1, Act::None)?;
        for stage in 0..3 {
            if stage > 0 {
                x = reduce(net, x)?;
            }
            for _ in 0..self.cells {
                x = self.cell(net, x)?.unwrap_or(x);
            }
        }
        // After a sum, not a convolution: no exporter folds this one.
        x = net.b.batch_norm(x)?;
        x = net.act(x, Act::Relu)?;
        net.classify(x, self.classes)
    }
}
