//! Features of random points of a convolution's space, and the time that they take: `features [points] [channels]
//! [extent]`.

use std::time::Instant;

use rand::SeedableRng;
use tachograph_ir::DType::F32;
use tachograph_metrics::median;
use tachograph_program::{
    Builder, CpuRules, Space,
    features::{self, Program},
    operator::{Activation, Window, activation, conv},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1).map(|word| word.parse::<u64>());
    let points = args.next().transpose()?.unwrap_or(200);
    let channels = args.next().transpose()?.unwrap_or(64);
    let extent = args.next().transpose()?.unwrap_or(28);
    let mut b = Builder::new("conv_relu");
    let x = b.input("x", F32, &[1, channels, extent, extent])?;
    let w = b.weight("w", F32, &[channels, channels, 3, 3])?;
    let y = conv(&mut b, x, w, &Window::square(2, 1, 1))?;
    let y = activation(&mut b, y, Activation::Relu)?;
    let workload = b.finish(&[y])?;
    let space = Space::cpu(&workload, CpuRules::default())?;
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    let sampled: Vec<_> = (0..points).filter_map(|_| space.sample(&mut rng)).collect();
    let schedules = sampled.iter().map(|point| space.schedule(point)).collect::<Result<Vec<_>, _>>()?;

    let mut programs = Vec::new();
    let mut times = Vec::new();
    for (schedule, point) in schedules.iter().zip(&sampled) {
        let start = Instant::now();
        let program = Program::new(&workload, schedule)?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
        programs.push(program.at(&space, point));
    }
    println!("{:14} {:6.1} µs, median of {points} points", "lowering", median(&times).unwrap_or(f64::NAN));
    for set in features::ALL {
        let mut times = Vec::new();
        let mut last = features::Features::default();
        for program in &programs {
            let start = Instant::now();
            last = set.extract(program)?;
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
        let shape = format!("{} {} of {}", last.len(), format!("{:?}", set.rows()).to_lowercase(), last.width);
        println!("{:14} {:6.1} µs, {shape} at the last", set.name(), median(&times).unwrap_or(f64::NAN));
    }
    Ok(())
}
