# SPDX-License-Identifier: Apache-2.0
"""Tensors filled by a rule from their names, as in the golden files of backbones, and weight files of them."""
import json
import math
import struct

FRAMES = 16
SEED = 1


def fill(name, shape, centre, half):
    """centre + half * uniform in [-1, 1): splitmix64 over the places, its key from the name's FNV-1a and the seed."""
    import numpy as np
    step, bits, key = 0x9E3779B97F4A7C15, (1 << 64) - 1, 0xCBF29CE484222325
    for byte in name.encode():
        key = (key ^ byte) * 0x100000001B3 & bits
    z = np.arange(1, math.prod(shape) + 1, dtype=np.uint64) * np.uint64(step)
    z += np.uint64(key ^ SEED * step & bits)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
    z ^= z >> np.uint64(31)
    uniform = (z >> np.uint64(40)).astype(np.float64) * 2.0 ** -24
    return (centre + half * (2 * uniform - 1)).astype(np.float32).reshape(shape)


def tensor(name, shape):
    """A parameter: activations stay of order 1."""
    leaf = name.rsplit(".", 1)[-1]
    if leaf == "running_var":
        return fill(name, shape, 1, .25)
    if len(shape) == 1:
        return fill(name, shape, 1 if leaf == "weight" else 0, .1)
    if "token" in leaf or "pos_embed" in leaf or "time_embed" in leaf:
        return fill(name, shape, 0, .5)
    return fill(name, shape, 0, math.sqrt(3 / math.prod(shape[1:])))


def clip(size):
    return fill("clip", (1, 3, FRAMES, size, size), 0, 1.5)


class golden_case:
    """A golden file: its configuration, its stored tensors, the inputs that it fills."""

    def __init__(self, path):
        data = path.read_bytes()
        length, = struct.unpack("<Q", data[:8])
        self.header, self.data = json.loads(data[8:8 + length]), data[8 + length:]
        self.config = json.loads(self.header["__metadata__"]["config"])

    def stored(self, name):
        import numpy as np
        types = {"F64": np.float64, "F32": np.float32, "U8": np.uint8, "I32": np.int32}
        entry = self.header[name]
        begin, end = entry["data_offsets"]
        return np.frombuffer(self.data[begin:end], types[entry["dtype"]]).reshape(entry["shape"])

    def fill(self, name):
        """An input, with seed 1."""
        import numpy as np
        entry = self.config["fills"][name]
        values = fill(name, tuple(entry["shape"]), entry["centre"], entry["half"])
        if entry.get("map") == "position":
            values[..., 0] = np.where(values[..., 0] >= 0.5, 1, -1)
        return values


def golden_feature(path):
    """The feature, and how far one computed in bf16 may be off: largest difference over the feature's norm."""
    case = golden_case(path)
    return case.stored("feature"), json.loads(case.header["__metadata__"]["tolerance"])["bf16"]["feature"]


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
