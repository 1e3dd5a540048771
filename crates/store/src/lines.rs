//! JSON lines: a store, or part of it, as a text that another store reads.
//!
//! A line is a graph, `{"graph": {"key": …, "network": …}}`, or a measurement, `{"measurement": {"graph": KEY, …}}`, whose
//! graph is on an earlier line or in the store already. Doing an import again changes nothing.

use std::{
    collections::HashMap,
    io::{BufRead, Write},
};

use serde::{Deserialize, Serialize};
use tachograph_ir::Graph;

use crate::{Added, Error, Filter, GraphKey, Network, Reading, Result, Store, graphs};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Graph { key: GraphKey, network: Box<Graph> },
    Measurement(Box<Entry>),
}

#[derive(Serialize, Deserialize)]
struct Entry {
    graph: GraphKey,
    #[serde(flatten)]
    reading: Reading,
}

/// Measurements stored at once.
const TOGETHER: usize = 5_000;

/// No line is longer: a graph of the largest models takes some MB.
const LONGEST: u64 = 256 << 20;

impl Store {
    /// Writes the measurements that the filter selects, each graph before the first of its own; returns how many
    /// measurements.
    ///
    /// # Errors
    /// The store cannot be read; the text cannot be written.
    pub fn export_lines(&self, filter: &Filter, mut out: impl Write) -> Result<u64> {
        let mut written = std::collections::HashSet::new();
        let mut count = 0;
        self.each_measurement(filter, |key, reading| {
            if written.insert(key) {
                line(&mut out, &Line::Graph { key, network: Box::new(self.graph(&key)?) })?;
            }
            count += 1;
            line(&mut out, &Line::Measurement(Box::new(Entry { graph: key, reading })))
        })?;
        out.flush().map_err(unwritten)?;
        Ok(count)
    }

    /// Reads what [`Store::export_lines`] wrote. Measurements are stored some thousands at a time, so that a text of any
    /// length needs little memory; what is there already is skipped.
    ///
    /// # Errors
    /// [`Error::Partly`] says why it stopped, how many measurements are stored, and up to which line; an [`Error::Line`]
    /// within names the first line that is not what it should be.
    pub fn import_lines(&self, input: impl BufRead) -> Result<Added> {
        let mut import =
            Import { store: self, keys: HashMap::new(), items: Vec::new(), stored: Added::default(), line: 0 };
        let mut line = 0;
        let mut done = import.read(input, &mut line);
        if let Ok(()) | Err(Error::Line { .. }) = done {
            // What stands before a line that is none is as good as ever.
            let last = if done.is_ok() { line } else { line - 1 };
            done = import.flush(last).and(done);
        }
        match done {
            Ok(()) => Ok(import.stored),
            Err(source) => Err(Error::Partly { source: Box::new(source), stored: import.stored, line: import.line }),
        }
    }

    fn received(&self, graph: Graph) -> Result<GraphKey> {
        let config = graph.hyperparameters().keys().map(|name| (name.clone(), 1)).collect();
        let bound = graph.bind(&config).map_err(|source| Error::Graph { name: graph.name().into(), source })?;
        self.put_graph(&Network::new(&bound)?)
    }
}

/// An import under way.
struct Import<'a> {
    store: &'a Store,
    /// Keys of the text, and what the same graphs are called here.
    keys: HashMap<GraphKey, GraphKey>,
    /// What is still to be stored.
    items: Vec<(GraphKey, Reading)>,
    stored: Added,
    /// All up to this line is stored.
    line: usize,
}

impl Import<'_> {
    /// Reads all lines, and stores all but the last few; `line` is the one at hand.
    fn read(&mut self, mut input: impl BufRead, line: &mut usize) -> Result<()> {
        let mut text = Vec::new();
        loop {
            text.clear();
            *line += 1;
            let refuse = |message: String| Error::Line { line: *line, message };
            let read = std::io::Read::take(&mut input, LONGEST).read_until(b'\n', &mut text);
            match read.map_err(|error| refuse(format!("cannot be read: {error}")))? {
                0 => return Ok(()),
                _ if text.iter().all(u8::is_ascii_whitespace) => continue,
                _ => {}
            }
            let known = serde_json::from_slice(text.strip_suffix(b"\n").unwrap_or(&text));
            self.take(known.map_err(|error| refuse(error.to_string()))?).map_err(|error| match error {
                // These are of what the line says, all others of the store.
                error @ (Error::Graph { .. } | Error::Invalid(_) | Error::DataSet(_) | Error::UnknownGraph(_)) => {
                    refuse(error.to_string())
                }
                error => error,
            })?;
            if self.items.len() >= TOGETHER {
                self.flush(*line)?;
            }
        }
    }

    fn take(&mut self, line: Line) -> Result<()> {
        match line {
            Line::Graph { key, network } => {
                self.keys.insert(key, self.store.received(*network)?);
            }
            Line::Measurement(entry) => {
                entry.reading.check()?;
                let Entry { graph, reading } = *entry;
                let here = match self.keys.get(&graph) {
                    Some(here) => *here,
                    None => {
                        self.store.link(async |link| graphs::id(link, &graph).await)?;
                        *self.keys.entry(graph).or_insert(graph)
                    }
                };
                self.items.push((here, reading));
            }
        }
        Ok(())
    }

    /// Stores what was read, up to `line`.
    fn flush(&mut self, line: usize) -> Result<()> {
        let more = self.store.put_measurements(&self.items)?;
        self.stored.new += more.new;
        self.stored.known += more.known;
        self.items.clear();
        self.line = line;
        Ok(())
    }
}

fn line(out: &mut impl Write, line: &Line) -> Result<()> {
    serde_json::to_writer(&mut *out, line).map_err(|error| unwritten(error.into()))?;
    out.write_all(b"\n").map_err(unwritten)
}

fn unwritten(source: std::io::Error) -> Error {
    Error::Io { path: "the export".into(), source }
}
