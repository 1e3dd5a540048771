//! Operators of other compilers in TpuGraphs' columns, so that the networks that rank its configurations read theirs as well.

use ndarray::Array2;
use tachograph_ir::DType;

use super::{
    hlo::{features, opcode},
    proto::{Convolution, DimensionOrder, Instruction, Shape, Window, WindowDimension},
};

/// Operators that XLA makes of several, which have numbers behind XLA's own: those are below 121, and networks know 128.
const COMPOSITE: [(&str, u8); 6] =
    [("softmax", 121), ("normalization", 122), ("swish", 123), ("gelu", 124), ("resize", 125), ("attention", 126)];

/// An operator as TpuGraphs has it. What is left as it is by default is 0 there.
#[derive(Clone, Debug, Default)]
pub struct Operation {
    /// XLA's name of the operator, such as `convolution`, or one of `softmax`, `normalization`, `swish`, `gelu`, `resize` and
    /// `attention`. Others have number 0.
    pub name: &'static str,
    /// Element type of the result.
    pub dtype: Option<DType>,
    /// Extents of the result, which lies row-major.
    pub shape: Vec<u64>,
    /// Whether it is a result of the graph.
    pub root: bool,
    /// Which parameter it is.
    pub parameter: usize,
    /// The dimensions that it is about: those that are reduced, the one of a concatenation, the order of a transposition.
    pub dimensions: Vec<i64>,
    /// The window that moves over its operand.
    pub window: Vec<WindowExtent>,
    /// True for convolutions of operands in the order batch, channels, space, with weights in the order results, channels, space.
    pub convolves: bool,
    /// Groups of channels.
    pub groups: u64,
}

/// A dimension of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowExtent {
    /// How many elements are read.
    pub size: i64,
    /// How far it moves.
    pub stride: i64,
    /// How far it reaches beyond the operand, before and behind.
    pub padding: [i64; 2],
    /// How far apart the elements are.
    pub dilation: i64,
}

/// XLA's numbers of element types; 0 where it has none.
fn element(dtype: DType) -> i32 {
    match dtype {
        DType::Bool => 1,
        DType::I8 => 2,
        DType::I16 => 3,
        DType::I32 => 4,
        DType::I64 => 5,
        DType::U8 => 6,
        DType::U16 => 7,
        DType::U32 => 8,
        DType::U64 => 9,
        DType::F16 => 10,
        DType::F32 => 11,
        DType::F64 => 12,
        DType::Complex64 => 15,
        DType::BF16 => 16,
        DType::Complex128 => 18,
        _ => 0,
    }
}

impl Operation {
    /// Number of the operator.
    fn opcode(&self) -> u8 {
        let composite = COMPOSITE.iter().find(|(name, _)| *name == self.name);
        composite.map_or_else(|| opcode::code(self.name), |(_, number)| *number)
    }

    /// The 140 numbers.
    fn row(&self) -> Vec<f32> {
        let rank = self.shape.len() as i64;
        let shape = Shape {
            element_type: self.dtype.map_or(0, element),
            dimensions: self.shape.iter().map(|&extent| extent as i64).collect(),
            layout: Some(DimensionOrder { minor_to_major: (0..rank).rev().collect() }),
            ..Shape::default()
        };
        let dimension = |extent: &WindowExtent| WindowDimension {
            size: extent.size,
            stride: extent.stride,
            padding_low: extent.padding[0],
            padding_high: extent.padding[1],
            window_dilation: extent.dilation,
            base_dilation: 1,
            window_reversal: false,
        };
        let spatial: Vec<i64> = (2..rank).collect();
        let convolution = self.convolves.then(|| Convolution {
            kernel_input_feature: 1,
            kernel_output_feature: 0,
            kernel_spatial: spatial.clone(),
            input_batch: 0,
            input_feature: 1,
            output_batch: 0,
            output_feature: 1,
            input_spatial: spatial,
        });
        let instruction = Instruction {
            shape: Some(shape),
            parameter_number: self.parameter as i64,
            dimensions: self.dimensions.clone(),
            window: Some(Window { dimensions: self.window.iter().map(dimension).collect() }),
            convolution,
            feature_group_count: self.groups as i64,
            batch_group_count: i64::from(self.groups > 0),
            ..Instruction::default()
        };
        features::node(&instruction, self.root)
    }
}

/// A graph in TpuGraphs' columns.
#[derive(Clone, Debug, PartialEq)]
pub struct OperatorGraph {
    /// Features, one row a node.
    pub features: Array2<f32>,
    /// Number of each node's operator.
    pub opcodes: Vec<u8>,
    /// Edges from producer to consumer.
    pub edges: Vec<(u32, u32)>,
}

impl Default for OperatorGraph {
    fn default() -> Self {
        Self { features: Array2::zeros((0, features::NODE)), opcodes: Vec::new(), edges: Vec::new() }
    }
}

impl OperatorGraph {
    /// Adds a node that reads these; gives its number.
    pub fn add(&mut self, operation: &Operation, operands: impl IntoIterator<Item = u32>) -> u32 {
        let node = self.opcodes.len() as u32;
        let mut values = std::mem::take(&mut self.features).into_raw_vec_and_offset().0;
        values.extend(operation.row());
        let dim = (self.opcodes.len() + 1, features::NODE);
        // As many numbers as rows of columns.
        self.features = Array2::from_shape_vec(dim, values).unwrap_or_default();
        self.opcodes.push(operation.opcode());
        let mut edges: Vec<(u32, u32)> = operands.into_iter().map(|operand| (operand, node)).collect();
        edges.sort_unstable();
        edges.dedup();
        self.edges.extend(edges);
        node
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_have_tpugraphs_columns() {
        let mut graph = OperatorGraph::default();
        let (dtype, shape) = (Some(DType::F32), vec![1, 3, 8, 8]);
        let x = graph.add(&Operation { name: "parameter", dtype, shape, ..Default::default() }, []);
        let shape = vec![16, 3, 3, 3];
        let w = graph.add(&Operation { name: "parameter", parameter: 1, dtype, shape, ..Default::default() }, []);
        let extent = WindowExtent { size: 3, stride: 2, padding: [1, 1], dilation: 1 };
        let convolution = Operation {
            name: "convolution",
            dtype,
            shape: vec![1, 16, 4, 4],
            window: vec![extent; 2],
            convolves: true,
            groups: 1,
            root: true,
            ..Default::default()
        };
        graph.add(&convolution, [x, w]);
        graph.add(&Operation { name: "softmax", ..Default::default() }, [2, 2]);
        assert_eq!(graph.opcodes, [63, 63, 26, 121]);
        assert_eq!(graph.edges, [(0, 2), (1, 2), (2, 3)]);
        let row = graph.features.row(2);
        assert_eq!((row.len(), row[0], graph.features[(1, 30)]), (140, 1.0, 1.0));
        assert_eq!(row.as_slice().unwrap()[21..29], [1.0, 16.0, 4.0, 4.0, 0.0, 0.0, 25.0, 256.0]);
        assert_eq!(row.as_slice().unwrap()[134..], [3.0, 2.0, 1.0, 0.0, 0.0, 0.0]);
        // Sizes of the window, then strides.
        assert_eq!(row.as_slice().unwrap()[37..47], [3.0, 3.0, 0.0, 0.0, 0.0, 0.0, 6.0, 9.0, 2.0, 2.0]);
    }
}
