//! What `predict` says.

use anyhow::Result;
use tachograph_ir::{Plain, Quantity};
use tachograph_predict::Amount;

use super::line::{Interval, Line};
use crate::{device::Target, exit, table};

/// Prints `lines`: JSON, one in full, or a table of several.
pub fn print(lines: &[Line], targets: &[Target], pairs: usize, json: bool) -> Result<()> {
    if json {
        return lines.iter().try_for_each(table::json);
    }
    for line in lines {
        let name = if pairs > 1 { format!("{}: ", line.model) } else { String::new() };
        line.warnings.iter().for_each(|warning| exit::warn(&format!("{name}{warning}")));
    }
    match lines {
        [] => {}
        [line] if pairs == 1 => in_full(line, &targets[0]),
        _ => {
            targets.iter().for_each(|target| out!("{}", target.title()));
            let number = |value: Option<f64>, unit: &str| value.map_or("–".into(), |v| format!("{v:.3} {unit}"));
            let row = |line: &Line| {
                let interval = line.interval.as_ref();
                let interval =
                    interval.map_or("–".into(), |i| format!("{:.3} to {:.3}", i.interval_low_ms, i.interval_high_ms));
                let mut cells = vec![
                    line.model.clone(),
                    line.device.clone(),
                    line.batch.to_string(),
                    number(Some(line.latency_ms), "ms"),
                    interval,
                    line.memory().unwrap_or("–".into()),
                    number(line.energy_j, "J"),
                ];
                cells.extend(line.measured.as_ref().map(|here| number(Some(here.measured_here_ms), "ms")));
                cells
            };
            let mut titles = vec!["model", "device", "batch", "latency", "interval", "memory", "energy"];
            titles.extend(lines.iter().any(|line| line.measured.is_some()).then_some("measured here"));
            table::table(&titles, &lines.iter().map(row).collect::<Vec<_>>());
        }
    }
    Ok(())
}

fn in_full(line: &Line, target: &Target) {
    let say = |name: &str, value: String| out!("{name:<12}{value}");
    say("device", target.title());
    say("predicted", format!("{:.3} ms for batch {}", line.latency_ms, line.batch));
    if let Some(Interval { interval_low_ms, interval_high_ms, interval_percent, interval_source }) = &line.interval {
        let ends = format!("{interval_low_ms:.3} to {interval_high_ms:.3} ms");
        match interval_percent {
            Some(percent) => say("interval", format!("{ends} ({percent:.0} %, from {interval_source})")),
            None => say("interval", format!("{ends} ({interval_source})")),
        }
    }
    line.memory().into_iter().for_each(|memory| say("memory", memory));
    line.energy_j.into_iter().for_each(|joules| say("energy", Amount::new(Quantity::Energy, joules).to_string()));
    say("checkpoint", line.checkpoint.clone());
    say("trained on", line.trained_on.clone());
    if let Some(here) = &line.measured {
        let error = 100.0 * (here.predicted_here_ms / here.measured_here_ms - 1.0);
        say("measured", format!("{:.3} ms here (1 thread, {})", here.measured_here_ms, here.hardware_here));
        let (ms, by) = (here.predicted_here_ms, &here.predicted_here_by);
        say("", format!("{ms:.3} ms was predicted for here ({by}), {error:+.1} %"));
    }
    if !line.operators.is_empty() {
        out!("costliest operators, by {}:", line.shares_of);
    }
    line.operators
        .iter()
        .for_each(|o| out!("  {:5.1} %  {} `{}`", o.share_percent, Plain(&o.operator), Plain(&o.name)));
}
