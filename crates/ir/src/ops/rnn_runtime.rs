//! Recurrent layers of ONNX Runtime: an LSTM whose integer weights are transposed, (D, I, G·H) and (D, H, G·H), and one
//! whose input is followed by what an attention gave at the step before; the attention itself is not counted.

use std::borrow::Cow;

use super::delegate::Delegate;
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct RuntimeRnn;

/// The call as one of the standard layer.
fn delegate<'a>(call: &Call<'a>) -> Result<Delegate<'a>, OpError> {
    let mut delegate = Delegate::new(call, "LSTM", &[0, 1, 2, 3, 4, 5, 6, 7])?;
    let columns = call.shape(1)?.last().copied();
    let quantised = call.node.op.name() == "DynamicQuantizeLSTM";
    for (place, fact) in delegate.inputs.iter_mut().take(3).enumerate() {
        let Some(fact) = fact else { continue };
        let mut changed = Fact { value: None, ..fact.clone().into_owned() };
        match (changed.shape.as_deref_mut(), quantised, place) {
            (Some([_, rows, columns]), true, 1 | 2) => std::mem::swap(rows, columns),
            // The weight is as wide as the input and the attention.
            (Some([.., width]), false, 0) => *width = columns.unwrap_or(*width),
            _ => continue,
        }
        *fact = Cow::Owned(changed);
    }
    Ok(delegate)
}

impl Operator for RuntimeRnn {
    fn names(&self) -> &'static [&'static str] {
        &["AttnLSTM", "DynamicQuantizeLSTM"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        delegate(call)?.infer()
    }

    fn class(&self, _: &Node) -> Class {
        Class::Matrix
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        use Role::{Bias, Data, Setting, Shape, State, Weight};
        let rest: &[Role] = match node.op.name() {
            "AttnLSTM" => &[Weight, Weight, Weight, Data, Shape, Weight],
            _ => &[Setting, Setting, Setting, Setting],
        };
        [&[Data, Weight, Weight, Bias, Shape, State, State, Weight], rest].concat().get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        delegate(call)?.work(call.outputs)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::attrs;

    #[test]
    fn quantised_weights_are_transposed() {
        let inputs = [f32(&[7, 2, 16]), f32(&[1, 16, 32]), f32(&[1, 8, 32])];
        let (facts, work) = run("DynamicQuantizeLSTM", attrs([]), &inputs).unwrap();
        assert_eq!((facts[0].clone(), work.macs), (f32(&[7, 1, 2, 8]), 7 * 2 * 32 * 24));
        assert!(run("LSTM", attrs([]), &inputs).is_err());
    }

    #[test]
    fn an_attention_widens_the_input() {
        let inputs = [f32(&[5, 2, 6]), f32(&[1, 32, 10]), f32(&[1, 32, 8])];
        let (facts, work) = run("AttnLSTM", attrs([]), &inputs).unwrap();
        assert_eq!((facts[1].clone(), work.macs), (f32(&[1, 2, 8]), 5 * 2 * 32 * 18));
    }
}
