//! Binding for people: what may be assumed is assumed and said, what is missing is named all at once.

use tachograph_ir::{Assignment, BoundGraph, Dim, Graph, Plain, known_are};

use crate::{Error, Imported, Result};

/// A bound model.
#[derive(Clone, Debug)]
pub struct Bound {
    /// The graph.
    pub graph: BoundGraph,
    /// What was assumed, one sentence each.
    pub notes: Vec<String>,
}

impl Imported {
    /// Binds the graph as `config` says. A batch that the file leaves open without a default is taken at 1, which a note
    /// says.
    ///
    /// # Errors
    /// [`Error::Open`] names every other dimension that is left open, [`Error::Closed`] a name that cannot be bound and
    /// why: the node that stands in the way where the reader knows it. Otherwise as [`Graph::bind`].
    pub fn bind(&self, config: &Assignment) -> Result<Bound> {
        let (config, notes) = self.complete(config)?;
        let source = |source| Error::Graph { file: self.graph.name().to_owned(), source };
        Ok(Bound { graph: self.graph.bind(&config).map_err(source)?, notes })
    }

    /// `given` with what [`Self::bind`] assumes beside it, and a note on each assumption.
    ///
    /// # Errors
    /// [`Error::Open`] and [`Error::Closed`], as [`Self::bind`].
    pub fn complete(&self, given: &Assignment) -> Result<(Assignment, Vec<String>)> {
        let (graph, mut config, mut notes) = (&self.graph, given.clone(), Vec::new());
        let file = || graph.name().to_owned();
        let free = graph.hyperparameters();
        if let Some(name) = config.keys().find(|name| !free.contains_key(*name)) {
            return Err(Error::Closed { file: file(), name: name.clone(), message: self.why_closed(name) });
        }
        let open = || free.iter().filter(|(_, h)| h.default.is_none()).map(|(name, _)| name);
        if let Some(batch) = open().find(|name| !config.contains_key(*name) && is_batch(graph, name)) {
            let name = Plain(batch);
            notes.push(format!("`{name}` is open in the file and taken at 1; {name}=8 binds it to 8"));
            config.insert(batch.clone(), 1);
        }
        let missing: Vec<_> = open().filter(|name| !config.contains_key(*name)).map(|name| graph.free(name)).collect();
        if !missing.is_empty() {
            let example = graph.example(&config).into_iter().chain(given.clone()).collect();
            return Err(Error::Open { file: file(), open: missing, example });
        }
        Ok((config, notes))
    }

    fn why_closed(&self, name: &str) -> String {
        let (free, inputs) = (self.graph.hyperparameters().keys().collect::<Vec<_>>(), self.graph.outline().inputs);
        let inputs = format!("inputs are {}", inputs.join(", "));
        match &self.fixed_batch {
            Some(why) if name == "batch" => why.clone(),
            _ if free.is_empty() => format!("nothing is open ({inputs})"),
            _ => format!("nothing is called so; {} ({inputs})", known_are(name, &free)),
        }
    }
}

/// Named so, or `N`, the leading extent of every input.
fn is_batch(graph: &Graph, name: &str) -> bool {
    let leads = |id| graph.tensor(id).dims.as_ref().and_then(|dims| dims.first()) == Some(&Dim::Free(name.into()));
    name.to_lowercase().contains("batch") || (name == "N" && graph.inputs().iter().all(|&id| leads(id)))
}
