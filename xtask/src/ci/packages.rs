//! The packages of the workspace, and the proof that those which need no libtorch do without it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::tools::{cargo, output, run};

/// The crates that must do without libtorch, with all their features. A crate that is not here may come to use libtorch; one
/// that is here may not.
const WITHOUT_LIBTORCH: [&str; 14] = [
    "ir",
    "import",
    "metrics",
    "features",
    "transfer",
    "networks",
    "datasets",
    "store",
    "torch-link",
    "program",
    "compile",
    "label",
    "report",
    "batch",
];

/// The crates that use libtorch behind a feature: without their default features they build and pass their tests where
/// there is none, and their programs name none of its libraries.
const OPTIONAL_LIBTORCH: [&str; 6] = ["predict", "tune", "cli", "tachograph", "examples", "research"];

/// A package of the workspace.
pub struct Package {
    /// Its name.
    pub name: String,
    /// Whether it goes to crates.io.
    pub published: bool,
    /// Its folder's name.
    pub dir: String,
}

/// The packages of the workspace.
pub fn all() -> Result<Vec<Package>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Raw>,
    }
    #[derive(Deserialize)]
    struct Raw {
        name: String,
        publish: Option<Vec<String>>,
        manifest_path: std::path::PathBuf,
    }
    let text = output(&mut cargo(["metadata", "--no-deps", "--format-version", "1"])?)?;
    let metadata: Metadata = serde_json::from_str(&text).context("cargo metadata")?;
    let package = |raw: Raw| {
        let dir = raw.manifest_path.parent().and_then(Path::file_name).unwrap_or_default();
        let published = raw.publish.is_none_or(|registries| !registries.is_empty());
        Package { name: raw.name, published, dir: dir.to_string_lossy().into_owned() }
    };
    Ok(metadata.packages.into_iter().map(package).collect())
}

/// Proves that the crates that need no libtorch do not: it is not among their dependencies, they build while `LIBTORCH` points
/// nowhere, and those that can use it pass their tests then, and their programs do not load it.
pub fn without_libtorch(packages: &[Package]) -> Result<()> {
    let of = |dirs: &[&str]| -> Vec<&Package> { packages.iter().filter(|p| dirs.contains(&p.dir.as_str())).collect() };
    let free = of(&WITHOUT_LIBTORCH);
    for package in &free {
        let tree = tree(&package.name, &["--all-features", "--edges", "all"])?;
        if let Some(found) = libtorch_in(&tree) {
            bail!("{} must not depend on libtorch, but its dependency tree has {found}", package.name);
        }
    }
    let names = free.iter().flat_map(|package| ["--package", &package.name]);
    let features = "tachograph-torch-link/runtime,tachograph-torch-link/install";
    // What is not among the dependencies, those of tests included, cannot change what the tests say: `test` runs them.
    run(nowhere(&mut cargo(["check", "--all-targets", "--features", features].into_iter().chain(names))?))?;
    for package in of(&OPTIONAL_LIBTORCH) {
        free_without(&package.name, &["--no-default-features"])?;
    }
    // The facade's documentation is tested with tch, which would bring libtorch back. Tests of tuners are of the same code.
    let tested = of(&OPTIONAL_LIBTORCH).into_iter().filter(|p| !["tachograph", "tune"].contains(&p.dir.as_str()));
    let names = tested.flat_map(|package| ["--package", &package.name]);
    // Minutes of the same code as with libtorch, which `test` runs.
    let long = ["--", "--skip", "no_prediction_is_absurd"];
    run(nowhere(&mut cargo(["test", "--no-default-features"].into_iter().chain(names).chain(long))?))?;
    Ok(())
}

/// Proves that a package has no libtorch in it when it is built with these features: not in its dependency tree, and
/// not among the libraries that its programs load.
fn free_without(package: &str, features: &[&str]) -> Result<()> {
    let tree = tree(package, &[features, &["--edges", "normal,build"]].concat())?;
    if let Some(found) = libtorch_in(&tree) {
        bail!("{package} {} must not depend on libtorch, but its dependency tree has {found}", features.join(" "));
    }
    let args = [&["build", "--package", package, "--message-format", "json-render-diagnostics"], features].concat();
    for program in programs(&output(nowhere(&mut cargo(args)?))?) {
        let libraries = output(Command::new("ldd").arg(&program))?;
        if let Some(found) = libraries.lines().find(|line| line.contains("libtorch") || line.contains("libc10")) {
            bail!("{program} must not load libtorch, but it loads {}", found.trim());
        }
        eprintln!("{program} loads no libtorch");
    }
    Ok(())
}

/// The programs in what cargo says as JSON.
fn programs(messages: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Message {
        executable: Option<String>,
    }
    messages.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok()?.executable).collect()
}

fn tree(package: &str, options: &[&str]) -> Result<String> {
    output(&mut cargo(["tree", "--package", package, "--prefix", "none"].into_iter().chain(options.iter().copied()))?)
}

fn nowhere(command: &mut Command) -> &mut Command {
    command.env("LIBTORCH", "/nowhere").env_remove("LIBTORCH_USE_PYTORCH")
}

/// The first package in the output of `cargo tree` that stands for libtorch.
fn libtorch_in(tree: &str) -> Option<&str> {
    tree.lines().find(|line| line.starts_with("tch v") || line.starts_with("torch-sys v"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libtorch_is_seen_in_a_tree() {
        let clean = "tachograph-ir v0.1.0 (/x)\nserde v1.0.0\ntachograph-torch-link v0.1.0\n";
        assert_eq!(libtorch_in(clean), None);
        assert_eq!(libtorch_in(&format!("{clean}tch v0.24.0\n")), Some("tch v0.24.0"));
        assert_eq!(libtorch_in(&format!("{clean}torch-sys v0.24.0 (*)\n")), Some("torch-sys v0.24.0 (*)"));
    }

    #[test]
    fn what_is_private_is_known() {
        let packages = all().unwrap();
        let published = |name: &str| packages.iter().find(|package| package.name == name).unwrap().published;
        assert!(published("tachograph-ir") && !published("xtask"));
    }

    #[test]
    fn programs_are_found_among_messages() {
        let messages = "{\"reason\":\"compiler-artifact\",\"executable\":null}\n\
                        {\"reason\":\"compiler-artifact\",\"executable\":\"/t/debug/x\"}\n\
                        {\"reason\":\"build-finished\",\"success\":true}\n";
        assert_eq!(programs(messages), ["/t/debug/x"]);
    }
}
