# SPDX-License-Identifier: Apache-2.0
"""The rules of docs/architecture.md read from that page, and checks of one file's text against them."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "architecture.md"
TOP = "*.hpp"  # the headers directly in include/xenpp

SOURCE_TREES = ("include", "src", "hv", "apps", "tests", "benchmarks")
SOURCE_SUFFIXES = (".hpp", ".cpp", ".S", ".ld", ".py", ".cmake", ".sh")

# Standard headers that core may include: cheap, and there freestanding on both compilers.
CORE_STD = {
    "array", "bit", "compare", "concepts", "cstddef", "cstdint", "cstring", "initializer_list",
    "limits", "new", "optional", "span", "string_view", "type_traits", "utility", "variant",
    "algorithm",
}
CORE_FOLDERS = {"base", "abi", "x86", "mm", "ring", "link", "hv"}
# Hosted parts of core folders: error.hpp, parse_number.hpp and printable.hpp are hosted as a whole,
# expected.hpp behind __STDC_HOSTED__.
CORE_HOSTED = {
    "include/xenpp/base/error.hpp": {"string"},
    "include/xenpp/base/parse_number.hpp": {"charconv", "system_error"},
    "include/xenpp/base/printable.hpp": {"string"},
    "include/xenpp/base/expected.hpp": {"exception"},
}

# What may be longer than a file should be, and why.
LINE_LIMIT = 500
LONG_FILES = {
    "include/xenpp/abi/domctl.hpp": "one public header, a table of structures",
    "include/xenpp/abi/sysctl.hpp": "one public header, a table of structures",
    "include/xenpp/abi/platform.hpp": "one public header, a table of structures",
    "include/xenpp/x86/vmcb.hpp": "one hardware structure with its table of fields",
    "tests/unit/abi/domctl_test.cpp": "a row for every member of domctl.hpp",
    "tests/unit/abi/sysctl_test.cpp": "a row for every member of sysctl.hpp",
}


class Page:
    """The three tables of the architecture page."""

    def __init__(self, text):
        self.rank = {}  # folder -> its number
        self.may = {}  # folder -> the folders it may include, itself among them
        self.trees = {}  # path prefix -> the folders that files under it may include
        self.named = {}  # folder or path prefix -> the folders that its row names one by one
        self.foreign = {}  # header prefix -> path prefixes where it may appear
        self._read(text)

    def _read(self, text):
        rows = [[c.strip() for c in line.strip().strip("|").split("|")]
                for line in text.splitlines() if line.startswith("|")]
        wanted = {}
        for row in rows:
            folder = re.fullmatch(r"(\d) `([a-z0-9]+)/`", row[0])
            if folder or row[0] == "8 `*.hpp`":
                name = folder[2] if folder else TOP
                self.rank[name] = int(row[0][0])
                wanted[name] = row[2]
            elif re.fullmatch(r"`[a-z0-9/]+/`", row[0]) and len(row) == 2:
                self.trees[row[0].strip("`")] = row[1]
            elif re.fullmatch(r"`<[a-z0-9_./]+>`", row[0]):
                self.foreign[row[0].strip("`<>")] = row[1].replace("`", "").split()
        self.named = {row: self._folders(words, 0) for row, words in (wanted | self.trees).items()
                      if not words.startswith("all")}
        for name, words in wanted.items():
            self.may[name] = self._folders(words, self.rank[name]) | {"base", name}
        self.trees = {tree: self._folders(words, 10) for tree, words in self.trees.items()}

    def _folders(self, words, rank):
        if words == "-":
            return set()
        if words == "all below":
            return {f for f, r in self.rank.items() if r < rank}
        if words == "all":
            return set(self.rank)
        return set(words.replace("`", "").split())

    def faults(self):
        """What is wrong with the tables themselves."""
        bad = []
        for folder, allowed in self.may.items():
            for other in sorted(allowed - {folder}):
                if other not in self.rank:
                    bad.append(f"{folder}/ names {other}/, which the table does not have")
                elif self.rank[other] >= self.rank[folder]:
                    bad.append(f"{folder}/ ({self.rank[folder]}) names {other}/ ({self.rank[other]})")
        for tree, allowed in self.trees.items():
            bad += [f"{tree} names {f}/, which the table does not have"
                    for f in sorted(allowed - set(self.rank))]
        return bad


def page():
    return Page(PAGE.read_text())


def sources():
    """Every source file of ours as (path relative to the root, text)."""
    paths = [p for tree in SOURCE_TREES for p in (ROOT / tree).rglob("*")
             if p.suffix in SOURCE_SUFFIXES or p.name == "CMakeLists.txt"]
    paths += list((ROOT / "cmake").glob("*.cmake")) + [ROOT / "CMakeLists.txt"]
    paths += [p for p in (ROOT / "scripts").iterdir() if p.is_file()]
    for path in sorted(paths):
        if "__pycache__" not in path.parts:
            yield path.relative_to(ROOT).as_posix(), path.read_text()


def includes(text):
    """(line number, header as written without its brackets) of every include."""
    for number, line in enumerate(text.splitlines(), 1):
        found = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
        if found:
            yield number, found[1]


def own_folder(path):
    """The folder of the table that the file belongs to, or None outside include/ and src/."""
    parts = path.split("/")
    if parts[0] == "include" and parts[1] == "xenpp":
        return parts[2] if len(parts) > 3 else TOP
    if parts[0] == "src":
        return source_folder(parts[1:])
    return None


def source_folder(parts):
    """src/host/ and src/daemon/ hold the sources of the headers directly in include/xenpp."""
    return TOP if len(parts) == 1 or parts[0] in ("host", "daemon") else parts[0]


def target_folder(header, path):
    """The folder of the table that an included header belongs to, or None for foreign headers."""
    if header.startswith("xenpp/"):
        rest = header[len("xenpp/"):].split("/")
        return rest[0] if len(rest) > 1 else TOP
    # Private headers are included by their path below src/.
    if path.startswith("src/") and (ROOT / "src" / header).exists():
        return source_folder(header.split("/"))
    return None


def row_of(path, rules):
    """What the row is called that says what a file may include: a folder or a path prefix, or None."""
    folder = own_folder(path)
    if folder is not None:
        return folder
    return max((t for t in rules.trees if path.startswith(t)), key=len, default=None)


def foreign_row(header, rules):
    """The row of the foreign headers that a header belongs to, or None."""
    matches = (f for f in rules.foreign if header == f or (f.endswith("/") and header.startswith(f)))
    return max(matches, key=len, default=None)


def layering_faults(path, text, rules):
    folder = own_folder(path)
    if folder is not None and folder not in rules.may:
        return [f"{path}: the folder {folder}/ is not in the table of docs/architecture.md"]
    row = row_of(path, rules)
    if row is None:
        return []
    allowed = rules.may[row] if folder is not None else rules.trees[row]
    bad = []
    for number, header in includes(text):
        target = target_folder(header, path)
        if target is not None and target not in allowed:
            bad.append(f"{path}:{number}: {folder or 'this tree'} may not include {target}: {header}")
        # The vendors' paths are the image's business; what is common calls named operations.
        if path.startswith("include/xenpp/hv/") and path.count("/") == 3:
            vendor = re.match(r"xenpp/hv/(svm|vmx)/", header)
            if vendor:
                bad.append(f"{path}:{number}: hv core may not include hv/{vendor[1]}/: {header}")
    return bad


def foreign_faults(path, text, rules):
    bad = []
    for number, header in includes(text):
        row = foreign_row(header, rules)
        places = rules.foreign.get(row, [""])
        if not any(path.startswith(place) for place in places):
            bad.append(f"{path}:{number}: <{header}> belongs in {' '.join(places)}")
    return bad


def unused_faults(files, rules):
    """Permissions that no include of `files` (path, text) makes use of."""
    found = {(path, header) for path, text in files for _, header in includes(text)}
    ours = {(row_of(path, rules), target_folder(header, path)) for path, header in found}
    foreign = {(row, place) for path, header in found if (row := foreign_row(header, rules))
               for place in rules.foreign[row] if path.startswith(place)}
    bad = [f"{row} may include {folder}, and does not"
           for row, folders in rules.named.items() for folder in sorted(folders)
           if (row, folder) not in ours]
    return bad + [f"<{row}> may appear in {place}, and does not"
                  for row, places in rules.foreign.items() for place in places
                  if (row, place) not in foreign]


def core_faults(path, text):
    if not path.startswith("include/xenpp/") or own_folder(path) not in CORE_FOLDERS:
        return []
    allowed = CORE_STD | CORE_HOSTED.get(path, set())
    return [f"{path}:{number}: a core header may not include <{header}>"
            for number, header in includes(text)
            if not header.startswith("xenpp/") and header not in allowed]


def head_faults(path, text):
    """First line the licence, then a comment (or docstring) whose first sentence says what it is."""
    lines = text.splitlines()
    if lines and lines[0].startswith("#!"):
        lines = lines[1:]
    if not lines or "SPDX-License-Identifier: Apache-2.0" not in lines[0]:
        return [f"{path}: the first line is not the SPDX line"]
    if lines[1:2] and not re.match(r'(//|#(?!\s*(include|pragma|define))|\s*\*?\s+\w|""")', lines[1]):
        return [f"{path}: the second line is no comment that says what the file is"]
    words = " ".join(re.sub(r'^\s*(//|#|\*|""")\s?', "", line) for line in lines[1:5])
    sentence = re.search(r"\w.{10,}?[.:](\s|\"|\)|$)", words)
    return [] if sentence else [f"{path}: no sentence says what the file is"]


def length_faults(path, text):
    count = len(text.splitlines())
    if path in LONG_FILES:
        # A row that is no longer needed hides the next long file of that name.
        return [] if count > LINE_LIMIT else [f"{path}: has {count} lines; take it off the list"]
    return [f"{path}: {count} lines, more than {LINE_LIMIT}"] if count > LINE_LIMIT else []
