//! Points in time.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::{Date, OffsetDateTime, format_description::well_known::Iso8601, format_description::well_known::Rfc3339};

use crate::Error;

/// Milliseconds since 1970, UTC. Written in RFC 3339; a day alone is read as its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub i64);

impl Moment {
    /// By this machine's clock.
    pub fn now() -> Self {
        Self((OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000) as i64)
    }

    /// So much later.
    #[must_use]
    pub fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time.as_millis().try_into().unwrap_or(i64::MAX)))
    }

    /// How long ago it was at `now`; nothing for what is to come.
    pub fn age(self, now: Self) -> Duration {
        Duration::from_millis(now.0.saturating_sub(self.0).max(0) as u64)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000);
        match time.ok().and_then(|time| time.format(&Rfc3339).ok()) {
            Some(text) => f.write_str(&text),
            None => write!(f, "{} ms", self.0),
        }
    }
}

impl FromStr for Moment {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let day = || Some(Date::parse(text, &Iso8601::DATE).ok()?.midnight().assume_utc());
        let time = OffsetDateTime::parse(text, &Rfc3339).ok().or_else(day);
        let time = time.ok_or_else(|| Error::Invalid(format!("`{text}` is no date of RFC 3339")))?;
        Ok(Self(time.unix_timestamp_nanos().div_euclid(1_000_000) as i64))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read() {
        for (text, ms) in [
            ("1970-01-01", 0),
            ("1970-01-02T00:00:00Z", 86_400_000),
            ("2026-01-02T03:04:05.678Z", 1_767_323_045_678),
            ("2026-01-02T04:04:05.678+01:00", 1_767_323_045_678),
        ] {
            let moment = text.parse::<Moment>().unwrap();
            assert_eq!(moment, Moment(ms));
            assert_eq!(moment.to_string().parse::<Moment>().unwrap(), moment);
        }
        assert!("yesterday".parse::<Moment>().is_err());
        assert_eq!(Moment(5_000).age(Moment(6_500)), Duration::from_millis(1_500));
        assert_eq!(Moment(i64::MAX).to_string(), format!("{} ms", i64::MAX));
    }
}
