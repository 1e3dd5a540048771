//! The file: tensors and operators laid out by the schema.

use flatbuffers::{FlatBufferBuilder, UnionWIPOffset, VOffsetT, WIPOffset};

type Table = WIPOffset<flatbuffers::TableFinishedWIPOffset>;

/// Numbers of element types.
pub(super) const F32: i8 = 0;
pub(super) const I32: i8 = 2;
pub(super) const I8: i8 = 9;

/// A tensor; it is constant if it has data.
pub(super) struct Tensor {
    pub name: String,
    pub shape: Vec<i32>,
    pub element: i8,
    pub data: Vec<u8>,
    /// Scale and zero point.
    pub quantization: Option<(f32, i64)>,
}

/// A field of an options table.
#[derive(Clone, Copy)]
pub(super) enum Field {
    Bool(bool),
    Byte(i8),
    Float(f32),
    Int(i32),
}

/// An operator: its number, the version that computes in int8, and its options table.
pub(super) struct Operator {
    pub code: i32,
    pub version: i32,
    pub inputs: Vec<i32>,
    pub outputs: Vec<i32>,
    pub options: Option<(u8, Vec<(VOffsetT, Field)>)>,
}

/// A model of one graph.
#[derive(Default)]
pub(super) struct File {
    pub name: String,
    pub tensors: Vec<Tensor>,
    pub operators: Vec<Operator>,
    pub inputs: Vec<i32>,
    pub outputs: Vec<i32>,
}

impl File {
    /// The bytes of the file.
    pub fn write(&self) -> Vec<u8> {
        let mut b = FlatBufferBuilder::new();
        // Buffer 0 is empty, for tensors without data.
        let mut buffers = vec![buffer(&mut b, &[])];
        let mut tensors = Vec::new();
        for tensor in &self.tensors {
            let mut index = 0;
            if !tensor.data.is_empty() {
                index = buffers.len() as u32;
                buffers.push(buffer(&mut b, &tensor.data));
            }
            tensors.push(tensor.write(&mut b, index));
        }
        let mut codes: Vec<(i32, i32)> = self.operators.iter().map(|op| (op.code, op.version)).collect();
        codes.sort_unstable();
        codes.dedup();
        let mut operators = Vec::new();
        for operator in &self.operators {
            let index = codes.binary_search(&(operator.code, operator.version)).unwrap_or(0);
            operators.push(operator.write(&mut b, index as u32));
        }
        let graph = {
            let tensors = b.create_vector(&tensors);
            let (inputs, outputs) = (b.create_vector(&self.inputs), b.create_vector(&self.outputs));
            let operators = b.create_vector(&operators);
            let name = b.create_string(&self.name);
            let start = b.start_table();
            b.push_slot_always(4, tensors);
            b.push_slot_always(6, inputs);
            b.push_slot_always(8, outputs);
            b.push_slot_always(10, operators);
            b.push_slot_always(12, name);
            b.end_table(start)
        };
        let codes: Vec<Table> = codes.into_iter().map(|(code, version)| operator_code(&mut b, code, version)).collect();
        let (codes, graphs, buffers) = (b.create_vector(&codes), b.create_vector(&[graph]), b.create_vector(&buffers));
        let description = b.create_string(concat!("tachograph ", env!("CARGO_PKG_VERSION")));
        let start = b.start_table();
        b.push_slot_always(4, super::super::VERSION as u32);
        b.push_slot_always(6, codes);
        b.push_slot_always(8, graphs);
        b.push_slot_always(10, description);
        b.push_slot_always(12, buffers);
        let model = b.end_table(start);
        b.finish(model, Some("TFL3"));
        b.finished_data().to_vec()
    }
}

fn buffer(b: &mut FlatBufferBuilder, data: &[u8]) -> Table {
    let data = (!data.is_empty()).then(|| b.create_vector(data));
    let start = b.start_table();
    if let Some(data) = data {
        b.push_slot_always(4, data);
    }
    b.end_table(start)
}

fn operator_code(b: &mut FlatBufferBuilder, code: i32, version: i32) -> Table {
    let start = b.start_table();
    b.push_slot_always(4, code.min(127) as i8);
    b.push_slot_always(8, version);
    b.push_slot_always(10, code);
    b.end_table(start)
}

impl Tensor {
    fn write(&self, b: &mut FlatBufferBuilder, buffer: u32) -> Table {
        let quantization = self.quantization.map(|(scale, zero)| {
            let (scale, zero) = (b.create_vector(&[scale]), b.create_vector(&[zero]));
            let start = b.start_table();
            b.push_slot_always(8, scale);
            b.push_slot_always(10, zero);
            b.end_table(start)
        });
        let (shape, name) = (b.create_vector(&self.shape), b.create_string(&self.name));
        let start = b.start_table();
        b.push_slot_always(4, shape);
        b.push_slot_always(6, self.element);
        b.push_slot_always(8, buffer);
        b.push_slot_always(10, name);
        if let Some(quantization) = quantization {
            b.push_slot_always(12, quantization);
        }
        b.end_table(start)
    }
}

impl Operator {
    fn write(&self, b: &mut FlatBufferBuilder, code: u32) -> Table {
        let options = self.options.as_ref().map(|(kind, fields)| {
            let start = b.start_table();
            for &(slot, field) in fields {
                match field {
                    Field::Bool(value) => b.push_slot_always(slot, value),
                    Field::Byte(value) => b.push_slot_always(slot, value),
                    Field::Float(value) => b.push_slot_always(slot, value),
                    Field::Int(value) => b.push_slot_always(slot, value),
                }
            }
            (*kind, WIPOffset::<UnionWIPOffset>::new(b.end_table(start).value()))
        });
        let (inputs, outputs) = (b.create_vector(&self.inputs), b.create_vector(&self.outputs));
        let start = b.start_table();
        b.push_slot_always(4, code);
        b.push_slot_always(6, inputs);
        b.push_slot_always(8, outputs);
        if let Some((kind, options)) = options {
            b.push_slot_always(10, kind);
            b.push_slot_always(12, options);
        }
        b.end_table(start)
    }
}
