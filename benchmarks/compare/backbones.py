#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Time of one clip through a backbone: scale beside OpenVINO, ONNX Runtime and PyTorch, same weights and threads.

    backbones.py --scale build/release/bin/scale [--threads 2] [--runs 5] [--networks slow_r50,r3d_18,...]
                 [--engines openvino,onnxruntime,torch] [--venv build/compare]

Engines are installed from PyPI into the virtual environment --venv, and this script runs there. All compute in float32
with batch norm folded into the convolutions; each takes the best of its runs after one that does not count. Other work
on the machine disturbs the numbers: read the ratios of one run, not the seconds of two.
"""
import argparse
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import time

PACKAGES = {"openvino": ["openvino"], "onnxruntime": ["onnxruntime"], "torch": ["torch"]}
SIZES = {"slow_r50": 224, "r3d_18": 112, "mc3_18": 112, "r2plus1d_18": 112}
FRAMES = 16


def layer(convolution, norm, inputs, outputs, kernel, stride, relu=True):
    return {"convolution": convolution, "norm": norm, "shape": (outputs, inputs, *kernel), "stride": stride,
            "relu": relu}


def slow_r50():
    """Blocks: name, layers, what is added (None, "input" or a layer), whether a max-pool ends it."""
    blocks = [("stem", [layer("blocks.0.conv", "blocks.0.norm", 3, 64, (1, 7, 7), (1, 2, 2))], None, True)]
    inputs = 64
    for s, (count, inner, frames) in enumerate([(3, 64, 1), (4, 128, 1), (6, 256, 3), (3, 512, 3)]):
        for i in range(count):
            stride = (1, 2, 2) if s > 0 and i == 0 else (1, 1, 1)
            at = f"blocks.{s + 1}.res_blocks.{i}."
            names = [(f"{at}branch2.conv_{c}", f"{at}branch2.norm_{c}") for c in "abc"]
            layers = [layer(*names[0], inputs, inner, (frames, 1, 1), (1, 1, 1)),
                      layer(*names[1], inner, inner, (1, 3, 3), stride),
                      layer(*names[2], inner, 4 * inner, (1, 1, 1), (1, 1, 1))]
            shortcut = layer(at + "branch1_conv", at + "branch1_norm", inputs, 4 * inner, (1, 1, 1), stride, False)
            blocks.append((at, layers, shortcut if i == 0 else "input", False))
            inputs = 4 * inner
    return blocks


def video_resnet_18(stem_split, kernels):
    if stem_split:
        stem = [layer("stem.0", "stem.1", 3, 45, (1, 7, 7), (1, 2, 2)),
                layer("stem.3", "stem.4", 45, 64, (3, 1, 1), (1, 1, 1))]
    else:
        stem = [layer("stem.0", "stem.1", 3, 64, (3, 7, 7), (1, 2, 2))]
    blocks, inputs = [("stem", stem, None, False)], 64
    for s, (outputs, kind) in enumerate(zip((64, 128, 256, 512), kernels)):
        for i in range(2):
            step = 2 if s > 0 and i == 0 else 1
            time_step = 1 if kind == "frame" else step
            between = inputs * outputs * 27 // (inputs * 9 + 3 * outputs)
            at, layers = f"layer{s + 1}.{i}.", []
            for name, channels, stride in ((at + "conv1", inputs, step), (at + "conv2", outputs, 1)):
                if kind == "split":
                    layers.append(layer(name + ".0.0", name + ".0.1", channels, between, (1, 3, 3),
                                        (1, stride, stride)))
                    layers.append(layer(name + ".0.3", name + ".1", between, outputs, (3, 1, 1), (stride, 1, 1)))
                else:
                    kernel, in_time = ((1, 3, 3), 1) if kind == "frame" else ((3, 3, 3), stride)
                    layers.append(layer(name + ".0", name + ".1", channels, outputs, kernel, (in_time, stride, stride)))
            shortcut = layer(at + "downsample.0", at + "downsample.1", inputs, outputs, (1, 1, 1),
                             (time_step, step, step), False)
            blocks.append((at, layers, shortcut if step == 2 else "input", False))
            inputs = outputs
    return blocks


NETWORKS = {"slow_r50": slow_r50,
            "r3d_18": lambda: video_resnet_18(False, ["full"] * 4),
            "mc3_18": lambda: video_resnet_18(False, ["full"] + ["frame"] * 3),
            "r2plus1d_18": lambda: video_resnet_18(True, ["split"] * 4)}


def all_layers(blocks):
    for _, layers, added, _ in blocks:
        if isinstance(added, dict):
            yield added
        yield from layers


def make_weights(blocks):
    """Tensors by name, of a network whose activations stay of order 1."""
    import numpy as np
    random = np.random.default_rng(1)
    tensors = {}
    for one in all_layers(blocks):
        fan_in = float(np.prod(one["shape"][1:]))
        tensors[one["convolution"] + ".weight"] = random.uniform(-1, 1, one["shape"]) * (3 / fan_in) ** 0.5
        for leaf, centre, half in (("weight", 1, .1), ("bias", 0, .1), ("running_mean", 0, .1),
                                   ("running_var", 1, .25)):
            tensors[f"{one['norm']}.{leaf}"] = centre + half * random.uniform(-1, 1, one["shape"][0])
    return {name: value.astype(np.float32) for name, value in tensors.items()}


def folded(tensors, one):
    import numpy as np
    norm = {leaf: tensors[f"{one['norm']}.{leaf}"].astype(np.float64)
            for leaf in ("weight", "bias", "running_mean", "running_var")}
    factor = norm["weight"] / np.sqrt(norm["running_var"] + 1e-5)
    weight = tensors[one["convolution"] + ".weight"] * factor.reshape(-1, 1, 1, 1, 1)
    return weight.astype(np.float32), (norm["bias"] - norm["running_mean"] * factor).astype(np.float32)


def write_safetensors(path, tensors):
    header, at = {}, 0
    for name, value in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [at, at + value.nbytes]}
        at += value.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for value in tensors.values():
            file.write(value.tobytes())


def write_onnx(path, blocks, tensors, size):
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    nodes, initialisers, count = [], [], iter(range(1 << 20))

    def add(kind, inputs, **attributes):
        output = f"v{next(count)}"
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def convolve(x, one, relu):
        weight, bias = folded(tensors, one)
        names = [one["convolution"] + ".w", one["convolution"] + ".b"]
        initialisers.extend([numpy_helper.from_array(weight, names[0]), numpy_helper.from_array(bias, names[1])])
        pads = [k // 2 for k in one["shape"][2:]]
        y = add("Conv", [x, *names], kernel_shape=one["shape"][2:], strides=one["stride"], pads=pads + pads)
        return add("Relu", [y]) if relu else y

    x = "clip"
    for _, layers, added, pool in blocks:
        y = x
        for one in layers[:-1]:
            y = convolve(y, one, True)
        y = convolve(y, layers[-1], added is None)
        if added is not None:
            other = x if added == "input" else convolve(x, added, False)
            y = add("Relu", [add("Add", [y, other])])
        if pool:
            y = add("MaxPool", [y], kernel_shape=[1, 3, 3], strides=[1, 2, 2], pads=[0, 1, 1, 0, 1, 1])
        x = y
    nodes.append(helper.make_node("GlobalAveragePool", [x], ["feature"]))
    width = blocks[-1][1][-1]["shape"][0]
    graph = helper.make_graph(
        nodes, "backbone", [helper.make_tensor_value_info("clip", TensorProto.FLOAT, [1, 3, FRAMES, size, size])],
        [helper.make_tensor_value_info("feature", TensorProto.FLOAT, [1, width, 1, 1, 1])], initialisers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))


def with_openvino(path, blocks, tensors, threads):
    import openvino
    core = openvino.Core()
    compiled = core.compile_model(str(path), "CPU", {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY",
                                                     "INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    return lambda clip: request.infer({0: clip})[compiled.output(0)].reshape(-1)


def with_onnxruntime(path, blocks, tensors, threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda clip: session.run(None, {"clip": clip})[0].reshape(-1)


def with_torch(path, blocks, tensors, threads):
    import torch
    torch.set_num_threads(threads)
    layout = torch.channels_last_3d
    ready = {id(one): [torch.from_numpy(part) for part in folded(tensors, one)] for one in all_layers(blocks)}
    for pair in ready.values():
        pair[0] = pair[0].contiguous(memory_format=layout)

    def convolve(x, one):
        weight, bias = ready[id(one)]
        return torch.conv3d(x, weight, bias, stride=one["stride"], padding=[k // 2 for k in one["shape"][2:]])

    @torch.inference_mode()
    def run(clip):
        x = torch.from_numpy(clip).contiguous(memory_format=layout)
        for _, layers, added, pool in blocks:
            y = x
            for one in layers[:-1]:
                y = torch.relu_(convolve(y, one))
            y = convolve(y, layers[-1])
            if added is not None:
                y += x if added == "input" else convolve(x, added)
            torch.relu_(y)
            x = torch.max_pool3d(y, (1, 3, 3), (1, 2, 2), (0, 1, 1)) if pool else y
        return x.mean((2, 3, 4)).reshape(-1).numpy()
    return run


ENGINES = {"openvino": with_openvino, "onnxruntime": with_onnxruntime, "torch": with_torch}


def best_of(run, clip, runs):
    run(clip)
    seconds = []
    for _ in range(runs):
        begin = time.perf_counter()
        run(clip)
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def time_scale(program, network, weights, size, threads, runs):
    command = [program, "bench", "backbone", "--backbone", network, "--weights", str(weights), "--frames", str(FRAMES),
               "--size", str(size), "--clips", "1", "--runs", str(runs), "--threads", str(threads), "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)["seconds_min"]


def compare(arguments):
    import numpy as np
    print(f"{'network':<12} {'scale':>9}" + "".join(f" {engine:>12}  ratio" for engine in arguments.engines))
    for network in arguments.networks:
        blocks, size = NETWORKS[network](), SIZES[network]
        tensors = make_weights(blocks)
        clip = np.random.default_rng(2).standard_normal((1, 3, FRAMES, size, size)).astype(np.float32)
        with tempfile.TemporaryDirectory() as folder:
            weights, graph = pathlib.Path(folder) / "weights.safetensors", pathlib.Path(folder) / "network.onnx"
            write_safetensors(weights, tensors)
            write_onnx(graph, blocks, tensors, size)
            ours = time_scale(arguments.scale, network, weights, size, arguments.threads, arguments.runs)
            line, features = f"{network:<12} {ours:>7.3f} s", []
            for engine in arguments.engines:
                run = ENGINES[engine](graph, blocks, tensors, arguments.threads)
                theirs = best_of(run, clip, arguments.runs)
                features.append(run(clip))
                line += f" {theirs:>10.3f} s {ours / theirs:>6.2f}"
            print(line, flush=True)
        for engine, feature in zip(arguments.engines[1:], features[1:]):
            off = float(np.linalg.norm(feature - features[0]) / np.linalg.norm(features[0]))
            if not off < 1e-4:
                sys.exit(f"{network}: {engine} and {arguments.engines[0]} compute different features: {off:.2g} apart")
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
    parser.add_argument("--engines", type=list_of(ENGINES), default=list(ENGINES))
    parser.add_argument("--venv", type=pathlib.Path, default=pathlib.Path("build/compare"))
    arguments = parser.parse_args()
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
