//! ncnn's benchmark: real networks on the community's machines; a network, or a machine, that was never seen.

mod machines;
mod networks;
mod tables;
mod unseen;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use tachograph_datasets::{Source, data_root, sets::Ncnn};
use tachograph_features::kind_costs;
use tachograph_ir::{Assignment, BoundGraph};
use tachograph_transfer::{
    Observation,
    baseline::{Baseline, StaticRow},
    rates::{self, Column, RatePrior, Rates},
};

use crate::reproduce::Args;

const FOLDS: usize = 5;
/// A row whose slowest run took longer than this many times its fastest is left out of the tables of steady rows.
const STEADY: f64 = 1.5;

/// A machine with threads, power saving and Vulkan device: what it measured, one row a network.
struct Setting {
    machine: String,
    vulkan: bool,
    samples: Vec<Observation>,
    /// Of each sample.
    steady: Vec<bool>,
}

/// The set, with networks by number.
struct Measured {
    networks: Vec<String>,
    bound: Vec<BoundGraph>,
    statics: Vec<StaticRow>,
    /// What makes networks similar.
    columns: Vec<Vec<f64>>,
    /// What their times are sums of.
    costs: Vec<Vec<f64>>,
    settings: Vec<Setting>,
}

/// Networks held out, and machines held out.
pub fn table(args: &Args) -> Result<()> {
    let set = Ncnn::open(&data_root(args.data.as_deref())?)?;
    let measured = Measured::read(&set)?;
    let rows: usize = measured.settings.iter().map(|s| s.samples.len()).sum();
    println!(
        "{} rows after the rule for repeated keys, {} settings of {} machines, {} networks; none is left out.",
        rows,
        measured.settings.len(),
        measured.settings.iter().map(|s| &s.machine).collect::<BTreeSet<_>>().len(),
        measured.networks.len()
    );
    for families in [false, true] {
        measured.networks_held_out(args, families)?;
    }
    measured.machines_held_out(args)
}

/// Machines and networks held out together.
pub fn unseen(args: &Args) -> Result<()> {
    Measured::read(&Ncnn::open(&data_root(args.data.as_deref())?)?)?.both_held_out(args)
}

/// The starting points of [`RatePrior::cpu`] and [`RatePrior::gpu`], from everything: the file `rates/ncnn.toml` of the
/// crate `transfer`.
pub fn rates(args: &Args) -> Result<()> {
    let measured = Measured::read(&Ncnn::open(&data_root(args.data.as_deref())?)?)?;
    println!(
        "# ln rates of the machines of ncnn's benchmark, in ms a unit, around 0: where a new device starts. Keys are those of"
    );
    println!("# `rates::Column`. Printed by `reproduce ncnn-rates`.");
    for (name, vulkan) in [("cpu", false), ("gpu", true)] {
        let prior = measured.rates(vulkan, |_| true, |_| true)?;
        println!("\n[{name}]");
        Column::all().iter().zip(prior.logs()).for_each(|(column, log)| println!("{} = {log:.2}", column.key()));
    }
    Ok(())
}

impl Measured {
    fn read(set: &Ncnn) -> Result<Self> {
        let resolved = set.resolved()?;
        let networks: Vec<String> =
            resolved.keys().map(|key| key.network.clone()).collect::<BTreeSet<_>>().into_iter().collect();
        let (mut graphs, mut statics, mut columns, mut costs) = (vec![], vec![], vec![], vec![]);
        for name in &networks {
            let bound = set.graph(name)?.bind(&image(name)).with_context(|| name.clone())?;
            let row = StaticRow::new(&bound)?;
            let total = [row.total.flops, row.total.bytes(), row.total.parameters, row.nodes.len() as u64];
            let mut column: Vec<f64> = total.iter().map(|&v| (v as f64).ln_1p()).collect();
            let int8 = f64::from(name.ends_with("_int8"));
            // Twice as wide as a share, since the totals decide.
            column.extend_from_within(..);
            column.extend([int8; 4]);
            for cost in kind_costs(&bound)? {
                column
                    .extend([cost.flops / row.total.flops.max(1) as f64, cost.bytes / row.total.bytes().max(1) as f64]);
            }
            statics.push(row);
            columns.push(column);
            costs.push(rates::costs(&bound)?);
            graphs.push(bound);
        }
        let mut settings: BTreeMap<_, Setting> = BTreeMap::new();
        for (key, row) in resolved {
            let network = networks.binary_search(&key.network).ok().context("a network without a number")?;
            let name = (key.device.clone(), key.num_threads, key.powersave, key.vulkan);
            let new = Setting { machine: key.device, vulkan: key.vulkan.is_some(), samples: vec![], steady: vec![] };
            let setting = settings.entry(name).or_insert(new);
            setting.samples.push(Observation { network, ms: row.avg_ms });
            setting.steady.push(row.max_ms <= STEADY * row.min_ms);
        }
        Ok(Self { networks, bound: graphs, statics, columns, costs, settings: settings.into_values().collect() })
    }

    /// Part of each of `keys`, drawn at random, the same for equal keys.
    fn folds<'a>(keys: impl Iterator<Item = &'a str>, seed: u64) -> BTreeMap<&'a str, usize> {
        let mut keys: Vec<&str> = keys.collect::<BTreeSet<_>>().into_iter().collect();
        keys.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        keys.into_iter().enumerate().map(|(i, key)| (key, i % FOLDS)).collect()
    }

    /// Rates that the settings of CPUs, or those with Vulkan, have in common, from some of them and of the networks.
    fn rates(
        &self,
        vulkan: bool,
        setting: impl Fn(&Setting) -> bool,
        network: impl Fn(usize) -> bool,
    ) -> Result<RatePrior> {
        let settings = self.settings.iter().filter(|s| s.vulkan == vulkan && setting(s));
        let known = settings.map(|s| s.samples.iter().copied().filter(|s| network(s.network)).collect());
        Ok(RatePrior::learn(&known.collect::<Vec<Vec<Observation>>>(), &self.costs)?)
    }

    /// Times of all networks.
    fn times(&self, rates: &Rates) -> Result<Vec<f64>> {
        self.costs.iter().map(|costs| Ok(rates.predict(costs)?.ms)).collect()
    }

    fn baseline(&self, model: &mut dyn Baseline, known: &[Observation]) -> Result<Vec<f64>> {
        let rows: Vec<StaticRow> = known.iter().map(|s| self.statics[s.network].clone()).collect();
        model.fit(&rows, &known.iter().map(|s| s.ms).collect::<Vec<_>>())?;
        Ok(self.statics.iter().map(|row| model.predict(row)).collect::<Result<_, _>>()?)
    }
}

/// Size of the image where the file leaves it free, as ncnn's benchmark runs it.
fn image(network: &str) -> Assignment {
    let side = match network {
        "FastestDet" => 352,
        "vision_transformer" => 384,
        _ => return Assignment::new(),
    };
    ["height", "width"].map(|axis| (axis.to_owned(), side)).into()
}
