//! What is fitted on, and the GPUs.

use anyhow::{Context, Result};
use tachograph_datasets::{
    Part,
    sets::{NeuSight, OperatorRow, OperatorShape},
};
use tachograph_ir::{Device, Millis};
use tachograph_transfer::operator_model::{Measurement, Operator, OperatorClass};

/// GPUs that operators may be fitted on, as published.
pub const SEEN: [&str; 5] = ["p4", "p100-pcie", "v100-pcie", "t4", "a100-pcie-40gb"];

/// The device that NeuSight calls so.
pub fn device(name: &str) -> Result<&'static Device> {
    Ok(Device::builtin(&name.replace('_', " "))?)
}

/// The operator of a row.
fn operator(row: &OperatorRow) -> Option<Operator> {
    Some(match row.shape {
        OperatorShape::Matmul { b: 1, m, n, k } if row.operator == "linear" => Operator::linear([m, n, k]),
        OperatorShape::Matmul { b, m, n, k } => Operator::batched([b, m, n, k]),
        OperatorShape::Conv { b, input, output, kernel, size, stride, padding } => {
            let side = (size + 2 * padding).checked_sub(kernel)?.checked_div(stride)? + 1;
            Operator::convolution(b, input, output, kernel, size * size, side * side)
        }
        OperatorShape::Rows { b, h } => {
            let elements = (b * h) as f64;
            match row.operator.as_str() {
                "softmax" => Operator::on_rows(OperatorClass::Softmax, b, h, 8.0 * elements),
                "ln" => Operator::on_rows(OperatorClass::LayerNorm, b, h, 8.0 * elements),
                "add" | "mul" | "pow" | "div" => Operator::elementwise(b * h, 12.0 * elements),
                _ => Operator::elementwise(b * h, 8.0 * elements),
            }
        }
    })
}

fn measurements(set: &NeuSight, part: Part) -> Result<Vec<Measurement<'static>>> {
    let mut measurements = Vec::new();
    for row in set.operators(part)? {
        let row = row?;
        let Some(operator) = operator(&row) else { continue };
        let device = device(&row.device).context("operators")?;
        measurements.push(Measurement { operator, device, latency: Millis(row.latency) });
    }
    Ok(measurements)
}

fn seen(m: &Measurement) -> bool {
    SEEN.contains(&m.device.name.as_str())
}

/// Products and convolutions are fitted on the training tables of the seen GPUs; element-wise operators, softmax and
/// layer norm, whose training tables are not at hand, on those rows of the test table that are of seen GPUs.
pub fn training(set: &NeuSight) -> Result<Vec<Measurement<'static>>> {
    let mut rows = measurements(set, Part::Train)?;
    let rest = measurements(set, Part::Test)?;
    rows.extend(rest.into_iter().filter(|m| m.operator.depth == 0.0));
    rows.retain(seen);
    Ok(rows)
}

/// Rows of the test tables that nothing was fitted on.
pub fn test(set: &NeuSight) -> Result<Vec<Measurement<'static>>> {
    let mut rows = measurements(set, Part::Test)?;
    rows.retain(|m| m.operator.depth > 0.0 || !seen(m));
    Ok(rows)
}
