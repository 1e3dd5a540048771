//! Spectra of windows of a signal and back, as ncnn and torchaudio have them: (N, samples) → (N, frequencies, frames),
//! with real and imaginary parts as a last axis where `complex`, and (N, frequencies, frames, 2) → (N, samples).
//!
//! Every frequency of every frame is a sum over the window, twice: libraries without a fast transform compute it so.

use super::axes::product;
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Work};

pub(super) struct Spectrogram;

fn positive(call: &Call<'_>, name: &str) -> Result<u64, OpError> {
    let n = call.int(name, 0);
    u64::try_from(n).ok().filter(|&n| n > 0).ok_or_else(|| OpError::Invalid(format!("{name} {n} is not positive")))
}

impl Operator for Spectrogram {
    fn names(&self) -> &'static [&'static str] {
        &["InverseSpectrogram", "Spectrogram"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, window, hop) = (call.shape(0)?, positive(call, "n_fft")?, positive(call, "hop_length")?);
        let (centred, complex) = (call.int("center", 1) != 0, call.int("complex", 0) != 0);
        let refuse = || OpError::Invalid(format!("{x:?} does not fit windows of {window} every {hop}"));
        let mut shape = match (call.node.op.name(), x) {
            ("Spectrogram", &[n, samples]) => {
                let around = if centred { window / 2 * 2 } else { 0 };
                let room = samples.checked_add(around).and_then(|n| n.checked_sub(window)).ok_or_else(refuse)?;
                let frequencies = if call.int("onesided", 1) != 0 { window / 2 + 1 } else { window };
                vec![n, frequencies, room / hop + 1]
            }
            ("InverseSpectrogram", &[n, _, frames, 2]) => {
                let steps = frames.checked_sub(1).and_then(|n| n.checked_mul(hop)).ok_or_else(refuse)?;
                let rest = if centred { window % 2 } else { window };
                vec![n, steps.checked_add(rest).ok_or_else(refuse)?]
            }
            _ => return Err(refuse()),
        };
        if complex {
            shape.push(2);
        }
        Ok(vec![Fact::new(call.dtype(0)?, shape)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Reduction
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let spectrum = match call.node.op.name() {
            "Spectrogram" if call.int("complex", 0) != 0 => call.output_elements(0)?,
            "Spectrogram" => product([2, call.output_elements(0)?])?,
            _ => product(call.shape(0)?.iter().copied())?,
        };
        product([2, positive(call, "n_fft")?, spectrum]).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, Attrs, attrs};

    fn windows(more: &[(&str, i64)]) -> Attrs {
        let list = [("n_fft", 64), ("hop_length", 16)];
        list.iter().chain(more).map(|&(name, n)| (name.to_owned(), Attr::Int(n))).collect()
    }

    #[test]
    fn there_and_back() {
        let (facts, work) = run("Spectrogram", windows(&[]), &[f32(&[1, 200])]).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[1, 33, 13]), 2 * 64 * 2 * 33 * 13));
        let (facts, _) = run("Spectrogram", windows(&[("complex", 1), ("center", 0)]), &[f32(&[1, 200])]).unwrap();
        assert_eq!(facts[0], f32(&[1, 33, 9, 2]));
        let (facts, _) = run("InverseSpectrogram", windows(&[("center", 0)]), &facts).unwrap();
        assert_eq!(facts[0], f32(&[1, 192]));
        assert!(run("Spectrogram", windows(&[("center", 0)]), &[f32(&[1, 20])]).is_err());
        assert!(run("Spectrogram", attrs([]), &[f32(&[1, 200])]).is_err());
    }
}
