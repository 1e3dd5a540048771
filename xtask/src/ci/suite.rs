//! The tests, and what is said of those that are not run.
//!
//! Tests that need more than a checkout are `#[ignore]`d with the reason, so that a plain run shows them as ignored, and
//! stand in a module whose name says what they need: `with_data`, `on_a_gpu`, `with_opencl`, `with_nvrtc`, `with_cuda`,
//! `with_mpi`. The other ignored ones compare with programs that must be installed, or take hours.

use anyhow::Result;
use tachograph_torch_link::install;

use crate::libtorch;
use crate::tools::{cargo, output, run};

/// The folders that the tests of `with_data` read.
const FOLDERS: [&str; 2] = ["TACHOGRAPH_DATA", "TACHOGRAPH_MODELS"];

/// What is off by default: the verbs of the program, and the examples, that need libtorch.
pub const FEATURES: &str = "tachograph-cli/torch,tachograph-examples/torch";

/// The same where there is an MPI, which one more feature needs to be built.
pub const FEATURES_AND_MPI: &str = "tachograph-cli/torch,tachograph-examples/torch,tachograph-cli/mpi";

/// The modules of tests that need something, beside those for peers.
const WITH_DATA: &str = "with_data";
const ON_A_GPU: &str = "on_a_gpu";
const WITH_OPENCL: &str = "with_opencl";
const WITH_NVRTC: &str = "with_nvrtc";
const WITH_CUDA: &str = "with_cuda";
const WITH_MPI: &str = "with_mpi";

/// `cargo xtask test`.
pub fn test(peers: bool) -> Result<()> {
    libtorch::set_up_if_needed()?;
    cargo_test(&[], &[])?;
    let mut left = Vec::new();
    let unset: Vec<_> = FOLDERS.into_iter().filter(|name| std::env::var_os(name).is_none()).collect();
    let data = if unset.is_empty() { Ok(()) } else { Err(format!("{} not set", unset.join(" and "))) };
    ignored(&[WITH_DATA], data, &mut left)?;
    let driver = install::driver().map(drop).map_err(|error| install::whole(&error));
    ignored(&[ON_A_GPU], driver.clone(), &mut left)?;
    ignored(&[WITH_OPENCL], opencl(), &mut left)?;
    let nvrtc = std::env::var_os("TACHOGRAPH_NVRTC").map(drop).ok_or_else(|| "TACHOGRAPH_NVRTC not set".to_owned());
    ignored(&[WITH_NVRTC], nvrtc.clone(), &mut left)?;
    ignored(&[WITH_CUDA], driver.and(nvrtc), &mut left)?;
    match mpi() {
        Ok(()) => ignored(&[WITH_MPI], Ok(()), &mut left)?,
        // They are not even built, and so cannot be counted.
        Err(reason) => left.push(format!("the tests of several ranks ({reason})")),
    }
    let named = [WITH_DATA, ON_A_GPU, WITH_OPENCL, WITH_NVRTC, WITH_CUDA, WITH_MPI];
    let rest: Vec<&str> = named.into_iter().flat_map(|name| ["--skip", name]).collect();
    ignored(&rest, if peers { Ok(()) } else { Err("they need other programs: --peers".into()) }, &mut left)?;
    match left.as_slice() {
        [] => eprintln!("every test was run"),
        left => eprintln!("not run: {}", left.join("; ")),
    }
    Ok(())
}

/// Whether a driver of OpenCL is installed.
fn opencl() -> Result<(), String> {
    let mut drivers = std::fs::read_dir("/etc/OpenCL/vendors").into_iter().flatten();
    let there = std::env::var_os("TACHOGRAPH_OPENCL").is_some() || drivers.any(|driver| driver.is_ok());
    if there { Ok(()) } else { Err("there is no OpenCL driver: install pocl-opencl-icd".into()) }
}

/// Whether there is an MPI to build with and to start ranks by.
pub fn mpi() -> Result<(), String> {
    let found = |program: &str| {
        std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).exists()))
    };
    // By which the bindings are made.
    let libclang = || {
        let under = |dir: std::fs::DirEntry| std::fs::read_dir(dir.path().join("lib")).into_iter().flatten().flatten();
        let named = |name: &std::ffi::OsStr, with: &str| name.to_string_lossy().starts_with(with);
        let versions = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
        std::env::var_os("LIBCLANG_PATH").is_some()
            || versions
                .filter(|dir| named(&dir.file_name(), "llvm-"))
                .flat_map(under)
                .any(|file| named(&file.file_name(), "libclang.so") || named(&file.file_name(), "libclang-"))
    };
    match ["mpicc", "mpirun"].into_iter().find(|program| !found(program)) {
        None if libclang() => Ok(()),
        None => Err("no libclang: install libclang-dev".into()),
        Some(lacks) => Err(format!("no {lacks}: install libopenmpi-dev, openmpi-bin and libclang-dev")),
    }
}

/// What tests are built with here.
fn features() -> &'static str {
    if mpi().is_ok() { FEATURES_AND_MPI } else { FEATURES }
}

/// Runs the ignored tests that these arguments choose, or counts them and says why they cannot be run.
fn ignored(choice: &[&str], possible: Result<(), String>, left: &mut Vec<String>) -> Result<()> {
    const TARGETS: [&str; 3] = ["--lib", "--bins", "--tests"];
    let choice = [&["--ignored"], choice].concat();
    let Err(reason) = possible else { return cargo_test(&TARGETS, &choice) };
    let list = ["--list", "--format", "terse"];
    let args =
        [&["test", "--quiet", "--workspace", "--features", features()], &TARGETS[..], &["--"], &choice, &list].concat();
    match count(&output(&mut cargo(args)?)?) {
        0 => {}
        1 => left.push(format!("1 test ({reason})")),
        n => left.push(format!("{n} tests ({reason})")),
    }
    Ok(())
}

fn cargo_test(targets: &[&str], options: &[&str]) -> Result<()> {
    // One run says all that fails: the next takes as long again.
    let test = ["test", "--no-fail-fast", "--workspace", "--features", features()];
    let mut command = cargo([&test[..], targets, &["--"], options].concat())?;
    // Tests run side by side; OpenMP threads of each on the same cores only get in each other's way.
    command.env("OMP_NUM_THREADS", "1");
    for name in FOLDERS {
        if let Some(folder) = std::env::var_os(name) {
            // Each test binary runs in the folder of its package.
            command.env(name, std::path::absolute(folder)?);
        }
    }
    run(&mut command)
}

/// How many tests a list has.
fn count(list: &str) -> usize {
    list.lines().filter(|line| line.ends_with(": test")).count()
}

#[cfg(test)]
mod tests {
    #[test]
    fn listed_tests_are_counted() {
        assert_eq!(super::count("with_data::a: test\nwith_data::b: test\nc: benchmark\n\n"), 2);
    }
}
