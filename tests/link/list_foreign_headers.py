#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""list_foreign_headers.py OUT HEADER...: writes to OUT an #include of every header of others that a HEADER includes."""
import re
import sys

names = set()
for path in sys.argv[2:]:
    with open(path, encoding="utf-8") as header:
        names |= set(re.findall(r"^\s*#\s*include\s*<(?!scale/)([^>]+)>", header.read(), re.MULTILINE))
with open(sys.argv[1], "w", encoding="utf-8") as out:
    out.write("#pragma once\n")
    for name in sorted(names):
        line = f"#include <{name}>\n"
        # A header of one system is left out on others; FFmpeg's are C and do not say so themselves.
        out.write(f"#if __has_include(<{name}>)\n")
        out.write(f'extern "C" {{\n{line}}}\n' if name.startswith(("libav", "libsw")) else line)
        out.write("#endif\n")
