//! Language models on GPUs that were never measured: from a traced graph of operators to the time of a run.
//!
//! The graphs are those that NeuSight (Lee et al., ASPLOS 2025) publishes; a [`Transformer`] knows which operators PyTorch
//! runs for each node ([`Work`]), and how times of operators add up to that of a run on one GPU or several ([`Run`]).

mod run;
mod work;

use tachograph_ir::{Device, Millis};

use crate::{Result, operator_model::Operator};

pub use run::Run;
pub use work::{Call, Node, Work};

/// A language model as it is run.
#[derive(Clone, Debug)]
pub struct Transformer {
    model: String,
    layers: usize,
    run: Run,
    nodes: Vec<Node>,
    works: Vec<Work>,
}

impl Transformer {
    /// `model` of so many equal layers, whose name (`bert…`, `gpt…`, `opt…`) says which nodes are the layer.
    ///
    /// # Errors
    /// A node whose calls are not what its operator says.
    pub fn new(model: &str, layers: usize, run: Run, nodes: Vec<Node>, training: bool) -> Result<Self> {
        let works = work::of(&nodes, training)?;
        Ok(Self { model: model.to_owned(), layers, run, nodes, works })
    }

    /// Every operator that runs, a layer once.
    pub fn operators(&self) -> impl Iterator<Item = &Operator> {
        self.works.iter().flat_map(|work| work.forward.iter().chain(&work.backward))
    }

    /// Time of the run on `device`, or on several of them, from the time of each operator in ms.
    ///
    /// # Errors
    /// What `time` returns; GPUs that send each other something where the device file has no `link`; a model of which
    /// it is not known which nodes are a layer.
    pub fn time<E: From<crate::Error>>(
        &self,
        device: &Device,
        time: impl Fn(&Operator) -> Result<f64, E>,
    ) -> Result<Millis, E> {
        let sum = |operators: &[Operator]| operators.iter().map(&time).sum::<Result<f64, E>>();
        let mut times = Vec::with_capacity(self.nodes.len());
        for (node, work) in self.nodes.iter().zip(&self.works) {
            let sent = self.run.sending(node, work, device)?;
            times.push([sum(&work.forward)? + sent[0], sum(&work.backward)? + sent[1]]);
        }
        Ok(Millis(self.run.total(&self.model, self.layers, &self.nodes, &times)?))
    }
}

#[cfg(test)]
mod tests;
