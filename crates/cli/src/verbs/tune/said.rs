//! What a tuning came to, for people and for machines.

use anyhow::Result;
use serde_json::{Value, json};
use tachograph_ir::Plain;
use tachograph_tune::Tuner;

use super::{Args, live::Found};
use crate::table;

pub fn all(
    args: &Args,
    network: &str,
    by: &Tuner,
    found: &[Found<'_>],
    (measured, seconds): (usize, f64),
) -> Result<()> {
    let sum = |of: fn(&Found<'_>) -> Option<f64>| {
        found.iter().map(|f| Some(f.of.groups.len() as f64 * of(f)?)).sum::<Option<f64>>()
    };
    let untuned = sum(|found| found.untuned_ms());
    let best = sum(|found| found.best().map(|(_, ms)| ms));
    let trials: usize = found.iter().map(|found| found.known.len()).sum();
    let sources = || found.iter().flat_map(|found| &found.task.sources);
    let records: usize = sources().map(|source| source.trials.len()).sum();
    if args.json {
        found.iter().enumerate().try_for_each(|(i, found)| table::json(&of(i, found)))?;
        return table::json(&json!({
            "network": network, "tuner": by.name, "seed": args.seed, "trials": trials, "measured": measured,
            "seconds": seconds, "records_elsewhere": records, "untuned_ms": untuned, "best_ms": best, "gain": gain(untuned, best),
        }));
    }
    out!("{}: {}, by {}", Plain(network), table::counted(found.len(), "task"), by.name);
    if records > 0 {
        let names = sources().map(|source| source.name.as_str()).collect::<std::collections::BTreeSet<_>>();
        let few: Vec<&str> = names.iter().take(4).copied().collect();
        let more = if names.len() > few.len() { ", …" } else { "" };
        out!("started from {}: {}{more}", table::counted(records, "record"), Plain(&few.join(", ")));
    }
    let titles = ["task", "groups", "operators", "trials", "failed", "untuned ms", "best ms", "gain"];
    table::table(&titles, &found.iter().enumerate().map(row).collect::<Vec<_>>());
    let ms = |ms: Option<f64>| ms.map_or("unknown".into(), |ms| format!("{ms:.4} ms"));
    let gain = gain(untuned, best).map_or_else(String::new, |gain| format!(", gain {gain:.2}"));
    out!("\nall groups together: untuned {}, best {}{gain}", ms(untuned), ms(best));
    out!("{}, {measured} of them measured now, in {seconds:.1} s", table::counted(trials, "trial"));
    for (i, found) in found.iter().enumerate() {
        match (found.best(), &found.near) {
            (Some((schedule, _)), _) if *schedule == found.task.untuned => {
                out!(
                    "\ntask {i}: the untuned schedule, to which the others lose or with which they are tied\n{schedule}"
                );
            }
            (Some((schedule, ms)), _) => out!("\ntask {i}: {ms:.4} ms\n{schedule}"),
            (None, Some(near)) => {
                let loss = match near.loss {
                    Some((loss, pairs)) => format!("loses {:.0} % (median of {pairs} such cases)", 100.0 * loss),
                    None => "loses nobody knows how much".into(),
                };
                let about = format!("about {:.4} ms; such a schedule {loss} against one that is tuned", near.about_ms);
                out!("\ntask {i}: nothing was measured; from the nearest shape of {}: {about}", near.from.0);
                out!("{}", near.schedule);
            }
            (None, None) => out!("\ntask {i}: nothing is known"),
        }
    }
    Ok(())
}

fn gain(untuned: Option<f64>, best: Option<f64>) -> Option<f64> {
    Some(untuned? / best?)
}

fn row((i, found): (usize, &Found<'_>)) -> [String; 8] {
    let number = |x: Option<f64>, digits: usize| x.map_or("–".into(), |x| format!("{x:.digits$}"));
    let best = found.best().map(|(_, ms)| ms);
    let groups = &found.of.groups;
    let failed = found.known.iter().filter(|known| known.outcome.is_err()).count();
    [
        i.to_string(),
        if groups.len() > 1 { format!("{} and {} more", groups[0], groups.len() - 1) } else { groups[0].to_string() },
        found.of.operators.clone(),
        found.known.len().to_string(),
        failed.to_string(),
        number(found.untuned_ms(), 4),
        number(best, 4),
        number(gain(found.untuned_ms(), best), 2),
    ]
}

fn of(i: usize, found: &Found<'_>) -> Value {
    let best = found.best();
    let ms = best.map(|(_, ms)| ms);
    let near = found.near.as_ref().map(|near| {
        json!({
            "workload": near.from.1, "distance": near.distance, "about_ms": near.about_ms, "schedule": near.schedule,
            "expected_loss": near.loss.map(|(loss, _)| loss), "loss_of_pairs": near.loss.map(|(_, pairs)| pairs),
        })
    });
    json!({
        "task": i, "groups": found.of.groups, "operators": found.of.operators, "workload": found.task.hash.to_string(),
        "trials": found.known.len(), "failed": found.known.iter().filter(|known| known.outcome.is_err()).count(),
        "untuned_ms": found.untuned_ms(), "best_ms": ms, "gain": gain(found.untuned_ms(), ms),
        "schedule": best.map(|(schedule, _)| schedule), "near": near,
    })
}
