//! What a program takes, by a formula: for choices that nothing was measured for.
//!
//! Sums with many products run near the peak of a core, all else at a share of it; what is read and written once goes at the
//! rate of memory. Choices depend on the ratios alone: how much arithmetic a byte is worth.

use tachograph_program::{BufferId, Role, Schedule, Stage, Target, Workload};

/// Operations a nanosecond of a core for each byte of its vectors: two units of multiply–adds at some 2 GHz.
const PEAK_PER_BYTE: f64 = 1.5;
/// Share of the peak that arithmetic outside of long sums reaches.
const SHORT: f64 = 0.25;
/// Share of the peak that plain loops reach, which nobody has written for vectors.
const PLAIN: f64 = 0.03;
/// Bytes a nanosecond from memory.
const MEMORY: f64 = 10.0;
/// Milliseconds to start a kernel.
const START: f64 = 0.001;
/// Steps of a reduction from which on a sum is long.
const LONG: u64 = 8;

/// Milliseconds of one run on this machine.
pub fn ms(workload: &Workload, schedule: &Schedule) -> f64 {
    let peak = PEAK_PER_BYTE * Target::native().vector_bytes as f64;
    let plain = schedule.steps.is_empty();
    let work = |stage: &Stage| {
        let each = stage.value.operations() + u64::from(stage.reduces());
        let steps: u64 = stage.reduction.iter().map(|axis| axis.extent).product();
        let share = match stage.reduces() && steps >= LONG {
            _ if plain => PLAIN,
            true => 1.0,
            false => SHORT,
        };
        stage.points() as f64 * each as f64 / (peak * share)
    };
    let stages = workload.stages().iter().filter(|stage| !workload.is_constant(stage.buffer));
    let arithmetic: f64 = stages.map(work).sum();
    START + (arithmetic + bytes(workload) as f64 / MEMORY) / 1e6
}

/// Milliseconds to fetch the weights from memory, as they are prepared.
pub fn weights_ms(workload: &Workload) -> f64 {
    given(workload).filter(|id| workload.is_constant(*id)).map(|id| workload.buffer(id).bytes()).sum::<u64>() as f64
        / MEMORY
        / 1e6
}

/// Milliseconds of a copy of so many bytes into another order.
pub fn copy_ms(bytes: u64) -> f64 {
    START + 4.0 * bytes as f64 / MEMORY / 1e6
}

/// Bytes that are read from outside, weights as they are prepared, and written.
fn bytes(workload: &Workload) -> u64 {
    given(workload).chain(workload.outputs().iter().copied()).map(|id| workload.buffer(id).bytes()).sum()
}

/// What a run reads from outside: inputs, and what was prepared of weights.
fn given(workload: &Workload) -> impl Iterator<Item = BufferId> + '_ {
    let read = |id: &BufferId| workload.readers(*id).iter().any(|reader| !workload.is_constant(*reader));
    let outside = |id: &BufferId| workload.buffer(*id).role == Role::Input || workload.is_constant(*id);
    (0..workload.buffers().len() as u32).map(BufferId).filter(outside).filter(read)
}
