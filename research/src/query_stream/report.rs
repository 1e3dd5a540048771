//! What the stream came to.

use tachograph_metrics::{median, quantile};

/// Counts since the beginning.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// All that was asked.
    pub queries: usize,
    /// Answered by a measurement made before.
    pub measured: usize,
    /// Answered from other batches.
    pub interpolated: usize,
    /// Seconds that measuring all would have taken.
    pub without_store: f64,
    /// Seconds that asking, and measuring the rest, took.
    pub with_store: f64,
    /// Seconds of each asking for what was measured before.
    pub hits: Vec<f64>,
    /// Of interpolations, relative to the time that a measurement would have found.
    pub interpolation_errors: Vec<f64>,
}

impl Tally {
    /// How many times as fast the stream was answered.
    pub fn factor(&self) -> f64 {
        self.without_store / self.with_store
    }
}

/// Prints a table of the counts.
pub fn print(tallies: &[Tally]) {
    println!("| queries | measured before | interpolated | hours without a store | with it | factor |");
    println!("|--:|--:|--:|--:|--:|--:|");
    for tally in tallies {
        let share = |part: usize| 100.0 * part as f64 / tally.queries.max(1) as f64;
        println!(
            "| {} | {:.1} % | {:.1} % | {:.2} | {:.2} | {:.2} |",
            tally.queries,
            share(tally.measured),
            share(tally.interpolated),
            tally.without_store / 3600.0,
            tally.with_store / 3600.0,
            tally.factor()
        );
    }
    let Some(last) = tallies.last() else { return };
    if let Some(hit) = median(&last.hits) {
        println!("a hit takes {:.2} ms in the median, reading and hashing the model apart", 1e3 * hit);
    }
    let errors = &last.interpolation_errors;
    if let Some((middle, most)) = median(errors).zip(quantile(errors, 0.9)) {
        let (middle, most) = (100.0 * middle, 100.0 * most);
        println!("interpolations are {middle:.1} % off in the median, {most:.1} % at the 90th percentile");
    }
}
