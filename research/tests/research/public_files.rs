//! The survey of public model files, on a folder of tiny ncnn files and what their runtime is said to say of them.

use std::fs;

use crate::run;

const INPUT: &str = "Input data 0 1 data 0=4 1=5 2=3";

/// A file with one layer after the input.
fn model(layer: &str) -> String {
    format!("7767517\n2 2\n{INPUT}\n{layer} layer 1 1 data out\n")
}

fn said(file: &str, rest: &str) -> String {
    format!("{{\"file\": \"{file}\", {rest}}}\n")
}

#[test]
fn each_file_gets_its_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let at = |file: &str| folder.path().join(file);
    fs::create_dir_all(at("some+one/deep")).unwrap();
    fs::create_dir(at("other")).unwrap();
    fs::write(at("some+one/.commit"), "0123456789abcdef\n").unwrap();
    let relu = r#""loads": true, "tensors": {"data": [null, [3, 5, 4]], "out": ["float32", [3, 5, 4]]}"#;
    let files = [
        ("some+one/good.param", model("ReLU"), relu.to_owned()),
        (
            "some+one/deep/shape.param",
            model("ReLU"),
            relu.replace(r#""out": ["float32", [3, 5, 4]]"#, r#""out": [null, [9]]"#),
        ),
        ("some+one/deep/type.param", model("ReLU"), relu.replace("float32", "int64")),
        ("some+one/unknown.param", model("Frobnicate"), relu.to_owned()),
        ("some+one/running.param", model("Frobnicate"), format!(r#"{relu}, "open": ["out"]"#)),
        ("some+one/damaged.param", "7767517\n2 2\nInput".into(), relu.to_owned()),
        ("other/refused.param", "7767517\n2 2\nInput".into(), r#""loads": false, "error": "too short""#.into()),
        ("other/kernel.param", "7767517".into(), r#""loads": false, "source": "onnx", "error": "no kernel""#.into()),
        ("other/both.param", model("Frobnicate"), r#""loads": false, "error": "no such layer""#.into()),
        ("other/pointer.onnx", "version https://git-lfs".into(), r#""pointer": true"#.into()),
        ("other/copy.param", model("ReLU"), r#""same": "some+one/good.param""#.into()),
    ];
    for (file, content, _) in &files {
        fs::write(at(file), content).unwrap();
    }
    fs::write(at("other/new.tflite"), "nobody asked").unwrap();
    let truth: String = files.iter().map(|(file, _, rest)| said(file, rest)).collect();
    fs::write(at("truth.jsonl"), truth).unwrap();
    let words = [
        folder.path().to_str().unwrap(),
        "--truth",
        at("truth.jsonl").to_str().unwrap(),
        "--list",
        at("list").to_str().unwrap(),
    ]
    .map(str::to_owned);
    let table = run(env!("CARGO_BIN_EXE_public_files"), words).good();

    let list = fs::read_to_string(at("list")).unwrap();
    let line = |file: &str| {
        list.lines().find(|line| line.contains(&format!("{file}\t"))).unwrap_or_else(|| panic!("{file}: {list}"))
    };
    for (file, verdict) in [
        ("good.param", "read\tloads"),
        ("shape.param", "differs\tloads"),
        ("type.param", "differs\tloads"),
        ("unknown.param", "unknown operators\tloads"),
        ("running.param", "unknown operators\tloads"),
        ("damaged.param", "failed\tloads"),
        ("refused.param", "refused\t-"),
        ("kernel.param", "failed\t-"),
        ("both.param", "unknown operators\t-"),
        ("pointer.onnx", "pointer"),
        ("copy.param", "copy"),
        ("new.tflite", "not asked"),
    ] {
        assert!(line(file).starts_with(verdict), "{}, not {verdict}", line(file));
    }
    assert!(line("good.param").contains("2 equal, 0 different, 0 unknown, 0 open"), "{}", line("good.param"));
    assert!(line("shape.param").contains("`out` is f32 [1, 3, 5, 4], not [1, 9]"), "{}", line("shape.param"));
    assert!(line("type.param").contains("`out` is f32 [1, 3, 5, 4], not int64 [1, 3, 5, 4]"), "{}", line("type.param"));
    assert!(line("unknown.param").contains("1 equal, 0 different, 1 unknown, 0 open\tncnn::Frobnicate ×1"), "{list}");
    assert!(line("running.param").contains("1 equal, 0 different, 0 unknown, 1 open"), "{list}");
    assert!(line("refused.param").contains("[the runtime: too short]"), "{list}");

    // files, loaded, read, equal, unknown, failed, refused; tensors, equal, different, unknown, by running.
    assert!(table.contains("| some/one | `012345678` | 6 | 6 | 1 | 1 | 2 | 3 | 0 | 10 | 6 | 2 | 1 | 1 |"), "{table}");
    assert!(table.contains("| other | ? | 3 | 0 | 0 | 0 | 1 | 1 | 1 | 0 |"), "{table}");
    let share = "1 (16.67 %) are read with every shape equal, 2 (33.33 %) hold unknown operators, 3 (50.00 %) fail.";
    assert!(table.contains(&format!("Of 6 files that their runtime loads, {share}")), "{table}");
    assert!(table.contains("1 copies of other files, 1 Git LFS pointers, 1 not asked"), "{table}");
    assert!(table.contains("`ncnn::Frobnicate` 3"), "{table}");
}

#[test]
fn what_cannot_be_read_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let truth = folder.path().join("truth.jsonl");
    fs::write(&truth, "{\"file\": 3}\n").unwrap();
    let words = [folder.path().to_str().unwrap(), "--truth", truth.to_str().unwrap()];
    let said = run(env!("CARGO_BIN_EXE_public_files"), words);
    assert!(!said.good && said.err.contains("truth.jsonl, line 1"), "{}", said.err);
    fs::write(&truth, "").unwrap();
    let said = run(env!("CARGO_BIN_EXE_public_files"), words);
    assert!(!said.good && said.err.contains("no file ends in .onnx"), "{}", said.err);
}
