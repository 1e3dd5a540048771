//! A value of one output: a physical term, times a factor that a network says of it.

use std::collections::{BTreeSet, HashMap, HashSet};

use tachograph_ir::{BoundGraph, DType, NodeId, Quantity};

use crate::{
    Amount, Bounds, Manifest, Output, OutputId, Outside, Prediction, Result, Seen,
    familiar::{Familiar, Unfamiliar},
    ladder::Rung,
    physics::{Demand, Machine, Terms, Work},
    seen::held,
};

/// How much longer than as f32 a type can take that a library has no kernels for. Convolutions in float16 took libtorch 76
/// times as long on a Xeon whose oneDNN was kept from its instructions for it (docs/predicting.md).
const EMULATED: f64 = 80.0;

/// What is estimated of an output, of a network at one batch.
#[derive(Clone, Debug)]
pub(crate) struct Estimate {
    pub value: f64,
    batch: u64,
    /// How many times smaller or larger it is than those that were seen, at least 1.
    beyond: f64,
    /// What no measurement is below, and what bounds those that were seen of this size, around the device's peaks and
    /// around f32.
    floor: f64,
    range: Option<(f64, f64)>,
    outside: Vec<Outside>,
}

impl Estimate {
    /// Of each of `outputs`. `network` predicts them for a graph that is familiar, and says which operators are not.
    pub fn all(
        manifest: &Manifest,
        bound: &BoundGraph,
        outputs: &[OutputId],
        network: impl FnOnce(&BoundGraph) -> Result<(Vec<f64>, Vec<String>)>,
    ) -> Result<Vec<Self>> {
        let known = outputs.iter().map(|&id| manifest.get(id)).collect::<Result<Vec<_>>>()?;
        // One graph serves all outputs, in types that all of them learned.
        let mut learned = known.iter().map(|output| output.types()).reduce(|a, b| &a & &b).unwrap_or_default();
        if learned.is_empty() {
            learned.insert(DType::F32);
        }
        let learned: Vec<DType> = learned.into_iter().collect();
        let unfamiliar = Unfamiliar::of(bound, manifest.featurizer.schema(), &learned);
        let familiar = (!unfamiliar.is_empty()).then(|| Familiar::of(bound, &unfamiliar));
        let rest = familiar.as_ref().map_or(Some(bound), |familiar| familiar.bound.as_ref());
        let (values, unknown) = match rest {
            Some(rest) => network(rest)?,
            None => (vec![0.0; outputs.len()], Vec::new()),
        };
        let demand = Demand::of(bound)?;
        let learned = match (&familiar, rest) {
            (Some(_), Some(rest)) => Some(Demand::of(rest)?),
            (Some(_), None) => None,
            (None, _) => Some(demand.clone()),
        };
        let mut names: BTreeSet<String> = unknown.into_iter().collect();
        names.extend(unfamiliar.operators.iter().map(|&id| bound.graph().node(id).op.to_string()));
        let unseen: HashSet<NodeId> = unfamiliar.operators.into_iter().collect();
        let (unseen, own) = demand.work.iter().copied().partition(|work| unseen.contains(&work.id));
        let stand_in = unfamiliar.stand_in;
        let packed = manifest.featurizer.schema().node_column("own_weights").is_some();
        let case = Case {
            batch: bound.batch(),
            own,
            unseen,
            demand,
            learned,
            names,
            types: unfamiliar.types,
            stand_in,
            packed,
        };
        Ok(known.into_iter().zip(values).map(|(output, value)| case.estimate(output, value)).collect())
    }

    /// Parts of `total` by operator. `network` says what it puts out for each operator of a graph that is familiar, if it is
    /// a sum over operators.
    pub fn operators(
        manifest: &Manifest,
        bound: &BoundGraph,
        output: OutputId,
        total: f64,
        network: impl FnOnce(&BoundGraph) -> Result<Option<Vec<(NodeId, f64)>>>,
    ) -> Result<Option<Vec<(NodeId, f64)>>> {
        let output = manifest.get(output)?;
        let unfamiliar =
            Unfamiliar::of(bound, manifest.featurizer.schema(), &output.types().into_iter().collect::<Vec<_>>());
        let familiar = (!unfamiliar.is_empty()).then(|| Familiar::of(bound, &unfamiliar));
        let mut parts = match &familiar {
            None => network(bound)?,
            Some(Familiar { bound: Some(rest), was }) => network(rest)?
                .map(|times| times.into_iter().filter_map(|(id, time)| Some((*was.get(id.index())?, time))).collect()),
            Some(_) => Some(Vec::new()),
        };
        if let Some(parts) = &mut parts {
            let machine = Machine::of(output);
            let terms: HashMap<NodeId, Terms> =
                Work::of(bound)?.iter().map(|work| (work.id, machine.terms(work))).collect();
            let size = |ids: &mut dyn Iterator<Item = NodeId>| {
                ids.filter_map(|id| Some(terms.get(&id)?.roofline)).sum::<f64>()
            };
            let unseen = size(&mut unfamiliar.operators.iter().copied());
            let known = size(&mut parts.iter().map(|(id, _)| *id));
            // A network's scale is that of the whole; operators that it never saw are as large beside it as their rooflines.
            let sum: f64 = parts.iter().map(|(_, time)| time).sum();
            let scale = if known > 0.0 && sum > 0.0 { sum / known } else { 1.0 };
            parts.extend(unfamiliar.operators.iter().filter_map(|&id| Some((id, terms.get(&id)?.roofline * scale))));
            parts.sort_by_key(|(id, _)| *id);
            let factor = total / (sum + unseen * scale);
            parts.iter_mut().for_each(|(_, time)| *time *= factor);
        }
        Ok(parts)
    }

    /// What is known at its batch. A network says less of others than it learned from.
    pub fn rung(&self) -> Rung {
        Rung { value: self.value, weight: self.beyond.powi(-2) }
    }

    /// The prediction `value`, with what is known around it.
    pub fn prediction(&self, manifest: &Manifest, output: &Output, value: f64) -> Prediction {
        let mut outside = self.outside.clone();
        if let Some(seen) = &output.seen {
            let (low, high) = seen.batches;
            if self.batch.saturating_mul(4) < low || self.batch > high.saturating_mul(4) {
                outside.push(Outside::Batch { batch: self.batch, seen: (low, high) });
            }
        }
        if manifest.extrapolates(output, value) {
            let seen = output.range.unwrap_or(manifest.training.range_ms);
            outside.push(Outside::Value { seen, unit: output.quantity.unit() });
        }
        let of = |value| Amount::new(output.quantity, value);
        let bounds = match &output.interval {
            Some(interval) if outside.is_empty() => {
                let (low, high) = interval.around(value);
                let nominal = Some(interval.nominal);
                Some(Bounds { low: of(low.max(self.floor)), high: of(high), nominal, source: interval.source.clone() })
            }
            _ if outside.is_empty() => None,
            _ => self.range.map(|(low, high)| Bounds {
                low: of(low.min(value)),
                high: of(high.max(value)),
                nominal: None,
                source: "from the device's peaks to the slowest of this size in training".into(),
            }),
        };
        Prediction { value: of(value), bounds, outside }
    }
}

/// A network, and what of it the networks of a checkpoint were asked.
struct Case {
    batch: u64,
    demand: Demand,
    /// Its operators, but for those that were never seen.
    own: Vec<Work>,
    /// Operators that were never seen.
    unseen: Vec<Work>,
    /// What is familiar, in types that were learned; none where nothing is.
    learned: Option<Demand>,
    /// Names of operators that were never seen.
    names: BTreeSet<String>,
    /// Types that were never learned.
    types: Vec<DType>,
    /// What stands in for them.
    stand_in: DType,
    /// The network has factors for weights that a compiler packs.
    packed: bool,
}

impl Case {
    fn estimate(&self, output: &Output, network: f64) -> Estimate {
        let machine = Machine::of(output);
        // The physical terms of what is familiar, in its own types and in those that were learned, and of what is not.
        let (floor, own, learned, unseen) = if output.quantity == Quantity::Memory {
            let learned = self.learned.as_ref().map_or(0.0, |learned| learned.resident);
            // What is packed takes less than it has bytes, and who runs neighbours in stripes never holds a tensor whole.
            let floor = if self.packed { 0.0 } else { self.demand.least_resident };
            (floor, self.demand.resident, learned, 0.0)
        } else {
            let (own, unseen) = (machine.total(&self.own), machine.total(&self.unseen));
            let learned = self.learned.as_ref().map_or(0.0, |learned| machine.total(&learned.work).roofline);
            // How little power a device can take is not known.
            let floor = if output.quantity == Quantity::Latency {
                [own, unseen].into_iter().sum::<Terms>().floor.ms()
            } else {
                0.0
            };
            (floor, own.roofline, learned, unseen.roofline)
        };
        let size = own + unseen;
        let at = output.seen.as_ref().and_then(|seen| seen.at(size));
        let floor_ratio = if size > 0.0 { floor / size } else { 0.0 };
        let (low, high) = at.map_or((0.0, f64::INFINITY), |at| (at.low, at.high));
        // An operator that was never seen takes as much more than its roofline as is usual.
        let usual = at.map_or(1.0, |at| at.middle).max(floor_ratio);
        let ratio = if learned > 0.0 && network > 0.0 { network / learned } else { usual };
        let value = own * held(ratio, low, high, floor_ratio) + unseen * usual;
        let mut outside = Vec::new();
        let types: Vec<DType> = self.types.iter().copied().filter(|dtype| !output.types().contains(dtype)).collect();
        let converted: Vec<DType> = types.iter().copied().filter(|&t| !machine.computes(t)).collect();
        let range = at.map(|at| {
            let emulated = if converted.is_empty() { 1.0 } else { EMULATED };
            (floor.max(size * at.low), size * at.high * emulated)
        });
        if !types.is_empty() {
            outside.push(Outside::Types { types, converted, learned: self.stand_in });
        }
        if !self.names.is_empty() {
            let share = if size > 0.0 { unseen / size } else { 0.0 };
            outside.push(Outside::Operators { names: self.names.iter().cloned().collect(), share });
        }
        let ratios = output.seen.as_ref().map_or(&[][..], |seen| &seen.ratios);
        let beyond = match (ratios.first(), ratios.last()) {
            (Some(smallest), Some(largest)) if size > 0.0 => (smallest.size / size).max(size / largest.size).max(1.0),
            _ => 1.0,
        };
        Estimate { value, batch: self.batch, beyond, floor, range, outside }
    }
}

impl Output {
    /// The physical term of its value: the roofline of its device in ms, or for a memory what is resident, in MB.
    ///
    /// # Errors
    /// An operation count that exceeds 64 bits.
    pub fn physical(&self, bound: &BoundGraph) -> Result<f64> {
        let demand = Demand::of(bound)?;
        Ok(match self.quantity {
            Quantity::Memory => demand.resident,
            Quantity::Latency | Quantity::Energy => Machine::of(self).total(&demand.work).roofline,
        })
    }

    /// Types that it learned; f32 where that is not recorded.
    fn types(&self) -> BTreeSet<DType> {
        self.seen.as_ref().map_or(BTreeSet::from([DType::F32]), |Seen { types, .. }| types.iter().copied().collect())
    }
}
