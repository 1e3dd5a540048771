//! Runs a bound graph on libtorch, eagerly, node by node.

use tachograph_ir::{Attr, BoundGraph, Call, Fact, Node, NodeId, OpError, TensorId, TensorKind, Value, elements};
use tch::{Device, Kind, Tensor};

use crate::{
    Error, Fill, Result,
    error::torch,
    ops::{self, Args, Kernel},
};

/// A graph ready to run: kernels compiled, weights on the device.
pub struct Executor {
    steps: Vec<Step>,
    resident: Vec<Option<Tensor>>,
    inputs: Vec<TensorId>,
    outputs: Vec<TensorId>,
    device: Device,
}

struct Step {
    id: NodeId,
    name: String,
    kernel: Kernel,
    inputs: Vec<Option<usize>>,
    outputs: Vec<Option<usize>>,
    /// Tensors that no later step reads.
    dead: Vec<usize>,
}

impl Executor {
    /// Compiles the live nodes of `bound` and fills its weights and inputs as [`Fill`] says.
    ///
    /// # Errors
    /// An operator without a kernel, a tensor of unknown shape, or a device out of memory.
    pub fn new(bound: &BoundGraph, device: Device) -> Result<Self> {
        let graph = bound.graph();
        let mut steps = Vec::with_capacity(bound.live().len());
        let mut last_read = vec![None; graph.tensors().len()];
        for &id in bound.live() {
            let node = graph.node(id);
            let kernel = compile(bound, node)?;
            let place = |t: &Option<TensorId>| t.map(TensorId::index);
            let inputs: Vec<_> = node.inputs.iter().map(place).collect();
            let outputs: Vec<_> = node.outputs.iter().map(place).collect();
            inputs.iter().chain(&outputs).flatten().for_each(|&t| last_read[t] = Some(steps.len()));
            steps.push(Step { id, name: node.name.clone(), kernel, inputs, outputs, dead: vec![] });
        }
        let live_outputs: Vec<usize> = steps.iter().flat_map(|s: &Step| s.outputs.iter().flatten().copied()).collect();
        for t in live_outputs {
            let kept = graph.outputs().contains(&TensorId(t as u32));
            if let (Some(step), false) = (last_read[t], kept) {
                steps[step].dead.push(t);
            }
        }
        let mut executor = Self {
            steps,
            resident: (0..graph.tensors().len()).map(|_| None).collect(),
            inputs: graph.inputs().to_vec(),
            outputs: graph.outputs().to_vec(),
            device,
        };
        executor.fill(bound)?;
        Ok(executor)
    }

    fn fill(&mut self, bound: &BoundGraph) -> Result<()> {
        let used = self.steps.iter().flat_map(|s| s.inputs.iter().flatten().copied());
        let mut needed: Vec<usize> = used.chain(self.outputs.iter().map(|t| t.index())).collect();
        needed.sort_unstable();
        needed.dedup();
        for t in needed {
            let id = TensorId(t as u32);
            let fact = bound.fact(id);
            let given = fact.constant || fact.value.is_some() || bound.graph().tensor(id).kind == TensorKind::Input;
            if given {
                let name = &bound.graph().tensor(id).name;
                let tensor = make(bound, id, fact)?.f_to_device(self.device);
                self.resident[t] = Some(tensor.map_err(torch(format!("tensor `{name}`")))?);
            }
        }
        Ok(())
    }

    /// Replaces an input of the graph by the caller's tensor.
    ///
    /// # Errors
    /// There is no such input, or the device is out of memory.
    pub fn set_input(&mut self, i: usize, value: &Tensor) -> Result<()> {
        let Some(id) = self.inputs.get(i) else {
            return Err(Error::Usage(format!("the graph has no input {i}")));
        };
        self.resident[id.index()] = Some(value.f_to_device(self.device).map_err(torch(format!("input {i}")))?);
        Ok(())
    }

    /// Nodes in the order in which they run.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = NodeId> + '_ {
        self.steps.iter().map(|s| s.id)
    }

    /// Bytes of weights, constants and inputs.
    pub fn resident_bytes(&self) -> u64 {
        let bytes = |t: &Tensor| (t.numel() * t.kind().elt_size_in_bytes()) as u64;
        self.resident.iter().flatten().map(bytes).sum()
    }

    /// The device it runs on.
    pub fn device(&self) -> Device {
        self.device
    }

    /// One inference. Work on a CUDA device is queued, not awaited: see [`Executor::synchronize`].
    ///
    /// # Errors
    /// libtorch refuses a node; the error names it.
    pub fn run(&self) -> Result<Vec<Tensor>> {
        self.run_with(|_| ())
    }

    /// One inference; `after` is called with the position of each step when it has been issued.
    ///
    /// # Errors
    /// As [`Executor::run`].
    pub fn run_with(&self, mut after: impl FnMut(usize)) -> Result<Vec<Tensor>> {
        let _guard = tch::no_grad_guard();
        let mut made: Vec<Option<Tensor>> = (0..self.resident.len()).map(|_| None).collect();
        for (position, step) in self.steps.iter().enumerate() {
            let operands: Vec<Option<&Tensor>> =
                step.inputs.iter().map(|t| t.and_then(|t| made[t].as_ref().or(self.resident[t].as_ref()))).collect();
            let results = (step.kernel)(&Args(&operands)).map_err(torch(&step.name))?;
            for (slot, result) in step.outputs.iter().zip(results) {
                if let Some(t) = slot {
                    made[*t] = Some(result);
                }
            }
            step.dead.iter().for_each(|&t| made[t] = None);
            after(position);
        }
        let get = |t: &TensorId| {
            let tensor = made[t.index()].as_ref().or(self.resident[t.index()].as_ref());
            tensor.map(Tensor::shallow_clone).ok_or_else(|| Error::Usage(format!("output {} was not computed", t.0)))
        };
        self.outputs.iter().map(get).collect()
    }

    /// Waits until all queued work is done.
    pub fn synchronize(&self) {
        if let Device::Cuda(index) = self.device {
            tch::Cuda::synchronize(index as i64);
        }
    }
}

/// Every node that nothing here runs, with the reason: what [`Executor::new`] would refuse, without filling weights.
pub fn refusals(bound: &BoundGraph) -> Vec<Error> {
    bound.live().iter().filter_map(|&id| compile(bound, bound.graph().node(id)).err()).collect()
}

fn compile(bound: &BoundGraph, node: &Node) -> Result<Kernel> {
    let unsupported =
        |message: String| Error::Unsupported { node: node.name.clone(), op: node.op.to_string(), message };
    let (inputs, outputs) = (bound.input_facts(node), bound.output_facts(node));
    match ops::compile(&Call { node, inputs: &inputs, outputs: &outputs }) {
        Ok(Some(kernel)) => Ok(kernel),
        Ok(None) if node.attrs.values().any(|a| matches!(a, Attr::Graph(_))) => {
            Err(unsupported("graphs inside a node are not run here".into()))
        }
        Ok(None) => Err(unsupported("nothing here computes it on libtorch".into())),
        Err(OpError::Invalid(message)) => Err(unsupported(message)),
        Err(OpError::Unknown) => {
            Err(unsupported("a shape depends on data, or an operand that must be constant is not".into()))
        }
    }
}

/// A tensor with known elements, or one drawn as its role asks.
fn make(bound: &BoundGraph, id: TensorId, fact: &Fact) -> Result<Tensor> {
    let name = &bound.graph().tensor(id).name;
    let unknown = |message: String| Error::Tensor { tensor: name.clone(), message };
    let shape = fact.shape.as_ref().ok_or_else(|| unknown("its shape is not known".into()))?;
    let kind = ops::kind(fact.dtype).ok_or_else(|| unknown(format!("libtorch has no {}", fact.dtype)))?;
    let n = elements(shape).and_then(|n| usize::try_from(n).ok()).ok_or_else(|| unknown("it is too large".into()))?;
    let dims: Vec<i64> = shape.iter().map(|&d| d as i64).collect();
    let stream = id.0;
    let flat = match &fact.value {
        Some(Value::Ints(v)) => Tensor::f_from_slice(v),
        Some(Value::Floats(v)) => Tensor::f_from_slice(v),
        None if kind == Kind::Float || fact.dtype.is_float() => {
            Tensor::f_from_slice(&Fill::of(bound, id).floats(stream, n))
        }
        None => Tensor::f_from_slice(&Fill::of(bound, id).integers(stream, n)),
    };
    flat.and_then(|t| t.f_to_kind(kind)?.f_reshape(dims)).map_err(torch(format!("tensor `{name}`")))
}
