use super::*;

const LAYER: [&str; 2] = ["transformer_h_0_ln_1", "add_15"];

fn call(name: &str, extents: &[u32]) -> Call {
    Call { name: name.into(), extents: extents.iter().map(|&x| f64::from(x)).collect() }
}

fn node(name: &str, operator: &str, forward: Vec<Call>, shape: [u64; 2]) -> Node {
    Node {
        name: name.into(),
        operator: operator.into(),
        backward: forward.clone(),
        forward,
        input_shapes: vec![shape.to_vec()],
        output_shapes: vec![shape.to_vec()],
        ..Node::default()
    }
}

/// An embedding, a layer of a norm and a sum over GPUs, and an output.
fn nodes() -> Vec<Node> {
    vec![
        node("embedding", "EMBEDDING", vec![], [8, 16]),
        node(LAYER[0], "VECln", vec![call("VECln", &[8, 16])], [8, 16]),
        node("reduce", "allreduce", vec![call("ALLREDUCE", &[1_000_000])], [8, 16]),
        node(LAYER[1], "VECadd", vec![], [8, 16]),
        node("output", "output", vec![], [8, 16]),
    ]
}

/// 1 ms an operator.
fn time(run: Run, layers: usize, training: bool, device: &str) -> Result<f64> {
    let model = Transformer::new("gpt2", layers, run, nodes(), training)?;
    Ok(model.time(Device::builtin(device).unwrap(), |_| Ok::<_, crate::Error>(1.0))?.0)
}

#[test]
fn a_layer_counts_as_often_as_there_are_layers() {
    // 2 · (g − 1) / g of 4 MB at 80 % of 450 GB/s.
    let sent = |gpus: f64| 2.0 * (gpus - 1.0) / gpus * 4e6 / (0.8 * 450e6);
    let run = Run::Layers { gpus: 4 };
    let one = time(run, 1, false, "h100-sxm").unwrap();
    assert!((one - (3.0 + sent(4.0))).abs() < 1e-9, "{one}: embedding, norm, sum over GPUs, addition");
    let three = time(run, 3, false, "h100-sxm").unwrap();
    assert!((three - (1.0 + 3.0 * (2.0 + sent(4.0)))).abs() < 1e-9, "{three}");
}

#[test]
fn what_is_sent_hides_behind_the_rest_of_the_backward_pass() {
    let data = time(Run::Data { gpus: 4 }, 2, true, "h100-sxm").unwrap();
    let layers = time(Run::Layers { gpus: 4 }, 2, true, "h100-sxm").unwrap();
    assert!(data < layers, "{data} of {layers}");
}

#[test]
fn inference_runs_nothing_backward() {
    let model = Transformer::new("gpt2", 1, Run::Whole, nodes(), false).unwrap();
    assert_eq!(model.operators().count(), 3);
    let model = Transformer::new("gpt2", 1, Run::Whole, nodes(), true).unwrap();
    // Two of the embedding, two of the norm, one of the addition, one of the loss.
    assert_eq!(model.operators().count(), 3 + 6);
}

#[test]
fn what_is_not_known_is_named() {
    let error = |result: Result<f64>| result.unwrap_err().to_string();
    assert!(error(time(Run::Layers { gpus: 4 }, 1, false, "t4")).contains("t4"), "no NVLink");
    let mut odd = nodes();
    odd[1].forward[0].extents.pop();
    let refused = Transformer::new("gpt2", 1, Run::Whole, odd, false).unwrap_err().to_string();
    assert!(refused.contains(LAYER[0]) && refused.contains("no rows"), "{refused}");
    let model = Transformer::new("llama", 1, Run::Layers { gpus: 1 }, nodes(), false).unwrap();
    let device = Device::builtin("h100-sxm").unwrap();
    assert!(model.time(device, |_| Ok::<_, crate::Error>(1.0)).unwrap_err().to_string().contains("llama"));
}
