//! Activations of many numbers at once.

/// x/(1 + e⁻ˣ), the sigmoid linear unit, in place.
pub(super) fn silu(x: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor was just asked.
        return unsafe { silu_avx2(x) };
    }
    silu_lanes(x);
}

/// The same loop, compiled for eight lanes.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn silu_avx2(x: &mut [f32]) {
    silu_lanes(x);
}

#[inline(always)]
fn silu_lanes(x: &mut [f32]) {
    x.iter_mut().for_each(|x| *x /= 1.0 + exp(-*x));
}

/// eˣ to 2 · 10⁻⁷ of itself, without branches or calls, so that loops over it run in lanes.
#[inline(always)]
fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 87.0);
    // Adding 1.5 · 2²³ rounds to an integer n, which then stands in the lowest bits of the sum: eˣ = 2ⁿ · eʳ with
    // r = x − n · ln 2, |r| < 0.35. ln 2 is subtracted in two parts, of which the first times n is exact.
    let shifted = x * std::f32::consts::LOG2_E + 12_582_912.0;
    let n = shifted - 12_582_912.0;
    let r = (x - n * 0.693_359_4) - n * -2.121_944_4e-4;
    let series = 1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * (1.0 / 120.0 + r / 720.0)))));
    f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0f32.to_bits())) * series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_is_close_everywhere() {
        for i in -870..=870 {
            let x = i as f32 / 10.0;
            let (found, expected) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((found / expected - 1.0).abs() < 5e-7, "e^{x} is {expected}, not {found}");
        }
        assert!(exp(-1e30) > 0.0 && exp(1e30).is_finite());
    }

    #[test]
    fn silu_by_hand() {
        let mut x = [0.0f32, 1.0, -1.0, 20.0, -100.0, 0.5, 2.0, 3.0, -3.0];
        let expected = x.map(|x| x / (1.0 + (-x).exp()));
        silu(&mut x);
        x.iter().zip(expected).for_each(|(x, y)| assert!((x - y).abs() < 1e-6 * y.abs().max(1e-6), "{x} {y}"));
    }
}
