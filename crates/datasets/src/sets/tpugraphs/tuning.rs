//! Tuning records of TpuGraphs (`.pb`) as examples: a module of XLA, and runs that configure it.
//!
//! The file is mapped. Opening it passes over the fields of its runs and decodes none of their configurations; these are
//! decoded one by one. Which runs are configurations, and their numbers, is as in TpuGraphs' own conversion: those that
//! did not fail and have a time. Where no run has one they are to be ranked: then it is all that did not fail.

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use ndarray::{Array2, ArrayView2};
use prost::Message;

use super::{
    archive::{Collection, Each, Form, Sizes},
    hlo::{self, HloGraph, features},
    npz::Mapped,
    proto::{ModuleConfig, OpConfig},
    record::{self, Run},
};
use crate::{Error, Result};

/// A record of one module.
#[derive(Debug)]
pub(super) struct Tuning {
    path: PathBuf,
    bytes: Mapped,
    /// Where the module is.
    module: Range<usize>,
    configurable: Vec<u32>,
    runs: Vec<Run>,
    sizes: Sizes,
}

impl Tuning {
    /// The file, or where it has several modules a path for each: their fingerprints as if the file were a folder.
    pub fn modules(path: &Path) -> Result<Vec<PathBuf>> {
        let bytes = Mapped::open(path)?;
        let parts = record::parts(bytes.as_ref()).map_err(|e| Error::damaged(path, e))?;
        if parts.len() == 1 {
            return Ok(vec![path.into()]);
        }
        // TpuGraphs' files have modules that were never run.
        let run = record::named(&parts).filter(|(_, part)| part.run);
        let paths: Vec<PathBuf> = run.map(|(name, _)| path.join(name)).collect();
        if paths.is_empty() { Err(Error::damaged(path, "has no module that was run")) } else { Ok(paths) }
    }

    /// Opens the record of a file with one module, or of the module with that name.
    pub fn open(path: &Path, module: Option<&str>) -> Result<Self> {
        let bytes = Mapped::open(path)?;
        let damaged = |message: String| Error::damaged(path, message);
        let parts = record::parts(bytes.as_ref()).map_err(damaged)?;
        let range = match (module, &parts[..]) {
            (None, [part]) => part.range.clone(),
            (None, _) => {
                let first = record::named(&parts).next().map(|(name, _)| path.join(name).display().to_string());
                let first = first.map(|name| format!("; one is {name}")).unwrap_or_default();
                return Err(damaged(format!("has {} modules, of which one is to be named{first}", parts.len())));
            }
            (Some(wanted), _) => {
                let found = record::named(&parts).find(|(name, _)| name == wanted).map(|(_, part)| part.range.clone());
                found.ok_or_else(|| damaged(format!("has no module `{wanted}`")))?
            }
        };
        let record = record::of(bytes.as_ref(), range).map_err(damaged)?;
        let module = record.module.ok_or_else(|| damaged("has no module".into()))?;
        let runs = record::runs(bytes.as_ref(), record.runs).map_err(damaged)?;
        let Some(collection) = runs.first().map(|run| run.collection) else {
            return Err(damaged("has no run with a configuration that did not fail".into()));
        };
        if let Some(place) = runs.iter().position(|run| run.collection != collection) {
            return Err(damaged(format!("has tiles and layouts (run {place} of those that did not fail)")));
        }
        let graph = graph(bytes.as_ref(), &module).map_err(damaged)?;
        let nodes = graph.opcodes.len();
        let configurable = match collection {
            Collection::Tile => vec![],
            Collection::Layout => record.configurable,
        };
        if let Some(node) = configurable.iter().find(|&&node| node >= nodes as u64) {
            return Err(damaged(format!("configures node {node} of {nodes}")));
        }
        let configuration = match collection {
            Collection::Tile => (1, features::TILE),
            Collection::Layout => (configurable.len(), features::LAYOUT),
        };
        if configuration.0 == 0 {
            return Err(damaged("has layouts, and configures no node (`config_index_to_node`)".into()));
        }
        let configurable = configurable.into_iter().map(|node| node as u32).collect();
        let sizes = Sizes { collection, nodes, edges: graph.edges.len(), configurations: runs.len(), configuration };
        Ok(Self { path: path.into(), bytes, module, configurable, runs, sizes })
    }

    /// Decoded when it is asked for: many archives are open at once.
    fn graph(&self) -> Result<HloGraph> {
        graph(self.bytes.as_ref(), &self.module).map_err(|e| Error::damaged(&self.path, e))
    }

    /// The features of a configuration.
    fn configuration(&self, number: usize) -> Result<Vec<f64>> {
        let wrong = |message: String| Error::damaged(&self.path, message);
        let outside = || wrong(format!("configuration {number} of {}", self.runs.len()));
        let run = self.runs.get(number).ok_or_else(outside)?;
        let bytes = self.bytes.as_ref().get(run.config.clone()).ok_or_else(outside)?;
        let damaged = |e: prost::DecodeError| wrong(format!("byte {}: {e}", run.config.start));
        match run.collection {
            Collection::Tile => Ok(features::tile(&OpConfig::decode(bytes).map_err(damaged)?.tile.unwrap_or_default())),
            Collection::Layout => {
                let nodes = ModuleConfig::decode(bytes).map_err(damaged)?.layout.unwrap_or_default().nodes;
                let (found, rows) = (nodes.len(), self.configurable.len());
                if found != rows {
                    return Err(wrong(format!("configuration {number} is of {found} nodes, not of {rows}")));
                }
                let mut row = Vec::with_capacity(rows * features::LAYOUT);
                for (node, place) in nodes.iter().zip(0..) {
                    let tensors = node.tensors.iter().map(|tensor| &tensor.dims[..]);
                    let many = || wrong(format!("configuration {number} has more than three tensors of node {place}"));
                    row.extend(features::layout(tensors).ok_or_else(many)?);
                }
                Ok(row)
            }
        }
    }
}

impl Form for Tuning {
    fn sizes(&self) -> Sizes {
        self.sizes
    }

    fn opcodes(&mut self) -> Result<Vec<u8>> {
        Ok(self.graph()?.opcodes)
    }

    fn node_features(&mut self) -> Result<Array2<f32>> {
        Ok(self.graph()?.features)
    }

    fn edge_list(&mut self) -> Result<Vec<(u32, u32)>> {
        Ok(self.graph()?.edges)
    }

    fn configurable(&mut self) -> Result<Vec<u32>> {
        Ok(self.configurable.clone())
    }

    /// 0 where nothing was timed, as in archives of such graphs.
    fn run_times(&mut self) -> Result<Vec<f64>> {
        Ok(self.runs.iter().map(|run| run.time.unwrap_or(0) as f64).collect())
    }

    /// Of tiles the time of the first run of the default.
    fn normalizers(&mut self) -> Result<Option<Vec<f64>>> {
        let default = self.runs.iter().find(|run| run.default && run.collection == Collection::Tile);
        Ok(default.and_then(|run| run.time).map(|time| vec![time as f64; self.runs.len()]))
    }

    fn configurations_at(&mut self, wanted: &[usize]) -> Result<Vec<f32>> {
        let mut values = Vec::new();
        for &number in wanted {
            values.extend(self.configuration(number)?.into_iter().map(|value| value as f32));
        }
        Ok(values)
    }

    fn each_configuration(&mut self, each: Each<'_>) -> Result<()> {
        for number in 0..self.runs.len() {
            let values = self.configuration(number)?;
            let view = ArrayView2::from_shape(self.sizes.configuration, &values);
            if !each(number, view.map_err(|e| Error::damaged(&self.path, e.to_string()))?) {
                break;
            }
        }
        Ok(())
    }
}

fn graph(bytes: &[u8], module: &Range<usize>) -> Result<HloGraph, String> {
    HloGraph::new(&hlo::decode(bytes, module.clone())?)
}
