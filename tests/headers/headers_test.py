#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compiles every public header alone: hosted, freestanding (core), all in two files that are then linked.

usage: headers_test.py hosted|weighed|freestanding|odr COMPILER [FLAG...]   (weighed: hosted, within a budget)"""
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include"
CORE = ("base", "abi", "x86", "mm", "ring", "link", "hv")
HOSTED_ONLY = {"xenpp/base/error.hpp", "xenpp/base/parse_number.hpp", "xenpp/base/printable.hpp"}

# Budgets: the memory that GCC needs for a header, as a multiple of what it needs for <string>. It
# grows with the time that the header takes, and is the same on a slow or busy machine.
REFERENCE_HEADER = "<string>"
CORE_BUDGET = 2.2
HOSTED_BUDGET = 3.2
UMBRELLA_BUDGET = 3.6  # xenpp.hpp, for users in a hurry; never included by the library
NO_COLLECTION = ("--param", "ggc-min-heapsize=4000000")  # else the machine's memory has a say


def headers():
    found = sorted(p.relative_to(INCLUDE).as_posix() for p in INCLUDE.rglob("*.hpp"))
    if len(found) < 100:
        sys.exit(f"only {len(found)} headers found under {INCLUDE}")
    return found


def is_core(header):
    return header.split("/")[1] in CORE and header not in HOSTED_ONLY


def compile_text(command, text):
    """Compiles `text` given on standard input: (the most memory it took, in MiB, messages)."""
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as messages:
        source.write(text.encode())
        source.seek(0)
        child = subprocess.Popen([*command, "-x", "c++", "-"], stdin=source,
                                 stdout=messages, stderr=messages)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        messages.seek(0)
        said = messages.read().decode(errors="replace")
    return usage.ru_maxrss / 1024, (said or "the compiler failed without a word") if status else ""


def command_for(compiler, flags):
    return [compiler, "-std=c++20", f"-I{INCLUDE}", *flags, "-fsyntax-only"]


def alone(names, compiler, flags):
    """Compiles each header alone, one job a CPU: (number of failures, header -> MiB)."""
    command = command_for(compiler, flags)

    def one(header):
        return header, *compile_text(command, f"#include <{header}>\n")
    bad, weights = 0, {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for header, weights[header], said in pool.map(one, names):
            if said:
                print(f"--- {header} does not compile alone with {compiler}:\n{said}")
                bad += 1
    print(f"{len(names) - bad} of {len(names)} headers compile alone with {compiler}")
    return bad, weights


def odr(names, compiler, flags):
    """All headers in two translation units, in opposite orders; they must link to one program."""
    with tempfile.TemporaryDirectory() as folder:
        objects = []
        for name, order in (("a", names), ("b", names[::-1])):
            text = "".join(f"#include <{h}>\n" for h in order)
            text += "int main() {}\n" if name == "a" else ""
            objects.append(f"{folder}/{name}.o")
            command = [compiler, "-std=c++20", f"-I{INCLUDE}", *flags, "-c", "-o", objects[-1]]
            _, said = compile_text(command, text)
            if said:
                print(f"--- all headers in one file:\n{said}")
                return 1
        linked = subprocess.run([compiler, *objects, "-o", f"{folder}/all"], capture_output=True,
                                text=True, check=False)
        if linked.returncode:
            print(f"--- two files with all headers do not link:\n{linked.stderr}")
            return 1
    print(f"two files with {len(names)} headers each link with {compiler}")
    return 0


def budget(weights, compiler, flags):
    """How many headers need more memory than they may."""
    reference, _ = compile_text(command_for(compiler, flags), f"#include {REFERENCE_HEADER}\n")

    def share(header):
        if header == "xenpp/xenpp.hpp":
            return weights[header] / (UMBRELLA_BUDGET * reference)
        return weights[header] / ((CORE_BUDGET if is_core(header) else HOSTED_BUDGET) * reference)

    print(f"{REFERENCE_HEADER} needs {reference:.0f} MiB; the ten headers that use most of their budgets:")
    worst = sorted(weights, key=share, reverse=True)
    for header in worst[:10]:
        print(f"  {weights[header]:.0f} MiB, {share(header):4.0%}  {header}")
    bad = [h for h in worst if share(h) > 1]
    for header in bad:
        print(f"--- {header} is over its budget: what does it include that it could name instead?")
    return len(bad)


def main(mode, compiler, *flags):
    names = headers()
    core = [h for h in names if is_core(h)]
    if mode == "odr":
        return 1 if odr(names, compiler, flags) else 0
    if mode == "weighed":
        flags += NO_COLLECTION
    bad, weights = alone(core if mode == "freestanding" else names, compiler, flags)
    if mode == "weighed":
        bad += budget(weights, compiler, flags)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
