# SPDX-License-Identifier: Apache-2.0
"""SVT on 16 frames, divided space-time attention: its tensors, an ONNX graph, and a run in PyTorch."""
import filled
import graph

PATCH, LEARNT_FRAMES = 16, 8
EPS = 1e-5


class Svt:
    """Patches stand place by place, the frames of one beside each other; the feature is the class token."""

    def __init__(self, name, golden, size, width, depth, heads):
        self.name, self.golden, self.size = name, golden, size
        self.width, self.depth, self.heads = width, depth, heads
        self.places = (size // PATCH) ** 2

    def shapes(self):
        c = self.width
        yield "cls_token", (1, 1, c)
        yield "pos_embed", (1, 1 + self.places, c)
        yield "time_embed", (1, LEARNT_FRAMES, c)
        yield "patch_embed.proj.weight", (c, 3, PATCH, PATCH)
        yield "patch_embed.proj.bias", (c,)
        for i in range(self.depth):
            for leaf, outputs, inputs in (("attn.qkv", 3 * c, c), ("attn.proj", c, c), ("temporal_attn.qkv", 3 * c, c),
                                          ("temporal_attn.proj", c, c), ("temporal_fc", c, c), ("mlp.fc1", 4 * c, c),
                                          ("mlp.fc2", c, 4 * c)):
                yield f"blocks.{i}.{leaf}.weight", (outputs, inputs)
                yield f"blocks.{i}.{leaf}.bias", (outputs,)
            for leaf in ("norm1", "temporal_norm1", "norm2"):
                yield f"blocks.{i}.{leaf}.weight", (c,)
                yield f"blocks.{i}.{leaf}.bias", (c,)
        yield "norm.weight", (c,)
        yield "norm.bias", (c,)

    def positions(self, tensors):
        """[places, frames, width]: the sum of both tables, linear in time from 8 frames to 16, half-pixel centres."""
        import numpy as np
        where = np.clip((np.arange(filled.FRAMES) + .5) * LEARNT_FRAMES / filled.FRAMES - .5, 0, LEARNT_FRAMES - 1)
        below = np.floor(where).astype(int)
        above, share = np.minimum(below + 1, LEARNT_FRAMES - 1), (where - below)[:, None]
        frames = tensors["time_embed"][0].astype(np.float64)
        frames = (1 - share) * frames[below] + share * frames[above]
        return (tensors["pos_embed"][0, 1:, None].astype(np.float64) + frames).astype(np.float32)

    def write_onnx(self, path, tensors):
        c, s, t, g = self.width, self.places, filled.FRAMES, graph.Graph(EPS)
        side = self.size // PATCH
        # every frame an image: [16, 3, size, size] to [16, c, side, side], to [places, 16, c]
        frames = g.reshape(g.add("Transpose", ["clip"], perm=[0, 2, 1, 3, 4]), t, 3, self.size, self.size)
        patches = g.add("Conv", [frames, g.constant(tensors["patch_embed.proj.weight"]),
                                 g.constant(tensors["patch_embed.proj.bias"])],
                        kernel_shape=[PATCH, PATCH], strides=[PATCH, PATCH])
        patches = g.add("Transpose", [g.reshape(patches, t, c, side * side)], perm=[2, 0, 1])
        patches = g.reshape(g.sum(patches, g.constant(self.positions(tensors))), s * t, c)
        token = g.constant(tensors["cls_token"][0] + tensors["pos_embed"][0, :1])
        for i in range(self.depth):
            of = {name.removeprefix(f"blocks.{i}."): value for name, value in tensors.items()}

            def linear(x, leaf):
                return g.linear(x, of[leaf + ".weight"], of[leaf + ".bias"])

            def norm(x, leaf):
                return g.norm(x, of[leaf + ".weight"], of[leaf + ".bias"])

            mixed = g.attention(linear(norm(patches, "temporal_norm1"), "temporal_attn.qkv"), s, t, c, self.heads)
            mixed = linear(linear(g.reshape(mixed, s * t, c), "temporal_attn.proj"), "temporal_fc")
            patches = g.sum(patches, mixed)

            x = g.add("Concat", [token, patches], axis=0)
            joint = linear(norm(x, "norm1"), "attn.qkv")
            first, rest = g.add("Split", [joint, g.extents(1, s * t)], 2, axis=0)
            first = g.add("Expand", [g.reshape(first, 1, 1, 3 * c), g.extents(t, 1, 3 * c)])
            rest = g.add("Transpose", [g.reshape(rest, s, t, 3 * c)], perm=[1, 0, 2])
            mixed = g.attention(g.add("Concat", [first, rest], axis=1), t, 1 + s, c, self.heads)
            first, rest = g.add("Split", [mixed, g.extents(1, s)], 2, axis=1)
            first = g.reshape(g.add("ReduceMean", [first], axes=[0], keepdims=0), 1, c)
            rest = g.reshape(g.add("Transpose", [rest], perm=[1, 0, 2]), s * t, c)
            x = g.sum(x, linear(g.add("Concat", [first, rest], axis=0), "attn.proj"))
            x = g.sum(x, linear(g.gelu(linear(norm(x, "norm2"), "mlp.fc1")), "mlp.fc2"))
            token, patches = g.add("Split", [x, g.extents(1, s * t)], 2, axis=0)
        g.save(path, self.size, g.norm(token, tensors["norm.weight"], tensors["norm.bias"]), c)

    def with_torch(self, tensors, dtype):
        import torch
        from torch.nn import functional
        c, s, t, h = self.width, self.places, filled.FRAMES, self.heads
        dtype = getattr(torch, dtype)
        ready = {name: torch.from_numpy(value).to(dtype) for name, value in tensors.items()}
        place = torch.from_numpy(self.positions(tensors)).to(dtype)
        token = torch.from_numpy(tensors["cls_token"][0] + tensors["pos_embed"][0, :1]).to(dtype)

        def linear(x, at):
            return functional.linear(x, ready[at + ".weight"], ready[at + ".bias"])

        def norm(x, at):
            return functional.layer_norm(x, (c,), ready[at + ".weight"], ready[at + ".bias"], EPS)

        def attention(joint):
            sets, tokens, _ = joint.shape
            q, k, v = joint.reshape(sets, tokens, 3, h, c // h).permute(2, 0, 3, 1, 4).unbind(0)
            return functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(sets, tokens, c)

        @torch.inference_mode()
        def run(clip):
            frames = torch.from_numpy(clip).to(dtype)[0].transpose(0, 1)
            patches = functional.conv2d(frames, ready["patch_embed.proj.weight"], ready["patch_embed.proj.bias"],
                                        stride=PATCH)
            x = torch.cat([token, (patches.flatten(2).permute(2, 0, 1) + place).reshape(s * t, c)])
            for i in range(self.depth):
                at = f"blocks.{i}."
                joint = linear(norm(x[1:], at + "temporal_norm1"), at + "temporal_attn.qkv").reshape(s, t, 3 * c)
                mixed = linear(attention(joint).reshape(s * t, c), at + "temporal_attn.proj")
                x = torch.cat([x[:1], x[1:] + linear(mixed, at + "temporal_fc")])
                joint = linear(norm(x, at + "norm1"), at + "attn.qkv")
                rest = joint[1:].reshape(s, t, 3 * c).transpose(0, 1)
                mixed = attention(torch.cat([joint[:1].expand(t, 1, 3 * c), rest], 1))
                first, rest = mixed[:, :1].mean(0), mixed[:, 1:].transpose(0, 1).reshape(s * t, c)
                x = x + linear(torch.cat([first, rest]), at + "attn.proj")
                x = x + linear(functional.gelu(linear(norm(x, at + "norm2"), at + "mlp.fc1")), at + "mlp.fc2")
            return norm(x[:1], "norm").reshape(-1).float().numpy()
        return run


NETWORKS = [Svt("svt", "svt", 224, width=768, depth=12, heads=12)]
