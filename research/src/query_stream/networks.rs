//! What is asked for: generated networks, cells of NAS-Bench-201, and models of timm.

use std::{fmt, path::Path};

use anyhow::{Context, Result};
use rand::{Rng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use tachograph_datasets::NetworkId;
use tachograph_import::nas::nasbench201::{Cell, Zeros};
use tachograph_ir::{Assignment, BoundGraph, Graph, TensorId};

use super::clock::Clock;

/// A network that may be asked for.
pub struct Asked {
    /// In the measured set, where it is of that.
    pub id: Option<NetworkId>,
    pub recorded_batch: Option<u64>,
    graph: Graph,
}

/// Those that may be asked for, in the order of their ranks.
pub struct Networks {
    all: Vec<Asked>,
    generated: usize,
    cells: usize,
    timm: usize,
}

impl Networks {
    /// At most `most` of each source, in an order that `rng` draws.
    pub fn new(
        timm: Option<&Path>,
        timm_alone: bool,
        clock: &Clock,
        most: usize,
        rng: &mut ChaCha8Rng,
    ) -> Result<Self> {
        let others = if timm_alone { 0 } else { most };
        let mut recorded = clock.recorded();
        recorded.shuffle(rng);
        let generated = recorded.into_iter().take(others).map(|(id, graph, batch)| Asked {
            id: Some(id),
            recorded_batch: Some(batch),
            graph,
        });
        let mut all: Vec<Asked> = generated.collect();
        let generated = all.len();
        let mut cells: Vec<Cell> = Cell::all().collect();
        cells.shuffle(rng);
        for cell in cells.into_iter().take(others) {
            all.push(Asked { id: None, recorded_batch: None, graph: cell.graph(Zeros::Multiplied)? });
        }
        let cells = all.len() - generated;
        if let Some(folder) = timm {
            let files = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
            let mut files = files.map(|file| Ok(file?.path())).collect::<Result<Vec<_>>>()?;
            files.retain(|path| path.to_string_lossy().ends_with(".onnx.gz"));
            files.sort();
            files.shuffle(rng);
            for path in files.into_iter().take(most) {
                all.push(Asked { id: None, recorded_batch: None, graph: tachograph_import::load(&path)?.graph });
            }
        }
        let timm = all.len() - generated - cells;
        all.shuffle(rng);
        Ok(Self { all, generated, cells, timm })
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    pub fn get(&self, rank: usize) -> &Asked {
        &self.all[rank]
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { generated, cells, timm, .. } = self;
        write!(f, "{} networks: {generated} generated, {cells} of NAS-Bench-201, {timm} of timm", self.len())
    }
}

impl Asked {
    /// At a batch, where it has one; else as it is. `None` where it does not bind.
    pub fn at(&self, batch: u64) -> Option<BoundGraph> {
        bind(&self.graph, batch)
    }

    /// The same from another export.
    pub fn exported_again(&self, batch: u64, rng: &mut ChaCha8Rng) -> Option<BoundGraph> {
        bind(&exported_again(&self.graph, rng)?, batch)
    }
}

fn bind(graph: &Graph, batch: u64) -> Option<BoundGraph> {
    let batch = graph.hyperparameters().keys().filter(|name| *name == "batch").map(|name| (name.clone(), batch));
    graph.bind(&batch.collect::<Assignment>()).ok()
}

/// The same network under other names, with nodes and tensors in another order, as another exporter writes it.
fn exported_again(graph: &Graph, rng: &mut ChaCha8Rng) -> Option<Graph> {
    let mut parts = graph.clone().into_parts();
    let mut order: Vec<u32> = (0..parts.tensors.len() as u32).collect();
    order.shuffle(rng);
    let mut place = vec![0; order.len()];
    order.iter().enumerate().for_each(|(new, &old)| place[old as usize] = new as u32);
    parts.tensors = order.iter().map(|&old| parts.tensors[old as usize].clone()).collect();
    let export: u32 = rng.random();
    parts.tensors.iter_mut().for_each(|tensor| tensor.name = format!("{}/{export}", tensor.name));
    let relabel = |tensor: &mut TensorId| tensor.0 = place[tensor.index()];
    for node in &mut parts.nodes {
        node.name = format!("{}/{export}", node.name);
        node.inputs.iter_mut().chain(&mut node.outputs).flatten().for_each(relabel);
    }
    parts.inputs.iter_mut().chain(&mut parts.outputs).for_each(relabel);
    parts.nodes.shuffle(rng);
    Graph::new(parts).ok()
}
