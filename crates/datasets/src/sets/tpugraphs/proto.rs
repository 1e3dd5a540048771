//! Messages of the raw records and of XLA's modules; field numbers as in the schemas that [`raw`](super::raw) names.
//! Fields that nobody asks for, such as the values of constants, are not listed and so not held in memory.

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

/// A module with how its buffers are assigned.
#[derive(Clone, PartialEq, Message)]
pub struct HloProto {
    #[prost(message, optional, tag = "1")]
    pub hlo_module: Option<Module>,
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
    #[prost(int64, tag = "5")]
    pub id: i64,
    #[prost(int64, tag = "6")]
    pub root_id: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct Instruction {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub opcode: String,
    #[prost(message, optional, tag = "3")]
    pub shape: Option<Shape>,
    #[prost(int64, tag = "9")]
    pub parameter_number: i64,
    #[prost(int64, repeated, tag = "14")]
    pub dimensions: Vec<i64>,
    #[prost(message, optional, tag = "15")]
    pub window: Option<Window>,
    #[prost(message, optional, tag = "16")]
    pub convolution: Option<Convolution>,
    #[prost(message, repeated, tag = "17")]
    pub slices: Vec<Slice>,
    #[prost(int64, repeated, tag = "20")]
    pub dynamic_slice_sizes: Vec<i64>,
    #[prost(message, optional, tag = "21")]
    pub padding: Option<Padding>,
    #[prost(int64, tag = "35")]
    pub id: i64,
    #[prost(int64, repeated, tag = "36")]
    pub operand_ids: Vec<i64>,
    #[prost(int64, repeated, tag = "38")]
    pub called_computation_ids: Vec<i64>,
    #[prost(int64, tag = "50")]
    pub feature_group_count: i64,
    #[prost(int64, tag = "58")]
    pub batch_group_count: i64,
    #[prost(bool, tag = "60")]
    pub is_stable: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct Shape {
    #[prost(int32, tag = "2")]
    pub element_type: i32,
    #[prost(int64, repeated, tag = "3")]
    pub dimensions: Vec<i64>,
    /// Only how many there are is asked for.
    #[prost(bytes = "vec", repeated, tag = "4")]
    pub tuple_shapes: Vec<Vec<u8>>,
    #[prost(message, optional, tag = "5")]
    pub layout: Option<DimensionOrder>,
}

/// XLA's `LayoutProto`.
#[derive(Clone, PartialEq, Message)]
pub struct DimensionOrder {
    #[prost(int64, repeated, tag = "1")]
    pub minor_to_major: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Window {
    #[prost(message, repeated, tag = "1")]
    pub dimensions: Vec<WindowDimension>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct WindowDimension {
    #[prost(int64, tag = "1")]
    pub size: i64,
    #[prost(int64, tag = "2")]
    pub stride: i64,
    #[prost(int64, tag = "3")]
    pub padding_low: i64,
    #[prost(int64, tag = "4")]
    pub padding_high: i64,
    #[prost(int64, tag = "5")]
    pub window_dilation: i64,
    #[prost(int64, tag = "6")]
    pub base_dilation: i64,
    #[prost(bool, tag = "7")]
    pub window_reversal: bool,
}

/// XLA's `ConvolutionDimensionNumbers`.
#[derive(Clone, PartialEq, Message)]
pub struct Convolution {
    #[prost(int64, tag = "3")]
    pub kernel_input_feature: i64,
    #[prost(int64, tag = "4")]
    pub kernel_output_feature: i64,
    #[prost(int64, repeated, tag = "6")]
    pub kernel_spatial: Vec<i64>,
    #[prost(int64, tag = "7")]
    pub input_batch: i64,
    #[prost(int64, tag = "8")]
    pub input_feature: i64,
    #[prost(int64, tag = "9")]
    pub output_batch: i64,
    #[prost(int64, tag = "10")]
    pub output_feature: i64,
    #[prost(int64, repeated, tag = "11")]
    pub input_spatial: Vec<i64>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct Slice {
    #[prost(int64, tag = "1")]
    pub start: i64,
    #[prost(int64, tag = "2")]
    pub limit: i64,
    #[prost(int64, tag = "3")]
    pub stride: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct Padding {
    #[prost(message, repeated, tag = "1")]
    pub dimensions: Vec<PaddingDimension>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct PaddingDimension {
    #[prost(int64, tag = "1")]
    pub low: i64,
    #[prost(int64, tag = "2")]
    pub high: i64,
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
