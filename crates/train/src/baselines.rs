//! What a trained model must beat, on the same split.

use rayon::prelude::*;
use tachograph_datasets::Part;
use tachograph_ir::{DType, Device};
use tachograph_metrics::Report;
use tachograph_transfer::baseline::{self, Baseline, Roofline, StaticRow};

use crate::{Corpus, Division, Error, Predicted, Result, RunConfig, evaluate::columns};

/// Costs on paper of every entry of a corpus.
///
/// # Errors
/// Costs that cannot be computed.
pub fn static_rows(corpus: &Corpus) -> Result<Vec<StaticRow>> {
    corpus.entries.par_iter().map(|entry| Ok(StaticRow::new(&entry.bound)?)).collect()
}

/// Fits `baseline` to an output of a corpus on the training part and predicts the test part. `rows` are those of
/// [`static_rows`].
///
/// # Errors
/// Too few samples; nothing of the test part was measured.
pub fn fit_baseline(
    baseline: &mut dyn Baseline,
    corpus: &Corpus,
    rows: &[StaticRow],
    division: &Division,
    output: usize,
) -> Result<Vec<Predicted>> {
    let of = |part: Part| corpus.measured(output).filter(move |&i| division.parts.get(i) == Some(&part));
    let training = of(Part::Train).filter_map(|i| Some((rows.get(i)?.clone(), corpus.entries[i].targets[output])));
    let (fitted, values): (Vec<StaticRow>, Vec<f64>) = training.unzip();
    baseline.fit(&fitted, &values)?;
    let test = of(Part::Test).filter_map(|i| Some((&corpus.entries[i], rows.get(i)?)));
    let predict = |(entry, row): (&crate::Entry, &StaticRow)| -> Result<Predicted> {
        Ok(Predicted {
            name: entry.network.clone(),
            family: entry.family.clone(),
            batch: entry.batch,
            output,
            predicted: baseline.predict(row)?,
            measured: entry.targets[output],
        })
    };
    test.map(predict).collect()
}

/// Fits every baseline on the training part of `config`'s split and compares it on the test part, for each output; a
/// report is the mean over outputs. With `specification`, a roofline of that device (times one fitted factor) is among
/// them.
///
/// # Errors
/// Data that cannot be read, or too few samples.
pub fn baselines(config: &RunConfig, specification: Option<&Device>) -> Result<Vec<(String, Report)>> {
    let corpus = config.corpus()?;
    let division = config.split.divide(&corpus)?;
    let rows = static_rows(&corpus)?;
    let models = || {
        let mut models = baseline::all();
        if let Some(roofline) = specification.and_then(|device| Roofline::new(device, DType::F32)) {
            models.insert(0, Box::new(roofline));
        }
        models
    };
    let mut reports: Vec<(String, Vec<Report>)> = models().iter().map(|m| (m.name().to_owned(), vec![])).collect();
    for (output, manifest) in corpus.outputs.iter().enumerate() {
        for (model, (_, reports)) in models().iter_mut().zip(&mut reports) {
            let predictions = fit_baseline(&mut **model, &corpus, &rows, &division, output)?;
            let (predicted, measured) = columns(predictions.iter());
            reports.push(Report::new(&predicted[..], &measured[..], manifest.quantity.unit())?);
        }
    }
    let mean = |(name, reports): (String, Vec<Report>)| {
        let report = Report::mean(&reports).ok_or_else(|| Error::NothingMeasured { what: "baselines".into() })?;
        Ok((name, report))
    };
    reports.into_iter().map(mean).collect()
}
