#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Changes one thing in a header at a time and sees whether the header's tests notice.

  python3 tests/mutation/mutation.py [--mutants 200] [--seed 1] [--only csv.hpp] [--out results.jsonl]

Headers are those of UNITS: parsers, checkpoints, objectives. A mutant is drawn at random, written to a copy of the
headers, compiled with the tests of its unit, and killed where these fail, crash or take too long. What does not compile
is drawn again. Prints every mutant that survives, with its line, and the share that was killed. Exit code 1 where that is
below 95 %.
"""
import argparse
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
REF = ["-DSCALE_TEST_BACKEND_HEADER=\"support/backend_ref.hpp\""]
PEAK = "io/allocation_peak.cpp"

# header: the tests that speak about it
UNITS = {
    "io/csv.hpp": ["io/csv.cpp"],
    "io/detail/json_bounds.hpp": ["io/json.cpp", PEAK],
    "io/json_lines.hpp": ["io/json.cpp", PEAK],
    "io/json_text.hpp": ["io/json_text.cpp"],
    "io/npy_header.hpp": ["io/npy.cpp"],
    "io/safetensors_header.hpp": ["io/safetensors.cpp"],
    "io/safetensors_checksums.hpp": ["io/safetensors.cpp", "train/checkpoint.cpp"],
    "io/zip_archive.hpp": ["io/zip_archive.cpp"],
    "io/pickle.hpp": ["io/weights_file.cpp", "io/weights_hostile.cpp", PEAK],
    "io/crc32c.hpp": ["io/checksums.cpp"],
    "io/sha256.hpp": ["io/checksums.cpp"],
    "data/manifest.hpp": ["data/manifest.cpp"],
    "data/manifest_csv.hpp": ["data/manifest.cpp"],
    "data/manifest_lists.hpp": ["data/manifest.cpp"],
    "data/store_tables.hpp": ["data/feature_store.cpp"],
    "train/checkpoint.hpp": ["train/checkpoint.cpp"],
    "train/finite.hpp": ["reliability/runs.cpp", "reliability/faults.cpp"],
    "train/run_folder.hpp": ["train/run_folder.cpp"],
    "ref/info_nce.hpp": ["ops/info_nce.cpp"],
    "ref/symmetric_info_nce.hpp": ["ops/symmetric_info_nce.cpp"],
    "ref/l2_normalize.hpp": ["ops/l2_normalize.cpp"],
    "nn/pretraining_objective.hpp": ["nn/pretraining_step.cpp"],
    "nn/pretraining_step.hpp": ["nn/pretraining_step.cpp"],
}

SWAPS = {" < ": [" <= ", " > "], " <= ": [" < "], " > ": [" >= ", " < "], " >= ": [" > "], " == ": [" != "],
         " != ": [" == "], " && ": [" || "], " || ": [" && "], " + ": [" - "], " - ": [" + "], " * ": [" + "],
         " / ": [" * "], " += ": [" -= "], "++": ["--"], " true": [" false"], " false": [" true"]}


def code_only(line):
    """The line with texts, characters and comments blanked, equally long."""
    line = re.sub(r'"(\\.|[^"\\])*"', lambda m: '"' + "." * (len(m.group()) - 2) + '"', line)
    line = re.sub(r"'(\\.|[^'\\])+'", lambda m: "'" + "." * (len(m.group()) - 2) + "'", line)
    return re.sub(r"//.*", lambda m: " " * len(m.group()), line)


def mutations(text):
    """(line number from 0, new line) of every change there is."""
    out = []
    for number, line in enumerate(text.split("\n")):
        code = code_only(line)
        if not code.strip() or code.lstrip().startswith(("#", "template", "using", "static_assert", "namespace")):
            continue
        for old, news in SWAPS.items():
            for m in re.finditer(re.escape(old), code):
                out += [(number, line[:m.start()] + new + line[m.end():]) for new in news]
        for m in re.finditer(r"(?<![\w.])\d+(?![\w.])", code):
            out.append((number, line[:m.start()] + str(int(m.group()) + 1) + line[m.end():]))
        condition = re.match(r"(\s*(?:else )?if \()(.*)(\)(?: \{| \w.*;)?)$", line)
        if condition and code.count("(") == code.count(")") and "constexpr" not in code:
            depth, end = 0, 0
            for end, c in enumerate(code[condition.start(2) - 1:]):
                depth += {"(": 1, ")": -1}.get(c, 0)
                if depth == 0:
                    break
            begin, stop = condition.start(2), condition.start(2) - 1 + end
            out.append((number, line[:begin] + "!(" + line[begin:stop] + ")" + line[stop:]))
        if re.match(r"\s+[\w.:>\-\[\]*]+(\(.*\)| [|&+*/-]?= .*);$", code) and not re.match(r"\s+(return|throw)\b", code):
            out.append((number, re.match(r"\s*", line).group() + ";"))
    return out


def limits(seconds):
    def apply():
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return apply


class Bench:
    def __init__(self, compiler, folder):
        self.compiler, self.folder = compiler, folder
        shutil.copytree(TREE / "include", folder / "include")
        self.main = folder / "main.o"
        self.compile(["support/main.cpp"], self.main, ["-c"], check=True)

    def compile(self, sources, out, more=(), check=False):
        command = [*self.compiler.split(), "-std=c++20", "-O0", "-w", *REF, f"-DSCALE_TEST_SOURCE_DIR=\"{TREE}\"",
                   f"-I{self.folder}/include", f"-I{TREE}/tests", *[str(TREE / "tests" / s) for s in sources], *more,
                   "-o", str(out)]
        done = subprocess.run(command, capture_output=True, text=True)
        if check and done.returncode != 0:
            sys.exit("the tests do not compile as they are:\n" + done.stderr)
        return done.returncode == 0

    def passes(self, sources, out, seconds):
        """None: does not compile."""
        if not self.compile(sources, out, [str(self.main), "-lz", "-pthread"]):
            return None
        done = subprocess.run([str(out)], capture_output=True, cwd=self.folder, preexec_fn=limits(seconds))
        return done.returncode == 0


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--mutants", type=int, default=200)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--only", default="", help="headers whose name holds this")
    options.add_argument("--compiler", default="g++")
    options.add_argument("--seconds", type=int, default=60, help="processor time of one run of the tests")
    options.add_argument("--out", help="a JSON line for each mutant")
    o = options.parse_args()
    units = {h: s for h, s in UNITS.items() if o.only in h}
    if not units:
        sys.exit(f"expected --only to be part of one of: {', '.join(UNITS)}; found '{o.only}'")
    rng = random.Random(o.seed)
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(o.compiler, Path(name))
        binary = bench.folder / "tests"
        pools, healthy = {}, set()
        for header in units:
            pools[header] = mutations((TREE / "include/scale" / header).read_text())
            rng.shuffle(pools[header])
        killed = survived = 0
        while killed + survived < o.mutants and any(pools.values()):
            header = rng.choice([h for h in pools if pools[h]])
            if header not in healthy:
                if not bench.passes(units[header], binary, o.seconds):
                    sys.exit(f"the tests of {header} do not pass as they are")
                healthy.add(header)
            number, new = pools[header].pop()
            place = bench.folder / "include/scale" / header
            original = place.read_text()
            lines = original.split("\n")
            old, lines[number] = lines[number], new
            place.write_text("\n".join(lines))
            result = bench.passes(units[header], binary, o.seconds)
            place.write_text(original)
            if result is None:
                continue
            killed, survived = killed + (not result), survived + result
            if result:
                print(f"survived: {header}:{number + 1}\n- {old.strip()}\n+ {new.strip()}", flush=True)
            if o.out:
                with open(o.out, "a", encoding="utf-8") as f:
                    f.write(json.dumps({"header": header, "line": number + 1, "old": old.strip(), "new": new.strip(),
                                        "killed": not result}) + "\n")
        share = 100 * killed / max(1, killed + survived)
        print(f"{killed} of {killed + survived} mutants killed: {share:.1f} %")
        return 0 if share >= 95 else 1


if __name__ == "__main__":
    os.environ.pop("SCALE_SHARED_DIR", None)
    sys.exit(main())
