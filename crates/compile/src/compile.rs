//! From a network to a folder with a library, its header, its loader and its plan.

use std::{collections::HashMap, path::Path};

use tachograph_program::Compiler;

use crate::{
    Error, How, Measured, Network, Plan, Port, Result, Signature, Step, Way,
    assemble::{Arg, Assembly, Run},
    build, chosen,
    elements::{Elements, Weights},
    formula, source, ways,
};

/// Compiles a network to `folder`: `network.so`, `tachograph.h`, `network.py`, `plan.json`. `measured` has what is known of
/// its programs; what nothing is known of is chosen by a formula. Object files are kept in the folder's `build`.
///
/// # Errors
/// Weights that cannot be read; a kernel that the compiler refuses even as plain loops; files that cannot be written.
pub fn compile(
    network: &Network<'_>,
    measured: &Measured,
    weights: &Weights<'_>,
    compiler: &Compiler,
    folder: &Path,
) -> Result<Plan> {
    let objects = folder.join("build");
    std::fs::create_dir_all(&objects).map_err(Error::io(&objects))?;
    let mut all = ways(network, measured)?;
    let mut refused: HashMap<usize, String> = HashMap::new();
    loop {
        let taken = chosen(network, &all);
        let mut elements = Elements::new(network, weights, compiler);
        let assembly = Assembly::of(network, &taken, &mut elements, compiler)?;
        let made = build::objects(&assembly.units.files, compiler, &objects)?;
        let mut files = Vec::new();
        let mut bad: HashMap<usize, String> = HashMap::new();
        for (unit, object) in made.into_iter().enumerate() {
            match object {
                Ok(file) => files.push(file),
                Err(why) => bad.extend(parts_of(&assembly, unit).map(|part| (part, why.clone()))),
            }
        }
        if bad.is_empty() {
            let binary = objects.join("weights.bin");
            std::fs::write(&binary, &assembly.pool.bytes).map_err(Error::io(&binary))?;
            let signature = signature(network);
            let said = serde_json::to_string(&signature).unwrap_or_default();
            let whole = std::fs::canonicalize(&binary).map_err(Error::io(&binary))?;
            let main = source::network(&assembly, &said, &whole.display().to_string());
            let parallel = assembly.units.files.iter().any(|code| code.parallel);
            build::link(&files, &main, parallel, compiler, [&objects, &folder.join("network.so")])?;
            let _ = std::fs::remove_file(&binary);
            let plan = plan(
                network,
                &taken,
                &assembly,
                compiler,
                &refused,
                signature,
                elements.stand_ins.into_iter().collect(),
            );
            for (name, text) in [("tachograph.h", source::HEADER), ("network.py", source::PYTHON)] {
                write(&folder.join(name), text)?;
            }
            write(&folder.join("plan.json"), &serde_json::to_string_pretty(&plan).unwrap_or_default())?;
            return Ok(plan);
        }
        for (part, why) in bad {
            let Some(Way::Kernel(way)) = &taken[part] else {
                return Err(Error::Network(format!(
                    "{}: the compiler refuses a copy: {why}",
                    network.parts[part].operators
                )));
            };
            if way.schedule.steps.is_empty() {
                return Err(Error::Network(format!(
                    "{}: the compiler refuses plain loops: {why}",
                    network.parts[part].operators
                )));
            }
            let same = |other: &Way| matches!(other, Way::Kernel(other) if other.form == way.form && other.schedule == way.schedule);
            all[part].retain(|other| !same(other));
            if !all[part].iter().any(|way| matches!(way, Way::Kernel(_))) {
                all[part].extend(crate::ways::plain(&network.parts[part].work)?);
            }
            refused.insert(part, why);
        }
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(Error::io(path))
}

/// The parts that run this unit.
fn parts_of(assembly: &Assembly, unit: usize) -> impl Iterator<Item = usize> + '_ {
    let runs =
        move |step: &&crate::assemble::Step| matches!(step.run, Run::Kernel { unit: other, .. } if other == unit);
    assembly.steps.iter().filter(runs).map(|step| step.part)
}

fn signature(network: &Network<'_>) -> Signature {
    let graph = network.bound.graph();
    let port = |&id: &_| Port {
        name: graph.tensor(id).name.clone(),
        dtype: network.bound.fact(id).dtype.to_string(),
        shape: network.shape(id).to_vec(),
    };
    Signature { inputs: graph.inputs().iter().map(port).collect(), outputs: graph.outputs().iter().map(port).collect() }
}

fn plan(
    network: &Network<'_>,
    taken: &[Option<Way>],
    assembly: &Assembly,
    compiler: &Compiler,
    refused: &HashMap<usize, String>,
    signature: Signature,
    stand_ins: Vec<String>,
) -> Plan {
    let bytes = |step: &crate::assemble::Step| match &step.run {
        Run::Kernel { args, .. } => match args.last() {
            Some(Arg::Value(value)) => assembly.values[*value].bytes,
            _ => 0,
        },
        Run::Bytes { to, .. } => assembly.values[*to].bytes,
    };
    let step = |step: &crate::assemble::Step| {
        let part = &network.parts[step.part];
        let kernel = match &taken[step.part] {
            Some(Way::Kernel(way)) if !step.copies => Some(way),
            _ => None,
        };
        let (run, predicted_ms, measured) = match kernel {
            Some(way) => {
                let (form, schedule, refused) = (way.form, way.schedule.clone(), refused.get(&step.part).cloned());
                (How::Kernel { form, schedule, refused }, way.ms, way.measured)
            }
            None => (How::Copy, formula::copy_ms(bytes(step)), false),
        };
        Step { group: part.group, operators: part.operators.clone(), run, predicted_ms, measured, ms: 0.0 }
    };
    Plan {
        model: network.bound.graph().name().to_owned(),
        compiler: format!("{} {}", compiler.version(), compiler.flags().join(" ")),
        signature,
        steps: assembly.steps.iter().map(step).collect(),
        arena_bytes: assembly.memory().2,
        weight_bytes: assembly.pool.bytes.len() as u64,
        stand_ins,
    }
}
