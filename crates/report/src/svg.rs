//! What pictures that are files of their own share.

/// The head of a picture; the caller ends it.
pub(crate) fn open(width: f64, height: f64) -> String {
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="system-ui, DejaVu Sans, sans-serif" font-size="12" fill="#444"><rect width="{width}" height="{height}" fill="#fff"/>"##
    )
}

/// A text within a picture.
pub(crate) fn escaped(text: &str) -> String {
    let plain = text.chars().filter(|c| !c.is_control()).collect::<String>();
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A linear axis: from values to pixels.
pub(crate) struct Linear {
    pub low: f64,
    pub high: f64,
    pub start: f64,
    pub end: f64,
}

impl Linear {
    pub fn at(&self, value: f64) -> f64 {
        let part = (value - self.low) / (self.high - self.low).max(f64::MIN_POSITIVE);
        (10.0 * (self.start + part * (self.end - self.start))).round() / 10.0
    }

    /// Round numbers, four to ten of them.
    pub fn ticks(&self) -> Vec<f64> {
        let span = self.high - self.low;
        let unit = 10_f64.powf((span.max(1.0) / 10.0).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|n| n * unit).into_iter().find(|step| span / step <= 10.0);
        let step = step.unwrap_or(span.max(1.0)).max(1.0);
        let first = (self.low / step).ceil() as i64;
        (first..).map(|i| i as f64 * step).take_while(|tick| *tick <= self.high).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_texts_harmless() {
        let ticks = |high| Linear { low: 0.0, high, start: 0.0, end: 100.0 }.ticks();
        assert_eq!(ticks(100.0), [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0]);
        assert_eq!(ticks(3.0), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(ticks(1234.0), [0.0, 200.0, 400.0, 600.0, 800.0, 1000.0, 1200.0]);
        assert_eq!(escaped("<a href=\"&\">\u{1b}"), "&lt;a href=&quot;&amp;&quot;&gt;");
    }
}
