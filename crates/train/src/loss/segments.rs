//! The lists of a batch.

use tch::{Device, Kind, Tensor};

use super::function::Torch;
use crate::{Error, Result, error::torch};

/// Which samples of a batch are ranked against each other: consecutive lists of unequal length, one a graph or a
/// task.
///
/// Ranking losses see all lists at once as a matrix of L lists by M, the longest, with a mask; those over pairs
/// take O(L·M²) memory.
#[derive(Debug)]
pub struct RankedLists {
    lists: i64,
    longest: i64,
    samples: i64,
    /// Sample of each place of the matrix, (L·M); 0 where there is none.
    index: Tensor,
    /// True where there is a sample, (L, M).
    mask: Tensor,
    /// Samples of each list, (L).
    lengths: Tensor,
}

impl RankedLists {
    /// From the number of samples of each list, in the order of the batch.
    ///
    /// # Errors
    /// No list, or an empty one.
    pub fn from_lengths(lengths: &[usize], device: Device) -> Result<Self> {
        let longest = lengths.iter().copied().max().unwrap_or(0);
        if let Some(empty) = lengths.iter().position(|&n| n == 0) {
            return Err(refuse(format!("list {empty} of the batch is empty")));
        }
        let places = lengths.len().checked_mul(longest).filter(|&n| n > 0);
        let places = places.ok_or_else(|| refuse(format!("{} lists in a batch", lengths.len())))?;
        let (mut index, mut mask, mut start) = (Vec::with_capacity(places), Vec::with_capacity(places), 0);
        for &length in lengths {
            index.extend((0..longest).map(|i| if i < length { (start + i) as i64 } else { 0 }));
            mask.extend((0..longest).map(|i| i < length));
            start += length;
        }
        let (lists, longest) = (lengths.len() as i64, longest as i64);
        let build = || {
            let lengths: Vec<i64> = lengths.iter().map(|&n| n as i64).collect();
            let place = |t: Tensor| t.f_to_device(device);
            Ok(Self {
                lists,
                longest,
                samples: start as i64,
                index: place(Tensor::f_from_slice(&index)?)?,
                mask: place(Tensor::f_from_slice(&mask)?)?.f_view([lists, longest])?,
                lengths: place(Tensor::f_from_slice(&lengths)?)?,
            })
        };
        build().map_err(torch("segments"))
    }

    /// From the list of each sample; equal ids stand together.
    ///
    /// # Errors
    /// No sample, or an id that comes back after another.
    pub fn from_ids<I: PartialEq + Ord + std::fmt::Debug>(ids: &[I], device: Device) -> Result<Self> {
        let runs: Vec<&[I]> = ids.chunk_by(PartialEq::eq).collect();
        let mut heads: Vec<&I> = runs.iter().filter_map(|run| run.first()).collect();
        heads.sort_unstable();
        if let Some(twice) = heads.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(refuse(format!("samples of list {:?} do not stand together", twice[0])));
        }
        Self::from_lengths(&runs.iter().map(|run| run.len()).collect::<Vec<_>>(), device)
    }

    /// The lists that `loss` cannot do without, of as many samples as there are targets.
    ///
    /// # Errors
    /// There are none, or of another number of samples.
    pub fn required<'a>(lists: Option<&'a Self>, loss: &'static str, target: &Tensor) -> Result<&'a Self> {
        let lists = lists.ok_or(Error::LossWithoutSegments { loss })?;
        let (found, expected) = (vec![lists.samples], target.size());
        if found == expected { Ok(lists) } else { Err(Error::LossShape { loss, what: "segments", found, expected }) }
    }

    /// Samples of all lists together.
    pub fn samples(&self) -> i64 {
        self.samples
    }

    /// Number of lists.
    pub fn lists(&self) -> i64 {
        self.lists
    }

    /// (n) → (L, M), `fill` where a list has ended.
    pub(super) fn pad(&self, values: &Tensor, fill: f64) -> Torch {
        let padded = values.f_index_select(0, &self.index)?.f_view([self.lists, self.longest])?;
        padded.f_masked_fill(&self.mask.f_logical_not()?, fill)
    }

    /// xᵢ − xⱼ within each list: (n) → (L, M, M).
    pub(super) fn differences(&self, values: &Tensor) -> Torch {
        let rows = self.pad(values, 0.0)?;
        rows.f_unsqueeze(2)?.f_sub(&rows.f_unsqueeze(1)?)
    }

    /// True for two samples of a list: (L, M, M).
    pub(super) fn pairs(&self) -> Torch {
        self.mask.f_unsqueeze(2)?.f_logical_and(&self.mask.f_unsqueeze(1)?)
    }

    /// True for each two samples of a list once, i < j: (L, M, M).
    pub(super) fn upper(&self) -> Torch {
        self.pairs()?.f_triu(1)
    }

    /// Sums (L, M, M) `costs` over the pairs in `chosen`, divides by the number of unordered pairs of the list, and
    /// averages over lists.
    pub(super) fn mean_over_pairs(&self, costs: &Tensor, chosen: &Tensor) -> Torch {
        let sums = costs.f_mul(&chosen.f_to_kind(costs.kind())?)?.f_sum_dim_intlist(&[1i64, 2][..], false, None)?;
        sums.f_div(&self.pair_counts(costs.kind())?)?.f_mean(None)
    }

    /// True where a list has a sample: (L, M).
    pub(super) fn mask(&self) -> &Tensor {
        &self.mask
    }

    /// m(m − 1)/2 of each list, at least 1, since a list of one has no pair and counts 0: (L).
    fn pair_counts(&self, kind: Kind) -> Torch {
        let m = self.lengths.f_to_kind(kind)?;
        m.f_mul(&m.f_sub_scalar(1.0)?)?.f_div_scalar(2.0)?.f_clamp_min(1.0)
    }
}

fn refuse(message: String) -> Error {
    Error::Lists { message }
}
