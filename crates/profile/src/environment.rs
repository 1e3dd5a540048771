//! What a measurement was made on and with.

use std::fs;

use serde::{Deserialize, Serialize};
use tachograph_torch_link::load_cuda;
use tch::{Cuda, Device};

use crate::{Error, Result, energy};

/// Recorded with every measurement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// CPU or GPU model.
    pub device: String,
    /// `cpu` or `cuda:N`.
    pub kind: String,
    /// Threads of libtorch's operators.
    pub threads: u32,
    /// Frequency governor of the first CPU; `none` where the system has none (virtual machines).
    pub governor: String,
    /// Library and version.
    pub library: String,
    /// Day of the measurement, ISO 8601, UTC.
    pub date: String,
}

impl Environment {
    /// Describes this process and the device.
    pub fn here(device: Device) -> Self {
        let read = |path: &str| fs::read_to_string(path).map(|s| s.trim().to_owned());
        Self {
            device: match device {
                Device::Cuda(i) => energy::gpu_name(i).unwrap_or(format!("cuda:{i}")),
                _ => cpu_name(),
            },
            kind: device_name(device),
            threads: tch::get_num_threads().max(1) as u32,
            governor: read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").unwrap_or("none".into()),
            library: "libtorch 2.11.0".into(),
            date: today(),
        }
    }
}

/// `cpu` or `cuda:N`, as [`parse_device`] reads it.
pub fn device_name(device: Device) -> String {
    match device {
        Device::Cuda(i) => format!("cuda:{i}"),
        _ => "cpu".into(),
    }
}

/// Reads `cpu`, `cuda` or `cuda:N`, and checks that the device is there.
///
/// # Errors
/// Another name, or a CUDA device that this process cannot use.
pub fn parse_device(name: &str) -> Result<Device> {
    let refuse = |message: &str| Error::Device { device: name.into(), message: message.into() };
    let index = match name.split_once(':') {
        None if name == "cpu" => return Ok(Device::Cpu),
        None if name == "cuda" => 0,
        Some(("cuda", n)) => n.parse().map_err(|_| refuse("not a device number"))?,
        _ => return Err(refuse("unknown; use cpu, cuda or cuda:N")),
    };
    // Before the first question about CUDA: it fixes the answer.
    let loaded = load_cuda();
    if !Cuda::is_available() {
        return Err(match loaded {
            Ok(()) => refuse("no CUDA device can be used; `cargo xtask doctor` says why"),
            Err(error) => refuse(&error.to_string()),
        });
    }
    if index as i64 >= Cuda::device_count() {
        return Err(refuse("there are fewer CUDA devices"));
    }
    Ok(Device::Cuda(index))
}

fn cpu_name() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|l| l.strip_prefix("model name")?.split_once(':')).map(|(_, n)| n.trim());
    name.unwrap_or("unknown CPU").to_owned()
}

/// Today in UTC, from the days since 1970 (algorithm: Howard Hinnant, "chrono-compatible low-level date algorithms").
fn today() -> String {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let days = (seconds / 86_400) as i64 + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}
