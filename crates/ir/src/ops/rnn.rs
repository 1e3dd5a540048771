//! Recurrent layers: (T, N, I) with weights (D, G·H, I) and (D, G·H, H) → (T, D, N, H) and the last states.
//!
//! With `layout` 1 the batch comes first. G gates: RNN 1, GRU 3, LSTM 4. Arithmetic: the products of both weights
//! at each step, and 2 operations (bias and activation) per gate. ONNX Runtime's quantised LSTM has its weights
//! transposed, (D, I, G·H) and (D, H, G·H); the attention of its `AttnLSTM` is not counted.

use super::axes::product;
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct Rnn;

/// Shape of a weight as (D, rows of gates, columns).
fn weight(call: &Call<'_>, i: usize) -> Result<[u64; 3], OpError> {
    match *call.shape(i)? {
        [directions, columns, rows] if call.node.op.name() == "DynamicQuantizeLSTM" => Ok([directions, rows, columns]),
        [directions, rows, columns] => Ok([directions, rows, columns]),
        ref w => Err(format!("weight {w:?} is not (directions, rows, columns)").into()),
    }
}

fn lstm(call: &Call<'_>) -> bool {
    call.node.op.name().ends_with("LSTM")
}

fn gates(call: &Call<'_>) -> u64 {
    match call.node.op.name() {
        _ if lstm(call) => 4,
        "GRU" => 3,
        _ => 1,
    }
}

impl Operator for Rnn {
    fn names(&self) -> &'static [&'static str] {
        &["AttnLSTM", "DynamicQuantizeLSTM", "GRU", "LSTM", "RNN"]
    }

    fn domain(&self, node: &Node) -> &'static str {
        if matches!(node.op.name(), "AttnLSTM" | "DynamicQuantizeLSTM") { "com.microsoft" } else { "" }
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, w, r) = (call.shape(0)?, weight(call, 1)?, weight(call, 2)?);
        let refuse = || OpError::Invalid(format!("input {x:?} does not fit weights {w:?} and {r:?}"));
        let (&[first, second, width], [directions, rows, inner], [other, other_rows, hidden]) = (x, w, r) else {
            return Err(refuse());
        };
        // The attention is fed back into the input, which is why the weight is wider.
        let width = if call.node.op.name() == "AttnLSTM" { inner } else { width };
        let wanted = match call.text("direction", "forward") {
            "bidirectional" => 2,
            _ => 1,
        };
        let rows_fit = rows == other_rows && gates(call).checked_mul(hidden) == Some(rows);
        if !rows_fit || width != inner || directions != other || directions != wanted {
            return Err(refuse());
        }
        let (all, last) = match call.int("layout", 0) {
            0 => (vec![first, directions, second, hidden], [directions, second, hidden]),
            _ => (vec![first, second, directions, hidden], [first, directions, hidden]),
        };
        let state = Fact::new(call.dtype(0)?, last);
        let mut facts = vec![Fact::new(call.dtype(0)?, all), state.clone()];
        if lstm(call) {
            facts.push(state);
        }
        Ok(facts)
    }

    fn class(&self, _: &Node) -> Class {
        Class::Matrix
    }

    /// A layer is a kernel, or a chain of kernels, of its own.
    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        use Role::{Bias, Data, Setting, Shape, State, Weight};
        let rest: &[Role] = match node.op.name() {
            "AttnLSTM" => &[Weight, Weight, Weight, Data, Shape, Weight],
            "DynamicQuantizeLSTM" => &[Setting, Setting, Setting, Setting],
            _ => &[],
        };
        let roles = [Data, Weight, Weight, Bias, Shape, State, State, Weight];
        roles.get(i).or(rest.get(i.wrapping_sub(roles.len()))).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let &[first, second, _] = call.shape(0)? else { return Err(OpError::Unknown) };
        let ([_, _, width], [directions, rows, hidden]) = (weight(call, 1)?, weight(call, 2)?);
        let gates = product([first, second, directions, rows])?;
        let mut work = Work::macs(width.checked_add(hidden).and_then(|n| n.checked_mul(gates)))?;
        work.flops = work.flops.saturating_add(product([2, gates])?);
        Ok(work)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run, shape};
    use crate::{Attr, attrs};

    #[test]
    fn bidirectional_lstm() {
        let both = attrs([("direction", "bidirectional".into())]);
        let inputs = [f32(&[7, 2, 16]), f32(&[2, 32, 16]), f32(&[2, 32, 8])];
        let (facts, work) = run("LSTM", both, &inputs).unwrap();
        assert_eq!(facts, [f32(&[7, 2, 2, 8]), f32(&[2, 2, 8]), f32(&[2, 2, 8])]);
        assert_eq!((work.macs, work.flops), (7 * 2 * 2 * 32 * 24, 2 * 21504 + 2 * 896));
    }

    #[test]
    fn quantised_weights_are_transposed() {
        let inputs = [f32(&[7, 2, 16]), f32(&[1, 16, 32]), f32(&[1, 8, 32])];
        let (facts, work) = run("DynamicQuantizeLSTM", attrs([]), &inputs).unwrap();
        assert_eq!((facts[0].clone(), work.macs), (f32(&[7, 1, 2, 8]), 7 * 2 * 32 * 24));
        assert!(run("LSTM", attrs([]), &inputs).is_err());
    }

    #[test]
    fn batch_first_gru() {
        let layout = attrs([("layout", Attr::Int(1))]);
        let inputs = [f32(&[2, 7, 16]), f32(&[1, 24, 16]), f32(&[1, 24, 8])];
        assert_eq!(shape("GRU", layout, &inputs).unwrap(), [2, 7, 1, 8]);
        assert!(run("LSTM", attrs([]), &inputs).is_err());
    }
}
