//! Arm's compiler Vela and the Ethos-U configurations that it knows.

use serde::Deserialize;
use serde_json::Value;
use tachograph_datasets::{Estimate, NetworkId, Record};
use tachograph_ir::{Assignment, DType};
use time::UtcDateTime;

use crate::{Environment, Error, Method, Result, worker::Tool};

/// The version of `ethos-u-vela` that is installed, and whose names these are.
pub const VELA: &str = "5.2.0";

/// What the reason of a refusal begins with where everything in a file falls back to the CPU.
pub const NOTHING_RUNS: &str = "no operator runs on the accelerator";

/// Version of how estimates become records.
const PROTOCOL: u32 = 1;

/// Accelerators: the last number is multiply–accumulates a cycle.
pub const ACCELERATORS: [&str; 11] = [
    "ethos-u55-32",
    "ethos-u55-64",
    "ethos-u55-128",
    "ethos-u55-256",
    "ethos-u65-256",
    "ethos-u65-512",
    "ethos-u85-128",
    "ethos-u85-256",
    "ethos-u85-512",
    "ethos-u85-1024",
    "ethos-u85-2048",
];

/// Systems around an accelerator of the same generation: clock, and bandwidth and latency of memories.
pub const SYSTEMS: [&str; 11] = [
    "Ethos_U55_Deep_Embedded",
    "Ethos_U55_High_End_Embedded",
    "Ethos_U65_Embedded",
    "Ethos_U65_Mid_End",
    "Ethos_U65_High_End",
    "Ethos_U65_Client_Server",
    "Ethos_U85_SYS_Flash_Low",
    "Ethos_U85_SYS_Flash_High",
    "Ethos_U85_SYS_DRAM_Low",
    "Ethos_U85_SYS_DRAM_Mid",
    "Ethos_U85_SYS_DRAM_High",
];

/// What lies in which memory.
pub const MEMORY_MODES: [&str; 6] = [
    "Sram_Only",
    "Shared_Sram",
    "Dedicated_Sram",
    "Dedicated_Sram_256KB",
    "Dedicated_Sram_384KB",
    "Dedicated_Sram_512KB",
];

/// A configuration of an accelerator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vela {
    /// One of [`ACCELERATORS`].
    pub accelerator: String,
    /// One of [`SYSTEMS`]; without, the accelerator's default.
    pub system: Option<String>,
    /// One of [`MEMORY_MODES`]; without, the accelerator's default.
    pub memory_mode: Option<String>,
}

impl Vela {
    /// An accelerator with its default system and memory mode, as `vela.csv` has them.
    pub fn new(accelerator: impl Into<String>) -> Self {
        Self { accelerator: accelerator.into(), system: None, memory_mode: None }
    }

    /// # Errors
    /// A name that Vela does not know; a system of another generation.
    pub fn check(&self) -> Result<()> {
        known("accelerator", &self.accelerator, &ACCELERATORS)?;
        if let Some(mode) = &self.memory_mode {
            known("memory mode", mode, &MEMORY_MODES)?;
        }
        let generation = self.accelerator.split('-').nth(1).unwrap_or_default().to_uppercase();
        let of_generation: Vec<&str> = SYSTEMS.into_iter().filter(|system| system.contains(&generation)).collect();
        self.system.as_ref().map_or(Ok(()), |system| known("system configuration", system, &of_generation))
    }

    /// Its name in a set: the accelerator, and what is not its default.
    pub fn device(&self) -> String {
        let parts = [Some(&self.accelerator), self.system.as_ref(), self.memory_mode.as_ref()];
        parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// How it labels. Installs the compiler where it is not there.
    ///
    /// # Errors
    /// As [`Vela::check`] and [`Environment::ensure`].
    pub fn method(&self) -> Result<Method> {
        self.check()?;
        let Environment { python } = Environment::ensure("ethos-u-vela", VELA)?;
        let mut options = vec!["--accelerator-config", &self.accelerator];
        if self.system.is_some() || self.memory_mode.is_some() {
            // Names of systems and modes are those of this file, which is Vela's default too.
            options.extend(["--config", "Arm/vela.ini"]);
        }
        self.system.iter().for_each(|system| options.extend(["--system-config", system]));
        self.memory_mode.iter().for_each(|mode| options.extend(["--memory-mode", mode]));
        Ok(Method {
            device: self.device(),
            protocol: format!("vela {}", options.join(" ")),
            tool: Tool { name: "ethos-u-vela", driver: include_str!("drivers/vela.py") },
            python,
            fill: None,
            options: options.into_iter().map(Value::from).collect(),
            read,
        })
    }
}

fn known(what: &'static str, name: &str, known: &[&'static str]) -> Result<()> {
    if known.contains(&name) {
        return Ok(());
    }
    Err(Error::Unknown { what, name: name.into(), known: known.to_vec() })
}

/// The driver's answer.
#[derive(Deserialize)]
struct Answer {
    cpu: u32,
    npu: u32,
    summary: Summary,
}

/// Columns of the table that Vela writes. Memory is in KiB.
#[derive(Deserialize)]
struct Summary {
    accelerator_configuration: String,
    system_config: String,
    memory_mode: String,
    inference_time: f64,
    passes_before_fusing: f64,
    passes_after_fusing: f64,
    sram_memory_used: f64,
    dram_memory_used: f64,
    on_chip_flash_memory_used: f64,
    off_chip_flash_memory_used: f64,
    total_npu_encoded_weights: f64,
    nn_macs: f64,
    cycles_npu: f64,
    cycles_sram_access: f64,
    cycles_dram_access: f64,
    cycles_on_chip_flash_access: f64,
    cycles_off_chip_flash_access: f64,
    cycles_total: f64,
}

/// Time, and memory as the set `vela` counts it: all that is used, wherever it lies.
fn read(method: &Method, network: NetworkId, answer: Value, version: &str) -> Result<Record, String> {
    let Answer { cpu, npu, summary: s } = serde_json::from_value(answer).map_err(|e| format!("Vela's table: {e}"))?;
    if npu == 0 || s.inference_time <= 0.0 {
        return Err(format!("{NOTHING_RUNS}, {cpu} on the CPU"));
    }
    let kib = |n: f64| (1024.0 * n).round() as u64;
    let memory = [s.sram_memory_used, s.dram_memory_used, s.on_chip_flash_memory_used, s.off_chip_flash_memory_used];
    let [sram_bytes, dram_bytes, on_chip_flash_bytes, off_chip_flash_bytes] = memory.map(kib);
    let ms = 1e3 * s.inference_time;
    Ok(Record {
        network,
        config: Assignment::from([("batch".into(), 1)]),
        device: method.device.clone(),
        hardware: format!("{} {} {}", s.accelerator_configuration, s.system_config, s.memory_mode),
        governor: "none".into(),
        dtype: DType::I8,
        threads: 1,
        median_ms: Some(ms),
        iqr_ms: Some(0.0),
        min_ms: Some(ms),
        repeats: 1,
        peak_bytes: Some(memory.map(kib).iter().sum()),
        energy_j: None,
        date: UtcDateTime::now().date().to_string(),
        library: format!("ethos-u-vela {version}"),
        protocol: PROTOCOL,
        estimate: Some(Estimate {
            macs: s.nn_macs as u64,
            npu_operators: npu,
            cpu_operators: cpu,
            passes: s.passes_before_fusing as u32,
            cascaded: (s.passes_before_fusing - s.passes_after_fusing).max(0.0) as u32,
            total_cycles: s.cycles_total as u64,
            npu_cycles: s.cycles_npu as u64,
            sram_cycles: s.cycles_sram_access as u64,
            dram_cycles: s.cycles_dram_access as u64,
            on_chip_flash_cycles: s.cycles_on_chip_flash_access as u64,
            off_chip_flash_cycles: s.cycles_off_chip_flash_access as u64,
            sram_bytes,
            dram_bytes,
            on_chip_flash_bytes,
            off_chip_flash_bytes,
            encoded_weight_bytes: s.total_npu_encoded_weights as u64,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_before_anything_is_installed() {
        Vela::new("ethos-u55-128").check().unwrap();
        let message = Vela::new("ethos-u55-129").method().unwrap_err().to_string();
        assert!(message.contains("accelerator `ethos-u55-129`") && message.contains("ethos-u55-128"), "{message}");
        let other = Vela { system: Some("Ethos_U65_High_End".into()), ..Vela::new("ethos-u55-128") };
        assert!(other.check().unwrap_err().to_string().contains("system configuration"));
        let own = Vela {
            system: Some("Ethos_U55_Deep_Embedded".into()),
            memory_mode: Some("Sram_Only".into()),
            ..Vela::new("ethos-u55-128")
        };
        own.check().unwrap();
        assert_eq!(own.device(), "ethos-u55-128 Ethos_U55_Deep_Embedded Sram_Only");
        assert_eq!(Vela::new("ethos-u85-256").device(), "ethos-u85-256");
    }
}
