//! Finds or installs libtorch.

mod check;
mod fetch;
mod layout;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

pub use check::{Depth, check};
pub use layout::{Install, VERSION, Variant};

use crate::{root, tools};

/// Which libtorch a build in this checkout uses.
pub enum Source {
    /// The one of the Python at hand: `LIBTORCH_USE_PYTORCH` is set.
    Python,
    /// The user's own: `LIBTORCH` is set to this folder.
    Own(PathBuf),
    /// Ours: `.libtorch`, to which `.cargo/config.toml` sets `LIBTORCH`.
    Checkout,
}

impl Source {
    /// What the environment says, in the order in which torch-sys asks.
    pub fn of_environment() -> Result<Self> {
        let own = std::env::var_os("LIBTORCH").filter(|dir| !dir.is_empty()).map(PathBuf::from);
        Ok(Self::choose(std::env::var_os("LIBTORCH_USE_PYTORCH").is_some(), own, &link()?))
    }

    /// Cargo's own `[env]` gives this program a `LIBTORCH` too: that of the checkout.
    fn choose(python: bool, own: Option<PathBuf>, link: &Path) -> Self {
        match own {
            _ if python => Self::Python,
            Some(dir) if dir != link => Self::Own(dir),
            _ => Self::Checkout,
        }
    }
}

/// The link in the checkout.
pub fn link() -> Result<PathBuf> {
    Ok(root()?.join(".libtorch"))
}

/// The install of ours that the checkout links to, if it does.
pub fn linked() -> Result<Option<Install>> {
    let Ok(target) = std::fs::read_link(link()?) else { return Ok(None) };
    for variant in [Variant::Cpu, Variant::Cuda] {
        let install = Install::of(variant)?;
        if install.libtorch() == target {
            return Ok(Some(install));
        }
    }
    Ok(None)
}

/// `cargo xtask libtorch`: installs `variant` where needed and links the checkout to it.
pub fn set_up(variant: Variant) -> Result<()> {
    match Source::of_environment()? {
        Source::Python => {
            eprintln!(
                "LIBTORCH_USE_PYTORCH is set: torch-sys uses the PyTorch of your Python, which must be {VERSION}"
            );
            return Ok(());
        }
        Source::Own(dir) => {
            if !dir.join("lib/libtorch_cpu.so").exists() && !dir.join("lib/libtorch_cpu.dylib").exists() {
                bail!("LIBTORCH is set to {}, which has no libtorch: correct it or unset it", dir.display());
            }
            eprintln!("LIBTORCH is set: torch-sys uses {}, which must be {VERSION}", dir.display());
            return Ok(());
        }
        Source::Checkout => {}
    }
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        bail!("only for Linux on x86-64; elsewhere install PyTorch {VERSION} and set LIBTORCH_USE_PYTORCH=1");
    }
    tools::compiler()?;
    let install = Install::of(variant)?;
    fetch::ensure(&install)?;
    let link = link()?;
    if std::fs::read_link(&link).is_ok_and(|target| target != install.libtorch()) {
        // torch-sys was told `.libtorch` then as now, and would not look again.
        for profile in ["dev", "release"] {
            tools::run(&mut tools::cargo(["clean", "--quiet", "--package", "torch-sys", "--profile", profile])?)?;
        }
    }
    layout::point(&link, &install.libtorch())?;
    eprintln!("libtorch {} for {} is at {}", install.version()?, variant.name(), install.libtorch().display());
    Ok(())
}

/// Sets libtorch up where that is needed; an install with CUDA that the checkout links to stays.
pub fn set_up_if_needed() -> Result<()> {
    set_up(linked().context("cannot read .libtorch")?.map_or(Variant::Cpu, |install| install.variant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_goes_before_the_checkout() {
        let link = Path::new("/checkout/.libtorch");
        assert!(matches!(Source::choose(true, Some("/own".into()), link), Source::Python));
        assert!(
            matches!(Source::choose(false, Some("/own".into()), link), Source::Own(dir) if dir == Path::new("/own"))
        );
        assert!(matches!(Source::choose(false, Some(link.into()), link), Source::Checkout));
        assert!(matches!(Source::choose(false, None, link), Source::Checkout));
    }
}
