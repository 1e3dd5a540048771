//! Recurrent layers: (T, N, I) with weights (D, G·H, I) and (D, G·H, H) → (T, D, N, H) and the last states.
//!
//! With `layout` 1 the batch comes first. G gates: RNN 1, GRU 3, LSTM 4. Arithmetic: the products of both weights
//! at each step, and 2 operations (bias and activation) per gate. With `projection_size` P (not of ONNX, but of PyTorch
//! and ncnn) another weight makes P results of the hidden ones, and those recur: (D, G·H, P) → (T, D, N, P).

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

/// Hidden features, of which `results` recur.
fn cells(call: &Call<'_>, results: u64) -> Option<u64> {
    match call.node.int("projection_size") {
        None => Some(results),
        Some(_) => u64::try_from(call.int("hidden_size", 0)).ok(),
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
        let cells = cells(call, hidden);
        let rows_fit = rows == other_rows && cells.and_then(|cells| gates(call).checked_mul(cells)) == Some(rows);
        if !rows_fit || width != inner || directions != other || directions != wanted {
            return Err(refuse());
        }
        let (all, last) = match call.int("layout", 0) {
            0 => (vec![first, directions, second, hidden], [directions, second, hidden]),
            _ => (vec![first, second, directions, hidden], [first, directions, hidden]),
        };
        let mut facts = vec![Fact::new(call.dtype(0)?, all), Fact::new(call.dtype(0)?, last)];
        if call.node.op.name() == "LSTM" {
            let [directions, batch, _] = last;
            facts.push(Fact::new(call.dtype(0)?, [directions, batch, cells.unwrap_or(hidden)]));
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
        const ROLES: [Role; 9] = [
            Role::Data,
            Role::Weight,
            Role::Weight,
            Role::Bias,
            Role::Shape,
            Role::State,
            Role::State,
            Role::Weight,
            Role::Weight,
        ];
        ROLES.get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let (&[first, second, width], &[directions, rows, hidden]) = (call.shape(0)?, call.shape(2)?) else {
            return Err(OpError::Unknown);
        };
        let gates = product([first, second, directions, rows])?;
        let mut work = Work::macs(width.checked_add(hidden).and_then(|n| n.checked_mul(gates)))?;
        work.flops = work.flops.saturating_add(product([2, gates])?);
        if let Some(cells) = cells(call, hidden).filter(|_| call.node.attrs.contains_key("projection_size")) {
            let projection = Work::macs(product([first, second, directions, cells, hidden]).ok())?;
            work.macs = work.macs.saturating_add(projection.macs);
            work.flops = work.flops.saturating_add(projection.flops);
        }
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
    fn projected_lstm() {
        let attrs = attrs([("hidden_size", Attr::Int(8)), ("projection_size", Attr::Int(3))]);
        let inputs = [f32(&[7, 2, 16]), f32(&[1, 32, 16]), f32(&[1, 32, 3])];
        let (facts, work) = run("LSTM", attrs, &inputs).unwrap();
        assert_eq!(facts, [f32(&[7, 1, 2, 3]), f32(&[1, 2, 3]), f32(&[1, 2, 8])]);
        assert_eq!(work.macs, 7 * 2 * (32 * 19 + 8 * 3));
    }

    #[test]
    fn batch_first_gru() {
        let layout = attrs([("layout", Attr::Int(1))]);
        let inputs = [f32(&[2, 7, 16]), f32(&[1, 24, 16]), f32(&[1, 24, 8])];
        assert_eq!(shape("GRU", layout, &inputs).unwrap(), [2, 7, 1, 8]);
        assert!(run("LSTM", attrs([]), &inputs).is_err());
    }
}
