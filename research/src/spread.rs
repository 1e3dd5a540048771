//! A number of several seeds in a table.

/// Mean, and least and most where there are several; a dash where there is none.
pub fn spread(values: &[f64], digits: usize) -> String {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let low = values.iter().copied().fold(f64::MAX, f64::min);
    let high = values.iter().copied().fold(f64::MIN, f64::max);
    match values.len() {
        0 => "–".into(),
        1 => format!("{mean:.digits$}"),
        _ => format!("{mean:.digits$} ({low:.digits$} to {high:.digits$})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_have_a_least_and_a_most() {
        let told = [&[][..], &[0.5], &[1.0, 3.0, 2.0]].map(|values| spread(values, 1));
        assert_eq!(told, ["–", "0.5", "2.0 (1.0 to 3.0)"]);
    }
}
