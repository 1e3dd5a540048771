//! The layers of this crate by name.

use serde_json::{Map, Value};

use super::{ConvConfig, LayerConfig};

/// A layer that configs can name.
#[derive(Debug)]
pub struct RegisteredLayer {
    /// Its name in configs.
    pub kind: &'static str,
    pub(super) read: fn(Map<String, Value>) -> Result<LayerConfig, serde_json::Error>,
    variants: fn(i64) -> Vec<LayerConfig>,
}

impl RegisteredLayer {
    pub(super) const fn of<C: ConvConfig>() -> Self {
        Self {
            kind: C::KIND,
            read: |settings| serde_json::from_value::<C>(Value::Object(settings)).map(LayerConfig::from),
            variants: |edge_features| C::variants(edge_features).into_iter().map(LayerConfig::from).collect(),
        }
    }

    /// [`ConvConfig::variants`] of the layer.
    pub fn variants(&self, edge_features: i64) -> Vec<LayerConfig> {
        (self.variants)(edge_features)
    }
}

/// Every layer of this crate.
pub fn layers() -> &'static [RegisteredLayer] {
    super::ALL
}
