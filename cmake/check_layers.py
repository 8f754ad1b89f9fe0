#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks who includes whom, and the few rules of headers that a compiler does not check.

    check_layers.py [ROOT]      one line per violation, "path:line: what"; exit code 1 where there is any

docs/architecture.md explains the layers; the tables below are their exact form.
"""
import pathlib
import re
import sys

# Folder of include/scale -> the folders of ours that its headers may include, itself understood.
BASE = {"core"}
NETWORK = BASE | {"ops", "interop"}
HOST = NETWORK | {"nn", "optim", "backbone", "io", "video"}
LAYERS = {
    "core": set(),
    "ops": {"core"},
    "ref": {"core", "ops"},
    "cpu": {"core", "ops"},
    "cuda": {"core", "ops"},
    "opencl": {"core", "ops", "io"},
    "nn": NETWORK,
    "optim": NETWORK | {"nn"},
    "backbone": NETWORK | {"nn", "optim", "io"},
    "io": BASE,
    "video": BASE,
    "interop": BASE,
    "data": HOST,
    "eval": HOST | {"data"},
    "train": HOST | {"data", "eval"},
}
BACKENDS = {"ref", "cpu", "cuda", "opencl"}

# Third party -> how its headers look, and where they may be included: a folder, or a folder's detail/.
THIRD_PARTIES = {
    "POSIX": (r"(sys/\w+|unistd|fcntl|poll|signal|pthread|dirent|spawn|sched|termios|iconv)\.h",
              ["core", "io", "video", "data", "cpu/detail", "opencl/detail"]),
    "Linux": (r"(linux/\w+|malloc)\.h", ["video/detail"]),
    "nlohmann-json": (r"nlohmann/.+", ["io", "data", "train", "eval"]),  # its value type is in io's interface
    "zlib": (r"zlib\.h", ["io"]),
    "Eigen": (r"(unsupported/)?Eigen/.+", ["interop", "cpu/detail"]),
    "xtensor": (r"(xtensor|xtl)/.+", ["interop"]),
    "FFmpeg": (r"lib(av|sw)\w+/.+", ["video"]),
    "oneDNN": (r"(oneapi/dnnl/.+|dnnl\w*\.h(pp)?)", ["cpu/detail"]),
    "OpenMP": (r"omp\.h", ["cpu/detail"]),
    "vector intrinsics": (r"(\w+intrin|arm_neon|arm_sve)\.h", ["cpu/detail"]),
    "CUDA": (r"(cuda|cublas|cudnn|nccl|nvrtc|curand)\w*\.h", ["cuda/detail"]),
    "Boost.Compute": (r"boost/compute(/.+|\.hpp)", ["opencl/detail"]),
}
STANDARD = re.compile(r"[a-z_0-9]+")

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)"|(\w+))')
DEFINE = re.compile(r"^\s*#\s*(?:define|undef)\s+(\w+)")
OUTPUT = re.compile(r"\bstd::(cout|cerr|clog|exit|abort|quick_exit)\b|(?<![\w:])(printf|puts|fprintf|abort|exit)\s*\(")
COMMENT = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)


def without_comments(text):
    """The text with comments and the inside of string literals blanked; lines keep their numbers. Include lines with
    quotes are kept."""
    def blank(match):
        token = match.group(0)
        if token.startswith('"'):
            line_start = text.rfind("\n", 0, match.start()) + 1
            return token if text[line_start:match.start()].strip().startswith("#") else '""'
        return re.sub(r"[^\n]", " ", token)
    return COMMENT.sub(blank, text)


def includes(text):
    """(line number, name, is it in angle brackets) of each #include with a literal name."""
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if match and not match.group(3):
            yield number, match.group(1) or match.group(2), match.group(1) is not None


class Checker:
    def __init__(self, root):
        self.root = root
        self.headers = root / "include" / "scale"
        self.violations = []

    def report(self, path, line, what):
        self.violations.append(f"{path.relative_to(self.root)}:{line}: {what}")

    def run(self):
        if not self.headers.is_dir():
            self.violations.append(f"{self.headers}: no such folder")
            return self.violations
        for path in sorted(self.headers.rglob("*")):
            if path.is_dir():
                continue
            if path.suffix not in {".hpp", ".cuh"}:
                self.report(path, 1, "only .hpp and .cuh files belong here")
            else:
                self.check_header(path)
        for folder in ("examples", "tests", "benchmarks"):
            for path in sorted((self.root / folder).rglob("*")):
                if path.suffix in {".hpp", ".cpp", ".cuh", ".cu"}:
                    self.check_user(folder, path)
        return self.violations

    def check_header(self, path):
        raw = path.read_text(encoding="utf-8")
        text = without_comments(raw)
        relative = path.relative_to(self.headers)
        layer = relative.parts[0] if len(relative.parts) > 1 else None
        if layer is not None and layer not in LAYERS:
            self.report(path, 1, f"folder '{layer}' is in no layer; add it to cmake/check_layers.py")
            return
        self.check_frame(path, raw, text)
        if layer is None:
            self.check_umbrella(path, text)
        for number, name, angle in includes(text):
            if name.startswith("scale/"):
                self.check_own_include(path, layer, number, name, angle)
            elif not angle:
                self.report(path, number, f'"{name}": own headers are included as <scale/...>')
            elif layer is not None:
                self.check_third_party(path, layer, number, name)

    def check_frame(self, path, raw, text):
        lines = raw.splitlines()
        if not lines or lines[0] != "// SPDX-License-Identifier: Apache-2.0":
            self.report(path, 1, "the first line must be '// SPDX-License-Identifier: Apache-2.0'")
        if len(lines) < 2 or lines[1] != "#pragma once":
            self.report(path, 2, "the second line must be '#pragma once'")
        in_config = path == self.headers / "core" / "config.hpp"
        for number, line in enumerate(text.splitlines(), 1):
            define = DEFINE.match(line)
            if define and not define.group(1).startswith("SCALE_"):
                self.report(path, number, f"macro {define.group(1)}: names start with SCALE_")
            if "__CUDACC__" in line and not in_config and path.suffix != ".cuh":
                self.report(path, number, "__CUDACC__ belongs in core/config.hpp and .cuh files only")
            if re.search(r"\busing\s+namespace\b", line):
                self.report(path, number, "'using namespace' in a header")
            if OUTPUT.search(line):
                self.report(path, number, "the library neither prints nor ends the process")

    def check_umbrella(self, path, text):
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip() and not re.match(r"\s*#\s*(pragma once|include)\b", line):
                self.report(path, number, "an umbrella header contains includes only")

    def check_own_include(self, path, layer, number, name, angle):
        if not angle:
            self.report(path, number, f'"{name}": own headers are included as <scale/...>')
        target = self.headers.parent / name
        if not target.is_file():
            self.report(path, number, f"<{name}> does not exist")
        if name.endswith(".cuh") and path.suffix == ".hpp":
            self.report(path, number, f"a .hpp never includes a .cuh: <{name}>")
        parts = pathlib.PurePosixPath(name).parts
        if layer is None:
            self.check_umbrella_include(path, number, name, parts)
            return
        if len(parts) == 2:
            self.report(path, number, f"<{name}>: umbrellas are for users, include the header itself")
            return
        if parts[1] == layer:
            return
        if parts[1] not in LAYERS[layer]:
            self.report(path, number, f"layer '{layer}' must not include '{parts[1]}': <{name}>")
        if "detail" in parts[2:-1]:
            self.report(path, number, f"detail/ of another folder: <{name}>")

    def check_umbrella_include(self, path, number, name, parts):
        if path.stem == "scale":
            if len(parts) != 2 or parts[1].split(".")[0] in BACKENDS | {"scale"}:
                self.report(path, number, f"scale.hpp includes umbrellas, but not of a backend: <{name}>")
        elif len(parts) == 2 or parts[1] != path.stem:
            self.report(path, number, f"umbrella of '{path.stem}' includes another folder: <{name}>")

    def check_third_party(self, path, layer, number, name):
        if STANDARD.fullmatch(name):
            return
        for party, (pattern, places) in THIRD_PARTIES.items():
            if not re.fullmatch(pattern, name):
                continue
            folder = path.relative_to(self.headers).parent.parts
            allowed = any(tuple(place.split("/")) == folder[:place.count("/") + 1] for place in places)
            if not allowed:
                self.report(path, number, f"{party} (<{name}>) belongs in {', '.join(places)}, not in '{layer}'")
            return
        self.report(path, number, f"<{name}>: this third party is in no table of cmake/check_layers.py")

    def check_user(self, folder, path):
        own_layer = path.relative_to(self.root / folder).parts[0] if folder == "tests" else None
        for number, name, _ in includes(without_comments(path.read_text(encoding="utf-8"))):
            parts = pathlib.PurePosixPath(name).parts
            if parts[0] == "scale" and "detail" in parts and parts[1] != own_layer:
                self.report(path, number, f"detail/ is for the library and its own test: <{name}>")


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent).resolve()
    violations = Checker(root).run()
    for violation in violations:
        print(violation)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
