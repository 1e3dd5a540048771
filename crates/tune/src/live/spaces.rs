//! Spaces of programs for this machine's processor, by name.

use tachograph_program::{CpuRules, Machine, MetaSchedule, Space, Target, Workload};

use crate::{Error, Result};

/// A space that can be asked for by its name.
pub struct SpaceEntry {
    /// Its name.
    pub name: &'static str,
    /// What is in it.
    pub about: &'static str,
    make: fn(&Workload) -> Result<Space>,
}

/// Every space, a line each.
pub const SPACES: &[SpaceEntry] = &[
    SpaceEntry { name: "all", about: "points of templates, and Ansor's sketches", make: space },
    SpaceEntry { name: "templates", about: "points of templates; all where none knows the workload", make: templates },
    SpaceEntry { name: "ansor", about: "sketches by Ansor's rules", make: ansor },
    SpaceEntry { name: "meta-schedule", about: "sketches by MetaSchedule's rules", make: meta_schedule },
];

/// A space by its name.
///
/// # Errors
/// There is none of that name; a rule that the workload refuses.
pub fn space_named(name: &str, workload: &Workload) -> Result<Space> {
    let entry = SPACES.iter().find(|entry| entry.name == name);
    let known = || SPACES.iter().map(|entry| entry.name).collect::<Vec<_>>().join(", ");
    let entry = entry.ok_or_else(|| Error::Unknown { what: "space", name: name.into(), known: known() })?;
    (entry.make)(workload)
}

/// What is written out further takes the compiler seconds.
fn rules() -> CpuRules {
    CpuRules { max_unroll: 64, ..CpuRules::default() }
}

/// All sketches for this machine's processor, those of templates first.
///
/// # Errors
/// A rule that the workload refuses.
pub fn space(workload: &Workload) -> Result<Space> {
    let mut space = Space::templates(workload, Machine::of(Target::native()))?;
    space.sketches.extend(ansor(workload)?.sketches);
    Ok(space)
}

fn templates(workload: &Workload) -> Result<Space> {
    let templates = Space::templates(workload, Machine::of(Target::native()))?;
    if templates.sketches.is_empty() { space(workload) } else { Ok(templates) }
}

fn ansor(workload: &Workload) -> Result<Space> {
    Ok(Space::cpu(workload, rules())?)
}

fn meta_schedule(workload: &Workload) -> Result<Space> {
    Ok(Space::meta_schedule(workload, MetaSchedule::Cpu(rules()))?)
}

#[cfg(test)]
mod tests {
    use tachograph_ir::DType::F32;
    use tachograph_program::{Builder, operator::matmul};

    use super::*;
    use crate::TUNERS;

    #[test]
    fn every_tuner_has_a_space() {
        let mut b = Builder::new("product");
        let (x, w) = (b.input("x", F32, &[32, 48]).unwrap(), b.weight("w", F32, &[48, 64]).unwrap());
        let y = matmul(&mut b, x, w).unwrap();
        let workload = b.finish(&[y]).unwrap();
        let count = |name: &str| space_named(name, &workload).unwrap().sketches.len();
        assert!(count("all") == count("templates") + count("ansor") && count("templates") > 0);
        for tuner in TUNERS {
            assert!(count(tuner.space) > 0, "{}", tuner.name);
        }
        assert!(space_named("none", &workload).is_err_and(|error| error.to_string().contains("meta-schedule")));
    }
}
