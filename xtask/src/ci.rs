//! The tests, the demonstration, and what continuous integration runs.

use anyhow::{Result, bail};

use crate::libtorch;
use crate::tools::{cargo, output, run};

/// The crates that must build and pass their tests where there is no libtorch.
const WITHOUT_LIBTORCH: [&str; 8] = [
    "tachograph-ir",
    "tachograph-import",
    "tachograph-features",
    "tachograph-transfer",
    "tachograph-metrics",
    "tachograph-networks",
    "tachograph-datasets",
    "tachograph-report",
    "tachograph-torch-link",
];

/// The packages that are not published.
const PRIVATE: [&str; 3] = ["tachograph-examples", "tachograph-benches", "xtask"];

/// `cargo xtask test`.
pub fn test(peers: bool) -> Result<()> {
    libtorch::set_up_if_needed()?;
    // Tests run side by side; OpenMP threads of each on the same cores only get in each other's way.
    run(cargo(["test", "--workspace"])?.env("OMP_NUM_THREADS", "1"))?;
    run(cargo(["test", "--package", "tachograph-cli", "--features", "torch"])?.env("OMP_NUM_THREADS", "1"))?;
    if peers {
        let args = ["test", "--workspace", "--lib", "--bins", "--tests", "--", "--ignored"];
        run(cargo(args)?.env("OMP_NUM_THREADS", "1"))?;
    }
    Ok(())
}

/// `cargo xtask demo`.
pub fn demo() -> Result<()> {
    const MODEL: &str = "datasets/models/light_resnet50.onnx.gz";
    let program = ["run", "--quiet", "--release", "--package", "tachograph-cli"];
    // The prediction needs no libtorch, so it comes before that is fetched.
    run(&mut cargo(program.into_iter().chain(["--", "predict", MODEL]))?)?;
    libtorch::set_up_if_needed()?;
    run(&mut cargo(program.into_iter().chain(["--features", "torch", "--", "predict", MODEL, "--measure"]))?)
}

/// `cargo xtask ci`.
pub fn ci() -> Result<()> {
    run(&mut cargo(["fmt", "--all", "--check"])?)?;
    without_libtorch()?;
    libtorch::set_up_if_needed()?;
    run(&mut cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?)?;
    run(cargo(["doc", "--workspace", "--no-deps"])?.env("RUSTDOCFLAGS", "-D warnings"))?;
    test(false)?;
    package()
}

/// Proves that the crates that need no libtorch do not: none is among their dependencies, and they pass their tests
/// while `LIBTORCH` points nowhere.
fn without_libtorch() -> Result<()> {
    for package in WITHOUT_LIBTORCH {
        let args = ["tree", "--package", package, "--all-features", "--edges", "all", "--prefix", "none"];
        let tree = output(&mut cargo(args)?)?;
        if let Some(found) = libtorch_in(&tree) {
            bail!("{package} must not depend on libtorch, but its dependency tree has {found}");
        }
    }
    let packages = WITHOUT_LIBTORCH.iter().flat_map(|package| ["--package", package]);
    let args = ["test", "--features", "tachograph-torch-link/runtime"].into_iter().chain(packages);
    run(cargo(args)?.env("LIBTORCH", "/nowhere").env_remove("LIBTORCH_USE_PYTORCH"))
}

/// The first package in the output of `cargo tree` that stands for libtorch.
fn libtorch_in(tree: &str) -> Option<&str> {
    tree.lines().find(|line| line.starts_with("tch v") || line.starts_with("torch-sys v"))
}

/// Checks that every published crate can be packaged.
fn package() -> Result<()> {
    let exclude = PRIVATE.iter().flat_map(|package| ["--exclude", package]);
    let args = ["package", "--workspace", "--no-verify", "--allow-dirty"].into_iter().chain(exclude);
    run(&mut cargo(args)?)
}

#[cfg(test)]
mod tests {
    use super::libtorch_in;

    #[test]
    fn libtorch_is_seen_in_a_tree() {
        let clean = "tachograph-ir v0.1.0 (/x)\nserde v1.0.0\ntachograph-torch-link v0.1.0\n";
        assert_eq!(libtorch_in(clean), None);
        assert_eq!(libtorch_in(&format!("{clean}tch v0.24.0\n")), Some("tch v0.24.0"));
        assert_eq!(libtorch_in(&format!("{clean}torch-sys v0.24.0 (*)\n")), Some("torch-sys v0.24.0 (*)"));
    }
}
