//! From a point to code: what a tuner pays for each candidate before it is compiled.

use criterion::{Criterion, criterion_group, criterion_main};
use rand::SeedableRng;
use tachograph_ir::DType::F32;
use tachograph_program::{
    Builder, CpuRules, Machine, Result, Schedule, Space, Target, Workload, c,
    features::{self, Program},
    operator::{Activation, Window, activation, conv},
};

fn workload() -> Result<Workload> {
    let mut b = Builder::new("conv_relu");
    let x = b.input("x", F32, &[1, 64, 28, 28])?;
    let w = b.weight("w", F32, &[64, 64, 3, 3])?;
    let y = conv(&mut b, x, w, &Window::square(2, 1, 1))?;
    let y = activation(&mut b, y, Activation::Relu)?;
    b.finish(&[y])
}

/// Sixteen random points of each kind of space.
fn points(workload: &Workload) -> Result<[(&'static str, Vec<Schedule>); 2]> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    let mut sample = |space: Space| -> Result<Vec<Schedule>> {
        (0..16).filter_map(|_| space.sample(&mut rng)).map(|point| space.schedule(&point)).collect()
    };
    let rules = sample(Space::cpu(workload, CpuRules::default())?)?;
    let templates = sample(Space::templates(workload, Machine::of(Target::native()))?)?;
    Ok([("rules", rules), ("templates", templates)])
}

fn program(criterion: &mut Criterion) {
    let workload = workload().unwrap();
    for (kind, schedules) in points(&workload).unwrap() {
        let mut group = criterion.benchmark_group(format!("16 points of {kind}"));
        group.bench_function("lower", |b| {
            b.iter(|| schedules.iter().map(|s| s.lower(&workload).unwrap().loops.len()).sum::<usize>());
        });
        let nests: Vec<_> = schedules.iter().map(|s| s.lower(&workload).unwrap()).collect();
        group.bench_function("write C", |b| {
            b.iter(|| nests.iter().map(|nest| c(nest, Target::native()).unwrap().text.len()).sum::<usize>());
        });
        let programs: Vec<_> = schedules.iter().map(|s| Program::new(&workload, s).unwrap()).collect();
        for set in features::ALL.iter().filter(|set| ["per-store", "primitives"].contains(&set.name())) {
            group.bench_function(set.name(), |b| {
                b.iter(|| programs.iter().map(|program| set.extract(program).unwrap().len()).sum::<usize>());
            });
        }
    }
}

criterion_group!(benches, program);
criterion_main!(benches);
