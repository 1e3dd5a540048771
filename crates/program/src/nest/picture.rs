//! Nests as pictures: a box for each loop, around what it repeats.

use std::fmt::Write;

use super::Nest;

const LINE: usize = 20;
const STEP: usize = 16;
const WIDTH: usize = 960;
/// Characters of a line that fit.
const LONGEST: usize = 118;

/// Kinds of lines by their first word, and their colours.
const KINDS: [(&str, &str); 16] = [
    ("for", "#dbe7f5"),
    ("parallel", "#f6d9b8"),
    ("launch", "#f2f2f2"),
    ("blockIdx.x", "#f6d9b8"),
    ("blockIdx.y", "#f6d9b8"),
    ("blockIdx.z", "#f6d9b8"),
    ("threadIdx.x", "#f9e4a8"),
    ("threadIdx.y", "#f9e4a8"),
    ("threadIdx.z", "#f9e4a8"),
    ("vthread", "#e3dcf2"),
    ("unroll", "#e3dcf2"),
    ("vector", "#cfe8d2"),
    ("if", "#f5ecc8"),
    ("registers", "#f3c9cf"),
    ("shared", "#f3c9cf"),
    ("local", "#eeeeee"),
];

impl Nest {
    /// The nest as an SVG file: loops as boxes within one another, coloured by how they are run.
    pub fn to_svg(&self) -> String {
        let text = self.to_string();
        let lines: Vec<(usize, &str)> =
            text.lines().map(|line| ((line.len() - line.trim_start().len()) / 2, line.trim_start())).collect();
        let height = LINE * (lines.len() + 1);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
             font-family=\"monospace\" font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n"
        );
        for (i, &(depth, line)) in lines.iter().enumerate() {
            let word = line.split(' ').next().unwrap_or_default();
            if let Some((_, colour)) = KINDS.iter().find(|(kind, _)| *kind == word) {
                // What follows and is indented further is inside.
                let inside = lines[i + 1..].iter().take_while(|(other, _)| *other > depth).count();
                let (x, y) = (STEP * depth, LINE * i + 6);
                let (width, height) = (WIDTH.saturating_sub(x + 4 * depth), LINE * (inside + 1) - 2);
                let _ = writeln!(
                    svg,
                    "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"3\" fill=\"{colour}\" stroke=\"#888\" \
                     stroke-width=\"0.5\"/>"
                );
            }
        }
        for (i, &(depth, line)) in lines.iter().enumerate() {
            let room = LONGEST.saturating_sub(2 * depth);
            let shown: String = line.chars().take(room).collect();
            let dots = if line.chars().count() > room { " …" } else { "" };
            let (x, y) = (STEP * depth + 6, LINE * (i + 1));
            let _ = writeln!(
                svg,
                "<text x=\"{x}\" y=\"{y}\" xml:space=\"preserve\">{}{dots}<title>{}</title></text>",
                escaped(&shown),
                escaped(line)
            );
        }
        svg.push_str("</svg>\n");
        svg
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use crate::{Builder, Schedule, operator};

    #[test]
    fn a_box_for_each_loop() {
        let mut b = Builder::new("a < b");
        let x = b.input("x", tachograph_ir::DType::F32, &[4, 8]).unwrap();
        let y = operator::activation(&mut b, x, operator::Activation::Relu).unwrap();
        let axis = b.axes(y)[1].0.clone();
        let workload = b.finish(&[y]).unwrap();
        let svg = Schedule::new().vectorize("relu", &axis).lower(&workload).unwrap().to_svg();
        assert_eq!((svg.matches("#dbe7f5").count(), svg.matches("#cfe8d2").count()), (1, 1), "{svg}");
        assert!(svg.contains("a &lt; b") && svg.ends_with("</svg>\n"));
    }
}
