//! Reports: the numbers that belong together, with their sample count and unit.

use std::{collections::BTreeMap, fmt};

use ndarray::ArrayView1;
use serde::{Deserialize, Serialize};

use crate::{
    Result, accuracy, bias, groups::divide, input::pair, kendall, mae, mape, rmse, rmspe, spearman, table::table,
};

/// Quality of predictions. Shares are fractions: 0.1 is 10 %. Prints as a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Number of samples.
    pub n: usize,
    /// Unit of the target, such as `ms`.
    pub unit: String,
    /// Mean absolute percentage error.
    pub mape: f64,
    /// Share of samples within 5 %.
    pub acc_5: f64,
    /// Share of samples within 10 %.
    pub acc_10: f64,
    /// Root mean squared percentage error.
    pub rmspe: f64,
    /// Mean absolute error, in `unit`.
    pub mae: f64,
    /// Root mean squared error, in `unit`.
    pub rmse: f64,
    /// Mean signed error, in `unit`: positive where predictions are too large.
    pub bias: f64,
    /// Spearman's rank correlation; `None` where it is not defined (one sample, constant values).
    pub spearman: Option<f64>,
    /// Kendall's τ-b; `None` where it is not defined.
    pub kendall: Option<f64>,
}

impl Report {
    /// Compares `predicted` with `measured`, both in `unit`.
    ///
    /// # Errors
    /// Unequal lengths, no samples, values that are not finite, a target of zero.
    pub fn new<'a>(
        predicted: impl Into<ArrayView1<'a, f64>>,
        measured: impl Into<ArrayView1<'a, f64>>,
        unit: &str,
    ) -> Result<Self> {
        let (predicted, measured) = pair(predicted, measured)?;
        Ok(Self {
            n: predicted.len(),
            unit: unit.into(),
            mape: mape(predicted, measured)?,
            acc_5: accuracy(predicted, measured, 0.05)?,
            acc_10: accuracy(predicted, measured, 0.10)?,
            rmspe: rmspe(predicted, measured)?,
            mae: mae(predicted, measured)?,
            rmse: rmse(predicted, measured)?,
            bias: bias(predicted, measured)?,
            spearman: spearman(predicted, measured).ok(),
            kendall: kendall(predicted, measured).ok(),
        })
    }

    /// The mean of every number over `reports`, each weighing the same. Rank correlations: over the reports that
    /// have one. `n` is the sum. `None` without reports.
    pub fn mean<'a>(reports: impl IntoIterator<Item = &'a Report>) -> Option<Self> {
        let reports: Vec<_> = reports.into_iter().collect();
        let unit = reports.first()?.unit.clone();
        let mean = |of: fn(&Report) -> f64| reports.iter().map(|r| of(r)).sum::<f64>() / reports.len() as f64;
        let rank = |of: fn(&Report) -> Option<f64>| {
            let values: Vec<f64> = reports.iter().filter_map(|r| of(r)).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        Some(Self {
            n: reports.iter().map(|r| r.n).sum(),
            unit,
            mape: mean(|r| r.mape),
            acc_5: mean(|r| r.acc_5),
            acc_10: mean(|r| r.acc_10),
            rmspe: mean(|r| r.rmspe),
            mae: mean(|r| r.mae),
            rmse: mean(|r| r.rmse),
            bias: mean(|r| r.bias),
            spearman: rank(|r| r.spearman),
            kendall: rank(|r| r.kendall),
        })
    }

    fn cells(&self) -> [String; 10] {
        let share = |v: f64| format!("{:.2} %", 100.0 * v);
        let rank = |v: Option<f64>| v.map_or("–".into(), |v| format!("{v:.4}"));
        [
            self.n.to_string(),
            share(self.mape),
            share(self.acc_5),
            share(self.acc_10),
            share(self.rmspe),
            format!("{:.4}", self.mae),
            format!("{:.4}", self.rmse),
            format!("{:+.4}", self.bias),
            rank(self.spearman),
            rank(self.kendall),
        ]
    }
}

/// Reports of groups (families, devices, graphs), their mean, and all samples together. Prints as a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupReport {
    /// By name of the group.
    pub groups: BTreeMap<String, Report>,
    /// [`Report::mean`] over groups.
    pub mean: Report,
    /// Over all samples, whatever their group.
    pub all: Report,
}

impl GroupReport {
    /// Compares group by group; `groups` names the group of each sample.
    ///
    /// # Errors
    /// As [`Report::new`], also where `groups` has another length.
    pub fn new<'a>(
        predicted: impl Into<ArrayView1<'a, f64>>,
        measured: impl Into<ArrayView1<'a, f64>>,
        groups: &[impl AsRef<str>],
        unit: &str,
    ) -> Result<Self> {
        let (predicted, measured) = pair(predicted, measured)?;
        let groups = divide(predicted, measured, groups)?
            .into_iter()
            .map(|(name, (p, y))| Ok((name, Report::new(&p, &y, unit)?)))
            .collect::<Result<BTreeMap<_, _>>>()?;
        let all = Report::new(predicted, measured, unit)?;
        let mean = Report::mean(groups.values()).unwrap_or_else(|| all.clone());
        Ok(Self { groups, mean, all })
    }
}

const HEADINGS: [&str; 10] =
    ["n", "MAPE", "Acc@5 %", "Acc@10 %", "RMSPE", "MAE", "RMSE", "bias", "Spearman", "Kendall"];

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        table(f, &format!("[{}]", self.unit), HEADINGS, &[(String::new(), self.cells())])
    }
}

impl fmt::Display for GroupReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups = self.groups.iter().map(|(name, report)| (name.clone(), report.cells()));
        let mean = (format!("mean of {}", self.groups.len()), self.mean.cells());
        let rows: Vec<_> = groups.chain([mean, ("all".into(), self.all.cells())]).collect();
        table(f, &format!("[{}]", self.all.unit), HEADINGS, &rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_a_table_with_counts_and_units() {
        let (predicted, measured) = ([1.02, 2.3, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]);
        let report = GroupReport::new(&predicted, &measured, &["vgg", "vgg", "vgg", "resnet"], "ms").unwrap();
        let expected = "\
[ms]       n    MAPE   Acc@5 %  Acc@10 %   RMSPE     MAE    RMSE     bias  Spearman  Kendall
resnet     1  0.00 %  100.00 %  100.00 %  0.00 %  0.0000  0.0000  +0.0000         –        –
vgg        3  5.67 %   66.67 %   66.67 %  8.74 %  0.1067  0.1736  +0.1067    1.0000   1.0000
mean of 2  4  2.83 %   83.33 %   83.33 %  4.37 %  0.0533  0.0868  +0.0533    1.0000   1.0000
all        4  4.25 %   75.00 %   75.00 %  7.57 %  0.0800  0.1503  +0.0800    1.0000   1.0000";
        assert_eq!(report.to_string(), expected);
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<GroupReport>(&json).unwrap(), report);
    }

    #[test]
    fn refuses_groups_that_do_not_fit() {
        let error = GroupReport::new(&[1.0], &[1.0], &["a", "b"], "ms").unwrap_err();
        assert_eq!(error.to_string(), "1 predicted values for 2 group names");
    }
}
