//! Recurrent layers one step after the other, as a program on libtorch writes what its own layers do not compute.

use tachograph_ir::{Attr, Call, OpError};
use tch::{TchError, Tensor};

use super::{
    Args, Kernel,
    recurrent::{Layer, Op},
};

type Function = fn(&Tensor) -> Result<Tensor, TchError>;

/// The attribute `activations`; empty where the usual ones are meant.
pub(super) fn activations(call: &Call<'_>) -> Result<Vec<String>, OpError> {
    match call.attrs().get("activations") {
        Some(Attr::Strs(names)) => Ok(names.clone()),
        _ => Ok(vec![]),
    }
}

/// True where every sequence is as long as the input.
pub(super) fn whole_sequences(call: &Call<'_>, batch_first: bool) -> Result<bool, OpError> {
    let Some(lengths) = call.optional(4) else { return Ok(true) };
    let longest = call.shape(0)?.get(usize::from(batch_first)).copied().ok_or(OpError::Unknown)?;
    let known = lengths.value.as_ref().and_then(|v| v.ints());
    Ok(known.is_some_and(|lengths| lengths.iter().all(|&n| n as u64 == longest)))
}

/// What the steps of one direction need beside the tensors.
struct Cell {
    op: Op,
    functions: Vec<Function>,
    clip: Option<f64>,
    /// The forget gate is what the input gate leaves.
    coupled: bool,
    /// A GRU resets the product, not the state.
    resets_product: bool,
}

pub(super) fn compile(call: &Call<'_>, layer: Layer, names: Vec<String>) -> Result<Kernel, OpError> {
    if call.optional(8).is_some() {
        return Err(OpError::Invalid("a projected layer with gates of its own has no kernel".into()));
    }
    if call.attrs().contains_key("activation_alpha") || call.attrs().contains_key("activation_beta") {
        return Err(OpError::Invalid("activations with parameters have no kernel".into()));
    }
    let usual: &[&str] = match layer.op {
        Op::Lstm => &["Sigmoid", "Tanh", "Tanh"],
        Op::Gru => &["Sigmoid", "Tanh"],
        Op::Tanh => &["Tanh"],
        Op::Relu => &["Relu"],
    };
    let directions = 1 + usize::from(layer.both);
    let mut cells = Vec::new();
    for direction in 0..directions {
        let own = usual
            .iter()
            .enumerate()
            .map(|(i, &usual)| function(names.get(direction * usual.len() + i).map_or(usual, String::as_str)));
        cells.push(Cell {
            op: layer.op,
            functions: own.collect::<Result<_, _>>()?,
            clip: call.node.float("clip"),
            coupled: call.int("input_forget", 0) != 0,
            resets_product: call.int("linear_before_reset", 0) != 0,
        });
    }
    Ok(Box::new(move |args| {
        let mut all = Vec::new();
        for (direction, cell) in cells.iter().enumerate() {
            all.push(cell.run(args, &layer, direction as i64)?);
        }
        let stack = |results: Vec<&Tensor>, axis: i64| Tensor::f_stack(&results, axis);
        let (outputs, states) = if layer.batch_first { (2, 1) } else { (1, 0) };
        let mut results = vec![stack(all.iter().map(|r| &r.0).collect(), outputs)?];
        results.push(stack(all.iter().map(|r| &r.1).collect(), states)?);
        results.push(stack(all.iter().map(|r| &r.2).collect(), states)?);
        Ok(results)
    }))
}

fn function(name: &str) -> Result<Function, OpError> {
    Ok(match name {
        "Elu" => Tensor::f_elu,
        "HardSigmoid" => |x| x.f_mul_scalar(0.2)?.f_add_scalar(0.5)?.f_clamp(0.0, 1.0),
        "LeakyRelu" => Tensor::f_leaky_relu,
        "Relu" => Tensor::f_relu,
        "Sigmoid" => Tensor::f_sigmoid,
        "Softplus" => Tensor::f_softplus,
        "Softsign" => |x| x.f_div(&x.f_abs()?.f_add_scalar(1.0)?),
        "Tanh" => Tensor::f_tanh,
        other => return Err(format!("activation {other} has no kernel").into()),
    })
}

impl Cell {
    /// Results of every step, then the last states; the second is the first again where there is only one.
    fn run(&self, args: &Args<'_>, layer: &Layer, direction: i64) -> Result<(Tensor, Tensor, Tensor), TchError> {
        let (time, batch) = if layer.batch_first { (1, 0) } else { (0, 1) };
        let x = args.get(0)?;
        let (steps, n) = (x.size()[time as usize], x.size()[batch as usize]);
        let of = |i: usize| args.get(i)?.f_select(0, direction);
        let (w, r) = (of(1)?, of(2)?);
        let (wb, rb) = match args.optional(3) {
            Some(bias) => {
                let mut halves = bias.f_select(0, direction)?.f_chunk(2, 0)?;
                (Some(halves.remove(0)), halves.pop())
            }
            None => (None, None),
        };
        let state = |i: usize| match args.optional(i) {
            Some(state) => state.f_select(if layer.batch_first { 1 } else { 0 }, direction),
            None => Tensor::f_zeros([n, layer.hidden], (x.kind(), x.device())),
        };
        let (mut h, mut c) = (state(5)?, state(6)?);
        let peepholes = args.optional(7).map(|p| p.f_select(0, direction)?.f_chunk(3, 0)).transpose()?;
        let inputs = x.f_linear(&w, wb.as_ref())?;
        let backwards = layer.reverse || direction == 1;
        let mut results = Vec::new();
        for step in 0..steps {
            let step = if backwards { steps - 1 - step } else { step };
            let x = inputs.f_select(time, step)?;
            let (mut y, mut cell) = match self.op {
                Op::Lstm => self.lstm(&x, &h, &c, &r, rb.as_ref(), peepholes.as_deref())?,
                Op::Gru => (self.gru(&x, &h, &r, rb.as_ref())?, c.shallow_clone()),
                Op::Tanh | Op::Relu => {
                    ((self.functions[0])(&self.clipped(x.f_add(&h.f_linear(&r, rb.as_ref())?)?)?)?, c.shallow_clone())
                }
            };
            if let Some(lengths) = args.optional(4) {
                // What lies past the end of a sequence leaves the state alone.
                let inside = lengths.f_gt(step)?.f_unsqueeze(-1)?;
                results.push(y.f_mul(&inside)?);
                y = y.f_where_self(&inside, &h)?;
                cell = cell.f_where_self(&inside, &c)?;
            } else {
                results.push(y.shallow_clone());
            }
            (h, c) = (y, cell);
        }
        if backwards {
            results.reverse();
        }
        let c = if self.op == Op::Lstm { c } else { h.shallow_clone() };
        Ok((Tensor::f_stack(&results, time)?, h, c))
    }

    fn clipped(&self, x: Tensor) -> Result<Tensor, TchError> {
        match self.clip {
            Some(bound) => x.f_clamp(-bound, bound),
            None => Ok(x),
        }
    }

    fn lstm(
        &self,
        x: &Tensor,
        h: &Tensor,
        c: &Tensor,
        r: &Tensor,
        bias: Option<&Tensor>,
        peepholes: Option<&[Tensor]>,
    ) -> Result<(Tensor, Tensor), TchError> {
        let gates = x.f_add(&h.f_linear(r, bias)?)?.f_chunk(4, -1)?;
        let peep = |gate: &Tensor, i: usize, c: &Tensor| match peepholes {
            Some(p) => self.clipped(gate.f_add(&p[i].f_mul(c)?)?),
            None => self.clipped(gate.shallow_clone()),
        };
        let (gate, inner, outer) = (self.functions[0], self.functions[1], self.functions[2]);
        let input = gate(&peep(&gates[0], 0, c)?)?;
        let forget = if self.coupled { input.f_neg()?.f_add_scalar(1.0)? } else { gate(&peep(&gates[2], 2, c)?)? };
        let cell = forget.f_mul(c)?.f_add(&input.f_mul(&inner(&self.clipped(gates[3].shallow_clone())?)?)?)?;
        let output = gate(&peep(&gates[1], 1, &cell)?)?;
        Ok((output.f_mul(&outer(&cell)?)?, cell))
    }

    fn gru(&self, x: &Tensor, h: &Tensor, r: &Tensor, bias: Option<&Tensor>) -> Result<Tensor, TchError> {
        let (gate, inner) = (self.functions[0], self.functions[1]);
        let (x, weights) = (x.f_chunk(3, -1)?, r.f_chunk(3, 0)?);
        let biases = bias.map(|b| b.f_chunk(3, 0)).transpose()?;
        let product = |h: &Tensor, i: usize| h.f_linear(&weights[i], biases.as_ref().map(|b| &b[i]));
        let update = gate(&self.clipped(x[0].f_add(&product(h, 0)?)?)?)?;
        let reset = gate(&self.clipped(x[1].f_add(&product(h, 1)?)?)?)?;
        let recurrent = if self.resets_product { reset.f_mul(&product(h, 2)?)? } else { product(&reset.f_mul(h)?, 2)? };
        let new = inner(&self.clipped(x[2].f_add(&recurrent)?)?)?;
        new.f_add(&update.f_mul(&h.f_sub(&new)?)?)
    }
}
