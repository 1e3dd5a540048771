//! What a schedule decides, as numbers: the loops around the statement with most trips, from the innermost on.

use anyhow::Result;
use tachograph_program::{Mark, Nest, Schedule, Stmt, Var, Workload};

/// Loops that are told of, as many in each of the three parts of a configuration.
const LOOPS: usize = 16;

/// Numbers of a configuration: extents of loops, which axis each goes over, and how it is run.
pub const COLUMNS: usize = 3 * LOOPS;

/// The configuration of a schedule: extents of the loops around its main statement, innermost first, 0 where there is none; then
/// the axis of its stage that each goes over, from 1 on; then 1 for a serial loop, 2 unrolled, 3 in vectors, 4 shared among threads.
///
/// # Errors
/// The workload refuses the schedule.
pub fn configuration(workload: &Workload, schedule: &Schedule) -> Result<[f32; COLUMNS]> {
    let nest = schedule.lower(workload)?;
    let mut most: (u64, Vec<Var>) = (0, Vec::new());
    longest(&nest, &nest.body, &mut Vec::new(), &mut most);
    let mut row = [0.0; COLUMNS];
    for (i, &var) in most.1.iter().rev().take(LOOPS).enumerate() {
        let own = &nest.loops[var as usize];
        row[i] = own.extent as f32;
        row[LOOPS + i] = axis(workload, &own.name) as f32;
        row[2 * LOOPS + i] = match own.mark {
            Mark::Serial => 1.0,
            Mark::Unroll => 2.0,
            Mark::Vector => 3.0,
            _ => 4.0,
        };
    }
    Ok(row)
}

/// The loops around the store that is run most often; of those that are run as often, around the first.
fn longest(nest: &Nest, stmts: &[Stmt], around: &mut Vec<Var>, most: &mut (u64, Vec<Var>)) {
    for stmt in stmts {
        match stmt {
            Stmt::For(var, body) => {
                around.push(*var);
                longest(nest, body, around, most);
                around.pop();
            }
            Stmt::Store(..) => {
                let trips = around.iter().map(|&var| nest.loops[var as usize].extent).fold(1, u64::saturating_mul);
                if trips > most.0 {
                    *most = (trips, around.clone());
                }
            }
            other => longest(nest, other.body(), around, most),
        }
    }
}

/// The number of the axis that a loop called `STAGE.AXIS`, `STAGE.AXIS.1` goes over, from 1 on; of several fused, the first; 0 where
/// none is known by the name.
fn axis(workload: &Workload, name: &str) -> usize {
    let of = workload.stages().iter().rev().find_map(|stage| {
        let rest = name.strip_prefix(&workload.buffer(stage.buffer).name)?;
        // A copy of the stage in registers has more behind its name.
        let rest = rest.strip_prefix(".local").unwrap_or(rest).strip_prefix('.')?;
        let first = rest.split(['.', '*']).next()?;
        stage.axes().position(|axis| axis.name == first)
    });
    of.map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use tachograph_ir::DType::F32;
    use tachograph_program::{Builder, Machine, Space, Target, operator};

    use super::*;

    #[test]
    fn points_of_a_template_are_told_apart() {
        let mut b = Builder::new("dense");
        let (x, w) = (b.input("x", F32, &[64, 96]).unwrap(), b.weight("w", F32, &[96, 128]).unwrap());
        let y = operator::matmul(&mut b, x, w).unwrap();
        let workload = b.finish(&[y]).unwrap();
        let space = Space::templates(&workload, Machine::of(Target::native())).unwrap();
        let rows = |n| configuration(&workload, &space.schedule(&space.nth(n).unwrap()).unwrap()).unwrap();
        let all: Vec<[f32; COLUMNS]> = (0..space.count().unwrap()).map(rows).collect();
        assert!(all.len() > 8);
        for (i, row) in all.iter().enumerate() {
            // All the sum's trips, by its three axes.
            let extents: f32 = row[..LOOPS].iter().filter(|n| **n > 0.0).product();
            assert!(extents >= 64.0 * 96.0 * 128.0, "{row:?}");
            assert!(row[LOOPS..2 * LOOPS].iter().zip(row).all(|(axis, n)| (*axis > 0.0) == (*n > 0.0)), "{row:?}");
            assert!(row[2 * LOOPS] == 3.0 && !all[..i].contains(row), "{row:?}");
        }
    }
}
