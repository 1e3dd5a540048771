//! Which device of a checkpoint a name means, and which are near one that it does not know.

use std::{collections::HashMap, sync::LazyLock};

use tachograph_ir::{DType, Device, DeviceKind, Quantity};

use crate::{Manifest, NOT_RECORDED, Output, OutputId, Result};

/// A device of a checkpoint, near another.
#[derive(Clone, Debug, PartialEq)]
pub struct Near {
    /// Its name.
    pub name: String,
    /// Root mean square of the differences of log peak (f32), log bandwidth and log memory, as far as both device files
    /// have them; none where one of the two has no device file, and the names alone are alike.
    pub distance: Option<f64>,
}

impl Manifest {
    /// The latency of the device that `name` means: the output of that name; else, whatever the case, dashes and spaces,
    /// the first whose name or hardware it is; else the first that the same device file names.
    ///
    /// # Errors
    /// The checkpoint does not know the device.
    pub fn find(&self, name: &str) -> Result<OutputId> {
        find(&self.outputs, name).map(OutputId).ok_or_else(|| self.unknown_device(name))
    }

    /// The peak memory that goes with `output`: on its device, else on another of the same kind (GPU or not) where the
    /// same library ran on as many threads, which decide what is resident more than the machine does.
    pub fn memory(&self, output: OutputId) -> Option<OutputId> {
        memory(&self.outputs, output.0).map(OutputId)
    }

    /// The devices whose latency it predicts, the nearest to `name` first: those with a device file by its distance, if
    /// `name` has one, then the others by how alike the names are.
    pub fn nearest(&self, name: &str) -> Vec<Near> {
        nearest(&self.outputs, name)
    }
}

fn latencies(devices: &[Output]) -> impl Iterator<Item = (usize, &Output)> {
    devices.iter().enumerate().filter(|(_, device)| device.quantity == Quantity::Latency)
}

fn memory(devices: &[Output], output: usize) -> Option<usize> {
    let device = devices.get(output)?;
    let memories = || devices.iter().enumerate().filter(|(_, other)| other.quantity == Quantity::Memory);
    let is_gpu = |d: &Output| d.device_file().is_some_and(|file| file.kind == DeviceKind::Gpu);
    let runs = |d: &Output| (d.library.clone(), d.threads, is_gpu(d));
    let alike = |other: &Output| other.library != NOT_RECORDED && runs(other) == runs(device);
    let own = memories().find(|(_, other)| other.name == device.name);
    own.or_else(|| memories().find(|(_, other)| alike(other))).map(|(i, _)| i)
}

fn find(devices: &[Output], name: &str) -> Option<usize> {
    let (places, called): (Vec<usize>, Vec<(&str, &str)>) =
        latencies(devices).map(|(i, device)| (i, (device.name.as_str(), device.hardware.as_str()))).unzip();
    find_device(&called, name).map(|place| places[place])
}

/// Which of `devices`, each a name and a hardware, `name` means: the one of that name; else, whatever the case, dashes and
/// spaces, the first whose name or hardware it is; else the first that the same device file names.
pub fn find_device(devices: &[(&str, &str)], name: &str) -> Option<usize> {
    let called = plain(name);
    let exact = |device: &(&str, &str)| device.0 == name;
    let alike = |device: &(&str, &str)| !called.is_empty() && [device.0, device.1].iter().any(|n| plain(n) == called);
    let wanted = file(name);
    let same = |device: &(&str, &str)| wanted.is_some() && file(device.0).or_else(|| file(device.1)) == wanted;
    let places = || devices.iter();
    places().position(exact).or_else(|| places().position(alike)).or_else(|| places().position(same))
}

pub(crate) fn nearest(devices: &[Output], name: &str) -> Vec<Near> {
    let wanted = file(name);
    let mut near: Vec<(Near, f64, &str)> = Vec::new();
    for (_, device) in latencies(devices) {
        if near.iter().any(|(other, ..)| other.name == device.name) {
            continue;
        }
        let distance = wanted.zip(device.device_file()).and_then(|(a, b)| distance(a, b));
        let alike = |n: &str| strsim::jaro_winkler(&plain(n), &plain(name));
        let alike = alike(&device.name).max(alike(&device.hardware));
        near.push((Near { name: device.name.clone(), distance }, alike, &device.hardware));
    }
    near.sort_by(|(a, alike_a, _), (b, alike_b, _)| {
        let far = |near: &Near| near.distance.unwrap_or(f64::INFINITY);
        far(a).total_cmp(&far(b)).then(alike_b.total_cmp(alike_a))
    });
    // One setting of each card or processor says enough.
    let mut seen = std::collections::HashSet::new();
    near.retain(|(.., hardware)| *hardware == NOT_RECORDED || seen.insert(*hardware));
    near.into_iter().map(|(near, ..)| near).collect()
}

/// Letters and digits, in lower case.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The bundled device file of a name or alias.
fn file(name: &str) -> Option<&'static Device> {
    static FILES: LazyLock<HashMap<String, &Device>> = LazyLock::new(|| {
        let names = |device: &'static Device| std::iter::once(&device.name).chain(&device.aliases);
        let pairs = |device| names(device).map(move |name| (plain(name), device));
        // The first that has a name has it.
        Device::all().iter().rev().flat_map(pairs).collect()
    });
    FILES.get(&plain(name)).copied()
}

impl Output {
    /// The bundled device file of its name, else of its hardware.
    pub fn device_file(&self) -> Option<&'static Device> {
        file(&self.name).or_else(|| file(&self.hardware))
    }
}

/// See [`Near::distance`].
fn distance(a: &Device, b: &Device) -> Option<f64> {
    let figures = |d: &Device| [d.peak.get(&DType::F32).copied(), d.bandwidth, d.memory.map(|bytes| bytes.0 as f64)];
    let pairs = figures(a).into_iter().zip(figures(b)).filter_map(|(a, b)| Some((a?, b?)));
    let squares: Vec<f64> = pairs.map(|(a, b)| (a / b).ln().powi(2)).collect();
    (!squares.is_empty()).then(|| (squares.iter().sum::<f64>() / squares.len() as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn devices() -> Vec<Output> {
        let memory = Output::new("rtx4090", Quantity::Memory);
        let names = ["xeon-1t", "rtx4090", "rtx3090", "v100-sxm2", "my-board"];
        let latencies = names.map(|name| Output::new(name, Quantity::Latency));
        let mut all: Vec<Output> = [memory].into_iter().chain(latencies).collect();
        all[1].hardware = "Intel(R) Xeon(R) Processor".into();
        all
    }

    #[test]
    fn names_and_aliases() {
        for name in ["rtx4090", "RTX-4090", "rtx 4090", "NVIDIA GeForce RTX 4090", "4090"] {
            assert_eq!(find(&devices(), name), Some(2), "{name}");
        }
        assert_eq!(find(&devices(), "Tesla V100-SXM2-32GB"), Some(4));
        assert_eq!(find(&devices(), "intel xeon processor"), None);
        assert_eq!(find(&devices(), "Intel(R) Xeon(R) Processor"), Some(1));
        assert_eq!(find(&devices(), "h200"), None);
        assert_eq!(find(&devices(), ""), None);
    }

    #[test]
    fn memory_of_the_device_or_of_the_library() {
        let mut devices = devices();
        devices.push(Output::new("epyc-milan-1t", Quantity::Memory));
        assert_eq!((memory(&devices, 2), memory(&devices, 1), memory(&devices, 9)), (Some(0), None, None));
        for i in [0, 1, 2, 3, 6] {
            (devices[i].library, devices[i].threads) = ("libtorch 2.11.0".into(), 1);
        }
        assert_eq!((memory(&devices, 2), memory(&devices, 1), memory(&devices, 3)), (Some(0), Some(6), Some(0)));
        devices[6].threads = 2;
        assert_eq!(memory(&devices, 1), None);
    }

    #[test]
    fn near_by_file_then_by_name() {
        let near = nearest(&devices(), "l4");
        let names: Vec<_> = near.iter().map(|near| near.name.as_str()).collect();
        assert_eq!(names[..3], ["rtx3090", "v100-sxm2", "rtx4090"], "{near:?}");
        assert!(near[..3].windows(2).all(|pair| pair[0].distance <= pair[1].distance), "{near:?}");
        assert!(near[3..].iter().all(|near| near.distance.is_none()) && near.len() == 5);
        assert_eq!(nearest(&devices(), "my-bord")[0], Near { name: "my-board".into(), distance: None });
    }
}
