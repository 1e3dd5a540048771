//! Does what the front page of a crate says, as someone would who has no checkout.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::root;
use crate::tools::run;

/// Makes a package in a temporary folder by the first `sh` block of `crates/<dir>/README.md`, takes the `rust` block
/// that follows as its program, builds it and runs it.
///
/// Two things differ from what a reader does. Our crates are not taken from crates.io but from this checkout. And the
/// package is built in the target directory and with the profile and the lock file of the workspace, so that torch-sys,
/// which takes minutes, is not compiled again.
pub fn follow(dir: &str) -> Result<()> {
    let root = root()?;
    let page = root.join("crates").join(dir).join("README.md");
    let text = fs::read_to_string(&page).with_context(|| page.display().to_string())?;
    let (shell, rest) = block(&text, "sh").with_context(|| format!("{}: no `sh` block", page.display()))?;
    let (program, _) = block(rest, "rust").with_context(|| format!("{}: no `rust` block", page.display()))?;
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    fs::create_dir(at.join(".cargo"))?;
    fs::write(at.join(".cargo/config.toml"), profiles(&fs::read_to_string(root.join("Cargo.toml"))?)?)?;
    fs::write(at.join("main.rs"), whole(program))?;
    let lines = [
        "set -euxo pipefail",
        &shell.lines().map(|line| here(line, root)).collect::<Vec<_>>().join("\n"),
        &format!("cp {0}/main.rs src/main.rs; cp {1}/Cargo.lock Cargo.lock", at.display(), root.display()),
        // From here on there is only what those commands left in the package.
        "unset LIBTORCH LIBTORCH_USE_PYTORCH LD_LIBRARY_PATH",
        "cargo run",
    ];
    let path = std::env::var("PATH").unwrap_or_default();
    let mut bash = Command::new("bash");
    bash.arg("-c").arg(lines.join("\n")).current_dir(at);
    bash.env("PATH", format!("{}:{path}", at.join("bin").display())).env("CARGO_INSTALL_ROOT", at);
    bash.env("CARGO_TARGET_DIR", root.join("target")).env("OMP_NUM_THREADS", "1");
    eprintln!("following {}", page.display());
    run(&mut bash).with_context(|| format!("{} does not lead to a program that runs", page.display()))
}

/// The first fenced block of a language, and what follows it.
fn block<'a>(text: &'a str, language: &str) -> Option<(&'a str, &'a str)> {
    let (_, rest) = text.split_once(&format!("\n```{language}\n"))?;
    rest.split_once("\n```\n")
}

/// A line of a front page with our crates taken from this checkout: `cargo add tachograph-gnn` is
/// `cargo add --path …/crates/gnn`.
fn here(line: &str, root: &Path) -> String {
    let Some(verb) = ["cargo add", "cargo install"].into_iter().find(|verb| line.starts_with(verb)) else {
        return line.to_owned();
    };
    let ours = |word: &str| match word.strip_prefix("tachograph-").or((word == "tachograph").then_some(word)) {
        Some(dir) => format!("--path {}/crates/{dir}", root.display()),
        None => word.to_owned(),
    };
    let line = line.split(" #").next().unwrap_or(line);
    let line = line.split_whitespace().map(ours).collect::<Vec<_>>().join(" ");
    match verb {
        "cargo install" => format!("{line} --debug --locked"),
        _ => line,
    }
}

/// The profiles of a manifest, as a configuration of cargo.
fn profiles(manifest: &str) -> Result<String> {
    let mut table: toml::Table = manifest.parse().context("Cargo.toml")?;
    table.retain(|key, _| key == "profile");
    Ok(toml::to_string(&table)?)
}

/// A block as a program, as rustdoc makes one: hidden lines are shown, and there is a `main`.
fn whole(block: &str) -> String {
    let shown = |line: &str| if line == "#" { "" } else { line.strip_prefix("# ").unwrap_or(line) }.to_owned();
    let block = block.lines().map(shown).collect::<Vec<_>>().join("\n");
    match block.contains("fn main(") {
        true => block,
        false => format!(
            "fn main() {{\n    run().unwrap();\n}}\n\nfn run() -> Result<(), impl std::fmt::Debug> {{\n{block}\n}}\n"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_in_turn() {
        let page = "x\n\n```sh\ncargo new a\ncd a\n```\n\n```rust\nfn main() {}\n```\n";
        let (shell, rest) = block(page, "sh").unwrap();
        assert_eq!(shell, "cargo new a\ncd a");
        assert_eq!(block(rest, "rust").unwrap().0, "fn main() {}");
        assert!(block(page, "toml").is_none());
    }

    #[test]
    fn our_crates_come_from_the_checkout() {
        let line = |line| here(line, Path::new("/root"));
        assert_eq!(line("cargo add tachograph-gnn  # layers"), "cargo add --path /root/crates/gnn");
        assert_eq!(line("cargo add --build tachograph-torch-link"), "cargo add --build --path /root/crates/torch-link");
        assert_eq!(line("cargo add tachograph"), "cargo add --path /root/crates/tachograph");
        assert_eq!(line("cargo add tch@=0.24.0"), "cargo add tch@=0.24.0");
        assert_eq!(line("tachograph-libtorch init"), "tachograph-libtorch init");
        let install = "cargo install tachograph-torch-link --features install";
        assert_eq!(line(install), "cargo install --path /root/crates/torch-link --features install --debug --locked");
    }

    #[test]
    fn a_body_becomes_a_program() {
        assert_eq!(whole("fn main() {}"), "fn main() {}");
        let program = whole("let x = f()?;\n# Ok::<(), Error>(())");
        assert!(program.contains("\nOk::<(), Error>(())\n") && program.starts_with("fn main() {"), "{program}");
    }

    #[test]
    fn profiles_alone_are_taken_over() {
        let manifest = "[workspace]\nmembers = []\n\n[profile.dev]\nopt-level = 1\n";
        assert_eq!(profiles(manifest).unwrap(), "[profile.dev]\nopt-level = 1\n");
    }
}
