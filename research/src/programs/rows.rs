//! The rows of the table: a line each.

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use tachograph_tune::models::BoostingOptions;

use super::{
    baselines,
    data::Data,
    fold::Fold,
    networks,
    ours::{self, ALL, Parts},
    score::Answer,
    trees::{self, AUTOTVM, Form, Learned},
};

/// What a row may ask for.
pub struct Settings {
    /// Folder of its run.
    pub dir: PathBuf,
    pub seed: u64,
    /// Time of a network's training, at most.
    pub until: Option<Duration>,
    pub epochs: u32,
    pub threads: usize,
}

/// A model of the table.
pub struct Row {
    pub name: &'static str,
    pub about: &'static str,
    /// Feature sets that it reads.
    pub sets: &'static [&'static str],
    pub run: fn(&Data, &Fold, &Settings) -> Result<Answer>,
}

const TENSET: BoostingOptions = BoostingOptions::TENSET;
const TENSET_MLP: &str = include_str!("../../recipes/programs/tenset-mlp.toml");
const TLP: &str = include_str!("../../recipes/programs/tlp.toml");
const PACM: &str = include_str!("../../recipes/programs/pacm.toml");
const GTUNER: &str = include_str!("../../recipes/programs/gtuner.toml");
/// What ours reads of a program, all together.
const OURS: [&str; 6] = ["ansor", "code", "curve", "working-sets", "primitives", "nest-graph"];
/// A network that learns times.
const TIME: &str = "loss = 'squared'";

macro_rules! rows {
    ($($name:literal, $about:literal, $sets:expr, $run:expr;)*) => {
        /// Every row, baselines first.
        pub const ROWS: &[Row] = &[$(Row { name: $name, about: $about, sets: &$sets, run: $run }),*];
    };
}

rows! {
    "random", "any order", [], baselines::random;
    "flops", "operations at one rate; no order within a task", [], baselines::flops;
    "roofline", "operations and bytes at the rates of some core; no order within a task", [], baselines::roofline;
    "polydl", "PolyDL's cost of working sets", ["working-sets"], baselines::polydl;
    "code-formula", "steps of the C of a program, or what its caches bring", ["code"], baselines::code;
    "autotvm-rank", "trees on curves, order (AutoTVM's default)", ["curve"],
        |d, f, s| trees::run((d, f, s), "curve", Form::One, Learned::Order, &AUTOTVM);
    "autotvm-reg", "trees on curves, speed", ["curve"],
        |d, f, s| trees::run((d, f, s), "curve", Form::One, Learned::Speed, &AUTOTVM);
    "ansor-pack-sum", "trees on stores (ansor), pack-sum of speed: Ansor's and TenSet's", ["ansor"],
        |d, f, s| trees::run((d, f, s), "ansor", Form::Packs, Learned::Speed, &TENSET);
    "ansor-rank", "trees on stores (ansor), pack-sum, order", ["ansor"],
        |d, f, s| trees::run((d, f, s), "ansor", Form::Packs, Learned::Order, &TENSET);
    "ansor-time", "trees on sums and maxima over stores (ansor), time", ["ansor"],
        |d, f, s| trees::run((d, f, s), "ansor", Form::One, Learned::Time, &TENSET);
    "per-store-pack-sum", "trees on stores (MetaSchedule), pack-sum of speed", ["per-store"],
        |d, f, s| trees::run((d, f, s), "per-store", Form::Packs, Learned::Speed, &TENSET);
    "per-store-rank", "trees on stores (MetaSchedule), pack-sum, order", ["per-store"],
        |d, f, s| trees::run((d, f, s), "per-store", Form::Packs, Learned::Order, &TENSET);
    "code-time", "trees on what the C of a program does, time over its formula", ["code"],
        |d, f, s| trees::run((d, f, s), "code", Form::One, Learned::OverCode, &TENSET);
    "tenset-mlp", "TenSet's MLP, LambdaRank", ["ansor"],
        |d, f, s| networks::run((d, f, s), "ansor", TENSET_MLP, "");
    "tenset-mlp-time", "the same, time", ["ansor"],
        |d, f, s| networks::run((d, f, s), "ansor", TENSET_MLP, TIME);
    "tlp", "TLP, LambdaRank", ["primitives"],
        |d, f, s| networks::run((d, f, s), "primitives", TLP, "");
    "pacm", "Pruner's PaCM, LambdaRank", ["pruner"],
        |d, f, s| networks::run((d, f, s), "pruner", PACM, "");
    "gtuner", "GTuner: WL-GCN and attention, LambdaRank", ["nest-graph"],
        |d, f, s| networks::run((d, f, s), "nest-graph", GTUNER, "");
    "gtuner-mhsa", "its ablation: attention alone", ["nest-graph"],
        |d, f, s| networks::run((d, f, s), "nest-graph", GTUNER, "model = { layers = 0 }");
    "gtuner-mlp", "its ablation: WL-GCN, no attention", ["nest-graph"],
        |d, f, s| networks::run((d, f, s), "nest-graph", GTUNER, "model = { attention = false }");
    "gtuner-spec-gcn", "its ablation: GCN in place of WL-GCN", ["nest-graph"],
        |d, f, s| networks::run((d, f, s), "nest-graph", GTUNER, "model = { conv = { kind = 'gcn' } }");
    "gtuner-mask-gat", "its ablation: graph attention in place of WL-GCN", ["nest-graph"],
        |d, f, s| networks::run((d, f, s), "nest-graph", GTUNER, "model = { conv = { kind = 'gat' } }");
    "gtuner-sage", "its ablation: GraphSAGE in place of WL-GCN", ["nest-graph"],
        |d, f, s| networks::run((d, f, s), "nest-graph", GTUNER, "model = { conv = { kind = 'sage' } }");
    "gtuner-time", "GTuner, time", ["nest-graph"],
        |d, f, s| networks::run((d, f, s), "nest-graph", GTUNER, TIME);
    "ours", "trees of time and of order on stores, curves, working sets, steps, loops and the workload",
        OURS, |d, f, s| ours::run((d, f, s), ALL);
    "ours-time", "its ablation: time alone", OURS,
        |d, f, s| ours::run((d, f, s), Parts { order: false, ..ALL });
    "ours-unweighted", "its ablation: time alone, all programs alike", OURS,
        |d, f, s| ours::run((d, f, s), Parts { order: false, weighted: false, ..ALL });
    "ours-order", "its ablation: order alone", OURS,
        |d, f, s| ours::run((d, f, s), Parts { time: false, ..ALL });
    "ours-roofline", "its ablation: time over a roofline's, without the C", OURS,
        |d, f, s| ours::run((d, f, s), Parts { code: false, ..ALL });
    "ours-stores", "its ablation: stores alone", ["ansor"],
        |d, f, s| ours::run((d, f, s), Parts { beside: false, code: false, ..ALL });
}
