//! Measures generated networks on libtorch.

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tachograph_datasets::DataSet;
use tachograph_profile::{Collected, Collection, Collector, Protocol, device};

use super::Args;
use crate::{exit, store::who, table};

pub fn run(args: &Args) -> Result<()> {
    let device = device(&args.device)?;
    let store = args.record.open()?;
    tch::set_num_threads(args.threads);
    let (warm_up_limit, time_limit, energy) = (args.time_limit / 2.0, args.time_limit, args.energy);
    let usual = Protocol::default();
    let protocol = Protocol { warm_up_limit, time_limit, min_repeats: 4, max_repeats: 100, energy, ..usual };
    let (count, seed, visits) = (args.count, args.seed, args.visits);
    let (name, batches) = (args.name.clone(), args.batches.clone());
    let collection = Collection { name, device, count, seed, visits, protocol, batches };
    let mut collector = Collector::open(&args.out, collection)?;
    collector.warnings().iter().for_each(|warning| exit::warn(warning));
    if let Some(spread) = args.again {
        eprintln!("measuring {} networks again", collector.forget(spread)?);
    }
    let template = "{wide_bar} {pos}/{len} {elapsed} elapsed, {eta} left";
    let bar = ProgressBar::new(collector.networks()).with_style(ProgressStyle::with_template(template)?);
    let (mut skipped, mut unstored) = (0, None);
    collector.run(|collected| {
        match collected {
            Collected::Known => {}
            // At once: what is killed in the middle has lost nothing.
            Collected::Measured(graph, record) => {
                let stored = store.as_ref().map(|store| store.put_record(graph, record, &who()));
                if let Some(Err(error)) = stored
                    && unstored.is_none()
                {
                    bar.suspend(|| exit::warn(&format!("not stored until the set is whole: {error}")));
                    unstored = Some(error);
                }
            }
            Collected::Skipped(network, why) => {
                skipped += 1;
                bar.suspend(|| eprintln!("skipped {network}: {why}"));
            }
        }
        bar.inc(1);
    })?;
    bar.finish_and_clear();
    let (networks, measurements) = collector.finish().context("finishing the data set")?;
    // Also what was measured before with another store, or none.
    if let Some(store) = store {
        let stored = store.import_set(&DataSet::open(&args.out)?, &who());
        stored.with_context(|| format!("the set is whole; storing it in {}", store.location()))?;
    }
    let out = args.out.display();
    if args.json {
        let out = out.to_string();
        return table::json(
            &json!({ "set": out, "networks": networks, "measurements": measurements, "skipped": skipped }),
        );
    }
    out!("{out}: {networks} networks, {measurements} measurements, {skipped} skipped");
    Ok(())
}
