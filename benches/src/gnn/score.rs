//! All of NAS-Bench-201, from the names of its cells to a score for each.

use std::time::Instant;

use anyhow::{Context, Result};
use tachograph_gnn::{GraphBatch, GraphRef};
use tachograph_import::nas::nasbench201::Cell;
use tch::{Device, Tensor};

use super::{
    Folder, Seconds, Work,
    cases::{Layer, Score},
    model::Model,
    nb201::{self, Network},
};

pub(super) fn prepare(spec: &Score, folder: &mut Folder) -> Result<()> {
    let names: Vec<String> = Cell::all().take(spec.networks).map(|cell| cell.to_string()).collect();
    folder.put_text("cells.txt", &names.join("\n"))?;
    folder.put_integers("size", &size(&names)?, &[2])?;
    model(spec)?.put(folder)
}

/// Nodes and edges of all networks.
fn size(names: &[String]) -> Result<[u32; 2]> {
    let mut network = Network::default();
    let mut total = [0; 2];
    for name in names {
        network.build(&name.parse()?);
        total[0] += (network.nodes.len() / nb201::WIDTH) as u32;
        total[1] += network.edges.len() as u32;
    }
    Ok(total)
}

fn model(spec: &Score) -> Result<Model> {
    Model::new(Layer::Sage, spec.layers, nb201::WIDTH as i64, spec.hidden, true)
}

pub(super) fn open(spec: Score, folder: &Folder) -> Result<Run> {
    let mut model = model(&spec)?;
    model.get(folder)?;
    let cells = folder.text("cells.txt")?.lines().map(str::to_owned).collect();
    Ok(Run { spec, cells, model, scores: None })
}

/// The work of such a case.
pub(super) struct Run {
    spec: Score,
    cells: Vec<String>,
    model: Model,
    scores: Option<Tensor>,
}

impl Work for Run {
    fn run(&mut self) -> Result<Seconds> {
        let _guard = tch::no_grad_guard();
        let options = Model::batch_options(Layer::Sage, self.spec.layers, true);
        let mut seconds = Seconds::default();
        let mut scores = vec![];
        let mut networks: Vec<Network> = vec![];
        for names in self.cells.chunks(self.spec.batch) {
            let start = Instant::now();
            networks.resize_with(names.len(), Network::default);
            for (network, name) in networks.iter_mut().zip(names) {
                network.build(&name.parse()?);
            }
            let refs: Vec<GraphRef<'_>> = networks
                .iter()
                .map(|n| GraphRef { nodes: &n.nodes, width: nb201::WIDTH, edges: &n.edges, ..GraphRef::default() })
                .collect();
            let batch = GraphBatch::build(&refs, &options, Device::Cpu)?;
            seconds.build += start.elapsed().as_secs_f64();
            let start = Instant::now();
            scores.push(self.model.forward(&batch)?);
            seconds.network += start.elapsed().as_secs_f64();
        }
        self.scores = Some(Tensor::f_cat(&scores, 0)?);
        Ok(seconds)
    }

    fn outputs(&self) -> Result<Vec<(String, Tensor)>> {
        Ok(vec![("scores".to_owned(), self.scores.as_ref().context("no run yet")?.shallow_clone())])
    }
}
