#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/support-matrix.md: which backend has which operator, in which element types, read off the headers.

    support_matrix.py [--check]      --check: exit code 1 where the file is not what would be written
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADERS = ROOT / "include" / "scale"
TARGET = ROOT / "docs" / "support-matrix.md"
BACKENDS = ["ref", "cpu", "cuda", "opencl"]
# The concepts by which backends constrain their overloads.
TYPES = {"floating": "f32, f64, bf16", "cpu_element": "f32, bf16", "element": "any", "device_float": "f32, bf16",
         "opencl_float": "f32", "opencl_storage": "f32, bf16", "opencl_element": "any but f64, bf16"}

OPERATION = re.compile(r"^inline constexpr detail::\w+::\w+ (\w+)\{\};", re.MULTILINE)


def overloads(text, name):
    """The element types of the overloads of `name` in a backend's header, in words."""
    pattern = rf"(?:template <([^;{{]*?)>\s*(?:requires[^\n]*\n\s*)?)?^(?:inline )?[\w:<>, ]+ {name}\(context const"
    found = set()
    for match in re.finditer(pattern, text, re.MULTILINE):
        concept = re.search(r"(\w+) T\b", match.group(1) or "")
        found.add(TYPES.get(concept.group(1) if concept else "", "yes"))
    return sorted(found)


def matrix():
    backends = [name for name in BACKENDS if (HEADERS / name / "context.hpp").is_file()]
    lines = ["# Which backend has which operator", "",
             "Written by `cmake/support_matrix.py` from the headers; do not edit. An operator that a backend lacks is a",
             "compile error that names it. `CONTRIBUTING.md` says how to add one.", "",
             "| operator | contract | " + " | ".join(backends) + " |",
             "| --- | --- | " + " | ".join("---" for _ in backends) + " |"]
    for contract in sorted((HEADERS / "ops").glob("*.hpp")):
        for name in OPERATION.findall(contract.read_text(encoding="utf-8")):
            cells = []
            for backend in backends:
                texts = [path.read_text(encoding="utf-8") for path in sorted((HEADERS / backend).glob("*.hpp"))]
                found = sorted({types for text in texts for types in overloads(text, name)})
                cells.append(", ".join(found) or "-")
            lines.append(f"| `{name}` | `ops/{contract.name}` | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    text = matrix()
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == text:
        return 0
    print("docs/support-matrix.md is out of date: run python3 cmake/support_matrix.py")
    return 1


if __name__ == "__main__":
    sys.exit(main())
