//! Settings of layers: of one, and of any.

use std::{any::Any, fmt::Debug, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned, de::Error as _};
use serde_json::Value;
use tch::nn;

use super::{Conv, layers};
use crate::{BatchOptions, Result, tagged};

/// Settings of a layer, from which it is built.
pub trait ConvConfig:
    Clone + Debug + Default + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// Name of the layer in configs.
    const KIND: &'static str;

    /// The layer.
    type Layer: Conv + 'static;

    /// The layer, its parameters under `vs`, from `inputs` to `outputs` channels (of each head, where there are
    /// several side by side).
    ///
    /// # Errors
    /// Settings that no layer can have.
    fn layer(&self, vs: &nn::Path<'_>, inputs: i64, outputs: i64) -> Result<Self::Layer>;

    /// What a batch must offer to one such layer; `compressed` where equal nodes may be computed once.
    fn batch_options(&self) -> BatchOptions {
        BatchOptions { compressed: true, ..BatchOptions::default() }
    }

    /// Settings that between them run through all of the layer's arithmetic, for graphs with `edge_features` features
    /// per edge: the tests that hold for every layer take them from here.
    fn variants(_edge_features: i64) -> Vec<Self> {
        vec![Self::default()]
    }
}

/// Which layer, and its settings: in a file, a table with its `kind` and those settings that are not the default.
///
/// ```
/// use tachograph_gnn::{LayerConfig, SageConfig};
///
/// let config: LayerConfig = toml::from_str("kind = 'sage'\nnormalize = true").unwrap();
/// assert_eq!(config, SageConfig { normalize: true, ..SageConfig::default() }.into());
/// let error = toml::from_str::<LayerConfig>("kind = 'sage'\nnormalise = true").unwrap_err();
/// assert!(error.message().starts_with("layer `sage`: unknown field `normalise`"));
/// ```
#[derive(Clone, Debug)]
pub struct LayerConfig(Arc<dyn Erased>);

/// [`ConvConfig`] without its type.
trait Erased: Any + Debug + Send + Sync {
    fn kind(&self) -> &'static str;
    fn layer(&self, vs: &nn::Path<'_>, inputs: i64, outputs: i64) -> Result<Box<dyn Conv>>;
    fn batch_options(&self) -> BatchOptions;
    fn settings(&self) -> Result<Value, serde_json::Error>;
    fn equals(&self, other: &dyn Any) -> bool;
}

impl<C: ConvConfig> Erased for C {
    fn kind(&self) -> &'static str {
        C::KIND
    }

    fn layer(&self, vs: &nn::Path<'_>, inputs: i64, outputs: i64) -> Result<Box<dyn Conv>> {
        Ok(Box::new(ConvConfig::layer(self, vs, inputs, outputs)?))
    }

    fn batch_options(&self) -> BatchOptions {
        ConvConfig::batch_options(self)
    }

    fn settings(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(self)
    }

    fn equals(&self, other: &dyn Any) -> bool {
        other.downcast_ref::<C>() == Some(self)
    }
}

impl LayerConfig {
    /// Name of the layer in configs.
    pub fn kind(&self) -> &'static str {
        self.0.kind()
    }

    /// As [`ConvConfig::layer`].
    ///
    /// # Errors
    /// Settings that no layer can have.
    pub fn layer(&self, vs: &nn::Path<'_>, inputs: i64, outputs: i64) -> Result<Box<dyn Conv>> {
        self.0.layer(vs, inputs, outputs)
    }

    /// As [`ConvConfig::batch_options`].
    pub fn batch_options(&self) -> BatchOptions {
        self.0.batch_options()
    }

    /// The settings, where they are those of a `C`.
    pub fn downcast_ref<C: ConvConfig>(&self) -> Option<&C> {
        (self.0.as_ref() as &dyn Any).downcast_ref()
    }
}

impl<C: ConvConfig> From<C> for LayerConfig {
    fn from(config: C) -> Self {
        Self(Arc::new(config))
    }
}

impl PartialEq for LayerConfig {
    fn eq(&self, other: &Self) -> bool {
        self.0.equals(other.0.as_ref())
    }
}

impl Serialize for LayerConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        tagged::serialize(self.kind(), self.0.settings(), serializer)
    }
}

impl<'de> Deserialize<'de> for LayerConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (kind, settings) = tagged::deserialize(deserializer)?;
        let known = || layers().iter().map(|layer| layer.kind).collect::<Vec<_>>().join(", ");
        let layer = layers().iter().find(|layer| layer.kind == kind);
        let layer = layer.ok_or_else(|| D::Error::custom(format!("no layer `{kind}`; there are {}", known())))?;
        (layer.read)(settings).map_err(|e| D::Error::custom(format!("layer `{kind}`: {e}")))
    }
}
