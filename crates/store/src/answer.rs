//! What a store answers: what was measured, else what lies between what was measured.

use serde::Serialize;
use tachograph_datasets::Mode;
use tachograph_ir::{DType, Quantity};

use crate::{
    GraphKey, Moment, Network, Reading, Result, Setup, Store, devices,
    interpolate::{Point, RULE, between},
    link::{Link, Outcome, Value},
    measurements::{SELECTED, reading},
    network::bytes_of,
    reading::mode_number,
};

/// What is asked of a graph.
#[derive(Clone, Debug)]
pub struct Question {
    /// The device: its name, its hardware, or an alias that a bundled device file knows.
    pub device: String,
    /// Images or sequences a run.
    pub batch: u64,
    /// What is run.
    pub mode: Mode,
    /// What is asked for.
    pub quantity: Quantity,
    /// Only with this element type.
    pub dtype: Option<DType>,
    /// Only with so many threads.
    pub threads: Option<u32>,
    /// Only with this library and version.
    pub library: Option<String>,
}

impl Question {
    /// The latency of an inference on a device, whatever the setup.
    pub fn latency(device: impl Into<String>, batch: u64) -> Self {
        Self {
            device: device.into(),
            batch,
            mode: Mode::Inference,
            quantity: Quantity::Latency,
            dtype: None,
            threads: None,
            library: None,
        }
    }
}

/// An answer, and how it is known. What was never measured has none: predicting is for who asks.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase", tag = "known_by")]
pub enum Answer {
    /// This graph was measured at this batch on this device.
    Measured(Found),
    /// This graph was measured on this device at a smaller and a larger batch.
    Interpolated(Between),
}

/// The measurements of one setup at one batch.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    /// Median over the measurements, in the [`unit`](Quantity::unit) of the quantity.
    pub value: f64,
    /// How far apart runs are, relative to the value: the interquartile range within a measurement, or the range of
    /// several measurements, whichever is larger. Of latencies.
    pub spread: Option<f64>,
    /// How many measurements.
    pub count: usize,
    /// The newest.
    pub newest: Moment,
    /// The oldest.
    pub oldest: Moment,
    /// On what and with what; of several setups that fit, the one measured last.
    pub setup: Setup,
    /// Version of the measurement protocol.
    pub protocol: u32,
}

/// A value between two measured batches.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Between {
    /// In the [`unit`](Quantity::unit) of the quantity.
    pub value: f64,
    /// It is at least this, by `rule`.
    pub low: f64,
    /// It is at most this, by `rule`.
    pub high: f64,
    /// What the bounds rest on.
    pub rule: &'static str,
    /// The next smaller batch that was measured, and its value.
    pub below: (u64, f64),
    /// The next larger batch that was measured, and its value.
    pub above: (u64, f64),
    /// The newest measurement of the two batches.
    pub newest: Moment,
    /// On what and with what.
    pub setup: Setup,
    /// Version of the measurement protocol.
    pub protocol: u32,
}

/// More measurements of one graph, device and batch than these say nothing new.
const MOST: usize = 200;

/// Of a graph at other batches.
const MOST_BATCHES: usize = 5_000;

impl Store {
    /// Answers from what was measured; `None` where nothing was that tells.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn query(&self, network: &Network, question: &Question) -> Result<Option<Answer>> {
        match self.find(network)? {
            Some(key) => self.answer(&key, question),
            None => Ok(None),
        }
    }

    /// As [`Store::query`], of a graph whose key is known.
    ///
    /// # Errors
    /// As [`Store::query`].
    pub fn answer(&self, key: &GraphKey, question: &Question) -> Result<Option<Answer>> {
        self.link(async |link| {
            let exact = readings(link, key, question, true).await?;
            if let Some(found) = found(&exact, question) {
                return Ok(Some(Answer::Measured(found)));
            }
            let others = readings(link, key, question, false).await?;
            Ok(interpolated(&others, question).map(Answer::Interpolated))
        })
    }
}

/// What was measured, newest first, at the batch asked for or at all.
pub(crate) async fn readings(
    link: &mut Link,
    key: &GraphKey,
    question: &Question,
    exact: bool,
) -> Outcome<Vec<Reading>> {
    let batch = i64::try_from(question.batch).unwrap_or(i64::MAX);
    let mut args = vec![bytes_of(key.hash).into(), key.ordinal.into(), mode_number(question.mode).into()];
    let mut conditions = format!(" and {}", devices::called(&question.device, &mut args));
    let mut condition = |column: &str, value: Value| {
        args.push(value);
        conditions += &format!(" and {column} = ${}", args.len());
    };
    if exact {
        condition("m.batch", batch.into());
    }
    if let Some(dtype) = question.dtype {
        condition("e.dtype", dtype.to_string().into());
    }
    if let Some(threads) = question.threads {
        condition("e.threads", threads.into());
    }
    if let Some(library) = &question.library {
        condition("e.library", library.into());
    }
    let value = match question.quantity {
        Quantity::Latency => "m.median_ms",
        Quantity::Memory => "m.peak_bytes",
        Quantity::Energy => "m.energy_j",
    };
    let most = if exact { MOST } else { MOST_BATCHES };
    let sql = format!(
        "select {SELECTED} from measurements m join environments e on e.id = m.environment \
         join devices d on d.id = e.device \
         where m.graph = (select id from graphs where hash = $1 and ordinal = $2) and m.mode = $3{conditions} and {value} is not null \
         order by m.measured_at desc, m.id desc limit {most}"
    );
    link.rows(sql, &args).await?.iter().map(reading).collect()
}

/// What all measurements at a batch in the setup of the newest say together.
pub(crate) fn found(readings: &[Reading], question: &Question) -> Option<Found> {
    let newest = readings.first()?;
    let alike = |r: &&Reading| r.setup == newest.setup && r.protocol == newest.protocol && r.batch == newest.batch;
    let alike: Vec<&Reading> = readings.iter().filter(alike).collect();
    let values: Vec<f64> = alike.iter().filter_map(|r| r.value(question.quantity)).collect();
    let value = tachograph_metrics::median(&values)?;
    let within: Vec<f64> = alike.iter().filter_map(|r| Some(r.iqr_ms? / r.median_ms?)).collect();
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    let spread = match question.quantity {
        Quantity::Latency => tachograph_metrics::median(&within).map(|within| within.max((most - least) / value)),
        _ => None,
    };
    Some(Found {
        value,
        spread,
        count: values.len(),
        newest: newest.date,
        oldest: alike.iter().map(|r| r.date).min().unwrap_or(newest.date),
        setup: newest.setup.clone(),
        protocol: newest.protocol,
    })
}

/// Between the nearest batches of one setup; of several setups that have both, the one measured last.
fn interpolated(readings: &[Reading], question: &Question) -> Option<Between> {
    let mut tried: Vec<(&Setup, u32)> = Vec::new();
    for reading in readings {
        let group = (&reading.setup, reading.protocol);
        if tried.contains(&group) {
            continue;
        }
        tried.push(group);
        let alike = readings.iter().filter(|r| (&r.setup, r.protocol) == group);
        let below = alike.clone().map(|r| r.batch).filter(|&batch| batch < question.batch).max();
        let above = alike.clone().map(|r| r.batch).filter(|&batch| batch > question.batch).min();
        let (Some(below), Some(above)) = (below, above) else { continue };
        let at = |batch: u64| {
            let there: Vec<Reading> = alike.clone().filter(|r| r.batch == batch).cloned().collect();
            found(&there, question)
        };
        let (Some(low), Some(high)) = (at(below), at(above)) else { continue };
        let point = |batch, found: &Found| Point { batch, value: found.value, spread: found.spread.unwrap_or(0.0) };
        let Some(estimate) = between(point(below, &low), point(above, &high), question.batch) else { continue };
        return Some(Between {
            value: estimate.value,
            low: estimate.low,
            high: estimate.high,
            rule: RULE,
            below: (below, low.value),
            above: (above, high.value),
            newest: low.newest.max(high.newest),
            setup: reading.setup.clone(),
            protocol: reading.protocol,
        });
    }
    None
}
