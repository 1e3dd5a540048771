//! Whether both sides computed the same.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// Largest difference that is accepted.
const LIMIT: f64 = 1e-3;

/// The largest of the relative differences of `names`, each max |ours − theirs| / max |theirs|.
pub fn largest(folder: &Path, names: &[String]) -> Result<f64> {
    let mut largest = 0f64;
    for name in names {
        let read = |side: &str| fs::read(folder.join(format!("{side}.{name}"))).with_context(|| name.clone());
        let (ours, theirs) = (read("ours")?, read("theirs")?);
        ensure!(ours.len() == theirs.len(), "{name}: {} and {} bytes", ours.len(), theirs.len());
        let difference = relative(&ours, &theirs);
        ensure!(difference < LIMIT, "{name}: the sides differ by {difference:.2e}");
        largest = largest.max(difference);
    }
    Ok(largest)
}

fn relative(ours: &[u8], theirs: &[u8]) -> f64 {
    let floats = |bytes: &[u8]| {
        let words = bytes.chunks_exact(4).map(|w| f32::from_le_bytes([w[0], w[1], w[2], w[3]]));
        words.map(f64::from).collect::<Vec<_>>()
    };
    let (ours, theirs) = (floats(ours), floats(theirs));
    // NaN on either side makes the difference NaN, which no limit accepts.
    let worst =
        |values: &mut dyn Iterator<Item = f64>| values.fold(0f64, |m, v| if v > m || v.is_nan() { v } else { m });
    let difference = worst(&mut ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()));
    let scale = worst(&mut theirs.iter().map(|v| v.abs()));
    if difference == 0.0 { 0.0 } else { difference / scale }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    #[test]
    fn differences_are_relative_to_the_largest_value() {
        assert_eq!(relative(&bytes(&[1.0, 4.5]), &bytes(&[1.0, 4.0])), 0.125);
        assert_eq!(relative(&bytes(&[0.0]), &bytes(&[0.0])), 0.0);
        assert!(relative(&bytes(&[f32::NAN, 1.0]), &bytes(&[1.0, 1.0])).is_nan());
    }
}
