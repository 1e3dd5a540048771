//! From a network to a folder with a library, its header, its loader and its plan.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use tachograph_program::Compiler;

use crate::{
    Basis, Error, How, Network, Plan, Port, Result, Signature, Step, Way, Ways,
    assemble::{Assembly, Run},
    build, chosen,
    copy::Copies,
    elements::{Elements, Weights},
    made::Made,
    source,
    ways::plain,
};

/// Where a compiled network goes.
#[derive(Clone, Copy, Debug)]
pub struct Out<'a> {
    /// The folder for the library and what goes with it.
    pub folder: &'a Path,
    /// The folder for object files, which several plans may share: they are known by what is in them.
    pub objects: &'a Path,
    /// Threads that a run is shared among.
    pub threads: u32,
}

/// Compiles a network to a folder: `network.so`, `tachograph.h`, `network.py`, `plan.json`. Of its [`ways`](crate::ways()) those
/// are taken that take least together.
///
/// # Errors
/// Weights that cannot be read; a kernel that the compiler refuses even as plain loops; files that cannot be written.
pub fn compile(
    network: &Network<'_>,
    ways: &Ways,
    weights: &Weights<'_>,
    compiler: &Compiler,
    out: Out<'_>,
) -> Result<Plan> {
    let mut all = ways.clone().among(network, out.threads)?;
    let mut refused: HashMap<usize, String> = HashMap::new();
    loop {
        let taken = chosen(network, &all);
        let mut elements = Elements::new(network, weights, compiler);
        let assembly = Assembly::of(network, &taken, &mut elements, Made::new(compiler), out.threads)?;
        let mut files = Vec::new();
        let mut bad: HashMap<usize, String> = HashMap::new();
        for (unit, object) in build::objects(&assembly.made.units.files, compiler, out.objects)?.into_iter().enumerate()
        {
            match object {
                Ok(file) => files.push(file),
                Err(why) => bad.extend(parts_of(&assembly, unit).map(|part| (part, why.clone()))),
            }
        }
        if bad.is_empty() {
            let signature = signature(network);
            link(&assembly, &files, &signature, compiler, out)?;
            let plan = plan(
                network,
                (&taken, &all.copies),
                &assembly,
                (compiler, out.threads),
                &refused,
                signature,
                elements.stand_ins(),
            );
            write(&out.folder.join("plan.json"), &serde_json::to_string_pretty(&plan).unwrap_or_default())?;
            return Ok(plan);
        }
        for (part, why) in bad {
            drop_way(network, &mut all.parts, part, taken[part].as_ref(), &why)?;
            refused.insert(part, why);
        }
    }
}

/// Leaves out a way that the compiler refuses; plain loops take its place where it was the last one.
fn drop_way(network: &Network<'_>, all: &mut [Vec<Way>], part: usize, taken: Option<&Way>, why: &str) -> Result<()> {
    let refuse = |what: &str| {
        let operators = &network.parts[part].operators;
        Err(Error::Network(format!("{operators}: the compiler refuses {what}: {why}")))
    };
    let Some(Way::Kernel(way)) = taken else { return refuse("a copy") };
    if way.schedule.steps.is_empty() {
        return refuse("plain loops");
    }
    all[part].retain(|other| !other.kernel().is_some_and(|other| other.is(way)));
    if !all[part].iter().any(|way| matches!(way, Way::Kernel(_))) {
        all[part].extend(plain(&network.parts[part].work)?);
    }
    Ok(())
}

/// Makes the library, and what goes with it.
fn link(
    assembly: &Assembly,
    files: &[PathBuf],
    signature: &Signature,
    compiler: &Compiler,
    out: Out<'_>,
) -> Result<()> {
    std::fs::create_dir_all(out.folder).map_err(Error::io(out.folder))?;
    let binary = out.objects.join("weights.bin");
    std::fs::write(&binary, &assembly.made.pool.bytes).map_err(Error::io(&binary))?;
    let said = serde_json::to_string(signature).unwrap_or_default();
    let whole = std::fs::canonicalize(&binary).map_err(Error::io(&binary))?;
    let parallel = assembly.made.units.files.iter().any(|code| code.parallel);
    let threads = if parallel { out.threads } else { 1 };
    let main = source::network(assembly, &said, &whole.display().to_string(), threads);
    build::link(files, &main, parallel, compiler, [out.objects, &out.folder.join("network.so")])?;
    // The library has them now.
    let _ = std::fs::remove_file(&binary);
    write(&out.folder.join("tachograph.h"), source::HEADER)?;
    write(&out.folder.join("network.py"), source::PYTHON)
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
        dtype: network.bound.fact(id).dtype,
        shape: network.shape(id).to_vec(),
    };
    Signature { inputs: graph.inputs().iter().map(port).collect(), outputs: graph.outputs().iter().map(port).collect() }
}

fn plan(
    network: &Network<'_>,
    (taken, copies): (&[Option<Way>], &Copies),
    assembly: &Assembly,
    (compiler, threads): (&Compiler, u32),
    refused: &HashMap<usize, String>,
    signature: Signature,
    stand_ins: Vec<String>,
) -> Plan {
    let step = |step: &crate::assemble::Step| {
        let part = &network.parts[step.part];
        let (run, predicted_ms, basis) = match (&step.copied, &taken[step.part]) {
            (None, Some(Way::Kernel(way))) => {
                let (form, schedule, refused) = (way.form, way.schedule.clone(), refused.get(&step.part).cloned());
                (How::Kernel { form, schedule, refused }, way.ms, way.basis)
            }
            (copied, _) => {
                let ms = copied.as_ref().map_or(0.0, |copied| copies.of(copied));
                (How::Copy, ms, Basis::Formula)
            }
        };
        Step { group: part.group, operators: part.operators.clone(), run, predicted_ms, basis, ms: 0.0 }
    };
    Plan {
        model: network.bound.graph().name().to_owned(),
        compiler: compiler.name(),
        signature,
        threads,
        steps: assembly.steps.iter().map(step).collect(),
        arena_bytes: assembly.memory().2,
        weight_bytes: assembly.made.pool.bytes.len() as u64,
        stand_ins,
    }
}
