//! A featuriser as one thing that is fitted, stored and applied.

use ndarray::{ArrayView2, ArrayViewMut1};
use serde::{Deserialize, Serialize};
use tachograph_ir::BoundGraph;

use crate::{
    Error, FeatureGraph, Normalizer, Result, Schema, brp_nas, costs, dippm, dnnperf, learned_roofline, nnlp, perfsage,
    slapp,
};

/// The featurisers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeatureSet {
    /// NNLP as released: fixed operators, fixed normalisation. See [`nnlp`].
    Nnlp,
    /// Logarithmic extents and costs, operators and normalisation from the training data. See [`costs`].
    #[default]
    #[serde(alias = "extended")]
    Costs,
    /// DIPPM as released: kept calls as a chain. See [`dippm`].
    Dippm,
    /// The same calls, connected as the data flows.
    DippmEdges,
    /// DNNPerf's training graph. See [`dnnperf`].
    #[serde(rename = "dnnperf")]
    DnnPerf,
    /// The same features of the forward graph alone.
    #[serde(rename = "dnnperf-forward")]
    DnnPerfForward,
    /// SLAPP's fused groups. See [`slapp`].
    Slapp,
    /// PerfSAGE's. See [`perfsage`].
    #[serde(rename = "perfsage")]
    PerfSage,
    /// BRP-NAS as released, for networks named after a cell of NAS-Bench-201. See [`brp_nas`].
    Cell,
    /// Any graph of operators in the manner of BRP-NAS.
    GlobalNode,
    /// Costs for one image, and the neighbours of every operator. See [`learned_roofline`].
    #[serde(alias = "tachograph")]
    LearnedRoofline,
}

impl FeatureSet {
    /// Every featuriser.
    pub const ALL: [Self; 11] = [
        Self::Nnlp,
        Self::Costs,
        Self::Dippm,
        Self::DippmEdges,
        Self::DnnPerf,
        Self::DnnPerfForward,
        Self::Slapp,
        Self::PerfSage,
        Self::Cell,
        Self::GlobalNode,
        Self::LearnedRoofline,
    ];

    /// True where neither operators nor normalisation come from training data.
    fn is_fixed(self) -> bool {
        matches!(self, Self::Nnlp | Self::Dippm | Self::DippmEdges | Self::Slapp | Self::Cell)
    }
}

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
/// let featurizer = Featurizer::fit(FeatureSet::Costs, &[&bound])?;
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
    /// Fitted ones; where there are none, normalisation is part of the definition of the columns.
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
    /// NNLP's, which needs no data.
    pub fn nnlp() -> Self {
        Self { schema: Schema::nnlp(), normalizers: None }
    }

    /// Takes operators and normalisation from `graphs`: training data only.
    ///
    /// # Errors
    /// No graph, or one whose costs cannot be computed.
    pub fn fit(kind: FeatureSet, graphs: &[&BoundGraph]) -> Result<Self> {
        if kind.is_fixed() {
            return Ok(Self { schema: Schema::new(kind, vec![]), normalizers: None });
        }
        let mut operators = costs::operators(graphs.iter().copied());
        if kind == FeatureSet::DnnPerf {
            operators.push(dnnperf::update().to_string());
        }
        let raw = Self { schema: Schema::new(kind, operators), normalizers: None };
        let features = graphs.iter().map(|bound| raw.raw(bound)).collect::<Result<Vec<_>>>()?;
        let schema = raw.schema;
        let nodes = features.iter().map(|f| f.nodes.view());
        let edges = features.iter().map(|f| f.edge_features.view());
        let width = schema.global_columns.len();
        let globals = features.iter().filter_map(|f| ArrayView2::from_shape((1, width), &f.globals).ok());
        let normalizers = if matches!(kind, FeatureSet::DnnPerf | FeatureSet::DnnPerfForward) {
            Normalizers {
                nodes: Normalizer::fit_range(nodes, schema.normalized())?,
                edges: Some(Normalizer::fit_range(edges, schema.edge_columns.len())?),
                globals: Normalizer::fit_range(globals, width)?,
            }
        } else {
            Normalizers {
                nodes: Normalizer::fit(nodes, schema.normalized(), schema.untouched())?,
                edges: None,
                globals: Normalizer::fit(globals, width, schema.untouched_globals())?,
            }
        };
        Ok(Self { schema, normalizers: Some(normalizers) })
    }

    /// What the columns mean.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Features of a graph. Operators outside the schema are no error: see [`FeatureGraph::unknown`].
    ///
    /// # Errors
    /// A graph where nothing runs, or whose costs cannot be computed; for [`FeatureSet::Cell`], one that is named after no
    /// cell.
    pub fn featurize(&self, bound: &BoundGraph) -> Result<FeatureGraph> {
        let mut features = self.raw(bound)?;
        if let Some(Normalizers { nodes, edges, globals }) = &self.normalizers {
            features.nodes.rows_mut().into_iter().try_for_each(|row| nodes.apply(row))?;
            if let Some(edges) = edges {
                features.edge_features.rows_mut().into_iter().try_for_each(|row| edges.apply(row))?;
            }
            globals.apply(ArrayViewMut1::from(&mut features.globals))?;
        }
        if self.schema.kind == FeatureSet::GlobalNode { Ok(brp_nas::with_global_node(features)) } else { Ok(features) }
    }

    /// Before normalisation, and without a global node.
    fn raw(&self, bound: &BoundGraph) -> Result<FeatureGraph> {
        if bound.live().is_empty() {
            return Err(Error::Empty { graph: bound.graph().name().to_owned() });
        }
        match self.schema.kind {
            FeatureSet::Nnlp => nnlp::featurize(bound),
            FeatureSet::Costs | FeatureSet::GlobalNode => costs::featurize(&self.schema, bound),
            FeatureSet::Dippm | FeatureSet::DippmEdges => dippm::featurize(&self.schema, bound),
            FeatureSet::DnnPerf | FeatureSet::DnnPerfForward => dnnperf::featurize(&self.schema, bound),
            FeatureSet::Slapp => slapp::featurize(bound),
            FeatureSet::PerfSage => perfsage::featurize(&self.schema, bound),
            FeatureSet::Cell => brp_nas::featurize(bound),
            FeatureSet::LearnedRoofline => learned_roofline::featurize(&self.schema, bound),
        }
    }

    /// Time in ms on the imaginary machine of [`learned_roofline`], for features of that kind.
    pub fn roofline(&self, features: &FeatureGraph) -> Option<f64> {
        (self.schema.kind == FeatureSet::LearnedRoofline).then(|| learned_roofline::roofline(features))
    }

    /// Time in ms in which that machine reads all that is resident when most is.
    pub fn resident(&self, features: &FeatureGraph) -> Option<f64> {
        (self.schema.kind == FeatureSet::LearnedRoofline).then(|| learned_roofline::resident(features))
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
        let fits = |n: &Normalizer, columns: usize| n.is_sound() && n.width() == columns;
        let all = |n: &Normalizers| {
            fits(&n.nodes, schema.normalized())
                && n.edges.as_ref().is_none_or(|e| fits(e, schema.edge_columns.len()))
                && fits(&n.globals, schema.global_columns.len())
        };
        let normalizers = match (nodes, globals) {
            (Some(nodes), Some(globals)) => Some(Normalizers { nodes, edges, globals }).filter(all),
            (None, None) if edges.is_none() => return Ok(Self { schema, normalizers: None }),
            _ => None,
        };
        let normalizers = normalizers.ok_or("normaliser does not fit the feature schema")?;
        Ok(Self { schema, normalizers: Some(normalizers) })
    }
}
