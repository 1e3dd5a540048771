//! What a build script must print, as a function of what cargo told it.

use std::ffi::OsString;
use std::path::PathBuf;

use thiserror::Error;

/// Why a package cannot be linked with libtorch.
#[derive(Debug, Error)]
pub enum LinkError {
    /// Cargo passed no folder.
    #[error(
        "{package} depends directly on nothing that says where libtorch is: add torch-sys (or tachograph-gnn) to its \
         [dependencies]"
    )]
    NoTorchSys {
        /// The package whose build script runs.
        package: String,
    },
    /// The folder that torch-sys was built with is gone or holds something else.
    #[error(
        "no {file} in {}: `tachograph-libtorch init` (in a checkout of Tachograph `cargo xtask libtorch`) installs it; \
         or set LIBTORCH, or LIBTORCH_USE_PYTORCH=1",
        dir.display()
    )]
    NoLibtorch {
        /// The library that was looked for.
        file: &'static str,
        /// The folder in which it should be.
        dir: PathBuf,
    },
}

/// The folder of libtorch's libraries: the one that torch-sys was built with, or that a crate passes on which was itself
/// built with this helper and has a `links`.
pub(crate) fn folder(environment: impl Iterator<Item = (OsString, OsString)>) -> Option<PathBuf> {
    let says = |name: &str| name.starts_with("DEP_T") && name.ends_with("_LIBTORCH_LIB");
    environment.into_iter().find(|(name, _)| name.to_str().is_some_and(says)).map(|(_, dir)| dir.into())
}

/// The instructions to cargo, without their `cargo::`.
pub(crate) fn directives(package: &str, os: &str, lib: Option<PathBuf>) -> Result<Vec<String>, LinkError> {
    let file = match os {
        "linux" => "libtorch_cpu.so",
        "macos" => "libtorch_cpu.dylib",
        _ => return Ok(Vec::new()),
    };
    let lib = lib.ok_or_else(|| LinkError::NoTorchSys { package: package.to_owned() })?;
    if !lib.join(file).exists() {
        return Err(LinkError::NoLibtorch { file, dir: lib });
    }
    let mut lines = vec![
        format!("rustc-link-arg=-Wl,-rpath,{}", lib.display()),
        // For packages that depend on this one, if it has a `links`.
        format!("metadata=libtorch_lib={}", lib.display()),
    ];
    if lib.join("libtorch_cuda.so").exists() {
        lines.extend(
            ["-Wl,--no-as-needed", "-ltorch_cuda", "-Wl,--as-needed"].map(|arg| format!("rustc-link-arg={arg}")),
        );
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn install(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            std::fs::write(dir.path().join(file), "x").unwrap();
        }
        dir
    }

    fn lines(os: &str, lib: Option<&Path>) -> Result<Vec<String>, LinkError> {
        directives("leaf", os, lib.map(Path::to_owned))
    }

    #[test]
    fn cpu_gets_the_run_time_path_alone() {
        let lib = install(&["libtorch_cpu.so"]);
        let lib = lib.path();
        let expected =
            ["rustc-link-arg=-Wl,-rpath,", "metadata=libtorch_lib="].map(|s| format!("{s}{}", lib.display()));
        assert_eq!(lines("linux", Some(lib)).unwrap(), expected);
    }

    #[test]
    fn cuda_is_kept() {
        let lib = install(&["libtorch_cpu.so", "libtorch_cuda.so"]);
        let lines = lines("linux", Some(lib.path())).unwrap();
        let flags: Vec<_> = lines[2..].iter().map(|l| l.trim_start_matches("rustc-link-arg=")).collect();
        assert_eq!(flags, ["-Wl,--no-as-needed", "-ltorch_cuda", "-Wl,--as-needed"]);
    }

    #[test]
    fn the_folder_comes_from_a_direct_dependency() {
        let of =
            |name: &str| folder([("PATH", "/bin"), (name, "/lt/lib")].map(|(n, v)| (n.into(), v.into())).into_iter());
        assert_eq!(of("DEP_TCH_LIBTORCH_LIB"), Some("/lt/lib".into()));
        assert_eq!(of("DEP_TACHOGRAPH_GNN_LIBTORCH_LIB"), Some("/lt/lib".into()));
        assert_eq!(of("DEP_Z_LIB"), None);
    }

    #[test]
    fn a_missing_dependency_is_named() {
        let message = lines("linux", None).unwrap_err().to_string();
        assert!(message.contains("leaf") && message.contains("torch-sys"), "{message}");
    }

    #[test]
    fn a_missing_install_names_folder_and_remedy() {
        let lib = install(&["libtorch_cpu.so"]);
        let message = lines("macos", Some(lib.path())).unwrap_err().to_string();
        assert!(message.contains(&lib.path().display().to_string()), "{message}");
        assert!(message.contains("tachograph-libtorch init"), "{message}");
    }

    #[test]
    fn other_systems_get_nothing() {
        assert!(lines("windows", None).unwrap().is_empty());
    }
}
