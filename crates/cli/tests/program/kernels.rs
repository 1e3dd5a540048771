//! `tachograph program`.

use std::{collections::HashSet, process::Command};

use tachograph_datasets::sets::{Archive, Collection};
use tachograph_import::onnx;
use tachograph_ir::{Builder, DType};
use tachograph_tune::Collected;

use crate::{image, run_in, write_model};

#[test]
fn groups_are_shown_measured_and_known_again() {
    let folder = tempfile::tempdir().unwrap();
    write_model(folder.path(), "m.onnx", image("batch", 16), 4);
    let at = |args: &[&str]| {
        run_in(folder.path(), &[&["program"], args, &["--bind", "batch=1", "--store", "s.sqlite"]].concat())
    };
    let groups = at(&["show", "m.onnx", "--json"]).well().json();
    assert!(!groups.is_empty() && groups.iter().all(|group| group["error"].is_null()), "{groups:?}");
    let text = at(&["show", "m.onnx"]).well().out;
    assert!(text.contains("GFLOP") && text.contains("Conv"), "{text}");
    let one = ["show", "m.onnx", "--group", "0"];
    let before = at(&[&one[..], &["--json"]].concat()).well().json().remove(0);
    assert_eq!(before["schedule_from"], "the first point; none has been measured here");

    let measure = ["measure", "m.onnx", "--group", "0", "--points", "3", "--json"];
    let measured = at(&measure).well().json();
    assert_eq!(measured.len(), 3);
    assert!(measured.iter().all(|record| record["outcome"]["time"]["median"].as_f64() > Some(0.0)), "{measured:?}");
    // The same draw gives what is known; others are measured.
    let more = at(&measure).well().json();
    assert!(more.iter().all(|record| measured.iter().all(|known| known["schedule"] != record["schedule"])));
    let after = at(&[&one[..], &["--json"]].concat()).well().json().remove(0);
    assert!(after["schedule_from"].as_str().unwrap().starts_with("the fastest known here"), "{after}");
    assert!(measured.iter().chain(&more).any(|record| record["schedule"] == after["schedule"]));

    // Those that are named, again, and nothing else.
    let lines: Vec<String> = measured.iter().map(|record| record.to_string()).collect();
    std::fs::write(folder.path().join("these.jsonl"), lines.join("\n")).unwrap();
    let these = |file: &str| {
        let args = ["program", "measure", "m.onnx", "--bind", "batch=1", "--group", "0", "--json", "--schedules", file];
        run_in(folder.path(), &args)
    };
    let again = these("these.jsonl").well().json();
    assert!(again.iter().map(|record| &record["schedule"]).eq(measured.iter().map(|record| &record["schedule"])));
    assert!(these("none.jsonl").failed().contains("none.jsonl"));
    std::fs::write(folder.path().join("bad.jsonl"), format!("{}\n{{\"schedule\": 7}}\n", lines[0])).unwrap();
    assert!(these("bad.jsonl").failed().contains("bad.jsonl:2"));

    let code = at(&[&one[..], &["--code", "--svg", "nest.svg"]].concat()).well().out;
    assert!(code.starts_with("/*") && code.contains("void run("), "{code}");
    assert!(std::fs::read_to_string(folder.path().join("nest.svg")).unwrap().starts_with("<svg"));
}

#[test]
fn what_is_not_there_is_said() {
    let folder = tempfile::tempdir().unwrap();
    write_model(folder.path(), "m.onnx", image("batch", 16), 4);
    let at = |args: &[&str]| run_in(folder.path(), args);
    let ran = at(&["program", "show", "m.onnx", "--bind", "batch=1", "--group", "99"]);
    assert!(ran.failed().contains("m.onnx: there is no group 99, the last is "), "{}", ran.err);
    let ran = at(&["program", "measure", "m.onnx", "--bind", "batch=1", "--no-store"]);
    assert!(ran.failed().contains("which group? --group N"), "{}", ran.err);
    let mut command = Command::new(env!("CARGO_BIN_EXE_tachograph"));
    command.args(["program", "measure", "m.onnx", "--bind", "batch=1", "--no-store", "--group", "0"]);
    let out = command.env("CC", "/no/such/cc").current_dir(folder.path()).output().unwrap();
    let err = String::from_utf8(out.stderr).unwrap();
    assert!(!out.status.success() && err.contains("/no/such/cc") && err.contains("install gcc or clang"), "{err}");
}

#[test]
fn layouts_are_collected_and_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut b = Builder::new("net");
    let mut x = b.input("x", DType::F32, image(1, 12));
    for channels in [8, 32, 16] {
        x = b.conv(x, channels, [3, 3], 1, 1, 1, true).unwrap();
        x = b.op("Relu", &[x]).unwrap();
    }
    let bytes = onnx::write(&b.finish(&[x]).unwrap(), |_, _| None).unwrap();
    std::fs::write(folder.join("vgg11.onnx"), bytes).unwrap();
    let collect_as = |more: &[&str]| {
        let args = ["program", "collect-layouts", "vgg11.onnx", "--out", "set", "--test", "vgg", "--assignments", "14"];
        run_in(folder, &[&args[..], more].concat())
    };
    let collect = |rounds: &str| collect_as(&["--rounds", rounds]);
    let (path, times) = (folder.join("set/test/vgg11.npz"), folder.join("set/test/vgg11.times.jsonl"));
    // Nothing is timed while it is compiled.
    collect_as(&["--compile"]).well();
    assert!(!path.exists() && std::fs::read_to_string(&times).unwrap().lines().count() == 1);
    assert!(std::fs::read_dir(folder.join("set/test/vgg11.build")).unwrap().count() > 2);
    let ran = collect("2").well();
    let mut archive = Archive::open(&path).unwrap();
    let (configurations, (convolutions, columns)) = (archive.configurations(), archive.configuration_shape());
    assert_eq!((archive.collection(), columns), (Collection::Layout, 18));
    assert!(ran.out.contains(&format!("{configurations} assignments of {convolutions} convolutions")), "{}", ran.out);
    let opcodes = archive.opcodes().unwrap();
    assert!(archive.configurable().unwrap().iter().all(|node| opcodes[*node as usize] == 26));
    assert!(archive.run_times().unwrap().iter().all(|ns| *ns > 100.0));
    let mut rows = HashSet::new();
    archive
        .each_configuration(|_, row| {
            assert!(row.iter().all(|v| v.fract() == 0.0 && (-1.0..=3.0).contains(v)), "{row}");
            rows.insert(row.iter().map(|v| *v as i8).collect::<Vec<_>>())
        })
        .unwrap();
    assert_eq!(rows.len(), configurations);
    // What is there is not measured again; what lacks a round gets that one alone.
    assert!(collect("2").well().out.contains("is there"));
    let before = std::fs::read_to_string(&times).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(!collect("2").well().err.contains("rounds") && path.exists());
    std::fs::remove_file(&path).unwrap();
    assert!(collect_as(&["--rounds", "3", "--compress"]).well().err.contains("3 of 3 rounds"));
    assert_eq!(Archive::open(&path).unwrap().configurations(), configurations);
    let after = std::fs::read_to_string(&times).unwrap();
    assert!(after.starts_with(&before) && after.lines().count() == 4, "{after}");
}

#[test]
fn measured_programs_are_a_collection_of_tiles() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_model(folder, "vgg11.onnx", image("batch", 12), 4);
    let collect = ["program", "collect", "vgg11.onnx", "--out", "set", "--least", "0.001", "--templates"];
    run_in(folder, &[&collect[..], &["--programs", "9", "--bind", "batch=1"]].concat()).well();
    let ran = run_in(folder, &["program", "collect-tiles", "set", "--out", "tiles", "--valid", "vgg", "--least", "5"]);
    let (said, sets) = (ran.well().out, Collected::folder(&folder.join("set")).unwrap());
    let files: Vec<_> =
        std::fs::read_dir(folder.join("tiles/valid")).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(!files.is_empty() && said.starts_with(&format!("{} archive", files.len())), "{said}");
    for path in &files {
        let mut archive = Archive::open(path).unwrap();
        let (_, set) = sets.iter().find(|(name, _)| path.to_str().unwrap().contains(name.as_str())).unwrap();
        let timed: Vec<_> = set.programs.iter().filter_map(|program| program.outcome.as_ref().ok()).collect();
        assert_eq!((archive.collection(), archive.configurations()), (Collection::Tile, timed.len()));
        let times = archive.run_times().unwrap();
        assert!(times.iter().zip(&timed).all(|(ns, timed)| (ns / 1e6 - timed.ms).abs() <= 1e-6));
        // The untuned point is the first, and what others are compared with.
        assert_eq!(archive.normalizers().unwrap(), Some(vec![times[0]; times.len()]));
        let mut rows = HashSet::new();
        archive.each_configuration(|_, row| rows.insert(format!("{row}"))).unwrap();
        // Points that differ elsewhere than around the main statement have the same numbers, but not all differ there alone.
        assert!(rows.len() > 1 || times.len() < 3, "{path:?}: {} of {}", rows.len(), times.len());
    }
}

#[test]
fn programs_are_collected_and_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_model(folder, "m.onnx", image("batch", 12), 4);
    let collect = |programs: &str| {
        let args = ["program", "collect", "m.onnx", "--out", "set", "--least", "0.001", "--programs", programs];
        run_in(folder, &[&args[..], &["--bind", "batch=1"]].concat()).well().out
    };
    let read = || {
        let files = std::fs::read_dir(folder.join("set")).unwrap();
        let mut sets: Vec<Collected> = files.map(|file| Collected::read(&file.unwrap().path()).unwrap()).collect();
        sets.sort_by_key(|set| set.head.workload.hash().to_string());
        sets
    };
    assert!(collect("18").contains(" measured now in "));
    let first = read();
    assert!(!first.is_empty());
    assert!(collect("20").contains(&format!("\n{} measured now in ", 2 * first.len())));
    for (set, before) in read().iter().zip(&first) {
        assert_eq!((set.programs.len(), &set.programs[..18]), (20, &before.programs[..]));
        let points: HashSet<_> = set.programs.iter().map(|program| &program.point).collect();
        assert_eq!(points.len(), 20, "a program was measured twice");
        // Half of them bred; what came first is what the machine's drift is told by.
        assert!((2..=16).contains(&set.programs.iter().filter(|program| program.evolved).count()));
        assert!(set.programs[..16].iter().all(|program| program.drift == 1.0));
        assert!(set.programs.iter().any(|program| program.outcome.is_ok()));
    }
    // They stand for the machine, to tuners that read decisions or programs.
    let file = format!("set/{}.jsonl.gz", &first[0].head.workload.hash().to_string()[..16]);
    for by in ["tachograph", "ansor", "random"] {
        let replay = ["tune", "--recorded", &file, "--tuner", by, "--trials", "30"];
        let lines = run_in(folder, &[&replay[..], &["--json"]].concat()).well().json();
        assert_eq!(lines.len(), 20, "{by}");
        assert!(lines.iter().all(|line| line["config"]["sketch"].is_string()), "{by}");
        assert!(run_in(folder, &replay).well().out.contains("20 configurations"), "{by}");
    }
    let args = ["tune", "--recorded", &file, "--task", "1"];
    assert!(run_in(folder, &args).failed().contains("neither --device nor --task can be chosen"));
}
