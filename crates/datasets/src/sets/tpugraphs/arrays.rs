//! Arrays of NumPy in a zip file: TpuGraphs' own form. Where there are none of nodes, these are a module of XLA in a file
//! `.hlo` beside the archive.

use std::path::{Path, PathBuf};

use ndarray::{Array2, ArrayView2, ShapeBuilder};

use super::{
    archive::{Collection, Each, Form, Sizes},
    hlo::HloGraph,
    npz::{Npz, count},
};
use crate::{Error, Result};

/// A graph in arrays. Opening it reads the headers; each call reads one array.
#[derive(Debug)]
pub(super) struct Arrays {
    npz: Npz,
    /// The module beside the archive, where that has no nodes. It is read when it is asked for.
    module: Option<PathBuf>,
    sizes: Sizes,
}

impl Arrays {
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
        let beside = path.with_extension("hlo");
        let module = (nodes.is_none() && edges.is_none() && beside.is_file()).then_some(beside);
        let (nodes, edges) = match (&module, nodes.as_deref(), edges.as_deref()) {
            (Some(module), ..) => {
                let graph = HloGraph::open(module)?;
                (graph.opcodes.len(), graph.edges.len())
            }
            (None, Some(&[nodes]), Some(&[edges, 2])) => (nodes, edges),
            _ => {
                let what = "`node_opcode` or `edge_index` (of two columns) is not there, and no module of XLA";
                return Err(error(&format!("{what} ({})", path.with_extension("hlo").display())));
            }
        };
        let Some(&[runs]) = runs.as_deref() else { return Err(error("`config_runtime` is not there")) };
        let (collection, rows, columns, configurations) = match (layout.as_deref(), tile.as_deref()) {
            (Some(&[configurations, rows, columns]), _) => (Collection::Layout, rows, columns, configurations),
            (None, Some(&[configurations, columns])) => (Collection::Tile, 1, columns, configurations),
            _ => return Err(error("neither `node_config_feat` nor `config_feat` is there")),
        };
        if configurations != runs {
            return Err(error(&format!("{configurations} configurations and {runs} run times")));
        }
        if collection == Collection::Layout && configurable.as_deref() != Some(&[rows]) {
            return Err(error(&format!("configurations of {rows} nodes, `node_config_ids` of {configurable:?}")));
        }
        let sizes = Sizes { collection, nodes, edges, configurations, configuration: (rows, columns) };
        Ok(Self { npz, module, sizes })
    }

    /// The name of the array of configurations, and numbers in one.
    fn configuration_array(&mut self) -> Result<(&'static str, usize)> {
        let name = if self.sizes.collection == Collection::Layout { "node_config_feat" } else { "config_feat" };
        let (rows, columns) = self.sizes.configuration;
        if self.npz.header(name)?.is_none_or(|header| header.fortran) {
            return Err(self.npz.error(name, "stored with its first index fastest"));
        }
        let Some(size) = rows.checked_mul(columns) else { return Err(self.npz.error(name, "too large")) };
        if size == 0 && self.sizes.configurations > 0 {
            return Err(self.npz.error(name, "configurations without features"));
        }
        Ok((name, size))
    }

    fn module(&self) -> Option<Result<HloGraph>> {
        self.module.as_deref().map(HloGraph::open)
    }
}

impl Form for Arrays {
    fn sizes(&self) -> Sizes {
        self.sizes
    }

    fn opcodes(&mut self) -> Result<Vec<u8>> {
        if let Some(module) = self.module() {
            return Ok(module?.opcodes);
        }
        let (_, values) = self.npz.values("node_opcode")?;
        Ok(values.into_iter().map(|code| code as u8).collect())
    }

    fn node_features(&mut self) -> Result<Array2<f32>> {
        if let Some(module) = self.module() {
            return Ok(module?.features);
        }
        let (header, values) = self.npz.values("node_feat")?;
        let &[rows, columns] = &header.shape[..] else {
            return Err(self.npz.error("node_feat", format!("{:?} is not a matrix", header.shape)));
        };
        let shape = (rows as usize, columns as usize).set_f(header.fortran);
        let values = values.into_iter().map(|v| v as f32).collect();
        match Array2::from_shape_vec(shape, values) {
            Ok(matrix) if rows as usize == self.sizes.nodes => Ok(matrix),
            _ => Err(self.npz.error("node_feat", format!("{:?} for {} nodes", header.shape, self.sizes.nodes))),
        }
    }

    fn edge_list(&mut self) -> Result<Vec<(u32, u32)>> {
        if let Some(module) = self.module() {
            return Ok(module?.edges);
        }
        // Rows are of consumer and operand.
        let (header, values) = self.npz.values("edge_index")?;
        let edges = header.shape.first().map_or(0, |&n| n as usize);
        let place = |i: usize, column: usize| if header.fortran { column * edges + i } else { 2 * i + column };
        let node = |i: usize| values.get(i).copied().filter(|&node| node >= 0.0 && node < self.sizes.nodes as f64);
        let edge = |i: usize| Some((node(place(i, 1))? as u32, node(place(i, 0))? as u32));
        let edges: Option<Vec<_>> = (0..edges).map(edge).collect();
        edges.ok_or_else(|| self.npz.error("edge_index", format!("an edge of none of the {} nodes", self.sizes.nodes)))
    }

    fn configurable(&mut self) -> Result<Vec<u32>> {
        if self.sizes.collection == Collection::Tile {
            return Ok(Vec::new());
        }
        let (_, values) = self.npz.values("node_config_ids")?;
        if values.iter().any(|&node| node < 0.0 || node >= self.sizes.nodes as f64) {
            return Err(self.npz.error("node_config_ids", format!("a node that is none of {}", self.sizes.nodes)));
        }
        Ok(values.into_iter().map(|node| node as u32).collect())
    }

    fn run_times(&mut self) -> Result<Vec<f64>> {
        Ok(self.npz.values("config_runtime")?.1)
    }

    fn normalizers(&mut self) -> Result<Option<Vec<f64>>> {
        const NAME: &str = "config_runtime_normalizers";
        if self.npz.header(NAME)?.is_none() {
            return Ok(None);
        }
        self.npz.values(NAME).map(|(_, values)| Some(values))
    }

    fn configurations_at(&mut self, wanted: &[usize]) -> Result<Vec<f32>> {
        let (name, size) = self.configuration_array()?;
        if let Some(&wrong) = wanted.iter().find(|&&i| i >= self.sizes.configurations) {
            return Err(self.npz.error(name, format!("configuration {wrong} of {}", self.sizes.configurations)));
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

    fn each_configuration(&mut self, each: Each<'_>) -> Result<()> {
        let (name, size) = self.configuration_array()?;
        let (rows, columns) = self.sizes.configuration;
        let Some(mut array) = self.npz.array(name)? else { return Ok(()) };
        let mut features = Vec::new();
        for configuration in 0..self.sizes.configurations {
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
