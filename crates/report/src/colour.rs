//! Colours of costs.

/// ColorBrewer's `OrRd`, from cheap to costly.
const RAMP: [[f64; 3]; 5] =
    [[255.0, 247.0, 236.0], [253.0, 212.0, 158.0], [252.0, 141.0, 89.0], [215.0, 48.0, 31.0], [127.0, 0.0, 0.0]];

/// Fill and text colour of a cost that is `share` of the largest. The square root spreads small costs.
pub(crate) fn of(share: f64) -> (String, &'static str) {
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    let place = share.sqrt() * (RAMP.len() - 1) as f64;
    let below = (place as usize).min(RAMP.len() - 2);
    let part = place - below as f64;
    let [r, g, b] = std::array::from_fn(|i| RAMP[below][i] + part * (RAMP[below + 1][i] - RAMP[below][i]));
    let text = if place > 2.5 { "#fff" } else { "#222" };
    (format!("#{:02x}{:02x}{:02x}", r as u8, g as u8, b as u8), text)
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn from_light_to_dark() {
        assert_eq!(of(0.0), ("#fff7ec".into(), "#222"));
        assert_eq!(of(1.0), ("#7f0000".into(), "#fff"));
        assert_eq!(of(0.25), ("#fc8d59".into(), "#222"));
        assert_eq!(of(f64::NAN), of(0.0));
    }
}
