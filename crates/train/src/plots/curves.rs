//! Training loss and validation error, epoch by epoch.

use plotters::{coord::Shift, prelude::*};

use super::{ACCENT, Drawn, FONT, INK, Plot, log_range};
use crate::Epoch;

pub struct Curves<'a>(pub &'a [Epoch]);

impl Plot for Curves<'_> {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Drawn
    where
        B::ErrorType: 'static,
    {
        let (upper, lower) = area.split_vertically(area.dim_in_pixel().1 / 2);
        let best = self.0.iter().filter(|e| e.best).map(|e| e.epoch).next_back();
        let losses: Vec<_> = self.0.iter().map(|e| (e.epoch, e.loss)).collect();
        panel(&upper, "training loss", INK, &losses, None)?;
        let errors: Vec<_> =
            self.0.iter().filter_map(|e| Some((e.epoch, 100.0 * e.validation.as_ref()?.mape))).collect();
        panel(&lower, "validation MAPE, %", ACCENT, &errors, best)
    }
}

fn panel<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    label: &str,
    colour: RGBColor,
    values: &[(u32, f64)],
    best: Option<u32>,
) -> Drawn
where
    B::ErrorType: 'static,
{
    let last = values.last().map_or(1, |v| v.0).max(2);
    // Logarithms on a linear axis: a logarithmic one has no labels within a decade.
    let range = log_range(values.iter().map(|v| v.1));
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d(1u32..last, range.start.log10()..range.end.log10())?;
    chart
        .configure_mesh()
        .x_desc("epoch")
        .y_desc(label)
        .y_labels(6)
        .y_label_formatter(&|y| format!("{:.3}", 10f64.powf(*y)))
        .label_style((FONT, 14))
        .axis_desc_style((FONT, 16))
        .light_line_style(WHITE)
        .draw()?;
    let visible = values.iter().filter(|v| v.1 > 0.0 && v.1.is_finite()).map(|v| (v.0, v.1.log10()));
    chart.draw_series(LineSeries::new(visible.clone(), colour.stroke_width(2)))?;
    let marked = visible.filter(|v| Some(v.0) == best);
    chart.draw_series(marked.map(|v| Circle::new(v, 5, colour.filled())))?;
    Ok(())
}
