//! Plots of a finished run, each as SVG and PNG. Labels need no font of the system.

mod cumulative;
mod curves;
mod families;
mod scatter;

use std::{error::Error as StdError, fs, path::Path, sync::Once};

use plotters::{
    coord::Shift,
    prelude::*,
    style::{FontStyle, register_font},
};

use tachograph_ir::Quantity;

use crate::{Epoch, Error, Predicted, Result, error::io};

type Drawn = std::result::Result<(), Box<dyn StdError>>;

const FONT: &str = "sans-serif";
const SIZE: (u32, u32) = (800, 600);
const INK: RGBColor = RGBColor(31, 90, 150);
const ACCENT: RGBColor = RGBColor(200, 80, 30);

/// Writes `curves`, `predicted`, `families` and `cumulative`, as `.svg` and `.png`, into the folder `dir`; the last three
/// are of latencies, and `predicted-memory` and so on of other quantities. `quantities` are those of the outputs, in the
/// order of the checkpoint. A plot of nothing (no epoch, no prediction) is left out.
///
/// # Errors
/// The folder or a file cannot be written.
pub fn write(dir: &Path, epochs: &[Epoch], predictions: &[Predicted], quantities: &[Quantity]) -> Result<()> {
    static REGISTER: Once = Once::new();
    REGISTER.call_once(|| {
        // A font that is refused shows as an error of the first label.
        register_font(FONT, FontStyle::Normal, include_bytes!("../../fonts/dejavu-sans-latin.ttf")).ok();
    });
    fs::create_dir_all(dir).map_err(io(dir))?;
    if !epochs.is_empty() {
        both(dir, "curves", &curves::Curves(epochs))?;
    }
    for quantity in [Quantity::Latency, Quantity::Memory, Quantity::Energy] {
        let of_quantity = |row: &&Predicted| quantities.get(row.output) == Some(&quantity);
        let rows: Vec<Predicted> = predictions.iter().filter(of_quantity).cloned().collect();
        if rows.is_empty() {
            continue;
        }
        let name = |plot: &str| match quantity {
            Quantity::Latency => plot.to_owned(),
            other => format!("{plot}-{other}"),
        };
        both(dir, &name("predicted"), &scatter::Scatter(&rows, quantity))?;
        both(dir, &name("families"), &families::Families(&rows))?;
        both(dir, &name("cumulative"), &cumulative::Cumulative(&rows))?;
    }
    Ok(())
}

/// Something that draws itself on any canvas.
trait Plot {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Drawn
    where
        B::ErrorType: 'static;
}

fn both(dir: &Path, name: &str, plot: &impl Plot) -> Result<()> {
    let path = dir.join(format!("{name}.svg"));
    let mut text = String::new();
    finish(SVGBackend::with_string(&mut text, SIZE).into_drawing_area(), plot).map_err(refuse(&path))?;
    fs::write(&path, text).map_err(io(&path))?;
    let path = dir.join(format!("{name}.png"));
    finish(BitMapBackend::new(&path, SIZE).into_drawing_area(), plot).map_err(refuse(&path))
}

fn finish<B: DrawingBackend>(area: DrawingArea<B, Shift>, plot: &impl Plot) -> Drawn
where
    B::ErrorType: 'static,
{
    area.fill(&WHITE)?;
    plot.draw(&area)?;
    Ok(area.present()?)
}

fn refuse(path: &Path) -> impl FnOnce(Box<dyn StdError>) -> Error {
    let path = path.to_path_buf();
    move |e| Error::Plot { path, message: e.to_string() }
}

/// The least range that holds all values, a little wider on both sides of a logarithmic axis.
fn log_range(values: impl Iterator<Item = f64>) -> std::ops::Range<f64> {
    let positive = values.filter(|v| *v > 0.0 && v.is_finite());
    let (low, high) = positive.fold((f64::MAX, f64::MIN_POSITIVE), |(l, h), v| (l.min(v), h.max(v)));
    if low > high { 0.1..10.0 } else { low / 1.2..high * 1.2 }
}
