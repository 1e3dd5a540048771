//! Runtime specification: what a performance function knows of the hardware.

use std::{collections::BTreeMap, path::Path, sync::OnceLock};

use serde::{Deserialize, Serialize};

use crate::{BoundGraph, Bytes, Cost, DType, Error, Millis, Result, meant};

/// The broad class of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    /// A processor with its own memory controller.
    Cpu,
    /// A discrete graphics processor.
    Gpu,
    /// An accelerator for neural networks alone.
    Npu,
    /// A system on a chip: phone, tablet, embedded board.
    Soc,
}

/// The runtime specification S of a device, read from a TOML file. Unknown figures are left out, not guessed,
/// and each figure has an entry in `sources`. See `docs/devices.md`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Unique; lower case with dashes.
    pub name: String,
    /// Other names, among them the one its driver reports.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Class of device.
    pub kind: DeviceKind,
    /// Who makes it.
    pub vendor: String,
    /// Memory bandwidth, bytes per second.
    pub bandwidth: Option<f64>,
    /// Memory capacity.
    pub memory: Option<Bytes>,
    /// Streaming multiprocessors of a GPU, cores of anything else.
    pub units: Option<u32>,
    /// Highest sustained clock, hertz.
    pub clock: Option<f64>,
    /// Thermal design power, watts.
    pub tdp: Option<f64>,
    /// Name of the manufacturing process, nanometres.
    pub process: Option<f64>,
    /// Bandwidth to others of its kind that it works with, bytes per second one way; half of what NVLink's figure adds up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<f64>,
    /// Peak operations per second by data type, dense, on the fastest path that keeps the type
    /// (so f32 is without TF32).
    #[serde(default)]
    pub peak: BTreeMap<DType, f64>,
    /// Cache sizes by level (`l1`, `l2`, `l3`); `l1` is per unit.
    #[serde(default)]
    pub caches: BTreeMap<String, Bytes>,
    /// Where each figure comes from: `bandwidth`, …, `peak` or `peak.f32`, `caches` or `caches.l2`.
    #[serde(default)]
    pub sources: BTreeMap<String, String>,
}

macro_rules! devices {
    ($($file:literal),* $(,)?) => {
        &[$(($file, include_str!(concat!("../devices/", $file, ".toml")))),*]
    };
}

static FILES: &[(&str, &str)] = devices![
    "a100-pcie-40gb",
    "a100-pcie-80gb",
    "a100-sxm-40gb",
    "a100-sxm-80gb",
    "epyc-milan-2c",
    "h100-sxm",
    "h200",
    "i7-12700h",
    "i9-10940x",
    "jetson-agx-orin",
    "jetson-orin-nano",
    "l4",
    "mi100",
    "mi210",
    "mi250-gcd",
    "p4",
    "p100-pcie",
    "raspberry-pi-4",
    "rtx-3090",
    "rtx-4090",
    "rtx-5090",
    "rtx-pro-6000-max-q",
    "snapdragon-855",
    "snapdragon-8-gen-2",
    "t4",
    "tpu-v3",
    "v100-pcie",
    "v100-sxm2",
    "xeon-spr-2c",
];

impl Device {
    /// Reads a device file.
    ///
    /// # Errors
    /// A file that cannot be read, is not TOML of this form, or has a figure that is not positive or has no source.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.into(), source })?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// The devices bundled with the library, by name.
    pub fn all() -> &'static [Self] {
        static ALL: OnceLock<Vec<Device>> = OnceLock::new();
        // A test parses every bundled file.
        ALL.get_or_init(|| FILES.iter().filter_map(|(file, text)| Self::parse(file, text).ok()).collect())
    }

    /// The bundled device of this name or alias, whatever the case, dashes and spaces.
    ///
    /// # Errors
    /// No such device; the message says which may be meant, and lists those there are.
    pub fn builtin(name: &str) -> Result<&'static Self> {
        Self::all().iter().find(|d| d.is_called(name)).ok_or_else(|| {
            let meant = Self::meant(name).map_or(String::new(), |d| format!("did you mean `{}`? ", d.name));
            let known = Self::all().iter().map(|d| d.name.as_str()).collect::<Vec<_>>().join(", ");
            Error::UnknownDevice { name: name.into(), known: format!("{meant}known are {known}") }
        })
    }

    /// The bundled device whose name or alias is most like `name`, if one is much like it.
    pub fn meant(name: &str) -> Option<&'static Self> {
        let meant = meant(name, Self::all().iter().flat_map(|d| d.names()).map(String::as_str))?;
        Self::all().iter().find(|d| d.names().any(|n| n == meant))
    }

    /// True for its name and its aliases, whatever the case, dashes and spaces.
    pub fn is_called(&self, name: &str) -> bool {
        let plain = |name: &str| -> Vec<char> {
            name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
        };
        let name = plain(name);
        self.names().any(|n| plain(n) == name)
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.name).chain(&self.aliases)
    }

    fn parse(what: &str, text: &str) -> Result<Self> {
        let format = |message: String| Error::Format { what: format!("device file {what}"), message };
        let device: Self = toml::from_str(text).map_err(|e| format(e.to_string().trim_end().into()))?;
        device.check().map_err(format)?;
        Ok(device)
    }

    /// Every figure with the name that its source goes by.
    fn figures(&self) -> impl Iterator<Item = (String, f64)> {
        let bytes = |b: Bytes| b.0 as f64;
        let single = [
            ("bandwidth", self.bandwidth),
            ("memory", self.memory.map(bytes)),
            ("units", self.units.map(f64::from)),
            ("clock", self.clock),
            ("tdp", self.tdp),
            ("process", self.process),
            ("link", self.link),
        ];
        let single = single.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let peak = self.peak.iter().map(|(dtype, &value)| (format!("peak.{dtype}"), value));
        let caches = self.caches.iter().map(move |(level, &size)| (format!("caches.{level}"), bytes(size)));
        single.chain(peak).chain(caches)
    }

    /// Source of a figure: its own, or that of its table.
    fn source(&self, figure: &str) -> Option<&str> {
        let table = figure.split('.').next().unwrap_or(figure);
        self.sources.get(figure).or_else(|| self.sources.get(table)).map(String::as_str)
    }

    fn check(&self) -> Result<(), String> {
        if self.name.trim().is_empty() {
            return Err("name is empty".into());
        }
        for (figure, value) in self.figures() {
            if !value.is_finite() || value <= 0.0 {
                return Err(format!("{figure} = {value} is not positive"));
            }
            if self.source(&figure).is_none_or(|s| s.trim().is_empty()) {
                return Err(format!("{figure} has no source: add {figure:?} to [sources]"));
            }
        }
        let names = |key: &str| self.figures().any(|(f, _)| f == *key || f.split('.').next() == Some(key));
        match self.sources.keys().find(|key| !names(key)) {
            Some(key) => Err(format!("source {key:?} is of no figure in this file")),
            None => Ok(()),
        }
    }

    /// Time that no execution of this cost can beat: max(flops / peak, bytes / bandwidth).
    /// `None` when the device file has no bandwidth or no peak for `dtype`.
    /// Source: Williams, Waterman, Patterson, *Roofline*, CACM 2009.
    pub fn roofline(&self, cost: &Cost, dtype: DType) -> Option<Millis> {
        let compute = cost.flops as f64 / self.peak.get(&dtype)?;
        let memory = cost.bytes() as f64 / self.bandwidth?;
        Some(Millis::from_seconds(compute.max(memory)))
    }
}

impl BoundGraph {
    /// Sum over live nodes of [`Device::roofline`]: a bound for execution without fusion, node after node.
    /// `None` when the device file lacks a figure.
    ///
    /// # Errors
    /// As [`BoundGraph::node_cost`].
    pub fn roofline(&self, device: &Device, dtype: DType) -> Result<Option<Millis>> {
        let costs = self.live().iter().map(|&id| self.node_cost(id)).collect::<Result<Vec<_>>>()?;
        Ok(costs.iter().map(|cost| device.roofline(cost, dtype)).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundled_files_are_valid_and_names_are_unique() {
        let mut names = std::collections::HashSet::new();
        for (file, text) in FILES {
            let device = Device::parse(file, text).unwrap();
            assert_eq!(device.name, *file);
            assert!(device.bandwidth.is_some() && !device.peak.is_empty(), "{file}");
            for name in device.aliases.iter().chain([&device.name]) {
                assert!(names.insert(name.to_lowercase()), "{name} is in two files");
            }
        }
        assert_eq!(Device::all().len(), FILES.len());
    }

    #[test]
    fn found_by_alias_or_refused_with_a_list() {
        assert_eq!(Device::builtin("tesla t4").unwrap().name, "t4");
        for name in ["Jetson Orin-Nano", "jetson_orin_nano", "ORIN NANO"] {
            assert_eq!(Device::builtin(name).unwrap().name, "jetson-orin-nano", "{name}");
        }
        assert!(Device::builtin("").is_err() && Device::builtin("-").is_err());
        let error = Device::builtin("jetson orin").unwrap_err().to_string();
        assert!(
            error.starts_with("unknown device `jetson orin`; did you mean `jetson-agx-orin`? known are "),
            "{error}"
        );
        let error = Device::builtin("gtx-9999").unwrap_err().to_string();
        assert!(error.contains("gtx-9999") && error.contains("h100-sxm"), "{error}");
    }

    #[test]
    fn every_figure_needs_a_source() {
        let file = "name = 'x'\nkind = 'cpu'\nvendor = 'v'\nclock = 1e9\n";
        let error = Device::parse("x.toml", file).unwrap_err().to_string();
        assert!(error.contains("x.toml") && error.contains("clock has no source"), "{error}");
        assert!(Device::parse("x.toml", &format!("{file}[sources]\nclock = 'label'\n")).is_ok());
        assert!(Device::parse("x.toml", &format!("{file}[sources]\nclock = 'label'\ntdp = 'label'\n")).is_err());
        assert!(Device::parse("x.toml", "name = 'x'\nkind = 'cpu'\nvendor = 'v'\ntdp = -1\n").is_err());
    }

    #[test]
    fn round_trips() {
        let device = Device::builtin("h100").unwrap();
        let text = toml::to_string(device).unwrap();
        assert_eq!(&Device::parse("text", &text).unwrap(), device);
        let json = serde_json::to_string(device).unwrap();
        assert_eq!(&serde_json::from_str::<Device>(&json).unwrap(), device);
    }

    #[test]
    fn roofline_takes_the_slower_side() {
        let device = Device::builtin("v100").unwrap();
        let compute = Cost { flops: 15_700_000_000, read: 1, ..Cost::default() };
        assert!((device.roofline(&compute, DType::F32).unwrap().0 - 1.0).abs() < 1e-9);
        let memory = Cost { flops: 1, read: 450_000_000, written: 450_000_000, ..Cost::default() };
        assert!((device.roofline(&memory, DType::F32).unwrap().0 - 1.0).abs() < 1e-9);
        assert_eq!(device.roofline(&memory, DType::BF16), None);
    }
}
