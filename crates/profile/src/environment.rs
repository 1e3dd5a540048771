//! What a measurement was made on and with.

use std::{
    ffi::{CStr, c_char},
    fs,
};

use serde::{Deserialize, Serialize};
use tachograph_gnn::device_name;
use tch::Device;
use time::UtcDateTime;

use crate::energy;

unsafe extern "C" {
    safe fn tachograph_libtorch_version() -> *const c_char;
}

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
    /// Version of the GPU's driver; empty for a processor.
    #[serde(default)]
    pub driver: String,
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
            library: library(),
            driver: if matches!(device, Device::Cuda(_)) {
                energy::driver().unwrap_or_default()
            } else {
                String::new()
            },
            date: UtcDateTime::now().date().to_string(),
        }
    }
}

/// The libtorch that this program is built on, by its own headers.
fn library() -> String {
    let version = tachograph_libtorch_version();
    // SAFETY: a text that the library holds for as long as the program runs.
    format!("libtorch {}", unsafe { CStr::from_ptr(version) }.to_string_lossy())
}

fn cpu_name() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|l| l.strip_prefix("model name")?.split_once(':')).map(|(_, n)| n.trim());
    name.unwrap_or("unknown CPU").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_says_when_and_with_what() {
        let here = Environment::here(Device::Cpu);
        let version = here.library.strip_prefix("libtorch ").unwrap();
        assert!(version.split('.').count() >= 3 && version.starts_with(|c: char| c.is_ascii_digit()), "{version}");
        let parts: Vec<&str> = here.date.split('-').collect();
        assert!(parts.iter().map(|part| part.len()).eq([4, 2, 2]), "{}", here.date);
        assert_eq!(here.kind, "cpu");
    }
}
