//! Modules of XLA as TpuGraphs has them: nodes of 140 numbers, operators by TpuGraphs' numbering, edges.
//!
//! A module is read from its text (`HloModule …`) or from protobuf, as XLA writes both with `--xla_dump_to`. Numbers,
//! their order and that of the edges are those of TpuGraphs' own conversion (`hlo_encoder.cc` of
//! google-research-datasets/tpu_graphs).

mod attributes;
pub(super) mod features;
pub(super) mod opcode;
mod scan;
mod text;

use std::{collections::HashMap, ops::Range, path::Path};

use ndarray::Array2;
use prost::Message;

use super::{
    proto::{Computation, HloProto, Module},
    wire::{self, Value},
};
use crate::{Error, Result};

#[cfg(test)]
pub(super) use text::parse;

/// No larger module is read.
const MAX_BYTES: u64 = 1 << 28;

/// No module has more instructions.
const MAX_NODES: usize = 1 << 20;

/// A module as a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct HloGraph {
    /// Name of the module.
    pub name: String,
    /// TpuGraphs' number of each instruction's operator; 0 where it has none.
    pub opcodes: Vec<u8>,
    /// Features, one row an instruction.
    pub features: Array2<f32>,
    /// Edges from producer to consumer, without repetition: from operands, and from the roots of computations that an
    /// instruction calls.
    pub edges: Vec<(u32, u32)>,
    /// The first instruction of each part of the module, and the number of instructions.
    pub splits: Vec<usize>,
}

impl HloGraph {
    /// Reads a module from text or protobuf (`HloModuleProto`, or `HloProto` around one).
    ///
    /// # Errors
    /// The file cannot be read or is neither; an instruction names something that is not there. The message names the
    /// line, or the instruction.
    pub fn open(path: &Path) -> Result<Self> {
        let size = std::fs::metadata(path).map_err(Error::io(path))?.len();
        if size > MAX_BYTES {
            return Err(Error::damaged(path, format!("{size} bytes are more than {MAX_BYTES}")));
        }
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        let module = match std::str::from_utf8(&bytes) {
            Ok(text) if text::is(text) => text::parse(text).map_err(|(line, e)| Error::line(path, line, e))?,
            _ => decode(&bytes, 0..bytes.len()).map_err(|e| Error::damaged(path, e))?,
        };
        Self::new(&module).map_err(|e| Error::damaged(path, e))
    }

    pub(super) fn new(module: &Module) -> Result<Self, String> {
        let (places, roots) = numbers(module)?;
        let (mut opcodes, mut features, mut edges) = (Vec::new(), Vec::new(), Vec::new());
        let mut splits = vec![0];
        for computation in &module.computations {
            for instruction in &computation.instructions {
                let user = opcodes.len() as u32;
                let wrong = |what: String| {
                    format!("computation `{}`, instruction `{}`: {what}", computation.name, instruction.name)
                };
                opcodes.push(opcode::code(&instruction.opcode));
                features.extend(features::node(instruction, instruction.id == computation.root_id));
                let operand = |id: &i64| places.get(id).ok_or_else(|| wrong(format!("no instruction {id}")));
                let called = |id: &i64| match roots.get(id) {
                    Some(root) => operand(root),
                    None => Err(wrong(format!("calls {id}, which is no computation"))),
                };
                let sources = instruction.operand_ids.iter().map(operand);
                for source in sources.chain(instruction.called_computation_ids.iter().map(called)) {
                    edges.push((user, *source?));
                }
            }
            if ["cluster", "while", "cond"].iter().any(|part| computation.name.contains(part)) {
                splits.push(opcodes.len());
            }
        }
        if splits.last() != Some(&opcodes.len()) {
            splits.push(opcodes.len());
        }
        if let Some((node, _)) = edges.iter().find(|(user, source)| user == source) {
            return Err(format!("instruction {node} uses itself"));
        }
        edges.sort_unstable();
        edges.dedup();
        edges.iter_mut().for_each(|edge| *edge = (edge.1, edge.0));
        let features = Array2::from_shape_vec((opcodes.len(), features::NODE), features).map_err(|e| e.to_string())?;
        Ok(Self { name: module.name.clone(), opcodes, features, edges, splits })
    }
}

/// Something of each instruction or computation, by its number in the module.
type Numbered<T> = HashMap<i64, T>;

/// The node of each instruction and the root of each computation.
fn numbers(module: &Module) -> Result<(Numbered<u32>, Numbered<i64>), String> {
    let (mut places, mut roots) = (HashMap::new(), HashMap::new());
    for computation in &module.computations {
        roots.insert(computation.id, computation.root_id);
        for instruction in &computation.instructions {
            let place = places.len() as u32;
            if places.insert(instruction.id, place).is_some() {
                return Err(format!(
                    "computation `{}`: instruction {} is there twice",
                    computation.name, instruction.id
                ));
            }
        }
    }
    Ok((places, roots))
}

/// The module in a range of bytes, alone or in an `HloProto`.
pub(super) fn decode(bytes: &[u8], range: Range<usize>) -> Result<Module, String> {
    let found = instructions(bytes, range.clone());
    if found > MAX_NODES {
        return Err(format!("a module of {found} instructions, more than {MAX_NODES}"));
    }
    let bytes = bytes.get(range).unwrap_or_default();
    // The first field of a module is its name, that of an `HloProto` a module: bytes both.
    let whole = |module: &Module| {
        let named = |computation: &Computation| computation.instructions.iter().all(|i| !i.opcode.is_empty());
        module.computations.iter().any(|c| !c.instructions.is_empty()) && module.computations.iter().all(named)
    };
    let alone = Module::decode(bytes);
    let within = || HloProto::decode(bytes).ok()?.hlo_module;
    match alone {
        Ok(module) if whole(&module) => Ok(module),
        other => within().filter(whole).ok_or_else(|| match other {
            Err(error) => format!("neither a module of XLA as text (`HloModule …`) nor one as protobuf: {error}"),
            Ok(_) => "neither a module of XLA as text (`HloModule …`) nor one as protobuf".into(),
        }),
    }
}

/// How many instructions a module has, or the one in an `HloProto`. Counted before they take memory.
fn instructions(bytes: &[u8], range: Range<usize>) -> usize {
    let parts = |range: Range<usize>, wanted: u32| {
        wire::fields(bytes, range).filter_map(move |field| match field {
            Ok((number, Value::Bytes(range))) if number == wanted => Some(range),
            _ => None,
        })
    };
    let count = |module: Range<usize>| -> usize { parts(module, 3).map(|c| parts(c, 2).count()).sum() };
    count(range.clone()).max(parts(range, 1).map(count).max().unwrap_or(0))
}
