//! What was measured of a batch, output by output.

use tch::{Device, Tensor};

use crate::{Example, Output, Result, error::torch, loss::RankedLists};

/// What ranking losses rank.
#[derive(Clone, Copy)]
pub(crate) enum Lists {
    /// The configurations of each network.
    Networks,
    /// The whole batch.
    Batch,
}

/// The measured values of a batch of examples by outputs: those of the first output, then those of the second, and so
/// on. A loss sees nothing else, so that what was not measured has no part in it.
#[derive(Debug)]
pub(crate) struct Known {
    /// What the network should put out: (values).
    pub targets: Tensor,
    /// What ranking losses rank; lists never mix outputs.
    pub lists: Option<RankedLists>,
    /// Place of each value among the predictions, row by row; `None` where there is one output and all is known.
    places: Option<Tensor>,
}

impl Known {
    /// Of `examples`, in the units of `outputs`' targets.
    ///
    /// # Errors
    /// A device out of memory; examples of a network that do not stand together though its lists are ranked.
    pub fn new(examples: &[&Example], outputs: &[Output], lists: Option<Lists>, device: Device) -> Result<Self> {
        let (mut values, mut places, mut lengths) = (vec![], vec![], vec![]);
        let mut names: Vec<(usize, &str)> = vec![];
        for (o, output) in outputs.iter().enumerate() {
            let before = values.len();
            for (s, example) in examples.iter().enumerate() {
                if let Some(value) = example.target(o) {
                    values.push(output.target.encode(value) as f32);
                    // Where the prediction for it stands once (examples, outputs) is laid out row by row.
                    places.push((s * outputs.len() + o) as i64);
                    names.push((o, &example.name));
                }
            }
            // One list an output, since values of different outputs cannot be compared; an empty list is none.
            lengths.extend(Some(values.len() - before).filter(|&n| n > 0));
        }
        // The usual case saves a gather, and its gradient, in every step.
        let whole = outputs.len() == 1 && values.len() == examples.len();
        let place = |t: Tensor| t.f_to_device(device);
        let places = (!whole).then(|| Tensor::f_from_slice(&places).and_then(place)).transpose();
        Ok(Self {
            targets: Tensor::f_from_slice(&values).and_then(place).map_err(torch("targets"))?,
            lists: match lists {
                None => None,
                Some(Lists::Batch) => Some(RankedLists::from_lengths(&lengths, device)?),
                Some(Lists::Networks) => Some(RankedLists::from_ids(&names, device)?),
            },
            places: places.map_err(torch("targets"))?,
        })
    }

    /// Of configurations of graphs: `lengths` of each graph, side by side.
    ///
    /// # Errors
    /// A device out of memory; a graph without configurations.
    pub fn of_configurations(targets: &[f32], lengths: &[usize], device: Device) -> Result<Self> {
        let targets = Tensor::f_from_slice(targets).and_then(|t| t.f_to_device(device)).map_err(torch("targets"))?;
        Ok(Self { targets, lists: Some(RankedLists::from_lengths(lengths, device)?), places: None })
    }

    /// The predictions of what is known: (examples, outputs) → (values).
    ///
    /// # Errors
    /// Predictions of another shape.
    pub fn of(&self, predictions: &Tensor) -> Result<Tensor> {
        let flat = predictions.f_reshape([-1]).map_err(torch("predictions"))?;
        match &self.places {
            None => Ok(flat),
            Some(places) => flat.f_index_select(0, places).map_err(torch("predictions")),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use tachograph_features::FeatureGraph;
    use tachograph_ir::Quantity;

    use super::*;
    use crate::{
        Loss, OutputScale,
        loss::{RankNet, Squared},
    };

    fn example(name: &str, targets: [f64; 2]) -> Example {
        let features = FeatureGraph { nodes: Array2::zeros((1, 1)), ..FeatureGraph::default() };
        Example { name: name.into(), family: "any".into(), batch: 1, features, targets: targets.into() }
    }

    fn outputs() -> [Output; 2] {
        let output = |name, scale| Output { target: OutputScale { scale }, ..Output::new(name, Quantity::Latency) };
        [output("one", 1.0), output("two", 10.0)]
    }

    fn numbers(tensor: &Tensor) -> Vec<f32> {
        Vec::try_from(tensor.flatten(0, -1)).unwrap()
    }

    #[test]
    fn losses_see_what_is_known_and_nothing_else() {
        let examples = [example("a", [1.0, f64::NAN]), example("b", [2.0, 30.0]), example("c", [f64::NAN, 40.0])];
        let examples: Vec<&Example> = examples.iter().collect();
        let known = Known::new(&examples, &outputs(), Some(Lists::Batch), Device::Cpu).unwrap();
        assert_eq!(numbers(&known.targets), [1.0, 2.0, 3.0, 4.0]);
        let predictions = Tensor::from_slice(&[1.5f32, 99.0, 2.5, 3.5, 99.0, 4.5]).reshape([3, 2]);
        let predictions = predictions.set_requires_grad(true);
        let of_known = known.of(&predictions).unwrap();
        assert_eq!(numbers(&of_known), [1.5, 2.5, 3.5, 4.5]);
        let loss = Loss::from(Squared {}).value(&of_known, &known.targets, known.lists.as_ref()).unwrap();
        assert_eq!(f64::try_from(&loss).unwrap(), 0.25);
        loss.backward();
        assert_eq!(numbers(&predictions.grad()), [0.25, 0.0, 0.25, 0.25, 0.0, 0.25]);
        let lists = known.lists.unwrap();
        assert_eq!((lists.lists(), lists.samples()), (2, 4));
        assert!(Loss::from(RankNet {}).value(&of_known, &known.targets, Some(&lists)).is_ok());
    }

    #[test]
    fn networks_are_ranked_output_by_output() {
        let examples = [example("a", [1.0, 2.0]), example("a", [2.0, f64::NAN]), example("b", [3.0, 4.0])];
        let examples: Vec<&Example> = examples.iter().collect();
        let known = Known::new(&examples, &outputs(), Some(Lists::Networks), Device::Cpu).unwrap();
        assert_eq!(known.lists.unwrap().lists(), 4);
    }
}
