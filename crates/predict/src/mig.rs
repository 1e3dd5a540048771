//! Which slice of an A100 a network needs.

/// The profile of Multi-Instance GPU that DIPPM (`dippm.py` of karthickai/dippm) recommends on an A100 with 40 GB for a
/// network that takes `memory_mb` MB. As released, the memory is cut to whole MB, limits belong to no slice, and so do
/// 0 and 40,000 and more.
///
/// ```
/// use tachograph_predict::mig;
/// assert_eq!(mig::recommend(2847.3), Some("1g.5gb"));
/// assert_eq!(mig::recommend(20_000.0), None);
/// ```
pub fn recommend(memory_mb: f64) -> Option<&'static str> {
    let megabytes = memory_mb.trunc();
    SLICES.iter().find(|(above, below, _)| *above < megabytes && megabytes < *below).map(|(_, _, slice)| *slice)
}

/// More than, less than, slice.
const SLICES: [(f64, f64, &str); 4] = [
    (0.0, 5_000.0, "1g.5gb"),
    (5_000.0, 10_000.0, "2g.10gb"),
    (10_000.0, 20_000.0, "3g.20gb"),
    (20_000.0, 40_000.0, "7g.40gb"),
];

#[cfg(test)]
mod tests {
    use super::recommend;

    #[test]
    fn limits_belong_to_no_slice() {
        let slices = [1.0, 4_999.9, 5_000.0, 5_000.9, 5_001.0, 19_999.0, 20_001.0, 39_999.5, 40_000.0, 0.9, f64::NAN];
        let found = slices.map(|mb| recommend(mb).unwrap_or("none"));
        let expected =
            ["1g.5gb", "1g.5gb", "none", "none", "2g.10gb", "3g.20gb", "7g.40gb", "7g.40gb", "none", "none", "none"];
        assert_eq!(found, expected);
    }
}
