//! Measurements, and the file that keeps them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::worker::Seconds;

/// All measurements on one machine.
#[derive(Debug, Serialize, Deserialize)]
pub struct Results {
    /// Lines that describe it.
    pub machine: Vec<String>,
    /// Sorted by case, then threads.
    pub measurements: Vec<Measurement>,
}

/// One case with one number of threads.
#[derive(Debug, Serialize, Deserialize)]
pub struct Measurement {
    pub case: String,
    pub threads: usize,
    pub runs: usize,
    pub ours: Side,
    pub theirs: Side,
    /// Seconds of the bare matrix products, or of the bare copy.
    pub bare: Quartiles,
    /// Bytes that a copy reads and writes in a second.
    pub copy: f64,
    pub floor: Floor,
    /// Largest relative difference between the results of both sides.
    pub difference: f64,
}

/// Times and memory of one side.
#[derive(Debug, Serialize, Deserialize)]
pub struct Side {
    pub build: Quartiles,
    pub network: Quartiles,
    pub total: Quartiles,
    /// Bytes.
    pub memory: u64,
}

/// Of the seconds of all runs.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Quartiles {
    pub lower: f64,
    pub median: f64,
    pub upper: f64,
}

/// The least that a case can cost without compression.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Floor {
    pub flop: f64,
    pub bytes: f64,
}

impl Quartiles {
    /// Of at least one value.
    pub fn new(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| {
            let place = share * values.len().saturating_sub(1) as f64;
            let value = |i: f64| values.get(i as usize).copied().unwrap_or(f64::NAN);
            let (low, high) = (value(place.floor()), value(place.ceil()));
            low + (high - low) * place.fract()
        };
        Self { lower: at(0.25), median: at(0.5), upper: at(0.75) }
    }
}

impl Side {
    pub fn new(runs: &[Seconds], memory: u64) -> Self {
        let of = |part: fn(&Seconds) -> f64| Quartiles::new(runs.iter().map(part).collect());
        Self { build: of(|s| s.build), network: of(|s| s.network), total: of(|s| s.build + s.network), memory }
    }
}

impl Measurement {
    /// Time of the peer over ours.
    pub fn ratio(&self) -> f64 {
        self.theirs.total.median / self.ours.total.median
    }

    /// The same without building.
    pub fn network_ratio(&self) -> f64 {
        self.theirs.network.median / self.ours.network.median
    }

    /// One line for whoever waits.
    pub fn print(&self) {
        let ms = |q: &Quartiles| 1e3 * q.median;
        println!(
            "{} × {} threads, {} runs: ours {:.3} ms ({:.3} + {:.3}), theirs {:.3} ms ({:.3} + {:.3}), bare {:.3} ms, \
             ratio {:.2} (network {:.2}), ours / bare {:.2}, memory {:.0} and {:.0} MB, difference {:.1e}",
            self.case,
            self.threads,
            self.runs,
            ms(&self.ours.total),
            ms(&self.ours.build),
            ms(&self.ours.network),
            ms(&self.theirs.total),
            ms(&self.theirs.build),
            ms(&self.theirs.network),
            ms(&self.bare),
            self.ratio(),
            self.network_ratio(),
            self.ours.total.median / self.bare.median,
            self.ours.memory as f64 / 1e6,
            self.theirs.memory as f64 / 1e6,
            self.difference,
        );
    }
}

impl Results {
    /// What `path` holds of this machine, or nothing yet.
    pub fn load(path: &Path, machine: &[String]) -> Result<Self> {
        if !path.exists() {
            return Ok(Self { machine: machine.to_vec(), measurements: vec![] });
        }
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let results: Self = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        if results.machine != machine {
            bail!("{} holds measurements of another machine; remove it to start anew", path.display());
        }
        Ok(results)
    }

    /// Adds a measurement in place of an earlier one of the same case and threads.
    pub fn insert(&mut self, new: Measurement) {
        self.measurements.retain(|m| (&m.case, m.threads) != (&new.case, new.threads));
        self.measurements.push(new);
        self.measurements.sort_by(|a, b| (&a.case, a.threads).cmp(&(&b.case, b.threads)));
    }

    pub fn save(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let text = serde_json::to_string_pretty(self)?;
        fs::write(path, text + "\n").with_context(|| path.display().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_interpolate() {
        let q = Quartiles::new(vec![4.0, 1.0, 3.0, 2.0]);
        assert_eq!((q.lower, q.median, q.upper), (1.75, 2.5, 3.25));
        assert_eq!(Quartiles::new(vec![7.0]).upper, 7.0);
    }
}
