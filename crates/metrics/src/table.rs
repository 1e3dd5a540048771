//! Tables of text.

use std::fmt;

/// Names left, numbers right, two spaces between columns.
pub fn table<const N: usize>(
    f: &mut fmt::Formatter<'_>,
    corner: &str,
    headings: [&str; N],
    rows: &[(String, [String; N])],
) -> fmt::Result {
    let length = |text: &str| text.chars().count();
    let name = rows.iter().map(|r| length(&r.0)).chain([length(corner)]).max().unwrap_or(0);
    let widths: Vec<usize> =
        (0..N).map(|i| rows.iter().map(|r| length(&r.1[i])).chain([length(headings[i])]).max().unwrap_or(0)).collect();
    write!(f, "{corner:name$}")?;
    headings.iter().zip(&widths).try_for_each(|(heading, width)| write!(f, "  {heading:>width$}"))?;
    for (label, cells) in rows {
        write!(f, "\n{label:name$}")?;
        cells.iter().zip(&widths).try_for_each(|(cell, width)| write!(f, "  {cell:>width$}"))?;
    }
    Ok(())
}
