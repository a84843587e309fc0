#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compiles every public header alone: hosted, freestanding (core), all in two files that are then linked.

usage: headers_test.py hosted|timed|freestanding|odr COMPILER [FLAG...]   (timed: hosted, within a budget)"""
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include"
CORE = ("base", "abi", "x86", "mm", "ring", "link", "hv")
HOSTED_ONLY = {"xenpp/base/error.hpp"}

# Budgets in user seconds of a machine on which <string> alone costs REFERENCE seconds. They scale
# with what <string> costs in this very run, so a slow or busy machine changes little.
REFERENCE_HEADER = "<string>"
REFERENCE = 0.20
CORE_BUDGET = 0.40
HOSTED_BUDGET = 0.60
UMBRELLA_BUDGET = 1.00  # xenpp.hpp, for users in a hurry; never included by the library
TOLERANCE = 2.0  # a shared machine is noisy; one heavy header too many still shows
TRIES = 5


def headers():
    found = sorted(p.relative_to(INCLUDE).as_posix() for p in INCLUDE.rglob("*.hpp"))
    if len(found) < 100:
        sys.exit(f"only {len(found)} headers found under {INCLUDE}")
    return found


def is_core(header):
    return header.split("/")[1] in CORE and header not in HOSTED_ONLY


def compile_text(command, text):
    """Compiles `text` given on standard input: (user seconds of compiler and children, messages)."""
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as messages:
        source.write(text.encode())
        source.seek(0)
        child = subprocess.Popen([*command, "-x", "c++", "-"], stdin=source,
                                 stdout=messages, stderr=messages)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        messages.seek(0)
        said = messages.read().decode(errors="replace")
    return usage.ru_utime, (said or "the compiler failed without a word") if status else ""


def command_for(compiler, flags):
    return [compiler, "-std=c++20", f"-I{INCLUDE}", *flags, "-fsyntax-only"]


def alone(names, compiler, flags):
    """Compiles each header alone, one job a CPU: (number of failures, header -> user seconds)."""
    command = command_for(compiler, flags)

    def one(header):
        return header, *compile_text(command, f"#include <{header}>\n")
    bad, seconds = 0, {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for header, seconds[header], said in pool.map(one, names):
            if said:
                print(f"--- {header} does not compile alone with {compiler}:\n{said}")
                bad += 1
    print(f"{len(names) - bad} of {len(names)} headers compile alone with {compiler}")
    return bad, seconds


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


def budget(names, measured, compiler, flags):
    command = command_for(compiler, flags)

    def cost(header):
        return compile_text(command, f"#include {header}\n")[0]
    # Measured under the load that the headers were measured under: as many at a time as CPUs.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        reference = min(pool.map(cost, [REFERENCE_HEADER] * 3 * TRIES))
    scale = reference / REFERENCE

    def limit(header):
        if header == "xenpp/xenpp.hpp":
            return UMBRELLA_BUDGET * scale
        return (CORE_BUDGET if is_core(header) else HOSTED_BUDGET) * scale

    for header in names:
        for _ in range(TRIES - 1):
            if measured[header] <= limit(header) * TOLERANCE:
                break
            measured[header] = min(measured[header], cost(f"<{header}>"))
    print(f"{REFERENCE_HEADER} costs {reference:.2f} s here; the ten worst headers against their budgets:")
    worst = sorted(names, key=lambda h: measured[h] / limit(h), reverse=True)
    for header in worst[:10]:
        print(f"  {measured[header]:.2f} s of {limit(header):.2f} s  {header}")
    bad = [h for h in names if measured[h] > limit(h) * TOLERANCE]
    for header in bad:
        print(f"--- {header} is over its budget: {measured[header]:.2f} s of {limit(header):.2f} s")
    return len(bad)


def main(mode, compiler, *flags):
    names = headers()
    core = [h for h in names if is_core(h)]
    if mode == "odr":
        return 1 if odr(names, compiler, flags) else 0
    bad, seconds = alone({"hosted": names, "timed": names, "freestanding": core}[mode], compiler, flags)
    if mode == "timed":
        bad += budget(names, seconds, compiler, flags)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
