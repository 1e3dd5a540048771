//! Predicted against measured, on logarithmic axes, with the ±10 % band.

use plotters::{coord::Shift, prelude::*};
use tachograph_ir::Quantity;

use super::{ACCENT, Drawn, FONT, INK, Plot, log_range};
use crate::Predicted;

pub struct Scatter<'a>(pub &'a [Predicted], pub Quantity);

impl Plot for Scatter<'_> {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Drawn
    where
        B::ErrorType: 'static,
    {
        let points = self.0.iter().map(|p| (p.measured, p.predicted)).filter(|p| p.0 > 0.0 && p.1 > 0.0);
        let range = log_range(points.clone().flat_map(|(x, y)| [x, y]));
        let (low, high) = (range.start, range.end);
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .caption(format!("predicted and measured {}; band: ±10 %", self.1), (FONT, 18))
            .x_label_area_size(45)
            .y_label_area_size(75)
            .build_cartesian_2d((low..high).log_scale(), (low..high).log_scale())?;
        chart
            .configure_mesh()
            .x_desc(format!("measured, {}", self.1.unit()))
            .y_desc(format!("predicted, {}", self.1.unit()))
            .label_style((FONT, 14))
            .axis_desc_style((FONT, 16))
            .light_line_style(WHITE)
            .draw()?;
        let lower = [(low, low), (low / 0.9, low), (high, 0.9 * high)];
        let upper = [(high, high), (high / 1.1, high), (low, 1.1 * low)];
        chart.draw_series([Polygon::new([lower, upper].concat(), ACCENT.mix(0.2))])?;
        chart.draw_series(LineSeries::new([(low, low), (high, high)], ACCENT.stroke_width(1)))?;
        chart.draw_series(points.map(|p| Circle::new(p, 3, INK.mix(0.6).filled())))?;
        Ok(())
    }
}
