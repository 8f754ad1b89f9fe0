#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs `scale extract`, `scale embed` and `scale inspect` as a user would, on videos of a few frames.

    extraction_commands_test.py PROGRAM
"""
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = ""
VIEWS = ["--size", "32", "--short-side", "32", "--frames", "4", "--stride", "2"]
GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden" / "scale" / "layer_softmax.safetensors"


def run(*words):
    """Exit code, standard output and standard error of the program, both as bytes."""
    done = subprocess.run([os.fsencode(PROGRAM), *(os.fsencode(w) for w in words)], capture_output=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def write_video(path, number):
    """A bar that moves over 24 frames of 48 x 48, uncompressed."""
    side = 48
    frames = [b"YUV4MPEG2 W48 H48 F30:1 Ip A1:1 C420jpeg\n"]
    for t in range(24):
        row = bytes(220 if (x + number + t * (number + 1)) % side < 8 else 40 for x in range(side))
        frames.append(b"FRAME\n" + row * side + bytes([128]) * (side * side // 2))
    with open(path, "wb") as file:
        file.write(b"".join(frames))


def edit_safetensors(source, target, drop=(), metadata=None, config=None):
    """Copies a file without the tensors of `drop`, with metadata changed; None as a value removes the key. `config`
    changes the JSON in the metadata of that name."""
    data = pathlib.Path(source).read_bytes()
    length = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8:8 + length]), data[8 + length:]
    about = header.pop("__metadata__", {})
    about.update(metadata or {})
    if config:
        about["config"] = json.dumps({**json.loads(about["config"]), **config})
    about = {key: value for key, value in about.items() if value is not None}
    out, kept = {"__metadata__": about}, b""
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        if name in drop:
            continue
        begin, end = entry["data_offsets"]
        out[name] = {**entry, "data_offsets": [len(kept), len(kept) + end - begin]}
        kept += body[begin:end]
    whole = bytearray(file_of(out, kept))
    if "scale.sha256" in about:  # its checksums made anew, as docs/formats.md says
        about["scale.crc32c"] = "".join("%08x" % crc32c(kept[i:i + 2**20]) for i in range(0, len(kept), 2**20))
        about["scale.sha256"] = "0" * 64
        whole = bytearray(file_of(out, kept))
        at = whole.index(b'"scale.sha256":"') + 16
        whole[at:at + 64] = hashlib.sha256(whole).hexdigest().encode()
    pathlib.Path(target).write_bytes(whole)


def file_of(header, data):
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def crc_entry(entry):
    for _ in range(8):
        entry = entry >> 1 ^ (0x82F63B78 if entry & 1 else 0)
    return entry


CRC_TABLE = [crc_entry(i) for i in range(256)]


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = pathlib.Path(cls.folder.name)
        (cls.root / "videos").mkdir()
        for n in range(4):
            write_video(cls.root / "videos" / f"v{n}.y4m", n)
        cls.store, cls.model = cls.root / "train.store", cls.root / "run" / "model.safetensors"
        for words in (["extract", cls.root / "videos", "--out", cls.store, "--clips", "4", *VIEWS],
                      ["pretrain", cls.store, "--out", cls.root / "run", "--epochs", "2", "--hidden", "32", "--layers",
                       "1", "--head-width", "64"]):
            code, _, text = run(*words)
            assert code == 0, text
        cls.checkpoint = next((cls.root / "run").glob("checkpoint-*.safetensors"))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.path = pathlib.Path(self.scratch.name)

    def expect(self, words, code, *parts):
        """Runs the program; its exit code and parts of what it says are as given. Returns standard output."""
        found, out, err = run(*words)
        self.assertEqual(found, code, err)
        for part in parts:
            self.assertIn(os.fsencode(part), err)
        return out

    def extract(self, source, *more):
        return ["extract", source, "--out", self.path / "s.store", "--clips", "3", *VIEWS, *more]

    def embed(self, source, *more, model=None):
        return ["embed", source, "--model", model or self.model, "--out", self.path / "v.npy", *more]

    def embed_videos(self, *more, model=None):
        return self.embed(self.root / "videos", "--clips", "3", *VIEWS, *more, model=model)

    def inspect(self, *files, code=0):
        out = self.expect(["inspect", "--json", *files], code)
        objects = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(len(objects), len(files))
        return objects

    # The backbone

    def test_embed_takes_the_models_backbone(self):
        self.expect(self.embed_videos(), 0)
        first = (self.path / "v.npy").read_bytes()
        self.expect(self.embed_videos("--backbone", "motion_energy"), 0)
        self.assertEqual((self.path / "v.npy").read_bytes(), first)

    def test_embed_checks_the_backbone_before_it_decodes(self):
        (self.path / "videos").mkdir()
        write_video(self.path / "videos" / "good.y4m", 0)
        (self.path / "videos" / "text.y4m").write_text("this is no video")
        silent, other = self.path / "silent.safetensors", self.path / "other.safetensors"
        for metadata, more, code, parts in (
                ({"backbone": None}, [], 2, ["--backbone", "silent.safetensors", "motion_energy or mobilenet_v2"]),
                ({"backbone": None}, ["--backbone", "motion_energy"], 1, []),
                ({"backbone": "mobilenet_v2"}, [], 2, ["--weights"]),
                ({"backbone": "mobilenet_v2"}, ["--backbone", "motion_energy"], 3, ["mobilenet_v2", "motion_energy"]),
                ({"backbone": "vit"}, [], 3, ["vit", "silent.safetensors", "motion_energy or mobilenet_v2"]),
                ({"weights_sha256": "ab" * 32}, [], 3, ["ab" * 32])):
            edit_safetensors(self.model, silent, metadata=metadata)
            words = self.embed(self.path / "videos", "--clips", "3", *VIEWS, *more, model=silent)
            code_found, _, err = run(*words)
            self.assertEqual(code_found, code, err)
            self.assertEqual(b"text.y4m" in err, code == 1, err)
            for part in parts:
                self.assertIn(part.encode(), err)
        edit_safetensors(self.model, other, drop=["norm.bias"])
        self.expect(self.embed_videos(model=other), 3, "norm.bias")

    def test_options_that_mean_nothing_are_refused(self):
        for more in (["--backbone", "motion_energy"], ["--weights", "w.safetensors"], ["--allow", "x"],
                     ["--views", "val"], ["--clips", "3"], ["--passes", "1"], ["--size", "32"], ["--frames", "4"],
                     ["--stride", "2"], ["--pixels", "own"], ["--frame-pool", "mean"], ["--blur", "frame"],
                     ["--short-side", "32"], ["--store-type", "f16"], ["--allow-damaged"], ["--allow-outside"], ["--root", "videos"],
                     ["--time-limit", "3"]):
            self.expect(self.embed(self.store, *more), 2, more[0], self.store)
        for more in (["--weights", "w.safetensors"], ["--allow", "x"], ["--frame-pool", "mean"]):
            self.expect(self.extract(self.root / "videos", *more), 2, more[0], "motion_energy")
        self.expect(self.extract(self.root / "videos", "--blur", "frame"), 2, "--blur", "aug")
        self.expect(self.extract(self.root / "videos", "--backbone", "vit"), 2, "motion_energy or mobilenet_v2")
        self.expect(self.embed(self.store, "--features", "y"), 2, "x, h, mean_h, cls")
        self.assertEqual(list(self.path.iterdir()), [])

    def test_numbers_out_of_range_are_refused(self):
        for option in ("--clips", "--passes", "--size", "--frames", "--stride", "--short-side"):
            for value in ("-1", "0", "nan", "inf", "1e400", "two"):
                self.expect(self.extract(self.root / "videos", option, value), 2, option)
        self.assertEqual(list(self.path.iterdir()), [])

    # Outputs

    def test_embed_leaves_nothing_but_vectors_and_names(self):
        mine = self.path / "v.npy.features"
        mine.write_text("mine")
        self.expect(self.embed_videos(), 0)
        self.assertEqual(sorted(p.name for p in self.path.iterdir()), ["v.jsonl", "v.npy", "v.npy.features"])
        self.assertEqual(mine.read_text(), "mine")

    def test_the_journal_replaces_no_file_either(self):
        (self.path / "s.store.part").write_text("mine")
        self.expect(self.extract(self.root / "videos"), 2, "s.store.part")
        self.assertEqual((self.path / "s.store.part").read_text(), "mine")

    # Interruptions

    def test_killed_at_any_moment_and_run_again_the_store_is_the_same(self):
        words = self.extract(self.root / "videos", "--views", "lin", "--threads", "1")
        self.expect(words, 0)
        store = self.path / "s.store"
        whole = store.read_bytes()
        before = time.monotonic()
        self.expect(words, 0)
        start = time.monotonic() - before  # of a run that has nothing to do
        kills = 0
        for n in range(24):
            if n % 8 == 0:
                store.unlink(missing_ok=True)
            child = subprocess.Popen([os.fsencode(PROGRAM), *(os.fsencode(w) for w in words)], stderr=subprocess.DEVNULL,
                                     stdout=subprocess.DEVNULL)
            try:
                child.wait(timeout=start * (0.5 + n / 8))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                kills += 1
            self.assertIn(store.read_bytes() if store.exists() else whole, (whole,))
        self.assertGreater(kills, 0)
        self.expect(words, 0)
        self.assertEqual(store.read_bytes(), whole)
        self.assertFalse((self.path / "s.store.part").exists())

    def test_a_list_may_lie_elsewhere_than_its_videos(self):
        (self.path / "lists").mkdir()
        names = self.path / "lists" / "list.csv"
        names.write_text("path,label\nv1.y4m,a\nv0.y4m,b\n")
        self.expect(self.extract(names, "--root", self.root / "videos", "--json"), 0)
        self.expect(self.extract(names), 3, "v1.y4m")

    def test_the_store_says_what_changes_features(self):
        self.expect(self.extract(self.root / "videos", "--views", "aug", "--blur", "released"), 0)
        made = self.inspect(self.path / "s.store")[0]["provenance"]
        self.assertEqual(made["blur"], "released")
        self.assertEqual(made["allowed_weights"], [])
        self.assertEqual(made["backend"], "cpu")
        self.assertEqual(made["dtype"], "f32")

    # Names that are not UTF-8

    def test_names_that_are_not_utf8_lose_nothing(self):
        folder = os.fsencode(self.path) + b"/caf\xe9"
        os.mkdir(folder)
        write_video(folder + b"/g\xffd.y4m", 0)
        with open(folder + b"/b\xfed.y4m", "w", encoding="ascii") as file:
            file.write("this is no video")
        store = folder + b"/s.store"
        out = self.expect(["extract", folder, "--out", store, "--clips", "3", *VIEWS, "--json"], 1)
        failure = json.loads(out)["failures"][0]
        self.assertEqual(failure["path"], "b\ufffdd.y4m")
        self.assertEqual(failure["path_hex"], b"b\xfed.y4m".hex())
        found = self.inspect(store)[0]
        self.assertEqual(bytes.fromhex(found["file_hex"]), store)
        self.assertEqual(found["failures"][0]["name_hex"], b"b\xfed.y4m".hex())
        out = self.expect(["embed", folder, "--model", self.model, "--out", folder + b"/v.npy", "--clips", "3", *VIEWS,
                           "--json"], 1)
        self.assertEqual(json.loads(out)["failures"], [failure])
        with open(folder + b"/v.jsonl", "rb") as file:
            rows = [json.loads(line) for line in file]
        self.assertEqual(rows[1], {"row": 0, "path": "g\ufffdd.y4m", "path_hex": b"g\xffd.y4m".hex()})

    def test_a_class_that_is_not_utf8_is_refused_before_the_work(self):
        write_video(self.path / "v.y4m", 0)
        (self.path / "list.csv").write_bytes(b"path,label\nv.y4m,caf\xe9\n")
        found, _, err = run(*self.extract(self.path / "list.csv"))
        self.assertEqual(found, 3, err)
        self.assertIn(b"class 0", err)
        self.assertNotIn(b"1/1", err)

    # Inspection

    def test_inspect_says_what_a_safetensors_file_is(self):
        plain = self.path / "plain.safetensors"
        edit_safetensors(self.model, plain, metadata={"format": "pt"})
        model, checkpoint, golden, other = self.inspect(self.model, self.checkpoint, GOLDEN, plain)
        for key, value in {"kind": "model", "whole": True, "input": "paper", "feature_width": 215, "hidden": 32,
                           "layers": 1, "backbone": "motion_energy"}.items():
            self.assertEqual(model[key], value)
        for key, value in {"kind": "checkpoint", "whole": True, "step": 2, "epoch": 2, "feature_width": 215,
                           "hidden": 32, "layers": 1}.items():
            self.assertEqual(checkpoint[key], value)
        self.assertEqual((golden["kind"], golden["case"], golden["whole"]), ("golden case", "layer", True))
        self.assertEqual((other["kind"], other["whole"]), ("safetensors", True))

    def test_inspect_finds_what_is_missing(self):
        broken = self.path / "broken.safetensors"
        for source, kind, change in (
                (self.model, "model", {"drop": ["norm.bias"]}),
                (self.checkpoint, "checkpoint", {"drop": ["adamw.m/norm.bias"]}),
                (self.checkpoint, "checkpoint", {"drop": ["adamw.v/norm.bias"]}),
                (self.checkpoint, "checkpoint", {"drop": ["norm.bias", "adamw.m/norm.bias", "adamw.v/norm.bias"]}),
                (self.checkpoint, "checkpoint", {"metadata": {"step": None}}),
                (self.checkpoint, "checkpoint", {"config": {"hidden": 64}}),
                (self.checkpoint, "checkpoint", {"config": {"hidden": "32"}}),
                (self.checkpoint, "checkpoint", {"config": {"layers": 10**12}}),
                (GOLDEN, "golden case", {"metadata": {"tolerance": "{"}})):
            edit_safetensors(source, broken, **change)
            found = self.inspect(broken, code=3)[0]
            self.assertEqual((found["kind"], found["whole"]), (kind, False), found)
            self.assertIn("broken.safetensors", found["error"])

    def test_inspect_goes_on_after_what_cannot_be_read(self):
        os.mkfifo(self.path / "pipe")
        (self.path / "text").write_text("a letter")
        files = [self.path / "absent", self.path, self.path / "pipe", self.path / "text", self.store]
        found = self.inspect(*files, code=3)
        self.assertEqual([f["whole"] for f in found], [False] * 4 + [True])
        for name, part in zip(found, ("No such file", "folder", "pipe", "text")):
            self.assertIn(part, name["error"])


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
