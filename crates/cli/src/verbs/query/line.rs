//! What is known of a model on a device, and how it is known.

use serde::Serialize;
use tachograph_ir::Quantity;
use tachograph_predict::Forecast;
use tachograph_store::{Answer, Between, Found, JobId, Moment, Neighbour, Setup};

/// How an answer is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KnownBy {
    Measured,
    Interpolated,
    Predicted,
    /// Not yet: a job waits.
    #[default]
    Queued,
}

/// What `--json` prints. What an answer of another kind would say is left out.
#[derive(Default, Serialize)]
pub struct Line {
    pub model: String,
    pub batch: u64,
    pub device: String,
    pub known_by: KnownBy,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// Of a measurement: how far apart runs are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread_percent: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measurements: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_low_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_high_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_percent: Option<f64>,
    /// What the interval rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_source: Option<String>,
    /// Batches around, and their times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub between: Option<[(u64, f64); 2]>,
    /// A measured batch and its time, with which the prediction was made to agree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaled_to: Option<(u64, f64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub energy_j: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_s: Option<u64>,
    #[serde(flatten)]
    pub setup: Option<Ran>,
    /// The checkpoint, or the rates that the store's measurements give.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicted_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trained_on: Option<String>,
    /// The job that measured, or will.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    pub warnings: Vec<String>,
}

/// What a measurement was made on and with.
#[derive(Serialize)]
pub struct Ran {
    pub hardware: String,
    pub threads: u32,
    pub library: String,
    pub precision: String,
    pub governor: String,
}

impl Line {
    /// What a store knows.
    pub fn recalled(&mut self, answer: Answer) {
        let newest = match answer {
            Answer::Measured(Found { value, spread, count, newest, setup, .. }) => {
                self.known_by = KnownBy::Measured;
                (self.latency_ms, self.measurements) = (Some(value), Some(count));
                // Nobody recorded how far apart the runs of a table's row were.
                self.spread_percent = spread.filter(|spread| *spread > 0.0).map(|spread| 100.0 * spread);
                self.ran(setup);
                newest
            }
            Answer::Interpolated(Between { value, low, high, rule, below, above, newest, setup, .. }) => {
                self.known_by = KnownBy::Interpolated;
                self.latency_ms = Some(value);
                (self.interval_low_ms, self.interval_high_ms) = (Some(low), Some(high));
                (self.interval_source, self.between) = (Some(rule.into()), Some([below, above]));
                self.ran(setup);
                newest
            }
        };
        (self.newest, self.age_s) = (Some(newest), Some(newest.age(Moment::now()).as_secs()));
    }

    fn ran(&mut self, setup: Setup) {
        let Setup { device, hardware, threads, library, dtype, governor, .. } = setup;
        self.device = device;
        self.setup = Some(Ran { hardware, threads, library, precision: dtype.to_string(), governor });
    }

    /// A prediction made to agree with what was measured at another batch; `here` is what was predicted for that one.
    pub fn agree(&mut self, there: &Neighbour, here: f64) {
        let Some(ms) = self.latency_ms else { return };
        let (low, high) = (self.interval_low_ms.unwrap_or(0.0), self.interval_high_ms.unwrap_or(f64::INFINITY));
        let [low, value, high] = there.agree(self.batch, [low, ms, high], here);
        (self.interval_low_ms, self.latency_ms, self.interval_high_ms) = (Some(low), Some(value), Some(high));
        // What share was promised was promised of what was not scaled.
        self.interval_percent = None;
        let rest = self.interval_source.take().map_or(String::new(), |source| format!("{source}, "));
        self.interval_source = Some(format!("{rest}scaled to the measurement at batch {}", there.batch));
        self.scaled_to = Some((there.batch, there.value));
    }

    /// What was measured of another quantity.
    pub fn also(&mut self, quantity: Quantity, answer: Option<Answer>) {
        let Some(Answer::Measured(Found { value, .. })) = answer else { return };
        match quantity {
            Quantity::Memory => self.memory_bytes = Some((value * 1e6).round() as u64),
            Quantity::Energy => self.energy_j = Some(value),
            Quantity::Latency => {}
        }
    }

    /// What a checkpoint says.
    pub fn forecast(&mut self, forecast: &Forecast, trained_on: String) {
        self.known_by = KnownBy::Predicted;
        self.device.clone_from(&forecast.device);
        self.latency_ms = Some(forecast.latency.value.value());
        if let Some(bounds) = &forecast.latency.bounds {
            (self.interval_low_ms, self.interval_high_ms) = (Some(bounds.low.value()), Some(bounds.high.value()));
            self.interval_percent = bounds.nominal.map(|nominal| 100.0 * nominal);
            self.interval_source = Some(bounds.source.clone());
        }
        (self.predicted_by, self.trained_on) = (Some(forecast.checkpoint.clone()), Some(trained_on));
    }
}
