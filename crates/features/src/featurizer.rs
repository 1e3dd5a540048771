//! A featuriser as one thing that is fitted, stored and applied.

use ndarray::{ArrayView2, ArrayViewMut1};
use serde::{Deserialize, Serialize};
use tachograph_ir::Concrete;

use crate::{Error, FeatureGraph, Normalizer, Result, Schema, extended, nnlp};

/// The featurisers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// NNLP as released: fixed operators, fixed normalisation.
    Nnlp,
    /// Logarithmic extents and costs, operators and normalisation from the training data.
    #[default]
    Extended,
}

/// Makes features of bound graphs. Serialise it into the checkpoint of whatever was trained on them.
///
/// ```
/// use tachograph_features::{Featurizer, Kind};
/// use tachograph_ir::{Builder, Config, DType};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut b = Builder::new("tiny");
/// let x = b.input("x", DType::F32, vec![1.into(), 3.into(), 32.into(), 32.into()]);
/// let x = b.conv(x, 16, [3, 3], 1, 1, 1, true)?;
/// let x = b.op("Relu", &[x])?;
/// let bound = b.finish(&[x])?.bind(&Config::new())?;
/// let featurizer = Featurizer::fit(Kind::Extended, &[&bound])?;
/// let features = featurizer.featurize(&bound)?;
/// assert_eq!(features.nodes.nrows(), 2);
/// assert_eq!(features.edges, [(1, 0), (0, 1)]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Featurizer {
    schema: Schema,
    /// Of node columns and of graph columns; NNLP's normalisation is part of its definition.
    normalizers: Option<(Normalizer, Normalizer)>,
}

#[derive(Serialize, Deserialize)]
struct Fields {
    schema: Schema,
    nodes: Option<Normalizer>,
    globals: Option<Normalizer>,
}

impl Featurizer {
    /// NNLP's, which needs no data.
    pub fn nnlp() -> Self {
        Self { schema: Schema::nnlp(), normalizers: None }
    }

    /// Takes operators, means and deviations from `graphs`: training data only.
    ///
    /// # Errors
    /// No graph, or one whose costs cannot be computed.
    pub fn fit(kind: Kind, graphs: &[&Concrete]) -> Result<Self> {
        if kind == Kind::Nnlp {
            return Ok(Self::nnlp());
        }
        let schema = Schema::extended(extended::operators(graphs.iter().copied()));
        let raw = Self { schema, normalizers: None };
        let features = graphs.iter().map(|bound| raw.featurize(bound)).collect::<Result<Vec<_>>>()?;
        let Self { schema, .. } = raw;
        let nodes = features.iter().map(|f| f.nodes.view());
        let nodes = Normalizer::fit(nodes, schema.node_columns.len(), schema.one_hot())?;
        let width = schema.global_columns.len();
        let globals = features.iter().filter_map(|f| ArrayView2::from_shape((1, width), &f.globals).ok());
        let globals = Normalizer::fit(globals, width, 0)?;
        Ok(Self { schema, normalizers: Some((nodes, globals)) })
    }

    /// What the columns mean.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Features of a graph. Operators outside the schema are no error: see [`FeatureGraph::unknown`].
    ///
    /// # Errors
    /// A graph where nothing runs, or whose costs cannot be computed.
    pub fn featurize(&self, bound: &Concrete) -> Result<FeatureGraph> {
        if bound.live().is_empty() {
            return Err(Error::Empty { graph: bound.graph().name().to_owned() });
        }
        let mut features = match self.schema.kind {
            Kind::Nnlp => nnlp::featurize(bound)?,
            Kind::Extended => extended::featurize(&self.schema, bound)?,
        };
        if let Some((nodes, globals)) = &self.normalizers {
            features.nodes.rows_mut().into_iter().try_for_each(|row| nodes.apply(row))?;
            globals.apply(ArrayViewMut1::from(&mut features.globals))?;
        }
        Ok(features)
    }
}

impl From<Featurizer> for Fields {
    fn from(featurizer: Featurizer) -> Self {
        let (nodes, globals) = featurizer.normalizers.unzip();
        Self { schema: featurizer.schema, nodes, globals }
    }
}

impl TryFrom<Fields> for Featurizer {
    type Error = String;

    fn try_from(fields: Fields) -> Result<Self, String> {
        let Fields { schema, nodes, globals } = fields;
        if !schema.is_current() {
            let (version, ours) = (schema.version, Schema::VERSION);
            return Err(format!("feature schema of version {version} is not what this library (version {ours}) makes"));
        }
        let fits = |n: &Normalizer, columns: &[String]| n.is_sound() && n.width() == columns.len();
        let normalizers = match (nodes, globals) {
            (Some(n), Some(g)) if fits(&n, &schema.node_columns) && fits(&g, &schema.global_columns) => Some((n, g)),
            (None, None) => None,
            _ => return Err("normaliser does not fit the feature schema".into()),
        };
        Ok(Self { schema, normalizers })
    }
}
