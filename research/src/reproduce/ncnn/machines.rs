//! Machines held out, a few networks measured on each.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use tachograph_transfer::{
    LogGaussian, Observation, Transfer,
    baseline::{self, Baseline},
};

use super::{FOLDS, Measured, Setting, tables::Tables};
use crate::reproduce::Args;

/// Networks measured on a new machine.
const MEASURED: usize = 5;

impl Measured {
    /// Machines held out, with [`MEASURED`] networks measured in each of their settings.
    pub fn machines_held_out(&self, args: &Args) -> Result<()> {
        let mut tables = Tables::new(&format!("ncnn, machines held out, {MEASURED} networks measured, {FOLDS} folds"));
        for seed in 0..args.seeds {
            let folds = Self::folds(self.settings.iter().map(|s| s.machine.as_str()), seed);
            tables.split(seed, &folds);
            for fold in 0..FOLDS {
                for vulkan in [false, true] {
                    let of_kind = self.settings.iter().filter(|s| s.vulkan == vulkan);
                    let (test, train): (Vec<&Setting>, Vec<&Setting>) =
                        of_kind.partition(|s| folds[s.machine.as_str()] == fold);
                    let noise = self.choose_noise(&train, &folds)?;
                    eprintln!("seed {seed}, fold {}, Vulkan {vulkan}: noise {noise}", fold + 1);
                    let gaussian = self.fit(&train, noise)?;
                    for setting in test {
                        self.machine(&gaussian, &train, setting, seed, &mut tables)?;
                    }
                }
            }
        }
        tables.print()
    }

    fn fit(&self, settings: &[&Setting], noise: f64) -> Result<LogGaussian> {
        let devices: Vec<Vec<Observation>> = settings.iter().map(|s| s.samples.clone()).collect();
        Ok(LogGaussian::from_devices(&devices, self.networks.len(), noise)?)
    }

    /// The noise with the smallest mean error when one training fold is predicted from the others.
    fn choose_noise(&self, train: &[&Setting], folds: &BTreeMap<&str, usize>) -> Result<f64> {
        let inner = folds[train.first().context("no training machines")?.machine.as_str()];
        let (held, rest): (Vec<&Setting>, Vec<&Setting>) =
            train.iter().copied().partition(|s| folds[s.machine.as_str()] == inner);
        let mut best = (f64::INFINITY, 0.05);
        for noise in [0.02, 0.05, 0.1, 0.2] {
            let gaussian = self.fit(&rest, noise)?;
            let mut sum = 0.0;
            for setting in &held {
                let (known, left) = measure(&gaussian, setting)?;
                let predicted = gaussian.adapt(&known)?.predict_all();
                sum += left.iter().map(|s| (predicted[s.network] / s.ms - 1.0).abs()).sum::<f64>();
            }
            best = if sum < best.0 { (sum, noise) } else { best };
        }
        Ok(best.1)
    }

    fn machine(
        &self,
        gaussian: &LogGaussian,
        train: &[&Setting],
        setting: &Setting,
        seed: u64,
        tables: &mut Tables,
    ) -> Result<()> {
        let (known, left) = measure(gaussian, setting)?;
        tables.add("tachograph transfer", seed, setting, &left, &gaussian.adapt(&known)?.predict_all());
        let mut order: Vec<usize> = (0..setting.samples.len()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let random: Vec<Observation> = order.iter().take(MEASURED).map(|&i| setting.samples[i]).collect();
        let others: Vec<Observation> = order.iter().skip(MEASURED).map(|&i| setting.samples[i]).collect();
        tables.add("– measured at random", seed, setting, &others, &gaussian.adapt(&random)?.predict_all());
        // The others have as many coefficients as there are measurements.
        let mut model = baseline::FlopsLine::default();
        tables.add(model.name(), seed, setting, &left, &self.baseline(&mut model, &known)?);
        let copy =
            nearest(train, &known, self.networks.len()).context("no training setting measured these networks")?;
        tables.add("nearest training setting, scaled", seed, setting, &left, &copy);
        Ok(())
    }
}

/// The networks worth measuring on a machine, among those it measured, and the rest.
fn measure(gaussian: &LogGaussian, setting: &Setting) -> Result<(Vec<Observation>, Vec<Observation>)> {
    let candidates: Vec<usize> = setting.samples.iter().map(|s| s.network).collect();
    let chosen = gaussian.select(&candidates, MEASURED)?;
    Ok(setting.samples.iter().copied().partition(|s| chosen.contains(&s.network)))
}

/// Times of the training setting that is nearest to the samples after scaling by the geometric mean ratio, scaled. Where
/// it lacks a network, the next nearest one stands in.
fn nearest(train: &[&Setting], known: &[Observation], networks: usize) -> Option<Vec<f64>> {
    let mut ranked: Vec<(f64, f64, &Setting)> = train
        .iter()
        .filter_map(|setting| {
            let of = |network: usize| setting.samples.iter().find(|s| s.network == network).map(|s| s.ms);
            let logs = known.iter().map(|s| of(s.network).map(|ms| (s.ms / ms).ln())).collect::<Option<Vec<f64>>>()?;
            let mean = logs.iter().sum::<f64>() / logs.len() as f64;
            Some((logs.iter().map(|log| (log - mean).powi(2)).sum(), mean, *setting))
        })
        .collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let time = |network: usize| {
        let found = |(_, scale, setting): &(f64, f64, &Setting)| {
            setting.samples.iter().find(|s| s.network == network).map(|s| s.ms * scale.exp())
        };
        ranked.iter().find_map(found)
    };
    if ranked.is_empty() {
        return None;
    }
    Some((0..networks).map(|network| time(network).unwrap_or(f64::MIN_POSITIVE)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(times: &[(usize, f64)]) -> Setting {
        let samples = times.iter().map(|&(network, ms)| Observation { network, ms }).collect::<Vec<_>>();
        Setting { machine: "m".into(), vulkan: false, steady: vec![true; samples.len()], samples }
    }

    #[test]
    fn the_nearest_setting_is_scaled_and_others_stand_in() {
        let (like, unlike) = (setting(&[(0, 1.0), (1, 2.0)]), setting(&[(0, 1.0), (1, 9.0), (2, 5.0)]));
        let known = [(0, 10.0), (1, 20.0)].map(|(network, ms)| Observation { network, ms });
        let times = nearest(&[&unlike, &like], &known, 3).unwrap();
        assert!((times[0] - 10.0).abs() < 1e-9 && (times[1] - 20.0).abs() < 1e-9, "{times:?}");
        // The geometric mean ratio to the other is √(10 · 20/9).
        assert!((times[2] - 5.0 * (10.0_f64 * 20.0 / 9.0).sqrt()).abs() < 1e-9, "{times:?}");
        assert!(nearest(&[], &known, 3).is_none());
    }

    #[test]
    fn folds_keep_equal_keys_together() {
        let folds = Measured::folds(["a", "b", "a", "c", "d", "e"].into_iter(), 1);
        let mut parts: Vec<usize> = folds.values().copied().collect();
        parts.sort_unstable();
        assert_eq!(parts, [0, 1, 2, 3, 4]);
        assert_ne!(folds, Measured::folds(["a", "b", "c", "d", "e"].into_iter(), 2));
    }
}
