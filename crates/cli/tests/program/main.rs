//! Runs the program as a user does.

mod bad_input;
mod compile;
#[cfg(feature = "torch")]
mod farm;
mod inspect;
mod kernels;
mod labels;
mod live;
mod others;
mod predict;
#[cfg(feature = "torch")]
mod rank;
// The real one, as the tests of the store start it.
#[cfg(feature = "torch")]
#[allow(dead_code)]
#[path = "../../../store/tests/store/server.rs"]
mod server;
mod store;
mod transfer;
mod tune;
#[cfg(feature = "torch")]
mod with_torch;
#[cfg(not(feature = "torch"))]
mod without_torch;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tachograph_import::onnx;
use tachograph_ir::{Builder, DType, Dim, Domain};

/// What a run ended with.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    /// The objects of `--json`.
    #[track_caller]
    fn json(&self) -> Vec<Value> {
        let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        self.out.lines().map(line).collect()
    }

    /// Itself, where all went well.
    #[track_caller]
    fn well(self) -> Self {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self
    }

    /// The one line on standard error of work that failed; nothing of it is a panic.
    #[track_caller]
    fn failed(&self) -> &str {
        assert_eq!(self.code, 1, "{}{}", self.out, self.err);
        let errors: Vec<&str> = self.err.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "{}", self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
        errors[0]
    }
}

/// Runs `tachograph` in `folder`.
fn run_in(folder: &Path, args: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tachograph"));
    // Where the machine has public data, programs here do not; and they leave the store of the user alone.
    command
        .env_remove("TACHOGRAPH_DATA")
        .env("TACHOGRAPH_STORE", concat!(env!("CARGO_TARGET_TMPDIR"), "/store.sqlite"));
    let Output { status, stdout, stderr } = command.args(args).current_dir(folder).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: status.code().unwrap_or(-1), out: text(stdout), err: text(stderr) }
}

/// Runs `tachograph` beside the bundled models.
fn run(args: &[&str]) -> Ran {
    run_in(&models(), args)
}

/// The folder of bundled models.
fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/models")
}

/// A convolution over an image of so many pixels, written to `file` below `folder`; names of dimensions are open.
fn write_model(folder: &Path, file: &str, dims: Vec<Dim>, channels: u64) {
    let mut b = Builder::new("net");
    for name in dims.iter().filter_map(|dim| if let Dim::Free(name) = dim { Some(name) } else { None }) {
        b.hyperparameter(name, Domain::POSITIVE, 8);
    }
    let x = b.input("x", DType::F32, dims);
    let y = b.conv(x, channels, [3, 3], 1, 1, 1, true).unwrap();
    let y = b.op("Relu", &[y]).unwrap();
    let bytes = onnx::write(&b.finish(&[y]).unwrap(), |_, _| None).unwrap();
    std::fs::write(folder.join(file), bytes).unwrap();
}

/// Dimensions of an image.
fn image(batch: impl Into<Dim>, pixels: impl Into<Dim> + Clone) -> Vec<Dim> {
    vec![batch.into(), 3.into(), pixels.clone().into(), pixels.into()]
}

const RESNET: &str = "light_resnet50.onnx.gz";
const EFFICIENTNET: &str = "efficientnet_b0.onnx.gz";
