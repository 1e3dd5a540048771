//! What `query` says.

use anyhow::Result;
use tachograph_ir::{Bytes, Joules, Plain};
use tachograph_predict::NOT_RECORDED;

use super::{KnownBy, Line};
use crate::{exit, table};

/// Prints `lines`: JSON, one in full, or a table of several.
pub fn print(lines: &[Line], pairs: usize, json: bool) -> Result<()> {
    if json {
        return lines.iter().try_for_each(table::json);
    }
    for line in lines {
        let name = if pairs > 1 { format!("{}: ", line.model) } else { String::new() };
        line.warnings.iter().for_each(|warning| exit::warn(&format!("{name}{warning}")));
    }
    match lines {
        [] => {}
        [line] if pairs == 1 => in_full(line),
        _ => {
            let row = |line: &Line| {
                let ends = line.interval_low_ms.zip(line.interval_high_ms);
                let spread = line.spread_percent.map_or("–".into(), |spread| format!("{spread:.1} % apart"));
                [
                    line.model.clone(),
                    line.device.clone(),
                    line.batch.to_string(),
                    line.latency_ms.map_or("–".into(), |ms| format!("{ms:.3} ms")),
                    known_by(line.known_by).into(),
                    ends.map_or(spread, |(low, high)| format!("{low:.3} to {high:.3}")),
                    line.age_s.map_or("–".into(), ago),
                ]
            };
            let titles = ["model", "device", "batch", "latency", "known by", "interval", "measured"];
            table::table(&titles, &lines.iter().map(row).collect::<Vec<_>>());
        }
    }
    Ok(())
}

fn known_by(known: KnownBy) -> &'static str {
    match known {
        KnownBy::Measured => "measured",
        KnownBy::Interpolated => "interpolated",
        KnownBy::Predicted => "predicted",
        KnownBy::Queued => "queued",
    }
}

fn in_full(line: &Line) {
    let say = |name: &str, value: String| out!("{name:<14}{value}");
    say("device", Plain(&line.device).to_string());
    if let Some(ms) = line.latency_ms {
        say(known_by(line.known_by), format!("{ms:.3} ms for batch {}", line.batch));
    }
    if let Some([(below, low), (above, high)]) = line.between {
        say("between", format!("{low:.3} ms at batch {below} and {high:.3} ms at batch {above}"));
    }
    if let Some((low, high)) = line.interval_low_ms.zip(line.interval_high_ms) {
        let percent = line.interval_percent.map_or(String::new(), |percent| format!("{percent:.0} %: "));
        let source = line.interval_source.as_deref().unwrap_or_default();
        say("interval", format!("{low:.3} to {high:.3} ms ({percent}{source})"));
    }
    if let Some((batch, ms)) = line.scaled_to {
        say("scaled to", format!("{ms:.3} ms measured at batch {batch}"));
    }
    let spread = || line.spread_percent.map_or("spread not recorded".into(), |s| format!("runs {s:.1} % apart"));
    if let (Some(age), Some(ran)) = (line.age_s, &line.setup) {
        let count = line
            .measurements
            .map_or(String::new(), |n| format!("{}, {}, ", table::counted(n, "measurement"), spread()));
        say("measured by", format!("{count}the newest {}", ago(age)));
        let known = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty() && text != NOT_RECORDED);
        let threads = (ran.threads > 0).then(|| table::counted(ran.threads as usize, "thread"));
        let governor = known(&ran.governor).map(|governor| format!("governor {governor}"));
        let parts = [known(&ran.hardware), threads, known(&ran.library), known(&ran.precision), governor];
        say("on", Plain(&parts.into_iter().flatten().collect::<Vec<_>>().join(", ")).to_string());
    }
    line.memory_bytes.into_iter().for_each(|bytes| say("memory", Bytes(bytes).to_string()));
    line.energy_j.into_iter().for_each(|joules| say("energy", Joules(joules).to_string()));
    line.predicted_by.iter().for_each(|by| say("predicted by", Plain(by).to_string()));
    line.trained_on.iter().for_each(|data| say("trained on", data.clone()));
    if let Some(job) = line.job.filter(|_| line.known_by != KnownBy::Measured) {
        say("job", format!("{job} waits for a worker: `tachograph store jobs {job}` shows it"));
    }
}

/// How long ago something was.
pub fn ago(seconds: u64) -> String {
    let of = |number: u64, unit: &str| format!("{} ago", table::counted(number as usize, unit));
    match seconds {
        0..60 => of(seconds, "second"),
        60..3_600 => of(seconds / 60, "minute"),
        3_600..172_800 => of(seconds / 3_600, "hour"),
        _ => of(seconds / 86_400, "day"),
    }
}
