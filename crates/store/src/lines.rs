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

use crate::{Added, Error, Filter, GraphKey, Network, Reading, Result, Store};

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

    /// Reads what [`Store::export_lines`] wrote.
    ///
    /// # Errors
    /// [`Error::Line`] names the first line that is not what it should be; what is before it is stored. The store cannot be
    /// written.
    pub fn import_lines(&self, mut input: impl BufRead) -> Result<Added> {
        let mut added = Added::default();
        // Keys of the text, and what the same graphs are called here.
        let mut keys: HashMap<GraphKey, GraphKey> = HashMap::new();
        let mut items: Vec<(GraphKey, Reading)> = Vec::new();
        let mut store = |items: &mut Vec<_>| {
            let more = self.put_measurements(items)?;
            added.new += more.new;
            added.known += more.known;
            items.clear();
            Ok::<_, Error>(())
        };
        let mut text = Vec::new();
        for number in 1.. {
            text.clear();
            let refuse = |message: String| Error::Line { line: number, message };
            let read = std::io::Read::take(&mut input, LONGEST).read_until(b'\n', &mut text);
            match read.map_err(|error| refuse(format!("cannot be read: {error}"))) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    store(&mut items)?;
                    return Err(error);
                }
            }
            if text.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let stored = match serde_json::from_slice(text.strip_suffix(b"\n").unwrap_or(&text)) {
                Ok(Line::Graph { key, network }) => self.received(*network).map(|here| {
                    keys.insert(key, here);
                }),
                Ok(Line::Measurement(entry)) => entry.reading.check().map(|()| {
                    let Entry { graph, reading } = *entry;
                    items.push((keys.get(&graph).copied().unwrap_or(graph), reading));
                }),
                Err(error) => Err(refuse(error.to_string())),
            };
            if let Err(error) = stored {
                store(&mut items)?;
                return Err(match error {
                    error @ Error::Line { .. } => error,
                    error if error.is_passing() => error,
                    error => refuse(error.to_string()),
                });
            }
            if items.len() >= TOGETHER {
                store(&mut items)?;
            }
        }
        store(&mut items)?;
        Ok(added)
    }

    fn received(&self, graph: Graph) -> Result<GraphKey> {
        let config = graph.hyperparameters().keys().map(|name| (name.clone(), 1)).collect();
        let bound = graph.bind(&config).map_err(|source| Error::Graph { name: graph.name().into(), source })?;
        self.put_graph(&Network::new(&bound)?)
    }
}

fn line(out: &mut impl Write, line: &Line) -> Result<()> {
    serde_json::to_writer(&mut *out, line).map_err(|error| unwritten(error.into()))?;
    out.write_all(b"\n").map_err(unwritten)
}

fn unwritten(source: std::io::Error) -> Error {
    Error::Io { path: "the export".into(), source }
}
