//! What the stream came to.

use tachograph_metrics::{median, quantile};

/// Counts since the beginning.
#[derive(Default)]
pub struct Tally {
    pub queries: usize,
    pub measured: usize,
    pub interpolated: usize,
    /// Seconds that measuring all would have taken, and that asking and measuring the rest took.
    pub without_store: f64,
    pub with_store: f64,
    /// Seconds of the hits, all together.
    pub hits: f64,
    /// Of interpolations, relative to the time that a measurement would have found.
    pub interpolation_errors: Vec<f64>,
}

/// A line of the table.
pub struct Row {
    queries: usize,
    measured: f64,
    interpolated: f64,
    without_hours: f64,
    with_hours: f64,
}

impl Row {
    pub fn of(tally: &Tally) -> Self {
        let share = |part: usize| 100.0 * part as f64 / tally.queries.max(1) as f64;
        Self {
            queries: tally.queries,
            measured: share(tally.measured),
            interpolated: share(tally.interpolated),
            without_hours: tally.without_store / 3600.0,
            with_hours: tally.with_store / 3600.0,
        }
    }
}

pub fn print(rows: &[Row], tally: &Tally) {
    println!("| queries | measured before | interpolated | hours without a store | with it | factor |");
    println!("|--:|--:|--:|--:|--:|--:|");
    for row in rows {
        let Row { queries, measured, interpolated, without_hours, with_hours } = row;
        let factor = without_hours / with_hours;
        println!(
            "| {queries} | {measured:.1} % | {interpolated:.1} % | {without_hours:.2} | {with_hours:.2} | {factor:.2} |"
        );
    }
    println!("a hit took {:.2} ms in the mean, reading and hashing the model apart", 1e3 * tally.hits / tally.measured.max(1) as f64);
    let errors = &tally.interpolation_errors;
    if let Some((middle, most)) = median(errors).zip(quantile(errors, 0.9)) {
        println!("interpolations are {:.1} % off in the median, {:.1} % at the 90th percentile", 100.0 * middle, 100.0 * most);
    }
}
