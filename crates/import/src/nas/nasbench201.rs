//! NAS-Bench-201: three stages of five equal cells on 3×32×32 images, residual blocks of stride 2 between them.
//!
//! A cell has four nodes; an operation leads from every node to every later one, and a node is the sum of what
//! arrives. There are 5⁶ = 15,625 cells.

use std::{fmt, str::FromStr};

use tachograph_ir::{Attr, Graph, Result, TensorId, attrs};

use super::{
    BATCH,
    layers::{Act, Net, Norm},
    refuse,
};
use crate::Error;

/// Sources and destinations of the edges, in the order of the cell string.
pub const EDGES: [(usize, usize); 6] = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)];
/// Stages of a network; each has half the image and twice the channels of the one before it.
pub const STAGES: usize = 3;

/// What is around the cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// Height and width of the image: a multiple of 4.
    pub resolution: u64,
    /// Channels of the first stage.
    pub width: u64,
    /// Cells in each stage.
    pub cells: u64,
    /// Classes.
    pub classes: u64,
}

impl Frame {
    /// That of the benchmark, for CIFAR-10.
    pub const CIFAR10: Self = Self { resolution: 32, width: 16, cells: 5, classes: 10 };
}

/// Operation of an edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Edge {
    /// `none`: times zero.
    #[default]
    None,
    /// `skip_connect`: the identity.
    Skip,
    /// `nor_conv_1x1`: ReLU, 1×1 convolution, batch normalisation.
    Conv1,
    /// `nor_conv_3x3`: ReLU, 3×3 convolution, batch normalisation.
    Conv3,
    /// `avg_pool_3x3`: average of the pixels within the window that exist.
    AveragePool,
}

impl Edge {
    /// Every operation, in the order of the benchmark.
    pub const ALL: [Self; 5] = [Self::None, Self::Skip, Self::Conv1, Self::Conv3, Self::AveragePool];

    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Skip => "skip_connect",
            Self::Conv1 => "nor_conv_1x1",
            Self::Conv3 => "nor_conv_3x3",
            Self::AveragePool => "avg_pool_3x3",
        }
    }
}

/// What becomes of the `none` edges of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Zeros {
    /// A multiplication by zero, as the benchmark's code runs them: all other edges run too, and FLOPs and
    /// parameters are the published ones.
    Multiplied,
    /// Left out; a node where nothing arrives is a constant, and whatever depends on constants alone is constant
    /// too. This is what a compiler that folds constants and drops unused results runs. A cell without a path
    /// leaves nothing to run.
    Folded,
    /// Left out with every edge that is not on a path from input to output. A cell without a path is the identity.
    Pruned,
}

/// A cell: operations on the edges 0→1, 0→2, 1→2, 0→3, 1→3, 2→3.
///
/// ```
/// use tachograph_import::nas::nasbench201::{Cell, Zeros};
/// let text = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|";
/// let graph = text.parse::<Cell>()?.graph(Zeros::Multiplied)?;
/// assert_eq!(graph.bind(&Default::default())?.cost()?.macs, 184_730_240);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cell(pub [Edge; EDGES.len()]);

impl Cell {
    /// All 15,625 cells.
    pub fn all() -> impl Iterator<Item = Self> {
        let n = Edge::ALL.len();
        (0..n.pow(EDGES.len() as u32))
            .map(move |code| Self(std::array::from_fn(|position| Edge::ALL[code / n.pow(position as u32) % n])))
    }

    /// Which edges are on a path from the cell's input to its output.
    pub fn live(&self) -> [bool; EDGES.len()] {
        let (mut fed, mut used) = ([true, false, false, false], [false, false, false, true]);
        let passes = || EDGES.into_iter().zip(self.0).filter(|(_, edge)| *edge != Edge::None).map(|(ends, _)| ends);
        // Edges are in the order of their destinations, so that one pass in each direction reaches every node.
        passes().for_each(|(from, to)| fed[to] |= fed[from]);
        passes().collect::<Vec<_>>().into_iter().rev().for_each(|(from, to)| used[from] |= used[to]);
        std::array::from_fn(|i| self.0[i] != Edge::None && fed[EDGES[i].0] && used[EDGES[i].1])
    }

    /// The CIFAR-10 network around this cell.
    ///
    /// # Errors
    /// None but those of a defect: every cell has a network.
    pub fn graph(&self, zeros: Zeros) -> Result<Graph> {
        let mut net = Net::new(self.to_string(), 1, BATCH, Norm::Kept);
        let output = self.build(&mut net, Frame::CIFAR10, zeros)?;
        net.finish(output)
    }

    /// Builds a network of this cell; the result is (N, classes).
    ///
    /// # Errors
    /// A resolution that cannot be halved twice, an extent of 0.
    pub fn build(&self, net: &mut Net, frame: Frame, zeros: Zeros) -> Result<TensorId> {
        let x = net.image(frame.resolution);
        let mut x = net.conv_norm(x, frame.width, 3, 1, 1, Act::None)?;
        for stage in 0..STAGES {
            if stage > 0 {
                x = reduce(net, x)?;
            }
            for _ in 0..frame.cells {
                x = self.cell(net, x, zeros)?;
            }
        }
        // After a sum, not a convolution: no exporter folds this one.
        x = net.b.batch_norm(x)?;
        x = net.act(x, Act::Relu)?;
        net.classify(x, frame.classes)
    }

    fn cell(&self, net: &mut Net, x: TensorId, zeros: Zeros) -> Result<TensorId> {
        let live = self.live();
        let mut nodes = [x; 4];
        let mut edges = EDGES.into_iter().zip(self.0).zip(live).peekable();
        for to in 1..nodes.len() {
            let mut sum = None;
            while let Some((((from, _), edge), live)) = edges.next_if(|(((_, target), _), _)| *target == to) {
                if zeros == Zeros::Pruned && !live {
                    continue;
                }
                let Some(y) = apply(net, nodes[from], edge, zeros)? else { continue };
                sum = Some(match sum {
                    None => y,
                    Some(sum) => net.b.op("Add", &[sum, y])?,
                });
            }
            nodes[to] = match sum {
                Some(sum) => sum,
                // Nobody reads this node, or the cell has no path and hands its input on.
                None if zeros == Zeros::Pruned => x,
                None => zero(net, x)?,
            };
        }
        Ok(nodes[3])
    }
}

fn apply(net: &mut Net, x: TensorId, edge: Edge, zeros: Zeros) -> Result<Option<TensorId>> {
    let width = net.channels(x);
    let mut conv = |kernel| {
        let y = net.act(x, Act::Relu)?;
        net.conv_norm(y, width, kernel, 1, 1, Act::None).map(Some)
    };
    match edge {
        Edge::None if zeros != Zeros::Multiplied => Ok(None),
        Edge::None => {
            let zero = net.b.scalar(0.0);
            net.b.op("Mul", &[x, zero]).map(Some)
        }
        Edge::Skip => Ok(Some(x)),
        Edge::Conv1 => conv(1),
        Edge::Conv3 => conv(3),
        Edge::AveragePool => net.b.pool("AveragePool", x, 3, 1, 1).map(Some),
    }
}

/// Zeros of the shape of one image of `like`.
fn zero(net: &mut Net, like: TensorId) -> Result<TensorId> {
    let mut shape: Vec<i64> = net.b.shape(like).iter().map(|&n| n as i64).collect();
    shape[0] = 1;
    let shape = net.b.ints(&shape);
    net.b.op_with("ConstantOfShape", &[shape], attrs([("value", Attr::Float(0.0))]))
}

/// Residual block that halves the image and doubles the channels.
fn reduce(net: &mut Net, x: TensorId) -> Result<TensorId> {
    let width = 2 * net.channels(x);
    let y = net.act(x, Act::Relu)?;
    let y = net.conv_norm(y, width, 3, 2, 1, Act::Relu)?;
    let y = net.conv_norm(y, width, 3, 1, 1, Act::None)?;
    let shortcut = net.b.pool("AveragePool", x, 2, 2, 0)?;
    let shortcut = net.b.conv(shortcut, width, [1; 2], 1, 0, 1, false)?;
    net.b.op("Add", &[shortcut, y])
}

impl fmt::Display for Cell {
    /// As the benchmark writes it: `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((from, to), edge) in EDGES.into_iter().zip(self.0) {
            let open = if from > 0 {
                ""
            } else if to > 1 {
                "+|"
            } else {
                "|"
            };
            write!(f, "{open}{}~{from}|", edge.name())?;
        }
        Ok(())
    }
}

impl FromStr for Cell {
    type Err = Error;

    /// Reads what [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |message: String| refuse("NAS-Bench-201", text, message);
        let words: Vec<&str> = text.split(['|', '+']).filter(|word| !word.is_empty()).collect();
        if words.len() != EDGES.len() {
            return Err(refuse(format!("{} edges, not {}", words.len(), EDGES.len())));
        }
        let mut cell = Self([Edge::None; EDGES.len()]);
        for ((slot, (from, to)), word) in cell.0.iter_mut().zip(EDGES).zip(words) {
            let (name, source) = word.split_once('~').ok_or_else(|| refuse(format!("`{word}` has no `~`")))?;
            if source != from.to_string() {
                return Err(refuse(format!("`{word}`: this edge leads from node {from} to node {to}")));
            }
            let edge = Edge::ALL.into_iter().find(|edge| edge.name() == name);
            *slot = edge.ok_or_else(|| refuse(format!("no operation is called `{name}`")))?;
        }
        Ok(cell)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_cell_has_a_name_that_it_is_known_by() {
        let names: HashSet<String> = Cell::all().map(|cell| cell.to_string()).collect();
        assert_eq!(names.len(), 15_625);
        assert!(Cell::all().all(|cell| cell.to_string().parse::<Cell>().unwrap() == cell));
    }

    #[test]
    fn bad_names_are_refused() {
        for (text, expected) in [
            ("|none~0|", "1 edges, not 6"),
            ("|none~0|+|none~0|none~0|+|none~0|none~1|none~2|", "leads from node 1 to node 2"),
            ("|none~0|+|none~0|conv~1|+|none~0|none~1|none~2|", "no operation is called `conv`"),
            ("|none~0|+|none~0|none|+|none~0|none~1|none~2|", "has no `~`"),
        ] {
            let error = text.parse::<Cell>().unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains(text), "{error}");
        }
    }

    #[test]
    fn folding_leaves_what_depends_on_the_image_and_is_used() {
        let live = |edges| {
            let graph = Cell(edges).graph(Zeros::Folded).unwrap();
            graph.bind(&Default::default()).unwrap().live().len()
        };
        use Edge::{Conv3, None, Skip};
        assert_eq!(live([Conv3, Conv3, Conv3, None, None, None]), 0, "no path to the output");
        let straight = live([None, None, None, Skip, None, None]);
        let macro_only = 2 + 2 * 9 + 5;
        assert_eq!(straight, macro_only);
        assert_eq!(live([Conv3, None, None, Skip, None, None]), straight, "a result that nobody uses");
        let constant = live([None, None, None, Skip, Conv3, None]);
        assert_eq!(constant, straight + 15, "a constant is added in every cell");
        assert_eq!(live([None, None, None, Conv3, None, None]), straight + 3 * 15);
    }

    #[test]
    fn pruned_networks_have_no_node_that_nobody_needs() {
        for cell in Cell::all().step_by(7) {
            let bound = cell.graph(Zeros::Pruned).unwrap().bind(&Default::default()).unwrap();
            assert_eq!(bound.live().len(), bound.graph().len(), "{cell}");
        }
        use Edge::{Conv1, None, Skip};
        assert_eq!(Cell([Conv1, None, Skip, Skip, None, None]).live(), [false, false, false, true, false, false]);
        assert_eq!(Cell([Conv1, None, Skip, None, None, Skip]).live(), [true, false, true, false, false, true]);
    }
}
