//! Splits over HELP's devices.

use crate::DeviceSplit;

/// HELP's split for NAS-Bench-201.
pub fn nas_bench_201() -> DeviceSplit {
    DeviceSplit::new(
        "HELP, NAS-Bench-201",
        &[
            "1080ti_1",
            "1080ti_32",
            "1080ti_256",
            "silver_4114",
            "silver_4210r",
            "samsung_a50",
            "pixel3",
            "essential_ph_1",
            "samsung_s7",
        ][..],
        &["titanx_1", "titanx_32", "titanx_256", "gold_6240"],
        &["titan_rtx_256", "gold_6226", "pixel2", "raspi4", "eyeriss", "fpga"],
    )
}

/// HELP's split for FBNet and the tasks of NASFLAT (Akhauri and Abdelfattah, 2024).
pub fn fbnet(devices: &[String]) -> Vec<DeviceSplit> {
    let task = |name, train: &[&str], test: &[&str]| DeviceSplit::new(name, train, &[], test);
    let gpus: Vec<_> =
        devices.iter().map(String::as_str).filter(|d| d.starts_with("titan") || d.contains("80ti")).collect();
    vec![
        task(
            "HELP, FBNet",
            &[
                "1080ti_1",
                "1080ti_32",
                "1080ti_64",
                "silver_4114",
                "silver_4210r",
                "samsung_a50",
                "pixel3",
                "essential_ph_1",
                "samsung_s7",
            ],
            &["raspi4", "eyeriss", "fpga"],
        ),
        task(
            "NASFLAT, FBNet task 1",
            &["2080ti_1", "essential_ph_1", "silver_4114", "titan_rtx_1", "titan_rtx_32"],
            &["eyeriss", "fpga", "raspi4", "samsung_a50", "samsung_s7"],
        ),
        task(
            "NASFLAT, FBNet task 2",
            &["essential_ph_1", "gold_6226", "gold_6240", "pixel3", "raspi4"],
            &["1080ti_1", "1080ti_32", "2080ti_32", "titan_rtx_1", "titanxp_1"],
        ),
        task(
            "NASFLAT, FBNet task 3",
            &["essential_ph_1", "pixel2", "pixel3", "raspi4", "samsung_s7"],
            &["1080ti_1", "1080ti_32", "2080ti_1", "titan_rtx_1", "titan_rtx_32"],
        ),
        task(
            "NASFLAT, FBNet task 4",
            &[
                "1080ti_64",
                "2080ti_1",
                "eyeriss",
                "gold_6226",
                "gold_6240",
                "raspi4",
                "samsung_s7",
                "silver_4210r",
                "titan_rtx_1",
                "titan_rtx_32",
            ],
            &["1080ti_1", "pixel2", "essential_ph_1"],
        ),
        task("NASFLAT, FBNet task 5", &gpus, &["gold_6226", "essential_ph_1", "samsung_s7", "pixel2"]),
    ]
}
