//! Mean error of each family.

use std::collections::BTreeMap;

use plotters::{coord::Shift, prelude::*};

use super::{Drawn, FONT, INK, Plot};
use crate::Predicted;

pub struct Families<'a>(pub &'a [Predicted]);

impl Plot for Families<'_> {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Drawn
    where
        B::ErrorType: 'static,
    {
        let mut sums: BTreeMap<&str, (f64, usize)> = BTreeMap::new();
        for p in self.0 {
            let sum = sums.entry(&p.family).or_default();
            *sum = (sum.0 + 100.0 * (p.predicted / p.measured - 1.0).abs(), sum.1 + 1);
        }
        let bars: Vec<_> =
            sums.iter().rev().map(|(name, &(sum, n))| (format!("{name} ({n})"), sum / n as f64)).collect();
        let highest = bars.iter().map(|b| b.1).fold(1.0, f64::max);
        let rows = bars.len().max(1);
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .caption("error by family; in brackets, networks", (FONT, 18))
            .x_label_area_size(45)
            .y_label_area_size(180)
            .build_cartesian_2d(0.0..1.15 * highest, (0..rows - 1).into_segmented())?;
        let name = |row: &SegmentValue<usize>| match row {
            SegmentValue::CenterOf(i) => bars.get(*i).map(|b| b.0.clone()).unwrap_or_default(),
            _ => String::new(),
        };
        chart
            .configure_mesh()
            .disable_y_mesh()
            .y_labels(rows + 1)
            .y_label_formatter(&name)
            .x_desc("MAPE, %")
            .label_style((FONT, 14))
            .axis_desc_style((FONT, 16))
            .light_line_style(WHITE)
            .draw()?;
        let bar = |(i, (_, error)): (usize, &(String, f64))| {
            let corners = [(0.0, SegmentValue::Exact(i)), (*error, SegmentValue::Exact(i + 1))];
            let mut bar = Rectangle::new(corners, INK.filled());
            bar.set_margin(3, 3, 0, 0);
            bar
        };
        chart.draw_series(bars.iter().enumerate().map(bar))?;
        let label = |(i, (_, error)): (usize, &(String, f64))| {
            Text::new(format!(" {error:.1} %"), (*error, SegmentValue::CenterOf(i)), (FONT, 14))
        };
        chart.draw_series(bars.iter().enumerate().map(label))?;
        Ok(())
    }
}
