//! The raw records of TpuGraphs: an XLA module with its instructions, and every timed run.
//!
//! Schemas: `tpu_graphs/proto/tuning.proto` of google-research-datasets/tpu_graphs, `hlo.proto` and `xla_data.proto`
//! of XLA. Only the fields named here are read.

use std::{collections::HashMap, path::Path};

use prost::Message;
use serde::Serialize;

use super::proto;
use crate::{Error, Result};

/// No larger file is read.
const MAX_BYTES: u64 = 1 << 30;

/// An XLA module and its runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RawModule {
    /// Name of the module.
    pub name: String,
    /// XLA's fingerprint of it.
    pub fingerprint: u64,
    /// The instructions of all computations.
    pub instructions: Vec<RawInstruction>,
    /// Edges between instructions of one computation, from operand to user, as positions in `instructions`.
    pub edges: Vec<(usize, usize)>,
    /// For the layout of a whole module: the id of the instruction that each configured one is.
    pub configured: Vec<u64>,
    /// The runs.
    pub runs: Vec<RawRun>,
}

/// An instruction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RawInstruction {
    /// Its number within the module.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// XLA's name of the operator, such as `convolution`.
    pub opcode: String,
    /// Name of the computation it is in.
    pub computation: String,
    /// Number of XLA's element type.
    pub element: i32,
    /// Extents of the result; empty for scalars and tuples.
    pub shape: Vec<i64>,
    /// Numbers of the computations it calls.
    pub calls: Vec<i64>,
}

/// What a run configures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum RawConfig {
    /// The tile of a kernel: bounds of the kernel, the outputs, the inputs, the iterations.
    Tile {
        /// Bounds of the kernel.
        kernel: Vec<i64>,
        /// Bounds of the outputs.
        output: Vec<i64>,
        /// Bounds of the inputs.
        input: Vec<i64>,
        /// Bounds of the iterations.
        iteration: Vec<i64>,
    },
    /// Of each configured instruction, the order of dimensions of each of its tensors.
    Layout(Vec<Vec<Vec<i32>>>),
    /// The compiler's own choice.
    None,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RawRun {
    /// What was configured.
    pub config: RawConfig,
    /// Time on the device, in ns; `None` where the run failed.
    pub time_ns: Option<i64>,
    /// True for the compiler's default.
    pub default: bool,
}

impl RawModule {
    /// Reads a file of one module (layouts) or of several (tiles).
    ///
    /// # Errors
    /// The file cannot be read, or is not of this schema.
    pub fn read(path: &Path) -> Result<Vec<Self>> {
        let size = std::fs::metadata(path).map_err(Error::io(path))?.len();
        if size > MAX_BYTES {
            return Err(Error::damaged(path, format!("{size} bytes are more than {MAX_BYTES}")));
        }
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        let damaged = |error: prost::DecodeError| Error::damaged(path, error.to_string());
        let top = proto::Top::decode(&bytes[..]).map_err(damaged)?;
        // The same field holds modules with their runs, or the one module whose runs are beside it.
        if !top.runs.is_empty() {
            return Ok(vec![proto::ModuleTuning::decode(&bytes[..]).map_err(damaged)?.into()]);
        }
        let modules = top.modules.iter().map(|module| proto::ModuleTuning::decode(&module[..]).map(Into::into));
        modules.collect::<Result<_, _>>().map_err(damaged)
    }
}

impl From<proto::ModuleTuning> for RawModule {
    fn from(tuning: proto::ModuleTuning) -> Self {
        let module = tuning.module.unwrap_or_default();
        let (mut instructions, mut edges) = (Vec::new(), Vec::new());
        for computation in module.computations {
            let first = instructions.len();
            let places: HashMap<i64, usize> = computation
                .instructions
                .iter()
                .zip(first..)
                .map(|(instruction, place)| (instruction.id, place))
                .collect();
            for (instruction, user) in computation.instructions.into_iter().zip(first..) {
                let operands = instruction.operand_ids.iter().filter_map(|id| places.get(id));
                edges.extend(operands.map(|&operand| (operand, user)));
                let shape = instruction.shape.unwrap_or_default();
                instructions.push(RawInstruction {
                    id: instruction.id,
                    name: instruction.name,
                    opcode: instruction.opcode,
                    computation: computation.name.clone(),
                    element: shape.element_type,
                    shape: shape.dimensions,
                    calls: instruction.called_computation_ids,
                });
            }
        }
        Self {
            name: module.name,
            fingerprint: tuning.fingerprint,
            instructions,
            edges,
            configured: tuning.config_index_to_node,
            runs: tuning.runs.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<proto::Run> for RawRun {
    fn from(run: proto::Run) -> Self {
        let tile = run.op_config.and_then(|config| config.tile);
        let layout = run.module_config.and_then(|config| config.layout);
        let config = match (tile, layout) {
            (Some(tile), _) => RawConfig::Tile {
                kernel: tile.kernel_bounds,
                output: tile.output_bounds,
                input: tile.input_bounds,
                iteration: tile.iteration_bounds,
            },
            (None, Some(layout)) => {
                let node = |node: proto::NodeLayout| node.tensors.into_iter().map(|tensor| tensor.dims).collect();
                RawConfig::Layout(layout.nodes.into_iter().map(node).collect())
            }
            (None, None) => RawConfig::None,
        };
        let time_ns = run.profile.map(|profile| profile.compute_time_ns).filter(|_| !run.error);
        Self { config, time_ns, default: run.is_default }
    }
}
