# SPDX-License-Identifier: Apache-2.0
"""Residual networks for video, as lists of blocks: their tensors, an ONNX graph, and a run in PyTorch."""
import filled


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


def all_layers(blocks):
    for _, layers, added, _ in blocks:
        if isinstance(added, dict):
            yield added
        yield from layers


def folded(tensors, one):
    import numpy as np
    norm = {leaf: tensors[f"{one['norm']}.{leaf}"].astype(np.float64)
            for leaf in ("weight", "bias", "running_mean", "running_var")}
    factor = norm["weight"] / np.sqrt(norm["running_var"] + 1e-5)
    weight = tensors[one["convolution"] + ".weight"] * factor.reshape(-1, 1, 1, 1, 1)
    return weight.astype(np.float32), (norm["bias"] - norm["running_mean"] * factor).astype(np.float32)


class Residual:
    """A network of `blocks` whose batch norms are folded into its convolutions."""

    def __init__(self, name, size, blocks):
        self.name, self.golden, self.size, self.blocks = name, name, size, blocks

    def shapes(self):
        for one in all_layers(self.blocks):
            yield one["convolution"] + ".weight", one["shape"]
            for leaf in ("weight", "bias", "running_mean", "running_var"):
                yield f"{one['norm']}.{leaf}", one["shape"][:1]

    def write_onnx(self, path, tensors):
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
        for _, layers, added, pool in self.blocks:
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
        width = self.blocks[-1][1][-1]["shape"][0]
        graph = helper.make_graph(
            nodes, "backbone",
            [helper.make_tensor_value_info("clip", TensorProto.FLOAT, [1, 3, filled.FRAMES, self.size, self.size])],
            [helper.make_tensor_value_info("feature", TensorProto.FLOAT, [1, width, 1, 1, 1])], initialisers)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))

    def with_torch(self, tensors, dtype):
        import torch
        layout, dtype = torch.channels_last_3d, getattr(torch, dtype)
        ready = {id(one): [torch.from_numpy(part).to(dtype) for part in folded(tensors, one)]
                 for one in all_layers(self.blocks)}
        for pair in ready.values():
            pair[0] = pair[0].contiguous(memory_format=layout)

        def convolve(x, one):
            weight, bias = ready[id(one)]
            return torch.conv3d(x, weight, bias, stride=one["stride"], padding=[k // 2 for k in one["shape"][2:]])

        @torch.inference_mode()
        def run(clip):
            x = torch.from_numpy(clip).to(dtype).contiguous(memory_format=layout)
            for _, layers, added, pool in self.blocks:
                y = x
                for one in layers[:-1]:
                    y = torch.relu_(convolve(y, one))
                y = convolve(y, layers[-1])
                if added is not None:
                    y += x if added == "input" else convolve(x, added)
                torch.relu_(y)
                x = torch.max_pool3d(y, (1, 3, 3), (1, 2, 2), (0, 1, 1)) if pool else y
            return x.mean((2, 3, 4)).reshape(-1).float().numpy()
        return run


NETWORKS = [Residual("slow_r50", 224, slow_r50()),
            Residual("r3d_18", 112, video_resnet_18(False, ["full"] * 4)),
            Residual("mc3_18", 112, video_resnet_18(False, ["full"] + ["frame"] * 3)),
            Residual("r2plus1d_18", 112, video_resnet_18(True, ["split"] * 4))]
