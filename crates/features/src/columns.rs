//! The columns of a feature set, by what becomes of them.

/// Names of columns. A row of a node is `kept`, then `scaled`, then `appended`; the features of a graph are `kept_globals`,
/// then `scaled_globals`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// Of a node, left as they are: one-hot columns, and logarithms that a predictor reads as such.
    pub kept: Vec<String>,
    /// Of a node, scaled by what the training data hold.
    pub scaled: Vec<String>,
    /// Of a node, added by [`Features::complete`](crate::Features::complete) after the others are scaled.
    pub appended: Vec<String>,
    /// Of an edge, scaled.
    pub edges: Vec<String>,
    /// Of a graph, left as they are.
    pub kept_globals: Vec<String>,
    /// Of a graph, scaled.
    pub scaled_globals: Vec<String>,
}

impl Columns {
    /// Columns of a node before [`appended`](Self::appended) ones, which is what featurising fills.
    pub(crate) fn filled(&self) -> usize {
        self.kept.len() + self.scaled.len()
    }
}

/// Names as columns.
pub(crate) fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// `PREFIX=NAME` for each operator, and `PREFIX=?` for all others.
pub(crate) fn one_hot(prefix: &str, operators: &[String]) -> Vec<String> {
    operators.iter().map(String::as_str).chain(["?"]).map(|operator| format!("{prefix}={operator}")).collect()
}
