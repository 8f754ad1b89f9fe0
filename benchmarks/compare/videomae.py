# SPDX-License-Identifier: Apache-2.0
"""VideoMAE, pre-trained pooling: its tensors, an ONNX graph, and a run in PyTorch."""
import math

import filled

TUBELET, PATCH = 2, 16
EPS = 1e-6


def positions(tokens, width):
    import numpy as np
    channel = np.arange(width)
    angle = np.arange(tokens)[:, None] / 10000.0 ** (2 * (channel // 2) / width)
    return np.where(channel % 2 == 0, np.sin(angle), np.cos(angle)).astype(np.float32)


class VideoMae:
    """Biases of queries and values, none of keys; exact GELU; the mean over tokens after the last norm."""

    def __init__(self, name, golden, size, width, depth, heads):
        self.name, self.golden, self.size = name, golden, size
        self.width, self.depth, self.heads = width, depth, heads
        self.tokens = filled.FRAMES // TUBELET * (size // PATCH) ** 2

    def shapes(self):
        c = self.width
        yield "encoder.patch_embed.proj.weight", (c, 3, TUBELET, PATCH, PATCH)
        yield "encoder.patch_embed.proj.bias", (c,)
        for i in range(self.depth):
            for leaf, shape in (("norm1.weight", (c,)), ("norm1.bias", (c,)), ("attn.q_bias", (c,)),
                                ("attn.v_bias", (c,)), ("attn.qkv.weight", (3 * c, c)), ("attn.proj.weight", (c, c)),
                                ("attn.proj.bias", (c,)), ("norm2.weight", (c,)), ("norm2.bias", (c,)),
                                ("mlp.fc1.weight", (4 * c, c)), ("mlp.fc1.bias", (4 * c,)),
                                ("mlp.fc2.weight", (c, 4 * c)), ("mlp.fc2.bias", (c,))):
                yield f"encoder.blocks.{i}.{leaf}", shape
        yield "encoder.norm.weight", (c,)
        yield "encoder.norm.bias", (c,)

    def write_onnx(self, path, tensors):
        import numpy as np
        import onnx
        from onnx import TensorProto, helper, numpy_helper
        nodes, initialisers, count = [], [], iter(range(1 << 20))
        n, c, h = self.tokens, self.width, self.heads

        def constant(value):
            name = f"c{next(count)}"
            initialisers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
            return name

        def number(value):
            return constant(np.array(value, np.float32))

        def extents(*values):
            return constant(np.array(values, np.int64))

        def add(kind, inputs, outputs=1, **attributes):
            names = [f"v{next(count)}" for _ in range(outputs)]
            nodes.append(helper.make_node(kind, inputs, names, **attributes))
            return names if outputs > 1 else names[0]

        def linear(x, weight, bias):
            return add("Add", [add("MatMul", [x, constant(weight.T)]), constant(bias)])

        def norm(x, at):
            scale, shift = constant(tensors[at + ".weight"]), constant(tensors[at + ".bias"])
            return add("LayerNormalization", [x, scale, shift], axis=-1, epsilon=EPS)

        def gelu(x):
            bent = add("Add", [add("Erf", [add("Div", [x, number(math.sqrt(2))])]), number(1)])
            return add("Mul", [add("Mul", [x, bent]), number(.5)])

        def attention(x, at):
            bias = np.concatenate([tensors[at + "q_bias"], np.zeros(c, np.float32), tensors[at + "v_bias"]])
            joint = add("Reshape", [linear(x, tensors[at + "qkv.weight"], bias), extents(1, n, 3, h, c // h)])
            parts = add("Split", [add("Transpose", [joint], perm=[2, 0, 3, 1, 4])], 3, axis=0)
            q, k, v = (add("Squeeze", [part, extents(0)]) for part in parts)
            scores = add("MatMul", [add("Mul", [q, number((c // h) ** -.5)]), add("Transpose", [k], perm=[0, 1, 3, 2])])
            mixed = add("Transpose", [add("MatMul", [add("Softmax", [scores], axis=-1), v])], perm=[0, 2, 1, 3])
            return linear(add("Reshape", [mixed, extents(1, n, c)]), tensors[at + "proj.weight"],
                          tensors[at + "proj.bias"])

        patches = add("Conv", ["clip", constant(tensors["encoder.patch_embed.proj.weight"]),
                               constant(tensors["encoder.patch_embed.proj.bias"])],
                      kernel_shape=[TUBELET, PATCH, PATCH], strides=[TUBELET, PATCH, PATCH])
        x = add("Transpose", [add("Reshape", [patches, extents(1, c, n)])], perm=[0, 2, 1])
        x = add("Add", [x, constant(positions(n, c))])
        for i in range(self.depth):
            at = f"encoder.blocks.{i}."
            x = add("Add", [x, attention(norm(x, at + "norm1"), at + "attn.")])
            hidden = linear(norm(x, at + "norm2"), tensors[at + "mlp.fc1.weight"], tensors[at + "mlp.fc1.bias"])
            x = add("Add", [x, linear(gelu(hidden), tensors[at + "mlp.fc2.weight"], tensors[at + "mlp.fc2.bias"])])
        nodes.append(helper.make_node("ReduceMean", [norm(x, "encoder.norm")], ["feature"], axes=[1], keepdims=0))
        graph = helper.make_graph(
            nodes, "backbone",
            [helper.make_tensor_value_info("clip", TensorProto.FLOAT, [1, 3, filled.FRAMES, self.size, self.size])],
            [helper.make_tensor_value_info("feature", TensorProto.FLOAT, [1, c])], initialisers)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))

    def with_torch(self, tensors, dtype):
        import torch
        from torch.nn import functional
        n, c, h = self.tokens, self.width, self.heads
        dtype = getattr(torch, dtype)
        ready = {name.removeprefix("encoder."): torch.from_numpy(value).to(dtype) for name, value in tensors.items()}
        place = torch.from_numpy(positions(n, c)).to(dtype)

        def norm(x, at):
            return functional.layer_norm(x, (c,), ready[at + ".weight"], ready[at + ".bias"], EPS)

        def linear(x, at):
            return functional.linear(x, ready[at + ".weight"], ready[at + ".bias"])

        @torch.inference_mode()
        def run(clip):
            patches = functional.conv3d(torch.from_numpy(clip).to(dtype), ready["patch_embed.proj.weight"],
                                        ready["patch_embed.proj.bias"], stride=(TUBELET, PATCH, PATCH))
            x = patches.flatten(2).transpose(1, 2) + place
            for i in range(self.depth):
                at = f"blocks.{i}."
                q_bias, v_bias = ready[at + "attn.q_bias"], ready[at + "attn.v_bias"]
                joint = functional.linear(norm(x, at + "norm1"), ready[at + "attn.qkv.weight"],
                                          torch.cat([q_bias, torch.zeros(c, dtype=dtype), v_bias]))
                q, k, v = joint.reshape(1, n, 3, h, c // h).permute(2, 0, 3, 1, 4).unbind(0)
                mixed = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(1, n, c)
                x = x + linear(mixed, at + "attn.proj")
                hidden = functional.gelu(linear(norm(x, at + "norm2"), at + "mlp.fc1"))
                x = x + linear(hidden, at + "mlp.fc2")
            return norm(x, "norm").mean(1).reshape(-1).float().numpy()
        return run


NETWORKS = [VideoMae("videomae_b", "videomae_b_pretrained", 224, width=768, depth=12, heads=12)]
