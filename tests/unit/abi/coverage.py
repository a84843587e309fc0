#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Fails when a structure, member or number of include/xenpp/abi has no row in the oracle test.
"""Usage: coverage.py HEADER_DIR TEST_DIR"""
import pathlib
import re
import sys

RECORD = re.compile(r"(?:__extension__ )?(?:struct|union)(?: alignas\(\d+\))?(?: (\w+))? \{")
ENUM = re.compile(r"enum class (\w+)[^{]*\{")
MEMBER = re.compile(r"(\w+)(?:\[[^\]]*\])*(?: : \d+)?;$")
CLOSE = re.compile(r"\}(?: (\w+)(?:\[[^\]]*\])*)?;$")
CONSTANT = re.compile(r"^inline constexpr [\w:]+ (\w+)(?:\[\])?\s*=", re.M)
ROW = re.compile(r"XENPP_(?:SAME|CHECK)_(STRUCT|MEMBER|NUMBER|TEXT|BITS)\(((?:[^()]|\([^()]*\))*)\)")


def without_comments(text):
    return re.sub(r"//[^\n]*", "", text)


def record(lines):
    """The member paths of one record, whose opening line was consumed; consumes its closing line.

    Returns the paths and the name behind the closing brace.
    """
    paths = []
    for line in lines:
        if (close := CLOSE.match(line)):
            return paths, close.group(1)
        if RECORD.match(line):
            inner, name = record(lines)
            if name:
                paths.append(name)
                inner = [f"{name}.{path}" for path in inner]
            paths += inner
        elif (member := MEMBER.search(line)) and not line.startswith(("using ", "static_assert")):
            name = member.group(1)
            if not name.startswith("reserved_") and not (" : " in line and "pad" in name):
                paths.append(name)
    raise ValueError("a record without an end")


def declared(text):
    """Yields what a header declares, as the rows name it."""
    text = without_comments(text)
    yield from (match.group(1) for match in CONSTANT.finditer(text))
    # One statement or opening brace per line, however the formatter broke them.
    text = re.sub(r"(?<=[;{]) ", "\n", re.sub(r"\s+", " ", text))
    lines = iter(text.splitlines())
    for line in lines:
        if (enum := ENUM.match(line)):
            values = next(lines).rstrip("}; ").split(",")
            yield from (f"{enum.group(1)}::{value.split('=')[0].strip()}" for value in values if value)
        elif (opening := RECORD.match(line)):
            paths, _ = record(lines)
            yield opening.group(1)
            yield from (f"{opening.group(1)}.{path}" for path in paths)


def compared(text):
    """Yields what the rows of a test compare."""
    yield from re.findall(r"sizeof\(::xenpp::abi::(\w+)\)", text)
    for kind, arguments in ROW.findall(text):
        parts = [part.strip() for part in arguments.split(",")]
        yield f"{parts[1]}.{parts[2].replace('[0]', '')}" if kind in ("MEMBER", "BITS") else parts[1]


def main(headers, tests):
    have = set()
    for path in sorted(tests.glob("*_test.cpp")):
        have |= set(compared(path.read_text()))
    want = {}
    for path in sorted(headers.rglob("*.hpp")):
        for name in declared(path.read_text()):
            want[name] = path.relative_to(headers)
    together = (tests / "padding_test.cpp").read_text()
    for path in sorted(headers.rglob("*.hpp")):
        if f"<xenpp/abi/{path.relative_to(headers)}>" not in together:
            want[f"all of {path.name}"] = path.relative_to(headers)
    missing = sorted(name for name in want if name not in have)
    for name in missing:
        print(f"{want[name]}: {name} is not compared with the public header")
    print(f"{len(want)} declarations, {len(missing)} not compared")
    # Fewer than three thousand would mean that this script no longer understands the headers.
    return 1 if missing or len(want) < 3000 else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])))
