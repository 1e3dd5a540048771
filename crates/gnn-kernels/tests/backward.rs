//! The backward pass that says when each gradient is whole.

use tachograph_gnn_kernels::backward;
use tch::{Kind, Tensor};

#[test]
fn each_gradient_is_told_of_once_it_is_whole() {
    let parameter = |x: f32| Tensor::from_slice(&[x]).set_requires_grad(true);
    let parameters = [parameter(2.0), parameter(3.0), parameter(5.0)];
    let [first, second, unused] = &parameters;
    // The first is used twice: it is told of once, when both of its parts are in.
    let loss = (first * second + first).sum(Kind::Float);
    let mut told = vec![];
    // Tensors may go to another thread, but not be shared with it.
    let mut own: Vec<Tensor> = parameters.iter().map(Tensor::shallow_clone).collect();
    let mut ready = |i: usize| told.push((i, own.get_mut(i).map(|p| f64::try_from(p.grad()).unwrap())));
    backward(&loss, &parameters, &mut ready).unwrap();
    told.sort_by_key(|(i, _)| *i);
    assert_eq!(told, [(0, Some(4.0)), (1, Some(2.0))]);
    assert!(!unused.grad().defined());
    // Nothing is left at the parameters, and what libtorch refuses is an error.
    (first * 1.0).backward();
    assert_eq!(told.len(), 2);
    let refused = backward(&Tensor::from_slice(&[1f32]), &parameters, &mut |_| ());
    assert!(refused.unwrap_err().to_string().contains("grad"));
}
