//! Ranks on libtorch.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde_json::json;
use tachograph_datasets::sets::{Archive, Ranked, TpuGraphs, check_submission, submission_id, write_submission};
use tachograph_train::{GraphRanking, Ranker, Scored};

use super::Args;
use crate::table;

pub fn run(args: &Args) -> Result<()> {
    let device = tachograph_train::torch_device(&args.device)?;
    let ranker = Ranker::load(&args.checkpoint, device)?;
    let mut submission = Vec::new();
    if args.csv {
        out!("graph,rank,configuration,score,measured");
    }
    for file in files(&args.files)? {
        let scored = ranker.score(&file)?;
        let order = scored.order();
        show(args, &file, &scored, &order)?;
        if args.submission.is_some() {
            let full = std::path::absolute(&file)?;
            let id = submission_id(&full).with_context(|| {
                format!("{} is in no folder of the competition, such as layout/xla/random/test", file.display())
            })?;
            submission.push(Ranked { id, order });
        }
    }
    if let Some(path) = &args.submission {
        write_submission(path, &submission)?;
        let counts: BTreeMap<String, usize> = submission.iter().map(|row| (row.id.clone(), row.order.len())).collect();
        check_submission(path, &counts)?;
    }
    Ok(())
}

/// Archives as they are named, modules of tuning records, and the archives of folders.
fn files(named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in named {
        match path.is_dir() {
            true => files.extend(TpuGraphs::open_folder(path)?.files().iter().cloned()),
            false => files.extend(Archive::within(path)?),
        }
    }
    anyhow::ensure!(!files.is_empty(), "there are no archives (.npz, .pb)");
    Ok(files)
}

fn show(args: &Args, file: &Path, scored: &Scored, order: &[usize]) -> Result<()> {
    let count = if args.top == 0 { order.len() } else { args.top.min(order.len()) };
    let measured = |i: usize| scored.times.as_ref().and_then(|times| times.get(i)).copied();
    let quality = scored.times.as_ref().map(|times| GraphRanking::new(&scored.scores, times));
    let name = file.display().to_string();
    if args.json {
        let best: Vec<_> = order.iter().take(count).collect();
        let scores: Vec<f64> = best.iter().map(|&&i| scored.scores[i]).collect();
        return table::json(&json!({ "graph": name, "configurations": best, "scores": scores, "measured": quality }));
    }
    let rows = order.iter().take(count).zip(1..);
    if args.csv {
        for (&i, rank) in rows {
            let time = measured(i).map_or(String::new(), |time| time.to_string());
            let quoted = if name.contains([',', '"', '\n']) {
                format!("\"{}\"", name.replace('"', "\"\""))
            } else {
                name.clone()
            };
            out!("{quoted},{rank},{i},{},{time}", scored.scores[i]);
        }
        return Ok(());
    }
    out!("{name}: {}", table::counted(order.len(), "configuration"));
    let row = |(&i, rank): (&usize, usize)| {
        let time = measured(i).map_or("–".into(), |time| format!("{time:.4}"));
        [rank.to_string(), i.to_string(), format!("{:.5}", scored.scores[i]), time]
    };
    table::table(&["rank", "configuration", "score", "measured"], &rows.map(row).collect::<Vec<_>>());
    if let Some(GraphRanking { opa: Some(opa), kendall: Some(tau), top_1: Some(slower), .. }) = quality {
        let (pairs, slower) = (100.0 * opa, 100.0 * slower);
        out!(
            "measured: {pairs:.1} % of pairs in this order, τ {tau:.3}; the first is {slower:.2} % slower than the best"
        );
    }
    Ok(())
}
