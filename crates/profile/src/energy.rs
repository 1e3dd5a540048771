//! Energy of an NVIDIA GPU, from the counter of its driver (NVML).

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use nvml_wrapper::{Device, Nvml};

/// How often the counter is looked at. Drivers change it every 20 to 100 ms.
const LOOK: Duration = Duration::from_millis(1);

/// What `run` returns, and the mean power in watts of the only GPU meanwhile: between the first and the last change of
/// the counter. `None` where there is no such counter, it did not change twice, or there are several GPUs, which CUDA
/// may number otherwise.
pub(crate) fn watts<T>(run: impl FnOnce() -> T) -> (T, Option<f64>) {
    let Some(gpu) =
        nvml().filter(|nvml| nvml.device_count().is_ok_and(|n| n == 1)).and_then(|n| n.device_by_index(0).ok())
    else {
        return (run(), None);
    };
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watch = scope.spawn(|| changes(&gpu, &over));
        let result = run();
        over.store(true, Ordering::Relaxed);
        (result, watch.join().ok().flatten())
    })
}

/// Watts between the first and the last change of the counter before `over`.
fn changes(gpu: &Device<'_>, over: &AtomicBool) -> Option<f64> {
    let mut last = gpu.total_energy_consumption().ok()?;
    let mut first = None;
    let mut watts = None;
    while !over.load(Ordering::Relaxed) {
        let (millijoules, now) = (gpu.total_energy_consumption().ok()?, Instant::now());
        if millijoules != last {
            last = millijoules;
            let (from, since) = *first.get_or_insert((millijoules, now));
            watts = (millijoules > from).then(|| 1e-3 * (millijoules - from) as f64 / (now - since).as_secs_f64());
        }
        thread::sleep(LOOK);
    }
    watts
}

/// The model of a GPU.
pub(crate) fn gpu_name(index: usize) -> Option<String> {
    nvml()?.device_by_index(u32::try_from(index).ok()?).ok()?.name().ok()
}

/// The version of the driver of NVIDIA's GPUs.
pub(crate) fn driver() -> Option<String> {
    nvml()?.sys_driver_version().ok()
}

fn nvml() -> Option<&'static Nvml> {
    static NVML: OnceLock<Option<Nvml>> = OnceLock::new();
    NVML.get_or_init(|| Nvml::init().ok()).as_ref()
}
