//! One graph and its configurations, whatever file they are in.

use std::path::{Path, PathBuf};

use ndarray::{Array2, ArrayView2};

use super::{arrays::Arrays, tuning::Tuning};
use crate::Result;

/// What the configurations choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collection {
    /// The tile size of a kernel: one configuration for the whole graph.
    Tile,
    /// The layout of tensors: one configuration for each configurable node.
    Layout,
}

/// What a file is known to have once it is open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub collection: Collection,
    pub nodes: usize,
    pub edges: usize,
    pub configurations: usize,
    /// Rows and columns of one configuration.
    pub configuration: (usize, usize),
}

/// What is called for each configuration, until it returns false.
pub(super) type Each<'a> = &'a mut dyn FnMut(usize, ArrayView2<'_, f64>) -> bool;

/// A form in which a graph is stored. Its methods are those of [`Archive`].
pub(super) trait Form: std::fmt::Debug + Send + Sync {
    fn sizes(&self) -> Sizes;
    fn opcodes(&mut self) -> Result<Vec<u8>>;
    fn node_features(&mut self) -> Result<Array2<f32>>;
    fn edge_list(&mut self) -> Result<Vec<(u32, u32)>>;
    fn configurable(&mut self) -> Result<Vec<u32>>;
    fn run_times(&mut self) -> Result<Vec<f64>>;
    fn normalizers(&mut self) -> Result<Option<Vec<f64>>>;
    fn configurations_at(&mut self, wanted: &[usize]) -> Result<Vec<f32>>;
    fn each_configuration(&mut self, each: Each<'_>) -> Result<()>;
}

/// One graph. Opening it reads what says how large it is; each call reads one part.
#[derive(Debug)]
pub struct Archive {
    form: Box<dyn Form>,
    sizes: Sizes,
}

impl Archive {
    /// The graphs of a file: the file itself, or each module of a `.pb` file of several.
    ///
    /// # Errors
    /// A `.pb` file cannot be read.
    pub fn within(path: &Path) -> Result<Vec<PathBuf>> {
        if is_tuning(path) { Tuning::modules(path) } else { Ok(vec![path.into()]) }
    }

    /// Opens an archive of arrays (`.npz`), the tuning record of a module (`.pb`), or one module of a record of several
    /// (`FILE.pb/FINGERPRINT`, as [`within`](Self::within) has them).
    ///
    /// # Errors
    /// The file cannot be read, is no archive, or its parts do not fit together.
    pub fn open(path: &Path) -> Result<Self> {
        let file = file(path);
        let form: Box<dyn Form> = if is_tuning(file) {
            let module = path.strip_prefix(file).ok().filter(|module| !module.as_os_str().is_empty());
            Box::new(Tuning::open(file, module.and_then(Path::to_str))?)
        } else {
            Box::new(Arrays::open(file)?)
        };
        let sizes = form.sizes();
        Ok(Self { form, sizes })
    }

    /// Which collection it is of.
    pub fn collection(&self) -> Collection {
        self.sizes.collection
    }

    /// Number of nodes.
    pub fn nodes(&self) -> usize {
        self.sizes.nodes
    }

    /// Number of edges.
    pub fn edges(&self) -> usize {
        self.sizes.edges
    }

    /// Number of configurations: those that were timed, where any was.
    pub fn configurations(&self) -> usize {
        self.sizes.configurations
    }

    /// Rows (configurable nodes; 1 in the tile collection) and columns of one configuration.
    pub fn configuration_shape(&self) -> (usize, usize) {
        self.sizes.configuration
    }

    /// XLA's operator code of each node, by TpuGraphs' numbering.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn opcodes(&mut self) -> Result<Vec<u8>> {
        self.form.opcodes()
    }

    /// Features, one row a node.
    ///
    /// # Errors
    /// The file cannot be read, or does not have a row for each node.
    pub fn node_features(&mut self) -> Result<Array2<f32>> {
        self.form.node_features()
    }

    /// Edges from producer to consumer.
    ///
    /// # Errors
    /// The file cannot be read, or names a node that is not there.
    pub fn edge_list(&mut self) -> Result<Vec<(u32, u32)>> {
        self.form.edge_list()
    }

    /// Nodes that have a configuration, one for each row of it; empty in the tile collection.
    ///
    /// # Errors
    /// The file cannot be read, or names a node that is not there.
    pub fn configurable(&mut self) -> Result<Vec<u32>> {
        self.form.configurable()
    }

    /// Measured time of each configuration, in ns.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn run_times(&mut self) -> Result<Vec<f64>> {
        self.form.run_times()
    }

    /// What the run times of the tile collection are divided by to compare TPUs of different speed: the time of a
    /// default configuration, in ns. `None` where the file has none.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn normalizers(&mut self) -> Result<Option<Vec<f64>>> {
        self.form.normalizers()
    }

    /// Some configurations, in the order asked for: their numbers, one configuration after the other. From a file
    /// without compression nothing else is read; otherwise what lies before the last of them is inflated and dropped.
    ///
    /// # Errors
    /// A number that is no configuration's; as [`Archive::each_configuration`].
    pub fn configurations_at(&mut self, wanted: &[usize]) -> Result<Vec<f32>> {
        self.form.configurations_at(wanted)
    }

    /// Calls `each` with the number of a configuration and its features, in order, until it returns false. No more
    /// than one configuration is in memory.
    ///
    /// # Errors
    /// The file cannot be read, or is stored with its first index fastest, so that configurations do not lie together.
    pub fn each_configuration(&mut self, mut each: impl FnMut(usize, ArrayView2<'_, f64>) -> bool) -> Result<()> {
        self.form.each_configuration(&mut each)
    }
}

/// True for tuning records, by the end of the name.
pub(super) fn is_tuning(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "pb")
}

/// The file that a graph is in: of one of several modules what is named before it.
pub(super) fn file(path: &Path) -> &Path {
    path.parent().filter(|file| is_tuning(file) && file.is_file()).unwrap_or(path)
}
