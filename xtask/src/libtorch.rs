//! Sets libtorch up in this checkout: `.cargo/config.toml` has `LIBTORCH = .libtorch`, which is a link to an install.

use std::path::PathBuf;

use anyhow::{Result, bail};
use tachograph_torch_link::install::{self, Commands, Install, Source, State, VERSION, Variant};

use crate::{root, tools};

const COMMANDS: Commands = Commands { install: "cargo xtask libtorch", cuda: "cargo xtask libtorch --cuda" };

/// The link in the checkout.
fn link() -> Result<PathBuf> {
    Ok(root()?.join(".libtorch"))
}

/// What the link in the checkout is.
fn linked() -> Result<Source> {
    let link = link()?;
    let missing = || Source::Missing(format!("none is linked as {}", link.display()));
    let Ok(target) = std::fs::read_link(&link) else { return Ok(missing()) };
    Ok(match Source::of_folder(".libtorch", &target)? {
        // The user's own: its path is that of the link.
        Source::Own { name, .. } => Source::Own { name, dir: link },
        source => source,
    })
}

/// `cargo xtask libtorch`: installs `variant` where needed and links the checkout to it.
pub fn set_up(variant: Variant) -> Result<()> {
    let link = link()?;
    match Source::of_environment(Some(&link)) {
        Some(Source::Own { dir, .. }) => {
            install::check_own(&dir)?;
            eprintln!("LIBTORCH is set: torch-sys uses {}, which must be {VERSION}", dir.display());
            return Ok(());
        }
        Some(_) => {
            eprintln!(
                "LIBTORCH_USE_PYTORCH is set: torch-sys uses the PyTorch of your Python, which must be {VERSION}"
            );
            return Ok(());
        }
        None => {}
    }
    let install = install::ensure(variant)?;
    if std::fs::read_link(&link).is_ok_and(|target| target != install.libtorch()) {
        // torch-sys was told `.libtorch` then as now, and would not look again.
        for profile in ["dev", "release"] {
            tools::run(&mut tools::cargo(["clean", "--quiet", "--package", "torch-sys", "--profile", profile])?)?;
        }
    }
    install::point(&link, &install.libtorch())?;
    eprintln!("libtorch {} for {} is at {}", install.version()?, variant.name(), install.libtorch().display());
    Ok(())
}

/// Sets libtorch up where that is needed; an install with CUDA that the checkout links to stays.
pub fn set_up_if_needed() -> Result<()> {
    set_up(match linked()? {
        Source::Installed(Install { variant, .. }) => variant,
        _ => Variant::Cpu,
    })
}

/// `cargo xtask doctor`: prints what is installed and intact, and the command that mends what is not.
pub fn doctor() -> Result<()> {
    let source = match Source::of_environment(Some(&link()?)) {
        Some(source) => source,
        None => linked()?,
    };
    let findings = install::examine(&source, COMMANDS);
    findings.iter().for_each(|finding| println!("{finding}"));
    if findings.iter().any(|finding| finding.state == State::Wrong) {
        bail!("builds or programs will fail");
    }
    Ok(())
}
