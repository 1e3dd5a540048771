//! Bad input ends with a line that names it, and with the exit code that `--help` states.

use std::{
    io::Read,
    process::{Command, Stdio},
};

use tachograph_import::tflite;
use tachograph_ir::{Assignment, Builder, DType};

use crate::{RESNET, image, models, run, run_in};

#[test]
fn the_command_line() {
    for args in [
        &[][..],
        &["predicts"],
        &["predict"],
        &["predict", RESNET, "--bind", "batch"],
        &["predict", RESNET, "--bind", "batch=many"],
        &["predict", RESNET, "--bind", "batch=-1"],
        &["predict", RESNET, "--bind", "=3"],
        &["predict", RESNET, "--nosuch"],
        &["choose", RESNET],
        &["choose", RESNET, "--over", "batch"],
        &["choose", RESNET, "--over", "batch=1", "--over", "batch=2"],
        &["choose", RESNET, "--over", "batch=1", "--bind", "batch=2"],
        &["predict", RESNET, "--bind", "batch=1,batch=2"],
        &["inspect", RESNET, RESNET, "--bind", "batch=1", "--bind", "batch=2"],
        &["transfer", "mine.csv"],
        &["completions", "nosuch"],
        &["choose", RESNET, "--over", "batch=1..4"],
        &["choose", RESNET, "--over", "batch=1", "--memory-gb", "0"],
        &["choose", RESNET, "--over", "batch=1", "--time-ms", "nan"],
        &["choose", RESNET, "--over", "batch=1", "--memory-gb", "-1"],
        &["choose", RESNET, "--over", "batch=1", "--top", "-1"],
        &["predict", RESNET, "--device", ""],
        &["profile", RESNET, "--threads", "0"],
        &["profile", RESNET, "--threads", "100000"],
        &["collect", "--out", "x", "--name", "x", "--threads", "0"],
        &["adapt", "mine.csv", "--device", "d", "--threads", "100000"],
        &["transfer", "mine.csv", "--device", "d", "--threads", "-1"],
    ] {
        let ran = run(args);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}: {}", ran.err);
        assert!(!ran.err.contains("panicked") && !ran.err.contains("unexpected argument '-1'"), "{}", ran.err);
        assert!(args.is_empty() || ran.err.lines().count() == 1, "{args:?}: {}", ran.err);
    }
    let ran = run(&["profile", RESNET, "--threads", "100000"]);
    assert!(ran.err.contains("'--threads <THREADS>': must be 1 to "), "{}", ran.err);
    let ran = run(&["predict", RESNET, "--bind", "batch=1,batch=2"]);
    assert_eq!(ran.err, "error: --bind gives `batch` twice\n");
    let help = run(&["--help"]).well().out;
    assert!(help.contains("Exit codes: 0 all went well; 1 the work failed"), "{help}");
}

#[test]
fn every_verb_has_help() {
    let help = run(&["--help"]).well().out;
    for verb in [
        "inspect",
        "predict",
        "choose",
        "profile",
        "collect",
        "data",
        "train",
        "evaluate",
        "ensemble",
        "adapt",
        "transfer",
        "devices",
        "doctor",
        "completions",
    ] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(&format!("{verb} "))), "{verb}: {help}");
        let ran = run(&[verb, "--help"]).well();
        assert!(ran.out.contains("Usage: tachograph"), "{}", ran.out);
    }
}

#[test]
fn files() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("empty.onnx", b"");
    write("noise.onnx", &[0xfe; 300]);
    let whole = std::fs::read(models().join(RESNET)).unwrap();
    write("half.onnx.gz", &whole[..whole.len() / 2]);
    std::fs::create_dir(folder.path().join("folder.onnx")).unwrap();
    write("page.onnx", b"<!DOCTYPE html>\n<html>Sign in</html>");
    write("lfs.onnx", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n");
    for (file, what) in [
        ("missing.onnx", "No such file"),
        ("empty.onnx", "the file is empty"),
        ("noise.onnx", "truncated, damaged or of another kind"),
        ("half.onnx.gz", "the compressed file is cut short"),
        ("folder.onnx", "is a folder; give a file"),
        ("page.onnx", "an HTML page: the download failed"),
        ("lfs.onnx", "run `git lfs pull`"),
    ] {
        for verb in ["inspect", "predict"] {
            let ran = run_in(folder.path(), &[verb, file]);
            let message = ran.failed();
            assert!(message.starts_with(&format!("error: {file}: ")) && message.contains(what), "{message}");
            assert_eq!((message.matches(file).count(), ran.err.lines().count()), (1, 1), "{message}");
            assert_eq!(message.matches("No such file").count(), usize::from(file == "missing.onnx"), "{message}");
            assert_eq!(ran.out, "");
        }
    }
    // The verifier of TFLite files writes a paragraph.
    let mut b = Builder::new("net");
    let x = b.input("x", DType::F32, image(1, 16));
    let y = b.conv(x, 4, [3, 3], 1, 1, 1, true).unwrap();
    let whole = tflite::write(&b.finish(&[y]).unwrap().bind(&Assignment::new()).unwrap()).unwrap();
    for length in (8..whole.len()).step_by(whole.len() / 20) {
        write("cut.tflite", &whole[..length]);
        let ran = run_in(folder.path(), &["inspect", "cut.tflite"]);
        assert!(ran.failed().contains("truncated or damaged"), "{length}: {}", ran.err);
        assert_eq!((ran.err.lines().count(), ran.err.matches("\\n").count()), (1, 0), "{}", ran.err);
    }
    let ran = run_in(folder.path(), &["choose", "noise.onnx", "--over", "batch=1"]);
    assert!(ran.failed().contains("noise.onnx"), "{}", ran.err);
    let ran = run_in(folder.path(), &["predict", "x.onnx", "--checkpoint", "noise.onnx"]);
    assert!(ran.failed().contains("noise.onnx"), "{}", ran.err);
}

/// A reader that goes away (`| head -1`) ends the program quietly.
#[test]
fn a_closed_pipe_is_no_error() {
    for args in [&["inspect", RESNET, "--nodes"][..], &["devices"], &["predict", RESNET], &["completions", "zsh"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tachograph"))
            .args(args)
            .current_dir(models())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        child.wait().unwrap();
        assert!(!err.contains("panicked") && !err.contains("error"), "{args:?}: {err}");
    }
}

/// Output that cannot be written is an error like any other.
#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_said_once() {
    for args in [
        &["inspect", RESNET][..],
        &["predict", RESNET, "--json"],
        &["predict", RESNET],
        &["doctor", "--json"],
        &["doctor"],
        &["completions", "bash"],
        &["--help"],
        &["predict", "--help"],
        &["--version"],
    ] {
        let full = std::fs::File::create("/dev/full").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tachograph"));
        let ended = command.args(args).current_dir(models()).stdout(full).output().unwrap();
        let err = String::from_utf8(ended.stderr).unwrap();
        let errors: Vec<&str> = err.lines().filter(|line| !line.starts_with("warning: ")).collect();
        assert_eq!(ended.status.code(), Some(1), "{args:?}: {err}");
        assert_eq!(errors.len(), 1, "{args:?}: {err}");
        assert!(errors[0].starts_with("error: cannot write to standard output: No space left"), "{err}");
    }
}
