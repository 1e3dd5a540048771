//! Whether both sides computed the same.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// Largest difference that is accepted.
const LIMIT: f64 = 1e-3;

/// The largest of the relative differences of `names`, each ‖ours − theirs‖ / ‖theirs‖. (A ReLU whose input
/// is zero up to rounding may open on one side only, which changes a few entries of one gradient noticeably.)
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
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let difference = norm(&mut ours.iter().zip(&theirs).map(|(a, b)| a - b));
    let scale = norm(&mut theirs.iter().copied());
    if difference == 0.0 { 0.0 } else { difference / scale }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    #[test]
    fn differences_are_relative_to_the_norm() {
        assert_eq!(relative(&bytes(&[3.0, 4.5]), &bytes(&[3.0, 4.0])), 0.1);
        assert_eq!(relative(&bytes(&[0.0]), &bytes(&[0.0])), 0.0);
        assert!(relative(&bytes(&[f32::NAN, 1.0]), &bytes(&[1.0, 1.0])).is_nan());
    }
}
