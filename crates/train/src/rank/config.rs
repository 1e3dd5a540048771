//! What a run that ranks configurations says beside the settings that all runs share.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Result, error::setting};

/// How configurations of archives are learned to be ranked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RankingConfig {
    /// Which graphs, or which of their configurations, are held out.
    pub split: RankingSplit,
    /// How often each graph is drawn in an epoch.
    pub draws: usize,
    /// How configurations are drawn.
    pub sampling: Sampling,
    /// Of each graph at most so many configurations are learned from: a third are the fastest, a third the slowest, the
    /// others any. 0: all.
    pub max_configurations: usize,
    /// Learn from the first only of configurations that are equal.
    pub deduplicate: bool,
    /// Configurations of each graph that validate; 0: all.
    pub validate: usize,
    /// A JSON file that lists the configurations of each graph that validate and test, as TpuGraphs has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lists: Option<PathBuf>,
    /// Share of the remembered scores of other segments that a step counts, for networks that are trained on segments.
    pub stale: f64,
    /// Bytes of graphs and configurations that are kept in memory between steps, in MB.
    pub cache_mb: usize,
}

impl Default for RankingConfig {
    fn default() -> Self {
        Self {
            split: RankingSplit::default(),
            draws: 1,
            sampling: Sampling::default(),
            max_configurations: 0,
            deduplicate: false,
            validate: 1000,
            lists: None,
            stale: 0.5,
            cache_mb: 512,
        }
    }
}

impl RankingConfig {
    pub(crate) fn check(&self) -> Result<()> {
        match self {
            c if c.draws == 0 => Err(setting("ranking.draws", "0 is not above 0")),
            c if !(0.0..=1.0).contains(&c.stale) => {
                Err(setting("ranking.stale", format!("{} is not within 0 to 1", c.stale)))
            }
            _ => Ok(()),
        }
    }
}

/// What is held out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum RankingSplit {
    /// As the folders are called: `train`, `valid`, `test`.
    #[default]
    Published,
    /// 80/10/10 of the graphs at random.
    Graphs {
        /// Seed of the division.
        seed: u64,
    },
    /// 80/10/10 of the configurations of each graph at random; of few graphs, or one.
    Configurations {
        /// Seed of the division.
        seed: u64,
    },
}

/// How the configurations of a step are drawn, always without replacement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sampling {
    /// All alike.
    #[default]
    Uniform,
    /// Fast ones more often: Gumbel top-k of (C − rank)/C, as TpuGraphs' baseline of layouts.
    Fast,
}
