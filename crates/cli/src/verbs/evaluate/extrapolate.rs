//! A checkpoint on a set that it was not trained on.

use std::path::Path;

use anyhow::Result;
use serde_json::json;
use tachograph_metrics::Report;
use tachograph_train::{Extrapolation, extrapolate};

use super::Args;
use crate::{exit, table};

pub fn run(args: &Args, checkpoint: &Path, set: &Path) -> Result<()> {
    let Extrapolation { evaluation, families, left_out, same_set } =
        extrapolate(checkpoint, set, args.root.as_deref(), &args.device, args.out.as_deref())?;
    if same_set {
        exit::warn("the checkpoint was trained on networks of this set: what it says of them is no extrapolation");
    }
    if let Some((first, why)) = left_out.first_key_value() {
        exit::warn(&format!("{} networks are left out ({first}: {why})", left_out.len()));
    }
    if !args.json {
        let row = |(name, r): (&String, &Report)| {
            let rank = r.spearman.map_or("–".into(), |s| format!("{s:.4}"));
            [name.clone(), r.n.to_string(), format!("{:.2}", 100.0 * r.mape), format!("{:.1}", 100.0 * r.acc_10), rank]
        };
        let titles = ["output", "networks", "MAPE %", "Acc@10 % %", "Spearman"];
        table::table(&titles, &evaluation.outputs.iter().map(row).collect::<Vec<_>>());
        out!("\n{families}");
        return Ok(());
    }
    evaluation.outputs.iter().try_for_each(|(name, r)| {
        table::json(&json!({
            "output": name, "networks": r.n, "mape_percent": 100.0 * r.mape,
            "acc_10_percent": 100.0 * r.acc_10, "spearman": r.spearman,
        }))
    })
}
