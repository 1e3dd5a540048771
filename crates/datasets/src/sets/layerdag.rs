//! LayerDAG's extract of TpuGraphs' tile collection: one JSON line a kernel.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{
    About, Error, Measured, Measurement, Measurements, Result, Source,
    table::{files, read, stem},
};

/// LayerDAG's extract of the tile collection.
pub static LAYERDAG_TILE: About = About {
    name: "layerdag-tile",
    what: "1,261 kernels of TpuGraphs' tile collection with their mean normalised run time",
    from: "github.com/Graph-COM/LayerDAG, the tile data as JSON lines",
    licence: "see LICENSE in the folder",
    folder: "tpugraphs/layerdag_tile",
    files: "",
    open: |root| Ok(Box::new(LayerDagTile::open(root)?)),
};

const ENDS: [&str; 2] = [".jsonl.gz", ".jsonl"];

/// A kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct TileKernel {
    /// Name of the file without extension: `val` or `test`.
    pub part: String,
    /// Number within the file, from 0.
    pub index: usize,
    /// Operator code of each node (LayerDAG's own numbers).
    pub operators: Vec<u16>,
    /// Edges from producer to consumer. The file lists them from consumer to operand.
    pub edges: Vec<(u32, u32)>,
    /// Mean over configurations of run time / normaliser.
    pub time: f64,
}

#[derive(Deserialize)]
struct Line {
    src: Vec<u32>,
    dst: Vec<u32>,
    op: Vec<u16>,
    y: f64,
}

/// The set.
#[derive(Clone, Debug)]
pub struct LayerDagTile {
    files: Vec<PathBuf>,
}

impl LayerDagTile {
    /// Opens the set below the root of all sets.
    ///
    /// # Errors
    /// The folder is not there.
    pub fn open(root: &Path) -> Result<Self> {
        Ok(Self { files: files(&LAYERDAG_TILE.path(root, "")?, &ENDS)? })
    }

    /// All kernels, file by file.
    pub fn kernels(&self) -> impl Iterator<Item = Result<TileKernel>> {
        self.files.iter().flat_map(|path| {
            let (lines, error) = match read(path) {
                Ok(file) => (Some(BufReader::new(file).lines()), None),
                Err(error) => (None, Some(Err(error))),
            };
            let kernels = lines.into_iter().flatten().enumerate();
            kernels.map(move |(index, line)| kernel(path, index, &line.map_err(Error::io(path))?)).chain(error)
        })
    }
}

fn kernel(path: &Path, index: usize, text: &str) -> Result<TileKernel> {
    let error = |message: String| Error::line(path, index + 1, message);
    let line: Line = serde_json::from_str(text).map_err(|e| error(e.to_string()))?;
    if line.src.len() != line.dst.len() {
        return Err(error(format!("{} sources and {} destinations", line.src.len(), line.dst.len())));
    }
    if let Some(node) = line.src.iter().chain(&line.dst).find(|&&node| node as usize >= line.op.len()) {
        return Err(error(format!("an edge of node {node} of {}", line.op.len())));
    }
    if !(line.y.is_finite() && line.y > 0.0) {
        return Err(error(format!("y = {} is not a time", line.y)));
    }
    let edges = line.dst.into_iter().zip(line.src).collect();
    Ok(TileKernel { part: stem(path, &ENDS).into(), index, operators: line.op, edges, time: line.y })
}

impl Source for LayerDagTile {
    fn about(&self) -> &'static About {
        &LAYERDAG_TILE
    }

    /// Networks are named `PART:INDEX`, families are parts. Values are normalised: they are no times.
    fn measurements(&self) -> Result<Measurements<'_>> {
        Ok(Box::new(self.kernels().map(|kernel| {
            let TileKernel { part, index, time, .. } = kernel?;
            Ok(Measurement::new(format!("{part}:{index}"), part, "TPU", 1, Measured::Normalised(time)))
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_turn_round_and_bad_lines_are_named() {
        let path = Path::new("val.jsonl");
        let read = kernel(path, 0, r#"{"src": [0], "dst": [1], "op": [5, 29], "y": 2.5}"#).unwrap();
        assert_eq!((read.edges, read.part.as_str()), (vec![(1, 0)], "val"));
        for (line, says) in [
            (r#"{"src": [0], "dst": [], "op": [5], "y": 1}"#, "1 sources and 0 destinations"),
            (r#"{"src": [0], "dst": [7], "op": [5], "y": 1}"#, "node 7 of 1"),
            (r#"{"src": [], "dst": [], "op": [5], "y": 0}"#, "y = 0"),
        ] {
            let error = kernel(path, 4, line).unwrap_err().to_string();
            assert!(error.starts_with("val.jsonl:5: ") && error.contains(says), "{error}");
        }
    }
}
