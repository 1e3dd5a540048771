//! Feature sets, one or one family a file. To add one: write the file, add one line to `feature_sets!`.
//!
//! Each file says what the columns of its sets are.

use crate::{FeatureSet, normalizer::Scaling};

macro_rules! feature_sets {
    ($($file:ident { $($(#[$doc:meta])* $constant:ident = $set:expr),* $(,)? })*) => {
        $(pub(crate) mod $file;)*

        impl FeatureSet {
            $($(
                $(#[$doc])*
                pub const $constant: Self = {
                    use self::$file::*;
                    Self(&$set)
                };
            )*)*

            /// Every set, in alphabetical order of their files.
            pub fn all() -> &'static [Self] {
                &[$($(Self::$constant),*),*]
            }
        }
    };
}

feature_sets! {
    cell {
        /// BRP-NAS as released, for networks named after a cell of NAS-Bench-201: the nine nodes of the cell.
        CELL = Cell
    }
    costs {
        /// Logarithmic extents and costs of every operator, and costs of the graph by class of operator. The default.
        COSTS = Costs
    }
    dippm {
        /// DIPPM as released: the calls of TVM Relay that have a variable among their arguments, as a chain.
        DIPPM = Dippm { flow: false },
        /// The same calls, connected as the data flows.
        DIPPM_EDGES = Dippm { flow: true }
    }
    dnnperf {
        /// In the manner of DNNPerf: the graph of one training step.
        DNNPERF = DnnPerf { training: true },
        /// The same columns for the forward graph alone.
        DNNPERF_FORWARD = DnnPerf { training: false }
    }
    global_node {
        /// The columns of [`FeatureSet::COSTS`] in a graph with a global node, in the manner of BRP-NAS.
        GLOBAL_NODE = GlobalNode
    }
    learned_roofline {
        /// Times for one image on an imaginary machine, the costs of every operator and its neighbours.
        LEARNED_ROOFLINE = LearnedRoofline { npu: false },
        /// The same and more, for accelerators whose compilers pack weights, pad extents and run neighbours in stripes.
        LEARNED_ROOFLINE_NPU = LearnedRoofline { npu: true }
    }
    nnlp {
        /// NNLP as released: fixed operators and scales.
        NNLP = Nnlp
    }
    perfsage {
        /// In the manner of PerfSAGE.
        PERFSAGE = PerfSage
    }
    slapp {
        /// In the manner of SLAPP: nodes in fused groups, and columns of edges.
        SLAPP = Slapp
    }
    xla {
        /// The columns of archives of XLA's graphs, each from its least to its greatest value, as TpuGraphs' baselines.
        XLA = Xla { name: "xla", scaling: Scaling::VaryingRange },
        /// The same, of mean 0 and standard deviation 1.
        XLA_STANDARD = Xla { name: "xla-standard", scaling: Scaling::Deviation },
        /// The same, as sign(x)·ln(1 + |x|).
        XLA_LOG = Xla { name: "xla-log", scaling: Scaling::SignedLog },
        /// Loops and stores of tensor programs as a graph, and statistics: `nest-graph`, of mean 0 and standard deviation 1.
        PROGRAM_GRAPH = Xla { name: "program-nest-graph", scaling: Scaling::Deviation },
        /// Stores of tensor programs: `ansor`, each column from its least to its greatest value.
        PROGRAM_STORES = Xla { name: "program-ansor", scaling: Scaling::VaryingRange },
        /// Stores of tensor programs and how their buffers flow: `pruner`, each column from its least to its greatest value.
        PROGRAM_FLOWS = Xla { name: "program-pruner", scaling: Scaling::VaryingRange },
        /// Steps of the schedules of tensor programs: `primitives`, as they are.
        PROGRAM_STEPS = Xla { name: "program-primitives", scaling: Scaling::Unchanged },
    }
}
