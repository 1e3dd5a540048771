//! A page on a compiled network: what was chosen, and predicted beside measured times.

use askama::Template;
use serde::{Deserialize, Serialize};

use crate::Result;

/// What a page on a compiled network shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlanPage {
    /// What was compiled.
    pub title: String,
    /// Names and values to read first.
    pub facts: Vec<(String, String)>,
    /// What a reader must know before trusting the numbers.
    pub warnings: Vec<String>,
    /// The steps in order.
    pub rows: Vec<PlanRow>,
}

/// A step of a compiled network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlanRow {
    /// Its group.
    pub group: usize,
    /// Its operators, or what it is else.
    pub what: String,
    /// How it is computed: form and template, or why otherwise.
    pub how: String,
    /// Its time before, in milliseconds.
    pub predicted_ms: f64,
    /// Where that is from.
    pub from: String,
    /// Its time in a run of the whole.
    pub ms: f64,
    /// What the default takes; `None` where it is the default.
    pub default_ms: Option<f64>,
    /// The steps of its schedule, line by line.
    pub schedule: String,
}

#[derive(Template)]
#[template(path = "plan.html")]
struct Filled<'a> {
    page: &'a PlanPage,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    row: &'a PlanRow,
    predicted: String,
    ms: String,
    default: String,
    /// Percent of the longest step.
    bar: f64,
}

impl PlanPage {
    /// The page.
    ///
    /// # Errors
    /// None known: the template takes whatever there is.
    pub fn to_html(&self) -> Result<String> {
        let longest = self.rows.iter().map(|row| row.ms).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
        Ok(Filled { page: self, rows: self.rows.iter().map(|row| Row::new(row, longest)).collect() }.render()?)
    }
}

impl<'a> Row<'a> {
    fn new(row: &'a PlanRow, longest: f64) -> Self {
        let ms = |ms: f64| format!("{ms:.4}");
        let default = row.default_ms.map_or_else(String::new, ms);
        Self { row, predicted: ms(row.predicted_ms), ms: ms(row.ms), default, bar: 100.0 * row.ms / longest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_model_says_is_text() {
        let row = PlanRow { what: "<b>Conv</b>".into(), ms: 0.25, predicted_ms: 0.2, ..PlanRow::default() };
        let page = PlanPage { title: "a & b".into(), rows: vec![row], ..PlanPage::default() };
        let html = page.to_html().unwrap();
        assert!(html.contains("a &#38; b") && !html.contains("<b>Conv"), "{html}");
        assert!(html.contains("0.2500") && html.contains("0.2000"));
    }
}
