//! Errors of this crate.

use tachograph_ir::{OpType, Plain};
use tch::TchError;

/// Why a graph could not be run or measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No kernel runs this node.
    #[error("no kernel for `{}` (node `{}`): {message}; {}", Plain(op), Plain(node), runner(op))]
    Unsupported {
        /// Name of the node.
        node: String,
        /// Its operator.
        op: String,
        /// Why not.
        message: String,
    },
    /// libtorch cannot hold this tensor.
    #[error("tensor `{}` cannot be filled: {message}; predict needs no values", Plain(tensor))]
    Tensor {
        /// Name of the tensor.
        tensor: String,
        /// Why not.
        message: String,
    },
    /// libtorch refused a call.
    #[error("{}: {source}", Plain(place))]
    Torch {
        /// The node, or what was being prepared.
        place: String,
        /// libtorch's own message.
        source: TchError,
    },
    /// A call that makes no sense.
    #[error("{0}")]
    Usage(String),
    /// A graph that cannot be bound or costed.
    #[error(transparent)]
    Graph(#[from] tachograph_ir::Error),
    /// A network that cannot be made.
    #[error(transparent)]
    Network(#[from] tachograph_networks::Error),
    /// A data set that cannot be written.
    #[error(transparent)]
    DataSet(#[from] tachograph_datasets::Error),
}

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

pub(crate) fn torch(place: impl Into<String>) -> impl FnOnce(TchError) -> Error {
    let place = place.into();
    |source| Error::Torch { place, source: first_line(source) }
}

/// libtorch's messages go on with where in its sources they were written.
fn first_line(source: TchError) -> TchError {
    match source {
        TchError::Torch(message) => TchError::Torch(message.lines().next().unwrap_or_default().to_owned()),
        other => other,
    }
}

/// What does run an operator that nothing here runs.
fn runner(op: &str) -> &'static str {
    let domain = op.rsplit_once("::").map_or("", |(domain, _)| domain);
    match domain {
        "tflite" => "TensorFlow Lite runs it if it is one of its own, and predict needs no kernel",
        "ncnn" => "ncnn runs it if it is one of its own, and predict needs no kernel",
        _ if domain.starts_with("com.microsoft") || domain.starts_with("ai.onnx") => {
            "ONNX Runtime runs it, and predict needs no kernel"
        }
        "" if OpType::new(op).is_custom() => "nothing known runs it, and predict leaves it out",
        "" => "the runtime of the file's format runs it, and predict needs no kernel",
        _ => "the program that brings it along runs it, and predict leaves it out",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_one_line_and_names_what_runs_the_node() {
        let refusal = |node: &str, op: &str, message: &str| {
            Error::Unsupported { node: node.into(), op: op.into(), message: message.into() }.to_string()
        };
        assert_eq!(
            refusal("x\ny", "com.microsoft::MoE", "libtorch has none"),
            "no kernel for `com.microsoft::MoE` (node `x\\ny`): libtorch has none; \
             ONNX Runtime runs it, and predict needs no kernel"
        );
        assert!(refusal("x", "tflite::WHILE", "").contains("TensorFlow Lite runs it"));
        assert!(refusal("x", "NonMaxSuppression", "").contains("the runtime of the file's format"));
        assert!(refusal("x", "mine::Relu", "").contains("the program that brings it along"));
        let error = torch("node")(TchError::Torch("shape\nException raised from here".into()));
        assert_eq!(error.to_string(), "node: Internal torch error: shape");
    }
}
