//! The rows of a table: one a predictor, over seeds and folds.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use anyhow::{Context, Result};
use tachograph_metrics::{Report, median_ape};
use tachograph_train::Predicted;

/// One run of a predictor: all folds of one seed.
#[derive(Default)]
struct Run {
    /// By column of the table (a device, say), predictions of every fold together.
    columns: BTreeMap<String, Vec<Predicted>>,
}

/// A table under construction.
pub struct Rows {
    title: String,
    unit: &'static str,
    /// Predictors in the order of their first result, each with its runs by seed.
    rows: Vec<(String, BTreeMap<u64, Run>)>,
    /// Hashes of splits, by what they divide.
    splits: BTreeMap<String, String>,
    notes: Vec<String>,
}

impl Rows {
    /// An empty table. `unit` is that of the values compared, such as `ms an image`.
    pub fn new(title: impl Into<String>, unit: &'static str) -> Self {
        Self { title: title.into(), unit, rows: vec![], splits: BTreeMap::new(), notes: vec![] }
    }

    /// Adds predictions on the test part of a fold. Those of one predictor, seed and column are compared together, so
    /// that every network counts once. Predictors that have no seed give 0.
    pub fn add(&mut self, predictor: &str, seed: u64, column: &str, predictions: impl IntoIterator<Item = Predicted>) {
        let position = self.rows.iter().position(|(name, _)| name == predictor).unwrap_or_else(|| {
            self.rows.push((predictor.into(), BTreeMap::new()));
            self.rows.len() - 1
        });
        let run = self.rows[position].1.entry(seed).or_default();
        run.columns.entry(column.into()).or_default().extend(predictions);
    }

    /// Records the hash of a split, which is printed below the table.
    pub fn split(&mut self, name: impl Into<String>, hash: impl Into<String>) {
        self.splits.insert(name.into(), hash.into());
    }

    /// Adds a line below the table.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Prints one line a predictor: the mean over columns.
    ///
    /// # Errors
    /// Predictions or measurements that are no positive numbers.
    pub fn print(&self) -> Result<()> {
        self.head("predictor");
        for (name, runs) in &self.rows {
            println!("{}", Line::new(name, runs.values().map(|run| run.columns.values().collect()).collect())?);
        }
        self.foot();
        Ok(())
    }

    /// Prints a table a predictor, with one line a column.
    ///
    /// # Errors
    /// As [`Rows::print`].
    pub fn print_each_column(&self) -> Result<()> {
        for (name, runs) in &self.rows {
            self.head(name);
            let columns: BTreeSet<&String> = runs.values().flat_map(|run| run.columns.keys()).collect();
            for column in columns {
                let of_runs = runs.values().filter_map(|run| run.columns.get(column));
                println!("{}", Line::new(column, of_runs.map(|rows| vec![rows]).collect())?);
            }
        }
        println!();
        Ok(())
    }

    fn head(&self, first: &str) {
        println!("\n### {} ({})\n", self.title, self.unit);
        println!("| {first} | MAPE | median APE | Acc@10 % | Spearman | n |\n|---|---|---|---|---|---|");
    }

    fn foot(&self) {
        let seeds: BTreeSet<u64> = self.rows.iter().flat_map(|(_, runs)| runs.keys().copied()).collect();
        let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
        println!("\nSeeds {}.", seeds.join(", "));
        for (name, hash) in &self.splits {
            println!("Split {name}: {hash}.");
        }
        self.notes.iter().for_each(|note| println!("{note}"));
        println!();
    }
}

/// A line of the table.
struct Line {
    name: String,
    mape: Spread,
    median: Spread,
    acc_10: Spread,
    spearman: Spread,
    n: usize,
}

impl Line {
    /// `runs` holds, seed by seed, the predictions column by column.
    fn new(name: &str, runs: Vec<Vec<&Vec<Predicted>>>) -> Result<Self> {
        let (mut mape, mut median, mut acc_10, mut spearman, mut n) = (vec![], vec![], vec![], vec![], 0);
        for columns in runs {
            let reports = columns.iter().map(|rows| report(rows)).collect::<Result<Vec<_>>>()?;
            let mean = Report::mean(reports.iter().map(|(report, _)| report)).context("a run without predictions")?;
            mape.push(100.0 * mean.mape);
            median.push(100.0 * reports.iter().map(|(_, median)| median).sum::<f64>() / reports.len() as f64);
            acc_10.push(100.0 * mean.acc_10);
            spearman.push(mean.spearman.unwrap_or(f64::NAN));
            n = mean.n;
        }
        let [mape, median, acc_10, spearman] = [mape, median, acc_10, spearman].map(Spread::of);
        Ok(Self { name: name.into(), mape, median, acc_10, spearman, n })
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, mape, median, acc_10, spearman, n } = self;
        write!(f, "| {name} | {mape:.2} % | {median:.2} % | {acc_10:.1} % | {spearman:.4} | {n} |")
    }
}

/// Mean and standard deviation over seeds.
struct Spread {
    mean: f64,
    deviation: Option<f64>,
}

impl Spread {
    fn of(values: Vec<f64>) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
        Self { mean, deviation: (values.len() > 1).then(|| (squares / (n - 1.0)).sqrt()) }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        match self.deviation {
            Some(deviation) => write!(f, "{:.digits$} ± {deviation:.digits$}", self.mean),
            None => write!(f, "{:.digits$}", self.mean),
        }
    }
}

/// The report and the median absolute percentage error, as a fraction.
fn report(rows: &[Predicted]) -> Result<(Report, f64)> {
    let (predicted, measured): (Vec<f64>, Vec<f64>) = rows.iter().map(|row| (row.predicted, row.measured)).unzip();
    let report = Report::new(&predicted[..], &measured[..], "")?;
    let median = median_ape(&predicted[..], &measured[..])?;
    Ok((report, median))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn predicted(predicted: f64, measured: f64) -> Predicted {
        Predicted { name: "n".into(), family: "f".into(), batch: 1, output: 0, predicted, measured }
    }

    #[test]
    fn folds_of_a_seed_count_together_and_columns_are_averaged() {
        let mut rows = Rows::new("t", "ms");
        // One column has errors of 10, 20 and 60 %, in two folds; the other of 30 %.
        rows.add("ours", 0, "a", [predicted(1.1, 1.0), predicted(2.4, 2.0)]);
        rows.add("ours", 0, "b", [predicted(1.3, 1.0)]);
        rows.add("ours", 0, "a", [predicted(4.8, 3.0)]);
        let (name, runs) = &rows.rows[0];
        let line = Line::new(name, runs.values().map(|run| run.columns.values().collect()).collect()).unwrap();
        assert_eq!(line.to_string(), "| ours | 30.00 % | 25.00 % | 0.0 % | 1.0000 | 4 |");
    }

    #[test]
    fn seeds_are_spread() {
        let runs = [vec![predicted(1.1, 1.0), predicted(2.2, 2.0)], vec![predicted(1.3, 1.0), predicted(2.6, 2.0)]];
        let line = Line::new("ours", runs.iter().map(|rows| vec![rows]).collect()).unwrap();
        assert!(line.to_string().starts_with("| ours | 20.00 ± 14.14 % | 20.00 ± 14.14 % |"), "{line}");
        assert!(Line::new("none", vec![vec![]]).is_err());
    }
}
