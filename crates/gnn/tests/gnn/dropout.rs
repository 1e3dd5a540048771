//! Dropout.

use tachograph_gnn::{dropout, relu_dropout};
use tch::{Device, Kind, Tensor};

#[test]
fn a_share_is_dropped_and_the_rest_is_scaled() {
    for p in [0.0, 0.05, 0.5, 0.999] {
        let x = Tensor::ones([1001, 999], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let y = dropout(&x, p).unwrap();
        let n = y.numel() as f64;
        let zeros = n - f64::try_from(y.count_nonzero(None::<i64>)).unwrap();
        let sigma = (p * (1.0 - p) / n).sqrt();
        assert!((zeros / n - p).abs() <= 1e-5 + 5.0 * sigma, "{} dropped, expected {p}", zeros / n);
        let (low, high) = (f64::try_from(y.min()).unwrap(), f64::try_from(y.max()).unwrap());
        assert!((high * (1.0 - p) - 1.0).abs() < 0.01, "{high} with p = {p}");
        assert!(low == 0.0 || p == 0.0 && low == 1.0);
        y.sum(Kind::Float).backward();
        assert_eq!(x.grad(), y.detach(), "the gradient of a one is what became of it");
    }
}

#[test]
fn with_relu_it_is_the_dropout_of_relu() {
    let values = [-2.0, 3.0, 0.0, f32::NAN];
    let x = Tensor::from_slice(&values).repeat([1000]).set_requires_grad(true);
    let y = relu_dropout(&x, 0.25).unwrap();
    y.sum(Kind::Float).backward();
    let [y, slopes] = [y.detach(), x.grad()].map(|t| Vec::<f32>::try_from(t).unwrap());
    for (i, (y, slope)) in y.iter().zip(slopes).enumerate() {
        match i % 4 {
            1 => assert!(*y == 0.0 && slope == 0.0 || *y == 4.0 && slope == 4.0 / 3.0, "{y}, {slope}"),
            3 => assert!(y.is_nan()),
            _ => assert!(*y == 0.0 && slope == 0.0, "{y}, {slope}"),
        }
    }
}

#[test]
fn every_length_works_and_neighbours_are_independent() {
    for n in 0..9 {
        assert_eq!(dropout(&Tensor::ones([n], (Kind::Double, Device::Cpu)), 0.5).unwrap().size(), [n]);
    }
    let kept = dropout(&Tensor::ones([1 << 20], (Kind::Float, Device::Cpu)), 0.5).unwrap().gt(0.0);
    for shift in 1..9 {
        let both = kept.logical_and(&kept.roll(shift, 0)).to_kind(Kind::Double).mean(None);
        let both = f64::try_from(both).unwrap();
        assert!((both - 0.25).abs() < 0.003, "{both} at distance {shift}");
    }
}

#[test]
fn refuses_what_is_no_probability() {
    let x = Tensor::ones([3], (Kind::Float, Device::Cpu));
    for p in [-0.1, 1.0, f64::NAN] {
        assert!(dropout(&x, p).unwrap_err().to_string().contains("probability"));
        assert!(relu_dropout(&x, p).is_err());
    }
}
