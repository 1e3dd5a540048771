//! Every convolution of a network with its activations in each layout: assignments of layouts that run as a whole, to be
//! measured and learned from.

use std::collections::HashMap;

use tachograph_ir::{NodeId, TensorId};
use tachograph_program::{Form, Group, Layout};

use crate::{
    Candidate, Measured, Network, Part, Result, Way, Ways, Work, chosen,
    relaid::{Channels, relaid},
    ways,
};

/// How a convolution reads its data, and writes its result.
pub type Layouts = [Channels; 2];

/// A convolution, and the ways in which it may run.
pub struct Convolution {
    /// Its node.
    pub node: NodeId,
    /// Its position among the parts.
    part: usize,
    data: TensorId,
    ways: Vec<(Layouts, Way)>,
    /// Which of the ways each pair of layouts is.
    alike: HashMap<Layouts, usize>,
}

impl Convolution {
    /// The layouts that it may have. Those that are the same in memory are there once: of one pixel, blocks are plain.
    pub fn layouts(&self) -> impl ExactSizeIterator<Item = Layouts> + '_ {
        self.ways.iter().map(|(layouts, _)| *layouts)
    }

    /// The one among its layouts that is the same in memory as these.
    pub fn alike(&self, layouts: Layouts) -> Layouts {
        self.found(layouts).map_or(layouts, |(own, _)| *own)
    }

    fn found(&self, layouts: Layouts) -> Option<&(Layouts, Way)> {
        self.ways.get(*self.alike.get(&layouts)?)
    }
}

/// A network whose convolutions have layouts to be chosen. All else follows: its ways are those that, with copies, take least.
pub struct LayoutSpace<'a> {
    network: &'a Network<'a>,
    ways: Ways,
    convolutions: Vec<Convolution>,
    default: Vec<Layouts>,
}

impl<'a> LayoutSpace<'a> {
    /// The ways of a network. Convolutions run in the form and by the schedule that are fastest by what was measured or by
    /// formula, whatever the layouts.
    ///
    /// # Errors
    /// A schedule that a workload refuses.
    pub fn of(network: &'a Network<'a>, measured: &Measured) -> Result<Self> {
        let mut all = ways(network, measured)?;
        let default = chosen(network, &all);
        let mut convolutions = Vec::new();
        for (i, part) in network.parts.iter().enumerate() {
            let Work::Kernel(forms) = &part.work else { continue };
            match convolution(network, part) {
                Some((node, data)) => {
                    let (ways, alike) = laid(forms, &all.parts[i], data)?;
                    // Where all layouts are the same there is nothing to choose.
                    if ways.len() > 1 {
                        convolutions.push(Convolution { node, part: i, data, ways, alike });
                    }
                }
                None => others(network, forms, &mut all.parts[i])?,
            }
        }
        let mut space = Self { network, ways: all, convolutions, default: Vec::new() };
        space.default = space.layouts_of(&default);
        Ok(space)
    }

    /// The convolutions, in the order in which they run.
    pub fn convolutions(&self) -> &[Convolution] {
        &self.convolutions
    }

    /// The ways of all parts with these layouts of the convolutions, one of each.
    pub fn taken(&self, layouts: &[Layouts]) -> Vec<Option<Way>> {
        let mut ways = self.ways.clone();
        for (convolution, layouts) in self.convolutions.iter().zip(layouts) {
            if let Some((_, way)) = convolution.found(*layouts) {
                ways.parts[convolution.part] = vec![way.clone()];
            }
        }
        chosen(self.network, &ways)
    }

    /// The layouts that [`compile`](crate::compile()) takes.
    pub fn default_layouts(&self) -> &[Layouts] {
        &self.default
    }

    fn layouts_of(&self, taken: &[Option<Way>]) -> Vec<Layouts> {
        let own = |convolution: &Convolution| {
            let way = taken[convolution.part].as_ref()?;
            let same = |(_, other): &&(Layouts, Way)| orders(other) == orders(way);
            convolution.ways.iter().find(same).map(|(layouts, _)| *layouts)
        };
        let first = |convolution: &Convolution| convolution.layouts().next().unwrap_or([Channels::Outside; 2]);
        self.convolutions.iter().map(|convolution| own(convolution).unwrap_or_else(|| first(convolution))).collect()
    }

    /// The axes along which the data and the result of a convolution lie in memory, innermost first; an axis that lies in blocks is
    /// there twice. Axes of one element are where the layout has them.
    pub fn axes(&self, convolution: usize, layouts: Layouts) -> [Vec<usize>; 2] {
        let Some(convolution) = self.convolutions.get(convolution) else { return [Vec::new(), Vec::new()] };
        let result = convolution.ways.first().and_then(|(_, way)| Some(way.writes().first()?.0));
        let axes = |tensor: Option<TensorId>, channels: Channels| {
            let layout = tensor.and_then(|id| channels.layout(self.network.shape(id)));
            layout.map_or_else(Vec::new, |layout| layout.dims.iter().rev().map(|dim| dim.axis).collect())
        };
        [axes(Some(convolution.data), layouts[0]), axes(result, layouts[1])]
    }
}

/// The convolution that a part begins with, and its data.
fn convolution(network: &Network<'_>, part: &Part) -> Option<(NodeId, TensorId)> {
    let graph = network.bound.graph();
    let &id = part.nodes.iter().find(|&&id| graph.node(id).op.name() == "Conv")?;
    let data = graph.node(id).inputs.first().copied().flatten()?;
    Some((id, data))
}

impl Ways {
    /// The fastest way of each kernel, and with it those that differ in how activations lie: convolutions in every pair of layouts, all
    /// else in every layout; nothing else where a schedule cannot be. They are taken to be as fast, and known in the same way, so that
    /// [`in_network`](crate::in_network()) tries them.
    #[must_use]
    pub fn relaid(&self, network: &Network<'_>) -> Self {
        let mut all = self.clone();
        for (part, ways) in network.parts.iter().zip(&mut all.parts) {
            let Work::Kernel(forms) = &part.work else { continue };
            let Some(best) = best(ways).cloned() else { continue };
            *ways = vec![Way::Kernel(Box::new(best))];
            let mut more = ways.clone();
            let done = match convolution(network, part) {
                Some((_, data)) => {
                    laid(forms, ways, data).map(|(found, _)| found.into_iter().for_each(|(_, way)| add(&mut more, way)))
                }
                None => others(network, forms, &mut more),
            };
            if done.is_ok() {
                *ways = more;
            }
        }
        all
    }
}

/// What is believed to be the fastest kernel.
fn best(ways: &[Way]) -> Option<&Candidate> {
    ways.iter().filter_map(Way::kernel).min_by(|a, b| a.order(b))
}

/// Adds a way where none is there that reads and writes the same orders.
fn add(ways: &mut Vec<Way>, way: Way) {
    if !ways.iter().any(|there| orders(there) == orders(&way)) {
        ways.push(way);
    }
}

/// Ways on different layouts, and which of them each pair of layouts is.
type Laid = (Vec<(Layouts, Way)>, HashMap<Layouts, usize>);

/// The fastest way of a convolution, for each pair of layouts that are different in memory.
fn laid(forms: &[(Form, Group)], ways: &[Way], data: TensorId) -> Result<Laid> {
    let (mut found, mut alike): (Vec<(Layouts, Way)>, _) = (Vec::new(), HashMap::new());
    let Some(best) = best(ways) else { return Ok((found, alike)) };
    let Some((_, group)) = forms.iter().find(|(form, _)| *form == best.form) else { return Ok((found, alike)) };
    for read in Channels::ALL {
        for write in Channels::ALL {
            let way = other(best, group, data, [read, write])?;
            let same = |(_, there): &(Layouts, Way)| orders(there) == orders(&way);
            let at = found.iter().position(same).unwrap_or(found.len());
            alike.insert([read, write], at);
            if at == found.len() {
                found.push(([read, write], way));
            }
        }
    }
    Ok((found, alike))
}

/// Other kernels in each layout, so that what is between convolutions can lie as these do.
fn others(network: &Network<'_>, forms: &[(Form, Group)], ways: &mut Vec<Way>) -> Result<()> {
    let Some(best) = best(ways).cloned() else { return Ok(()) };
    let Some((_, group)) = forms.iter().find(|(form, _)| *form == best.form) else { return Ok(()) };
    let Some((data, _)) = best.reads.first().cloned() else { return Ok(()) };
    // What moves elements is worst where it follows no order of memory at all.
    if network.shape(data).len() < 3 || best.schedule.steps.is_empty() {
        return Ok(());
    }
    for channels in Channels::ALL {
        add(ways, other(&best, group, data, [channels; 2])?);
    }
    Ok(())
}

fn orders(way: &Way) -> [&[(TensorId, Layout)]; 2] {
    [way.reads(), way.writes()]
}

/// A way on other layouts. It is taken to be as fast: nothing is known of it.
fn other(best: &Candidate, group: &Group, data: TensorId, layouts: Layouts) -> Result<Way> {
    let schedule = relaid(&best.schedule, group, data, layouts);
    let new = Candidate::new(best.form, group, schedule)?;
    Ok(Way::Kernel(Box::new(Candidate { ms: best.ms, basis: best.basis, ..new })))
}
