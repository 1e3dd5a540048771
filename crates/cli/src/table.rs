//! Output for people and for machines.

use anyhow::Result;
use serde::Serialize;
use tachograph_ir::Plain;

/// Prints a JSON object on a line of its own.
///
/// # Errors
/// The value is no JSON.
pub fn json(value: &impl Serialize) -> Result<()> {
    out!("{}", serde_json::to_string(value)?);
    Ok(())
}

/// Prints rows below their titles; columns of numbers are aligned to the right. Cells hold names of files: they are shown
/// so that each row is a line.
pub fn table(titles: &[&str], rows: &[impl AsRef<[String]>]) {
    let plain = |row: &[String]| row.iter().map(|cell| Plain(cell).to_string()).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = rows.iter().map(|row| plain(row.as_ref())).collect();
    let cells = |c: usize| rows.iter().map(move |row| row[c].as_str());
    let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit()) || matches!(text, "" | "–");
    let column = |c: usize| {
        let width = cells(c).map(|text| text.chars().count()).max().unwrap_or_default();
        (width.max(titles[c].chars().count()), cells(c).all(is_number))
    };
    let columns: Vec<(usize, bool)> = (0..titles.len()).map(column).collect();
    let print = |row: &[&str]| {
        let cells = row.iter().zip(&columns).map(|(text, &(width, number))| match number {
            true => format!("{text:>width$}"),
            false => format!("{text:<width$}"),
        });
        out!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    };
    print(titles);
    rows.iter().for_each(|row| print(&row.iter().map(String::as_str).collect::<Vec<_>>()));
}

/// A number of things, as `1 node` and `2 nodes`.
pub fn counted(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Prints how positive values are distributed, in ten classes of equal width on a logarithmic scale.
pub fn histogram(values: &[f64], unit: &str) {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    if !values.is_empty() && least == most {
        out!("  {least:10.3} {unit}  {:8}  {}", values.len(), "#".repeat(50));
        return;
    }
    let mut counts = [0_usize; 10];
    let step = (most / least).ln().max(f64::MIN_POSITIVE) / counts.len() as f64;
    for value in values {
        let class = ((value / least).ln() / step) as usize;
        counts[class.min(counts.len() - 1)] += 1;
    }
    let longest = counts.iter().copied().max().unwrap_or(0).max(1);
    for (class, count) in counts.iter().enumerate().filter(|_| !values.is_empty()) {
        let from = least * (class as f64 * step).exp();
        out!("  {from:10.3} {unit}  {count:8}  {}", "#".repeat((50 * count).div_ceil(longest)));
    }
}
