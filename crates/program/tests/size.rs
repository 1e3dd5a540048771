//! How much there is for a compiler to do: statements of the C of networks' groups, as often as loops write them out.

use std::collections::HashSet;

use tachograph_ir::FusionRule;
use tachograph_networks::{Family, sample};
use tachograph_program::{Machine, Schedule, Space, Target, c, group};

/// GCC takes about a second for so many.
const STATEMENTS: u64 = 1024;

/// Statements of a file, each times the lengths of the loops around it that are unrolled.
fn statements(code: &str) -> u64 {
    let (mut total, mut unrolled) = (0, 1);
    let mut around: Vec<u64> = Vec::new();
    for line in code.lines().map(str::trim).skip_while(|line| !line.starts_with("void prepare")) {
        if let Some(n) = line.strip_prefix("UNROLL(").and_then(|rest| rest.strip_suffix(')')) {
            unrolled = n.parse().unwrap();
        } else if line.ends_with(';') {
            total += around.iter().product::<u64>();
        }
        let (opened, closed) = (line.matches('{').count(), line.matches('}').count());
        for _ in closed..opened {
            around.push(std::mem::replace(&mut unrolled, 1));
        }
        for _ in opened..closed {
            around.pop();
        }
    }
    total
}

#[test]
fn groups_of_networks_are_small() {
    // Channels in multiples of 8 and of little else, and large windows.
    let networks = [
        (Family::GoogLeNet, 38),
        (Family::Vgg, 11),
        (Family::MobileNetV3, 22),
        (Family::MnasNet, 36),
        (Family::ResNet, 14),
    ];
    let mut seen = HashSet::new();
    let mut most = (0, String::new());
    for (family, index) in networks {
        let bound = sample(family, 5, index).unwrap().graph.bind(&Default::default()).unwrap();
        for (i, fused) in bound.fuse(&FusionRule::default()).iter().enumerate() {
            let workload = group(&bound, fused).unwrap().workload;
            if !seen.insert(workload.hash()) {
                continue;
            }
            let space = Space::templates(&workload, Machine::of(Target { vector_bytes: 64 })).unwrap();
            let schedule = space.nth(0).map_or_else(|| Ok(Schedule::new()), |point| space.schedule(&point)).unwrap();
            let code = c(&schedule.lower(&workload).unwrap(), Target { vector_bytes: 64 }).unwrap();
            most = most.max((statements(&code.text), format!("{family}-{index}, group {i}")));
        }
    }
    println!("{} workloads, at most {} statements ({})", seen.len(), most.0, most.1);
    assert!(seen.len() > 50, "{}", seen.len());
    assert!(most.0 <= STATEMENTS, "{} statements: {}", most.0, most.1);
}
