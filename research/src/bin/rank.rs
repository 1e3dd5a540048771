//! The table of networks that rank layouts: one graph of TpuGraphs, its configurations divided 80/10/10.
//!
//! ```sh
//! cargo run --release -p tachograph-research --bin rank -- alexnet --out runs/rank --seeds 3 --minutes 10
//! ```
//!
//! A training that was stopped goes on where it was; one that is over says what it said. `--minutes` bounds each training:
//! the weights that validated best until then are tested.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use tachograph_research::{Watch, exit};
use tachograph_train::{Error, GraphRanking, RankingOutcome, RankingSplit, RunConfig, train_ranker};

/// Train networks that rank layouts, and print how they do on configurations held out
#[derive(Parser)]
struct Args {
    /// Which graph.
    graph: Graph,
    /// Folder of the runs.
    #[arg(long)]
    out: PathBuf,
    /// Folder of the published sets; by default what TACHOGRAPH_DATA names.
    #[arg(long)]
    root: Option<PathBuf>,
    /// Recipes, by the names of their files; by default all, the baselines first.
    #[arg(long)]
    recipe: Vec<String>,
    /// Seeds of each, of weights and split.
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// Epochs of each.
    #[arg(long, default_value_t = 50)]
    epochs: u32,
    /// Steps of an epoch.
    #[arg(long, default_value_t = 40)]
    steps: usize,
    /// Minutes of each training, at most; 0: any.
    #[arg(long, default_value_t = 0.0)]
    minutes: f64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Graph {
    /// 47,712 configurations of 26 nodes of 372.
    Alexnet,
    /// 481 configurations of 62 nodes of 3,163.
    Unet,
}

impl Graph {
    fn file(self) -> &'static str {
        match self {
            Self::Alexnet => "tpugraphs/cleaned_alexnet.npz",
            Self::Unet => "tpugraphs/layout__xla__random__valid__unet_3d.4x4.bf16.npz",
        }
    }
}

/// Layouts, the baselines first.
const RECIPES: [(&str, &str); 6] = [
    ("resmodel", include_str!("../../recipes/ranking/resmodel.toml")),
    ("gst", include_str!("../../recipes/ranking/gst.toml")),
    ("study", include_str!("../../recipes/ranking/study.toml")),
    ("first", include_str!("../../recipes/ranking/first.toml")),
    ("second", include_str!("../../recipes/ranking/second.toml")),
    ("ours", include_str!("../../recipes/ranking/ours.toml")),
];

fn main() -> ExitCode {
    exit(|| run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let root = args.root.clone().or_else(|| std::env::var_os("TACHOGRAPH_DATA").map(PathBuf::from));
    let data = root.context("TACHOGRAPH_DATA names no folder of the published sets")?.join(args.graph.file());
    println!(
        "| recipe | seeds | epochs | OPA | τ | τ apart | top-1 % | top-10 % | top-100 % | validation τ | splits |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|");
    let wanted = |name: &str| args.recipe.is_empty() || args.recipe.iter().any(|recipe| recipe == name);
    for (name, text) in RECIPES.iter().filter(|(name, _)| wanted(name)) {
        let outcomes: Vec<RankingOutcome> =
            (0..args.seeds).map(|seed| one(args, &data, name, text, seed)).collect::<Result<_>>()?;
        println!("{}", line(name, &outcomes));
    }
    Ok(())
}

/// One training, or what it said when it was over.
fn one(args: &Args, data: &Path, name: &str, text: &str, seed: u64) -> Result<RankingOutcome> {
    let dir = args.out.join(format!("{name}-{seed}"));
    let done = dir.join("outcome.json");
    if let Ok(text) = fs::read_to_string(&done) {
        return Ok(serde_json::from_str(&text)?);
    }
    let mut config: RunConfig = toml::from_str(text)?;
    (config.data, config.seed, config.epochs) = (data.to_path_buf(), seed, args.epochs);
    config.ranking.split = RankingSplit::Configurations { seed };
    config.ranking.draws = args.steps * config.batch;
    let mut watch = Watch::new((args.minutes > 0.0).then(|| Duration::from_secs_f64(60.0 * args.minutes)));
    let outcome = match train_ranker(&config, &dir, &mut watch) {
        Err(Error::Interrupted { .. }) => {
            // As if it had been asked for so many epochs: the part of one that is begun counts for nothing.
            config.epochs = watch.epochs.max(1);
            train_ranker(&config, &dir, &mut Watch::new(None))?
        }
        outcome => outcome?,
    };
    fs::write(&done, serde_json::to_string(&outcome)?)?;
    Ok(outcome)
}

/// Mean and spread over seeds of the test set, and the mean of what chose.
fn line(name: &str, outcomes: &[RankingOutcome]) -> String {
    let of = |number: fn(&GraphRanking) -> Option<f64>, factor: f64, digits: usize| {
        let values: Vec<f64> = outcomes.iter().filter_map(|o| number(&o.test.mean)).map(|v| factor * v).collect();
        if values.is_empty() {
            return "–".to_owned();
        }
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let low = values.iter().copied().fold(f64::MAX, f64::min);
        let high = values.iter().copied().fold(f64::MIN, f64::max);
        format!("{mean:.digits$} ({low:.digits$} to {high:.digits$})")
    };
    let validation: Vec<f64> = outcomes.iter().filter_map(|o| o.validation.mean.kendall).collect();
    let validation = validation.iter().sum::<f64>() / validation.len().max(1) as f64;
    let epochs: Vec<String> = outcomes.iter().map(|o| o.epochs.to_string()).collect();
    let splits: Vec<&str> = outcomes.iter().map(|o| o.split.as_str()).collect();
    [
        name.to_owned(),
        outcomes.len().to_string(),
        epochs.join(", "),
        of(|g| g.opa, 1.0, 4),
        of(|g| g.kendall, 1.0, 4),
        of(|g| g.kendall_apart, 1.0, 4),
        of(|g| g.top_1, 100.0, 3),
        of(|g| g.top_10, 100.0, 3),
        of(|g| g.top_100, 100.0, 3),
        format!("{validation:.4}"),
        splits.join(", "),
    ]
    .iter()
    .fold("|".to_owned(), |line, cell| line + &format!(" {cell} |"))
}
