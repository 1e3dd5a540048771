//! Messages of the raw records; field numbers as in the schemas that [`raw`](super::raw) names.

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub struct Top {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub modules: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub runs: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ModuleTuning {
    #[prost(message, optional, tag = "1")]
    pub module: Option<Module>,
    #[prost(uint64, tag = "2")]
    pub fingerprint: u64,
    #[prost(message, repeated, tag = "3")]
    pub runs: Vec<Run>,
    #[prost(uint64, repeated, tag = "4")]
    pub config_index_to_node: Vec<u64>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Module {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, repeated, tag = "3")]
    pub computations: Vec<Computation>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Computation {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, repeated, tag = "2")]
    pub instructions: Vec<Instruction>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Instruction {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub opcode: String,
    #[prost(message, optional, tag = "3")]
    pub shape: Option<Shape>,
    #[prost(int64, tag = "35")]
    pub id: i64,
    #[prost(int64, repeated, tag = "36")]
    pub operand_ids: Vec<i64>,
    #[prost(int64, repeated, tag = "38")]
    pub called_computation_ids: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Shape {
    #[prost(int32, tag = "2")]
    pub element_type: i32,
    #[prost(int64, repeated, tag = "3")]
    pub dimensions: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Run {
    #[prost(message, optional, tag = "1")]
    pub op_config: Option<OpConfig>,
    #[prost(message, optional, tag = "2")]
    pub module_config: Option<ModuleConfig>,
    #[prost(bool, tag = "3")]
    pub error: bool,
    #[prost(message, optional, tag = "4")]
    pub profile: Option<Profile>,
    #[prost(bool, tag = "5")]
    pub is_default: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct OpConfig {
    #[prost(message, optional, tag = "1")]
    pub tile: Option<Tile>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Tile {
    #[prost(int64, repeated, tag = "1")]
    pub kernel_bounds: Vec<i64>,
    #[prost(int64, repeated, tag = "2")]
    pub output_bounds: Vec<i64>,
    #[prost(int64, repeated, tag = "3")]
    pub input_bounds: Vec<i64>,
    #[prost(int64, repeated, tag = "4")]
    pub iteration_bounds: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ModuleConfig {
    #[prost(message, optional, tag = "1")]
    pub layout: Option<Layout>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Layout {
    #[prost(message, repeated, tag = "1")]
    pub nodes: Vec<NodeLayout>,
}

#[derive(Clone, PartialEq, Message)]
pub struct NodeLayout {
    #[prost(message, repeated, tag = "1")]
    pub tensors: Vec<TensorLayout>,
}

#[derive(Clone, PartialEq, Message)]
pub struct TensorLayout {
    #[prost(int32, repeated, tag = "1")]
    pub dims: Vec<i32>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Profile {
    #[prost(int64, tag = "4")]
    pub compute_time_ns: i64,
}
