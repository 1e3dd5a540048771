//! HELP's search spaces: ten measurements on a new device, rank correlation over all other networks.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use rand::{SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;
use tachograph_datasets::{
    DeviceSplit, Source, data_root,
    sets::{FbNet, NasBench201},
};
use tachograph_metrics::spearman;
use tachograph_transfer::{
    DevicePrior, Observation, Smoother, Transfer, Trust,
    baseline::{self, Baseline, StaticRow},
};

use super::{
    Args,
    spaces::{self, Described},
};

/// Measurements on a device.
const MEASURED: usize = 10;
/// Candidates for measurement, drawn anew for every seed.
const CANDIDATES: usize = 500;
/// Penalty of smoothing.
const RIDGE: f64 = 3.0;
/// Every such network is asked for its interval.
const STEP: usize = 25;

/// A search space with everything that is known of its networks.
struct Space {
    devices: Vec<String>,
    /// Times in ms by device and network.
    times: Vec<Vec<f64>>,
    smooth: Vec<Vec<f64>>,
    described: Vec<Described>,
    rows: Vec<StaticRow>,
}

/// NAS-Bench-201.
pub fn nas_bench_201(args: &Args) -> Result<()> {
    let set = NasBench201::open(&data_root(args.data.as_deref())?)?;
    let rows = set.rows()?.map(|row| row.map(|row| (row.arch, row.times))).collect::<Result<Vec<_>, _>>()?;
    let space = Space::read(&set, set.devices(), rows, spaces::nas_bench_201)?;
    println!("### help-nb201: Spearman after {MEASURED} measurements on each test device\n");
    println!("Published (HELP, table 1): FLOPs .787, BRP-NAS with 900 samples .789, HELP with 10 samples .932.\n");
    set.splits().iter().try_for_each(|split| space.table(args, split))
}

/// FBNet.
pub fn fbnet(args: &Args) -> Result<()> {
    let set = FbNet::open(&data_root(args.data.as_deref())?)?;
    let name = |operators: Vec<usize>| operators.iter().map(usize::to_string).collect::<Vec<_>>().join("|");
    let rows = set.rows()?.map(|row| row.map(|row| (name(row.operators), row.times))).collect::<Result<Vec<_>, _>>()?;
    let space = Space::read(&set, set.devices(), rows, spaces::fbnet)?;
    println!("### help-fbnet: Spearman after {MEASURED} measurements on each test device\n");
    println!("Published (HELP): HELP with 10 samples raspi4 .887, eyeriss .943, fpga .892, mean .910.\n");
    set.splits().iter().try_for_each(|split| space.table(args, split))
}

impl Space {
    fn read(
        set: &impl Source,
        devices: &[String],
        networks: Vec<(String, Vec<f64>)>,
        describe: impl Fn(&str, &tachograph_ir::BoundGraph) -> Result<Described>,
    ) -> Result<Self> {
        let mut times = vec![Vec::with_capacity(networks.len()); devices.len()];
        let (mut described, mut rows) = (vec![], vec![]);
        for (name, row) in &networks {
            let bound = set.graph(name)?.bind(&Default::default())?;
            described.push(describe(name, &bound)?);
            rows.push(StaticRow::new(&bound)?);
            times.iter_mut().zip(row).for_each(|(device, t)| device.push(*t));
        }
        let descriptions: Vec<Vec<f64>> = described.iter().map(|d| d.description.clone()).collect();
        let smoother = Smoother::new(&descriptions, RIDGE)?;
        let smooth = times.iter().map(|t| smoother.smooth(t)).collect::<Result<_, _>>()?;
        Ok(Self { devices: devices.to_vec(), times, smooth, described, rows })
    }

    fn device(&self, name: &str) -> Result<usize> {
        self.devices.iter().position(|device| device == name).with_context(|| format!("no device `{name}`"))
    }

    fn table(&self, args: &Args, split: &DeviceSplit) -> Result<()> {
        let networks = self.rows.len();
        let train = split.train.iter().map(|name| self.device(name)).collect::<Result<Vec<_>>>()?;
        let costs: Vec<Vec<f64>> = self.described.iter().map(|d| d.costs.clone()).collect();
        let of = |times: &[Vec<f64>]| train.iter().map(|&d| times[d].clone()).collect::<Vec<_>>();
        let prior = DevicePrior::fit(&of(&self.smooth), &costs)?;
        let raw = DevicePrior::fit(&of(&self.times), &costs)?;
        let costless = DevicePrior::fit(&of(&self.smooth), &vec![vec![]; networks])?;
        let mut table = Table::default();
        let mut coverage = [0usize; 2];
        for seed in 0..args.seeds {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let candidates = index::sample(&mut rng, networks, CANDIDATES.min(networks)).into_vec();
            let chosen = prior.select(&candidates, MEASURED)?;
            let random = &candidates[..MEASURED];
            for name in &split.test {
                let truth = &self.times[self.device(name)?];
                let mut add = |row: &str, measured: &[usize], predicted: &[f64]| {
                    let rest: Vec<usize> = (0..networks).filter(|n| !measured.contains(n)).collect();
                    let pick = |values: &[f64]| rest.iter().map(|&n| values[n]).collect::<Vec<_>>();
                    // A predictor that says the same of every network ranks nothing.
                    table.add(row, name, spearman(&pick(predicted), &pick(truth)).unwrap_or(0.0));
                };
                let samples =
                    |of: &[usize]| of.iter().map(|&n| Observation { network: n, ms: truth[n] }).collect::<Vec<_>>();
                let flops: Vec<f64> = self.rows.iter().map(|row| row.total.flops as f64).collect();
                add("FLOPs", &[], &flops);
                for mut model in
                    [Box::new(baseline::LogLinear::default()) as Box<dyn Baseline>, Box::new(baseline::Gbdt::default())]
                {
                    let rows: Vec<StaticRow> = chosen.iter().map(|&n| self.rows[n].clone()).collect();
                    model.fit(&rows, &chosen.iter().map(|&n| truth[n]).collect::<Vec<_>>())?;
                    let predicted = self.rows.iter().map(|row| model.predict(row)).collect::<Result<Vec<_>, _>>()?;
                    add(&format!("{}, {MEASURED} samples", model.name()), &chosen, &predicted);
                }
                let here = |values: &[f64]| chosen.iter().map(|&n| values[n]).collect::<Vec<_>>();
                let (mut by_samples, mut hindsight) = ((f64::MIN, 0), (f64::MIN, 0));
                for &device in &train {
                    let score = spearman(&here(&self.times[device]), &here(truth)).unwrap_or(0.0);
                    by_samples = if score > by_samples.0 { (score, device) } else { by_samples };
                    let score = spearman(&self.times[device], truth)?;
                    hindsight = if score > hindsight.0 { (score, device) } else { hindsight };
                }
                add("best training device by the samples", &chosen, &self.times[by_samples.1]);
                add("best training device, with hindsight", &[], &self.times[hindsight.1]);
                let adapted = prior.adapt(&samples(&chosen))?;
                add("tachograph transfer", &chosen, &adapted.predict_all());
                for network in (0..networks).step_by(STEP).filter(|n| !chosen.contains(n)) {
                    let estimate = adapted.predict(network)?;
                    coverage[0] += usize::from((estimate.low..=estimate.high).contains(&truth[network]));
                    coverage[1] += 1;
                }
                add("– measured at random", random, &prior.adapt(&samples(random))?.predict_all());
                add("– without costs", &chosen, &costless.adapt(&samples(&chosen))?.predict_all());
                add("– times of training devices not smoothed", &chosen, &raw.adapt(&samples(&chosen))?.predict_all());
                let one = prior.adapt_with(&samples(&chosen), &[Trust::BEFORE])?;
                add("– one trust instead of the average", &chosen, &one.predict_all());
                add("ceiling: the device's own times, smoothed", &[], &self.smooth[self.device(name)?]);
            }
        }
        println!("#### {split}\n");
        table.print(&split.test);
        let share = 100.0 * coverage[0] as f64 / coverage[1].max(1) as f64;
        println!(
            "\n{networks} networks. 80 % intervals of tachograph transfer hold {share:.1} %. Seeds 0 to {}.\n",
            args.seeds - 1
        );
        Ok(())
    }
}

/// Rank correlations by row, device and seed.
#[derive(Default)]
struct Table(Vec<(String, BTreeMap<String, Vec<f64>>)>);

impl Table {
    fn add(&mut self, row: &str, device: &str, value: f64) {
        let position = self.0.iter().position(|(name, _)| name == row).unwrap_or_else(|| {
            self.0.push((row.into(), BTreeMap::new()));
            self.0.len() - 1
        });
        self.0[position].1.entry(device.into()).or_default().push(value);
    }

    /// Means over seeds; the mean over devices with its standard deviation over seeds.
    fn print(&self, devices: &[String]) {
        println!("| predictor | mean | {} |\n|---|---|{}", devices.join(" | "), "---|".repeat(devices.len()));
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
        for (name, columns) in &self.0 {
            let seeds = columns.values().map(Vec::len).min().unwrap_or(0);
            let runs: Vec<f64> =
                (0..seeds).map(|seed| mean(&columns.values().map(|values| values[seed]).collect::<Vec<_>>())).collect();
            let centre = mean(&runs);
            let spread = mean(&runs.iter().map(|run| (run - centre).powi(2)).collect::<Vec<_>>()).sqrt();
            let cells: Vec<String> =
                devices.iter().filter_map(|device| columns.get(device)).map(|v| format!("{:.3}", mean(v))).collect();
            println!("| {name} | {centre:.4} ± {spread:.4} | {} |", cells.join(" | "));
        }
    }
}
