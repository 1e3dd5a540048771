//! What a trained model must beat, on the same split.

use rayon::prelude::*;
use tachograph_datasets::{DataSet, Part};
use tachograph_features::baseline::{self, Roofline, StaticRow};
use tachograph_ir::{DType, Device};
use tachograph_metrics::Report;

use crate::{Result, RunConfig, samples};

/// Fits every baseline on the training part of `config`'s split and compares it on the test part.
/// With `specification`, a roofline of that device (times one fitted factor) is among them.
///
/// # Errors
/// Data that cannot be read, or too few samples.
pub fn baselines(config: &RunConfig, specification: Option<&Device>) -> Result<Vec<(String, Report)>> {
    let data = DataSet::open(&config.data)?;
    let networks = samples::bind(&data, &config.device)?;
    let split = config.split.divide(networks.iter().map(|(r, _)| &r.network))?;
    let rows: Vec<StaticRow> =
        networks.par_iter().map(|(_, bound)| Ok(StaticRow::new(bound)?)).collect::<Result<_>>()?;
    let part = |wanted: Part| -> (Vec<StaticRow>, Vec<f64>) {
        let members = networks.iter().zip(&rows).filter(|((r, _), _)| split.part(&r.network) == Some(wanted));
        members.map(|((record, _), row)| (row.clone(), record.median_ms)).unzip()
    };
    let ((train, fitted), (test, measured)) = (part(Part::Train), part(Part::Test));
    let mut models = baseline::all();
    if let Some(roofline) = specification.and_then(|device| Roofline::new(device, DType::F32)) {
        models.insert(0, Box::new(roofline));
    }
    let mut reports = Vec::with_capacity(models.len());
    for model in &mut models {
        model.fit(&train, &fitted)?;
        let predicted: Vec<f64> = test.iter().map(|row| model.predict(row)).collect::<Result<_, _>>()?;
        reports.push((model.name().to_owned(), Report::new(&predicted[..], &measured[..], "ms")?));
    }
    Ok(reports)
}
