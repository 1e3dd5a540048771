//! Software prefetch: what is asked for, in the nest and in each language; that it changes nothing; where it is refused.

mod common;

use tachograph_ir::DType::F32;
use tachograph_program::{
    Binding, Builder, Compiler, Cpu, CpuRules, Dim, GpuTarget, Measurer, MetaSchedule, Outcome, Schedule, Settings,
    Space, Stmt, Target, Workload, c, cuda, opencl, operator,
};

fn product() -> Workload {
    let mut b = Builder::new("product");
    let (x, w) = (b.input("x", F32, &[8, 24]).unwrap(), b.weight("w", F32, &[24, 64]).unwrap());
    let y = operator::matmul(&mut b, x, w).unwrap();
    b.finish(&[y]).unwrap()
}

/// A row of 32 columns of `w`, two lines, four trips of `k` before it is needed.
fn ahead() -> Schedule {
    Schedule::new()
        .split("matmul", "j", &[32])
        .reorder("matmul", &["j.0", "i", "k", "j.1"])
        .prefetch("matmul", "w", "k", 4)
        .vectorize("matmul", "j.1")
}

#[test]
fn lines_are_asked_for_some_trips_ahead() {
    let workload = product();
    let nest = ahead().lower(&workload).unwrap();
    let text = nest.to_string();
    assert!(text.contains("unroll w.lines < 2"), "{text}");
    assert!(text.contains("prefetch w[matmul.k + 4, 32*matmul.j.0 + 16*w.lines]"), "{text}");
    let code = c(&nest, Target::native()).unwrap().text;
    assert!(code.contains("__builtin_prefetch(b1_w + "), "{code}");
    let data = common::data(&workload, &mut common::rng(0));
    let (found, expected) = (nest.run(&data).unwrap(), workload.run(&data).unwrap());
    common::close(&expected[&workload.outputs()[0]], &found[&workload.outputs()[0]]).unwrap();
    // The last trips ask for what lies beyond: nothing is read.
    let Ok(compiler) = Compiler::find() else { return };
    let settings = Settings { repeats: 1, warmup_ms: 0.0, repeat_ms: 0.0, ..Settings::default() };
    let record = Cpu::new(compiler, settings).unwrap().measure(&workload, &[ahead()]).unwrap().remove(0);
    assert!(matches!(record.outcome, Outcome::Time { .. }), "{:?}", record.outcome);
}

#[test]
fn gpus_are_asked_for_nothing_outside() {
    let schedule = Schedule::new()
        .bind("matmul", "i", Binding::Block(Dim::X))
        .bind("matmul", "j", Binding::Thread(Dim::X))
        .prefetch("matmul", "w", "k", 2);
    let nest = schedule.lower(&product()).unwrap();
    let cl = opencl(&nest, GpuTarget::default()).unwrap().text;
    assert!(cl.contains("prefetch(b1_w + max(0, min("), "{cl}");
    let cuda = cuda(&nest, GpuTarget::default()).unwrap().text;
    assert!(cuda.contains("prefetch.global.L2"), "{cuda}");
}

#[test]
fn it_is_written_and_read_again() {
    let text = serde_json::to_string(&ahead()).unwrap();
    assert!(text.contains(r#"{"step":"prefetch","stage":"matmul","buffer":"w","axis":"k","ahead":4}"#), "{text}");
    assert_eq!(Schedule::from_json(&text).unwrap(), ahead());
}

#[test]
fn where_it_makes_no_sense_it_is_refused() {
    let vector = Schedule::new().reorder("matmul", &["i", "k", "j"]).vectorize("matmul", "j");
    let cases = [
        (Schedule::new().prefetch("matmul", "w", "k", 0), "step 0 (prefetch w for matmul at k, 0 ahead): 0 trips"),
        (Schedule::new().prefetch("matmul", "w", "k", 24), "`k` has 24 trips, and there is none 24 ahead"),
        (Schedule::new().prefetch("matmul", "q", "k", 1), "there is no buffer `q`"),
        (
            Schedule::new().cache_read("w").prefetch("matmul", "w", "k", 1),
            "step 1 (prefetch w for matmul at k, 1 ahead): `matmul` does not load `w`",
        ),
        (
            Schedule::new().prefetch("matmul", "w", "k", 1).prefetch("matmul", "w", "k", 2),
            "step 1 (prefetch w for matmul at k, 2 ahead): `w` is prefetched at that loop already",
        ),
        (
            Schedule::new().prefetch("matmul", "w", "k", 1).split("matmul", "k", &[4]),
            "step 1 (split matmul k by 4): `w` is prefetched at that loop",
        ),
        (
            Schedule::new().parallel("matmul", "i").prefetch("matmul", "x", "i", 1),
            "step 1 (prefetch x for matmul at i, 1 ahead): trips of `i` do not follow",
        ),
        (vector.prefetch("matmul", "w", "j", 1), "trips of `j` do not follow"),
        (
            Schedule::new().cache_read("w").compute_at("w.read", "matmul", "i").prefetch("matmul", "w.read", "k", 1),
            "step 2 (prefetch w.read for matmul at k, 1 ahead): `w.read` is not in memory",
        ),
        // What follows may take the sense away: then it is not lowered.
        (Schedule::new().prefetch("matmul", "x", "i", 1).parallel("matmul", "i"), "trips of `i` do not follow"),
        (Schedule::new().prefetch("matmul", "w", "i", 1), "asks for 96 lines"),
    ];
    for (schedule, part) in cases {
        match schedule.lower(&product()) {
            Ok(nest) => panic!("{part}\n{schedule}\n{nest}"),
            Err(error) => assert!(error.to_string().contains(part), "{error}\nand not {part}"),
        }
    }
}

/// Random schedules have prefetches too; here they must not be rare.
#[test]
fn random_schedules_have_some() {
    let mut with = 0;
    for seed in 0..150 {
        let mut rng = common::rng(seed);
        let workload = common::workload(&mut rng);
        let Ok(nest) = common::schedule(&workload, &mut rng, 30).lower(&workload) else { continue };
        let mut found = false;
        nest.visit(&mut |stmt| found |= matches!(stmt, Stmt::Prefetch(..)));
        with += usize::from(found);
    }
    assert!(with > 5, "{with}");
}

#[test]
fn spaces_decide_how_far_ahead() {
    let workload = product();
    let [without, with] =
        [false, true].map(|prefetch| Space::cpu(&workload, CpuRules { prefetch, ..CpuRules::default() }).unwrap());
    assert_eq!(with.count(), without.count().map(|n| 5 * n));
    let meta = MetaSchedule::Cpu(CpuRules { prefetch: true, ..CpuRules::default() });
    let meta = Space::meta_schedule(&workload, meta).unwrap();
    let mut rng = common::rng(0);
    let data = common::data(&workload, &mut rng);
    let expected = workload.run(&data).unwrap();
    let (mut asked, mut some) = (0, Vec::new());
    for i in 0..100 {
        let space = if i % 2 == 0 { &with } else { &meta };
        let schedule = space.schedule(&space.sample(&mut rng).unwrap()).unwrap();
        let nest = schedule.lower(&workload).unwrap_or_else(|error| panic!("{error}\n{schedule}"));
        let found = nest.run(&data).unwrap();
        common::close(&expected[&workload.outputs()[0]], &found[&workload.outputs()[0]]).unwrap();
        let mut has = false;
        nest.visit(&mut |stmt| has |= matches!(stmt, Stmt::Prefetch(..)));
        asked += usize::from(has);
        some.extend(has.then_some(schedule).filter(|_| asked <= 4));
    }
    assert!(asked > 20, "{asked}");
    let Ok(compiler) = Compiler::find() else { return };
    let settings = Settings { repeats: 0, ..Settings::default() };
    for record in Cpu::new(compiler, settings).unwrap().measure(&workload, &some).unwrap() {
        assert!(matches!(record.outcome, Outcome::Time { .. }), "{:?}\n{}", record.outcome, record.schedule);
    }
}
