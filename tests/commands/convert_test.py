#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""convert_test.py PROGRAM: what `scale convert` writes, read by others: Python's zipfile and pickletools always,
PyTorch where it is installed (else those tests say that they are skipped)."""
import hashlib
import json
import pathlib
import pickletools
import subprocess
import sys
import tempfile
import unittest
import zipfile

WEIGHTS = pathlib.Path(__file__).resolve().parent.parent / "golden" / "weights"
PROGRAM = ""
ALLOWED = {"collections OrderedDict", "torch._utils _rebuild_tensor_v2"}

try:
    import torch
except ImportError:
    torch = None


def convert(source, out, *options):
    done = subprocess.run([PROGRAM, "convert", str(source), str(out), "--quiet", *options], capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"exit code {done.returncode}: {done.stderr}")
    return out


class Written(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_archive_and_pickle(self):
        out = convert(WEIGHTS / "flat.safetensors", self.folder / "out.pth")
        with zipfile.ZipFile(out) as archive:
            self.assertIsNone(archive.testzip())
            self.assertEqual(archive.read("archive/byteorder"), b"little")
            self.assertEqual(archive.read("archive/version"), b"3\n")
            with open(out, "rb") as file:
                for entry in archive.infolist():
                    self.assertEqual(entry.compress_type, zipfile.ZIP_STORED)
                    file.seek(entry.header_offset + 26)
                    sizes = file.read(4)
                    begin = entry.header_offset + 30 + int.from_bytes(sizes[:2], "little") + \
                        int.from_bytes(sizes[2:], "little")
                    self.assertEqual(begin % 64, 0, entry.filename)
            for opcode, argument, _ in pickletools.genops(archive.read("archive/data.pkl")):
                self.assertLessEqual(opcode.proto, 2)
                if opcode.name == "GLOBAL" and argument not in ALLOWED:
                    self.assertRegex(argument, r"^torch [A-Z][A-Za-z0-9]+Storage$")

    def test_loads_with_weights_only(self):
        if torch is None:
            self.skipTest("PyTorch is not installed")
        expected = json.loads((WEIGHTS / "expected.json").read_text(encoding="utf-8"))["files"]
        for name in ("flat.safetensors", "flat.pth", "flat_legacy.pth", "strided.pth", "many.pth", "student.pth"):
            out = convert(WEIGHTS / name, self.folder / (name + ".pth"))
            loaded = torch.load(out, weights_only=True)
            self.assertEqual(set(loaded), set(expected[name]["tensors"]), name)
            for key, tensor in loaded.items():
                want = expected[name]["tensors"][key]
                self.assertEqual(list(tensor.shape), want["shape"], key)
                self.assertTrue(tensor.is_contiguous(), key)
                data = bytes(tensor.reshape(-1).view(torch.uint8).tolist()) if tensor.numel() else b""
                self.assertEqual(hashlib.sha256(data).hexdigest(), want["sha256"], key)

    def test_what_torch_saves_is_read(self):
        if torch is None:
            self.skipTest("PyTorch is not installed")
        source = self.folder / "source.pth"
        state = {"model": torch.nn.Sequential(torch.nn.Conv3d(3, 4, 3), torch.nn.BatchNorm3d(4)).state_dict(), "epoch": 3}
        for new_format in (True, False):
            torch.save(state, source, _use_new_zipfile_serialization=new_format)
            out = convert(source, self.folder / "out.pth", "--group", "model")
            loaded = torch.load(out, weights_only=True)
            self.assertEqual(list(loaded), list(state["model"]))
            for key, tensor in loaded.items():
                self.assertTrue(torch.equal(tensor, state["model"][key]), key)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
