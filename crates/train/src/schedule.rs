//! The learning rate over a run.

use serde::{Deserialize, Serialize};

use crate::{Result, error::setting};

/// The learning rate over a run, as a factor on the rate of the config.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum Schedule {
    /// The same throughout.
    #[default]
    Constant,
    /// Times `factor` after every `every` epochs.
    Step {
        /// Epochs between two changes.
        every: u32,
        /// Factor of each change.
        #[serde(default = "tenth")]
        factor: f64,
    },
    /// Rises linearly over the first share `warmup` of the run, then falls to 0 along a half cosine.
    Cosine {
        /// Share of the run, from 0 to 1.
        #[serde(default = "twentieth")]
        warmup: f64,
    },
    /// Times `factor` whenever the chosen metric has not improved for `patience` epochs.
    Plateau {
        /// Epochs without improvement that are waited for.
        #[serde(default = "five")]
        patience: u32,
        /// Factor of each change.
        #[serde(default = "tenth")]
        factor: f64,
    },
}

fn tenth() -> f64 {
    0.1
}
fn twentieth() -> f64 {
    0.05
}
fn five() -> u32 {
    5
}

impl Schedule {
    /// Factor at step `step` of `steps` in epoch `epoch` of `epochs`, all from 0; `falls` is how often a
    /// plateau was met ([`Plateau::falls`]).
    pub fn factor(&self, (epoch, epochs): (u32, u32), (step, steps): (usize, usize), falls: u32) -> f64 {
        let at = |step: usize| (f64::from(epoch) + step as f64 / steps.max(1) as f64) / f64::from(epochs.max(1));
        match *self {
            Self::Constant => 1.0,
            Self::Step { every, factor } => factor.powi((epoch / every.max(1)) as i32),
            Self::Cosine { warmup } if at(step) < warmup => (at(step + 1) / warmup).min(1.0),
            Self::Cosine { warmup } => {
                let fallen = (at(step) - warmup) / (1.0 - warmup);
                0.5 * (1.0 + (std::f64::consts::PI * fallen).cos())
            }
            Self::Plateau { factor, .. } => factor.powi(falls as i32),
        }
    }

    /// # Errors
    /// A factor outside (0, 1] or a share outside [0, 1).
    pub(crate) fn check(&self) -> Result<()> {
        let refuse = |key: &str, message: String| Err(setting(format!("schedule.{key}"), message));
        match *self {
            Self::Step { every: 0, .. } => refuse("every", "0 is not above 0".into()),
            Self::Step { factor, .. } | Self::Plateau { factor, .. } if !sound(factor) => {
                refuse("factor", format!("{factor} is not within (0, 1]"))
            }
            Self::Cosine { warmup } if !(0.0..1.0).contains(&warmup) => {
                refuse("warmup", format!("{warmup} is not within [0, 1)"))
            }
            _ => Ok(()),
        }
    }
}

fn sound(factor: f64) -> bool {
    factor > 0.0 && factor <= 1.0
}

/// Counts epochs without improvement; part of a checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plateau {
    /// Epochs since the best one or the last fall.
    pub waited: u32,
    /// How often the patience was exhausted.
    pub falls: u32,
}

impl Plateau {
    /// Takes note of an epoch.
    pub fn epoch(&mut self, improved: bool, patience: u32) {
        self.waited = if improved { 0 } else { self.waited + 1 };
        if self.waited > patience {
            *self = Self { waited: 0, falls: self.falls + 1 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosine_rises_then_falls_to_nothing() {
        let cosine = Schedule::Cosine { warmup: 0.05 };
        let factor = |step: usize| cosine.factor(((step / 100) as u32, 10), (step % 100, 100), 0);
        assert!((factor(0) - 0.02).abs() < 1e-12);
        assert!((factor(49) - 1.0).abs() < 1e-12 && (factor(50) - 1.0).abs() < 1e-12);
        assert!(factor(999) < 1e-4 && factor(500) < factor(400));
        assert_eq!(Schedule::Cosine { warmup: 0.0 }.factor((0, 3), (0, 7), 0), 1.0);
    }

    #[test]
    fn steps_and_plateaus_multiply() {
        let step = Schedule::Step { every: 3, factor: 0.5 };
        let factors: Vec<f64> = (0..7).map(|epoch| step.factor((epoch, 7), (0, 1), 0)).collect();
        assert_eq!(factors, [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25]);

        let mut plateau = Plateau::default();
        let falls = [true, false, false, false, true, false, false, false].map(|improved| {
            plateau.epoch(improved, 2);
            plateau.falls
        });
        assert_eq!(falls, [0, 0, 0, 1, 1, 1, 1, 2]);
        assert_eq!(Schedule::Plateau { patience: 2, factor: 0.1 }.factor((9, 10), (0, 1), 1), 0.1);
    }

    #[test]
    fn refuses_factors_that_make_no_sense() {
        for (key, bad) in [
            ("every", Schedule::Step { every: 0, factor: 0.5 }),
            ("factor", Schedule::Step { every: 1, factor: f64::NAN }),
            ("factor", Schedule::Plateau { patience: 1, factor: 0.0 }),
            ("warmup", Schedule::Cosine { warmup: 1.0 }),
        ] {
            let message = bad.check().unwrap_err().to_string();
            assert!(message.starts_with(&format!("setting `schedule.{key}`")), "{bad:?}: {message}");
        }
    }
}
