#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Seeds one violation at a time into a small tree: cmake/check_layers.py must name each, and nothing in a clean one."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "cmake"))
import check_layers  # noqa: E402

HEAD = "// SPDX-License-Identifier: Apache-2.0\n#pragma once\n// Purpose.\n"
CLEAN = {
    "include/scale/core/config.hpp": HEAD + "#if defined(__CUDACC__)\n#define SCALE_HD\n#endif\n",
    "include/scale/core/a.hpp": HEAD + "#include <scale/core/config.hpp>\n#include <vector>\n",
    "include/scale/ops/b.hpp": HEAD + '#include <scale/core/a.hpp>\n// std::cout and exit() in a comment\n',
    "include/scale/cpu/b.hpp": HEAD + "#include <scale/cpu/detail/c.hpp>\n#include <scale/ops/b.hpp>\n",
    "include/scale/cpu/detail/c.hpp": HEAD + "#include <oneapi/dnnl/dnnl.hpp>\n#include <omp.h>\n",
    "include/scale/cuda/k.cuh": HEAD + "#include <scale/ops/b.hpp>\n#ifndef __CUDACC__\n#endif\n",
    "include/scale/nn/n.hpp": HEAD + "#include <scale/ops/b.hpp>\n",
    "include/scale/io/i.hpp": HEAD + "#include <scale/core/a.hpp>\n#include <nlohmann/json.hpp>\n",
    "include/scale/video/v.hpp": HEAD + 'extern "C" {\n#include <libavcodec/avcodec.h>\n}\n',
    "include/scale/train/t.hpp": HEAD + "#include <scale/io/i.hpp>\n#include <scale/nn/n.hpp>\n",
    "include/scale/ops.hpp": HEAD + "#include <scale/ops/b.hpp>\n",
    "include/scale/scale.hpp": HEAD + "#include <scale/ops.hpp>\n",
    "tests/cpu/c.cpp": "#include <scale/cpu/detail/c.hpp>\n",
    "examples/e.cpp": "#include <scale/scale.hpp>\n",
}
# What is added to the end of which file, and a part of the message expected.
VIOLATIONS = [
    ("include/scale/core/a.hpp", "#include <scale/ops/b.hpp>\n", "layer 'core' must not include 'ops'"),
    ("include/scale/core/a.hpp", "#include <Eigen/Core>\n", "Eigen (<Eigen/Core>) belongs in"),
    ("include/scale/core/a.hpp", "#include <windows.h>\n", "this third party is in no table"),
    ("include/scale/ops/b.hpp", "#include <scale/cpu/b.hpp>\n", "layer 'ops' must not include 'cpu'"),
    ("include/scale/cpu/b.hpp", "#include <scale/cuda/k.cuh>\n", "a .hpp never includes a .cuh"),
    ("include/scale/cpu/b.hpp", "#include <scale/nn/n.hpp>\n", "layer 'cpu' must not include 'nn'"),
    ("include/scale/cpu/b.hpp", "#include <oneapi/dnnl/dnnl.hpp>\n", "oneDNN"),
    ("include/scale/nn/n.hpp", "#include <scale/cpu/b.hpp>\n", "layer 'nn' must not include 'cpu'"),
    ("include/scale/nn/n.hpp", "#include <scale/io/i.hpp>\n", "layer 'nn' must not include 'io'"),
    ("include/scale/nn/n.hpp", "#include <scale/ops.hpp>\n", "umbrellas are for users"),
    ("include/scale/nn/n.hpp", '#include "scale/ops/b.hpp"\n', "included as <scale/...>"),
    ("include/scale/nn/n.hpp", "#include <scale/nn/gone.hpp>\n", "does not exist"),
    ("include/scale/train/t.hpp", "#include <scale/cpu/b.hpp>\n", "layer 'train' must not include 'cpu'"),
    ("include/scale/train/t.hpp", "#include <libavcodec/avcodec.h>\n", "FFmpeg"),
    ("include/scale/io/i.hpp", "#include <scale/video/v.hpp>\n", "layer 'io' must not include 'video'"),
    ("include/scale/ops/b.hpp", "#ifdef __CUDACC__\n#endif\n", "__CUDACC__ belongs in"),
    ("include/scale/ops/b.hpp", "#define HELPER 1\n", "names start with SCALE_"),
    ("include/scale/ops/b.hpp", "using namespace std;\n", "'using namespace'"),
    ("include/scale/ops/b.hpp", 'inline void f() { std::cout << "x"; }\n', "neither prints nor ends"),
    ("include/scale/ops/b.hpp", "inline void f() { exit(1); }\n", "neither prints nor ends"),
    ("include/scale/ops.hpp", "namespace scale {}\n", "includes only"),
    ("include/scale/ops.hpp", "#include <scale/nn/n.hpp>\n", "includes another folder"),
    ("include/scale/scale.hpp", "#include <scale/cpu.hpp>\n", "not of a backend"),
    ("include/scale/other/x.hpp", HEAD, "is in no layer"),
    ("include/scale/core/x.txt", "notes\n", "only .hpp and .cuh"),
    ("include/scale/core/new.hpp", "#pragma once\n", "SPDX"),
    ("include/scale/core/new.hpp", "// SPDX-License-Identifier: Apache-2.0\n", "#pragma once"),
    ("examples/e.cpp", "#include <scale/cpu/detail/c.hpp>\n", "detail/ is for the library"),
    ("tests/nn/n.cpp", "#include <scale/cpu/detail/c.hpp>\n", "detail/ is for the library"),
    ("benchmarks/b.cpp", "#include <scale/cpu/detail/c.hpp>\n", "detail/ is for the library"),
]


def check(files):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder).resolve()
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        return check_layers.Checker(root).run()


class CheckLayers(unittest.TestCase):
    def test_clean_tree_passes(self):
        self.assertEqual(check(CLEAN), [])

    def test_each_seeded_violation_is_named_at_its_line(self):
        for name, addition, message in VIOLATIONS:
            with self.subTest(name=name, addition=addition):
                found = check({**CLEAN, name: CLEAN.get(name, "") + addition})
                matching = [line for line in found if message in line]
                self.assertTrue(matching, f"expected '{message}', got {found}")
                self.assertTrue(matching[0].startswith(name + ":"), matching[0])

    def test_a_tree_without_headers_fails(self):
        self.assertNotEqual(check({"examples/e.cpp": ""}), [])


if __name__ == "__main__":
    unittest.main()
