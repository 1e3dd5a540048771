#!/usr/bin/env bash
# All work on a machine with an NVIDIA GPU but without Rust: carry this checkout with `target/gpu` there.
#
#   here:   datasets/gpu.sh pack                # builds, and gathers the programs in target/gpu
#   there:  datasets/gpu.sh check               # tests on the GPU, and two networks measured
#   there:  datasets/gpu.sh train               # seconds an epoch on one CPU core and on the GPU
#   there:  datasets/gpu.sh measure NAME OUT    # generated networks, to the data set OUT; goes on where it stopped
#
# There, Python must have torch 2.11.0: its libraries are the ones that run.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=target/gpu

pack() {
    cargo build --release -p tachograph-cli --features torch
    mkdir -p "$bin"
    cp target/release/tachograph "$bin/"
    local of
    for of in gnn:gnn profile:outputs train:train; do
        local file
        file=$(cargo test --release -p "tachograph-${of%:*}" --test "${of#*:}" --no-run 2>&1 | sed -n 's/^ *Executable .*(\(.*\))$/\1/p')
        cp "$file" "$bin/test-${of%:*}"
    done
    strip "$bin"/*
    ls -l "$bin"
}

check() {
    nvidia-smi --query-gpu=name,driver_version,clocks.max.sm,power.limit --format=csv
    local test failed=0
    for test in "$bin"/test-*; do
        echo "== $test"
        (cd "crates/${test##*-}" && time timeout 150 "../../$test" && "../../$test" --ignored on_a_gpu) || failed=1
    done
    local model
    for model in light_resnet50 efficientnet_b0; do
        "$bin/tachograph" profile "datasets/models/$model.onnx.gz" --bind batch=32 --device cuda:0 || failed=1
    done
    return $failed
}

# One CPU core for each model, side by side with the GPU.
train() {
    local dir device model log
    dir=$(mktemp -d)
    for device in cuda:0 cpu; do
        for model in learned-roofline nnlp; do
            sed -e "s/^data = .*/data = \"datasets\/cpu\"/; /^extra/d; s/^epochs.*/epochs = 3\ntorch_device = \"$device\"/" \
                "research/recipes/$model.toml" > "$dir/$model-$device.toml"
        done
    done
    run() { "$bin/tachograph" train --config "$dir/$1.toml" --out "$dir/$1"; }
    (run learned-roofline-cuda:0 && run nnlp-cuda:0) &
    run learned-roofline-cpu &
    run nnlp-cpu &
    wait
    for log in "$dir"/*/metrics.jsonl; do
        echo "$log"
        sed 's/"validation.*"timing"/"timing"/' "$log"
    done
}

measure() {
    "$bin/tachograph" collect --out "$2" --name "$1" --device cuda:0 --count 231 --seed 1 --visits 1 --batches 16,1
}

case ${1:-} in
check | train | measure)
    LD_LIBRARY_PATH=$(python3 -c 'import os, torch; print(os.path.join(os.path.dirname(torch.__file__), "lib"))')
    export LD_LIBRARY_PATH OMP_NUM_THREADS=1
    "$@"
    ;;
pack) pack ;;
*) sed -n '2,/^set/p' "$0" | sed '$d; s/^# \?//' && exit 2 ;;
esac
