//! Networks held out: each setting predicts what it did not measure from what it did.

use anyhow::Result;
use tachograph_transfer::{LogGaussian, Observation, Scales, Transfer, baseline};

use super::{FOLDS, Measured, Setting, tables::Tables};
use crate::reproduce::Args;

/// What networks have beyond their sums, as far as similar ones have it too.
const LIKENESS: Scales = Scales { smooth: 0.3, length: 0.5, noise: 0.2 };

impl Measured {
    /// Networks held out; with `families`, the int8 and the float form of one together.
    pub fn networks_held_out(&self, args: &Args, families: bool) -> Result<()> {
        let key = |n: usize| match families {
            true => self.networks[n].trim_end_matches("_int8"),
            false => self.networks[n].as_str(),
        };
        let what = if families { "networks held out with their int8 or float form" } else { "networks held out" };
        let mut tables = Tables::new(&format!("ncnn, {what}, {FOLDS} folds"));
        let likeness = LogGaussian::from_columns(&self.columns, LIKENESS)?;
        for seed in 0..args.seeds {
            let folds = Self::folds((0..self.networks.len()).map(key), seed);
            tables.split(seed, &folds);
            for fold in 0..FOLDS {
                let test = |n: usize| folds[key(n)] == fold;
                let all = |_: &Setting| true;
                let priors = [self.rates(false, all, |n| !test(n))?, self.rates(true, all, |n| !test(n))?];
                for setting in &self.settings {
                    let (held, known): (Vec<_>, Vec<_>) =
                        setting.samples.iter().copied().partition(|s| test(s.network));
                    if held.is_empty() || known.len() < 10 {
                        continue;
                    }
                    let rates = self.times(&priors[usize::from(setting.vulkan)].adapt(&known, &self.costs)?)?;
                    let residuals = known.iter().map(|s| Observation { ms: s.ms / rates[s.network], ..*s });
                    let residuals = likeness.adapt(&residuals.collect::<Vec<_>>())?.predict_all();
                    let both: Vec<f64> = rates.iter().zip(residuals).map(|(time, ratio)| time * ratio).collect();
                    tables.add("tachograph rates", seed, setting, &held, &both);
                    tables.add("– without what similar networks have beyond them", seed, setting, &held, &rates);
                    // They have no randomness but the folds.
                    let models = if seed == 0 { baseline::all() } else { vec![] };
                    for mut model in models {
                        let predicted = self.baseline(&mut *model, &known)?;
                        tables.add(model.name(), seed, setting, &held, &predicted);
                    }
                }
            }
        }
        tables.print()
    }
}
