//! `tune` on recorded spaces.

use crate::{run, run_in};

const TABLE: &str = "device,block,layout,time_ms,valid,error
a,16,x,3,1,
a,32,x,2,1,
a,64,x,,0,out of memory
a,32,y,2.5,1,
b,16,x,9,1,
";

#[test]
fn a_recorded_space_is_replayed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("t.csv"), TABLE).unwrap();
    let args = ["tune", "--recorded", "t.csv", "--device", "a", "--trials", "50", "--seeds", "2", "--json"];
    let lines = run_in(folder.path(), &args).well().json();
    // Two seeds through a space of four.
    assert_eq!(lines.len(), 8);
    let number = |i: usize, key: &str| lines[i][key].as_u64();
    assert_eq!(
        (number(0, "seed"), number(0, "trial"), number(7, "seed"), number(7, "trial")),
        (Some(0), Some(1), Some(1), Some(4))
    );
    assert_eq!(lines[7]["best_ms"].as_f64(), Some(2.0));
    let failed: Vec<_> = lines.iter().filter(|line| line["error"] == "out of memory").collect();
    assert!(failed.len() == 2 && failed[0]["config"]["block"] == 64 && failed[0]["config"]["layout"] == "x");
    assert!(failed[0].get("time_ms").is_none());
    assert_eq!(run_in(folder.path(), &args).well().json(), lines);
    let said = run_in(folder.path(), &args[..args.len() - 1]).well().out;
    assert!(
        said.contains("4 configurations, 1 of which failed") && said.ends_with("2 ms with block=32 layout=x\n"),
        "{said}"
    );
}

#[test]
fn records_of_another_device_are_where_it_starts() {
    let folder = tempfile::tempdir().unwrap();
    let time = |x: i32, y: i32| 1.0 + 0.1 * f64::from((x - 11).pow(2) + (y - 3).pow(2));
    let row = |device: &str, factor: f64| {
        let rows = (0..225).map(|i| (i % 15, i / 15));
        rows.map(|(x, y)| format!("{device},{x},{y},{}\n", factor * time(x, y))).collect::<String>()
    };
    std::fs::write(folder.path().join("t.csv"), format!("device,x,y,time_ms\n{}{}", row("a", 1.0), row("b", 3.0)))
        .unwrap();
    let args = ["tune", "--recorded", "t.csv", "--device", "b", "--trials", "5"];
    let from = |more: &[&str]| run_in(folder.path(), &[&args[..], more].concat());
    let lines = from(&["--from", "t.csv:a", "--json"]).well().json();
    // What was best there is measured first, and is the best here.
    assert_eq!((lines[0]["config"]["x"].as_i64(), lines[0]["best_ms"].as_f64()), (Some(11), Some(3.0)));
    assert!(from(&["--from", "t.csv:a"]).well().out.contains("starts from 225 records of t a\n"));
    assert!(from(&["--json"]).well().json()[0]["best_ms"].as_f64() > Some(3.0));
    assert!(from(&["--from", "t.csv:a", "--tuner", "random"]).failed().contains("random makes nothing of --from"));
    assert!(from(&["--from", "t.csv:c"]).failed().contains("there is no device `c`; there are: a, b"));
}

#[test]
fn what_is_wrong_is_said() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("t.csv"), TABLE).unwrap();
    std::fs::write(folder.path().join("bad.csv"), "x,time_ms\n1,fast\n").unwrap();
    let failed = |args: &[&str]| run_in(folder.path(), &[&["tune", "--recorded"], args].concat()).failed().to_owned();
    assert!(failed(&["t.csv"]).contains("say which device: a, b"));
    assert!(failed(&["t.csv", "--device", "c"]).contains("there is no device `c`; there are: a, b"));
    assert!(failed(&["bad.csv"]).contains("bad.csv, line 2, column `time_ms`: `fast` is no number"));
    assert!(failed(&["nosuch.csv"]).contains("nosuch.csv"));
    assert!(failed(&["t.csv", "--device", "a", "--tuner", "none"]).contains("there is no tuner `none`"));
    assert_eq!(run(&["tune"]).code, 2);
    assert_eq!(run(&["tune", "--recorded", "t.csv", "--trials", "-1"]).code, 2);
}

#[test]
fn replays_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let row = |i: usize| format!("{},{},{}\n", i % 8, i / 8, 1.0 + (i % 8) as f64 + 0.1 * (i / 8) as f64);
    let table: String = std::iter::once("much,little,time_ms\n".to_owned()).chain((0..64).map(row)).collect();
    std::fs::write(folder.path().join("t.csv"), table).unwrap();
    for by in ["random", "gp"] {
        let args = ["tune", "--recorded", "t.csv", "--trials", "40", "--seeds", "2", "--tuner", by, "--json"];
        std::fs::write(folder.path().join(format!("{by}.jsonl")), run_in(folder.path(), &args).well().out).unwrap();
    }
    let args = ["tune", "report", "random.jsonl", "gp.jsonl", "--html", "p.html", "--svg", "pictures"];
    let text = run_in(folder.path(), &args).well().out;
    assert!(text.contains("random") && text.contains("gp"), "{text}");
    let lines = run_in(folder.path(), &["tune", "report", "random.jsonl", "gp.jsonl", "--json"]).well().json();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["best_ms"].as_array().map(Vec::len), Some(2));
    let importance = |name: &str| lines[2]["decisions"][name].as_f64().unwrap_or(0.0);
    assert!(importance("much") > 3.0 * importance("little"), "{}", lines[2]);
    let page = std::fs::read_to_string(folder.path().join("p.html")).unwrap();
    assert_eq!((page.matches("<polyline").count(), page.matches("<polygon").count()), (2, 2));
    assert!(folder.path().join("pictures/importance-0.svg").exists());
}

#[test]
fn tuners_are_listed() {
    let lines = run(&["tune", "--list", "--json"]).well().json();
    assert!(lines.iter().any(|line| line["tuner"] == "autotvm" && line["default"] == false));
    assert_eq!(lines.iter().filter(|line| line["default"] == true).count(), 1);
    assert!(run(&["tune", "--list"]).well().out.contains("simulated annealing"));
}
