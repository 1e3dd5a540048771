//! Recurrent layers. What libtorch's own `lstm`, `gru`, `rnn_tanh` and `rnn_relu` compute runs on them; the rest of
//! ONNX (peepholes, other activations, clipping, a GRU that resets before its product, sequences of several lengths)
//! is one step after the other, see [`super::recurrent_steps`].

use std::cell::OnceCell;

use tachograph_ir::{Call, OpError};
use tch::{TchError, Tensor};

use super::{Args, Kernel, recurrent_steps};

/// Extents and attributes that both ways of running need.
pub(super) struct Layer {
    pub op: Op,
    pub both: bool,
    pub reverse: bool,
    pub batch_first: bool,
    pub hidden: i64,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Op {
    Lstm,
    Gru,
    Tanh,
    Relu,
}

impl Op {
    pub fn gates(self) -> i64 {
        self.order().len() as i64
    }

    /// The gates of libtorch among those of ONNX: input, output, forget, cell to input, forget, cell, output; update,
    /// reset, hidden to reset, update, hidden.
    fn order(self) -> &'static [usize] {
        match self {
            Self::Lstm => &[0, 2, 3, 1],
            Self::Gru => &[1, 0, 2],
            Self::Tanh | Self::Relu => &[0],
        }
    }
}

pub(super) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    let name = call.node.op.name();
    let activations = recurrent_steps::activations(call)?;
    let fixed: &[&str] = match name {
        "LSTM" => &["Sigmoid", "Tanh", "Tanh"],
        "GRU" => &["Sigmoid", "Tanh"],
        "RNN" => &["Tanh"],
        _ => return Ok(None),
    };
    let relu = name == "RNN" && activations.iter().all(|a| a == "Relu") && !activations.is_empty();
    let op = match name {
        "LSTM" => Op::Lstm,
        "GRU" => Op::Gru,
        _ if relu => Op::Relu,
        _ => Op::Tanh,
    };
    let (weights, direction) = (call.shape(2)?, call.text("direction", "forward"));
    let layer = Layer {
        op,
        both: direction == "bidirectional",
        reverse: direction == "reverse",
        batch_first: call.int("layout", 0) != 0,
        hidden: weights.last().copied().unwrap_or(0) as i64,
    };
    let usual =
        relu || activations.iter().map(String::as_str).eq(fixed.iter().copied().cycle().take(activations.len()));
    let plain = !call.attrs().contains_key("clip") && call.int("input_forget", 0) == 0 && call.optional(7).is_none();
    let resets = name != "GRU" || call.int("linear_before_reset", 0) != 0;
    if usual && plain && resets && recurrent_steps::whole_sequences(call, layer.batch_first)? {
        return Ok(Some(fused(call, layer)));
    }
    recurrent_steps::compile(call, layer, activations).map(Some)
}

/// libtorch's function. Constant weights are brought into its order once.
fn fused(call: &Call<'_>, layer: Layer) -> Kernel {
    let constant = [1, 2, 3, 8].iter().filter_map(|&i| call.optional(i)).all(|fact| fact.constant);
    let ordered = OnceCell::new();
    Box::new(move |args| {
        let made;
        let params: &Vec<Tensor> = if constant {
            match ordered.get() {
                Some(params) => params,
                None => {
                    let params = parameters(args, &layer)?;
                    flatten(&params, args, &layer)?;
                    ordered.get_or_init(|| params)
                }
            }
        } else {
            made = parameters(args, &layer)?;
            &made
        };
        run(args, params, &layer)
    })
}

fn run(args: &Args<'_>, params: &[Tensor], layer: &Layer) -> Result<Vec<Tensor>, TchError> {
    let x = args.get(0)?;
    let (time, batch) = if layer.batch_first { (1, 0) } else { (0, 1) };
    let turned = layer.reverse.then(|| x.f_flip([time])).transpose()?;
    let x = turned.as_ref().unwrap_or(x);
    let n = x.size()[batch as usize];
    let cells = args.get(1)?.size()[1] / layer.op.gates();
    let state = |i: usize, width: i64| match args.optional(i) {
        Some(state) if layer.batch_first => state.f_transpose(0, 1)?.f_contiguous(),
        Some(state) => Ok(state.shallow_clone()),
        None => Tensor::f_zeros([1 + i64::from(layer.both), n, width], (x.kind(), x.device())),
    };
    let (biased, both, first) = (args.optional(3).is_some(), layer.both, layer.batch_first);
    let h = state(5, layer.hidden)?;
    let (y, last) = match layer.op {
        Op::Lstm => {
            let (y, h, c) = x.f_lstm(&[h, state(6, cells)?], params, biased, 1, 0.0, false, both, first)?;
            (y, vec![h, c])
        }
        Op::Gru => {
            let (y, h) = x.f_gru(&h, params, biased, 1, 0.0, false, both, first)?;
            (y, vec![h])
        }
        Op::Tanh => {
            let (y, h) = x.f_rnn_tanh(&h, params, biased, 1, 0.0, false, both, first)?;
            (y, vec![h])
        }
        Op::Relu => {
            let (y, h) = x.f_rnn_relu(&h, params, biased, 1, 0.0, false, both, first)?;
            (y, vec![h])
        }
    };
    let y = if layer.reverse { y.f_flip([time])? } else { y };
    let size = y.size();
    let split = y.f_reshape([size[0], size[1], 1 + i64::from(both), layer.hidden])?;
    let mut results = vec![if first { split } else { split.f_permute([0, 2, 1, 3])? }];
    for state in last {
        results.push(if first { state.f_transpose(0, 1)? } else { state });
    }
    Ok(results)
}

/// Weights of each direction as libtorch orders them: of the input, of the state, both biases, the projection.
fn parameters(args: &Args<'_>, layer: &Layer) -> Result<Vec<Tensor>, TchError> {
    let (gates, order) = (layer.op.gates(), layer.op.order());
    let reorder = |t: Tensor| {
        let parts = t.f_chunk(gates, 0)?;
        Tensor::f_cat(&order.iter().map(|&i| &parts[i]).collect::<Vec<_>>(), 0)
    };
    let mut all = Vec::new();
    for direction in 0..1 + i64::from(layer.both) {
        all.push(reorder(args.get(1)?.f_select(0, direction)?)?);
        all.push(reorder(args.get(2)?.f_select(0, direction)?)?);
        if let Some(bias) = args.optional(3) {
            for half in bias.f_select(0, direction)?.f_chunk(2, 0)? {
                all.push(reorder(half)?);
            }
        }
        if let Some(projection) = args.optional(8) {
            all.push(projection.f_select(0, direction)?);
        }
    }
    Ok(all)
}

/// cuDNN wants all weights of a layer in one piece of memory, or copies them there in each run. What it refuses to lay out
/// runs all the same.
fn flatten(params: &[Tensor], args: &Args<'_>, layer: &Layer) -> Result<(), TchError> {
    let (x, w) = (args.get(0)?.size(), args.get(1)?);
    if !w.device().is_cuda() || !tch::Cuda::cudnn_is_available() {
        return Ok(());
    }
    let mode = match layer.op {
        Op::Relu => 0,
        Op::Tanh => 1,
        Op::Lstm => 2,
        Op::Gru => 3,
    };
    let (cells, each) = (w.size()[1] / layer.op.gates(), params.len() as i64 / (1 + i64::from(layer.both)));
    let projected = if args.optional(8).is_some() { layer.hidden } else { 0 };
    let (first, both) = (layer.batch_first, layer.both);
    let made = Tensor::f_internal_cudnn_rnn_flatten_weight(params, each, x[2], mode, cells, projected, 1, first, both);
    drop(made);
    Ok(())
}
