//! What is learned from, and what is held out.

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use tachograph_ir::{BoundGraph, disk::hex};
use tachograph_metrics::Report;
use tachograph_store::{Fingerprint, GraphKey, Setup, Store};

use crate::wanted::{Timed, Wanted};

/// What a predictor says of a network, in milliseconds.
pub type Predict<'a> = dyn Fn(&BoundGraph) -> Result<f64> + 'a;

/// The measurements of a device, one of each network and batch.
pub struct Part {
    /// On what and with what, where something was.
    #[cfg_attr(not(feature = "torch"), allow(dead_code, reason = "for what is trained"))]
    pub setup: Option<Setup>,
    pub learned: Vec<Timed>,
    pub held_out: Vec<Timed>,
}

impl Part {
    /// `percent` of the networks are held out, with all their batches.
    pub fn of(wanted: &Wanted, store: &Store, percent: u8, seed: u64) -> Result<Self> {
        let (setup, timed) = wanted.measured(store)?.map_or((None, Vec::new()), |(setup, timed)| (Some(setup), timed));
        let (held_out, learned) = timed.into_iter().partition(|timed| is_held_out(&timed.key, percent, seed));
        Ok(Self { setup, learned, held_out })
    }

    /// Of what is learned: networks, batches and times, whatever their order.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut lines: Vec<String> =
            self.learned.iter().map(|timed| format!("{} {} {}\n", timed.key, timed.batch, timed.ms)).collect();
        lines.sort();
        let digest = hex(Sha256::digest(lines.concat()));
        Fingerprint { measurements: self.learned.len() as u64, digest }
    }

    /// The MAPE of each of `predictors` on what was held out. A network is decoded once for all of them, and not kept: of very
    /// many there is no room for all.
    pub fn errors(
        &self,
        decode: impl Fn(&Timed) -> Result<BoundGraph>,
        predictors: &[&Predict<'_>],
    ) -> Result<Vec<f64>> {
        let mut predicted = vec![Vec::with_capacity(self.held_out.len()); predictors.len()];
        for timed in &self.held_out {
            let bound = decode(timed)?;
            for (predict, predicted) in predictors.iter().zip(&mut predicted) {
                predicted.push(predict(&bound)?);
            }
        }
        let measured: Vec<f64> = self.held_out.iter().map(|timed| timed.ms).collect();
        let mape = |predicted: &Vec<f64>| {
            Ok(Report::new(&predicted[..], &measured[..], "ms").context("what was held out")?.mape)
        };
        predicted.iter().map(mape).collect()
    }
}

/// By the hash of the network and the seed alone, so that what one checkpoint has not seen none has.
fn is_held_out(key: &GraphKey, percent: u8, seed: u64) -> bool {
    let digest = Sha256::digest(format!("{seed} {key}"));
    let number = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    number % 100 < u64::from(percent)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tachograph_ir::{Assignment, Builder, DType};
    use tachograph_store::{Moment, Network};

    use super::*;

    #[test]
    fn what_is_held_out_is_decoded_once_for_all() {
        let mut b = Builder::new("net");
        let x = b.input("x", DType::F32, vec![1.into(), 4.into()]);
        let y = b.op("Relu", &[x]).unwrap();
        let bound = b.finish(&[y]).unwrap().bind(&Assignment::new()).unwrap();
        let key = GraphKey { hash: Network::new(&bound).unwrap().hash(), ordinal: 0 };
        let timed = |ms| Timed { key, batch: 1, ms, date: Moment(0) };
        let part = Part { setup: None, learned: Vec::new(), held_out: vec![timed(1.0), timed(2.0), timed(4.0)] };
        let decoded = Cell::new(0);
        let decode = |_: &Timed| {
            decoded.set(decoded.get() + 1);
            Ok(bound.clone())
        };
        let errors = part.errors(decode, &[&|_| Ok(2.0), &|_| Ok(1.0)]).unwrap();
        assert_eq!(decoded.get(), 3);
        // 100, 0 and 50 % off; 0, 50 and 75 %.
        assert!((errors[0] - 0.5).abs() < 1e-12 && (errors[1] - 1.25 / 3.0).abs() < 1e-12, "{errors:?}");
    }
}
