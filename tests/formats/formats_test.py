#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the reader that docs/formats.md shows on files that the library writes, whole and damaged.

    formats_test.py WRITE_SAMPLES
"""
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import unittest

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
BLOCKS = re.findall(r"```python\n(.*?)```", (TREE / "docs/formats.md").read_text(encoding="utf-8"), re.DOTALL)


class FormatsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.reader = {}
        exec(compile(BLOCKS[0], "docs/formats.md", "exec"), cls.reader)
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        subprocess.run([WRITE_SAMPLES, str(cls.folder)], check=True)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def test_the_reader_is_short(self):
        self.assertEqual(len(BLOCKS), 1)
        self.assertLessEqual(len([line for line in BLOCKS[0].splitlines() if line.strip()]), 50)

    def test_checkpoint(self):
        tensors, metadata = self.reader["read_checksummed"](self.folder / "checkpoint")
        self.assertEqual(metadata["format"], "scale-checkpoint-2")
        self.assertEqual(metadata["step"], "7")
        dtype, shape, data = tensors["adamw.m/norm.bias"]
        self.assertEqual((dtype, shape), ("F32", [32]))
        self.assertEqual(struct.unpack("<32f", data), (0.25,) * 32)

    def test_model(self):
        tensors, metadata = self.reader["read_checksummed"](self.folder / "model")
        self.assertEqual(metadata["format"], "scale-model-2")
        self.assertEqual(tensors["input_projection.weight"][1], [32, 3])

    def test_stores(self):
        for name, clips in (("store16", [2, 2]), ("store32", [1, 3])):
            videos, description = self.reader["read_store"](self.folder / name)
            self.assertEqual([video[0] for video in videos], ["set1/v0.avi", "set1/v1.avi"])
            self.assertEqual([video[1] for video in videos], [0, 1])
            for n, (_, _, features) in enumerate(videos):
                self.assertEqual(list(features), [16 * n + i + j / 8 for i in range(clips[n]) for j in range(3)])
            self.assertEqual(description["provenance"]["backbone"], "toy")
            self.assertEqual(description["failures"][0]["name"], "broken.mp4")

    def test_damage_is_refused(self):
        for name, read in (("checkpoint", "read_checksummed"), ("model", "read_checksummed"), ("store16", "read_store")):
            whole = (self.folder / name).read_bytes()
            for at in range(0, len(whole), max(1, len(whole) // 40)):
                damaged = bytearray(whole)
                damaged[at] ^= 1 << at % 8
                if name.startswith("store") and whole[at] == 0 and self.between_sections(whole, at):
                    continue
                (self.folder / "damaged").write_bytes(damaged)
                with self.assertRaises((ValueError, KeyError), msg=f"{name}, byte {at}"):
                    self.reader[read](self.folder / "damaged")

    @staticmethod
    def between_sections(whole, at):
        sections = struct.unpack_from("<12Q", whole, 64)
        return at >= 256 and not any(begin <= at < begin + size for begin, size in zip(sections[::2], sections[1::2]))


if __name__ == "__main__":
    WRITE_SAMPLES = sys.argv.pop(1)
    unittest.main()
