//! How much there is for a compiler to do: statements of the C of networks' groups, as often as loops write them out.

use std::collections::HashSet;

use tachograph_ir::{FusionGroup, FusionRule};
use tachograph_networks::{Family, sample};
use tachograph_program::{Machine, Schedule, Space, Target, c, group};

/// GCC takes about a second for so many.
const STATEMENTS: u64 = 1024;

const TARGET: Target = Target { vector_bytes: 64 };

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
            let space = Space::templates(&workload, Machine::of(TARGET)).unwrap();
            let schedule = space.nth(0).map_or_else(|| Ok(Schedule::new()), |point| space.schedule(&point)).unwrap();
            let code = c(&schedule.lower(&workload).unwrap(), TARGET).unwrap();
            most = most.max((statements(&code.text), format!("{family}-{index}, group {i}")));
        }
    }
    println!("{} workloads, at most {} statements ({})", seen.len(), most.0, most.1);
    assert!(seen.len() > 50, "{}", seen.len());
    assert!(most.0 <= STATEMENTS, "{} statements: {}", most.0, most.1);
}

/// Without a template a group runs, untuned, by plain loops: a hundred times as long as it could.
#[test]
fn what_computes_much_has_a_template() {
    const OPERATIONS: u64 = 1_000_000;
    let (mut seen, mut without) = (HashSet::new(), Vec::new());
    for family in Family::ALL {
        for index in 0..6 {
            let graph = sample(family, 7, index).unwrap().graph;
            let free: Vec<String> = graph.hyperparameters().keys().cloned().collect();
            let bound = graph.bind(&free.into_iter().map(|name| (name, 1)).collect()).unwrap();
            for fused in bound.fuse(&FusionRule::default()) {
                let of = |n: usize| group(&bound, &FusionGroup { nodes: fused.nodes[..n].to_vec() }).ok();
                let Some(whole) = of(fused.nodes.len()).map(|group| group.workload) else { continue };
                // Normalisation across channels is the one that has none yet.
                if whole.flops() < OPERATIONS || whole.name() == "LRN" || !seen.insert(whole.hash()) {
                    continue;
                }
                // What follows a sum may be a kernel of its own.
                let known = |n| {
                    of(n).is_some_and(|group| {
                        !Space::templates(&group.workload, Machine::of(TARGET)).unwrap().sketches.is_empty()
                    })
                };
                if !(1..=fused.nodes.len()).rev().any(known) {
                    without.push(format!("{family}-{index}: {whole}"));
                }
            }
        }
    }
    println!("{} workloads", seen.len());
    assert!(seen.len() > 300, "{}", seen.len());
    assert!(without.is_empty(), "{} of {}:\n{}", without.len(), seen.len(), without.join("\n"));
}
