//! Tuners: named configurations of strategies and cost models.

use std::path::Path;

use tachograph_program::{Workload, features};

use crate::{
    Domain, Error, Form, Result, Strategy,
    bandit::Rule,
    models::{self, CostModel, Model},
    strategies::{
        Annealing, AnnealingOptions, Bansor, Chameleon, DgpTl, DgpTlOptions, Evolution, EvolutionOptions, Exhaustive,
        Felix, FlexTensor, Gaussian, GaussianOptions, Genetic, Moses, Order, Pruner, Random,
    },
};

/// A tuner that can be asked for by its name.
pub struct Tuner {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// What its cost model reads of programs ([`tachograph_program::features`]); `None` if it reads the decisions.
    pub features: Option<&'static str>,
    /// Where it searches programs ([`SPACES`](crate::live::SPACES)).
    pub space: &'static str,
    /// Which of several tasks it goes on with ([`TASK_SCHEDULERS`](crate::tasks::TASK_SCHEDULERS)).
    pub tasks: &'static str,
    /// How its strategy is made.
    pub make: Make,
}

/// How a strategy is made.
pub enum Make {
    /// It reads decisions alone, or has a model of its own.
    Alone(fn() -> Box<dyn Strategy>),
    /// On a cost model of this name ([`COST_MODELS`](crate::models::COST_MODELS)).
    On(&'static str, fn(Box<dyn CostModel>) -> Box<dyn Strategy>),
}

impl Tuner {
    /// One that knows nothing yet, but for what its cost model has learned before where there is a checkpoint.
    ///
    /// # Errors
    /// As [`CostModelEntry::make`](crate::models::CostModelEntry::make); a checkpoint for a tuner without such a model.
    pub fn strategy(&self, checkpoint: Option<&Path>) -> Result<Box<dyn Strategy>> {
        match (&self.make, checkpoint) {
            (Make::Alone(make), None) => Ok(make()),
            (Make::Alone(_), Some(_)) => {
                let message = "has no network that could start from a checkpoint".into();
                Err(Error::Model { model: self.name, message })
            }
            (Make::On(model, make), _) => Ok(make(models::entry(model)?.make(self.features, checkpoint)?)),
        }
    }

    /// Whether this build has what it needs: networks need the feature `torch`.
    pub fn is_there(&self) -> bool {
        cfg!(feature = "torch") || self.form() == Form::Sums
    }

    fn model(&self) -> Option<&'static Model> {
        match self.make {
            Make::On(model, _) => models::entry(model).ok().map(|entry| &entry.model),
            Make::Alone(_) => None,
        }
    }

    /// How its cost model reads features of programs.
    pub fn form(&self) -> Form {
        match self.model() {
            Some(Model::Network(_)) => Form::Whole,
            _ => Form::Sums,
        }
    }

    /// A domain of programs, of which its cost model reads its features.
    ///
    /// # Errors
    /// Its features are not there.
    pub fn reading(&self, domain: Domain, workload: &Workload) -> Result<Domain> {
        let Some(name) = self.features else { return Ok(domain) };
        let known = || features::ALL.iter().map(|set| set.name()).collect::<Vec<_>>().join(", ");
        let unknown = || Error::Unknown { what: "feature set", name: name.into(), known: known() };
        Ok(domain.of_programs(workload.clone(), features::named(name).ok_or_else(unknown)?, self.form()))
    }

    /// Whether it can search a table of configurations, which are no programs: its cost model, if it has one, reads any rows.
    pub fn reads_tables(&self) -> bool {
        matches!(self.model(), None | Some(Model::Rows(_)))
    }
}

/// The tuner that is taken where none is named.
pub const DEFAULT: &str = "tachograph";

/// Every tuner, a line each.
pub const TUNERS: &[Tuner] = &[
    Tuner {
        name: "tachograph",
        about: "Gaussian process with an additive part, slow times clipped, expected improvement; begins with what a formula of the C \
                likes, in tables with a spread",
        source: "this project",
        features: Some("code"),
        space: "all",
        tasks: "gradient",
        make: Make::Alone(|| Box::new(Gaussian::new(GaussianOptions::TACHOGRAPH))),
    },
    Tuner {
        name: "random",
        about: "different points in random order",
        source: "the baseline",
        features: None,
        space: "all",
        tasks: "round-robin",
        make: Make::Alone(|| Box::new(Random)),
    },
    Tuner {
        name: "exhaustive",
        about: "point after point",
        source: "AutoTVM's gridsearch",
        features: None,
        space: "all",
        tasks: "round-robin",
        make: Make::Alone(|| Box::new(Exhaustive::default())),
    },
    Tuner {
        name: "autotvm",
        about: "simulated annealing on boosted trees, plans of 64",
        source: "Chen et al., NeurIPS 2018; squared error in the place of its rank loss, features ours",
        features: Some("curve"),
        space: "templates",
        tasks: "round-robin",
        make: Make::On("trees", |model| Box::new(Annealing::new(AnnealingOptions::AUTOTVM, model))),
    },
    Tuner {
        name: "autotvm-ga",
        about: "genetic, generations of 100, all measured",
        source: "TVM's GATuner",
        features: None,
        space: "templates",
        tasks: "round-robin",
        make: Make::Alone(|| Box::new(Genetic::new())),
    },
    Tuner {
        name: "gga",
        about: "genetic, ten times as many bred as measured, boosted trees choose",
        source: "Mu et al., DAC 2020: the idea; numbers ours, without history of other tasks",
        features: Some("curve"),
        space: "templates",
        tasks: "round-robin",
        make: Make::On("trees", |model| Box::new(Genetic::guided(model))),
    },
    Tuner {
        name: "flextensor",
        about: "Q-learning, a walker for each decision",
        source: "Zheng et al., ASPLOS 2020; Adam in the place of Adadelta, shorter trainings",
        features: None,
        space: "ansor",
        tasks: "round-robin",
        make: Make::Alone(|| Box::new(FlexTensor::new())),
    },
    Tuner {
        name: "ansor",
        about: "evolution of 2048 over 4 generations on boosted trees, batches of 64",
        source: "Zheng et al., OSDI 2020; on recorded spaces features of decisions",
        features: Some("ansor"),
        space: "ansor",
        tasks: "gradient",
        make: Make::On("deep-trees", evolution),
    },
    Tuner {
        name: "metaschedule",
        about: "evolution of 512 over 4 generations on boosted trees, batches of 64",
        source: "Shao et al., NeurIPS 2022; on recorded spaces features of decisions",
        features: Some("per-store"),
        space: "meta-schedule",
        tasks: "meta-schedule",
        make: Make::On("deep-trees", |model| Box::new(Evolution::new(EvolutionOptions::META_SCHEDULE, model))),
    },
    Tuner {
        name: "bansor-ucb",
        about: "Ansor's evolution, a bandit (UCB1) over sketches",
        source: "only the idea is known; all numbers ours",
        features: Some("ansor"),
        space: "ansor",
        tasks: "ucb",
        make: Make::On("deep-trees", |model| Box::new(bansor(Rule::Ucb1(0.5), model))),
    },
    Tuner {
        name: "bansor-thompson",
        about: "Ansor's evolution, a bandit (Thompson sampling) over sketches",
        source: "only the idea is known; all numbers ours",
        features: Some("ansor"),
        space: "ansor",
        tasks: "thompson",
        make: Make::On("deep-trees", |model| Box::new(bansor(Rule::Thompson, model))),
    },
    Tuner {
        name: "chameleon",
        about: "an agent (PPO) on boosted trees, adaptive sampling of what it finds",
        source: "Ahn et al., ICLR 2020",
        features: Some("curve"),
        space: "templates",
        tasks: "round-robin",
        make: Make::On("trees", |model| Box::new(Chameleon::new(model, true))),
    },
    Tuner {
        name: "ppo",
        about: "the agent of chameleon without adaptive sampling",
        source: "Ahn et al., ICLR 2020: its ablation",
        features: Some("curve"),
        space: "templates",
        tasks: "round-robin",
        make: Make::On("trees", |model| Box::new(Chameleon::new(model, false))),
    },
    Tuner {
        name: "gp",
        about: "Gaussian process, Matérn 5/2, expected improvement, ten random points first",
        source: "the textbook (Jones et al., 1998; Snoek et al., 2012)",
        features: None,
        space: "all",
        tasks: "round-robin",
        make: Make::Alone(|| Box::new(Gaussian::new(GaussianOptions::PLAIN))),
    },
    Tuner {
        name: "felix",
        about: "gradient descent from 32 points on decisions relaxed to numbers, on TenSet's network, rounds of 64",
        source: "Zhao et al., ASPLOS 2024; features of decisions, a random first round without records",
        features: None,
        space: "ansor",
        tasks: "gradient",
        make: Make::Alone(|| Box::new(Felix::new())),
    },
    Tuner {
        name: "gp-devices",
        about: "Gaussian process over devices: records of another one, times a weight, and a process of what is left",
        source: "Kennedy and O'Hagan, Biometrika 2000; without records the same as gp",
        features: None,
        space: "all",
        tasks: "round-robin",
        make: Make::Alone(|| Box::new(Gaussian::new(GaussianOptions::DEVICES))),
    },
    Tuner {
        name: "source-order",
        about: "no search: the points of another device in the order of their times there",
        source: "the baseline of transfer; without records the same as random",
        features: None,
        space: "all",
        tasks: "round-robin",
        make: Make::Alone(|| Box::new(Order::default())),
    },
    Tuner {
        name: "moses",
        about: "Ansor's evolution on TenSet's network, which learns on another device and is adapted, the half that matters",
        source: "Zhao et al., 2022: the idea; numbers ours; features of decisions",
        features: None,
        space: "ansor",
        tasks: "gradient",
        make: Make::Alone(|| Box::new(Moses::new())),
    },
    Tuner {
        name: "dgp-tl",
        about: "64 points of maximum entropy, then annealing on a Gaussian process, μ + κσ with κ falling",
        source: "Sun et al., ICCV 2021; numbers ours; without records of others one layer in the place of two",
        features: None,
        space: "templates",
        tasks: "round-robin",
        make: Make::Alone(|| Box::new(DgpTl::new(DgpTlOptions::USUAL))),
    },
    Tuner {
        name: "dgp-tl-8",
        about: "dgp-tl with a tuning set of 8, adapted every 8 trials",
        source: "Sun et al., ICCV 2021; numbers ours, for few trials",
        features: None,
        space: "templates",
        tasks: "round-robin",
        make: Make::Alone(|| Box::new(DgpTl::new(DgpTlOptions::SHORT))),
    },
    Tuner {
        name: "pruner",
        about: "a formula drafts 512 in two generations, boosted trees verify them in one, batches of 64",
        source: "Qiao et al., ASPLOS 2025; the formula's symbols on a processor ours, trees in the place of its network",
        features: Some("pruner"),
        space: "ansor",
        tasks: "gradient",
        make: Make::On("deep-trees", |model| Box::new(Pruner::new(model))),
    },
    Tuner {
        name: "pruner-pacm",
        about: "pruner, verified by its network of statements and flows of buffers",
        source: "Qiao et al., ASPLOS 2025; symbols and flows on a processor ours, loss TLP's, no moving average of weights",
        features: Some("pruner"),
        space: "ansor",
        tasks: "gradient",
        make: Make::On("pruner-pacm", |model| Box::new(Pruner::new(model))),
    },
    by_formula("pruner-formula", "ansor's evolution on Pruner's formula alone, without learning", PRUNER, "pruner"),
    by_formula(
        "polydl-cost",
        "ansor's evolution on PolyDL's cost of working sets, without learning",
        POLYDL,
        "working-sets",
    ),
    by_formula("polydl-tree", "the same on its decision tree", POLYDL, "working-sets"),
    by_formula("polydl-network", "the same on its network of pairs, which learns", POLYDL, "working-sets"),
    learned("tenset-mlp", "ansor's evolution on TenSet's perceptron", "Zheng et al., NeurIPS 2021", "ansor"),
    learned("tlp", "ansor's evolution on TLP, which reads the steps", "Zhai et al., ASPLOS 2023", "primitives"),
    learned("gtuner", "ansor's evolution on a graph network with attention among statistics", GTUNER, "nest-graph"),
    learned("gtuner-mhsa", "its ablation: attention alone", GTUNER, "nest-graph"),
    learned("gtuner-mlp", "its ablation: the graph network without attention", GTUNER, "nest-graph"),
    learned("gtuner-spec-gcn", "its ablation: GCN in the place of WL-GCN", GTUNER, "nest-graph"),
    learned("gtuner-mask-gat", "its ablation: graph attention in the place of WL-GCN", GTUNER, "nest-graph"),
    learned("gtuner-sage", "its ablation: GraphSAGE in the place of WL-GCN", GTUNER, "nest-graph"),
];

const GTUNER: &str = "Sun et al., DAC 2022; loss and optimiser TLP's";

/// Ansor's.
fn evolution(model: Box<dyn CostModel>) -> Box<dyn Strategy> {
    Box::new(Evolution::new(EvolutionOptions::ANSOR, model))
}

fn bansor(rule: Rule, model: Box<dyn CostModel>) -> Bansor {
    Bansor::new(rule, EvolutionOptions { warm_up: 64, ..EvolutionOptions::ANSOR }, model)
}

const PRUNER: &str = "Qiao et al., ASPLOS 2025: its draft; the formula's symbols on a processor ours";
const POLYDL: &str = "Tavarageri et al., TACO 2021: the rankers; the search ours, PolyDL lists its variants";

/// Ansor's evolution on a cost model of features that are dear: a population of 512.
const fn by_formula(name: &'static str, about: &'static str, source: &'static str, features: &'static str) -> Tuner {
    let make = Make::On(name, |model| {
        Box::new(Evolution::new(EvolutionOptions { population: 512, ..EvolutionOptions::ANSOR }, model))
    });
    Tuner { name, about, source, features: Some(features), space: "ansor", tasks: "gradient", make }
}

/// Ansor's evolution on a network.
const fn learned(name: &'static str, about: &'static str, source: &'static str, features: &'static str) -> Tuner {
    Tuner {
        name,
        about,
        source,
        features: Some(features),
        space: "ansor",
        tasks: "gradient",
        make: Make::On(name, evolution),
    }
}

/// A tuner by its name.
///
/// # Errors
/// There is none of that name.
pub fn tuner(name: &str) -> Result<&'static Tuner> {
    TUNERS.iter().find(|tuner| tuner.name == name).ok_or_else(|| Error::Unknown {
        what: "tuner",
        name: name.into(),
        known: TUNERS.iter().map(|tuner| tuner.name).collect::<Vec<_>>().join(", "),
    })
}
