//! A featuriser as one thing that is fitted, stored and applied.

use std::collections::BTreeSet;

use ndarray::{ArrayView2, ArrayViewMut1};
use serde::{Deserialize, Serialize};
use tachograph_ir::{BoundGraph, Quantity};

use crate::{Columns, Error, FeatureGraph, FeatureSet, Normalizer, Result, Schema, normalizer::Scaling, sets::xla};

/// Makes features of bound graphs. Serialise it into the checkpoint of whatever was trained on them.
///
/// ```
/// use tachograph_features::{Featurizer, FeatureSet};
/// use tachograph_ir::{Builder, Assignment, DType};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut b = Builder::new("tiny");
/// let x = b.input("x", DType::F32, vec![1.into(), 3.into(), 32.into(), 32.into()]);
/// let x = b.conv(x, 16, [3, 3], 1, 1, 1, true)?;
/// let x = b.op("Relu", &[x])?;
/// let bound = b.finish(&[x])?.bind(&Assignment::new())?;
/// let featurizer = Featurizer::fit(FeatureSet::COSTS, &[&bound])?;
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
    /// Fitted ones; where there are none, the scale is part of the definition of the columns.
    normalizers: Option<Normalizers>,
}

#[derive(Clone, Debug, PartialEq)]
struct Normalizers {
    nodes: Normalizer,
    edges: Option<Normalizer>,
    globals: Normalizer,
}

#[derive(Serialize, Deserialize)]
struct Fields {
    schema: Schema,
    nodes: Option<Normalizer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    edges: Option<Normalizer>,
    globals: Option<Normalizer>,
}

impl Featurizer {
    /// Takes operators and scales from `graphs`: training data only. A set that fixes both needs none.
    ///
    /// # Errors
    /// No graph, or one whose costs cannot be computed.
    pub fn fit(set: FeatureSet, graphs: &[&BoundGraph]) -> Result<Self> {
        if set.fixed_operators().is_some() {
            return Ok(Self { schema: Schema::new(set, vec![]), normalizers: None });
        }
        let operators: BTreeSet<String> = graphs.iter().flat_map(|bound| set.operators(bound)).collect();
        let raw = Self { schema: Schema::new(set, operators.into_iter().collect()), normalizers: None };
        let features = graphs.iter().map(|bound| raw.raw(bound)).collect::<Result<Vec<_>>>()?;
        let normalizers = Some(Normalizers::fit(&raw.schema, &features)?);
        Ok(Self { schema: raw.schema, normalizers })
    }

    /// Of one of the sets of archives ([`FeatureSet::XLA`] and others), with scales taken from rows of nodes and rows of
    /// configurations (of whole graphs, or of nodes): training data only.
    ///
    /// # Errors
    /// No row of nodes; rows of different widths.
    pub fn fit_archives(
        set: FeatureSet,
        nodes: &[ArrayView2<'_, f32>],
        configurations: &[ArrayView2<'_, f32>],
        of_graphs: bool,
    ) -> Result<Self> {
        let width = |parts: &[ArrayView2<'_, f32>]| parts.first().map_or(0, |part| part.ncols());
        let (columns, of_configuration) = (width(nodes), width(configurations));
        let schema = Schema::new(set, xla::operators(columns, of_configuration, of_graphs));
        let scaling = set.scaling();
        let fit = |parts: &[ArrayView2<'_, f32>], columns| Normalizer::fit(scaling, parts.iter().cloned(), columns, 0);
        let normalizers =
            Normalizers { nodes: fit(nodes, columns)?, edges: None, globals: fit(configurations, of_configuration)? };
        Ok(Self { schema, normalizers: Some(normalizers) })
    }

    /// Scales one row of a node of an archive.
    ///
    /// # Errors
    /// A row of another width.
    pub fn scale_node(&self, row: ArrayViewMut1<'_, f32>) -> Result<()> {
        self.scale(row, |normalizers| &normalizers.nodes)
    }

    /// Scales one row of a configuration of an archive.
    ///
    /// # Errors
    /// A row of another width.
    pub fn scale_configuration(&self, row: ArrayViewMut1<'_, f32>) -> Result<()> {
        self.scale(row, |normalizers| &normalizers.globals)
    }

    fn scale(&self, mut row: ArrayViewMut1<'_, f32>, of: impl Fn(&Normalizers) -> &Normalizer) -> Result<()> {
        if self.schema.set.scaling() == Scaling::SignedLog {
            row.mapv_inplace(|x| x.signum() * x.abs().ln_1p());
        }
        self.normalizers.as_ref().map_or(Ok(()), |normalizers| of(normalizers).apply(row))
    }

    /// What the columns mean.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Features of a graph. Operators outside the schema are no error: see [`FeatureGraph::unknown`].
    ///
    /// # Errors
    /// A graph where nothing runs, or whose costs cannot be computed; for [`FeatureSet::CELL`], one that is named after no
    /// cell.
    pub fn featurize(&self, bound: &BoundGraph) -> Result<FeatureGraph> {
        let mut features = self.raw(bound)?;
        if let Some(normalizers) = &self.normalizers {
            normalizers.apply(&mut features)?;
        }
        Ok(self.schema.set.complete(features))
    }

    /// Before anything is scaled or appended.
    fn raw(&self, bound: &BoundGraph) -> Result<FeatureGraph> {
        if bound.live().is_empty() {
            return Err(Error::Empty { graph: bound.graph().name().to_owned() });
        }
        self.schema.set.featurize(&self.schema, bound)
    }

    /// What `features`, which this featuriser made, say of a quantity without any predictor, as
    /// [`Features::roofline_ms`](crate::Features::roofline_ms).
    pub fn roofline_ms(&self, features: &FeatureGraph, quantity: Quantity) -> Option<f64> {
        self.schema.set.roofline_ms(&self.schema, features, quantity)
    }
}

impl Normalizers {
    fn fit(schema: &Schema, features: &[FeatureGraph]) -> Result<Self> {
        let (columns, scaling) = (schema.columns(), schema.set.scaling());
        let nodes = features.iter().map(|f| f.nodes.view());
        let edges = features.iter().map(|f| f.edge_features.view());
        let width = schema.global_columns.len();
        let globals = features.iter().filter_map(|f| ArrayView2::from_shape((1, width), &f.globals).ok());
        let edges = (!columns.edges.is_empty()).then(|| Normalizer::fit(scaling, edges, columns.edges.len(), 0));
        Ok(Self {
            nodes: Normalizer::fit(scaling, nodes, columns.filled(), columns.kept.len())?,
            edges: edges.transpose()?,
            globals: Normalizer::fit(scaling, globals, width, columns.kept_globals.len())?,
        })
    }

    fn apply(&self, features: &mut FeatureGraph) -> Result<()> {
        features.nodes.rows_mut().into_iter().try_for_each(|row| self.nodes.apply(row))?;
        if let Some(edges) = &self.edges {
            features.edge_features.rows_mut().into_iter().try_for_each(|row| edges.apply(row))?;
        }
        self.globals.apply(ArrayViewMut1::from(&mut features.globals))
    }

    fn fit_columns(&self, columns: &Columns) -> bool {
        let fits = |n: &Normalizer, width: usize| n.is_sound() && n.width() == width;
        fits(&self.nodes, columns.filled())
            && self.edges.as_ref().is_none_or(|edges| fits(edges, columns.edges.len()))
            && fits(&self.globals, columns.kept_globals.len() + columns.scaled_globals.len())
    }
}

impl From<Featurizer> for Fields {
    fn from(Featurizer { schema, normalizers }: Featurizer) -> Self {
        let (nodes, edges, globals) = match normalizers {
            Some(Normalizers { nodes, edges, globals }) => (Some(nodes), edges, Some(globals)),
            None => (None, None, None),
        };
        Self { schema, nodes, edges, globals }
    }
}

impl TryFrom<Fields> for Featurizer {
    type Error = String;

    fn try_from(fields: Fields) -> Result<Self, String> {
        let Fields { schema, nodes, edges, globals } = fields;
        if !schema.is_current() {
            let (version, ours) = (schema.version, Schema::VERSION);
            return Err(format!(
                "its features (schema version {version}) have other columns than this library makes of them (version {ours})"
            ));
        }
        let normalizers = match (nodes, globals) {
            (Some(nodes), Some(globals)) => {
                Some(Normalizers { nodes, edges, globals }).filter(|n| n.fit_columns(&schema.columns()))
            }
            (None, None) if edges.is_none() => return Ok(Self { schema, normalizers: None }),
            _ => None,
        };
        let normalizers = normalizers.ok_or("normaliser does not fit the feature schema")?;
        Ok(Self { schema, normalizers: Some(normalizers) })
    }
}
