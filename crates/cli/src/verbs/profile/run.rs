//! Measures on libtorch.

use anyhow::Result;
use serde_json::json;
use tachograph_ir::{Bytes, Joules, Plain};
use tachograph_profile::{OperatorTime, Profile, Protocol, Session, device, operators};

use super::Args;
use crate::{
    exit,
    measured::{element_type, keep},
    models::Model,
    table,
};

pub fn run(args: &Args) -> Result<()> {
    let devices = args.device.iter().map(|name| Ok((name, device(name)?))).collect::<Result<Vec<_>>>()?;
    let store = args.record.open()?;
    tch::set_num_threads(args.threads);
    let several = args.models.models.len() > 1;
    exit::each(&args.models.models, |path| {
        let model = Model::among(path, &args.models.models, &args.models.bind)?;
        model.warn(several);
        exit::each(&devices, |(_, device)| {
            let mut session = Session::new(&model.bound, *device)?;
            session.visit(&Protocol::default())?;
            let measurement = session.result()?;
            keep(store.as_ref(), &model.bound, &measurement);
            let mut times = operators(session.executor(), 10)?;
            times.sort_by(|a, b| b.median_ms.total_cmp(&a.median_ms));
            show(args, &model, &measurement, &times)
        })
    })
}

fn show(args: &Args, model: &Model, m: &Profile, times: &[OperatorTime]) -> Result<()> {
    let (e, total) = (&m.environment, times.iter().map(|t| t.median_ms).sum::<f64>());
    let named = times.iter().take(args.top).map(|t| (model.bound.graph().node(t.node), t.median_ms));
    if args.json {
        let operators = named.map(|(n, ms)| json!({ "operator": n.op.to_string(), "name": n.name, "latency_ms": ms }));
        return table::json(&json!({
            "model": model.path, "batch": model.bound.batch(), "device": e.kind, "hardware": e.device,
            "threads": e.threads, "governor": e.governor, "library": e.library, "precision": element_type(&model.bound).to_string(), "date": e.date,
            "latency_ms": m.median_ms, "latency_min_ms": m.min_ms, "latency_iqr_ms": m.iqr_ms,
            "precision_percent": 100.0 * m.precision, "repeats": m.repeats, "memory_bytes": m.peak_memory,
            "energy_j": m.energy, "operators": operators.collect::<Vec<_>>(),
        }));
    }
    let Profile { median_ms, repeats, iqr_ms, min_ms, .. } = m;
    out!("{} at batch {}", Plain(&model.path), model.bound.batch());
    let precision = 100.0 * m.precision;
    out!(
        "latency  {median_ms:.3} ms (median of {repeats}, ±{precision:.1} %, quartiles {iqr_ms:.3} ms apart, fastest {min_ms:.3} ms)"
    );
    let threads = table::counted(e.threads as usize, "thread");
    let of = format!("{threads}, governor {}, {}, {}, {}", e.governor, e.library, element_type(&model.bound), e.date);
    out!("device   {} ({}), {of}", e.kind, e.device);
    m.peak_memory.into_iter().for_each(|bytes| out!("memory   {} at the peak", Bytes(bytes)));
    if let Some(joules) = m.energy {
        out!("energy   {} an inference, {:.0} W", Joules(joules), 1e3 * joules / m.median_ms);
    }
    let share = |ms: f64| format!("{:.1}", 100.0 * ms / total);
    let rows: Vec<_> = named.map(|(n, ms)| [format!("{ms:.3}"), share(ms), format!("{} `{}`", n.op, n.name)]).collect();
    table::table(&["ms", "%", "operator"], &rows);
    Ok(())
}
