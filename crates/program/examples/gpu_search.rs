//! Random points of a matrix product's space, measured on a GPU: by CUDA where there are NVIDIA's driver and NVRTC, else
//! by OpenCL. `gpu_search [SIZE] [POINTS]`

use rand::SeedableRng;
use tachograph_ir::DType::F32;
use tachograph_program::{
    Builder, Compiler, Cuda, GpuRules, Limits, Measurer, Nvrtc, OpenCl, Outcome, Settings, Space, cuda, operator,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse());
    let size: u64 = arguments.next().transpose()?.unwrap_or(512);
    let points: u64 = arguments.next().transpose()?.unwrap_or(32);
    let mut b = Builder::new("product");
    let (x, w) = (b.input("x", F32, &[size, size])?, b.weight("w", F32, &[size, size])?);
    let y = operator::matmul(&mut b, x, w)?;
    let workload = b.finish(&[y])?;

    let settings = Settings { limits: Limits { seconds: 30, mebibytes: 0 }, ..Settings::default() };
    let by_cuda = Nvrtc::find().and_then(|nvrtc| Cuda::new(Compiler::find()?, nvrtc, settings.clone()));
    let (mut device, target): (Box<dyn Measurer>, _) = match by_cuda {
        Ok(device) => {
            println!("{} ({})", device.device(), device.architecture());
            let target = device.target();
            (Box::new(device), target)
        }
        Err(error) => {
            println!("{error}");
            let device = OpenCl::new(Compiler::find()?, settings)?;
            println!("{}", device.device());
            let target = device.target();
            (Box::new(device), target)
        }
    };

    // Points with more threads or shared memory than the device has are drawn again.
    let space = Space::gpu(&workload, GpuRules::default())?;
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    let mut schedules = Vec::new();
    while schedules.len() < points as usize {
        let point = space.sample(&mut rng).ok_or("an empty space")?;
        let schedule = space.schedule(&point)?;
        if schedule.lower(&workload).and_then(|nest| cuda(&nest, target)).is_ok() {
            schedules.push(schedule);
        }
    }
    let mut best = 0.0;
    for record in device.measure(&workload, &schedules)? {
        match record.outcome {
            Outcome::Time { median, spread, .. } => {
                let speed = workload.flops() as f64 / median;
                println!("{:>10.3} ms ± {:>4.1} % {speed:>8.0} GFLOP/s", median / 1e6, spread * 100.0);
                if speed > best {
                    best = speed;
                    println!("{}", record.schedule);
                }
            }
            Outcome::Failed { reason, message } => println!("{reason:?}: {}", message.lines().next().unwrap_or("")),
        }
    }
    println!("best of {points}: {best:.0} GFLOP/s");
    Ok(())
}
