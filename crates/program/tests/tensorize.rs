//! Instructions in place of loops: they compute what they are defined to compute, on a processor and in the interpreter
//! of kernels; what does not fit is refused.

mod common;

use std::collections::HashMap;

use rand::Rng;
use tachograph_ir::DType;
use tachograph_program::{
    Builder, Compiler, Data, Expr, GpuRules, GpuTarget, Kernel, MetaSchedule, Nvrtc, Reducer, Schedule, Space, Stmt,
    Target, Workload, c, cuda, intrinsic, opencl,
};

const PRODUCTS: [&str; 3] = ["wmma_m16n16k16_f16", "wmma_m16n16k16_bf16", "wmma_m16n16k8_tf32"];

/// `x · wᵀ` of bytes.
fn bytes(m: u64, n: u64, k: u64) -> Workload {
    let mut b = Builder::new("bytes");
    let (x, w) = (b.input("x", DType::U8, &[m, k]).unwrap(), b.weight("w", DType::I8, &[n, k]).unwrap());
    let y = b
        .reduce("y", &[("i", m), ("j", n)], &[("k", k)], Reducer::Sum, |s, r| {
            let load = |id, a: &tachograph_program::Index| {
                Expr::Cast(DType::I32, Box::new(Expr::Load(id, vec![a.clone(), r[0].clone()])))
            };
            load(x, &s[0]) * load(w, &s[1])
        })
        .unwrap();
    b.set_dtype(y, DType::I32);
    b.finish(&[y]).unwrap()
}

/// Sixteen columns and four of the reduction at once; weights lie in that order.
fn by_vnni() -> Schedule {
    Schedule::new()
        .layout("w", "d0/16 d1/4 d0%16 d1%4")
        .split("y", "j", &[16])
        .split("y", "k", &[4])
        .reorder("y", &["i", "j.0", "k.0", "j.1", "k.1"])
        .tensorize("y", "j.1", "vnni_16x4")
}

fn whole_numbers(workload: &Workload, seed: u64) -> Data {
    let mut rng = common::rng(seed);
    let mut data: HashMap<_, _> = HashMap::new();
    for id in workload.inputs() {
        let buffer = workload.buffer(id);
        let (low, high) = if buffer.dtype == DType::U8 { (0, 256) } else { (-128, 128) };
        data.insert(id, (0..buffer.elements()).map(|_| f64::from(rng.random_range(low..high))).collect());
    }
    data.into_iter().collect()
}

#[test]
fn bytes_are_multiplied_as_defined() {
    let workload = bytes(5, 32, 24);
    let nest = by_vnni().lower(&workload).unwrap();
    assert!(nest.to_string().contains("vnni_16x4 over y.j.1, y.k.1: y["), "{nest}");
    let data = whole_numbers(&workload, 1);
    let expected = &workload.run(&data).unwrap()[&workload.outputs()[0]];
    assert_eq!(&nest.run(&data).unwrap()[&workload.outputs()[0]], expected);
    let code = c(&nest, Target::native()).unwrap().text;
    assert!(code.contains("_mm512_dpbusd_epi32") && code.contains("#ifdef __AVX512VNNI__"), "{code}");
    let Ok(compiler) = Compiler::find() else { return };
    let found = Kernel::new(&nest, &compiler).unwrap().call_with(&data).unwrap();
    assert_eq!(&found[&workload.outputs()[0]], expected);
}

#[test]
fn definitions_are_workloads() {
    for intrinsic in intrinsic::ALL {
        let definition = intrinsic.definition().unwrap();
        assert_eq!(intrinsic::named(intrinsic.name), Some(intrinsic));
        // Its own definition is what it does.
        let axis = definition.stages()[0].spatial[0].name.clone();
        let nest = Schedule::new().tensorize("c", &axis, intrinsic.name).lower(&definition);
        let nest = nest.unwrap_or_else(|error| panic!("{error}\n{definition}"));
        let mut calls = 0;
        nest.visit(&mut |stmt| calls += usize::from(matches!(stmt, Stmt::Intrinsic(_))));
        assert!(calls > 0, "{nest}");
        let data = whole_numbers(&definition, 2);
        let (found, expected) = (nest.run(&data).unwrap(), definition.run(&data).unwrap());
        assert_eq!(found[&definition.outputs()[0]], expected[&definition.outputs()[0]], "{nest}");
    }
}

#[test]
fn tensor_cores_compute_what_the_workload_says() {
    let mut run = 0;
    for (seed, intrinsic) in (0..300).zip(PRODUCTS.into_iter().cycle()) {
        let mut rng = common::rng(seed);
        let (workload, schedule) = common::gpu::tensorized(&mut rng, intrinsic);
        // Each thread of a warp computes all of its tile here: small products are enough.
        if workload.stages()[0].points() > 1 << 14 || run == 6 {
            continue;
        }
        run += 1;
        let nest = schedule.lower(&workload).unwrap_or_else(|error| panic!("{error}\n{workload}\n{schedule}"));
        let data = common::data(&workload, &mut rng);
        let found = nest.run(&data).unwrap_or_else(|error| panic!("{error}\n{schedule}\n{nest}"));
        let output = workload.outputs()[0];
        common::close(&workload.run(&data).unwrap()[&output], &found[&output])
            .unwrap_or_else(|error| panic!("{error}\n{nest}"));
        let code = cuda(&nest, GpuTarget::default()).unwrap_or_else(|error| panic!("{error}\n{nest}"));
        assert!(code.text.contains("wmma.mma.sync") && code.text.contains("wmma.store.d"), "{}", code.text);
        assert_eq!(code.kernels[0].launch.threads[0], 32);
        // Other languages do it by the definition.
        if intrinsic.ends_with("tf32") {
            let code = opencl(&nest, GpuTarget::default()).unwrap().text;
            assert!(!code.contains("wmma") && code.contains("if (get_local_id(0) == 0)"), "{code}");
        }
    }
    assert_eq!(run, 6);
}

#[test]
fn it_is_written_and_read_again() {
    let text = serde_json::to_string(&by_vnni()).unwrap();
    assert!(text.contains(r#"{"step":"tensorize","stage":"y","axis":"j.1","intrinsic":"vnni_16x4"}"#), "{text}");
    assert_eq!(Schedule::from_json(&text).unwrap(), by_vnni());
}

/// A stage of bytes with another expression.
fn other(value: impl FnOnce(Expr, Expr) -> Expr, reducer: Reducer) -> Workload {
    let mut b = Builder::new("other");
    let (x, w) = (b.input("x", DType::U8, &[4]).unwrap(), b.weight("w", DType::I8, &[16, 4]).unwrap());
    let y = b
        .reduce("y", &[("j", 16)], &[("k", 4)], reducer, |s, r| {
            let cast = |load| Expr::Cast(DType::I32, Box::new(load));
            let x = Expr::Load(x, vec![r[0].clone()]);
            value(cast(x), cast(Expr::Load(w, vec![s[0].clone(), r[0].clone()])))
        })
        .unwrap();
    b.set_dtype(y, DType::I32);
    b.finish(&[y]).unwrap()
}

#[test]
fn what_does_not_fit_is_refused() {
    let vnni = || Schedule::new().tensorize("y", "j", "vnni_16x4");
    let good = || other(|x, w| x * w, Reducer::Sum);
    assert!(vnni().lower(&good()).is_ok());
    // Factors in the other order are the same.
    assert!(vnni().lower(&other(|x, w| w * x, Reducer::Sum)).is_ok());
    let cases: [(Workload, Schedule, &str); 9] = [
        (
            good(),
            Schedule::new().tensorize("y", "j", "vnni"),
            "step 0 (tensorize y j by vnni): there is no `vnni` among",
        ),
        (
            good(),
            Schedule::new().tensorize("y", "k", "vnni_16x4"),
            "step 0 (tensorize y k by vnni_16x4): there are 1 loops",
        ),
        (good(), Schedule::new().reorder("y", &["k", "j"]).tensorize("y", "k", "vnni_16x4"), "step 1"),
        (
            good(),
            Schedule::new().split("y", "j", &[8]).tensorize("y", "j.1", "vnni_16x4"),
            "`j.1` has 8 trips of Spatial, and 16",
        ),
        (good(), vnni().split("y", "j", &[4]), "the loop of `vnni_16x4` is gone"),
        (good(), vnni().unroll("y", "k").parallel("y", "j"), "`j` is marked Parallel"),
        (other(|x, w| x + w, Reducer::Sum), vnni(), "the stage is no product of two elements"),
        (other(|x, w| x * w, Reducer::Max), vnni(), "it does not reduce in the same way"),
        (other(|x, _| x.clone() * x, Reducer::Sum), vnni(), "`x` is u8, and i8 is needed for `b`"),
    ];
    for (workload, schedule, part) in cases {
        match schedule.lower(&workload) {
            Ok(nest) => panic!("{part}\n{schedule}\n{nest}"),
            Err(error) => assert!(error.to_string().contains(part), "{error}\nand not {part}"),
        }
    }
    // Where elements lie otherwise than the instruction takes them, there is no code.
    let workload = bytes(5, 32, 24);
    let mut plain = by_vnni();
    plain.steps.remove(0);
    let message = c(&plain.lower(&workload).unwrap(), Target::native()).unwrap_err().to_string();
    assert!(message.contains("`b` has strides [24, 1], and [4, 1] are needed"), "{message}");
    // A tile of a warp is no thread's own.
    let (workload, mut schedule) = common::gpu::tensorized(&mut common::rng(0), PRODUCTS[2]);
    schedule.steps.retain(|step| !step.to_string().contains("wmma_store"));
    let message = cuda(&schedule.lower(&workload).unwrap(), GpuTarget::default()).unwrap_err().to_string();
    assert!(message.contains("spread over the threads of a warp"), "{message}");
}

/// A space with sketches for tensor cores, of a product.
fn with_tensor_cores(dtype: DType, [m, n, k]: [u64; 3]) -> (Workload, Space) {
    let mut b = Builder::new("product");
    let (x, w) = (b.input("x", dtype, &[m, k]).unwrap(), b.input("w", dtype, &[k, n]).unwrap());
    let y = b
        .reduce("y", &[("i", m), ("j", n)], &[("k", k)], Reducer::Sum, |s, r| {
            let element = |id, index: [&tachograph_program::Index; 2]| {
                let load = Expr::Load(id, index.map(Clone::clone).to_vec());
                if dtype == DType::F32 { load } else { Expr::Cast(DType::F32, Box::new(load)) }
            };
            element(x, [&s[0], &r[0]]) * element(w, [&r[0], &s[1]])
        })
        .unwrap();
    b.set_dtype(y, DType::F32);
    let y = b.apply("relu", y, |y, _| y.max(0.0)).unwrap();
    b.set_dtype(y, DType::F32);
    let workload = b.finish(&[y]).unwrap();
    let rules = MetaSchedule::Gpu(GpuRules { tensor_cores: true, ..GpuRules::default() });
    let space = Space::meta_schedule(&workload, rules).unwrap();
    (workload, space)
}

#[test]
fn spaces_have_points_for_tensor_cores() {
    let mut run = 0;
    for (i, dtype) in [DType::F32, DType::F16, DType::BF16].into_iter().cycle().take(12).enumerate() {
        let (workload, space) = with_tensor_cores(dtype, [32, 16, 32]);
        let names: Vec<&str> = space.sketches.iter().map(|sketch| sketch.name.as_str()).collect();
        assert!(names[0].contains("for wmma_m16n16k"), "{names:?}");
        assert!(!names[1].contains("wmma"), "{names:?}");
        let mut rng = common::rng(i as u64);
        let point = std::iter::from_fn(|| space.sample(&mut rng)).find(|point| point.sketch == 0).unwrap();
        let schedule = space.schedule(&point).unwrap();
        assert_eq!(space.point(&schedule), Some(point));
        let nest = schedule.lower(&workload).unwrap_or_else(|error| panic!("{error}\n{schedule}"));
        let data = common::data(&workload, &mut rng);
        let found = nest.run(&data).unwrap_or_else(|error| panic!("{error}\n{schedule}\n{nest}"));
        let output = workload.outputs()[0];
        common::close(&workload.run(&data).unwrap()[&output], &found[&output])
            .unwrap_or_else(|e| panic!("{e}\n{nest}"));
        let code = cuda(&nest, GpuTarget::default()).unwrap_or_else(|error| panic!("{error}\n{schedule}\n{nest}"));
        assert!(code.text.contains("wmma.mma.sync") && code.text.contains("wmma.store.d"), "{}", code.text);
        assert!(code.text.contains("__shared__"), "{}", code.text);
        run += 1;
    }
    assert_eq!(run, 12);
    // What tiles do not divide has no such sketch.
    let (_, space) = with_tensor_cores(DType::F32, [32, 24, 32]);
    assert!(space.sketches.iter().all(|sketch| !sketch.name.contains("wmma")));
}

/// `TACHOGRAPH_NVRTC=…/libnvrtc.so.12 cargo test -p tachograph-program --test tensorize with_nvrtc -- --ignored`
#[test]
#[ignore = "needs NVIDIA's compiler: TACHOGRAPH_NVRTC names libnvrtc.so"]
fn points_for_tensor_cores_compile_with_nvrtc() {
    let compiler = Nvrtc::find().unwrap_or_else(|error| panic!("{error}"));
    let (mut compiled, mut refused) = (0, 0);
    let mut rng = common::rng(0);
    for dtype in [DType::F32, DType::F16, DType::BF16].into_iter().cycle().take(60) {
        let (workload, space) = with_tensor_cores(dtype, [256, 128, 256]);
        let point = std::iter::from_fn(|| space.sample(&mut rng)).find(|point| point.sketch == 0).unwrap();
        let schedule = space.schedule(&point).unwrap();
        // More threads or more shared memory than a block has: there is no code.
        let Ok(code) = schedule.lower(&workload).and_then(|nest| cuda(&nest, GpuTarget::default())) else {
            refused += 1;
            continue;
        };
        for architecture in ["sm_80", "sm_90"] {
            let image = compiler.compile(&code, architecture);
            let image = image.unwrap_or_else(|error| panic!("{error}\n{workload}\n{schedule}\n{}", code.text));
            assert!(image.starts_with(b"\x7fELF"));
        }
        compiled += 1;
    }
    println!("{compiled} programs by NVRTC {}, {refused} have no code", compiler.version());
    assert!(compiled >= 20, "{compiled}");
}
