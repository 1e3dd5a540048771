//! Schedules of tensor programs as JSON, which are then taken, lowered and written as code.
//!
//! Bound: 16 KiB in, 10 s, 64 MiB.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tachograph_fuzz::{MIB, bounded, programs};
use tachograph_program::{GpuTarget, Schedule, Target, Workload, c, cuda, opencl};

static WORKLOADS: LazyLock<Vec<Workload>> = LazyLock::new(programs::workloads);

fuzz_target!(init: { LazyLock::force(&WORKLOADS); }, |text: &str| bounded(64 * MIB, || {
    let Ok(schedule) = Schedule::from_json(text) else { return };
    let again = programs::json(&schedule);
    assert!(Schedule::from_json(&again).ok().as_ref() == Some(&schedule), "a schedule changes when it is read");
    let _ = schedule.to_string();
    for workload in WORKLOADS.iter() {
        let Ok(nest) = schedule.lower(workload) else { continue };
        let _ = nest.to_string();
        let _ = c(&nest, Target { vector_bytes: 32 });
        let _ = opencl(&nest, GpuTarget::default());
        let _ = cuda(&nest, GpuTarget::default());
    }
}));
