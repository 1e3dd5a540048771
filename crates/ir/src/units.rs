//! Units of measured and predicted quantities. They print with a prefix that fits: `1.23 ms`, `4.50 MiB`, `12.0 mJ`.

use std::{fmt, iter::Sum, ops::Add, time::Duration};

use serde::{Deserialize, Serialize};

/// A time in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub f64);

/// An amount of memory in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

/// An energy in joules.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Joules(pub f64);

impl Millis {
    /// From seconds.
    pub fn from_seconds(seconds: f64) -> Self {
        Self(seconds * 1e3)
    }

    /// In seconds.
    pub fn seconds(self) -> f64 {
        self.0 / 1e3
    }
}

impl From<Duration> for Millis {
    fn from(duration: Duration) -> Self {
        Self::from_seconds(duration.as_secs_f64())
    }
}

impl Bytes {
    /// In MiB (2²⁰ bytes).
    pub fn mib(self) -> f64 {
        self.0 as f64 / f64::from(1 << 20)
    }
}

impl Add for Bytes {
    type Output = Self;

    /// Saturating sum.
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Bytes {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self(0), Add::add)
    }
}

macro_rules! real {
    ($($unit:ident),*) => {$(
        impl Add for $unit {
            type Output = Self;

            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }

        impl Sum for $unit {
            fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
                Self(iter.map(|x| x.0).sum())
            }
        }
    )*};
}
real! { Millis, Joules }

/// Writes `value` in the largest of `units` in which it is at least 1, to three significant digits.
fn scaled(f: &mut fmt::Formatter<'_>, value: f64, units: &[(f64, &str)]) -> fmt::Result {
    // 999.5 would round to four digits: it belongs to the next unit.
    let fits = |(scale, _): &&(f64, &str)| value.abs() >= scale * 0.9995;
    let Some((scale, unit)) = units.iter().find(fits).or(units.last()) else { return Ok(()) };
    let x = value / scale;
    let digits = match x.abs() {
        x if x < 9.995 => 2,
        x if x < 99.95 => 1,
        _ => 0,
    };
    write!(f, "{x:.digits$} {unit}")
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        scaled(f, self.0, &[(1e3, "s"), (1.0, "ms"), (1e-3, "µs")])
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const K: f64 = 1024.0;
        match self.0 {
            n if n < 1024 => write!(f, "{n} B"),
            n => scaled(f, n as f64, &[(K * K * K, "GiB"), (K * K, "MiB"), (K, "KiB")]),
        }
    }
}

impl fmt::Display for Joules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        scaled(f, self.0, &[(1e3, "kJ"), (1.0, "J"), (1e-3, "mJ")])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_three_digits_and_a_prefix() {
        for (x, text) in
            [(1.234, "1.23 ms"), (0.0123, "12.3 µs"), (2500.0, "2.50 s"), (999.7, "1.00 s"), (123.4, "123 ms")]
        {
            assert_eq!(Millis(x).to_string(), text);
        }
        assert_eq!(Bytes(4_718_592).to_string(), "4.50 MiB");
        assert_eq!(Bytes(1023).to_string(), "1023 B");
        assert_eq!(Bytes(80 << 30).to_string(), "80.0 GiB");
        assert_eq!(Joules(0.012).to_string(), "12.0 mJ");
    }

    #[test]
    fn converts() {
        assert_eq!(Millis::from(Duration::from_micros(1500)), Millis(1.5));
        assert_eq!(Millis::from_seconds(0.25).seconds(), 0.25);
        assert_eq!([Bytes(u64::MAX), Bytes(1)].into_iter().sum::<Bytes>(), Bytes(u64::MAX));
        assert_eq!(serde_json::to_string(&Bytes(7)).unwrap(), "7");
    }
}
