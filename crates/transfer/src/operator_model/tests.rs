use super::*;

fn device(name: &str) -> &'static Device {
    Device::builtin(name).unwrap()
}

fn linear(size: u64) -> Operator {
    Operator::linear([size, 2 * size, size])
}

/// Half of the sustained roofline and 10 µs of launching on two GPUs.
fn measurements() -> Vec<Measurement<'static>> {
    let mut measurements = Vec::new();
    for name in ["v100-pcie", "a100-pcie-40gb"] {
        let machine = Machine::new(device(name), Settings::default().energy).unwrap();
        for size in (1..=60).map(|i| 64 * i) {
            let latency = Millis(0.01 + machine.roofline_ms(&linear(size)) / 0.5);
            measurements.push(Measurement { operator: linear(size), device: device(name), latency });
        }
    }
    measurements
}

#[test]
fn a_new_gpu_has_the_utilisation_of_the_measured_ones() {
    let model = OperatorModel::fit(&measurements(), Settings::default()).unwrap();
    for name in ["v100-pcie", "h100-sxm", "l4"] {
        let machine = Machine::new(device(name), Settings::default().energy).unwrap();
        let u = machine.roofline_ms(&linear(2048)) / model.kernel(&linear(2048), device(name)).unwrap().0;
        assert!((u - 0.5).abs() < 0.03, "{name}: {u}");
        assert!(model.predict(&linear(64), device(name)).unwrap() > model.kernel(&linear(64), device(name)).unwrap());
    }
}

#[test]
fn power_lowers_the_peak_of_inference_cards_alone() {
    let share = |name: &str| {
        let device = device(name);
        Machine::new(device, 18.0).unwrap().peak * 1e3 / device.peak[&tachograph_ir::DType::F32]
    };
    assert_eq!(share("p100-pcie"), 1.0);
    assert_eq!(share("h100-sxm"), 1.0);
    assert!((share("t4") - 70.0 / (18.0 * 8.1)).abs() < 1e-9);
    assert!(share("l4") < 0.6);
}

#[test]
fn what_cannot_be_known_is_refused() {
    let model = OperatorModel::fit(&measurements(), Settings::default()).unwrap();
    let softmax = Operator::on_rows(OperatorClass::Softmax, 8, 8, 512.0);
    assert!(matches!(model.kernel(&softmax, device("t4")), Err(Error::NotFitted(_))));
    let no_cache = Device { caches: Default::default(), ..device("t4").clone() };
    let error = model.kernel(&linear(64), &no_cache).unwrap_err().to_string();
    assert!(error.contains("t4") && error.contains("l2"), "{error}");
    assert!(OperatorModel::fit(&measurements()[..10], Settings::default()).is_err());
    let bad = [Measurement { latency: Millis(f64::NAN), ..measurements()[0] }];
    assert!(matches!(OperatorModel::fit(&bad, Settings::default()), Err(Error::Value { .. })));
}

#[test]
fn waves_count_blocks_over_multiprocessors() {
    let machine = Machine::new(device("a100-pcie-40gb"), 18.0).unwrap();
    let features = Operator::batched([108, 128, 64, 128]).features(&machine);
    assert!(features[6].abs() < 1e-9 && features[7] == 1.0 && features[8] == 1.0, "{features:?}");
}
