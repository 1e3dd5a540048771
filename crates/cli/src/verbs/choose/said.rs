//! What `choose` says.

use serde_json::{Value, json};
use tachograph_ir::{Assignment, Plain};
use tachograph_predict::{Choices, Configuration, mig};

use super::{Args, Found};
use crate::{device::Target, exit, table};

/// The slice of an A100 with 40 GB that the best one needs, by DIPPM's rule; of another device there is none.
fn slice(target: &Target, found: &Choices) -> Option<&'static str> {
    target.file.filter(|device| device.name.starts_with("a100"))?;
    mig::recommend(found.feasible.first()?.memory.0 as f64 / 1e6)
}

/// What `--json` prints.
pub fn machine(args: &Args, model: &str, target: &Target, found: &Found) -> Value {
    let Found { choices, memory_from, warnings } = found;
    let fits = |c: &Configuration| {
        let (ms, bytes, rate) = (c.time.0, c.memory.0, c.throughput());
        json!({ "configuration": c.config, "batch": c.batch, "latency_ms": ms, "memory_bytes": bytes, "samples_per_s": rate })
    };
    let refused = |(config, why): &(Assignment, String)| json!({ "configuration": config, "why": why });
    json!({
        "model": model,
        "device": target.name,
        "this_machine": target.here,
        "memory_from": memory_from,
        "fitting": choices.feasible.len(),
        "beyond": choices.beyond.len(),
        "refused": choices.refused.iter().map(refused).collect::<Vec<_>>(),
        "best": choices.feasible.iter().take(args.top).map(fits).collect::<Vec<_>>(),
        "a100_slice": slice(target, choices),
        "warnings": warnings,
    })
}

/// For people.
pub fn show(args: &Args, model: &str, target: &Target, found: &Found) {
    let Found { choices: found, memory_from, warnings } = found;
    warnings.iter().for_each(|warning| exit::warn(&format!("{model} on {}: {warning}", target.name)));
    out!("{} on {}; memory from {memory_from}", Plain(model), target.title());
    let [fit, beyond, refused] = [found.feasible.len(), found.beyond.len(), found.refused.len()];
    out!("{fit} fit, {beyond} do not, {refused} are refused");
    found.refused.iter().take(3).for_each(|(config, why)| out!("refused {}: {}", Plain(&pairs(config)), Plain(why)));
    let row = |c: &Configuration| {
        let [ms, mb, rate] = [c.time.0, c.memory.0 as f64 / 1e6, c.throughput()];
        [pairs(&c.config), format!("{ms:.2} ms"), format!("{mb:.0} MB"), format!("{rate:.1}")]
    };
    let rows: Vec<_> = found.feasible.iter().take(args.top).map(row).collect();
    match (found.feasible.is_empty(), found.beyond.is_empty()) {
        (true, true) => {}
        (true, false) => out!("none is within the budget"),
        _ => table::table(&["best first", "latency", "memory", "samples/s"], &rows),
    }
    slice(target, found).into_iter().for_each(|slice| out!("slice of an A100 with 40 GB by DIPPM's rule: {slice}"));
}

/// The first that was refused, and why.
pub fn refused(refused: &[(Assignment, String)]) -> String {
    refused.first().map_or(String::new(), |(config, why)| format!("{}: {why}", pairs(config)))
}

fn pairs(config: &Assignment) -> String {
    config.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}
