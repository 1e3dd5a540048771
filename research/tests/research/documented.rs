//! Whether figures that a program prints are those in `docs/results.md`.

use std::fs;

use crate::at;

/// The cells of a row of a table in Markdown, without emphasis and names.
fn cells(line: &str) -> Vec<String> {
    let cells = line.trim().trim_matches('|').split('|');
    cells.map(|cell| cell.trim().trim_matches('*').to_owned()).collect()
}

/// The rows that begin with this name in what `reproduce` printed.
pub fn rows(out: &str, name: &str) -> Vec<Vec<String>> {
    let of = |line: &str| line.starts_with('|').then(|| cells(line)).filter(|cells| cells[0] == name);
    out.lines().filter_map(of).collect()
}

/// Asserts that what `reproduce` printed has a row of this name, and that some row of `docs/results.md` has every figure
/// of each. The documents may have further columns, or two tables side by side; `left_out` columns at the end of what is
/// printed need not be there.
pub fn assert_documented(out: &str, name: &str, left_out: usize) {
    let documented = fs::read_to_string(at("docs/results.md")).unwrap();
    let documented: Vec<Vec<String>> = documented.lines().filter(|l| l.starts_with('|')).map(cells).collect();
    let rows = rows(out, name);
    assert!(!rows.is_empty(), "no row `{name}` in\n{out}");
    for row in rows {
        let figures = &row[1..row.len() - left_out];
        let has = |cells: &Vec<String>| figures.iter().all(|figure| cells.contains(figure));
        assert!(documented.iter().any(has), "docs/results.md has no row with {figures:?} of `{name}`");
    }
}

#[test]
#[should_panic(expected = "no row with")]
fn a_figure_that_is_not_in_the_documents_is_seen() {
    assert_documented("| FLOPs line | 12.34 % | 0.1 % | 3 |", "FLOPs line", 1);
}
