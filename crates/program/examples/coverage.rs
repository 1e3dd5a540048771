//! The share of each network's groups that become workloads, and why others do not.

use std::collections::BTreeMap;

use tachograph_ir::FusionRule;
use tachograph_program::group;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut refused: BTreeMap<String, usize> = BTreeMap::new();
    let mut distinct = std::collections::HashSet::new();
    let (mut all, mut covered) = (0, 0);
    for (name, graph) in tachograph_networks::reference() {
        let bound = graph.bind(&Default::default())?;
        let groups = bound.fuse(&FusionRule::default());
        let mut made = 0;
        for fused in &groups {
            match group(&bound, fused) {
                Ok(group) => {
                    made += 1;
                    distinct.insert(group.workload.hash());
                }
                Err(error) => *refused.entry(error.to_string()).or_default() += 1,
            }
        }
        println!("{name:>20} {made:>4} of {:>4} groups", groups.len());
        (all, covered) = (all + groups.len(), covered + made);
    }
    println!("{:>20} {covered:>4} of {all:>4} groups, {} distinct workloads", "together", distinct.len());
    for (why, count) in refused {
        println!("{count:>4} × {why}");
    }
    Ok(())
}
