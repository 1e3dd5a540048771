//! Machines and networks held out together: what someone with a new machine and a new network has.

use anyhow::{Context, Result};
use rand::{SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use tachograph_ir::{BoundGraph, Quantity};
use tachograph_predict::{Bundled, DeviceScale};
use tachograph_transfer::{
    Observation,
    baseline::{Baseline, FlopsLine},
    rates::RatePrior,
};

use super::{FOLDS, Measured, Setting, tables::Tables};
use crate::reproduce::Args;

/// Networks measured on the new machine, drawn at random.
const MEASURED: [usize; 4] = [1, 5, 10, 20];
/// A bundled checkpoint, and the one of its devices that it starts from.
const CHECKPOINT: (&str, &str) = ("timm", "infer-fp32-nchw-pt240-cpu-i9_10940x-dynamo");

impl Measured {
    /// CPUs and networks of floats, which the bundled checkpoint knows.
    pub fn both_held_out(&self, args: &Args) -> Result<()> {
        let source = self.source()?;
        let float = |n: usize| !self.networks[n].ends_with("_int8");
        let mut tables = MEASURED.map(|k| Tables::new(&format!("ncnn, machines and networks held out, {k} measured")));
        let mut inside = [[0_usize; 2]; MEASURED.len()];
        for seed in 0..args.seeds {
            let networks = Self::folds((0..self.networks.len()).map(|n| self.networks[n].as_str()), seed);
            let machines = Self::folds(self.settings.iter().map(|s| s.machine.as_str()), seed);
            tables.iter_mut().for_each(|table| table.split(seed, &machines));
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            for (fold, held) in (0..FOLDS).flat_map(|fold| (0..FOLDS).map(move |held| (fold, held))) {
                let test = |n: usize| networks[self.networks[n].as_str()] == held;
                let prior = self.rates(false, |s| machines[s.machine.as_str()] != fold, |n| !test(n))?;
                let new = |s: &&Setting| !s.vulkan && machines[s.machine.as_str()] == fold;
                for setting in self.settings.iter().filter(new) {
                    let floats = setting.samples.iter().copied().filter(|s| float(s.network));
                    let (left, known): (Vec<Observation>, Vec<Observation>) = floats.partition(|s| test(s.network));
                    for ((k, table), inside) in MEASURED.into_iter().zip(&mut tables).zip(&mut inside) {
                        if left.is_empty() || known.len() < k {
                            continue;
                        }
                        let known: Vec<Observation> = known.choose_multiple(&mut rng, k).copied().collect();
                        let mut add = |row: &str, times: &[f64]| table.add(row, seed, setting, &left, times);
                        let rates = prior.adapt(&known, &self.costs)?;
                        add("tachograph rates", &self.times(&rates)?);
                        let alone = RatePrior::equal().adapt(&known, &self.costs)?;
                        add("– no other machine known", &self.times(&alone)?);
                        add("bundled checkpoint, scaled by the median ratio", &scaled(&source, &known));
                        if k > 1 {
                            let mut line = FlopsLine::default();
                            add(line.name(), &self.baseline(&mut line, &known)?);
                        }
                        for sample in &left {
                            let time = rates.predict(&self.costs[sample.network])?;
                            inside[0] += usize::from((time.low..=time.high).contains(&sample.ms));
                            inside[1] += 1;
                        }
                    }
                }
            }
        }
        for ((table, inside), k) in tables.iter().zip(inside).zip(MEASURED) {
            table.print()?;
            println!("80 % intervals hold {:.1} % ({k} measured).", 100.0 * inside[0] as f64 / inside[1].max(1) as f64);
        }
        Ok(())
    }

    /// Times of all networks on a device of the bundled checkpoint.
    fn source(&self) -> Result<Vec<f64>> {
        let (name, device) = CHECKPOINT;
        let predictor = Bundled::named(name)?.load()?;
        let latency = predictor.output(Some(device), Quantity::Latency)?;
        let time = |(name, bound): (&String, &BoundGraph)| {
            let prediction = predictor.predict(bound, latency).with_context(|| name.clone())?;
            Ok(prediction.value.value())
        };
        self.networks.iter().zip(&self.bound).map(time).collect()
    }
}

fn scaled(source: &[f64], known: &[Observation]) -> Vec<f64> {
    let pairs: Vec<(f64, f64)> = known.iter().map(|s| (source[s.network], s.ms)).collect();
    let scale = DeviceScale::scale(&pairs);
    source.iter().map(|&time| scale.apply(time)).collect()
}
