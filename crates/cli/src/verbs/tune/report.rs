//! `tachograph tune report`.

use std::{
    collections::{BTreeMap, HashSet},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tachograph_program::{Choice, Compiler, Decision, Point, Sketch, Space};
use tachograph_report::{Curve, CurveChart, ImportanceChart, TuningPage};
use tachograph_tune::{
    Importance, importance,
    live::{Journal, space},
};

use crate::{exit, here::Here, models::Bind, store::Place, table, tuned, verbs::program::Groups};

/// Draw what tunings came to: how the best fell with the trials, and which decisions matter
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    /// Lines that `tachograph tune … --json` printed; a curve for each file, which is called after it.
    #[arg(value_name = "FILE", required_unless_present = "model", conflicts_with = "model")]
    files: Vec<PathBuf>,
    /// Instead, what the store knows of the groups of this model.
    #[arg(long)]
    model: Option<PathBuf>,
    /// This group of the model alone.
    #[arg(long, requires = "model")]
    group: Option<usize>,
    #[command(flatten)]
    bind: Bind,
    #[command(flatten)]
    place: Place,
    /// Write a page, one file that loads nothing.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write each picture as an SVG file into this folder.
    #[arg(long, value_name = "FOLDER")]
    svg: Option<PathBuf>,
    /// One JSON object for each curve and each importance, each on a line.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let page = match &args.model {
        Some(model) => of_store(args, model)?,
        None => of_files(&args.files)?,
    };
    ensure!(page.charts.iter().any(|chart| chart.to_svg().is_some()), "there is no trial with a time");
    if let Some(path) = &args.html {
        std::fs::write(path, page.to_html()?).with_context(|| path.display().to_string())?;
    }
    if let Some(folder) = &args.svg {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let charts = page.charts.iter().enumerate().map(|(i, chart)| (format!("curves-{i}.svg"), chart.to_svg()));
        let bars = page.importances.iter().enumerate().map(|(i, bars)| (format!("importance-{i}.svg"), bars.to_svg()));
        for (name, text) in charts.chain(bars) {
            let path = folder.join(name);
            text.map_or(Ok(()), |text| std::fs::write(&path, text)).with_context(|| path.display().to_string())?;
        }
    }
    said(&page, args.json)
}

fn said(page: &TuningPage, json: bool) -> Result<()> {
    let last = |curve: &Curve| curve.runs.iter().filter_map(|run| run.last().copied().flatten()).collect::<Vec<f64>>();
    for chart in &page.charts {
        if json {
            for curve in &chart.curves {
                table::json(&json!({ "chart": chart.title, "curve": curve.name, "best_ms": curve.runs }))?;
            }
            continue;
        }
        out!("{}", chart.title);
        let row = |curve: &Curve| {
            let trials = curve.runs.iter().map(Vec::len).max().unwrap_or(0);
            let best = tachograph_metrics::median(&last(curve)).map_or("–".into(), |ms| format!("{ms:.4}"));
            [curve.name.clone(), curve.runs.len().to_string(), trials.to_string(), best]
        };
        table::table(&["curve", "runs", "trials", "best ms"], &chart.curves.iter().map(row).collect::<Vec<_>>());
        out!("");
    }
    for chart in &page.importances {
        if json {
            let decisions: BTreeMap<&str, f64> = chart.decisions.iter().map(|(n, s)| (n.as_str(), *s)).collect();
            table::json(&json!({ "importance": chart.title, "note": chart.note, "decisions": decisions }))?;
            continue;
        }
        out!("{}: {}", chart.title, chart.note);
        let row = |(name, share): &(String, f64)| [name.clone(), format!("{share:.3}")];
        table::table(&["decision", "importance"], &chart.decisions.iter().take(10).map(row).collect::<Vec<_>>());
        out!("");
    }
    Ok(())
}

fn chart(title: String, found: Importance, points: usize) -> ImportanceChart {
    let explained = 100.0 * found.explained.max(0.0);
    let note = format!(
        "By how much of the variance of the logarithm of the time the error of trees grows when a decision is mixed up; they \
         explain {explained:.0} % of it on points that they have not seen ({points} points)."
    );
    ImportanceChart { title, note, decisions: found.decisions }
}

/// The best after each of these times.
fn falling(times: impl IntoIterator<Item = Option<f64>>) -> Vec<Option<f64>> {
    let mut best: Option<f64> = None;
    let next = |time: Option<f64>| {
        best = [best, time].into_iter().flatten().reduce(f64::min);
        best
    };
    times.into_iter().map(next).collect()
}

/// The groups of a model, from the store.
fn of_store(args: &Args, model: &Path) -> Result<TuningPage> {
    let groups = Groups::of(model, &args.bind)?;
    let here = Here::cpu().context("the system does not say which processor this machine has")?;
    let device = here.name.clone();
    let compiler = Compiler::find().ok().as_ref().map(tuned::compiler);
    let mut kept = tuned::Kept::new(args.place.existing()?, here, compiler);
    let mut chart = CurveChart { title: "Groups".into(), curves: Vec::new() };
    let mut importances = Vec::new();
    let mut seen = HashSet::new();
    for i in (0..groups.fused.len()).filter(|i| args.group.is_none_or(|group| group == *i)) {
        let Ok(workload) = groups.workload(i) else { continue };
        if !seen.insert(workload.hash()) {
            continue;
        }
        let known = kept.known(&workload).map_err(anyhow::Error::msg)?;
        if known.is_empty() {
            continue;
        }
        let name = format!("group {i}: {}", groups.operators(i));
        let ms = |known: &tachograph_tune::live::Known| known.outcome.as_ref().ok().map(|timed| timed.ms);
        chart.curves.push(Curve { name: name.clone(), runs: vec![falling(known.iter().map(ms))] });
        let space = space(&workload)?;
        let point = |known: &tachograph_tune::live::Known| Some((space.point(&known.schedule)?, ms(known)?));
        let points: Vec<(Point, f64)> = known.iter().filter_map(point).collect();
        importances.extend(importance(&space, &points, 0)?.map(|found| self::chart(name, found, points.len())));
    }
    ensure!(!chart.curves.is_empty(), "{}: the store knows nothing of its groups on this machine", groups.name);
    let facts = vec![("device".into(), device), ("groups".into(), chart.curves.len().to_string())];
    Ok(TuningPage { title: groups.name, facts, warnings: Vec::new(), charts: vec![chart], importances })
}

/// What lines say of a run.
#[derive(Default)]
struct Lines {
    /// Best after each trial, by seed.
    runs: BTreeMap<u64, Vec<Option<f64>>>,
    /// Best of each task after each of its trials, of live tuning.
    tasks: BTreeMap<u64, Vec<Option<f64>>>,
    /// Configurations of recorded spaces and their times.
    configs: Vec<(serde_json::Map<String, Value>, f64)>,
}

fn read(path: &Path) -> Result<Lines> {
    let place = |number: usize| format!("{}, line {number}", path.display());
    let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
    let mut lines = Lines::default();
    for (i, line) in BufReader::new(file).lines().enumerate() {
        let line = line.with_context(|| place(i + 1))?;
        if line.trim().is_empty() {
            continue;
        }
        let line: Value = serde_json::from_str(&line).with_context(|| place(i + 1))?;
        // What a tuning says in the end is no trial.
        if line["trial"].is_null() {
            continue;
        }
        let best = line["best_ms"].as_f64();
        match (line["task"].as_u64(), line["config"].as_object()) {
            (Some(task), _) => {
                lines.runs.entry(0).or_default().push(line["total_ms"].as_f64());
                lines.tasks.entry(task).or_default().push(best);
            }
            (None, Some(config)) => {
                lines.runs.entry(line["seed"].as_u64().unwrap_or(0)).or_default().push(best);
                lines.configs.extend(line["time_ms"].as_f64().map(|ms| (config.clone(), ms)));
            }
            _ => anyhow::bail!("{}: neither `config` nor `task`: not a line of `tachograph tune --json`", place(i + 1)),
        }
    }
    Ok(lines)
}

fn of_files(files: &[PathBuf]) -> Result<TuningPage> {
    let mut chart = CurveChart { title: "Best so far".into(), curves: Vec::new() };
    let mut page = TuningPage { title: "Tuning".into(), ..TuningPage::default() };
    let mut configs = Vec::new();
    for path in files {
        let lines = read(path)?;
        let name = path.file_stem().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned());
        if !lines.tasks.is_empty() {
            let curve = |(task, run)| Curve { name: format!("task {task}"), runs: vec![run] };
            let curves = lines.tasks.into_iter().map(curve).collect();
            page.charts.push(CurveChart { title: format!("Tasks of {name}"), curves });
        }
        page.facts.push((name.clone(), table::counted(lines.runs.len(), "run")));
        chart.curves.push(Curve { name, runs: lines.runs.into_values().collect() });
        configs.extend(lines.configs);
    }
    page.charts.insert(0, chart);
    let (space, points) = configurations(configs);
    let found = importance(&space, &points, 0)?;
    page.importances = found.map(|found| self::chart("Parameters".into(), found, points.len())).into_iter().collect();
    Ok(page)
}

/// The space that configurations span, and each of them once.
fn configurations(configs: Vec<(serde_json::Map<String, Value>, f64)>) -> (Space, Vec<(Point, f64)>) {
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut options: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in configs.iter().flat_map(|(config, _)| config) {
        let options = options.entry(name.clone()).or_default();
        if !options.contains(&word(value)) {
            options.push(word(value));
        }
    }
    let mut seen = HashSet::new();
    let mut points = Vec::new();
    for (config, ms) in configs {
        let of = |(name, options): (&String, &Vec<String>)| {
            let value = word(config.get(name)?);
            options.iter().position(|option| *option == value).map(Choice::Category)
        };
        let Some(choices) = options.iter().map(of).collect::<Option<Vec<_>>>() else { continue };
        let point = Point { sketch: 0, choices };
        if seen.insert(point.clone()) {
            points.push((point, ms));
        }
    }
    let decisions = options.into_iter().map(|(name, options)| Decision::Category { name, options }).collect();
    (Space { sketches: vec![Sketch { name: "table".into(), decisions, steps: Vec::new() }] }, points)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_so_far_and_each_configuration_once() {
        assert_eq!(
            falling([None, Some(3.0), Some(4.0), None, Some(2.0)]),
            [None, Some(3.0), Some(3.0), Some(3.0), Some(2.0)]
        );
        let config = |x: u64, y: &str| json!({ "x": x, "y": y }).as_object().cloned().unwrap();
        let (space, points) = configurations(vec![(config(1, "a"), 1.0), (config(2, "b"), 2.0), (config(1, "a"), 9.0)]);
        assert_eq!((points.len(), points[1].1, space.count()), (2, 2.0, Some(4)));
    }
}
