# SPDX-License-Identifier: Apache-2.0
# What our xl and Debian's take of domain 0 for the same work, in turn: processor time, memory, libraries.
"""`tests/native/run times`. Time is that of every process that a command started, by its control group, and so is the memory that
was allocated for them: their own, page tables and the kernel's, but no file's pages, which are in memory already. The peak of the
largest process has those, too. Printed for docs/benchmarks.md."""
import statistics
import unittest

import bed

GROUPS = "/run/cgroup"
ROUNDS = bed.scaled(3, 9)
MEASURE = f"""#!/bin/sh
# measure GROUP COMMAND...: runs it in a new group; prints the microseconds used until it returned,
# the bytes allocated at most, and the kilobytes of the largest process that was waited for.
group={GROUPS}/$1; shift
mkdir -p $group
sh -c 'echo $$ >'$group'/cgroup.procs; exec /bin/busybox time -f %M -o /run/peak "$@"' sh "$@" >/run/said 2>&1 || {{ cat /run/said >&2; exit 1; }}
sed -n 's/usage_usec //p' $group/cpu.stat
cat $group/memory.peak
tail -n 1 /run/peak
"""


class TimesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        dom0 = bed.the_dom0()
        dom0.run(f"mkdir -p {GROUPS} && {{ mountpoint -q {GROUPS} || mount -t cgroup2 none {GROUPS}; }}"
                 f" && echo +memory > {GROUPS}/cgroup.subtree_control")
        cls.measure = dom0.put("measure", MEASURE, mode=0o755)
        cls.groups = 0

    def setUp(self):
        self.dom0 = bed.the_dom0()
        self.addCleanup(bed.destroy_guests)

    def run_measured(self, xl, *words):
        """A command's milliseconds, KiB allocated and KiB of the largest process; and its group."""
        TimesTest.groups += 1
        group = f"g{TimesTest.groups}"
        took, allocated, peak = self.dom0.run(f"{self.measure} {group} {xl} {' '.join(words)}").out.split()
        # busybox takes Linux's kilobytes for pages of four
        return (int(took) / 1000, int(allocated) // 1024, int(peak) // 4), group

    def group_time(self, group):
        return int(self.dom0.run(f"sed -n 's/usage_usec //p' {GROUPS}/{group}/cpu.stat").out) / 1000

    def staying(self, group):
        """The peak, in kilobytes, of what a command left running."""
        out = self.dom0.run(f"for p in $(cat {GROUPS}/{group}/cgroup.procs); do "
                            "sed -n 's/VmHWM:\\s*\\([0-9]*\\) kB/\\1/p' /proc/$p/status; done; exit 0").out
        return sum(map(int, out.split()))

    def libraries(self, xl):
        """How many files a program's loader maps beside it."""
        r = self.dom0.run(f"LD_TRACE_LOADED_OBJECTS=1 {xl} help 2>/dev/null | grep -c '=> /'", check=False)
        return int(r.out)

    def life(self, xl):
        """One domain's life by one toolstack: {what: (ms, KiB allocated, KiB of the largest process)}."""
        bed.the_dom0().run(f"rm -f {bed.log_of('guest')}")
        found = {}
        found["create"], created = self.run_measured(xl, "create", bed.config("guest"))
        bed.wait_console("guest", "GUEST-UP")
        found["stays"] = (0, 0, self.staying(created))
        found["list"], _ = self.run_measured(xl, "list")
        found["shutdown -w"], ended = self.run_measured(xl, "shutdown", "-w", "guest")
        self.dom0.wait("the domain to go", lambda: "guest" not in bed.domains())
        self.dom0.run("sleep 5")  # our monitor ends three seconds after there is nothing to watch
        found["whole life"] = (self.group_time(created) + self.group_time(ended), 0, 0)
        found["nothing"], _ = self.run_measured("/bin/busybox", "true")
        return found

    def test_a_life(self):
        tools = {"ours": bed.OURS + "xl", "Debian's": bed.DEBIAN + "xl"}
        lives = {name: [] for name in tools}
        for _ in range(ROUNDS):
            for name, xl in tools.items():
                lives[name].append(self.life(xl))
        lines = [f"{'':12}" + "".join(f"{name:>36}" for name in tools)]
        medians = {}
        for what in lives["ours"][0]:
            for name in tools:
                medians[name, what] = [statistics.median(life[what][i] for life in lives[name]) for i in (0, 1, 2)]
            lines.append(f"{what:12}" + "".join("{:>11.1f} ms{:>7.0f} KiB{:>7.0f} KiB".format(*medians[name, what]) for name in tools))
        libraries = {name: self.libraries(xl) for name, xl in tools.items()}
        lines.append(f"{'libraries':12}" + "".join(f"{libraries[name]:>36}" for name in tools))
        print("\n" + "\n".join(lines))


if __name__ == "__main__":
    unittest.main()
