//! One graph and its configurations.

use std::path::Path;

use ndarray::{Array2, ArrayView2, ShapeBuilder};

use super::npz::{Npz, count};
use crate::{Error, Result};

/// What the configurations choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collection {
    /// The tile size of a kernel: one configuration for the whole graph.
    Tile,
    /// The layout of tensors: one configuration for each configurable node.
    Layout,
}

/// One graph. Opening it reads the headers of its arrays; each call reads one array.
#[derive(Debug)]
pub struct Archive {
    npz: Npz,
    collection: Collection,
    nodes: usize,
    edges: usize,
    configurations: usize,
    /// Rows and columns of one configuration.
    configuration: (usize, usize),
}

impl Archive {
    /// Opens an archive.
    ///
    /// # Errors
    /// The file cannot be read, is no archive, or its arrays do not fit together.
    pub fn open(path: &Path) -> Result<Self> {
        let mut npz = Npz::open(path)?;
        let mut shape = |name: &str, rank: usize| match npz.header(name)? {
            None => Ok(None),
            Some(header) if header.shape.len() == rank && count(&header.shape).is_some() => {
                Ok(Some(header.shape.iter().map(|&extent| extent as usize).collect::<Vec<_>>()))
            }
            Some(header) => {
                Err(npz.error(name, format!("{:?} is not {rank} dimensions of a possible size", header.shape)))
            }
        };
        let layout = shape("node_config_feat", 3)?;
        let tile = shape("config_feat", 2)?;
        let (nodes, edges, runs) = (shape("node_opcode", 1)?, shape("edge_index", 2)?, shape("config_runtime", 1)?);
        let configurable = shape("node_config_ids", 1)?;
        let error = |message: &str| Error::damaged(path, message);
        let (Some([nodes]), Some([edges, 2]), Some([runs])) = (nodes.as_deref(), edges.as_deref(), runs.as_deref())
        else {
            return Err(error("`node_opcode`, `edge_index` (of two columns) or `config_runtime` is not there"));
        };
        let (collection, rows, columns, configurations) = match (layout.as_deref(), tile.as_deref()) {
            (Some(&[configurations, rows, columns]), _) => (Collection::Layout, rows, columns, configurations),
            (None, Some(&[configurations, columns])) => (Collection::Tile, 1, columns, configurations),
            _ => return Err(error("neither `node_config_feat` nor `config_feat` is there")),
        };
        if configurations != *runs {
            return Err(error(&format!("{configurations} configurations and {runs} run times")));
        }
        if collection == Collection::Layout && configurable.as_deref() != Some(&[rows]) {
            return Err(error(&format!("configurations of {rows} nodes, `node_config_ids` of {configurable:?}")));
        }
        let (nodes, edges) = (*nodes, *edges);
        Ok(Self { npz, collection, nodes, edges, configurations, configuration: (rows, columns) })
    }

    /// Which collection it is of.
    pub fn collection(&self) -> Collection {
        self.collection
    }

    /// Number of nodes.
    pub fn nodes(&self) -> usize {
        self.nodes
    }

    /// Number of edges.
    pub fn edges(&self) -> usize {
        self.edges
    }

    /// Number of configurations that were timed.
    pub fn configurations(&self) -> usize {
        self.configurations
    }

    /// Rows (configurable nodes; 1 in the tile collection) and columns of one configuration.
    pub fn configuration_shape(&self) -> (usize, usize) {
        self.configuration
    }

    /// XLA's operator code of each node.
    ///
    /// # Errors
    /// The array cannot be read.
    pub fn opcodes(&mut self) -> Result<Vec<u8>> {
        let (_, values) = self.npz.values("node_opcode")?;
        Ok(values.into_iter().map(|code| code as u8).collect())
    }

    /// Features, one row a node.
    ///
    /// # Errors
    /// The array cannot be read, or does not have a row for each node.
    pub fn node_features(&mut self) -> Result<Array2<f32>> {
        let (header, values) = self.npz.values("node_feat")?;
        let &[rows, columns] = &header.shape[..] else {
            return Err(self.npz.error("node_feat", format!("{:?} is not a matrix", header.shape)));
        };
        let shape = (rows as usize, columns as usize).set_f(header.fortran);
        let values = values.into_iter().map(|v| v as f32).collect();
        match Array2::from_shape_vec(shape, values) {
            Ok(matrix) if rows as usize == self.nodes => Ok(matrix),
            _ => Err(self.npz.error("node_feat", format!("{:?} for {} nodes", header.shape, self.nodes))),
        }
    }

    /// Edges from producer to consumer. The array lists consumer and operand.
    ///
    /// # Errors
    /// The array cannot be read, or names a node that is not there.
    pub fn edge_list(&mut self) -> Result<Vec<(u32, u32)>> {
        let (header, values) = self.npz.values("edge_index")?;
        let edges = header.shape.first().map_or(0, |&n| n as usize);
        let place = |i: usize, column: usize| if header.fortran { column * edges + i } else { 2 * i + column };
        let node = |i: usize| values.get(i).copied().filter(|&node| node >= 0.0 && node < self.nodes as f64);
        let edge = |i: usize| Some((node(place(i, 1))? as u32, node(place(i, 0))? as u32));
        let edges: Option<Vec<_>> = (0..edges).map(edge).collect();
        edges.ok_or_else(|| self.npz.error("edge_index", format!("an edge of none of the {} nodes", self.nodes)))
    }

    /// Nodes that have a configuration, one for each row of it; empty in the tile collection.
    ///
    /// # Errors
    /// The array cannot be read, or names a node that is not there.
    pub fn configurable(&mut self) -> Result<Vec<u32>> {
        if self.collection == Collection::Tile {
            return Ok(Vec::new());
        }
        let (_, values) = self.npz.values("node_config_ids")?;
        if values.iter().any(|&node| node < 0.0 || node >= self.nodes as f64) {
            return Err(self.npz.error("node_config_ids", format!("a node that is none of {}", self.nodes)));
        }
        Ok(values.into_iter().map(|node| node as u32).collect())
    }

    /// Measured time of each configuration, in ns.
    ///
    /// # Errors
    /// The array cannot be read.
    pub fn run_times(&mut self) -> Result<Vec<f64>> {
        Ok(self.npz.values("config_runtime")?.1)
    }

    /// What the run times of the tile collection are divided by to compare TPUs of different speed: the time of a
    /// default configuration, in ns. `None` where the archive has none.
    ///
    /// # Errors
    /// The array cannot be read.
    pub fn normalizers(&mut self) -> Result<Option<Vec<f64>>> {
        const NAME: &str = "config_runtime_normalizers";
        if self.npz.header(NAME)?.is_none() {
            return Ok(None);
        }
        self.npz.values(NAME).map(|(_, values)| Some(values))
    }

    /// Some configurations, in the order asked for: their numbers, one configuration after the other. From an archive
    /// without compression nothing else is read; otherwise what lies before the last of them is inflated and dropped.
    ///
    /// # Errors
    /// A number that is no configuration's; as [`Archive::each_configuration`].
    pub fn configurations_at(&mut self, wanted: &[usize]) -> Result<Vec<f32>> {
        let (name, size) = self.configuration_array()?;
        if let Some(&wrong) = wanted.iter().find(|&&i| i >= self.configurations) {
            return Err(self.npz.error(name, format!("configuration {wrong} of {}", self.configurations)));
        }
        let mut features = Vec::with_capacity(size.saturating_mul(wanted.len()).min(1 << 24));
        if let Some(stored) = self.npz.stored(name)? {
            for &i in wanted {
                if !i.checked_mul(size).is_some_and(|first| stored.read(first, size, &mut features)) {
                    return Err(self.npz.error(name, format!("configuration {i} is cut off")));
                }
            }
            return Ok(features.into_iter().map(|v| v as f32).collect());
        }
        let mut order: Vec<usize> = (0..wanted.len()).collect();
        order.sort_unstable_by_key(|&place| wanted[place]);
        let mut found = vec![0.0; size.saturating_mul(wanted.len())];
        let Some(mut array) = self.npz.array(name)? else { return Ok(vec![]) };
        let mut next = 0;
        for place in order {
            let i = wanted[place];
            // The same one may be asked for twice: it is still in `features`.
            if i >= next {
                array.skip((i - next) * size)?;
                features.clear();
                array.read(size, &mut features)?;
                next = i + 1;
            }
            found[place * size..][..size].iter_mut().zip(&features).for_each(|(to, &v)| *to = v as f32);
        }
        Ok(found)
    }

    /// The name of the array of configurations, and numbers in one.
    fn configuration_array(&mut self) -> Result<(&'static str, usize)> {
        let name = if self.collection == Collection::Layout { "node_config_feat" } else { "config_feat" };
        let (rows, columns) = self.configuration;
        if self.npz.header(name)?.is_none_or(|header| header.fortran) {
            return Err(self.npz.error(name, "stored with its first index fastest"));
        }
        let Some(size) = rows.checked_mul(columns) else { return Err(self.npz.error(name, "too large")) };
        if size == 0 && self.configurations > 0 {
            return Err(self.npz.error(name, "configurations without features"));
        }
        Ok((name, size))
    }

    /// Calls `each` with the number of a configuration and its features, in order, until it returns false. No more
    /// than one configuration is in memory.
    ///
    /// # Errors
    /// The array cannot be read, or is stored with its first index fastest, so that configurations do not lie
    /// together.
    pub fn each_configuration(&mut self, mut each: impl FnMut(usize, ArrayView2<'_, f64>) -> bool) -> Result<()> {
        let (name, size) = self.configuration_array()?;
        let (rows, columns) = self.configuration;
        let Some(mut array) = self.npz.array(name)? else { return Ok(()) };
        let mut features = Vec::new();
        for configuration in 0..self.configurations {
            features.clear();
            array.read(size, &mut features)?;
            let view = ArrayView2::from_shape((rows, columns), &features);
            let view = view.map_err(|e| Error::damaged(Path::new(name), e.to_string()))?;
            if !each(configuration, view) {
                break;
            }
        }
        Ok(())
    }
}
