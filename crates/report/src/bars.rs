//! Bars: names and shares, the largest first.

use std::fmt::Write;

use crate::svg::{escaped, open};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 20.0;
/// Where bars begin, and how long the longest is.
const START: f64 = 330.0;
const LONGEST: f64 = 350.0;
/// More are not drawn.
const MOST: usize = 24;
/// Characters of a name that fit.
const FITS: usize = 48;

pub(crate) fn svg(bars: &[(String, f64)]) -> Option<String> {
    let most = bars.iter().map(|(_, share)| *share).filter(|share| share.is_finite()).fold(0.0, f64::max);
    if most <= 0.0 {
        return None;
    }
    let shown = &bars[..bars.len().min(MOST)];
    let mut text = open(WIDTH, HEIGHT * shown.len() as f64 + 6.0);
    for (i, (name, share)) in shown.iter().enumerate() {
        let y = HEIGHT * i as f64 + 4.0;
        let short: String = match name.char_indices().nth(FITS) {
            Some((end, _)) => format!("{}…", &name[..end]),
            None => name.clone(),
        };
        let length = (LONGEST * (share / most).clamp(0.0, 1.0) * 10.0).round() / 10.0;
        let _ = write!(
            text,
            r##"<text x="{}" y="{}" text-anchor="end"><title>{}</title>{}</text><rect x="{START}" y="{y}" width="{length}" height="14" fill="#0072b2"/><text x="{}" y="{}">{share:.2}</text>"##,
            START - 8.0,
            y + 12.0,
            escaped(name),
            escaped(&short),
            START + length + 6.0,
            y + 12.0,
        );
    }
    Some(text + "</svg>\n")
}

#[cfg(test)]
mod tests {
    use super::svg;

    #[test]
    fn bars_are_as_long_as_their_shares() {
        let text = svg(&[("a<b".into(), 0.8), ("c".into(), 0.2)]).unwrap();
        assert!(
            text.contains("a&lt;b") && text.contains(r#"width="350""#) && text.contains(r#"width="87.5""#),
            "{text}"
        );
        assert_eq!((svg(&[]), svg(&[("a".into(), 0.0)])), (None, None));
    }
}
