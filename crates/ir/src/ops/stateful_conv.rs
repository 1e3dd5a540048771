//! Causal depthwise convolution of ONNX Runtime that keeps the last positions as a state: (batch, channels, …, length) with weight
//! (channels, 1, k…) → the same shape, and the state of (k − 1) × dilation positions. The packed form is (tokens,
//! channels).

use super::axes::product;
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Role, Shape, Work};

pub(super) struct StatefulConv;

fn varlen(node: &Node) -> bool {
    node.op.name().starts_with("Varlen")
}

/// Positions of the state.
fn history(call: &Call<'_>) -> Result<u64, OpError> {
    let given = u64::try_from(call.int("state_length", 0)).unwrap_or(0);
    let kernel = call.shape(1)?.last().copied().filter(|&k| k > 0);
    let kernel = kernel.ok_or_else(|| OpError::Invalid(format!("weight {:?} has no kernel", call.shape(1))))?;
    let dilation = u64::try_from(call.int("dilation", 1)).unwrap_or(1);
    if given > 0 { Ok(given) } else { product([kernel - 1, dilation]) }
}

/// Captured positions of a request.
fn kept(call: &Call<'_>) -> u64 {
    u64::try_from(call.int("state_update_capacity", 0)).unwrap_or(0)
}

impl Operator for StatefulConv {
    fn names(&self) -> &'static [&'static str] {
        &["VarlenCausalConvWithState", "com.microsoft::CausalConvWithState"]
    }

    /// ONNX's own is of operator set 27, and has neither layouts nor dilations.
    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, dtype) = (call.shape(0)?, call.dtype(0)?);
        if varlen(call.node) {
            let state = call.shape(4)?;
            let &[batch, channels, ..] = state else { return Err(format!("state {state:?} has no channels").into()) };
            let update = Fact::new(dtype, [batch, kept(call), channels]);
            return Ok(vec![Fact::new(dtype, x), Fact::new(call.dtype(4)?, state), update]);
        }
        let last = call.int("channels_last", 0) != 0;
        let (mut result, mut state) = (x.to_vec(), x.to_vec());
        let place = if last { 1 } else { x.len().saturating_sub(1) };
        *state.get_mut(place).ok_or_else(|| format!("{x:?} has no channels"))? = history(call)?;
        let channels = u64::try_from(call.int("input_channels", 0)).ok().filter(|&n| n > 0 && last);
        for shape in [&mut result, &mut state] {
            if let (Some(n), Some(extent)) = (channels, shape.last_mut()) {
                *extent = n;
            }
        }
        if call.int("state_channels_last", -1) == i64::from(!last) && state.len() == 3 {
            state.swap(1, 2);
        }
        let channels = call.shape(1)?.first().copied().unwrap_or(0);
        let update = Fact::new(dtype, [x.first().copied().unwrap_or(0), kept(call), channels]);
        let window = u64::try_from(call.int("state_window", 0)).ok().filter(|&n| n > 0);
        let state: Shape = window.into_iter().chain(state).collect();
        Ok(vec![Fact::new(dtype, result), Fact::new(dtype, state), update])
    }

    fn class(&self, _: &Node) -> Class {
        Class::GroupedConvolution
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        use Role::{Bias, Data, Mask, Shape, State, Weight};
        let roles: &[Role] = match varlen(node) {
            true => &[Data, Weight, Shape, Bias, State, Shape, Data, Mask],
            false => &[Data, Weight, Bias, State],
        };
        roles.get(i).copied()
    }

    /// Each element of the result meets the kernel of its channel; a bias and an activation are one operation each.
    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let results = call.output_elements(0)?;
        let kernel = call.shape(1)?.iter().skip(1).copied();
        let mut work = Work::macs(Some(product(kernel.chain([results]))?))?;
        let bias = call.optional(if varlen(call.node) { 3 } else { 2 }).is_some();
        let activation = !matches!(call.text("activation", "none"), "none" | "");
        let rest = product([results, u64::from(bias) + u64::from(activation)])?;
        work.flops = work.flops.saturating_add(rest);
        Ok(work)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, attrs};

    #[test]
    fn keeps_the_last_positions() {
        let inputs = [f32(&[2, 8, 10]), f32(&[8, 1, 4]), f32(&[8])];
        let silu = attrs([("activation", "silu".into())]);
        let (facts, work) = run("com.microsoft::CausalConvWithState", silu, &inputs).unwrap();
        assert_eq!(facts[..2], [f32(&[2, 8, 10]), f32(&[2, 8, 3])]);
        assert_eq!((work.macs, work.flops), (160 * 4, 2 * 640 + 320));
        let last = attrs([("channels_last", Attr::Int(1)), ("dilation", Attr::Int(2))]);
        let inputs = [f32(&[2, 10, 8]), f32(&[8, 1, 4])];
        assert_eq!(run("com.microsoft::CausalConvWithState", last, &inputs).unwrap().0[1], f32(&[2, 6, 8]));
        assert!(run("com.microsoft::CausalConvWithState", attrs([]), &[f32(&[2, 8, 10]), f32(&[8, 1, 0])]).is_err());
    }
}
