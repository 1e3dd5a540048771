//! What training minimises, one loss or one small family a file. To add one: write the file with a [`LossFunction`] in
//! it, add one line to `losses!`. The tests that hold for every loss then see it, and the command above
//! `the_table_of_losses_lists_every_one` in `tests/train/losses.rs` adds it to the table in `docs/training.md`.
//!
//! Every loss is a mean that does not grow with the batch: pointwise losses are means over samples, ranking
//! losses means over lists.

mod config;
mod function;
mod segments;

use std::{fmt, sync::Arc};

use serde::de::DeserializeOwned;
use serde_json::Value;
use tch::{Kind, TchError, Tensor};

pub use function::{LossFunction, Settings, Targets};
pub use segments::RankedLists;

use crate::{
    Error, Result,
    error::{setting, torch},
};

macro_rules! losses {
    ($($file:ident::{$($name:ident),+}),+ $(,)?) => {
        $(mod $file; pub use $file::{$($name),+};)+
        /// Every known loss.
        static ALL: &[Registered] = &[$($(Registered::new::<$name>()),+),+];
    };
}

losses! {
    pointwise::{Squared, Absolute, Huber},
    relative::{RelativeSquared, RelativeAbsolute},
    logarithmic::{LogSquared, LogHuber},
    differential::{Differential},
    list_mle::{ListMle},
    list_net::{ListNet},
    pairwise::{PairwiseHinge, PairwiseLogistic},
    rank_net::{RankNet},
    lambda_rank::{LambdaRank},
    diff_mat::{DiffMat},
    quantile::{Quantile},
    sum::{Sum},
}

pub use sum::Weighted;

/// A loss that a config can name.
struct Registered {
    usual: fn() -> Loss,
    read: fn(Value) -> serde_json::Result<Loss>,
}

impl Registered {
    const fn new<T: LossFunction + Default + DeserializeOwned>() -> Self {
        Self { usual: || T::default().into(), read: |settings| serde_json::from_value::<T>(settings).map(Loss::from) }
    }

    fn find(name: &str) -> Result<&'static Self> {
        let named = |known: &&Self| {
            let Loss(loss) = (known.usual)();
            loss.name() == name || loss.aliases().contains(&name)
        };
        ALL.iter().find(named).ok_or_else(|| {
            let names = Loss::all().map(|loss| loss.name()).collect::<Vec<_>>().join(", ");
            setting("loss", format!("unknown loss `{name}`; known: {names}"))
        })
    }
}

/// What training minimises: one of the losses of this module with its settings, or one of your own (`Loss::from`).
///
/// In a TOML file a loss without settings is its name, one with settings a table, whose missing keys have
/// defaults:
///
/// ```toml
/// loss = "relative-squared"
/// loss = { huber = { delta = 0.5 } }
/// loss = { sum = [{ weight = 1.0, loss = { list-mle = { temperature = 10.0 } } }, { weight = 0.02, loss = "squared" }] }
/// ```
///
/// and in a program
///
/// ```
/// use tachograph_train::{Loss, loss::Huber};
///
/// let loss = Loss::from(Huber { delta: 0.5 });
/// assert_eq!(Loss::named("mape")?, Loss::named("relative-absolute")?);
/// # Ok::<(), tachograph_train::Error>(())
/// ```
///
/// A loss of your own serves a call; a run directory and a config name the losses of this module only, so that a run
/// with another one cannot go on after a stop.
#[derive(Clone)]
pub struct Loss(Arc<dyn LossFunction>);

impl<T: LossFunction> From<T> for Loss {
    fn from(loss: T) -> Self {
        Self(Arc::new(loss))
    }
}

impl Default for Loss {
    fn default() -> Self {
        RelativeSquared {}.into()
    }
}

impl fmt::Debug for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Of the same name and settings.
impl PartialEq for Loss {
    fn eq(&self, other: &Self) -> bool {
        let settings = |loss: &Self| loss.0.settings().ok();
        self.name() == other.name() && settings(self) == settings(other)
    }
}

impl Loss {
    /// Every loss that a config can name, with its usual settings.
    pub fn all() -> impl Iterator<Item = Self> {
        ALL.iter().map(|known| (known.usual)())
    }

    /// The loss of a name, or of an older spelling of it, with its usual settings.
    ///
    /// # Errors
    /// No loss has the name.
    pub fn named(name: &str) -> Result<Self> {
        Registered::find(name).map(|known| (known.usual)())
    }

    /// The loss of a batch, a scalar with a gradient in `prediction`.
    ///
    /// # Shapes
    /// `prediction` and `target` are (n); `prediction` is (n, columns) for a loss that asks for [columns](Loss::columns).
    /// Ranking losses need `lists` of n samples; the others ignore them.
    ///
    /// # Errors
    /// Settings that [`Loss::check`] refuses, other shapes, a ranking loss without lists, a target that is not
    /// finite, a target of 0 in a relative loss, or not above 0 in a logarithmic one.
    pub fn value(&self, prediction: &Tensor, target: &Tensor, lists: Option<&RankedLists>) -> Result<Tensor> {
        self.check()?;
        self.check_shapes(prediction, target)?;
        self.check_targets(target, Targets::Finite)?;
        self.term(prediction, target, lists)
    }

    /// [`Loss::value`] of settings that were checked and of finite targets.
    fn term(&self, prediction: &Tensor, target: &Tensor, lists: Option<&RankedLists>) -> Result<Tensor> {
        self.check_shapes(prediction, target)?;
        match self.0.targets() {
            Targets::Finite => {}
            asked => self.check_targets(target, asked)?,
        }
        self.0.value(prediction, target, lists)
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// The first setting that makes no sense.
    pub fn check(&self) -> Result<()> {
        self.0.check()
    }

    /// True when [`Loss::value`] needs lists.
    pub fn ranks(&self) -> bool {
        self.0.ranks()
    }

    /// What it asks of targets.
    pub fn targets(&self) -> Targets {
        self.0.targets()
    }

    /// Columns of the prediction that it asks for; `None` for one value a sample.
    pub fn columns(&self) -> Option<usize> {
        self.0.columns()
    }

    /// Its name in a config.
    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    /// Older and shorter spellings of its name.
    pub fn aliases(&self) -> &'static [&'static str] {
        self.0.aliases()
    }

    /// What it computes, in a line.
    pub fn formula(&self) -> &'static str {
        self.0.formula()
    }

    fn check_shapes(&self, prediction: &Tensor, target: &Tensor) -> Result<()> {
        let refuse = |what, found, expected| Err(Error::LossShape { loss: self.name(), what, found, expected });
        let (found, shape) = (prediction.size(), target.size());
        if shape.len() != 1 || shape[0] == 0 {
            return refuse("target", shape, vec![found.first().copied().unwrap_or(0).max(1)]);
        }
        let expected = match self.columns() {
            Some(columns) => vec![shape[0], columns as i64],
            None => shape,
        };
        if found == expected { Ok(()) } else { refuse("prediction", found, expected) }
    }

    fn check_targets(&self, target: &Tensor, asked: Targets) -> Result<()> {
        let first = || -> Result<Option<(i64, f64)>, TchError> {
            let good = asked.holds(target)?;
            // One number comes back from the device where all is well, which is nearly always.
            if bool::try_from(good.f_all()?)? {
                return Ok(None);
            }
            let index = good.f_to_kind(Kind::Int64)?.f_argmin(0, false)?;
            let value = f64::try_from(target.f_index_select(0, &index.f_reshape([1])?)?.f_reshape([0i64; 0])?)?;
            Ok(Some((i64::try_from(index)?, value)))
        };
        match first().map_err(torch("loss"))? {
            None => Ok(()),
            Some((index, value)) => Err(Error::LossTarget { loss: self.name(), index, value, what: asked.words() }),
        }
    }
}
