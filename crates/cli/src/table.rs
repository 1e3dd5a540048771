//! Output for people and for machines.

use anyhow::Result;
use serde::Serialize;

/// Prints a JSON object on a line of its own.
///
/// # Errors
/// The value is no JSON.
pub fn json(value: &impl Serialize) -> Result<()> {
    out!("{}", serde_json::to_string(value)?);
    Ok(())
}

/// Prints rows below their titles; columns of numbers are aligned to the right.
pub fn table(titles: &[&str], rows: &[impl AsRef<[String]>]) {
    let cells = |c: usize| rows.iter().map(move |row| row.as_ref()[c].as_str());
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
    rows.iter().for_each(|row| print(&row.as_ref().iter().map(String::as_str).collect::<Vec<_>>()));
}

/// Prints how positive values are distributed, in ten classes of equal width on a logarithmic scale.
pub fn histogram(values: &[f64], unit: &str) {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
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
