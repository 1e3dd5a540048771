//! `RNN`, `GRU`, `LSTM`: (time, features) and the states of earlier steps, if given, to (time, results) and the last
//! states, if wanted. Keys: 0 results, 1 elements of the input's weight, 2 forward, reverse or both, 3 hidden features,
//! 8 int8. ncnn has no batch: the leading 1 is it.

use tachograph_ir::{Attr, DType, OpType, TensorId, attrs};

use super::{Blob, Layer, Net, Result, none};

/// Extents of the layer.
pub(super) struct Cells {
    pub directions: u64,
    pub inputs: u64,
    pub hidden: u64,
    pub results: u64,
    gates: u64,
}

impl Cells {
    pub fn new(layer: &Layer) -> Result<Self> {
        let gates = match layer.kind {
            "LSTM" => 4,
            "GRU" => 3,
            _ => 1,
        };
        let results = layer.size(0, 0)?;
        let hidden = if layer.kind == "LSTM" { layer.size(3, results as i64)? } else { results };
        let directions = match layer.int(2, 0)? {
            0 | 1 => 1,
            2 => 2,
            code => return Err(format!("direction {code} is unknown")),
        };
        let weights = layer.size(1, 0)?;
        let rows = gates * directions * hidden;
        if !weights.is_multiple_of(rows) {
            return Err(format!("{weights} weights do not make {rows} rows"));
        }
        Ok(Self { directions, inputs: weights / rows, hidden, results, gates })
    }
}

pub(super) fn recurrent(net: &mut Net, layer: &Layer, operands: &[Blob]) -> Result<()> {
    let &[x, ref states @ ..] = operands else { return Err("has no operand".into()) };
    let Cells { directions, inputs, hidden, results, gates } = Cells::new(layer)?;
    let dtype = if layer.int(8, 0)? != 0 { DType::I8 } else { DType::F32 };
    let weight = net.weight(layer, "weight", dtype, &[directions, gates * hidden, inputs]);
    let recurrence = net.weight(layer, "recurrence", dtype, &[directions, gates * hidden, results]);
    let bias = net.weight(layer, "bias", DType::F32, &[directions, 2 * gates * hidden]);
    let mut all = vec![Some(x.id), Some(weight), Some(recurrence), Some(bias)];
    if !states.is_empty() {
        all.push(None);
        let first = net.ints(layer, "axes", vec![1]);
        for state in states {
            // (1, directions, features) is what a batch of one has.
            let id = if state.rank == 2 { net.node(layer, "Unsqueeze", &[state.id, first], none()) } else { state.id };
            all.push(Some(id));
        }
    }
    let direction = match layer.int(2, 0)? {
        0 => "forward",
        1 => "reverse",
        _ => "bidirectional",
    };
    let mut attrs = attrs([
        ("direction", Attr::from(direction)),
        ("hidden_size", Attr::Int(hidden as i64)),
        ("layout", Attr::Int(1)),
    ]);
    if hidden != results {
        // ONNX has no projection of the hidden state to fewer results.
        let projection = net.weight(layer, "projection", dtype, &[directions, results, hidden]);
        all.resize(8, None);
        all.push(Some(projection));
        attrs.insert("projection_size".into(), Attr::Int(results as i64));
    }
    let results_wanted = if layer.kind == "LSTM" { 3 } else { 2 };
    let found = net.nodes(layer, OpType::new(layer.kind), all, attrs, results_wanted);
    let target = net.ints(layer, "shape", vec![1, -1, (directions * results) as i64]);
    let joined = net.node(layer, "Reshape", &[found[0], target], none());
    net.define(layer, 0, Blob { id: joined, rank: 3 })?;
    let states: Vec<TensorId> = found[1..].to_vec();
    (1..layer.outputs.len()).zip(states).try_for_each(|(slot, id)| net.define(layer, slot, Blob { id, rank: 3 }))
}
