# SPDX-License-Identifier: Apache-2.0
# Our tools' output against that of Debian's, run before and after ours in the same second.
"""`sandwich` runs Debian's tool, ours, and Debian's again; what changes by itself lies in between."""

import json
import re

from bed import DEBIAN, OURS

MARK = "=====xenpp====="


def sandwich(dom0, program, words):
    """The three outputs of one command line: Debian's, ours, Debian's."""
    r = dom0.run(f"{DEBIAN}{program} {words}; echo {MARK}; {OURS}{program} {words} || exit; echo {MARK}; "
                 f"{DEBIAN}{program} {words}")
    before, ours, after = r.out.split(MARK + "\n")
    return before, ours, after


def number(text):
    try:
        return float(text)
    except (TypeError, ValueError):  # TypeError: a list
        return None


def between(before, ours, after, slack=0.0):
    """Equal to one of the two, or a number from one to the other."""
    if ours in (before, after):
        return True
    a, o, b = number(before), number(ours), number(after)
    return None not in (a, o, b) and min(a, b) - slack <= o <= max(a, b) + slack


def seconds(text):
    """`[D days, ]H:MM:SS` as a number."""
    m = re.fullmatch(r"(?:(\d+) days?, )?\s*(\d+):(\d\d):(\d\d)", text)
    days, hours, minutes, rest = (int(x or 0) for x in m.groups())
    return str(((days * 24 + hours) * 60 + minutes) * 60 + rest)


def rows(text, pattern):
    """Each line's fields; the pattern has a group a field."""
    out = []
    for line in text.splitlines():
        m = re.fullmatch(pattern, line)
        assert m, f"{line!r} does not match {pattern!r}"
        out.append(list(m.groups()))
    return out


class Comparison:
    """Collects differences, so that one run shows all."""

    def __init__(self, dom0):
        self.dom0 = dom0
        self.differences = []
        self.fields = 0

    def field(self, what, before, ours, after, same=between):
        self.fields += 1
        if not same(before, ours, after):
            self.differences.append(f"{what}: Debian {before!r}, ours {ours!r}, Debian {after!r}")

    def text(self, program, words, same=between):
        """Output that is one field a line, or no field at all."""
        before, ours, after = sandwich(self.dom0, program, words)
        if len(before.splitlines()) != len(ours.splitlines()):
            self.differences.append(f"{program} {words}: Debian {before!r}, ours {ours!r}")
            return
        for b, o, a in zip(before.splitlines(), ours.splitlines(), after.splitlines()):
            self.field(f"{program} {words}", b, o, a, same)

    def info(self, words="info"):
        before, ours, after = (dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
                               for text in sandwich(self.dom0, "xl", words))
        keys = [k for k in ours if not k.startswith("xenpp_")]
        self.field("xl info: the fields' names", list(before), keys, list(before))
        for key in before:
            self.field(f"xl {words}: {key.strip()}", before[key], ours.get(key), after[key])

    def table(self, program, words, pattern, same, skip=0):
        """Lines of fields: `same` maps a field's index to how it is compared."""
        before, ours, after = sandwich(self.dom0, program, words)
        texts = [text.splitlines() for text in (before, ours, after)]
        for i in range(skip):
            self.field(f"{program} {words}: heading", texts[0][i], texts[1][i], texts[2][i])
        b, o, a = (rows("\n".join(lines[skip:]), pattern) for lines in texts)
        self.field(f"{program} {words}: number of lines", len(b), len(o), len(a))
        # xentop sorts by use of the CPU, which changes meanwhile.
        b, o, a = (sorted(r, key=lambda f: (f[0].strip(), f[:3])) if program == "xentop" else r for r in (b, o, a))
        for x, y, z in zip(b, o, a):
            for i, (p, q, r) in enumerate(zip(x, y, z)):
                self.field(f"{program} {words}: {x[0].strip()}, field {i}", p, q, r, same.get(i, between))


def flat(tree, path=""):
    """The leaves of JSON by their paths."""
    if not isinstance(tree, (dict, list)):
        return {path: tree}
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    return {k: v for name, part in items for k, v in flat(part, f"{path}/{name}").items()}


def any_of(letters):
    """States that come and go while one looks: running, blocked, runnable."""
    def same(before, ours, after):
        keep = [i for i, c in enumerate(before) if c not in letters + "-" or ours[i] not in letters + "-"]
        return len(before) == len(ours) and all(ours[i] in (before[i], after[i]) for i in keep)
    return same


def anything(before, ours, after):
    """Not compared: where a vCPU happens to run."""
    return True


# Where Debian's xl is wrong: libxl adds "unknown" (all ones) KiB of video memory to domain 0's target.
WRONG = {("Domain-0", "/0/config/b_info/target_memkb"): 1}


def compare_long(c, name):
    """All that Debian's `list -l` says of a domain; ours says more of domain 0, and what the user wrote."""
    before, ours, after = (flat(json.loads(t)) for t in sandwich(c.dom0, "xl", f"list -l {name}"))
    for path, theirs in before.items():
        more = WRONG.get((name, path), 0)
        c.field(f"xl list -l {name}: {path}", str(theirs + more if more else theirs),
                str(ours.get(path, "none")), str(after[path] + more if more else after[path]))
    if name != "Domain-0":
        theirs = {p for p in ours if not p.startswith("/0/config/xenpp/")}
        c.field(f"xl list -l {name}: what is only in one", [], sorted(set(before) ^ theirs), [])


def compare_host(c):
    """What needs no guest."""
    c.info()
    c.text("xl", "dmesg", lambda b, o, a: o in (b, a))


LIST = r"(.{40}) +(\d+) +(\d+) +(\d+) +(\S{6}) +([\d.]+)"
VCPUS = r"(.{32}) +(\d+) +(\d+) +(\d+|-) +(\S{3}) +([\d.]+)  (\S.*)"
UPTIME = r"(.{33}) +(\d+) (.*)"


def uptime_between(before, ours, after):
    return between(seconds(before), seconds(ours), seconds(after), 1)


def compare_domains(c, names):
    """What is said of domains."""
    for words in ("sched-credit2", "sched-credit2 -s", "cpupool-list", "cpupool-list -c"):
        c.text("xl", words)
    running = any_of("rb")
    c.table("xl", "list", LIST, {4: running}, skip=1)
    c.table("xl", "vcpu-list", VCPUS, {3: anything, 4: running}, skip=1)
    c.table("xl", "uptime", UPTIME, {2: uptime_between}, skip=1)
    for name in names:
        domid = c.dom0.debian("domid", name).out.strip()
        compare_long(c, name)
        c.text("xl", f"domid {name}")
        c.text("xl", f"sched-credit2 -d {name}")
        c.text("xl", f"domname {domid}")
        c.table("xl", f"vcpu-list {name}", VCPUS, {3: anything, 4: running}, skip=1)


XENTOP = r" *(\S+) +(\S+) +(\d+) +([\d.]+) +(\d+) +([\d.]+) +(\d+|no limit) +([\d.]+|n/a) +(\d+) +" + \
    r" +".join([r"(\d+)"] * 9) + r" +(\d+)"


def compare_xentop(c):
    c.table("xentop", "-b -i 1", XENTOP, {1: any_of("rb"), 3: anything}, skip=1)
