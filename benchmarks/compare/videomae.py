# SPDX-License-Identifier: Apache-2.0
"""VideoMAE, pre-trained pooling: its tensors, an ONNX graph, and a run in PyTorch."""
import filled
import graph

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
        n, c, g = self.tokens, self.width, graph.Graph(EPS)
        patches = g.add("Conv", ["clip", g.constant(tensors["encoder.patch_embed.proj.weight"]),
                                 g.constant(tensors["encoder.patch_embed.proj.bias"])],
                        kernel_shape=[TUBELET, PATCH, PATCH], strides=[TUBELET, PATCH, PATCH])
        x = g.add("Transpose", [g.reshape(patches, 1, c, n)], perm=[0, 2, 1])
        x = g.sum(x, g.constant(positions(n, c)))
        for i in range(self.depth):
            of = {name.removeprefix(f"encoder.blocks.{i}."): value for name, value in tensors.items()}
            bias = np.concatenate([of["attn.q_bias"], np.zeros(c, np.float32), of["attn.v_bias"]])
            joint = g.linear(g.norm(x, of["norm1.weight"], of["norm1.bias"]), of["attn.qkv.weight"], bias)
            mixed = g.attention(joint, 1, n, c, self.heads)
            x = g.sum(x, g.linear(mixed, of["attn.proj.weight"], of["attn.proj.bias"]))
            hidden = g.linear(g.norm(x, of["norm2.weight"], of["norm2.bias"]), of["mlp.fc1.weight"],
                              of["mlp.fc1.bias"])
            x = g.sum(x, g.linear(g.gelu(hidden), of["mlp.fc2.weight"], of["mlp.fc2.bias"]))
        x = g.norm(x, tensors["encoder.norm.weight"], tensors["encoder.norm.bias"])
        g.save(path, self.size, g.add("ReduceMean", [x], axes=[1], keepdims=0), c)

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
