# SPDX-License-Identifier: Apache-2.0
# What xl changes of running guests: memory, vCPUs, weights, caps, pools, keys, cores; what xentop sees.
import csv
import io
import os
import re
import struct
import subprocess
import time
import unittest

from bed import BUILD, PATIENCE, BedTest

XENTOP = os.path.join(BUILD, "apps/xentop/xentop")
SPIN = "while :; do :; done & echo SPIN''S"


class ToolsTest(BedTest):
    def guest(self, name, **keys):
        self.bed.create(name, cmdline="console=hvc0 quiet", **keys)
        self.bed.wait_log(name, "GUEST-UP")

    def ask(self, name, command, pattern):
        """Has the guest run `command` until its output matches."""
        self.asked = getattr(self, "asked", 0) + 1
        mark = f"answer{self.asked}"
        end = time.monotonic() + PATIENCE
        while True:
            self.bed.type_into(name, f"echo {mark}'' $({command})")
            match = re.search(pattern, self.bed.wait_log(name, rf"{mark} ([^\r\n]*)")[1])
            if match:
                return match
            self.assertLess(time.monotonic(), end, f"{name}: {command} never gave {pattern}")
            self.asked += 1
            mark = f"answer{self.asked}"
            time.sleep(0.5)

    def spin(self, name):
        """The guest takes all it is given of one CPU, from now on."""
        self.bed.type_into(name, SPIN)
        self.bed.wait_log(name, "SPINS")

    def xentop(self, *options):
        r = subprocess.run([XENTOP, *options], env=self.bed.env, capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(r.returncode, 0, r.stderr)
        return r.stdout

    def shares(self, seconds=10):
        """{name: CPU%} over so many seconds, as xentop measures it."""
        text = self.xentop("-i", "2", "-d", str(seconds), "--csv", "--columns", "name,cpu")
        last = text[text.rindex("name,"):]
        return {r["name"]: float(r["cpu_percent"]) for r in csv.DictReader(io.StringIO(last))}


class Memory(ToolsTest):
    def move(self, kind):
        def free_mib():
            return int(self.bed.info("free_memory"))

        self.guest("big", type=kind, memory=1024)
        full = free_mib()
        for target, freed in ((256, 768), (1024, 0), (256, 768), (1024, 0)):
            self.bed.xl("mem-set", "big", f"{target}m")
            self.bed.wait(f"the host to have {freed} MiB more",
                          lambda: abs(free_mib() - full - freed) <= 8)
            self.bed.wait(f"the guest to have {target} MiB",
                          lambda: abs(self.bed.domains()["big"][1] - target) <= 8)
        self.bed.xl("mem-max", "big", "2048")
        refused = self.bed.xl("mem-set", "big", "2048", check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.ask("big", "echo $((6*7))", "42")

    def test_pvh(self):
        self.move("pvh")

    def test_pv(self):
        self.move("pv")


class Processors(ToolsTest):
    def test_vcpus_come_and_go(self):
        for kind in ("pvh", "pv"):
            name = "v" + kind
            self.guest(name, type=kind, vcpus=2)
            self.bed.xl("vcpu-set", name, "1")
            self.ask(name, "cat /sys/devices/system/cpu/online", r"^0\s*$")
            # The guest says so before it has given the vCPU up.
            self.bed.wait("one to be paused",
                          lambda n=name: "--p" in self.bed.xl("vcpu-list", n).stdout.splitlines()[2])
            self.bed.wait("the other to be left", lambda n=name: self.bed.domains()[n][2] == 1)
            self.bed.xl("vcpu-set", name, "2")
            self.ask(name, "echo 1 >/sys/devices/system/cpu/cpu1/online; cat /sys/devices/system/cpu/online",
                     r"^0-1\s*$")
            self.bed.wait("both to be online", lambda n=name: self.bed.domains()[n][2] == 2)
            self.bed.xl("destroy", name)

    def test_pinning_is_seen(self):
        self.guest("one")
        self.spin("one")
        for cpu in ("0", "1", "0"):
            self.bed.xl("vcpu-pin", "one", "all", cpu)
            self.bed.wait(f"it to run on CPU {cpu}", lambda c=cpu: self.bed.xl(
                "vcpu-list", "--csv", "one").stdout.splitlines()[1].split(",")[3] == c)

    def check_cap(self, name, cap):
        """Over half a minute: how late xentop's program comes to its clock on a busy computer then
        does not count."""
        self.assertAlmostEqual(self.shares(30)[name], cap, delta=2)

    def test_weights_and_caps(self):
        for name, weight in (("light", 100), ("heavy", 512)):
            self.guest(name, cpus="0", cpu_weight=weight)
            self.spin(name)
        self.bed.xl("sched-credit2", "-d", "light", "-w", "256")
        now = self.shares()
        self.assertAlmostEqual(now["heavy"] / now["light"], 2, delta=0.2)  # however long that was
        self.bed.xl("destroy", "light")
        self.bed.xl("sched-credit2", "-d", "heavy", "-c", "25")
        self.check_cap("heavy", 25)
        self.bed.xl("destroy", "heavy")
        self.guest("held", cap=25)
        self.spin("held")
        self.check_cap("held", 25)

    def test_pools(self):
        self.guest("one")
        self.spin("one")
        self.bed.xl("cpupool-cpu-remove", "Pool-0", "1")
        self.bed.xl("cpupool-create", 'name="other"', 'sched="null"')
        self.bed.xl("cpupool-migrate", "one", "other")
        self.bed.wait("it to run on CPU 1", lambda: self.bed.xl(
            "vcpu-list", "--csv", "one").stdout.splitlines()[1].split(",")[3] == "1")
        self.assertGreater(self.shares(5)["one"], 90)
        self.bed.create("two", cmdline="console=hvc0 quiet", pool="other")  # its vCPU has no CPU left
        self.assertEqual(self.shares(2)["two"], 0)
        self.bed.xl("cpupool-migrate", "two", "Pool-0")
        self.bed.wait_log("two", "GUEST-UP")
        refused = self.bed.xl("cpupool-destroy", "other", check=False)
        self.assertIn("it has 1 domains", refused.stderr)
        self.bed.xl("cpupool-migrate", "one", "Pool-0")
        self.bed.xl("cpupool-destroy", "other")
        self.bed.xl("cpupool-cpu-add", "Pool-0", "1")


class Keys(ToolsTest):
    def test_sysrq(self):
        for kind in ("pvh", "pv"):
            name = "k" + kind
            self.guest(name, type=kind)
            self.bed.xl("sysrq", name, "h")
            self.ask(name, "dmesg | grep -c 'sysrq: HELP'", "^1")
            self.bed.xl("destroy", name)


    def test_nmi(self):
        """A PVH guest counts it; a PV guest's kernel says what it makes of it."""
        for kind in ("pvh", "pv"):
            name = "n" + kind
            self.guest(name, type=kind)
            for count in (1, 2, 3):
                self.bed.xl("trigger", name, "nmi")
                self.ask(name, "grep NMI: /proc/interrupts", rf"NMI: +{count}\b")
            self.ask(name, "dmesg | grep -c NMI", "^[1-9]")
            self.bed.xl("destroy", name)


class Core(ToolsTest):
    def core(self, kind):
        self.guest("victim", type=kind, memory=128)
        self.bed.type_into("victim", "x=core-of-a; echo $x-guest >/dev/null; export MARK=$x-guest; sleep 9999 &")
        self.ask("victim", "echo ready", "ready")
        path = os.path.join(self.bed.state, "core")
        self.bed.xl("dump-core", "victim", path)
        with open(path, "rb") as f:
            data = f.read()
        self.assertEqual(data[:4], b"\x7fELF")
        _, shoff, _, _, _, _, shentsize, shnum, shstrndx = struct.unpack_from("<QQIHHHHHH", data, 32)
        sections = [struct.unpack_from("<IIQQQQIIQQ", data, shoff + i * shentsize) for i in range(shnum)]
        names = data[sections[shstrndx][4]:]
        found = {names[s[0]:names.index(b"\0", s[0])].decode(): s for s in sections[1:]}
        self.assertEqual(set(found), {".shstrtab", ".note.Xen", ".xen_prstatus", ".xen_pages",
                                      ".xen_pfn" if kind == "pvh" else ".xen_p2m"})
        pages = data[found[".xen_pages"][4]:]
        self.assertEqual(len(pages), found[".xen_pages"][5])
        self.assertGreater(len(pages), 120 << 20)
        self.assertIn(b"Linux version", pages)
        self.assertIn(b"core-of-a-guest", pages)
        self.ask("victim", "echo alive", "alive")
        if os.path.exists("/usr/bin/readelf"):
            r = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True)
            self.assertEqual((r.returncode, r.stderr), (0, ""))
            self.assertIn(".xen_pages", r.stdout)

    def test_pvh(self):
        self.core("pvh")

    def test_pv(self):
        self.core("pv")


class Xentop(ToolsTest):
    def test_lines(self):
        self.guest("one", vcpus=2)
        text = self.xentop("-b", "-i", "2", "-d", "1", "-v", "-f")
        header = text.splitlines()[0].split()
        self.assertEqual(header[:4], ["NAME", "STATE", "CPU(sec)", "CPU(%)"])
        self.assertEqual(len(header), 19)
        line = next(l for l in text.splitlines() if l.split()[:1] == ["one"]).split()
        self.assertEqual(line[8], "2")
        self.assertIn("VCPUs(sec):", text)
        self.assertEqual(self.xentop("-b", "-i", "1", "--filter", "name~ne && id>0", "--columns", "name").split(),
                         ["NAME", "one"])


if __name__ == "__main__":
    unittest.main()
