//! Installs libtorch in the user's cache directory, says what is wrong with an install, and makes it known to a package.
//!
//! The program `tachograph-libtorch` and the set-up of Tachograph's own workspace (`cargo xtask libtorch`) are two thin
//! layers over this module.

mod check;
mod doctor;
mod error;
mod fetch;
mod layout;
mod project;
mod tools;

use std::path::{Path, PathBuf};

pub use check::{Depth, check};
pub use doctor::{Commands, Finding, State, driver, examine};
pub use error::{InstallError, Result, whole};
pub use layout::{Install, VERSION, Variant, point};
pub use project::{Project, init};
pub use tools::{compiler, first_line, pip};

/// Which libtorch a build uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The one of the Python at hand: `LIBTORCH_USE_PYTORCH` is set.
    Python,
    /// The user's own folder.
    Own {
        /// What names it: `LIBTORCH`, or a file.
        name: String,
        /// The folder of `lib` and `include`.
        dir: PathBuf,
    },
    /// One that [`ensure`] made.
    Installed(Install),
    /// None; the reason.
    Missing(String),
}

impl Source {
    /// What the environment says, in the order in which torch-sys asks; `None` where it says nothing, or names `ours`
    /// (cargo gives the programs that it runs the `LIBTORCH` of its configuration too).
    pub fn of_environment(ours: Option<&Path>) -> Option<Self> {
        let own = std::env::var_os("LIBTORCH").filter(|dir| !dir.is_empty()).map(PathBuf::from);
        Self::choose(std::env::var_os("LIBTORCH_USE_PYTORCH").is_some(), own, ours)
    }

    fn choose(python: bool, own: Option<PathBuf>, ours: Option<&Path>) -> Option<Self> {
        match own {
            _ if python => Some(Self::Python),
            Some(dir) if Some(dir.as_path()) != ours => Some(Self::Own { name: "LIBTORCH".into(), dir }),
            _ => None,
        }
    }

    /// What a folder is to which `name` sets `LIBTORCH`: an install of ours, or the user's own.
    ///
    /// # Errors
    /// Where there is no cache directory.
    pub fn of_folder(name: &str, dir: &Path) -> Result<Self> {
        for variant in [Variant::Cpu, Variant::Cuda] {
            let install = Install::of(variant)?;
            if install.libtorch() == dir {
                return Ok(Self::Installed(install));
            }
        }
        Ok(Self::Own { name: name.to_owned(), dir: dir.to_owned() })
    }
}

/// Refuses a folder of the user's own that holds no libtorch.
///
/// # Errors
/// Names the folder.
pub fn check_own(dir: &Path) -> Result<()> {
    if !dir.join("lib/libtorch_cpu.so").exists() && !dir.join("lib/libtorch_cpu.dylib").exists() {
        let message = format!("LIBTORCH is set to {}, which has no libtorch: correct it or unset it", dir.display());
        return Err(InstallError::Own(message));
    }
    Ok(())
}

/// Makes the install of `variant` complete, by a fetch where needed, and returns it.
///
/// # Errors
/// On systems for which there is nothing to fetch; where there is no C++ compiler, which the build needs next; where
/// the fetch fails.
pub fn ensure(variant: Variant) -> Result<Install> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err(InstallError::Platform);
    }
    compiler()?;
    let install = Install::of(variant)?;
    fetch::ensure(&install)?;
    Ok(install)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_goes_before_what_is_ours() {
        let ours = Path::new("/checkout/.libtorch");
        let own = |dir: &str| Some(Source::Own { name: "LIBTORCH".into(), dir: dir.into() });
        assert_eq!(Source::choose(true, Some("/own".into()), Some(ours)), Some(Source::Python));
        assert_eq!(Source::choose(false, Some("/own".into()), Some(ours)), own("/own"));
        assert_eq!(Source::choose(false, Some(ours.into()), Some(ours)), None);
        assert_eq!(Source::choose(false, Some(ours.into()), None), own("/checkout/.libtorch"));
        assert_eq!(Source::choose(false, None, None), None);
    }

    #[test]
    fn an_install_is_told_from_a_folder_of_the_user() {
        let install = Install::of(Variant::Cuda).unwrap();
        assert_eq!(Source::of_folder("x", &install.libtorch()).unwrap(), Source::Installed(install));
        assert!(matches!(Source::of_folder("x", Path::new("/own")).unwrap(), Source::Own { name, .. } if name == "x"));
    }
}
