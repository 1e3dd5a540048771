//! What an output has seen of its training set, which bounds its predictions.

use std::collections::BTreeSet;

use rayon::prelude::*;
use tachograph_ir::DType;
use tachograph_predict::{Sample, Seen, data_types};

use crate::{Corpus, Entry, Manifest, Output, Result};

/// Writes into `manifest` what each of its outputs has seen of the entries at `members` of `corpus`, whose outputs are found
/// by device and quantity; one that is not there stays as it is.
///
/// # Errors
/// An operation count that exceeds 64 bits.
pub fn record_seen(manifest: &mut Manifest, corpus: &Corpus, members: &[usize]) -> Result<()> {
    let same = |a: &Output, b: &Output| a.name == b.name && a.quantity == b.quantity;
    for output in &mut manifest.outputs {
        if let Some(column) = corpus.outputs.iter().position(|other| same(other, output)) {
            let entries: Vec<&Entry> = members.iter().filter_map(|&i| corpus.entries.get(i)).collect();
            output.seen = seen(output, column, &entries)?;
        }
    }
    Ok(())
}

fn seen(output: &Output, column: usize, entries: &[&Entry]) -> Result<Option<Seen>> {
    let measured = |entry: &&&Entry| entry.targets.get(column).is_some_and(|target| target.is_finite());
    let entries: Vec<&Entry> = entries.iter().filter(measured).copied().collect();
    let sample = |entry: &&Entry| {
        let measured = entry.targets.get(column).copied().unwrap_or(f64::NAN);
        Ok(Sample { batch: entry.batch, physical: output.physical(&entry.bound)?, measured })
    };
    let samples = entries.par_iter().map(sample).collect::<Result<Vec<_>>>()?;
    let types: BTreeSet<DType> = entries.par_iter().flat_map_iter(|entry| data_types(&entry.bound)).collect();
    Ok(Seen::fit(&samples, types.into_iter().collect()))
}
