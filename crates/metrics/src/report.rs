//! Reports: the numbers that belong together, with their sample count and unit.

use std::{collections::BTreeMap, fmt};

use ndarray::{Array1, ArrayView1};
use serde::{Deserialize, Serialize};

use crate::{Error, Result, accuracy, input::pair, kendall, mape, rmspe, spearman};

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
            spearman: spearman(predicted, measured).ok(),
            kendall: kendall(predicted, measured).ok(),
        })
    }

    fn cells(&self) -> [String; 7] {
        let share = |v: f64| format!("{:.2} %", 100.0 * v);
        let rank = |v: Option<f64>| v.map_or("–".into(), |v| format!("{v:.4}"));
        [
            self.n.to_string(),
            share(self.mape),
            share(self.acc_5),
            share(self.acc_10),
            share(self.rmspe),
            rank(self.spearman),
            rank(self.kendall),
        ]
    }
}

/// Reports of groups (families, devices, graphs) and of all samples together. Prints as a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupReport {
    /// By name of the group.
    pub groups: BTreeMap<String, Report>,
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
        if groups.len() != predicted.len() {
            let (predicted, measured) = (predicted.len(), groups.len());
            return Err(Error::Lengths { predicted, measured, what: "group names" });
        }
        let mut members: BTreeMap<&str, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
        for ((group, &p), &y) in groups.iter().zip(predicted).zip(measured) {
            let (ps, ys) = members.entry(group.as_ref()).or_default();
            ps.push(p);
            ys.push(y);
        }
        let report = |(name, (p, y)): (&str, (Vec<f64>, Vec<f64>))| {
            let report = Report::new(Array1::from(p).view(), Array1::from(y).view(), unit)?;
            Ok((name.to_owned(), report))
        };
        let groups = members.into_iter().map(report).collect::<Result<_>>()?;
        Ok(Self { groups, all: Report::new(predicted, measured, unit)? })
    }
}

const HEADINGS: [&str; 7] = ["n", "MAPE", "Acc@5 %", "Acc@10 %", "RMSPE", "Spearman", "Kendall"];

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        table(f, &format!("[{}]", self.unit), &[(String::new(), self.cells())])
    }
}

impl fmt::Display for GroupReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups = self.groups.iter().map(|(name, report)| (name.clone(), report.cells()));
        let rows: Vec<_> = groups.chain([("all".into(), self.all.cells())]).collect();
        table(f, &format!("[{}]", self.all.unit), &rows)
    }
}

/// Names left, numbers right, two spaces between columns.
fn table(f: &mut fmt::Formatter<'_>, corner: &str, rows: &[(String, [String; 7])]) -> fmt::Result {
    let length = |text: &str| text.chars().count();
    let name = rows.iter().map(|r| length(&r.0)).chain([length(corner)]).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEADINGS.len())
        .map(|i| rows.iter().map(|r| length(&r.1[i])).chain([length(HEADINGS[i])]).max().unwrap_or(0))
        .collect();
    write!(f, "{corner:name$}")?;
    HEADINGS.iter().zip(&widths).try_for_each(|(heading, width)| write!(f, "  {heading:>width$}"))?;
    for (label, cells) in rows {
        write!(f, "\n{label:name$}")?;
        cells.iter().zip(&widths).try_for_each(|(cell, width)| write!(f, "  {cell:>width$}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_a_table_with_counts_and_units() {
        let (predicted, measured) = ([1.02, 2.3, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]);
        let report = GroupReport::new(&predicted, &measured, &["vgg", "vgg", "vgg", "resnet"], "ms").unwrap();
        let expected = "\
[ms]    n    MAPE   Acc@5 %  Acc@10 %   RMSPE  Spearman  Kendall
resnet  1  0.00 %  100.00 %  100.00 %  0.00 %         –        –
vgg     3  5.67 %   66.67 %   66.67 %  8.74 %    1.0000   1.0000
all     4  4.25 %   75.00 %   75.00 %  7.57 %    1.0000   1.0000";
        assert_eq!(report.to_string(), expected);
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<GroupReport>(&json).unwrap().groups.len(), 2);
    }

    #[test]
    fn refuses_groups_that_do_not_fit() {
        let error = GroupReport::new(&[1.0], &[1.0], &["a", "b"], "ms").unwrap_err();
        assert_eq!(error.to_string(), "1 predicted values for 2 group names");
    }
}
