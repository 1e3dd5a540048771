//! What is to be said of one file.

use std::{collections::BTreeMap, path::Path, time::Instant};

use tachograph_import::Imported;
use tachograph_ir::{Assignment, Attr, BoundGraph, Dim, Graph};

use super::{
    compare::{Compared, Format, compare},
    truth::Said,
};

/// Extents tried where nobody says any.
const TRIED: [u64; 4] = [224, 64, 8, 1];
/// Differences that a line of the list shows.
const SHOWN: usize = 3;

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Read and bound, every operator known, no tensor different.
    Read,
    /// Read and bound, with operators that nobody here knows.
    UnknownOperators,
    /// Read and bound, but a shape or type differs from the runtime's.
    Differs,
    /// Not read though the runtime loads it, or would if it had the kernels.
    Failed,
    /// Neither read nor loaded by the runtime.
    Refused,
    /// A Git LFS pointer.
    Pointer,
    /// A copy of another file.
    Copy,
    /// Nobody asked the runtime.
    Unasked,
}

impl Verdict {
    fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::UnknownOperators => "unknown operators",
            Self::Differs => "differs",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Pointer => "pointer",
            Self::Copy => "copy",
            Self::Unasked => "not asked",
        }
    }

    /// Whether it counts as a file.
    pub fn counts(self) -> bool {
        !matches!(self, Self::Pointer | Self::Copy | Self::Unasked)
    }
}

/// A verdict and its grounds.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// Whether the runtime loads the file.
    pub loads: bool,
    /// Why.
    pub reason: String,
    /// Nodes by unknown operator.
    pub unknown: BTreeMap<String, usize>,
    /// Tensors.
    pub compared: Compared,
    /// Reading, inference and costs, in milliseconds.
    pub millis: Option<f64>,
}

impl Judged {
    /// A verdict that needs no grounds.
    pub fn of(verdict: Verdict) -> Self {
        let (reason, unknown) = (String::new(), BTreeMap::new());
        Self { verdict, loads: false, reason, unknown, compared: Compared::default(), millis: None }
    }

    /// A file that is not read.
    pub fn error(said: &Said, reason: String) -> Self {
        let verdict = if said.valid() { Verdict::Failed } else { Verdict::Refused };
        let reason = match &said.error {
            Some(theirs) if !said.loads => format!("{reason} [the runtime: {theirs}]"),
            _ => reason,
        };
        Self { loads: said.loads, reason, ..Self::of(verdict) }
    }

    /// The runtime loads it, and every tensor is as there.
    pub fn equal(&self) -> bool {
        self.loads && self.verdict == Verdict::Read && self.compared.unknown == 0
    }

    /// A line of the list.
    pub fn line(&self, file: &str) -> String {
        let Compared { equal, unknown, open, different, .. } = &self.compared;
        let numbers = format!("{equal} equal, {} different, {unknown} unknown, {open} open", different.len());
        let loads = if self.loads { "loads" } else { "-" };
        let reason = self.reason.replace(['\n', '\t'], " ");
        [self.verdict.name(), loads, file, &numbers, &reason].join("\t")
    }
}

/// Reads a file, binds it to the extents that the runtime had, and compares.
pub fn judge(path: &Path, said: &Said) -> Judged {
    if said.pointer {
        return Judged::of(Verdict::Pointer);
    }
    if let Some(other) = &said.same {
        return Judged { reason: other.clone(), ..Judged::of(Verdict::Copy) };
    }
    let format = Format::of(path);
    let (model, bound, millis) = match read(path, said, format) {
        Ok(read) => read,
        Err(reason) => return Judged::error(said, reason),
    };
    let mut unknown = BTreeMap::new();
    count_unknown(&model.graph, &mut unknown);
    let compared = compare(&bound, said, format);
    let (verdict, reason) = if !unknown.is_empty() {
        let ops = unknown.iter().map(|(op, nodes)| format!("{op} ×{nodes}"));
        (Verdict::UnknownOperators, ops.collect::<Vec<_>>().join(", "))
    } else if !compared.different.is_empty() {
        let shown: Vec<&str> = compared.different.iter().take(SHOWN).map(String::as_str).collect();
        (Verdict::Differs, shown.join("; "))
    } else {
        let first = compared.first_unknown.as_ref().map(|name| format!("shape of `{name}` unknown"));
        (Verdict::Read, first.unwrap_or_default())
    };
    Judged { verdict, loads: said.loads, reason, unknown, compared, millis: Some(millis) }
}

fn read(path: &Path, said: &Said, format: Format) -> Result<(Imported, BoundGraph, f64), String> {
    let start = Instant::now();
    let model = tachograph_import::load(path).map_err(|e| e.to_string())?;
    let bound = bind(&model, said, format)?;
    bound.cost().map_err(|e| format!("cost: {e}"))?;
    Ok((model, bound, start.elapsed().as_secs_f64() * 1e3))
}

/// To the runtime's extents where it has any, else to whatever it can be bound to.
fn bind(model: &Imported, said: &Said, format: Format) -> Result<BoundGraph, String> {
    let known = known(&model.graph, said, format);
    let open =
        model.graph.hyperparameters().iter().filter(|(name, h)| h.default.is_none() && !known.contains_key(*name));
    let open: Vec<&String> = open.map(|(name, _)| name).collect();
    let mut first = None;
    for tried in TRIED {
        let config = open.iter().map(|name| ((*name).clone(), tried)).chain(known.clone()).collect();
        match model.bind(&config) {
            Ok(bound) => return Ok(bound.graph),
            Err(error) => {
                first.get_or_insert_with(|| error.to_string());
            }
        }
        if open.is_empty() {
            break;
        }
    }
    Err(first.unwrap_or_default())
}

/// Hyperparameters that are extents of inputs which the runtime has under the same name.
fn known(graph: &Graph, said: &Said, format: Format) -> Assignment {
    let mut config = Assignment::new();
    for &id in graph.inputs() {
        let tensor = graph.tensor(id);
        let Some((_, Some(shape))) = said.tensors.get(&tensor.name) else { continue };
        for (dim, n) in tensor.dims.iter().flatten().zip(format.here(shape)) {
            if let Dim::Free(name) = dim {
                config.insert(name.clone(), n);
            }
        }
    }
    config
}

fn count_unknown(graph: &Graph, unknown: &mut BTreeMap<String, usize>) {
    for (_, node) in graph.nodes() {
        if node.op.is_custom() {
            *unknown.entry(node.op.to_string()).or_default() += 1;
        }
        for attr in node.attrs.values() {
            if let Attr::Graph(body) = attr {
                count_unknown(body, unknown);
            }
        }
    }
}
