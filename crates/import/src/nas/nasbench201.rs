//! NAS-Bench-201: three stages of five equal cells on 3×32×32 images, residual blocks of stride 2 between them.
//!
//! A cell has four nodes; an operation leads from every node to every later one, and a node is the sum of what
//! arrives. There are 5⁶ = 15,625 cells.

use std::{fmt, str::FromStr};

use tachograph_ir::{Attr, Graph, Result, TensorId, attrs};

use super::{
    layers::{Act, Net},
    refuse,
};
use crate::Error;

/// Sources and destinations of the edges, in the order of the cell string.
const EDGES: [(usize, usize); 6] = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)];
const STAGES: [u64; 3] = [16, 32, 64];
const CELLS: usize = 5;
const RESOLUTION: u64 = 32;
/// Classes of CIFAR-10.
const CLASSES: u64 = 10;

/// Operation of an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Edge {
    /// `none`: times zero.
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

    /// The CIFAR-10 network around this cell.
    ///
    /// # Errors
    /// None but those of a defect: every cell has a network.
    pub fn graph(&self, zeros: Zeros) -> Result<Graph> {
        let (mut net, x) = Net::new(self.to_string(), RESOLUTION);
        let mut x = net.conv_norm(x, STAGES[0], 3, 1, 1, Act::None)?;
        for (stage, width) in STAGES.into_iter().enumerate() {
            if stage > 0 {
                x = reduce(&mut net, x, width)?;
            }
            for _ in 0..CELLS {
                x = self.cell(&mut net, x, zeros)?;
            }
        }
        x = net.0.batch_norm(x)?;
        x = net.act(x, Act::Relu)?;
        x = net.0.op("GlobalAveragePool", &[x])?;
        net.classify(x, CLASSES)
    }

    fn cell(&self, net: &mut Net, x: TensorId, zeros: Zeros) -> Result<TensorId> {
        let mut nodes = [x; 4];
        let mut edges = EDGES.into_iter().zip(self.0).peekable();
        for to in 1..nodes.len() {
            let mut sum = None;
            while let Some(((from, _), edge)) = edges.next_if(|((_, target), _)| *target == to) {
                let Some(y) = apply(net, nodes[from], edge, zeros)? else { continue };
                sum = Some(match sum {
                    None => y,
                    Some(sum) => net.0.op("Add", &[sum, y])?,
                });
            }
            nodes[to] = match sum {
                Some(sum) => sum,
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
        Edge::None if zeros == Zeros::Folded => Ok(None),
        Edge::None => {
            let zero = net.0.scalar(0.0);
            net.0.op("Mul", &[x, zero]).map(Some)
        }
        Edge::Skip => Ok(Some(x)),
        Edge::Conv1 => conv(1),
        Edge::Conv3 => conv(3),
        Edge::AveragePool => net.0.pool("AveragePool", x, 3, 1, 1).map(Some),
    }
}

/// Zeros of the shape of one image of `like`.
fn zero(net: &mut Net, like: TensorId) -> Result<TensorId> {
    let mut shape: Vec<i64> = net.0.shape(like).iter().map(|&n| n as i64).collect();
    shape[0] = 1;
    let shape = net.0.ints(&shape);
    net.0.op_with("ConstantOfShape", &[shape], attrs([("value", Attr::Float(0.0))]))
}

/// Residual block that halves the image and doubles the channels.
fn reduce(net: &mut Net, x: TensorId, width: u64) -> Result<TensorId> {
    let y = net.act(x, Act::Relu)?;
    let y = net.conv_norm(y, width, 3, 2, 1, Act::Relu)?;
    let y = net.conv_norm(y, width, 3, 1, 1, Act::None)?;
    let shortcut = net.0.pool("AveragePool", x, 2, 2, 0)?;
    let shortcut = net.0.conv(shortcut, width, [1; 2], 1, 0, 1, false)?;
    net.0.op("Add", &[shortcut, y])
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
}
