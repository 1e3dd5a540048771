//! Floating-point numbers in files: JSON has no infinities, so text forms write them as `"inf"`, `"-inf"` and `"NaN"`.

use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Text {
    Number(f64),
    Name(String),
}

impl From<f64> for Text {
    fn from(x: f64) -> Self {
        if x.is_finite() { Self::Number(x) } else { Self::Name(x.to_string()) }
    }
}

impl Text {
    fn parse<E: serde::de::Error>(self) -> Result<f64, E> {
        match self {
            Self::Number(x) => Ok(x),
            Self::Name(name) => name.parse().map_err(|_| E::custom(format!("`{name}` is not a number"))),
        }
    }
}

/// For fields of type `f64`.
pub(crate) mod one {
    use super::Text;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(x: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { Text::from(*x).serialize(serializer) } else { x.serialize(serializer) }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        if deserializer.is_human_readable() {
            Text::deserialize(deserializer)?.parse()
        } else {
            f64::deserialize(deserializer)
        }
    }
}

/// For fields of type `Vec<f64>`.
pub(crate) mod many {
    use super::Text;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(v: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_seq(v.iter().map(|&x| Text::from(x)))
        } else {
            v.serialize(serializer)
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
        if deserializer.is_human_readable() {
            Vec::<Text>::deserialize(deserializer)?.into_iter().map(Text::parse).collect()
        } else {
            Vec::deserialize(deserializer)
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Attr, Value};

    #[test]
    fn infinities_survive_json() {
        let value = Value::Floats(vec![f64::NEG_INFINITY, 0.1, f64::INFINITY, -3.0]);
        let text = serde_json::to_string(&value).unwrap();
        assert_eq!(text, r#"{"Floats":["-inf",0.1,"inf",-3.0]}"#);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        let attr: Attr = serde_json::from_str(r#"{"Float":1}"#).unwrap();
        assert_eq!(attr, Attr::Float(1.0));
        assert!(serde_json::from_str::<Attr>(r#"{"Float":"one"}"#).is_err());
    }
}
