//! Random points of the space of a convolution, measured: `random_search [points] [channels] [extent]`.

use std::time::Instant;

use rand::SeedableRng;
use tachograph_ir::DType::F32;
use tachograph_metrics::median;
use tachograph_program::{
    Builder, Compiler, Cpu, CpuRules, Measurer, Outcome, Schedule, Settings, Space, Target, c,
    operator::{Activation, Window, activation, conv},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1).map(|word| word.parse::<u64>());
    let points = args.next().transpose()?.unwrap_or(64);
    let channels = args.next().transpose()?.unwrap_or(64);
    let extent = args.next().transpose()?.unwrap_or(28);
    let mut b = Builder::new("conv_relu");
    let x = b.input("x", F32, &[1, channels, extent, extent])?;
    let w = b.weight("w", F32, &[channels, channels, 3, 3])?;
    let y = conv(&mut b, x, w, &Window::square(2, 1, 1))?;
    let y = activation(&mut b, y, Activation::Relu)?;
    let workload = b.finish(&[y])?;
    let space = Space::cpu(&workload, CpuRules { max_unroll: 64, ..CpuRules::default() })?;
    println!("{workload}{} sketches, {} points", space.sketches.len(), space.count().unwrap_or(u128::MAX));

    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    let sampled: Vec<_> = (0..points).filter_map(|_| space.sample(&mut rng)).collect();
    let start = Instant::now();
    let schedules = sampled.iter().map(|point| space.schedule(point)).collect::<Result<Vec<_>, _>>()?;
    for schedule in &schedules {
        schedule.lower(&workload)?;
    }
    println!("lowering: {:.0} µs a point", start.elapsed().as_secs_f64() * 1e6 / points as f64);

    let settings = Settings { warmup_ms: 2.0, repeat_ms: 2.0, repeats: 3, ..Settings::default() };
    let mut cpu = Cpu::new(Compiler::find()?, settings)?;
    let dir = tempfile::tempdir()?;
    let mut compiling = Vec::new();
    for schedule in schedules.iter().take(30) {
        let code = c(&schedule.lower(&workload)?, Target::native())?;
        let start = Instant::now();
        cpu.compiler().library(&code, &dir.path().join("candidate.so"))?;
        compiling.push(start.elapsed().as_secs_f64() * 1e3);
    }
    println!("compiling: {:.0} ms, median of {}", median(&compiling).unwrap_or(f64::NAN), compiling.len());
    cpu.measure(&workload, &[Schedule::new()])?;
    let start = Instant::now();
    let (mut records, mut best) = (Vec::new(), f64::INFINITY);
    // As tuners do: some at a time, and no more than a glance at what is four times slower than the best.
    for some in schedules.chunks(16) {
        cpu.be_patient(if best.is_finite() { 4.0 * best / 1e6 } else { 0.0 });
        records.extend(cpu.measure(&workload, some)?);
        best = records.iter().filter_map(|record| record.outcome.nanoseconds()).fold(f64::INFINITY, f64::min);
    }
    let seconds = start.elapsed().as_secs_f64();
    let failed = records.iter().filter(|record| record.outcome.nanoseconds().is_none()).count();
    println!("{points} candidates in {seconds:.1} s, {:.1} a second, {failed} failed", points as f64 / seconds);
    for record in &records {
        if let Outcome::Failed { reason, message } = &record.outcome {
            println!("{reason:?}: {}", message.lines().next().unwrap_or_default());
        }
    }
    let timed = records.iter().filter_map(|record| Some((record.outcome.nanoseconds()?, record)));
    if let Some((time, record)) = timed.min_by(|a, b| a.0.total_cmp(&b.0)) {
        println!("best: {:.3} ms, {:.1} GFLOP/s\n{}", time / 1e6, workload.flops() as f64 / time, record.schedule);
    }
    Ok(())
}
