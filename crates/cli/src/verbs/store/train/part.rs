//! What is learned from, and what is held out.

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use tachograph_ir::{BoundGraph, disk::hex};
use tachograph_metrics::Report;
use tachograph_store::{Fingerprint, GraphKey, Setup, Store};

use crate::wanted::{Timed, Wanted};

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

    /// The MAPE of predictions of what was held out.
    pub fn error(&self, store: &Store, predict: impl Fn(&BoundGraph) -> Result<f64>) -> Result<f64> {
        let predicted = self.held_out.iter().map(|timed| predict(&timed.bound(store)?)).collect::<Result<Vec<_>>>()?;
        let measured: Vec<f64> = self.held_out.iter().map(|timed| timed.ms).collect();
        Ok(Report::new(&predicted[..], &measured[..], "ms").context("what was held out")?.mape)
    }
}

/// By the hash of the network and the seed alone, so that what one checkpoint has not seen none has.
fn is_held_out(key: &GraphKey, percent: u8, seed: u64) -> bool {
    let digest = Sha256::digest(format!("{seed} {key}"));
    let number = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    number % 100 < u64::from(percent)
}
