//! How a config spells a loss: a name, or a table of a name and settings.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, IgnoredAny, MapAccess, Visitor},
    ser::{Error as _, SerializeMap},
};
use serde_json::Value;

use super::{Loss, Registered};

impl Serialize for Loss {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let settings = self.0.settings().map_err(S::Error::custom)?;
        if settings.as_object().is_some_and(|keys| keys.is_empty()) {
            return to.serialize_str(self.name());
        }
        let mut map = to.serialize_map(Some(1))?;
        map.serialize_entry(self.name(), &settings)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Loss {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(NameOrTable)
    }
}

struct NameOrTable;

impl<'de> Visitor<'de> for NameOrTable {
    type Value = Loss;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the name of a loss, or a table of its name and settings")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Loss, E> {
        read(name, Value::Object(serde_json::Map::new()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Loss, A::Error> {
        let (name, settings) = table.next_entry::<String, Value>()?.ok_or_else(|| A::Error::custom("no loss"))?;
        if let Some((second, _)) = table.next_entry::<String, IgnoredAny>()? {
            return Err(A::Error::custom(format!("losses `{name}` and `{second}`; several make a `sum`")));
        }
        read(&name, settings)
    }
}

fn read<E: serde::de::Error>(name: &str, settings: Value) -> Result<Loss, E> {
    let known = Registered::find(name).map_err(E::custom)?;
    (known.read)(settings).map_err(|e| E::custom(format!("loss `{name}`: {e}")))
}
