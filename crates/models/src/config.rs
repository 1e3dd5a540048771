//! Which predictor, and its settings, as a config names them.

use std::{any::Any, fmt::Debug, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Map, Value};
use tachograph_features::Schema;
use tachograph_gnn::{BatchOptions, tagged};
use tachograph_ir::Quantity;
use tch::nn;

use crate::{Network, NetworkConfig, NnlpConfig, Ranking, Result, predictors};

/// A predictor that configs can name.
#[derive(Debug)]
pub struct RegisteredPredictor {
    /// Its name in configs and checkpoints.
    pub kind: &'static str,
    /// Names that configs and checkpoints may have for it too.
    pub aliases: &'static [&'static str],
    read: fn(Map<String, Value>) -> Result<ModelConfig, serde_json::Error>,
    variants: fn() -> Vec<ModelConfig>,
}

impl RegisteredPredictor {
    pub(crate) const fn of<C: NetworkConfig>() -> Self {
        Self {
            kind: C::KIND,
            aliases: C::ALIASES,
            read: |settings| serde_json::from_value::<C>(Value::Object(settings)).map(ModelConfig::from),
            variants: || C::variants().into_iter().map(ModelConfig::from).collect(),
        }
    }

    /// [`NetworkConfig::variants`] of the predictor.
    pub fn variants(&self) -> Vec<ModelConfig> {
        (self.variants)()
    }
}

/// Which predictor, and its settings: in a file, a table with its `kind` and those settings that are not the default.
///
/// ```
/// use tachograph_models::{ModelConfig, NnlpConfig};
///
/// let config: ModelConfig = toml::from_str("kind = 'nnlp'\nhidden = 64").unwrap();
/// assert_eq!(config, ModelConfig::from(NnlpConfig { hidden: 64, ..NnlpConfig::default() }));
/// assert_eq!(config.downcast_ref::<NnlpConfig>().unwrap().layers, 2);
/// let error = toml::from_str::<ModelConfig>("kind = 'nnlp'\nwidth = 64").unwrap_err();
/// assert!(error.message().starts_with("model `nnlp`: unknown field `width`, expected one of `hidden`, "));
/// ```
#[derive(Clone, Debug)]
pub struct ModelConfig(Arc<dyn Erased>);

/// [`NetworkConfig`] without its type.
trait Erased: Any + Debug + Send + Sync {
    fn kind(&self) -> &'static str;
    fn layers(&self) -> usize;
    fn compressible(&self) -> bool;
    fn batch_options(&self, train: bool) -> BatchOptions;
    fn target_scale(&self, quantity: Quantity) -> Option<f64>;
    fn ranking(&self) -> Option<Ranking>;
    fn build(&self, vs: &nn::Path<'_>, schema: &Schema, outputs: &[Quantity]) -> Result<Box<dyn Network>>;
    fn settings(&self) -> Result<Value, serde_json::Error>;
    fn equals(&self, other: &dyn Any) -> bool;
}

impl<C: NetworkConfig> Erased for C {
    fn kind(&self) -> &'static str {
        C::KIND
    }

    fn layers(&self) -> usize {
        NetworkConfig::layers(self)
    }

    fn compressible(&self) -> bool {
        NetworkConfig::compressible(self)
    }

    fn batch_options(&self, train: bool) -> BatchOptions {
        NetworkConfig::batch_options(self, train)
    }

    fn target_scale(&self, quantity: Quantity) -> Option<f64> {
        NetworkConfig::target_scale(self, quantity)
    }

    fn ranking(&self) -> Option<Ranking> {
        NetworkConfig::ranking(self)
    }

    fn build(&self, vs: &nn::Path<'_>, schema: &Schema, outputs: &[Quantity]) -> Result<Box<dyn Network>> {
        NetworkConfig::build(self, vs, schema, outputs)
    }

    fn settings(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(self)
    }

    fn equals(&self, other: &dyn Any) -> bool {
        other.downcast_ref::<C>() == Some(self)
    }
}

impl ModelConfig {
    /// Name of the predictor in configs and checkpoints.
    pub fn kind(&self) -> &'static str {
        self.0.kind()
    }

    /// As [`NetworkConfig::layers`].
    pub fn layers(&self) -> usize {
        self.0.layers()
    }

    /// As [`NetworkConfig::compressible`].
    pub fn compressible(&self) -> bool {
        self.0.compressible()
    }

    /// As [`NetworkConfig::batch_options`].
    pub fn batch_options(&self, train: bool) -> BatchOptions {
        self.0.batch_options(train)
    }

    /// As [`NetworkConfig::target_scale`].
    pub fn target_scale(&self, quantity: Quantity) -> Option<f64> {
        self.0.target_scale(quantity)
    }

    /// As [`NetworkConfig::ranking`].
    pub fn ranking(&self) -> Option<Ranking> {
        self.0.ranking()
    }

    /// As [`NetworkConfig::build`].
    ///
    /// # Errors
    /// As there.
    pub fn build(&self, vs: &nn::Path<'_>, schema: &Schema, outputs: &[Quantity]) -> Result<Box<dyn Network>> {
        self.0.build(vs, schema, outputs)
    }

    /// The settings, where they are those of a `C`.
    pub fn downcast_ref<C: NetworkConfig>(&self) -> Option<&C> {
        (self.0.as_ref() as &dyn Any).downcast_ref()
    }
}

impl<C: NetworkConfig> From<C> for ModelConfig {
    fn from(config: C) -> Self {
        Self(Arc::new(config))
    }
}

impl Default for ModelConfig {
    fn default() -> Self {
        NnlpConfig::default().into()
    }
}

impl PartialEq for ModelConfig {
    fn eq(&self, other: &Self) -> bool {
        self.0.equals(other.0.as_ref())
    }
}

impl Serialize for ModelConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        tagged::serialize(self.kind(), self.0.settings(), serializer)
    }
}

impl<'de> Deserialize<'de> for ModelConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (kind, settings) = tagged::deserialize(deserializer)?;
        let known = || predictors().iter().map(|p| p.kind).collect::<Vec<_>>().join(", ");
        let named = |p: &&RegisteredPredictor| p.kind == kind || p.aliases.contains(&kind.as_str());
        let predictor = predictors().iter().find(named);
        let predictor =
            predictor.ok_or_else(|| D::Error::custom(format!("no model `{kind}`; there are {}", known())))?;
        (predictor.read)(settings).map_err(|e| D::Error::custom(format!("model `{kind}`: {e}")))
    }
}
