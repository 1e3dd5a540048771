//! `tachograph completions`.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::exit;

/// Print completions for a shell, such as `tachograph completions bash > ~/.local/share/bash-completion/completions/tachograph`
#[derive(clap::Args)]
pub struct Args {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub fn run(args: &Args) -> Result<()> {
    let mut script = Vec::new();
    generate(args.shell, &mut crate::Program::command(), "tachograph", &mut script);
    exit::write(&String::from_utf8(script)?);
    Ok(())
}
