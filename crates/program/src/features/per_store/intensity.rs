//! The third group: operations per byte touched, as the loops from the innermost to the outermost are taken together.

use super::{SAMPLES, Work, buffers::Around, slog};

/// The curve at tenths of all operations, in between linear. `bytes` are those touched inside of the loop at each depth.
pub(super) fn curve(loops: &[Around], bytes: &[f64], work: &Work, trips: f64) -> [f64; SAMPLES] {
    let mut curve = [0.0; SAMPLES];
    let float: f64 = work[..7].iter().sum();
    let mut operations = float / trips;
    // From the innermost loop outwards.
    let mut points = Vec::with_capacity(loops.len());
    for (around, &bytes) in loops.iter().zip(bytes).rev() {
        operations *= around.extent;
        points.push((operations, operations / bytes));
    }
    let Some(&(all, _)) = points.last().filter(|(all, _)| *all > 0.0) else { return curve };
    let mut at = 0;
    for (i, value) in curve.iter_mut().enumerate() {
        let wanted = (i + 1) as f64 / SAMPLES as f64 * all;
        while at + 1 < points.len() && points[at].0 < wanted - 1e-4 {
            at += 1;
        }
        let (operations, intensity) = points[at];
        *value = slog(match at.checked_sub(1).map(|before| points[before]) {
            None => intensity,
            Some((less, before)) => before + (intensity - before) / (operations - less) * (wanted - less),
        });
    }
    curve
}
