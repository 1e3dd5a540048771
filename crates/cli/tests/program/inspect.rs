//! `inspect`, and how models are bound.

use std::path::Path;

use tachograph_import::onnx;
use tachograph_ir::{Builder, DType, Dim, Graph, OpType};

use crate::{EFFICIENTNET, RESNET, image, run, run_in, write_model};

#[test]
fn text_and_json_agree() {
    let text = run(&["inspect", RESNET, "--bind", "batch=8"]).well();
    assert!(text.out.contains("input `gpu_0/data_0` f32[8, 3, 224, 224]"), "{}", text.out);
    assert!(text.out.contains("parameters 25.610 M, 32.7"), "{}", text.out);
    let lines = run(&["inspect", RESNET, EFFICIENTNET, "--json"]).well().json();
    assert_eq!(lines.len(), 2);
    let first = &lines[0];
    assert_eq!((first["model"].as_str(), first["parameters"].as_u64()), (Some(RESNET), Some(25_610_152)));
    for key in ["nodes", "nodes_run", "macs", "flops", "read_bytes", "written_bytes", "peak_memory_bytes"] {
        assert!(first[key].as_u64().is_some_and(|n| n > 0), "{key}");
    }
    assert_eq!(first["operators"][0]["operator"], "Conv");
    assert!(lines[1]["warnings"].is_array());
}

#[test]
fn graphs_for_other_programs() {
    let dot = run(&["inspect", RESNET, "--dot"]).well().out;
    assert!(dot.starts_with("digraph"), "{dot}");
    let graph = &run(&["inspect", RESNET, "--graph"]).well().json()[0];
    assert!(graph.is_object());
    let nodes = run(&["inspect", RESNET, "--nodes"]).well().out;
    assert!(nodes.lines().filter(|line| line.contains("Conv `")).count() > 50, "{nodes}");
    assert_eq!(run(&["inspect", RESNET, "--dot", "--json"]).code, 2);
}

#[test]
fn an_open_batch_is_one_and_said() {
    let folder = tempfile::tempdir().unwrap();
    write_model(folder.path(), "open.onnx", image("batch_size", 32), 8);
    let ran = run_in(folder.path(), &["inspect", "open.onnx"]).well();
    assert!(ran.out.contains("f32[1, 3, 32, 32]"), "{}", ran.out);
    assert!(ran.err.contains("`batch_size` is open in the file and taken at 1"), "{}", ran.err);
    let ran = run_in(folder.path(), &["inspect", "open.onnx", "--bind", "batch_size=4", "--json"]).well();
    assert_eq!((ran.json()[0]["bound"]["batch_size"].as_u64(), ran.err.as_str()), (Some(4), ""));
}

/// An image of open batch, rows `a=b` and columns.
fn open(folder: &Path) {
    let dims: Vec<Dim> = vec!["batch".into(), 3.into(), "a=b".into(), "width".into()];
    write_model(folder, "open.onnx", dims, 8);
}

#[test]
fn all_open_dimensions_are_named_with_an_example_that_works() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path());
    let ran = run_in(folder.path(), &["predict", "open.onnx", "--bind", "batch=2"]);
    let message = ran.failed();
    let example = "--bind 'a=b=224,batch=2,width=224'";
    let open = "open.onnx: open without a value: `a=b` (axis 2 of `x`), `width` (axis 3 of `x`); bind such as ";
    assert_eq!(message, format!("error: {open}{example}"));
    let ran = run_in(folder.path(), &["inspect", "open.onnx", "--bind", "a=b=224,batch=2,width=224"]).well();
    assert!(ran.out.contains("f32[2, 3, 224, 224]"), "{}", ran.out);
}

#[test]
fn what_is_not_bound_is_shown_too() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path());
    let text = run_in(folder.path(), &["inspect", "open.onnx"]).well().out;
    for line in [
        "open.onnx: 2 nodes, not bound",
        "  open `width` (axis 3 of `x`)",
        "  input `x` f32[batch, 3, a=b, width]",
        "  for shapes and costs bind it, such as --bind 'a=b=224,width=224'",
        "    1  Conv",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}: {text}");
    }
    let line = run_in(folder.path(), &["inspect", "open.onnx", "--json"]).well().json().remove(0);
    assert_eq!((line["nodes"].as_u64(), line["parameters"].as_u64()), (Some(2), Some(8 * 27 + 8)));
    assert_eq!(line["open"][0]["axes"], serde_json::json!(["axis 2 of `x`"]));
    assert_eq!(line["bind"], "--bind 'a=b=224,width=224'");
    assert_eq!(line["operators"][0], serde_json::json!({ "operator": "Conv", "count": 1 }));
    assert!(run_in(folder.path(), &["inspect", "open.onnx", "--dot"]).well().out.starts_with("digraph"));
    assert!(run_in(folder.path(), &["inspect", "open.onnx", "--graph"]).well().json()[0].is_object());
}

#[test]
fn what_cannot_be_bound_says_why() {
    let ran = run(&["inspect", RESNET, "--bind", "depth=8"]);
    let message = ran.failed();
    let there = "nothing is called so; there are `batch`, `height`, `width` (inputs are `gpu_0/data_0` f32[batch, 3, ";
    assert!(message.starts_with(&format!("error: {RESNET}: `depth` cannot be bound: {there}")), "{message}");
    let ran = run(&["inspect", RESNET, "--bind", "Batch=8"]);
    assert!(ran.failed().contains("did you mean `batch`? there are"), "{}", ran.err);
    let ran = run(&["inspect", RESNET, "--bind", "batch=0"]);
    assert!(ran.failed().ends_with("`batch` cannot be 0: it must be at least 1"), "{}", ran.err);
}

#[test]
fn several_models_take_what_they_have_of_one_bind() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path());
    write_model(folder.path(), "image.onnx", image("batch", 32), 8);
    let args = ["inspect", "image.onnx", "open.onnx", "--json", "--bind", "batch=2,width=8,a=b=8"];
    let lines = run_in(folder.path(), &args).well().json();
    let bound = |i: usize| lines[i]["bound"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!((bound(0), bound(1)), (vec!["batch".into()], vec!["a=b".into(), "batch".into(), "width".into()]));
    let ran = run_in(folder.path(), &["inspect", "image.onnx", "open.onnx", "--bind", "depth=2,width=8"]);
    assert_eq!((ran.code, ran.err.matches("`depth` cannot be bound").count()), (1, 2), "{}", ran.err);
    assert!(
        run_in(folder.path(), &["inspect", "image.onnx", "--bind", "width=8"]).failed().contains("`width` cannot be")
    );
}

#[cfg(unix)]
#[test]
fn a_model_from_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    write_model(folder.path(), "image.onnx", image("batch", 32), 8);
    for (file, shell) in [("-", "cat image.onnx |"), ("/dev/stdin", "cat image.onnx |"), ("-", "<image.onnx")] {
        let program = env!("CARGO_BIN_EXE_tachograph");
        let command = format!("{shell} {program} inspect {file} --bind batch=2");
        let ended =
            std::process::Command::new("sh").args(["-c", &command]).current_dir(folder.path()).output().unwrap();
        let out = String::from_utf8(ended.stdout).unwrap();
        assert!(out.contains("input `x` f32[2, 3, 32, 32]"), "{command}: {out}");
    }
}

/// A matrix of two rows, then as many as the data says, times 4 million weights.
#[test]
fn what_is_not_counted_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut b = Builder::new("net");
    let x = b.input("x\x1b[31m\n", DType::F32, vec![4.into(), 8.into()]);
    let y = b.op("Relu", &[x]).unwrap();
    let mut parts = b.finish(&[y]).unwrap().into_parts();
    let mut node = parts.nodes[0].clone();
    (node.op, node.name) = (OpType::Custom { domain: "com.acme".into(), name: "Twist\x1b[0m".into() }, "a\nb".into());
    parts.nodes = vec![node];
    let bytes = onnx::write(&Graph::new(parts).unwrap(), |_, _| None).unwrap();
    std::fs::write(folder.path().join("custom.onnx"), bytes).unwrap();
    let ran = run_in(folder.path(), &["inspect", "custom.onnx"]).well();
    let said = "1 of 1 nodes (100 %) is not counted: unknown operators are \
                com.acme::Twist\\u{1b}[0m (1)";
    assert!(ran.err.contains(said), "{}", ran.err);
    assert!(ran.out.contains("input `x\\u{1b}[31m\\n` f32["), "{}", ran.out);
    let listed = run_in(folder.path(), &["inspect", "custom.onnx", "--verbose", "--nodes"]).well();
    assert!(listed.err.contains("node `a\\nb` (com.acme::Twist"), "{}", listed.err);
    for text in [&ran.out, &ran.err, &listed.out, &listed.err] {
        assert!(!text.contains('\x1b'), "{text}");
    }
}
