//! Share of networks within each error.

use plotters::{coord::Shift, prelude::*};
use tachograph_metrics::quantile;

use super::{ACCENT, Drawn, FONT, INK, Plot};
use crate::Predicted;

pub struct Cumulative<'a>(pub &'a [Predicted]);

impl Plot for Cumulative<'_> {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Drawn
    where
        B::ErrorType: 'static,
    {
        let mut errors: Vec<f64> = self.0.iter().map(|p| 100.0 * (p.predicted / p.measured - 1.0).abs()).collect();
        errors.sort_by(f64::total_cmp);
        let share = |i: usize| 100.0 * i as f64 / errors.len() as f64;
        // All but the worst hundredth, which would leave no room for the rest.
        let widest = quantile(&errors, 0.99).unwrap_or(0.0).max(20.0);
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .caption("networks within an error", (FONT, 18))
            .x_label_area_size(45)
            .y_label_area_size(60)
            .build_cartesian_2d(0.0..widest, 0.0..100.0)?;
        chart
            .configure_mesh()
            .x_desc("absolute error, %")
            .y_desc("networks, %")
            .label_style((FONT, 14))
            .axis_desc_style((FONT, 16))
            .light_line_style(WHITE)
            .draw()?;
        chart.draw_series(LineSeries::new([(10.0, 0.0), (10.0, 100.0)], ACCENT.stroke_width(1)))?;
        let steps = errors.iter().enumerate().flat_map(|(i, &e)| [(e, share(i)), (e, share(i + 1))]);
        let steps = [(0.0, 0.0)].into_iter().chain(steps).take_while(|p| p.0 <= widest);
        chart.draw_series(LineSeries::new(steps, INK.stroke_width(2)))?;
        Ok(())
    }
}
