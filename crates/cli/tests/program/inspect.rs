//! `inspect`, and how models are bound.

use tachograph_ir::Dim;

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

#[test]
fn all_open_dimensions_are_named_with_an_example_that_works() {
    let folder = tempfile::tempdir().unwrap();
    let dims: Vec<Dim> = vec!["batch".into(), 3.into(), "a=b".into(), "width".into()];
    write_model(folder.path(), "open.onnx", dims, 8);
    let ran = run_in(folder.path(), &["inspect", "open.onnx", "--bind", "batch=2"]);
    let message = ran.failed();
    let example = "--bind 'batch=2,a=b=128,width=128'";
    assert!(message.contains("`a=b`, `width`") && message.contains(example), "{message}");
    let ran = run_in(folder.path(), &["inspect", "open.onnx", "--bind", "batch=2,a=b=128,width=128"]).well();
    assert!(ran.out.contains("f32[2, 3, 128, 128]"), "{}", ran.out);
}

#[test]
fn what_cannot_be_bound_says_why() {
    let ran = run(&["inspect", RESNET, "--bind", "depth=8"]);
    let message = ran.failed();
    assert!(
        message.contains("`depth` cannot be bound") && message.contains("open are batch, height, width"),
        "{message}"
    );
    let ran = run(&["inspect", RESNET, "--bind", "batch=0"]);
    assert!(ran.failed().contains("`batch` = 0 is outside its domain"), "{}", ran.err);
}
