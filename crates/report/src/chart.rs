//! Latency against batch, on logarithmic axes.

use tachograph_ir::Millis;

use crate::Latency;

/// Width and height of the drawing, and its margins: left, right, top, bottom.
pub(crate) const SIZE: (f64, f64) = (560.0, 320.0);
const MARGIN: (f64, f64, f64, f64) = (64.0, 18.0, 14.0, 44.0);

/// What the template draws, in pixels.
pub(crate) struct Chart {
    pub points: Vec<Point>,
    pub line: String,
    /// The polygon of the intervals, where every batch has one.
    pub band: Option<String>,
    pub x_ticks: Vec<(f64, String)>,
    pub y_ticks: Vec<(f64, String)>,
    pub left: f64,
    pub right: f64,
    pub bottom: f64,
}

pub(crate) struct Point {
    pub x: f64,
    pub y: f64,
    pub tip: String,
}

/// A logarithmic axis: from values to pixels.
pub(crate) struct Axis {
    low: f64,
    high: f64,
    start: f64,
    end: f64,
}

impl Axis {
    pub fn of(values: impl Iterator<Item = f64>, start: f64, end: f64) -> Option<Self> {
        let (low, high) = values.fold((f64::INFINITY, 0.0_f64), |(low, high), x| (low.min(x), high.max(x)));
        (low > 0.0 && low <= high && high.is_finite()).then_some(Self {
            low: low / 1.15,
            high: high * 1.15,
            start,
            end,
        })
    }

    pub fn at(&self, value: f64) -> f64 {
        let part = (value / self.low).ln() / (self.high / self.low).ln();
        // A tenth of a pixel is enough, and keeps the page small.
        (10.0 * (self.start + part * (self.end - self.start))).round() / 10.0
    }

    /// 1, 2 and 5 times powers of ten; powers of ten alone where those are many.
    pub fn ticks(&self) -> Vec<f64> {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let steps: &[f64] = if last - first > 4 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let ticks = (first..=last).flat_map(|power| steps.iter().map(move |step| step * 10_f64.powi(power)));
        ticks.filter(|tick| (self.low..=self.high).contains(tick)).collect()
    }
}

impl Chart {
    /// None for fewer than two batches, or latencies that no logarithm has.
    pub fn new(batches: &[(u64, Latency)]) -> Option<Self> {
        if batches.len() < 2 {
            return None;
        }
        let (left, right, top, bottom) = (MARGIN.0, SIZE.0 - MARGIN.1, MARGIN.2, SIZE.1 - MARGIN.3);
        let x = Axis::of(batches.iter().map(|(batch, _)| *batch as f64), left, right)?;
        let ends = batches.iter().flat_map(|(_, e)| e.interval.into_iter().flat_map(|(low, high)| [low, high]));
        let y = Axis::of(batches.iter().map(|(_, e)| e.ms).chain(ends), bottom, top)?;
        let points = batches.iter().map(|(batch, estimate)| Point {
            x: x.at(*batch as f64),
            y: y.at(estimate.ms),
            tip: format!("batch {batch}: {}", described(estimate)),
        });
        let joined =
            |points: Vec<(f64, f64)>| points.into_iter().map(|(x, y)| format!("{x},{y}")).collect::<Vec<_>>().join(" ");
        let intervals: Option<Vec<_>> = batches.iter().map(|(batch, e)| Some((*batch as f64, e.interval?))).collect();
        let band = intervals.map(|all| {
            let low = all.iter().map(|&(batch, (low, _))| (x.at(batch), y.at(low)));
            joined(low.chain(all.iter().rev().map(|&(batch, (_, high))| (x.at(batch), y.at(high)))).collect())
        });
        let points: Vec<Point> = points.collect();
        Some(Self {
            line: joined(points.iter().map(|p| (p.x, p.y)).collect()),
            band,
            x_ticks: batches.iter().map(|(batch, _)| (x.at(*batch as f64), batch.to_string())).collect(),
            y_ticks: y.ticks().into_iter().map(|ms| (y.at(ms), Millis(ms).to_string())).collect(),
            points,
            left,
            right,
            bottom,
        })
    }
}

/// `12.3 ms (11.0 ms to 13.9 ms)`.
pub(crate) fn described(estimate: &Latency) -> String {
    match estimate.interval {
        Some((low, high)) => format!("{} ({} to {})", Millis(estimate.ms), Millis(low), Millis(high)),
        None => Millis(estimate.ms).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: f64, interval: Option<(f64, f64)>) -> Latency {
        Latency { ms, interval }
    }

    #[test]
    fn grows_to_the_right_and_upwards_within_its_frame() {
        let batches =
            [(1, at(1.0, Some((0.8, 1.3)))), (4, at(3.0, Some((2.4, 3.9)))), (16, at(11.0, Some((9.0, 14.0))))];
        let chart = Chart::new(&batches).unwrap();
        assert!(chart.points.windows(2).all(|p| p[0].x < p[1].x && p[0].y > p[1].y));
        assert!(chart.points.iter().all(|p| p.x > chart.left && p.x < chart.right && p.y > 0.0 && p.y < chart.bottom));
        assert_eq!(chart.band.unwrap().split(' ').count(), 6);
        let ticks: Vec<_> = chart.y_ticks.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(ticks, ["1.00 ms", "2.00 ms", "5.00 ms", "10.0 ms"]);
        assert_eq!(chart.points[1].tip, "batch 4: 3.00 ms (2.40 ms to 3.90 ms)");
    }

    #[test]
    fn needs_two_positive_points_and_every_interval() {
        assert!(Chart::new(&[(1, at(1.0, None))]).is_none());
        assert!(Chart::new(&[(1, at(0.0, None)), (2, at(1.0, None))]).is_none());
        assert!(Chart::new(&[(1, at(f64::NAN, None)), (2, at(f64::NAN, None))]).is_none());
        assert!(Chart::new(&[(1, at(1.0, None)), (2, at(2.0, Some((1.0, 3.0))))]).unwrap().band.is_none());
    }
}
