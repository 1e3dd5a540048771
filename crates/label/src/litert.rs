//! The LiteRT interpreter on this CPU.

use std::fs;

use serde::Deserialize;
use serde_json::{Value, json};
use tachograph_datasets::{NetworkId, Record};
use tachograph_ir::{Assignment, DType};
use time::UtcDateTime;

use crate::{Environment, Method, Result, worker::Tool};

/// The version of `ai-edge-litert` that is installed.
pub const LITERT: &str = "2.3.0";

/// Version of the driver's protocol of measurement: a quarter of the time of warm-up, then runs one by one; memory is the
/// growth of the resident set from before the file is read to the peak of the first run.
const PROTOCOL: u32 = 1;

/// Settings of the interpreter.
#[derive(Clone, Debug, PartialEq)]
pub struct LiteRt {
    /// Name of the device in the set.
    pub device: String,
    /// Whether XNNPACK computes what it can.
    pub xnnpack: bool,
    /// Threads of the computation.
    pub threads: u32,
    /// Longest time for the repeats, in seconds.
    pub seconds: f64,
}

impl LiteRt {
    /// How it labels. Installs the interpreter where it is not there. The files are of one element type.
    ///
    /// # Errors
    /// As [`Environment::ensure`].
    pub fn method(&self) -> Result<Method> {
        let Environment { python } = Environment::ensure("ai-edge-litert", LITERT)?;
        let how = if self.xnnpack { "xnnpack" } else { "plain" };
        let options = json!([how, self.threads, self.seconds]);
        Ok(Method {
            device: self.device.clone(),
            protocol: format!("litert {options}"),
            tool: Tool { name: "ai-edge-litert", driver: include_str!("drivers/litert.py") },
            python,
            fill: None,
            options: options.as_array().cloned().unwrap_or_default(),
            read,
        })
    }
}

/// The driver's answer.
#[derive(Deserialize)]
struct Answer {
    median_ms: f64,
    iqr_ms: f64,
    min_ms: f64,
    repeats: u32,
    peak_bytes: u64,
}

fn read(method: &Method, network: NetworkId, answer: Value, version: &str) -> Result<Record, String> {
    let Answer { median_ms, iqr_ms, min_ms, repeats, peak_bytes } =
        serde_json::from_value(answer).map_err(|e| format!("LiteRT's times: {e}"))?;
    let how = method.options.first().and_then(Value::as_str).unwrap_or_default();
    let threads = method.options.get(1).and_then(Value::as_u64).unwrap_or(1);
    Ok(Record {
        network,
        config: Assignment::from([("batch".into(), 1)]),
        device: method.device.clone(),
        hardware: cpu(),
        governor: "none".into(),
        // The caller knows the graph, and puts its own.
        dtype: DType::I8,
        threads: u32::try_from(threads).unwrap_or(1),
        median_ms: Some(median_ms),
        iqr_ms: Some(iqr_ms),
        min_ms: Some(min_ms),
        repeats,
        peak_bytes: Some(peak_bytes),
        energy_j: None,
        date: UtcDateTime::now().date().to_string(),
        library: format!("ai-edge-litert {version} {how}"),
        protocol: PROTOCOL,
        estimate: None,
    })
}

/// Model of the CPU, as Linux names it.
fn cpu() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    line.map_or("unknown".into(), |(_, name)| name.trim().to_owned())
}
