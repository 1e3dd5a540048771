//! Recurrent layers: (T, N, I) with weights (D, G·H, I) and (D, G·H, H) → (T, D, N, H) and the last states.
//!
//! With `layout` 1 the batch comes first. G gates: RNN 1, GRU 3, LSTM 4. Arithmetic: the products of both weights
//! at each step, and 2 operations (bias and activation) per gate.

use super::axes::product;
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct Rnn;

fn gates(call: &Call<'_>) -> u64 {
    match call.node.op.name() {
        "LSTM" => 4,
        "GRU" => 3,
        _ => 1,
    }
}

impl Operator for Rnn {
    fn names(&self) -> &'static [&'static str] {
        &["GRU", "LSTM", "RNN"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, w, r) = (call.shape(0)?, call.shape(1)?, call.shape(2)?);
        let refuse = || OpError::Invalid(format!("input {x:?} does not fit weights {w:?} and {r:?}"));
        let (&[first, second, width], &[directions, rows, inner], &[other, other_rows, hidden]) = (x, w, r) else {
            return Err(refuse());
        };
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
        if call.node.op.name() == "LSTM" {
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

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Weight, Role::Weight, Role::Bias, Role::Shape, Role::State, Role::State, Role::Weight]
            .get(i)
            .copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let (&[first, second, width], &[directions, rows, hidden]) = (call.shape(0)?, call.shape(2)?) else {
            return Err(OpError::Unknown);
        };
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
    fn batch_first_gru() {
        let layout = attrs([("layout", Attr::Int(1))]);
        let inputs = [f32(&[2, 7, 16]), f32(&[1, 24, 16]), f32(&[1, 24, 8])];
        assert_eq!(shape("GRU", layout, &inputs).unwrap(), [2, 7, 1, 8]);
        assert!(run("LSTM", attrs([]), &inputs).is_err());
    }
}
