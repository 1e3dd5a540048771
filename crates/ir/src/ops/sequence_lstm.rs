//! LSTM with one weight a gate, which may have a projection, coupled gates, normalised gates: what TFLite's LSTMs have
//! beyond ONNX's.
//!
//! (T, N, I), or (N, T, I) with `layout` 1, or (N, I) for one step. Operands as in TFLite: weights of the input (H, I)
//! and of the state (H, P) for input gate, forget gate, cell and output gate (no first one: coupled to the forget
//! gate), three peepholes (H), four biases (H), projection (P, H) and its bias, state (N, P) and cell (N, H), four
//! factors of normalisation (H). Result: as the input, with P for I. Arithmetic: all products at each step, 2 operations
//! per gate, 8 more where gates are normalised.

use super::axes::product;
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct SequenceLstm;

/// (rows of the batch over all steps, I, gates, H, P)
fn extents(call: &Call<'_>) -> Result<[u64; 5], OpError> {
    let (x, w, r) = (call.shape(0)?, call.shape(2)?, call.shape(6)?);
    let refuse = || OpError::Invalid(format!("input {x:?} does not fit weights {w:?} and {r:?}"));
    let ((&width, rows), &[hidden, inner]) = (x.split_last().ok_or_else(refuse)?, w) else { return Err(refuse()) };
    // Recurrent weights of one diagonal have one axis.
    let (other, state) = match *r {
        [other, state] => (other, state),
        [other] => (other, other),
        _ => return Err(refuse()),
    };
    if width != inner || other != hidden || rows.is_empty() || rows.len() > 2 {
        return Err(refuse());
    }
    let gates = if call.optional(1).is_some() { 4 } else { 3 };
    Ok([product(rows.iter().copied())?, width, gates, hidden, state])
}

impl Operator for SequenceLstm {
    fn names(&self) -> &'static [&'static str] {
        &["SequenceLSTM"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let [.., state] = extents(call)?;
        let mut shape = call.shape(0)?.to_vec();
        if let Some(last) = shape.last_mut() {
            *last = state;
        }
        Ok(vec![Fact::new(call.dtype(0)?, shape)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Matrix
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        Some(match i {
            0 => Role::Data,
            12..=15 | 17 => Role::Bias,
            18 | 19 => Role::State,
            20..=23 => Role::Scale,
            1..=16 => Role::Weight,
            _ => return None,
        })
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let [rows, width, gates, hidden, state] = extents(call)?;
        let cells = product([rows, gates, hidden])?;
        let diagonal = call.shape(6)?.len() == 1;
        let per_cell = width.checked_add(if diagonal { 1 } else { state });
        let projected = if call.optional(16).is_some() { product([rows, hidden, state])? } else { 0 };
        let macs = per_cell.and_then(|n| n.checked_mul(cells)).and_then(|n| n.checked_add(projected));
        let mut work = Work::macs(macs)?;
        let each = if (20..24).any(|i| call.optional(i).is_some()) { 10 } else { 2 };
        work.flops = work.flops.saturating_add(product([each, cells])?);
        Ok(work)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, f32};
    use crate::attrs;

    #[test]
    fn coupled_gates_and_a_projection() {
        let (x, w, r, p) = (f32(&[7, 2, 16]), f32(&[32, 16]), f32(&[32, 8]), f32(&[8, 32]));
        let mut operands = vec![None; 20];
        operands[0] = Some(&x);
        operands[2..5].fill(Some(&w));
        operands[6..9].fill(Some(&r));
        operands[16] = Some(&p);
        let (facts, work) = call("SequenceLSTM", attrs([]), &operands, 1).unwrap();
        assert_eq!((&facts[0], work.macs), (&f32(&[7, 2, 8]), 14 * (3 * 32 * 24 + 32 * 8)));
        operands[6] = Some(&p);
        let error = call("SequenceLSTM", attrs([]), &operands, 1).unwrap_err();
        assert!(format!("{error:?}").contains("[8, 32]"), "{error:?}");
    }
}
