//! Binding for people: what may be assumed is assumed and said, what is missing is named all at once.

use tachograph_ir::{Assignment, BoundGraph, Dim, Graph};

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

    /// `config` with what [`Self::bind`] assumes beside it, and a note on each assumption.
    ///
    /// # Errors
    /// [`Error::Open`] and [`Error::Closed`], as [`Self::bind`].
    pub fn complete(&self, config: &Assignment) -> Result<(Assignment, Vec<String>)> {
        let (graph, mut config, mut notes) = (&self.graph, config.clone(), Vec::new());
        let file = || graph.name().to_owned();
        let free = graph.hyperparameters();
        if let Some(name) = config.keys().find(|name| !free.contains_key(*name)) {
            return Err(Error::Closed { file: file(), name: name.clone(), message: self.why_closed(name) });
        }
        let open = || free.iter().filter(|(_, h)| h.default.is_none()).map(|(name, _)| name);
        if let Some(batch) = open().find(|name| !config.contains_key(*name) && is_batch(graph, name)) {
            notes.push(format!("`{batch}` is open in the file and taken at 1; {batch}=8 binds it to 8"));
            config.insert(batch.clone(), 1);
        }
        let missing: Vec<String> = open().filter(|name| !config.contains_key(*name)).cloned().collect();
        if !missing.is_empty() {
            return Err(Error::Open { file: file(), names: missing });
        }
        Ok((config, notes))
    }

    fn why_closed(&self, name: &str) -> String {
        let free: Vec<&str> = self.graph.hyperparameters().keys().map(String::as_str).collect();
        let free = match free.is_empty() {
            true => "nothing is open".to_owned(),
            false => format!("open are {}", free.join(", ")),
        };
        match &self.fixed_batch {
            Some(why) if name == "batch" => why.clone(),
            _ => format!("no input has such a dimension ({free}; inputs are {})", inputs(&self.graph)),
        }
    }
}

/// Named so, or `N`, the leading extent of every input.
fn is_batch(graph: &Graph, name: &str) -> bool {
    let leads = |id| graph.tensor(id).dims.as_ref().and_then(|dims| dims.first()) == Some(&Dim::Free(name.into()));
    name.to_lowercase().contains("batch") || (name == "N" && graph.inputs().iter().all(|&id| leads(id)))
}

fn inputs(graph: &Graph) -> String {
    let input = |&id| {
        let tensor = graph.tensor(id);
        let dim = |dim: &Dim| match dim {
            Dim::Fixed(n) => n.to_string(),
            Dim::Free(name) => name.clone(),
        };
        let dims = tensor.dims.as_ref().map_or("?".into(), |d| d.iter().map(dim).collect::<Vec<_>>().join(", "));
        format!("`{}` [{dims}]", tensor.name)
    };
    graph.inputs().iter().map(input).collect::<Vec<_>>().join(", ")
}
