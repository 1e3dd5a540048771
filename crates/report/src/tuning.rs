//! A page on tuning: how the best came down with the trials, and which decisions matter.

use askama::Template;
use serde::{Deserialize, Serialize};

use crate::{Result, bars, curves};

/// What a page on tuning shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TuningPage {
    /// What was tuned.
    pub title: String,
    /// Names and values to read first.
    pub facts: Vec<(String, String)>,
    /// What a reader must know before trusting the numbers.
    pub warnings: Vec<String>,
    /// Pictures of best-so-far curves.
    pub charts: Vec<CurveChart>,
    /// Which decisions matter.
    pub importances: Vec<ImportanceChart>,
}

/// Best-so-far curves in one picture.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CurveChart {
    /// What they are of.
    pub title: String,
    /// The curves.
    pub curves: Vec<Curve>,
}

/// The best so far of one tuner, or of one task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Its name.
    pub name: String,
    /// Of each run the best after each trial, in milliseconds; `None` while there is none. Several runs are drawn as their
    /// median and a band between the quartiles.
    pub runs: Vec<Vec<Option<f64>>>,
}

/// How much decisions matter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ImportanceChart {
    /// Of what space.
    pub title: String,
    /// What is said below it: how far the model behind it can be trusted.
    pub note: String,
    /// Decisions and their importance.
    pub decisions: Vec<(String, f64)>,
}

impl CurveChart {
    /// The picture, a file of its own; `None` where no curve has a time.
    pub fn to_svg(&self) -> Option<String> {
        curves::svg(self)
    }
}

impl ImportanceChart {
    /// The picture, a file of its own; `None` where nothing matters.
    pub fn to_svg(&self) -> Option<String> {
        bars::svg(&self.decisions)
    }
}

#[derive(Template)]
#[template(path = "tuning.html")]
struct Filled<'a> {
    page: &'a TuningPage,
    charts: Vec<(&'a str, String)>,
    importances: Vec<(&'a ImportanceChart, String)>,
}

impl TuningPage {
    /// The page.
    ///
    /// # Errors
    /// None known: the template takes whatever there is.
    pub fn to_html(&self) -> Result<String> {
        let charts = self.charts.iter().filter_map(|chart| Some((chart.title.as_str(), chart.to_svg()?)));
        let importances = self.importances.iter().filter_map(|chart| Some((chart, chart.to_svg()?)));
        Ok(Filled { page: self, charts: charts.collect(), importances: importances.collect() }.render()?)
    }
}
