//! TLP's features: the steps of the schedule themselves ("TLP: A Deep Learning-based Cost Model for Tensor Program
//! Tuning", Zhai et al., ASPLOS 2023). Nothing is lowered for them.
//!
//! A row for each step: which primitive, as one of many, then its numeric arguments in order, as they are. A
//! name of a stage or a loop is its position, in the order in which the workload and the steps so far have brought them
//! up; an ordering is the list of its loops. There are always 25 rows of 11 arguments, TLP's lengths for processors: what
//! follows is left out, what is missing is 0.
//!
//! TLP reads the steps that Ansor records. Ours that have no counterpart there have flags of their own behind its
//! eleven: caches that are read (which TLP has for GPUs), layouts and storage scopes. Parallel, vector and unrolled loops
//! are one primitive there, annotation, with its kind for an argument; automatic unrolling is a pragma, and so are
//! prefetches and instructions; splits that
//! follow another split do not occur here.

use std::collections::HashMap;

use super::{FeatureSet, Features, Program, Rows};
use crate::{Binding, Result, Scope, Step, Workload, intrinsic};

/// The eleven of TLP, by Ansor's letters, then ours.
const PRIMITIVES: [&str; 14] =
    ["CI", "RE", "AN", "RF", "CHW", "SP", "CR", "CA", "FU", "FSP", "PR", "CHR", "layout", "scope"];
/// Rows.
const STEPS: usize = 25;
/// Numbers in a row.
const WIDTH: usize = PRIMITIVES.len() + 11;

pub(super) struct Primitives;

/// Positions of names.
#[derive(Default)]
struct Names<'a> {
    stages: HashMap<&'a str, usize>,
    loops: HashMap<(&'a str, &'a str), usize>,
}

impl<'a> Names<'a> {
    fn of(workload: &'a Workload) -> Self {
        let mut names = Self::default();
        for buffer in workload.buffers() {
            names.stage(&buffer.name);
        }
        for stage in workload.stages() {
            let name = &workload.buffer(stage.buffer).name;
            stage.axes().for_each(|axis| {
                names.axis(name, &axis.name);
            });
        }
        names
    }

    fn stage(&mut self, name: &'a str) -> f64 {
        let next = self.stages.len();
        *self.stages.entry(name).or_insert(next) as f64
    }

    /// Among all loops that were named.
    fn axis(&mut self, stage: &'a str, name: &'a str) -> f64 {
        let next = self.loops.len();
        *self.loops.entry((stage, name)).or_insert(next) as f64
    }
}

/// The primitive and its arguments.
fn arguments<'a>(step: &'a Step, names: &mut Names<'a>) -> (&'static str, Vec<f64>) {
    let numbers = |list: &[u64]| list.iter().map(|&n| n as f64).collect::<Vec<f64>>();
    let mut annotation = |stage: &'a String, axis: &'a String, kind: f64| {
        ("AN", vec![names.stage(stage), names.axis(stage, axis), kind])
    };
    match step {
        // The order of Ansor's enumeration: unroll 1, vectorise 2, parallel 3.
        Step::Unroll { stage, axis } => annotation(stage, axis, 1.0),
        Step::Vectorize { stage, axis } => annotation(stage, axis, 2.0),
        Step::Parallel { stage, axis } => annotation(stage, axis, 3.0),
        // Then virtual threads 4, and x, y, z of blocks and threads in turns.
        Step::Bind { stage, axis, to } => {
            let kinds = [5.0, 7.0, 9.0, 6.0, 8.0, 10.0, 4.0];
            let at = Binding::ALL.iter().position(|other| other == to);
            annotation(stage, axis, at.map_or(0.0, |at| kinds[at]))
        }
        Step::Split { stage, axis, factors } => {
            ("SP", [vec![names.stage(stage), names.axis(stage, axis)], numbers(factors)].concat())
        }
        Step::Fuse { stage, axes } => ("FU", listed(names, stage, axes)),
        Step::Reorder { stage, order } => ("RE", listed(names, stage, order)),
        // Places of the limit among those that sketches choose from.
        Step::AutoUnroll { stage, max } => {
            let place = [0, 16, 64, 512, 1024].iter().position(|limit| limit >= max).unwrap_or(5);
            ("PR", vec![names.stage(stage), place as f64])
        }
        Step::ComputeAt { stage, target, axis } | Step::ReverseComputeAt { stage, target, axis } => {
            ("CA", vec![names.stage(stage), names.stage(target), names.axis(target, axis)])
        }
        Step::Tensorize { stage, axis, intrinsic } => {
            let which = intrinsic::ALL.iter().position(|other| other.name == intrinsic);
            let which = which.map_or(-1.0, |which| which as f64);
            ("PR", vec![names.stage(stage), 7.0, names.axis(stage, axis), which])
        }
        Step::Prefetch { stage, buffer, axis, ahead } => {
            let (reader, loaded) = (names.stage(stage), names.stage(buffer));
            ("PR", vec![reader, 6.0, loaded, names.axis(stage, axis), *ahead as f64])
        }
        Step::ComputeRoot { stage } => ("CR", vec![names.stage(stage)]),
        Step::Inline { stage } => ("CI", vec![names.stage(stage)]),
        Step::CacheRead { buffer, readers } => {
            let readers: Vec<f64> = readers.iter().map(|reader| names.stage(reader)).collect();
            ("CHR", [vec![names.stage(buffer)], readers].concat())
        }
        Step::CacheWrite { stage } => ("CHW", vec![names.stage(stage)]),
        Step::RFactor { stage, axis, factor, outer } => {
            let outer = f64::from(u8::from(*outer));
            ("RF", vec![names.stage(stage), names.axis(stage, axis), *factor as f64, outer])
        }
        Step::Scope { buffer, scope } => (
            "scope",
            vec![
                names.stage(buffer),
                match scope {
                    Scope::Memory => 0.0,
                    Scope::Register => 1.0,
                    Scope::Shared => 2.0,
                    Scope::Streamed => 3.0,
                },
            ],
        ),
        Step::Layout { buffer, layout } => {
            let word = |word: &str| {
                let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
                let (axis, rest) = word.split_once(['/', '%']).unwrap_or((word, ""));
                [digits(axis), digits(rest)].map(|text| text.parse::<f64>().unwrap_or(0.0))
            };
            let words: Vec<f64> = layout.split_whitespace().flat_map(word).collect();
            ("layout", [vec![names.stage(buffer)], words].concat())
        }
    }
}

fn listed<'a>(names: &mut Names<'a>, stage: &'a str, loops: &'a [String]) -> Vec<f64> {
    let mut list = vec![names.stage(stage)];
    list.extend(loops.iter().map(|axis| names.axis(stage, axis)));
    list
}

impl FeatureSet for Primitives {
    fn name(&self) -> &'static str {
        "primitives"
    }

    fn rows(&self) -> Rows {
        Rows::Steps
    }

    fn columns(&self, _program: &Program<'_>) -> Vec<String> {
        let flags = PRIMITIVES.map(String::from).to_vec();
        flags.into_iter().chain((0..WIDTH - PRIMITIVES.len()).map(|i| format!("argument {i}"))).collect()
    }

    fn extract(&self, program: &Program<'_>) -> Result<Features> {
        let mut names = Names::of(program.workload());
        let mut rows = Vec::with_capacity(STEPS);
        for step in program.schedule().steps.iter().take(STEPS) {
            let (primitive, arguments) = arguments(step, &mut names);
            let mut row: Vec<f64> = PRIMITIVES.iter().map(|other| f64::from(u8::from(*other == primitive))).collect();
            row.extend(arguments);
            row.resize(WIDTH, 0.0);
            rows.push(row);
        }
        rows.resize(STEPS, vec![0.0; WIDTH]);
        Ok(Features::rows(WIDTH, rows))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Program, named, tests::matmul};
    use crate::Schedule;

    #[test]
    fn steps_are_rows() {
        let workload = matmul(16, 16, 16);
        let schedule = Schedule::new().split("matmul", "j", &[2, 4]).reorder("matmul", &["j.0", "i"]);
        let program = Program::new(&workload, &schedule).unwrap();
        let features = named("primitives").unwrap().extract(&program).unwrap();
        assert_eq!((features.len(), features.width), (25, 25));
        let flagged = |row: &[f64]| row[..14].iter().position(|&x| x == 1.0);
        // Buffers: x, w, matmul; loops: i, j, k, then j.0.
        assert_eq!(flagged(features.row(0)), Some(5));
        assert_eq!(features.row(0)[14..19], [2.0, 1.0, 2.0, 4.0, 0.0]);
        assert_eq!(flagged(features.row(1)), Some(1));
        assert_eq!(features.row(1)[14..18], [2.0, 3.0, 0.0, 0.0]);
        assert!(features.row(2).iter().all(|&x| x == 0.0));
    }
}
