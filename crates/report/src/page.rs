//! From a report to what the template needs: texts, and places in pixels.

use askama::Template;
use tachograph_ir::Millis;

use crate::{
    DeviceEstimate, DrawnNetwork, DrawnOperator, Latency, Page, Result, Vertex,
    chart::{self, Chart},
    colour,
    layout::{Layout, layered},
};

/// Sizes of the drawing of the network, pixels.
const WIDTH: f64 = 244.0;
const HEIGHT: f64 = 44.0;
const GAP: f64 = 30.0;
/// A wider drawing than that takes the width of the page.
const NARROW: f64 = 850.0;
/// Characters of a label that fit into a box.
const FITS: usize = 32;

#[derive(Template)]
#[template(path = "report.html")]
struct Filled<'a> {
    report: &'a Page,
    headline: String,
    interval: Option<String>,
    drawing: Drawing,
    size: (f64, f64),
    legend: Vec<String>,
    rows: Vec<Row<'a>>,
    chart: Option<Chart>,
    chart_size: (f64, f64),
    batches: Vec<Batch>,
    devices: Vec<Device<'a>>,
}

struct Drawing {
    wide: bool,
    width: f64,
    height: f64,
    boxes: Vec<Drawn>,
    paths: Vec<String>,
    /// Colour of each layer, and its costliest vertex.
    overview: Vec<(String, usize)>,
}

struct Drawn {
    x: f64,
    y: f64,
    fill: String,
    text: &'static str,
    label: String,
    shape: String,
    share: String,
    tip: String,
}

struct Row<'a> {
    operator: &'a DrawnOperator,
    flops: String,
    share: String,
    colour: String,
}

struct Batch {
    batch: u64,
    latency: String,
    each: String,
}

struct Device<'a> {
    device: &'a DeviceEstimate,
    latency: String,
    tip: String,
    /// Percent of the width of the scale: the estimate, and the ends of its interval.
    place: f64,
    interval: Option<(f64, f64)>,
}

impl Page {
    /// The page.
    ///
    /// # Errors
    /// An edge of the network that does not lead forward.
    pub fn to_html(&self) -> Result<String> {
        let most = self.network.operators.iter().map(|operator| operator.share).fold(0.0, f64::max);
        let rows = self.network.operators.iter().map(|operator| Row {
            operator,
            flops: decimal(operator.flops),
            share: percent(operator.share),
            colour: colour::of(operator.share / most).0,
        });
        let batches = self.batches.iter().map(|(batch, estimate)| Batch {
            batch: *batch,
            latency: chart::described(estimate),
            each: Millis(estimate.ms / (*batch).max(1) as f64).to_string(),
        });
        let page = Filled {
            report: self,
            headline: Millis(self.latency.ms).to_string(),
            interval: self.interval(),
            drawing: Drawing::new(&self.network)?,
            size: (WIDTH, HEIGHT),
            legend: (0..=8).map(|i| colour::of((f64::from(i) / 8.0).powi(2)).0).collect(),
            rows: rows.collect(),
            chart: Chart::new(&self.batches),
            chart_size: chart::SIZE,
            batches: batches.collect(),
            devices: devices(&self.devices),
        };
        Ok(page.render()?)
    }

    /// Such as `80 % interval 1.20 ms to 1.90 ms`.
    fn interval(&self) -> Option<String> {
        let (low, high) = self.latency.interval?;
        let nominal = self.nominal.map_or("interval".into(), |level| format!("{:.0} % interval", 100.0 * level));
        Some(format!("{nominal} {} to {}", Millis(low), Millis(high)))
    }
}

impl Drawing {
    fn new(network: &DrawnNetwork) -> Result<Self> {
        let Layout { layers, centres, lanes } = layered(network.vertices.len(), &network.edges)?;
        let ends = centres.iter().flat_map(|x| [x - 0.5, x + 0.5]).chain(lanes.iter().flatten().map(|x| x - 0.02));
        let (least, most) = ends.fold((0.0_f64, 0.0_f64), |(least, most), x| (least.min(x), most.max(x)));
        let margin = 8.0;
        let across = |x: f64| (margin + WIDTH * (x - least)).round();
        let top = |layer: usize| margin + (HEIGHT + GAP) * layer as f64;
        let depth = layers.iter().max().map_or(0, |last| last + 1);
        let largest = network.vertices.iter().filter_map(|v| v.share).fold(0.0, f64::max);

        let place = |v: usize| (across(centres[v]), top(layers[v]));
        let paths = network.edges.iter().map(|&(from, to)| {
            let ((x1, y1), (x2, y2)) = (place(from), place(to));
            let (start, end) = (y1 + HEIGHT, y2 - 2.0);
            match lanes[from].filter(|_| layers[to] > layers[from] + 1) {
                Some(lane) => around((x1, start), (x2, end), across(lane)),
                None => {
                    let half = (start + end) / 2.0;
                    format!("M{x1} {start}C{x1} {half} {x2} {half} {x2} {end}")
                }
            }
        });
        let boxes = network.vertices.iter().enumerate().map(|(v, vertex)| {
            let (x, y) = place(v);
            Drawn::new(vertex, largest, x - WIDTH / 2.0, y)
        });
        let mut costliest: Vec<Option<(f64, usize)>> = vec![None; depth];
        for (v, vertex) in network.vertices.iter().enumerate() {
            let share = vertex.share.unwrap_or(0.0);
            if costliest[layers[v]].is_none_or(|(most, _)| share > most) {
                costliest[layers[v]] = Some((share, v));
            }
        }
        let overview = costliest.into_iter().flatten().map(|(share, v)| (colour::of(share / largest).0, v));
        let width = across(most) + margin;
        Ok(Self {
            wide: width > NARROW,
            width,
            height: top(depth) - GAP + margin,
            boxes: boxes.collect(),
            paths: paths.collect(),
            overview: overview.collect(),
        })
    }
}

/// Out of a box below, to the lane on the left, down, and into a box from above; corners are round.
fn around((x1, y1): (f64, f64), (x2, y2): (f64, f64), lane: f64) -> String {
    let (r, out, back) = (6.0, y1 + GAP * 0.4, y2 - GAP * 0.45);
    // The lane lies left of both.
    format!(
        "M{x1} {y1}V{}Q{x1} {out} {} {out}H{}Q{lane} {out} {lane} {}V{}Q{lane} {back} {} {back}H{}Q{x2} {back} {x2} {}V{y2}",
        out - r,
        x1 - r,
        lane + r,
        out + r,
        back - r,
        lane + r,
        x2 - r,
        back + r,
    )
}

impl Drawn {
    fn new(vertex: &Vertex, largest: f64, x: f64, y: f64) -> Self {
        let (fill, text) = match vertex.share {
            Some(share) => colour::of(share / largest),
            None => ("#fff".into(), "#222"),
        };
        let share = vertex.share.map(percent).unwrap_or_default();
        let tip = vertex.detail.clone();
        let (label, shape) = (short(&vertex.label, FITS), short(&vertex.shape, FITS - 8));
        Self { x, y, fill, text, label, shape, share, tip }
    }
}

/// From fast to slow, with places on a logarithmic scale.
fn devices(all: &[DeviceEstimate]) -> Vec<Device<'_>> {
    let ends = |e: &Latency| e.interval.map_or([e.ms, e.ms], |(low, high)| [low, high]);
    let values = all.iter().flat_map(|d| ends(&d.latency)).filter(|ms| *ms > 0.0 && ms.is_finite());
    let (low, high) = values.fold((f64::INFINITY, 0.0_f64), |(low, high), ms| (low.min(ms), high.max(ms)));
    let range = (high / low).ln();
    let place = |ms: f64| {
        let part = if range > 0.0 { (ms / low).ln() / range } else { 0.5 };
        (2.0 + 96.0 * part.clamp(0.0, 1.0) * 10.0).round() / 10.0
    };
    let mut rows: Vec<_> = all
        .iter()
        .map(|device| Device {
            device,
            latency: Millis(device.latency.ms).to_string(),
            tip: format!("{}\n{}\n{}", device.name, device.detail, chart::described(&device.latency)),
            place: place(device.latency.ms),
            interval: device.latency.interval.map(|(low, high)| (place(low), place(high) - place(low))),
        })
        .collect();
    rows.sort_by(|a, b| a.device.latency.ms.total_cmp(&b.device.latency.ms));
    rows
}

fn percent(share: f64) -> String {
    match 100.0 * share {
        p if p >= 9.995 => format!("{p:.1} %"),
        p if p >= 0.005 || p == 0.0 => format!("{p:.2} %"),
        _ => "< 0.01 %".into(),
    }
}

/// The text, or its beginning with an ellipsis.
fn short(text: &str, fits: usize) -> String {
    match text.char_indices().nth(fits) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

/// Three digits and a decimal prefix, such as `4.12 G`.
fn decimal(n: u64) -> String {
    let n = n as f64;
    let prefixes = [(1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    match prefixes.into_iter().find(|(scale, _)| n >= 0.9995 * scale) {
        Some((scale, prefix)) => {
            let x = n / scale;
            let digits = if x < 9.995 { 2 } else { usize::from(x < 99.95) };
            format!("{x:.digits$} {prefix}")
        }
        None => format!("{n}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts() {
        assert_eq!([0, 999, 1000, 4_123_456_789, 99_960].map(decimal), ["0", "999", "1.00 k", "4.12 G", "100 k"]);
        assert_eq!([0.0, 0.5, 0.0123, 1e-6].map(percent), ["0.00 %", "50.0 %", "1.23 %", "< 0.01 %"]);
        assert_eq!((short("häßlich", 4), short("ab", 2)), ("häßl…".into(), "ab".into()));
    }

    #[test]
    fn devices_are_sorted_and_within_the_scale() {
        let device = |ms: f64, interval| DeviceEstimate {
            name: ms.to_string(),
            detail: String::new(),
            latency: Latency { ms, interval },
            chosen: false,
        };
        let all = [device(100.0, None), device(1.0, Some((0.5, 2.0))), device(10.0, Some((5.0, 200.0)))];
        let rows = devices(&all);
        assert_eq!(rows.iter().map(|row| row.device.latency.ms).collect::<Vec<_>>(), [1.0, 10.0, 100.0]);
        for row in &rows {
            let (start, width) = row.interval.unwrap_or((row.place, 0.0));
            assert!(start >= 0.0 && width >= 0.0 && start + width <= 100.0 && row.place <= 100.0);
        }
        assert!(devices(&[device(3.0, None)])[0].place > 0.0);
    }
}
