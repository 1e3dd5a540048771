//! Runtime specification of the CPU at hand, from what Linux tells.

use std::{collections::BTreeMap, fs};

use crate::{Bytes, DType, Device, DeviceKind, Error, Result};

impl Device {
    /// Specification of the CPU at hand: model, cores, clock, caches and memory as Linux reports them; the peak is
    /// cores × clock × operations per cycle of the widest vector unit. Bandwidth is left out: it must be measured.
    ///
    /// # Errors
    /// `/proc/cpuinfo` cannot be read, or names no processor.
    pub fn detect_cpu() -> Result<Self> {
        let path = "/proc/cpuinfo";
        let cpuinfo = fs::read_to_string(path).map_err(|source| Error::Io { path: path.into(), source })?;
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let max_khz = fs::read_to_string("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq").ok();
        let max_hz = max_khz.and_then(|text| text.trim().parse::<f64>().ok()).map(|khz| khz * 1e3);
        from_linux(&cpuinfo, &meminfo, max_hz, caches())
            .ok_or_else(|| Error::Format { what: path.into(), message: "names no processor".into() })
    }
}

fn from_linux(cpuinfo: &str, meminfo: &str, max_hz: Option<f64>, caches: BTreeMap<String, Bytes>) -> Option<Device> {
    let field = |name: &str| fields(cpuinfo).find(|(key, _)| *key == name).map(|(_, value)| value);
    let threads = fields(cpuinfo).filter(|(key, _)| *key == "processor").count();
    let mhz = fields(cpuinfo).filter(|(key, _)| *key == "cpu MHz").filter_map(|(_, v)| v.parse::<f64>().ok());
    let clock = max_hz.or_else(|| mhz.reduce(f64::max).map(|mhz| mhz * 1e6));
    let units = u32::try_from(cores(cpuinfo).unwrap_or(threads)).ok().filter(|&n| n > 0)?;
    let per_cycle = flops_per_cycle(field("flags").or_else(|| field("Features")).unwrap_or_default());
    let kib = fields(meminfo).find(|(key, _)| *key == "MemTotal");
    let memory = kib.and_then(|(_, v)| v.strip_suffix("kB")?.trim().parse::<u64>().ok()).map(|kib| Bytes(kib * 1024));

    let mut device = Device {
        name: field("model name").unwrap_or("CPU at hand").to_owned(),
        aliases: vec!["cpu".into()],
        kind: DeviceKind::Cpu,
        vendor: field("vendor_id").unwrap_or("unknown").to_owned(),
        bandwidth: None,
        memory,
        units: Some(units),
        clock,
        tdp: None,
        process: None,
        link: None,
        peak: BTreeMap::new(),
        caches,
        sources: BTreeMap::from([("units".into(), "derived from /proc/cpuinfo".into())]),
    };
    let mut source = |figure: &str, text: &str| device.sources.insert(figure.into(), text.into());
    if memory.is_some() {
        source("memory", "derived from /proc/meminfo");
    }
    if max_hz.is_some() {
        source("clock", "/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq");
    } else if clock.is_some() {
        source("clock", "derived from /proc/cpuinfo");
    }
    if !device.caches.is_empty() {
        source("caches", "/sys/devices/system/cpu/cpu0/cache");
    }
    if let (Some(clock), Some((flops, isa))) = (clock, per_cycle) {
        let text = format!("derived from /proc/cpuinfo: {units} cores x clock x {flops} operations a cycle ({isa})");
        source("peak", &text);
        device.peak.insert(DType::F32, f64::from(units) * clock * flops);
    }
    Some(device)
}

/// `key : value` lines.
fn fields(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| line.split_once(':')).map(|(key, value)| (key.trim(), value.trim()))
}

/// Distinct (socket, core) pairs, so that hyper-threads count once; `None` where Linux does not tell.
fn cores(cpuinfo: &str) -> Option<usize> {
    let mut socket = "";
    let mut cores = std::collections::HashSet::new();
    for (key, value) in fields(cpuinfo) {
        match key {
            "physical id" => socket = value,
            "core id" => _ = cores.insert((socket, value)),
            _ => {}
        }
    }
    (!cores.is_empty()).then_some(cores.len())
}

/// f32 operations per core and cycle, with two vector units (one on plain SSE), and the instruction set that gives them.
fn flops_per_cycle(flags: &str) -> Option<(f64, &'static str)> {
    let has = |flag: &str| flags.split_whitespace().any(|f| f == flag);
    let known = [
        (has("avx512f"), 64.0, "AVX-512, two multiply-add units"),
        (has("avx2") && has("fma"), 32.0, "AVX2, two multiply-add units"),
        (has("avx"), 16.0, "AVX, one add and one multiply unit"),
        (has("sse2"), 8.0, "SSE2, one add and one multiply unit"),
        (has("asimd"), 16.0, "Advanced SIMD, two multiply-add units"),
    ];
    known.into_iter().find(|(present, ..)| *present).map(|(_, flops, isa)| (flops, isa))
}

/// Data and unified caches of the first core.
fn caches() -> BTreeMap<String, Bytes> {
    let read = |i: u32, file: &str| {
        let path = format!("/sys/devices/system/cpu/cpu0/cache/index{i}/{file}");
        fs::read_to_string(path).map(|s| s.trim().to_owned()).ok()
    };
    let cache = |i: u32| {
        let kib = read(i, "size")?.strip_suffix('K')?.parse::<u64>().ok()?;
        Some((format!("l{}", read(i, "level")?), Bytes(kib.checked_mul(1024)?)))
    };
    let data = |i: &u32| read(*i, "type").is_some_and(|kind| kind != "Instruction");
    (0..8).filter(data).filter_map(cache).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hyper_threads_are_one_core() {
        let thread = |n: u32, core: u32| {
            format!(
                "processor : {n}\nvendor_id : X\nmodel name : M\ncpu MHz : 2000.0\nphysical id : 0\ncore id : {core}\nflags : sse2 avx avx2 fma\n\n"
            )
        };
        let cpuinfo = [thread(0, 0), thread(1, 0), thread(2, 1), thread(3, 1)].concat();
        let device = from_linux(&cpuinfo, "MemTotal:  1024 kB\n", None, BTreeMap::new()).unwrap();
        assert_eq!((device.units, device.memory), (Some(2), Some(Bytes(1 << 20))));
        assert_eq!(device.peak[&DType::F32], 2.0 * 2e9 * 32.0);
        assert_eq!(device.name, "M");
    }

    #[test]
    fn arm_without_clock_has_no_peak() {
        let device = from_linux("processor : 0\nFeatures : fp asimd\n", "", None, BTreeMap::new()).unwrap();
        assert_eq!((device.units, device.clock, device.peak.len()), (Some(1), None, 0));
        assert!(from_linux("", "", None, BTreeMap::new()).is_none());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_cpu_has_a_source_for_every_figure() {
        let device = Device::detect_cpu().unwrap();
        let text = toml::to_string(&device).unwrap();
        let file = std::env::temp_dir().join(format!("tachograph-cpu-{}.toml", std::process::id()));
        std::fs::write(&file, text).unwrap();
        let read = Device::load(&file);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(read.unwrap(), device);
    }
}
