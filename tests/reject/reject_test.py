#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compiles one file of this folder: as it is it must compile, with -DREJECT it must fail in the words expected.

usage: reject_test.py FILE COMPILER [FLAG...]"""
import re
import subprocess
import sys


def main(path, compiler, *flags):
    with open(path, encoding="utf-8") as source:
        expected = re.search(r"^// expect: (.+)$", source.read(), re.MULTILINE)
    if not expected:
        sys.exit(f"{path} does not say what it expects")
    command = [compiler, "-std=c++20", "-fsyntax-only", *flags, path]
    good = subprocess.run(command, capture_output=True, text=True, check=False)
    if good.returncode:
        sys.exit(f"the half that must compile does not:\n{good.stderr}")
    bad = subprocess.run([*command, "-DREJECT"], capture_output=True, text=True, check=False)
    if bad.returncode == 0:
        sys.exit(f"{path} compiles, and must not")
    errors = "\n".join(l for l in bad.stderr.splitlines() if re.search("error|note", l))
    if not re.search(expected[1], errors):
        sys.exit(f"rejected, but not for the reason /{expected[1]}/:\n{bad.stderr}")


if __name__ == "__main__":
    main(*sys.argv[1:])
