//! The residual graph convolutions of the TpuGraphs baselines.

use serde::{Deserialize, Serialize};
use tch::{Tensor, nn};

use super::{Context, Conv, ConvConfig, parts::leaky_relu};
use crate::{BatchOptions, Error, LayerEdges, Linear, Result, check, error::torch};

const LAYER: &str = "residual GCN";

/// Which of the published blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResidualForm {
    /// Tile baseline: x + MLP(Âφ(x) + Âᵀφ(x) + φ(x)), Â = D⁻¹(A + I).
    #[default]
    Tile,
    /// Tile baseline, `directed`: x + MLP₀(Âφ(x)) + MLP₁(Âᵀφ(x)) + MLP₂(φ(x)), Â as in `Tile`.
    TileDirected,
    /// Layout baseline: x + φ(MLP(Â[c ‖ x])), Â = D^−½(A + Aᵀ + I)D^−½.
    Layout,
    /// Layout baseline with directions apart: x + φ(MLP([Â[c ‖ x] ‖ Ǎ[c ‖ x]])), Â the mean over in-edges and Ǎ
    /// over out-edges.
    LayoutAsymmetric,
}

/// Settings of [`ResidualGcn`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResidualGcnConfig {
    /// Which of the published blocks.
    pub form: ResidualForm,
    /// Width of the context c beside every node; 0: none. Layout forms only.
    pub context: i64,
    /// Slope of the leaky ReLU φ below 0; TensorFlow's default is 0.2.
    pub slope: f64,
}

impl Default for ResidualGcnConfig {
    fn default() -> Self {
        Self { form: ResidualForm::Tile, context: 0, slope: 0.2 }
    }
}

impl ConvConfig for ResidualGcnConfig {
    const KIND: &'static str = "residual-gcn";

    type Layer = ResidualGcn;

    fn layer(&self, vs: &nn::Path<'_>, inputs: i64, outputs: i64) -> Result<ResidualGcn> {
        ResidualGcn::new(vs, inputs, outputs, *self)
    }

    fn batch_options(&self) -> BatchOptions {
        let reverse = self.form != ResidualForm::Layout;
        BatchOptions { compressed: true, self_loops: true, reverse, ..BatchOptions::default() }
    }

    fn variants(_: i64) -> Vec<Self> {
        use ResidualForm::{Layout, LayoutAsymmetric, Tile, TileDirected};
        [Tile, TileDirected, Layout, LayoutAsymmetric].map(|form| Self { form, ..Self::default() }).to_vec()
    }
}

/// One block of the residual GCNs of TpuGraphs (Phothilimthana et al., NeurIPS 2023), in the forms of
/// [`ResidualForm`]. MLP is Linear, φ, Linear, of the width of the nodes; φ is a leaky ReLU.
///
/// The layer takes the edges as they are. The tile forms want a batch with `self_loops` and `reverse`, the layout
/// form one whose graphs list both directions, with `self_loops`, the asymmetric one `reverse`. TpuGraphs lists
/// edges from consumer to producer; its reader decides which way A points.
///
/// For models of TpuGraphs, whose published baselines are stacks of it.
///
/// # Shapes
/// nodes (sources, width) and [`Context::nodes`] (sources, `context`) → (destinations, width)
#[derive(Debug)]
pub struct ResidualGcn {
    mlps: Vec<[Linear; 2]>,
    width: i64,
    config: ResidualGcnConfig,
}

impl ResidualGcn {
    /// Adds `0.0`, `0.1` and, with directions apart, `1.0` to `2.1` under `vs`: the linear layers of each MLP.
    ///
    /// # Errors
    /// Another width out than in; a context in a tile form.
    pub fn new(vs: &nn::Path<'_>, inputs: i64, outputs: i64, config: ResidualGcnConfig) -> Result<Self> {
        check::positive(LAYER, "width", inputs)?;
        if inputs != outputs {
            let message = format!("{inputs} channels in and {outputs} out: a residual block keeps the width");
            return Err(Error::Shape { layer: LAYER, message });
        }
        let width = inputs;
        let context = config.context;
        let (mlps, inputs, most) = match config.form {
            ResidualForm::Tile => (1, width, 0),
            ResidualForm::TileDirected => (3, width, 0),
            ResidualForm::Layout => (1, width + context, i64::MAX),
            ResidualForm::LayoutAsymmetric => (1, 2 * (width + context), i64::MAX),
        };
        if !(0..=most).contains(&context) {
            return Err(Error::Shape {
                layer: LAYER,
                message: format!("a context of width {context} in {:?}", config.form),
            });
        }
        let mlp = |k: i64| -> Result<[Linear; 2]> {
            let vs = vs / k;
            Ok([Linear::new(&(&vs / 0), inputs, width, true)?, Linear::new(&(&vs / 1), width, width, true)?])
        };
        Ok(Self { mlps: (0..mlps).map(mlp).collect::<Result<_>>()?, width, config })
    }

    fn mlp(&self, k: usize, x: &Tensor) -> Result<Tensor> {
        let mut y = x.shallow_clone();
        for (l, linear) in self.mlps.get(k).into_iter().flatten().enumerate() {
            if l > 0 {
                y = leaky_relu(&y, self.config.slope)?;
            }
            y = linear.forward(&y)?;
        }
        Ok(y)
    }
}

impl Conv for ResidualGcn {
    fn width(&self) -> i64 {
        self.width
    }

    fn forward(&self, x: &Tensor, edges: &LayerEdges, context: &Context<'_>) -> Result<Tensor> {
        check::width(LAYER, "input", x, self.width)?;
        let context = context.beside(LAYER, x, self.config.context)?;
        let adjacency = &edges.edges;
        let sum = |a: Tensor, b: &Tensor| a.f_add(b).map_err(torch(LAYER));
        let update = match self.config.form {
            ResidualForm::Tile => {
                let y = leaky_relu(x, self.config.slope)?;
                let y = sum(sum(adjacency.mean(&y)?, &transposed_mean(edges, &y)?)?, &edges.residual_rows(&y)?)?;
                self.mlp(0, &y)?
            }
            ResidualForm::TileDirected => {
                let y = leaky_relu(x, self.config.slope)?;
                let forward = self.mlp(0, &adjacency.mean(&y)?)?;
                sum(
                    sum(forward, &self.mlp(1, &transposed_mean(edges, &y)?)?)?,
                    &self.mlp(2, &edges.residual_rows(&y)?)?,
                )?
            }
            ResidualForm::Layout => {
                let y = beside(context, x)?;
                let y = adjacency.sum(&y, Some(&adjacency.gcn_weights(y.kind())?))?;
                leaky_relu(&self.mlp(0, &y)?, self.config.slope)?
            }
            ResidualForm::LayoutAsymmetric => {
                let y = beside(context, x)?;
                let y = Tensor::f_cat(&[adjacency.mean(&y)?, edges.reversed()?.mean(&y)?], 1).map_err(torch(LAYER))?;
                leaky_relu(&self.mlp(0, &y)?, self.config.slope)?
            }
        };
        sum(update, &edges.residual_rows(x)?)
    }
}

/// Âᵀx: what every node gets back from its out-neighbours, each divided by the in-degree of that neighbour.
fn transposed_mean(edges: &LayerEdges, x: &Tensor) -> Result<Tensor> {
    let degrees = edges.edges.source_degrees()?.f_clamp_min(1.0).and_then(|d| d.f_unsqueeze(1)?.f_to_kind(x.kind()));
    let shares = degrees.and_then(|d| x.f_div(&d)).map_err(torch(LAYER))?;
    edges.reversed()?.sum(&shares, None)
}

fn beside(context: Option<&Tensor>, x: &Tensor) -> Result<Tensor> {
    match context {
        Some(context) => Tensor::f_cat(&[context, x], 1).map_err(torch(LAYER)),
        None => Ok(x.shallow_clone()),
    }
}
