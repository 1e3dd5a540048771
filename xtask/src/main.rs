//! `cargo xtask`: sets libtorch up, says what is wrong with a machine, runs the tests, the demonstration, the comparison with
//! peers, the fuzz targets and the CI.

mod ci;
mod fuzz;
mod libtorch;
mod peers;
mod tools;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use tachograph_torch_link::install::Variant;

/// Set-up and checks of the workspace.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
enum Task {
    /// Install libtorch in the cache directory, once, and link it into this checkout as `.libtorch`.
    Libtorch {
        /// With CUDA and the libraries that it needs (about 5 GB), rather than for the CPU alone.
        #[arg(long)]
        cuda: bool,
    },
    /// Say what is installed and intact, and the command that mends what is not.
    Doctor,
    /// Run every test of the workspace, documentation tests too, and say how many could not be run for want of data or a GPU.
    Test {
        /// Then also those that compare with other programs, which must be installed.
        #[arg(long)]
        peers: bool,
    },
    /// Predict the latency of the bundled ResNet-50; then fetch libtorch, measure it here, and show that beside a prediction
    /// for this machine.
    Demo,
    /// Time our graph layers and PyTorch Geometric in turn, and write the tables of `docs/performance.md`.
    BenchPeers(peers::Options),
    /// Feed every reader damaged files, each for a while; needs a nightly toolchain and cargo-fuzz.
    Fuzz {
        /// Only this target.
        target: Option<String>,
        /// How long, each.
        #[arg(long, default_value_t = 600)]
        seconds: u32,
    },
    /// Do what the front page of a crate says, as someone would who has no checkout.
    FrontPage {
        /// The crate's folder in crates/.
        dir: String,
    },
    /// What continuous integration runs: formatting, lints, documentation, packages, front pages, tests.
    Ci,
}

fn main() -> ExitCode {
    let outcome = match Task::parse() {
        Task::Libtorch { cuda } => libtorch::set_up(if cuda { Variant::Cuda } else { Variant::Cpu }),
        Task::Doctor => libtorch::doctor(),
        Task::Test { peers } => ci::test(peers),
        Task::Demo => ci::demo(),
        Task::BenchPeers(options) => peers::bench(&options),
        Task::Fuzz { target, seconds } => fuzz::fuzz(target.as_deref(), seconds),
        Task::FrontPage { dir } => ci::follow(&dir),
        Task::Ci => ci::ci(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The checkout in which this program was built.
fn root() -> anyhow::Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask/ has no parent folder")
}
