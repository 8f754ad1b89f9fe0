#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Time of one clip through a backbone: scale beside OpenVINO, ONNX Runtime and PyTorch, same weights and threads.

    backbones.py --scale build/release/bin/scale [--threads 2] [--runs 5] [--networks slow_r50,videomae_b,...]
                 [--engines openvino,onnxruntime,torch] [--dtype f32|bf16] [--venv build/compare]

Engines are installed from PyPI into the virtual environment --venv, and this script runs there. All compute in float32,
or with --dtype bf16 those that can in bfloat16 (OpenVINO by its own choice of what stays float, PyTorch with all weights
and activations), with batch norm folded into the convolutions; each takes the best of its runs after one that does not count, in two
rounds, all programs in turn. Other work on the machine disturbs the numbers: read the ratios of one run, not the
seconds of two. Weights and clips are those of tests/golden/backbones: scale verifies its features, and those of the
engines are compared with the same ones.
"""
import argparse
import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import filled
import residual
import svt
import videomae

PACKAGES = {"openvino": ["openvino"], "onnxruntime": ["onnxruntime"], "torch": ["torch"]}
NETWORKS = {network.name: network for network in residual.NETWORKS + videomae.NETWORKS + svt.NETWORKS}
GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "backbones"
ROUNDS = 2


def with_openvino(network, path, tensors, threads, dtype):
    import openvino
    core = openvino.Core()
    compiled = core.compile_model(str(path), "CPU", {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY",
                                                     "INFERENCE_PRECISION_HINT": dtype})
    request = compiled.create_infer_request()
    return lambda clip: request.infer({0: clip})[compiled.output(0)].reshape(-1)


def with_onnxruntime(network, path, tensors, threads, dtype):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda clip: session.run(None, {"clip": clip})[0].reshape(-1)


def with_torch(network, path, tensors, threads, dtype):
    import torch
    torch.set_num_threads(threads)
    return network.with_torch(tensors, {"f32": "float32", "bf16": "bfloat16"}[dtype])


ENGINES = {"openvino": with_openvino, "onnxruntime": with_onnxruntime, "torch": with_torch}
ENGINES_OF = {"f32": list(ENGINES), "bf16": ["openvino", "torch"]}


def best_of(run, clip, runs):
    run(clip)
    seconds = []
    for _ in range(runs):
        begin = time.perf_counter()
        run(clip)
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def time_scale(program, network, weights, threads, runs, dtype):
    command = [program, "bench", "backbone", "--backbone", network.name, "--weights", str(weights), "--frames",
               str(filled.FRAMES), "--size", str(network.size), "--clips", "1", "--runs", str(runs), "--threads",
               str(threads), "--dtype", dtype, "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)["seconds_min"]


def compare(arguments):
    import numpy as np
    versions = (f"{engine} {importlib.metadata.version(PACKAGES[engine][0])}" for engine in arguments.engines)
    print(f"{arguments.dtype}, {arguments.threads} threads; " + ", ".join(versions))
    print(f"{'network':<12} {'scale':>9}" + "".join(f" {engine:>12}  ratio" for engine in arguments.engines))
    for name in arguments.networks:
        network = NETWORKS[name]
        tensors = {of: filled.tensor(of, shape) for of, shape in network.shapes()}
        clip = filled.clip(network.size)
        golden = GOLDEN / f"{network.golden}_{filled.FRAMES}x{network.size}x{network.size}.safetensors"
        expected, limit = filled.golden_feature(golden)
        if arguments.dtype == "f32":
            limit = 1e-5
        subprocess.run([arguments.scale, "verify", str(golden), "--dtype", arguments.dtype], check=True,
                       stdout=subprocess.DEVNULL)
        with tempfile.TemporaryDirectory() as folder:
            weights, graph = pathlib.Path(folder) / "weights.safetensors", pathlib.Path(folder) / "network.onnx"
            filled.write_safetensors(weights, tensors)
            network.write_onnx(graph, tensors)
            ours, theirs = [], {engine: [] for engine in arguments.engines}
            runs = {engine: ENGINES[engine](network, graph, tensors, arguments.threads, arguments.dtype)
                    for engine in arguments.engines}
            for engine, run in runs.items():
                off = float(np.abs(run(clip) - expected).max() / np.linalg.norm(expected))
                if not off < limit:
                    sys.exit(f"{name}: expected {engine} to compute the feature of {golden.name} within {limit:.2g} of "
                             f"its norm, found it {off:.2g} apart; the graph that is built here is another network")
            for _ in range(ROUNDS):
                ours.append(time_scale(arguments.scale, network, weights, arguments.threads, arguments.runs,
                                       arguments.dtype))
                for engine, run in runs.items():
                    theirs[engine].append(best_of(run, clip, arguments.runs))
            line = f"{name:<12} {min(ours):>7.3f} s"
            for seconds in theirs.values():
                line += f" {min(seconds):>10.3f} s {min(ours) / min(seconds):>6.2f}"
            print(line, flush=True)
    print("ratio: seconds of scale over those of the engine; below 1 scale is faster")


def list_of(known):
    def parse(text):
        for word in text.split(","):
            if word not in known:
                raise argparse.ArgumentTypeError(f"expected some of {','.join(known)}, found {word}")
        return text.split(",")
    return parse


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", required=True, help="the program, of a release build")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--networks", type=list_of(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--dtype", choices=list(ENGINES_OF), default="f32")
    parser.add_argument("--engines", type=list_of(ENGINES), help="unless given all that compute in --dtype")
    parser.add_argument("--venv", type=pathlib.Path, default=pathlib.Path("build/compare"))
    arguments = parser.parse_args()
    arguments.engines = arguments.engines or ENGINES_OF[arguments.dtype]
    for engine in arguments.engines:
        if engine not in ENGINES_OF[arguments.dtype]:
            parser.error(f"--engines: expected those that compute in {arguments.dtype}, "
                         f"{','.join(ENGINES_OF[arguments.dtype])}, found {engine}")
    python = (arguments.venv / "bin" / "python").absolute()
    if pathlib.Path(sys.prefix).resolve() != arguments.venv.resolve():
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(arguments.venv)], check=True)
        wanted = ["numpy", "onnx"] + [package for engine in arguments.engines for package in PACKAGES[engine]]
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *wanted], check=True)
        os.execv(str(python), [str(python), os.path.abspath(__file__), *sys.argv[1:]])
    compare(arguments)


if __name__ == "__main__":
    main()
