//! Errors on single operators.

use std::collections::BTreeMap;

use anyhow::Result;
use tachograph_transfer::operator_model::{Measurement, OperatorClass, OperatorModel, Settings};

use super::measured::SEEN;

const CLASSES: [OperatorClass; 6] = [
    OperatorClass::Batched,
    OperatorClass::Linear,
    OperatorClass::Convolution,
    OperatorClass::Elementwise,
    OperatorClass::Softmax,
    OperatorClass::LayerNorm,
];

/// Energies of the law of power, and kinships, that are tried.
const ENERGIES: [f64; 4] = [0.0, 15.0, 18.0, 21.0];
const KINSHIPS: [f64; 6] = [0.1, 0.2, 0.4, 0.8, 1.6, 1e9];

/// Mean absolute error in per cent.
fn mape<'a>(model: &OperatorModel, rows: impl Iterator<Item = &'a Measurement<'a>>) -> Result<f64> {
    let (mut sum, mut n) = (0.0, 0.0);
    for m in rows {
        sum += (model.predict(&m.operator, m.device)?.0 / m.latency.0 - 1.0).abs();
        n += 1.0;
    }
    Ok(100.0 * sum / f64::max(n, 1.0))
}

/// The choice of the settings: every seen GPU is left out in turn and its operators of over half a millisecond are
/// predicted from the other four. Prints the mean over GPUs, of classes in the shares they have of the runs.
pub fn leave_one_out(
    training: &[Measurement],
    shares: &BTreeMap<OperatorClass, f64>,
    fit: &dyn Fn(Settings) -> Result<OperatorModel>,
) -> Result<()> {
    println!("\n### Operators of a GPU left out, mean absolute error, %\n");
    println!("Shares: {shares:.2?}.\n");
    println!("| energy, W | {} |", KINSHIPS.map(|k| format!("kinship {k}")).join(" | "));
    println!("|---{}|", "|---".repeat(KINSHIPS.len()));
    let long: Vec<&Measurement> = training.iter().filter(|m| m.latency.0 > 0.5).step_by(23).collect();
    for energy in ENERGIES {
        let mut errors = [[0.0; SEEN.len()]; KINSHIPS.len()];
        let fitted = fit(Settings { energy, ..Settings::default() })?;
        for (gpu, left_out) in SEEN.into_iter().enumerate() {
            let mut model = fitted.clone().without(left_out);
            for (errors, kinship) in errors.iter_mut().zip(KINSHIPS) {
                model = model.with_kinship(kinship);
                for (class, share) in shares {
                    let rows = long.iter().copied().filter(|m| m.device.name == left_out && m.operator.class == *class);
                    errors[gpu] += share * mape(&model, rows)?;
                }
            }
        }
        let cell = |errors: [f64; SEEN.len()]| {
            let mean = errors.iter().sum::<f64>() / SEEN.len() as f64;
            format!("{mean:.1} ({})", errors.map(|e| format!("{e:.0}")).join(", "))
        };
        println!("| {energy} | {} |", errors.map(cell).join(" | "));
    }
    println!("\nIn brackets: {}.", SEEN.join(", "));
    Ok(())
}

/// Prints errors by class on rows of the test tables, on seen GPUs and on others.
pub fn by_class(test: &[Measurement], model: &OperatorModel) -> Result<()> {
    println!("\n### Operators of the published test tables, mean absolute error, %\n");
    println!("| class | seen GPUs | L4 | A100 80 GB | H100 |\n|---|---|---|---|---|");
    for class in CLASSES {
        let mut groups: BTreeMap<usize, Vec<&Measurement>> = BTreeMap::new();
        for m in test.iter().filter(|m| m.operator.class == class) {
            let group = ["l4", "a100-pcie-80gb", "h100-sxm"].iter().position(|name| *name == m.device.name);
            groups.entry(group.map_or(0, |g| g + 1)).or_default().push(m);
        }
        let mut cells = Vec::new();
        for group in 0..4 {
            cells.push(match groups.get(&group) {
                Some(rows) => format!("{:.1} ({})", mape(model, rows.iter().copied())?, rows.len()),
                None => "–".into(),
            });
        }
        println!("| {class:?} | {} |", cells.join(" | "));
    }
    Ok(())
}
