//! What the networks of the competition's first place are made of.

use tachograph_gnn::{
    Configured, Context, Conv, GraphBatch, InstanceNorm, InstanceNormConfig, Linear, Sage, SageConfig, dropout, torch,
};
use tch::{Kind, Tensor, nn};

use crate::{
    Result,
    rows::beside,
    stack::{Activation, Stack},
};

/// Squeeze of [`ChannelAttention`].
const REDUCTION: i64 = 8;

/// x ⊙ σ(W₂ ReLU(W₁x)), row by row.
#[derive(Debug)]
pub(crate) struct ChannelAttention(Stack);

impl ChannelAttention {
    pub fn new(vs: &nn::Path<'_>, width: i64) -> Result<Self> {
        Ok(Self(Stack::new(vs, width, &[(width / REDUCTION).max(1), width], Activation::Relu)?))
    }

    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let gate = self.0.forward(x)?;
        Ok(gate.f_sigmoid().and_then(|g| g.f_mul(x)).map_err(torch("channel attention"))?)
    }
}

/// x ‖ x ⊙ softmax(x/τ) over the configurations of a graph, node by node; τ is learned.
#[derive(Debug)]
pub(crate) struct CrossAttention {
    temperature: Tensor,
}

impl CrossAttention {
    pub fn new(vs: &nn::Path<'_>) -> Result<Self> {
        let half = nn::Init::Const(0.5);
        Ok(Self { temperature: vs.f_var("temperature", &[1], half).map_err(torch("cross attention"))? })
    }

    /// Rows of (copies of a graph, its rows) graph after graph: (rows, d) → (rows, 2 d).
    pub fn forward(&self, x: &Tensor, lists: &[(i64, i64)]) -> Result<Tensor> {
        let run = || {
            let lengths: Vec<i64> = lists.iter().map(|&(copies, rows)| copies * rows).collect();
            let parts = x.f_split_with_sizes(&lengths, 0)?;
            let attend = |(part, &(copies, rows)): (&Tensor, &(i64, i64))| {
                let x = part.f_view([copies, rows, -1])?;
                let y = x.f_div(&self.temperature)?.f_softmax(0, None::<Kind>)?.f_mul(&x)?;
                Tensor::f_cat(&[&x, &y], 2)?.f_view([copies * rows, -1])
            };
            let parts: Vec<Tensor> = parts.iter().zip(lists).map(attend).collect::<Result<_, tch::TchError>>()?;
            Tensor::f_cat(&parts, 0)
        };
        Ok(run().map_err(torch("cross attention"))?)
    }
}

/// Which graph each row is in, with how many copies: what cross attention runs over.
pub(crate) fn lists(configured: &Configured, copied: bool) -> Vec<(i64, i64)> {
    configured.lists.iter().map(|&(copies, n)| if copied { (copies, n) } else { (1, n) }).collect()
}

/// Settings that the blocks share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blocks {
    pub hidden: i64,
    pub cross: bool,
    pub dropout: f64,
}

impl Blocks {
    /// Width before cross attention doubles it.
    fn narrow(&self) -> i64 {
        if self.cross { self.hidden / 2 } else { self.hidden }
    }

    fn cross(&self, vs: &nn::Path<'_>) -> Result<Option<CrossAttention>> {
        self.cross.then(|| CrossAttention::new(&(vs / "cross"))).transpose()
    }
}

/// Linear, instance norm over nodes, channel attention, cross attention, GELU.
#[derive(Debug)]
pub(crate) struct LinearBlock {
    linear: Linear,
    norm: InstanceNorm,
    channels: ChannelAttention,
    cross: Option<CrossAttention>,
}

impl LinearBlock {
    pub fn new(vs: &nn::Path<'_>, inputs: i64, settings: Blocks) -> Result<Self> {
        let width = settings.narrow();
        Ok(Self {
            linear: Linear::new(&(vs / "linear"), inputs, width, true)?,
            norm: InstanceNorm::new(&(vs / "norm"), width, InstanceNormConfig::default())?,
            channels: ChannelAttention::new(&(vs / "channels"), width)?,
            cross: settings.cross(vs)?,
        })
    }

    pub fn forward(&self, x: &Tensor, batch: &GraphBatch, lists: &[(i64, i64)]) -> Result<Tensor> {
        let x = self.norm.forward(&self.linear.forward(x)?, &batch.graph_of_row)?;
        let x = self.channels.forward(&x)?;
        let x = match &self.cross {
            Some(cross) => cross.forward(&x, lists)?,
            None => x,
        };
        Activation::Gelu.apply(&x)
    }
}

/// Instance norm, GraphSAGE, channel attention, cross attention, skip, GELU, dropout.
#[derive(Debug)]
pub(crate) struct SageBlock {
    norm: InstanceNorm,
    conv: Sage,
    channels: ChannelAttention,
    cross: Option<CrossAttention>,
    dropout: f64,
}

impl SageBlock {
    pub fn new(vs: &nn::Path<'_>, settings: Blocks) -> Result<Self> {
        let width = settings.narrow();
        Ok(Self {
            norm: InstanceNorm::new(&(vs / "norm"), settings.hidden, InstanceNormConfig::default())?,
            conv: Sage::new(&(vs / "conv"), settings.hidden, width, SageConfig::default())?,
            channels: ChannelAttention::new(&(vs / "channels"), width)?,
            cross: settings.cross(vs)?,
            dropout: settings.dropout,
        })
    }

    pub fn forward(
        &self,
        x: &Tensor,
        batch: &GraphBatch,
        layer: usize,
        lists: &[(i64, i64)],
        train: bool,
    ) -> Result<Tensor> {
        let y = self.norm.forward(x, &batch.graph_of_row)?;
        let y = self.conv.forward(&y, batch.layer_edges(layer)?, &Context::default())?;
        let y = self.channels.forward(&y)?;
        let y = match &self.cross {
            Some(cross) => cross.forward(&y, lists)?,
            None => y,
        };
        let y = Activation::Gelu.apply(&y.f_add(x).map_err(torch("skip"))?)?;
        Ok(if train && self.dropout > 0.0 { dropout(&y, self.dropout)? } else { y })
    }
}

/// Blocks of both kinds: what becomes of rows.
#[derive(Debug)]
pub(crate) struct Tower {
    linear: Vec<LinearBlock>,
    sage: Vec<SageBlock>,
}

impl Tower {
    /// Two linear blocks and `layers` of GraphSAGE.
    pub fn new(vs: &nn::Path<'_>, inputs: i64, layers: usize, settings: Blocks) -> Result<Self> {
        let linear = |l: i64| {
            let inputs = if l == 0 { inputs } else { settings.hidden };
            LinearBlock::new(&(vs / "linear" / l), inputs, settings)
        };
        Ok(Self {
            linear: (0..2).map(linear).collect::<Result<_>>()?,
            sage: (0..layers).map(|l| SageBlock::new(&(vs / "graph" / l), settings)).collect::<Result<_>>()?,
        })
    }

    pub fn forward(&self, x: Tensor, batch: &GraphBatch, lists: &[(i64, i64)], train: bool) -> Result<Tensor> {
        let mut x = x;
        for block in &self.linear {
            x = block.forward(&x, batch, lists)?;
        }
        for (l, block) in self.sage.iter().enumerate() {
            x = block.forward(&x, batch, l, lists, train)?;
        }
        Ok(x)
    }
}

/// Features of distinct nodes: all but the six columns of the layout, the embeddings of these, and of operators.
pub(crate) fn node_inputs(
    configured: &Configured,
    operators: &Tensor,
    places: impl FnOnce(&Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    match &configured.layouts {
        None => beside(&[&configured.features, operators]),
        Some(layouts) => {
            let others = configured.features.size().get(1).copied().unwrap_or(0) - layouts.size()[1];
            let numbers = configured.features.f_narrow(1, 0, others).map_err(torch("features"))?;
            beside(&[&numbers, &places(layouts)?, operators])
        }
    }
}
