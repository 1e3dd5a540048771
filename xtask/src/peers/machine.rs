//! The machine of a measurement.

use std::fs;

use anyhow::Result;
use tachograph_torch_link::install::first_line;

/// One line for each thing that decides speed.
pub fn describe(versions: &str) -> Result<Vec<String>> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let value = |text: &str, key: &str, separator: char| {
        let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        line.split_once(separator).map_or("?", |(_, v)| v).trim().trim_matches('"').to_owned()
    };
    let cpu = read("/proc/cpuinfo");
    let memory: f64 = value(&read("/proc/meminfo"), "MemTotal", ':').trim_end_matches(" kB").parse().unwrap_or(0.0);
    let cores = std::thread::available_parallelism()?;
    Ok(vec![
        format!(
            "{}, family {} model {}, {} kB of cache, {cores} cores",
            value(&cpu, "model name", ':'),
            value(&cpu, "cpu family", ':'),
            value(&cpu, "model\t", ':'),
            value(&cpu, "cache size", ':').trim_end_matches(" KB"),
        ),
        format!("{:.0} GiB of memory", memory / f64::from(1 << 20)),
        format!(
            "{}, Linux {}",
            value(&read("/etc/os-release"), "PRETTY_NAME", '='),
            read("/proc/sys/kernel/osrelease").trim()
        ),
        first_line("rustc", &["--version"]).unwrap_or_default(),
        versions.to_owned(),
    ])
}
