//! One archive, ready to be ranked.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
    sync::Mutex,
};

use ndarray::ArrayViewMut1;
use tachograph_datasets::sets::{Archive, Collection};
use tachograph_features::Featurizer;
use tachograph_gnn::ConfiguredGraph;
use tachograph_models::Ranking;

use crate::{Error, Result, error::file};

/// Columns of TpuGraphs' nodes, and where extents and places of the layout lie among them.
const COLUMNS: usize = 140;
const EXTENTS: std::ops::Range<usize> = 21..27;
const PLACES: std::ops::Range<usize> = 134..140;

/// What is in an archive beside its configurations, as it is.
#[derive(Debug)]
pub(crate) struct Raw {
    pub features: ndarray::Array2<f32>,
    opcodes: Vec<u8>,
    edges: Vec<(u32, u32)>,
    configurable: Vec<u32>,
    archive: Archive,
}

impl Raw {
    pub fn open(path: &Path) -> Result<Self> {
        let mut archive = Archive::open(path)?;
        Ok(Self {
            features: archive.node_features()?,
            opcodes: archive.opcodes()?,
            edges: archive.edge_list()?,
            configurable: archive.configurable()?,
            archive,
        })
    }

    pub fn archive(&mut self) -> &mut Archive {
        &mut self.archive
    }

    /// Bytes that a graph of it is likely to take.
    fn bytes(&self) -> usize {
        4 * self.features.len() + 8 * self.edges.len()
    }
}

/// A part of a graph: all of it, or a segment.
#[derive(Debug)]
pub(crate) struct Piece {
    nodes: Vec<u32>,
    edges: Vec<(u32, u32)>,
    configurable: Vec<u32>,
    /// Which of the graph's configurable nodes these are; `None`: all.
    kept: Option<Vec<usize>>,
}

/// A graph as a network reads it.
#[derive(Debug)]
pub(crate) struct XlaGraph {
    features: Vec<f32>,
    layouts: Vec<f32>,
    opcodes: Vec<u8>,
    width: usize,
    pub pieces: Vec<Piece>,
    /// Nodes that may get gradients alone, and how many.
    gradients: usize,
    columns: usize,
    of_nodes: bool,
    /// Numbers of one configuration.
    size: usize,
    kept: Option<Kept>,
    archive: Mutex<Archive>,
    pub bytes: usize,
}

/// Configurations in memory.
#[derive(Debug)]
enum Kept {
    /// Whole numbers from −128 to 127, as layouts are.
    Bytes(Vec<i8>),
    Floats(Vec<f32>),
}

impl XlaGraph {
    /// Of an archive; its configurations are held in memory where they take at most `room` bytes.
    pub fn new(path: &Path, featurizer: &Featurizer, ranking: &Ranking, room: usize) -> Result<Self> {
        let mut raw = Raw::open(path)?;
        let schema = featurizer.schema();
        let (columns, width) = (raw.archive.configuration_shape().1, raw.features.ncols());
        let expected = (schema.node_columns.len(), schema.global_columns.len());
        if (width, columns) != expected {
            let (nodes, configurations) = expected;
            let found = format!("{width} features a node and {columns} a configuration");
            return Err(file(path, format!("{found}; the checkpoint or run has {nodes} and {configurations}")));
        }
        let of_nodes = raw.archive.collection() == Collection::Layout;
        if of_nodes == schema.configures_graphs() {
            let (found, other) = if of_nodes { ("nodes", "graphs") } else { ("graphs", "nodes") };
            return Err(file(
                path,
                format!("has configurations of {found}; the checkpoint or run ranks those of {other}"),
            ));
        }
        let bytes = raw.bytes();
        let layouts = layouts(&raw);
        for row in raw.features.rows_mut() {
            featurizer.scale_node(row)?;
        }
        let rows = (ranking.prune && of_nodes).then(|| pruned(&mut raw));
        let mut graph = Self {
            features: vec![],
            layouts: vec![],
            opcodes: vec![],
            width,
            pieces: vec![],
            gradients: ranking.gradients,
            columns,
            of_nodes,
            size: raw.configurable.len().max(1) * columns,
            kept: None,
            archive: Mutex::new(Archive::open(path)?),
            bytes,
        };
        let nodes = graph.distinct(&raw, &layouts, rows.as_deref());
        if ranking.undirected {
            let back: Vec<_> = raw.edges.iter().map(|&(s, d)| (d, s)).collect();
            raw.edges.extend(back);
        }
        graph.pieces = pieces(nodes, raw.edges, raw.configurable, ranking.segment);
        graph.keep(&mut raw.archive, featurizer, room)?;
        Ok(graph)
    }

    /// Nodes of equal features, operators and layouts are kept once; which of them each node is.
    fn distinct(&mut self, raw: &Raw, layouts: &[f32], rows: Option<&[u32]>) -> Vec<u32> {
        let mut known: HashMap<Vec<u32>, u32> = HashMap::new();
        let places = layouts.len() / raw.opcodes.len().max(1);
        let all: Vec<u32> = (0..raw.opcodes.len() as u32).collect();
        let mut nodes = Vec::new();
        for &row in rows.unwrap_or(&all) {
            let row = row as usize;
            let (features, opcode) = (raw.features.row(row), raw.opcodes[row]);
            let layout = &layouts[row * places..(row + 1) * places];
            let key = features.iter().chain(layout).map(|v| v.to_bits()).chain([u32::from(opcode)]).collect();
            let next = known.len() as u32;
            let node = *known.entry(key).or_insert(next);
            if node == next {
                self.features.extend(features.iter());
                self.layouts.extend(layout);
                self.opcodes.push(opcode);
            }
            nodes.push(node);
        }
        nodes
    }

    fn keep(&mut self, archive: &mut Archive, featurizer: &Featurizer, room: usize) -> Result<()> {
        let numbers = self.size.saturating_mul(archive.configurations());
        let bytes = if self.of_nodes { numbers } else { 4 * numbers };
        if bytes > room {
            return Ok(());
        }
        let mut kept = if self.of_nodes { Kept::Bytes(vec![]) } else { Kept::Floats(vec![]) };
        let mut whole = true;
        archive.each_configuration(|_, values| {
            match &mut kept {
                Kept::Bytes(to) => {
                    whole &= values.iter().all(|v| v.fract() == 0.0 && (-128.0..=127.0).contains(v));
                    to.extend(values.iter().map(|&v| v as i8));
                }
                Kept::Floats(to) => to.extend(values.iter().map(|&v| v as f32)),
            }
            whole
        })?;
        if let Kept::Floats(values) = &mut kept {
            scale(values, self.columns, featurizer)?;
        }
        // Layouts that are no small whole numbers are read from the file each time.
        self.kept = whole.then_some(kept);
        self.bytes += bytes;
        Ok(())
    }

    /// Configurations by number, one after the other.
    pub fn configurations(&self, wanted: &[usize], featurizer: &Featurizer) -> Result<Vec<f32>> {
        let size = self.size;
        match &self.kept {
            Some(Kept::Bytes(all)) => {
                Ok(wanted.iter().flat_map(|&i| &all[i * size..(i + 1) * size]).map(|&v| f32::from(v)).collect())
            }
            Some(Kept::Floats(all)) => {
                Ok(wanted.iter().flat_map(|&i| &all[i * size..(i + 1) * size]).copied().collect())
            }
            None => {
                let mut archive =
                    self.archive.lock().map_err(|_| Error::Lists { message: "an archive is lost".into() })?;
                let mut values = archive.configurations_at(wanted)?;
                if !self.of_nodes {
                    scale(&mut values, self.columns, featurizer)?;
                }
                Ok(values)
            }
        }
    }

    /// Configurations of the nodes of a piece, of those of the whole graph.
    pub fn of_piece<'a>(&self, piece: usize, configurations: &'a [f32]) -> std::borrow::Cow<'a, [f32]> {
        let Some(kept) = self.pieces.get(piece).and_then(|piece| piece.kept.as_ref()).filter(|_| self.of_nodes) else {
            return configurations.into();
        };
        let columns = self.columns;
        let rows = configurations.chunks(self.size.max(1));
        rows.flat_map(|row| kept.iter().flat_map(move |&i| &row[i * columns..(i + 1) * columns])).copied().collect()
    }

    /// A piece under configurations that are its own, with the segment that gets gradients.
    pub fn view<'a>(
        &'a self,
        piece: usize,
        configurations: &'a [f32],
        count: usize,
        segment: &'a [u32],
    ) -> Option<ConfiguredGraph<'a>> {
        let piece = self.pieces.get(piece)?;
        Some(ConfiguredGraph {
            features: &self.features,
            width: self.width,
            layouts: &self.layouts,
            opcodes: &self.opcodes,
            nodes: &piece.nodes,
            edges: &piece.edges,
            configurable: &piece.configurable,
            count,
            configurations: if piece.configurable.is_empty() && self.of_nodes { &[] } else { configurations },
            columns: self.columns,
            segment,
        })
    }

    /// Number of nodes of the largest piece.
    pub fn nodes(&self) -> usize {
        self.pieces.iter().map(|piece| piece.nodes.len()).max().unwrap_or(0)
    }

    /// Blocks of consecutive nodes of which one gets gradients in a step; one where the graph is small.
    pub fn blocks(&self) -> usize {
        if self.gradients == 0 { 1 } else { self.nodes().div_ceil(self.gradients).max(1) }
    }

    /// The nodes of a block; none where all get gradients.
    pub fn block(&self, block: usize) -> Vec<u32> {
        if self.blocks() == 1 {
            return vec![];
        }
        let first = block * self.gradients;
        (first as u32..(first + self.gradients).min(self.nodes()) as u32).collect()
    }
}

fn scale(values: &mut [f32], columns: usize, featurizer: &Featurizer) -> Result<()> {
    for row in values.chunks_exact_mut(columns.max(1)) {
        featurizer.scale_configuration(ArrayViewMut1::from(row))?;
    }
    Ok(())
}

/// Places of dimensions in the layout of each node, with −1 where it has no such dimension; none where the archive lacks
/// TpuGraphs' columns. The archive has 0 there, which cannot be told from dimension 0.
fn layouts(raw: &Raw) -> Vec<f32> {
    if raw.features.ncols() != COLUMNS {
        return vec![];
    }
    let row = |row: ndarray::ArrayView1<'_, f32>| -> Vec<f32> {
        let rank = EXTENTS.clone().filter(|&i| row[i] > 0.0).count();
        PLACES.clone().zip(0..).map(|(i, place)| if place < rank { row[i] } else { -1.0 }).collect()
    };
    raw.features.rows().into_iter().flat_map(row).collect()
}

/// Keeps edges at configurable nodes and their ends; the nodes that are left, by their number before.
fn pruned(raw: &mut Raw) -> Vec<u32> {
    let configurable: BTreeSet<u32> = raw.configurable.iter().copied().collect();
    raw.edges.retain(|(s, d)| configurable.contains(s) || configurable.contains(d));
    let ends = raw.edges.iter().flat_map(|&(s, d)| [s, d]);
    let nodes: Vec<u32> = ends.chain(configurable.iter().copied()).collect::<BTreeSet<_>>().into_iter().collect();
    let place: HashMap<u32, u32> = nodes.iter().copied().zip(0..).collect();
    let at = |node: &mut u32| *node = place.get(node).copied().unwrap_or(0);
    raw.edges.iter_mut().for_each(|(s, d)| {
        at(s);
        at(d);
    });
    raw.configurable.iter_mut().for_each(at);
    nodes
}

/// The whole, or blocks of at most `segment` consecutive nodes with the edges within them.
fn pieces(nodes: Vec<u32>, edges: Vec<(u32, u32)>, configurable: Vec<u32>, segment: usize) -> Vec<Piece> {
    if segment == 0 || nodes.len() <= segment {
        return vec![Piece { nodes, edges, configurable, kept: None }];
    }
    let count = nodes.len().div_ceil(segment);
    let mut pieces: Vec<Piece> = nodes
        .chunks(segment)
        .map(|nodes| Piece { nodes: nodes.to_vec(), edges: vec![], configurable: vec![], kept: Some(vec![]) })
        .collect();
    let place = |node: u32| ((node as usize / segment).min(count - 1), (node as usize % segment) as u32);
    for (s, d) in edges {
        let ((a, s), (b, d)) = (place(s), place(d));
        if a == b {
            pieces[a].edges.push((s, d));
        }
    }
    for (i, node) in configurable.into_iter().enumerate() {
        let (piece, node) = place(node);
        pieces[piece].configurable.push(node);
        pieces[piece].kept.iter_mut().for_each(|kept| kept.push(i));
    }
    pieces
}
