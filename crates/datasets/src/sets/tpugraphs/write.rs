//! Writes archives that [`Archive`](super::Archive) reads: for graphs and configurations that were measured elsewhere than on
//! a TPU. Arrays that are not compressed are mapped by a training, which reads what it draws.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::OperatorGraph;
use crate::{Error, Result};

/// Where NumPy lets elements begin.
const ALIGN: usize = 64;

/// What was chosen, one configuration after the other.
#[derive(Clone, Debug, PartialEq)]
pub enum Configurations {
    /// Of the whole graph, so many columns each.
    Tile {
        /// Numbers of one.
        columns: usize,
        /// The numbers of all.
        values: Vec<f32>,
    },
    /// Of some nodes, so many columns for each of them.
    Layout {
        /// The nodes, by number.
        nodes: Vec<u32>,
        /// Numbers of one node.
        columns: usize,
        /// The numbers of all, node by node.
        values: Vec<f32>,
    },
}

impl Configurations {
    /// Rows of one configuration, columns, and the numbers of all.
    fn parts(&self) -> (usize, usize, &[f32]) {
        match self {
            Self::Tile { columns, values } => (1, *columns, values),
            Self::Layout { nodes, columns, values } => (nodes.len(), *columns, values),
        }
    }
}

/// A graph whose configurations were timed.
#[derive(Clone, Debug, PartialEq)]
pub struct TimedGraph {
    /// The graph.
    pub graph: OperatorGraph,
    /// Its configurations.
    pub configurations: Configurations,
    /// What each took, in ns.
    pub run_times: Vec<f64>,
    /// What the compiler's own choice takes, in ns; run times of tiles are divided by it.
    pub default_time: Option<f64>,
    /// How far runs of each configuration lay apart, relative to its time. It is no array of TpuGraphs', and readers pass over
    /// it: `config_runtime_spread`.
    pub spreads: Option<Vec<f32>>,
}

impl TimedGraph {
    /// Writes an archive (`.npz`). What was there stays whole until all of it is written.
    ///
    /// # Errors
    /// The file cannot be written; parts do not fit together.
    pub fn write(&self, path: &Path) -> Result<()> {
        self.write_as(path, CompressionMethod::Stored)
    }

    /// As [`TimedGraph::write`], with arrays compressed: many times smaller, and not mapped.
    ///
    /// # Errors
    /// As [`TimedGraph::write`].
    pub fn write_compressed(&self, path: &Path) -> Result<()> {
        self.write_as(path, CompressionMethod::Deflated)
    }

    fn write_as(&self, path: &Path, compression: CompressionMethod) -> Result<()> {
        self.check().map_err(|message| Error::damaged(path, message))?;
        let beside = path.with_extension("npz.part");
        let io = |error| Error::io(&beside)(error);
        let mut zip = ZipWriter::new(BufWriter::new(File::create(&beside).map_err(io)?));
        for (name, bytes) in self.arrays() {
            let options = SimpleFileOptions::default().compression_method(compression);
            let started = zip.start_file(format!("{name}.npy"), options.large_file(bytes.len() >= 1 << 31));
            started.map_err(|error| io(error.into()))?;
            zip.write_all(&bytes).map_err(io)?;
        }
        let file = zip.finish().map_err(|error| io(error.into()))?;
        let file = file.into_inner().map_err(|error| io(error.into_error()))?;
        file.sync_all().map_err(io)?;
        std::fs::rename(&beside, path).map_err(Error::io(path))
    }

    fn check(&self) -> Result<(), String> {
        let (nodes, runs) = (self.graph.opcodes.len(), self.run_times.len());
        let node = |&node: &u32| (node as usize) < nodes;
        if self.graph.features.nrows() != nodes {
            return Err(format!("features of {} nodes, operators of {nodes}", self.graph.features.nrows()));
        }
        if !self.graph.edges.iter().all(|(from, to)| node(from) && node(to)) {
            return Err(format!("an edge of none of the {nodes} nodes"));
        }
        let (rows, columns, values) = self.configurations.parts();
        if let Configurations::Layout { nodes: of, .. } = &self.configurations
            && !of.iter().all(node)
        {
            return Err(format!("a configuration of none of the {nodes} nodes"));
        }
        let spreads = self.spreads.as_ref().map_or(runs, Vec::len);
        if values.len() != runs * rows * columns || rows * columns == 0 || spreads != runs {
            let numbers = values.len();
            return Err(format!(
                "{numbers} numbers for {runs} configurations of {rows} × {columns}, {spreads} spreads"
            ));
        }
        match self.run_times.iter().chain(&self.default_time).find(|time| !(time.is_finite() && **time >= 0.5)) {
            Some(time) => Err(format!("a run time of {time} ns")),
            None => Ok(()),
        }
    }

    /// Names and contents, in TpuGraphs' order.
    fn arrays(&self) -> Vec<(&'static str, Vec<u8>)> {
        let graph = &self.graph;
        let floats = |values: &mut dyn Iterator<Item = f32>| values.flat_map(f32::to_le_bytes).collect::<Vec<u8>>();
        let whole = |values: &mut dyn Iterator<Item = i64>| values.flat_map(i64::to_le_bytes).collect::<Vec<u8>>();
        let times = |values: &[f64]| whole(&mut values.iter().map(|time| time.round() as i64));
        let (runs, edges) = (self.run_times.len(), graph.edges.len());
        // Rows are of consumer and operand.
        let ends = graph.edges.iter().flat_map(|&(from, to)| [i64::from(to), i64::from(from)]);
        let dim = [graph.features.nrows(), graph.features.ncols()];
        let mut arrays = vec![
            ("node_feat", npy("<f4", &dim, &floats(&mut graph.features.iter().copied()))),
            ("node_opcode", npy("|u1", &[graph.opcodes.len()], &graph.opcodes)),
            ("edge_index", npy("<i8", &[edges, 2], &whole(&mut { ends }))),
        ];
        let (rows, columns, values) = self.configurations.parts();
        let values = floats(&mut values.iter().copied());
        match &self.configurations {
            Configurations::Tile { .. } => arrays.push(("config_feat", npy("<f4", &[runs, columns], &values))),
            Configurations::Layout { nodes, .. } => {
                arrays.push(("node_config_feat", npy("<f4", &[runs, rows, columns], &values)));
                let nodes = whole(&mut nodes.iter().map(|&node| i64::from(node)));
                arrays.push(("node_config_ids", npy("<i8", &[rows], &nodes)));
            }
        }
        arrays.push(("config_runtime", npy("<i8", &[runs], &times(&self.run_times))));
        if let Some(time) = self.default_time {
            arrays.push(("config_runtime_normalizers", npy("<i8", &[runs], &times(&vec![time; runs]))));
        }
        if let Some(spreads) = &self.spreads {
            arrays.push(("config_runtime_spread", npy("<f4", &[runs], &floats(&mut spreads.iter().copied()))));
        }
        arrays
    }
}

/// An array as NumPy's `.npy` has it, version 1.0.
fn npy(descr: &str, shape: &[usize], elements: &[u8]) -> Vec<u8> {
    let extents: String = shape.iter().map(|extent| format!("{extent}, ")).collect();
    let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}), }}", extents.trim_end());
    // The first bytes, the length, and a new line at the end.
    let length = (10 + text.len() + 1).next_multiple_of(ALIGN) - 10;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((length as u16).to_le_bytes());
    bytes.extend(format!("{text:<width$}\n", width = length - 1).as_bytes());
    bytes.extend(elements);
    bytes
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::{super::Archive, *};

    fn graph() -> OperatorGraph {
        let features = Array2::from_shape_fn((3, 4), |(i, j)| i as f32 - 0.25 * j as f32);
        OperatorGraph { features, opcodes: vec![63, 26, 2], edges: vec![(0, 1), (1, 2), (0, 2)] }
    }

    fn layouts() -> TimedGraph {
        let values = (0..30).map(|i| i as f32 - 1.0).collect();
        TimedGraph {
            graph: graph(),
            configurations: Configurations::Layout { nodes: vec![2, 1], columns: 3, values },
            run_times: vec![10.0, 20.4, 30.6, 1e12, 5.0],
            default_time: None,
            spreads: Some(vec![0.01; 5]),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        let timed = layouts();
        timed.write_compressed(&path).unwrap();
        let compressed = (std::fs::metadata(&path).unwrap().len(), Archive::open(&path).unwrap().run_times().unwrap());
        timed.write(&path).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let mut archive = Archive::open(&path).unwrap();
        assert!(compressed.0 < std::fs::metadata(&path).unwrap().len());
        assert_eq!(compressed.1, archive.run_times().unwrap());
        assert_eq!((archive.configurations(), archive.configuration_shape()), (5, (2, 3)));
        assert_eq!(archive.node_features().unwrap(), timed.graph.features);
        assert_eq!(archive.opcodes().unwrap(), timed.graph.opcodes);
        assert_eq!(archive.edge_list().unwrap(), timed.graph.edges);
        assert_eq!(archive.configurable().unwrap(), [2, 1]);
        assert_eq!(archive.run_times().unwrap(), [10.0, 20.0, 31.0, 1e12, 5.0]);
        assert_eq!(archive.normalizers().unwrap(), None);
        assert_eq!(archive.configurations_at(&[3]).unwrap(), [17.0, 18.0, 19.0, 20.0, 21.0, 22.0]);

        let values: Vec<f32> = (0..15).map(|i| i as f32).collect();
        let configurations = Configurations::Tile { columns: 3, values: values.clone() };
        let tiles = TimedGraph { configurations, default_time: Some(7.0), spreads: None, ..timed };
        tiles.write(&path).unwrap();
        let mut archive = Archive::open(&path).unwrap();
        assert_eq!(archive.normalizers().unwrap(), Some(vec![7.0; 5]));
        assert_eq!(archive.configurations_at(&[0, 1, 2, 3, 4]).unwrap(), values);
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        let refused = |change: fn(&mut TimedGraph)| {
            let mut timed = layouts();
            change(&mut timed);
            timed.write(&path).unwrap_err().to_string()
        };
        assert!(refused(|t| t.graph.edges.push((0, 3))).contains("a.npz: an edge of none of the 3 nodes"));
        assert!(refused(|t| t.run_times[1] = 0.0).contains("a run time of 0 ns"));
        assert!(refused(|t| t.run_times.truncate(4)).contains("30 numbers for 4 configurations of 2 × 3, 5 spreads"));
        assert!(refused(|t| t.graph.opcodes.truncate(2)).contains("features of 3 nodes"));
        let other = |t: &mut TimedGraph| {
            t.configurations = Configurations::Layout { nodes: vec![3, 1], columns: 3, values: vec![0.0; 30] };
        };
        assert!(refused(other).contains("a configuration of none of the 3 nodes"));
        assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
    }
}
