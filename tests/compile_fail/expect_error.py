#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""expect_error.py SOURCE -- COMPILER ARGUMENT...: checks a mistake's error message.

SOURCE says `// expect: TEXT` once or more; `TEXT || TEXT` where compilers word it differently. Compiled with
SCALE_TEST_MISTAKE=1 it must fail and the compiler's output must hold each TEXT; with SCALE_TEST_MISTAKE=0, the
corrected twin, it must compile without a warning.
"""
import re
import subprocess
import sys


def compile_source(command, source, mistake):
    done = subprocess.run([*command, f"-DSCALE_TEST_MISTAKE={mistake}", "-fsyntax-only", source],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def main():
    source, command = sys.argv[1], sys.argv[3:]
    with open(source, encoding="utf-8") as file:
        texts = re.findall(r"^// expect: (.+)$", file.read(), re.MULTILINE)
    if not texts:
        sys.exit(f"{source}: no line '// expect: TEXT'")
    status, output = compile_source(command, source, 0)
    if status != 0 or output:
        sys.exit(f"{source}: the corrected twin must compile without a word, got:\n{output}")
    status, output = compile_source(command, source, 1)
    if status == 0:
        sys.exit(f"{source}: the mistake compiled")
    missing = [text for text in texts if not any(wording in output for wording in text.split(" || "))]
    if missing:
        sys.exit(f"{source}: the error does not say {missing}:\n{output}")


if __name__ == "__main__":
    main()
