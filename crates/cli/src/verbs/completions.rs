//! `tachograph completions`.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::{Shell, generate};

/// Print completions for a shell, such as `tachograph completions bash > ~/.local/share/bash-completion/completions/tachograph`
#[derive(clap::Args)]
pub struct Args {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub fn run(args: &Args) -> Result<()> {
    generate(args.shell, &mut crate::Program::command(), "tachograph", &mut std::io::stdout());
    Ok(())
}
