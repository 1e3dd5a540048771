//! Products large enough for the matrix unit, where there is one, against f64.

use tachograph_gnn::Linear;
use tch::{Device, Kind, Tensor, nn};

use crate::relative;

#[test]
fn large_products_and_their_gradients_are_as_exact_as_f32() {
    tch::manual_seed(3);
    for (m, inputs, outputs) in [(512, 32, 32), (777, 45, 70), (1500, 130, 33), (4096, 512, 512)] {
        let vs = nn::VarStore::new(Device::Cpu);
        let linear = Linear::new(&vs.root(), inputs, outputs, true).unwrap();
        let x = Tensor::randn([m, inputs], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let cotangent = Tensor::randn([m, outputs], (Kind::Float, Device::Cpu));
        let y = linear.forward(&x).unwrap();
        (&y * &cotangent).sum(Kind::Float).backward();
        let exact = |t: &Tensor| t.detach().to_kind(Kind::Double);
        let variables = vs.variables();
        let (w, b, g) = (&variables["weight"], &variables["bias"], exact(&cotangent));
        for (what, found, expected) in [
            ("output", y.detach(), exact(&x).matmul(&exact(w).tr()) + exact(b)),
            ("input gradient", x.grad(), g.matmul(&exact(w))),
            ("weight gradient", w.grad(), g.tr().matmul(&exact(&x))),
            ("bias gradient", b.grad(), g.sum_dim_intlist([0i64].as_slice(), false, Kind::Double)),
        ] {
            let error = relative(&found.to_kind(Kind::Double), &expected);
            assert!(error < 2e-6, "{what} of ({m}, {inputs}, {outputs}): {error:e}");
        }
    }
}

/// Inference keeps a packed copy of the weight; it must not outlive a change of the weight.
#[test]
fn inference_sees_every_change_of_the_weight() {
    let vs = nn::VarStore::new(Device::Cpu);
    let linear = Linear::new(&vs.root(), 64, 96, true).unwrap();
    let x = Tensor::ones([100, 64], (Kind::Float, Device::Cpu));
    let (mut weight, bias) = (vs.variables()["weight"].shallow_clone(), vs.variables()["bias"].shallow_clone());
    for value in [0.25, -1.0] {
        tch::no_grad(|| {
            _ = weight.fill_(value);
            let y = linear.forward(&x).unwrap();
            assert!(
                relative(&y, &(Tensor::ones([100, 96], (Kind::Float, Device::Cpu)) * (64.0 * value) + &bias)) < 1e-6
            );
        });
    }
}
