//! The tables of `docs/performance.md`, between two markers; the words around them are written by hand.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::Case;
use super::results::{Measurement, Quartiles, Results};

const BEGIN: &str = "<!-- bench-peers: begin -->";
const END: &str = "<!-- bench-peers: end -->";

/// Replaces what is between the markers of `path`; a page that is not there becomes one.
pub fn write(path: &Path, cases: &[Case], results: &Results) -> Result<()> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(_) => format!("# Performance\n\n{BEGIN}\n{END}\n"),
    };
    let (before, rest) = text.split_once(BEGIN).with_context(|| format!("{} lacks `{BEGIN}`", path.display()))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("{} lacks `{END}`", path.display()))?;
    let page = format!("{before}{BEGIN}\n{}{END}{after}", tables(cases, results)?);
    fs::write(path, page).with_context(|| path.display().to_string())
}

fn tables(cases: &[Case], results: &Results) -> Result<String> {
    let mut out = String::from("\n");
    for line in &results.machine {
        writeln!(out, "- {line}")?;
    }
    let rows: Vec<(&Case, &Measurement)> = cases
        .iter()
        .flat_map(|case| results.measurements.iter().filter(|m| m.case == case.name).map(move |m| (case, m)))
        .collect();
    writeln!(
        out,
        "\n| case | threads | ours, ms | theirs, ms | ratio | goal | reached | ratio without building | \
         memory ours / theirs, MB | difference | runs |\n|---|---|---|---|---|---|---|---|---|---|---|"
    )?;
    for &(case, m) in &rows {
        writeln!(
            out,
            "| {} | {} | {} | {} | {:.2} | {} | {} | {:.2} | {:.0} / {:.0} | {:.0e} | {} |",
            m.case,
            m.threads,
            spread(&m.ours.total),
            spread(&m.theirs.total),
            m.ratio(),
            case.goal,
            yes(m.ratio() >= case.goal && m.ours.memory <= m.theirs.memory),
            m.network_ratio(),
            m.ours.memory as f64 / 1e6,
            m.theirs.memory as f64 / 1e6,
            m.difference,
            m.runs,
        )?;
    }
    writeln!(
        out,
        "\n| case | threads | bare, ms | ours / bare | goal | theirs / bare | ours: building, ms | theirs: building, ms | \
         GFLOP | GFLOP/s | GB | at copy rate, ms |\n|---|---|---|---|---|---|---|---|---|---|---|---|"
    )?;
    for &(case, m) in &rows {
        let over = m.ours.total.median / m.bare.median;
        let goal = case.bare_goal.map_or("–".to_owned(), |goal| format!("{goal}, {}", yes(over <= goal)));
        let rate = if m.floor.flop > 0.0 { format!("{:.0}", m.floor.flop / m.bare.median / 1e9) } else { "–".into() };
        writeln!(
            out,
            "| {} | {} | {} | {over:.2} | {goal} | {:.2} | {} | {} | {:.2} | {rate} | {:.3} | {} |",
            m.case,
            m.threads,
            spread(&m.bare),
            m.theirs.total.median / m.bare.median,
            spread(&m.ours.build),
            spread(&m.theirs.build),
            m.floor.flop / 1e9,
            m.floor.bytes / 1e9,
            digits(1e3 * m.floor.bytes / m.copy),
        )?;
    }
    writeln!(out, "\nThe cases:\n")?;
    for case in cases.iter().filter(|case| case.goal > 0.0) {
        writeln!(out, "- `{}`: {}", case.name, case.title)?;
    }
    writeln!(out)?;
    Ok(out)
}

fn yes(reached: bool) -> &'static str {
    if reached { "yes" } else { "no" }
}

/// Median and quartiles in milliseconds.
fn spread(q: &Quartiles) -> String {
    format!("{} ({}–{})", digits(1e3 * q.median), digits(1e3 * q.lower), digits(1e3 * q.upper))
}

/// Three significant digits, more where there are more before the point.
fn digits(value: f64) -> String {
    let places = if value > 0.0 { (2.0 - value.log10().floor()).clamp(0.0, 4.0) as usize } else { 0 };
    format!("{value:.places$}")
}
