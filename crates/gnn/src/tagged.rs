//! Tables that hold a `kind` and, beside it, the settings of that kind: how configs of layers, and of the networks of
//! `tachograph-models`, look in JSON and TOML. Which kinds there are is up to a registry.

use serde::{
    Deserialize, Deserializer, Serializer,
    de::Error as _,
    ser::{Error as _, SerializeMap},
};
use serde_json::{Map, Value};

/// Writes `kind` and then the settings, which [`serde_json::to_value`] made of a struct.
///
/// # Errors
/// Those of the settings and of the serialiser; settings that are no struct.
pub fn serialize<S: Serializer>(
    kind: &str,
    settings: Result<Value, serde_json::Error>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let Value::Object(settings) = settings.map_err(S::Error::custom)? else {
        return Err(S::Error::custom(format!("the settings of `{kind}` are no table")));
    };
    let mut table = serializer.serialize_map(Some(settings.len() + 1))?;
    table.serialize_entry("kind", kind)?;
    // TOML has no null: what is missing is the default.
    for (name, value) in settings.iter().filter(|(_, value)| !value.is_null()) {
        table.serialize_entry(name, value)?;
    }
    table.end()
}

/// The kind, and the settings as [`serde_json::from_value`] takes them.
///
/// # Errors
/// No table, or one without a `kind` that is text.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(String, Map<String, Value>), D::Error> {
    let mut settings = Map::deserialize(deserializer)?;
    match settings.remove("kind") {
        Some(Value::String(kind)) => Ok((kind, settings)),
        Some(other) => Err(D::Error::custom(format!("`kind` is {other}, expected a name"))),
        None => Err(D::Error::missing_field("kind")),
    }
}
