//! A network on a batch of graphs.

use std::time::Instant;

use anyhow::{Context, Result};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tachograph_gnn::{GraphBatch, GraphRef};
use tch::{
    Device, Reduction, Tensor,
    nn::{self, OptimizerConfig},
};

use super::{
    Folder, Seconds, Work,
    cases::{Mode, Network},
    graphs::{self, Graph},
    model::Model,
};

const RATE: f64 = 1e-3;

pub(super) fn prepare(spec: &Network, folder: &mut Folder) -> Result<()> {
    let graphs = graphs::make(&spec.graphs)?;
    let width = graphs.first().map_or(0, |g| g.width) as i64;
    graphs::put(folder, &graphs)?;
    Model::new(spec.layer, spec.layers, width, spec.hidden, false)?.put(folder)?;
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let targets = graphs::random(&mut rng, graphs.len() * spec.hidden as usize);
    folder.put_floats("targets", &targets, &[graphs.len(), spec.hidden as usize])
}

pub(super) fn open(spec: Network, folder: &Folder) -> Result<Run> {
    let graphs = graphs::get(folder)?;
    let width = graphs.first().context("no graphs")?.width as i64;
    let mut model = Model::new(spec.layer, spec.layers, width, spec.hidden, false)?;
    model.get(folder)?;
    let adam = (spec.mode == Mode::Step).then(|| nn::Adam::default().build(&model.store, RATE)).transpose()?;
    Ok(Run { spec, graphs, model, adam, targets: folder.tensor("targets")?, gradients: vec![], output: None })
}

/// The work of such a case.
pub(super) struct Run {
    spec: Network,
    graphs: Vec<Graph>,
    model: Model,
    adam: Option<nn::Optimizer>,
    targets: Tensor,
    gradients: Vec<Tensor>,
    output: Option<Tensor>,
}

impl Work for Run {
    fn run(&mut self) -> Result<Seconds> {
        let start = Instant::now();
        let refs: Vec<GraphRef<'_>> = self.graphs.iter().map(Graph::as_ref).collect();
        let options = Model::batch_options(self.spec.layer, self.spec.layers, self.spec.compressed);
        let batch = GraphBatch::build(&refs, &options, Device::Cpu)?;
        let build = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let output = match self.spec.mode {
            Mode::Infer => {
                let _guard = tch::no_grad_guard();
                self.model.forward(&batch)?
            }
            Mode::Gradient => {
                let output = self.model.forward(&batch)?;
                let loss = output.f_mse_loss(&self.targets, Reduction::Mean)?;
                let parameters: Vec<Tensor> = self.model.parameters().into_values().collect();
                self.gradients = Tensor::f_run_backward(&[loss], &parameters, false, false)?;
                output.f_detach()?
            }
            Mode::Step => {
                let adam = self.adam.as_mut().context("no optimiser")?;
                adam.zero_grad();
                let output = self.model.forward(&batch)?;
                output.f_mse_loss(&self.targets, Reduction::Mean)?.f_backward()?;
                adam.step();
                output.f_detach()?
            }
        };
        self.output = Some(output);
        Ok(Seconds { build, network: start.elapsed().as_secs_f64() })
    }

    fn outputs(&self) -> Result<Vec<(String, Tensor)>> {
        let output = self.output.as_ref().context("no run yet")?.shallow_clone();
        let mut outputs = vec![("output".to_owned(), output)];
        for (i, (name, parameter)) in self.model.parameters().into_iter().enumerate() {
            let gradient = match self.spec.mode {
                Mode::Infer => continue,
                Mode::Gradient => self.gradients.get(i).context("no gradient")?.shallow_clone(),
                Mode::Step => parameter.grad(),
            };
            outputs.push((format!("gradient.{name}"), gradient));
        }
        Ok(outputs)
    }
}
