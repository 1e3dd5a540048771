//! By adapting a checkpoint to what was measured.

mod source;

use anyhow::{Result, ensure};
use tachograph_datasets::DeviceTimes;
use tachograph_features::FeatureGraph;
use tachograph_ir::{Millis, Plain, Quantity};
use tachograph_metrics::Report;
use tachograph_predict::{Output, Predictor, torch::TorchPredictor};
use tachograph_train::{AdaptConfig, adapt};

use super::{
    Args, enough, read,
    said::{Predicted, Transferred},
};
use crate::{exit, models::Model};

pub fn run(args: &Args) -> Result<()> {
    let options = &args.checkpoint;
    ensure!(options.out.is_none() || args.device.len() == 1, "--out is for one device");
    tch::set_num_threads(options.threads);
    let source = options.source()?;
    if let Some(count) = args.plan {
        let times = read(args, &[])?;
        enough(count, times.networks.len())?;
        let graphs = featurize(&source, &times)?;
        let chosen = options.choose(&source, &graphs.iter().collect::<Vec<_>>(), count)?;
        chosen
            .into_iter()
            .for_each(|i| out!("{} at batch {}", Plain(&times.networks[i].name), times.networks[i].batch));
        return Ok(());
    }
    if args.models.is_empty() && options.out.is_none() {
        exit::warn("nothing is predicted, since no MODEL is given, and no --out to keep the checkpoint");
    }
    exit::each(&args.device, |device| one(args, &source, device))
}

fn featurize(source: &TorchPredictor, times: &DeviceTimes) -> Result<Vec<FeatureGraph>> {
    let featurizer = &source.manifest().featurizer;
    Ok(times.networks.iter().map(|network| featurizer.featurize(&network.graph)).collect::<Result<_, _>>()?)
}

fn one(args: &Args, source: &TorchPredictor, device: &str) -> Result<()> {
    let (options, times) = (&args.checkpoint, read(args, &[device])?);
    let graphs = featurize(source, &times)?;
    let graphs: Vec<&FeatureGraph> = graphs.iter().collect();
    let ms: Vec<f64> = times.networks.iter().filter_map(|network| network.ms[0]).collect();
    let chosen = match options.k {
        Some(k) => options.choose(source, &graphs, k)?,
        None => (0..graphs.len()).collect(),
    };
    let mut output = Output::new(device, Quantity::Latency);
    if let Some(ran_on) = times.ran_on[0].clone() {
        (output.hardware, output.threads, output.library) = (ran_on.hardware, ran_on.threads, ran_on.library);
    }
    let samples: Vec<_> = chosen.iter().map(|&i| (graphs[i], Millis(ms[i]))).collect();
    let config = AdaptConfig { seed: options.seed, ..AdaptConfig::default() };
    let (adapted, report) = adapt(source, output, &samples, &config)?;
    eprintln!("{report}");
    let mut said = Transferred::new(device, "checkpoint", samples.len());
    let best = report.candidates.iter().find(|c| c.method == report.method && c.steps == report.steps);
    said.mape_percent = best.and_then(|candidate| Some(100.0 * candidate.mape?));
    if let Some(out) = &options.out {
        adapted.save(out)?;
        said.checkpoint = Some(out.display().to_string());
    }
    let adapted = Predictor::from(adapted);
    let latency = adapted.output(None, Quantity::Latency)?;
    let rest: Vec<usize> = (0..graphs.len()).filter(|i| !chosen.contains(i)).collect();
    if !rest.is_empty() {
        let others: Vec<_> = rest.iter().map(|&i| graphs[i]).collect();
        let predicted = adapted.predict_features(&others, &[latency])?.swap_remove(0);
        let measured: Vec<f64> = rest.iter().map(|&i| ms[i]).collect();
        let test = Report::new(&predicted[..], &measured[..], "ms")?;
        eprintln!("on the other {} measurements\n{test}", rest.len());
        said.tested_mape_percent = Some(100.0 * test.mape);
    }
    let several = args.models.len() > 1;
    let done = exit::each(&args.models, |path| {
        let model = Model::among(path, &args.models, &args.bind)?;
        model.warn(several);
        let prediction = adapted.predict(&model.bound, latency)?;
        let ends = prediction.bounds.map(|bounds| (bounds.low.value(), bounds.high.value()));
        said.predictions.push(Predicted {
            model: model.path,
            batch: model.bound.batch(),
            latency_ms: prediction.value.value(),
            interval_low_ms: ends.map(|ends| ends.0),
            interval_high_ms: ends.map(|ends| ends.1),
            warnings: Vec::new(),
            shares_percent: Vec::new(),
        });
        Ok(())
    });
    said.print(args.json)?;
    done
}
