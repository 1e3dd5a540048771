//! Best-so-far curves: trials to the right, milliseconds upwards on a logarithmic axis.

use std::fmt::Write;

use tachograph_ir::Millis;

use crate::{
    CurveChart,
    chart::Axis,
    svg::{Linear, escaped, open},
};

const SIZE: (f64, f64) = (760.0, 400.0);
/// Left, right, top, bottom; a line of the legend below that.
const MARGIN: (f64, f64, f64, f64) = (72.0, 18.0, 14.0, 44.0);
const LEGEND: f64 = 18.0;

/// Okabe and Ito's colours, which the colour-blind can tell apart; then again, dashed.
const COLOURS: [&str; 8] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999933"];

/// The runs of a curve, trial by trial.
struct Summary {
    name: String,
    /// First quartile, median, third quartile; `None` while half of the runs have nothing.
    trials: Vec<Option<[f64; 3]>>,
    runs: usize,
}

fn summary(curve: &crate::Curve) -> Summary {
    let length = curve.runs.iter().map(Vec::len).max().unwrap_or(0);
    let at = |i: usize| {
        // A run that has ended stays where it was.
        let value = |run: &Vec<Option<f64>>| run.get(i.min(run.len().saturating_sub(1))).copied().flatten();
        let ms = |run| value(run).filter(|ms| *ms > 0.0 && ms.is_finite()).unwrap_or(f64::INFINITY);
        let mut values: Vec<f64> = curve.runs.iter().map(ms).collect();
        values.sort_by(f64::total_cmp);
        let place = |q: f64| (values.len().max(1) - 1) as f64 * q;
        let [low, middle, high] = [place(0.25).floor(), place(0.5).round(), place(0.75).ceil()];
        let [low, middle, high] =
            [low, middle, high].map(|at| values.get(at as usize).copied().unwrap_or(f64::INFINITY));
        middle.is_finite().then_some([low, middle, if high.is_finite() { high } else { middle }])
    };
    Summary { name: curve.name.clone(), trials: (0..length).map(at).collect(), runs: curve.runs.len() }
}

pub(crate) fn svg(chart: &CurveChart) -> Option<String> {
    let all: Vec<Summary> = chart.curves.iter().map(summary).collect();
    let all: Vec<Summary> = all.into_iter().filter(|curve| curve.trials.iter().any(Option::is_some)).collect();
    let longest = all.iter().map(|curve| curve.trials.len()).max()?;
    let (left, right, top, bottom) = (MARGIN.0, SIZE.0 - MARGIN.1, MARGIN.2, SIZE.1 - MARGIN.3);
    let values = all.iter().flat_map(|curve| curve.trials.iter().flatten().flatten().copied());
    let y = Axis::of(values, bottom, top)?;
    let x = Linear { low: 0.0, high: longest as f64, start: left, end: right };
    let height = SIZE.1 + LEGEND * all.len() as f64;
    let mut text = open(SIZE.0, height);
    for ms in y.ticks() {
        let at = y.at(ms);
        let _ = write!(
            text,
            r##"<line x1="{left}" x2="{right}" y1="{at}" y2="{at}" stroke="#e8e8e8"/><text x="{}" y="{}" text-anchor="end">{}</text>"##,
            left - 8.0,
            at + 4.0,
            Millis(ms)
        );
    }
    for trial in x.ticks() {
        let at = x.at(trial);
        let _ = write!(text, r#"<text x="{at}" y="{}" text-anchor="middle">{trial}</text>"#, bottom + 18.0);
    }
    let _ = write!(
        text,
        r##"<line x1="{left}" x2="{right}" y1="{bottom}" y2="{bottom}" stroke="#999"/><text x="{}" y="{}" text-anchor="middle">trials</text>"##,
        (left + right) / 2.0,
        bottom + 36.0
    );
    for (i, curve) in all.iter().enumerate() {
        let colour = COLOURS[i % COLOURS.len()];
        let dash = if i < COLOURS.len() { "" } else { r#" stroke-dasharray="5 4""# };
        let steps = |quartile: usize| steps(curve, quartile, &x, &y);
        if curve.runs > 1 {
            let back: Vec<String> = steps(2).into_iter().rev().collect();
            let band = [steps(0), back].concat().join(" ");
            let _ = write!(text, r#"<polygon points="{band}" fill="{colour}" fill-opacity=".15"/>"#);
        }
        let line = steps(1).join(" ");
        let _ = write!(text, r#"<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.8"{dash}/>"#);
        let (at, last) = (SIZE.1 + LEGEND * i as f64, curve.trials.iter().rev().flatten().next());
        let last = last.map_or_else(String::new, |[_, ms, _]| format!(": {}", Millis(*ms)));
        let runs = if curve.runs > 1 { format!(" (median of {} runs)", curve.runs) } else { String::new() };
        let _ = write!(
            text,
            r#"<line x1="{left}" x2="{}" y1="{at}" y2="{at}" stroke="{colour}" stroke-width="3"{dash}/><text x="{}" y="{}">{}{last}{runs}</text>"#,
            left + 24.0,
            left + 32.0,
            at + 4.0,
            escaped(&curve.name)
        );
    }
    Some(text + "</svg>\n")
}

/// Corners of a line that changes at trials alone.
fn steps(curve: &Summary, quartile: usize, x: &Linear, y: &Axis) -> Vec<String> {
    let mut corners = Vec::new();
    let mut before: Option<f64> = None;
    let length = curve.trials.len();
    for (i, values) in curve.trials.iter().enumerate() {
        let Some(values) = values else { continue };
        let (here, at) = (x.at((i + 1) as f64), y.at(values[quartile]));
        if before == Some(at) && i + 1 < length {
            continue;
        }
        corners.extend(before.filter(|before| *before != at).map(|before| format!("{here},{before}")));
        corners.push(format!("{here},{at}"));
        before = Some(at);
    }
    corners
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Curve;

    fn chart(runs: Vec<Vec<Option<f64>>>) -> CurveChart {
        CurveChart { title: "t".into(), curves: vec![Curve { name: "a & b".into(), runs }] }
    }

    #[test]
    fn medians_and_quartiles_by_hand() {
        let run = |values: &[f64]| values.iter().map(|&v| (v > 0.0).then_some(v)).collect::<Vec<_>>();
        let of = chart(vec![run(&[0.0, 4.0, 2.0]), run(&[3.0, 3.0, 3.0]), run(&[5.0, 1.0])]);
        let all = summary(&of.curves[0]);
        // 3, 5, none; 1, 3, 4; 1 (stays), 2, 3.
        assert_eq!(all.trials[0], Some([3.0, 5.0, 5.0]));
        assert_eq!((all.trials[1], all.trials[2]), (Some([1.0, 3.0, 4.0]), Some([1.0, 2.0, 3.0])));
    }

    #[test]
    fn a_line_goes_down_in_steps() {
        let run: Vec<Option<f64>> = [None, Some(4.0), Some(4.0), Some(2.0), Some(2.0)].to_vec();
        let text = svg(&chart(vec![run])).unwrap();
        assert!(
            text.starts_with("<svg") && text.ends_with("</svg>\n") && text.contains("a &amp; b: 2.00 ms"),
            "{text}"
        );
        let line = text.split("<polyline points=\"").nth(1).unwrap().split('"').next().unwrap();
        let corners: Vec<Vec<f64>> =
            line.split(' ').map(|corner| corner.split(',').map(|n| n.parse().unwrap()).collect()).collect();
        // From the second trial on, down at the fourth, to the fifth.
        assert_eq!(corners.len(), 4, "{line}");
        assert!(corners[0][1] == corners[1][1] && corners[1][0] == corners[2][0] && corners[2][1] > corners[1][1]);
        assert!(!text.contains("<polygon"));
    }

    #[test]
    fn without_a_time_there_is_nothing_to_draw() {
        assert_eq!(svg(&chart(vec![vec![None, None]])), None);
        assert_eq!(svg(&chart(Vec::new())), None);
    }
}
