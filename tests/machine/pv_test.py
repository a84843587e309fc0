# SPDX-License-Identifier: Apache-2.0
# Stock kernels as PV guests: boot, without SVM, beside PVH, GRUB, the on_* actions, load.
import os
import re
import time
import unittest

from bed import BUILD, Bed, BedTest

GRUB = os.path.join(BUILD, "guest/grub-x86_64-xen.bin")
LOAD_SECONDS = int(os.environ.get("XENPP_TEST_LOAD", "20"))  # 600 for the full run


class PvTest(BedTest):
    def boot(self, name, vcpus=1, **keys):
        self.bed.create(name, type="pv", vcpus=vcpus, **{"cmdline": "console=hvc0", **keys})
        m = self.bed.wait_log(name, r"GUEST-UP type=(\S+) cpus=(\d+) clock=(\S+)")
        self.assertEqual(m.groups(), ("xen", str(vcpus), "xen"))

    def use_shell(self, name):
        self.bed.type_into(name, "echo answer=$((6*7))")
        self.bed.wait_log(name, r"answer=42")


class Boot(PvTest):
    def check(self, vcpus):
        self.boot("one", vcpus)
        self.assertIn("Booting kernel on Xen", self.bed.log("one"))
        self.assertNotIn("PVH", self.bed.log("one"))
        self.use_shell("one")
        self.assertEqual(self.bed.domains()["one"][2], vcpus)
        self.assertIn('"pv"', self.bed.xl("list", "-l", "one").stdout)
        self.bed.xl("shutdown", "-w", "one")
        self.bed.wait_gone()

    def test_one_vcpu(self):
        self.check(1)

    def test_two_vcpus(self):
        self.check(2)

    def test_beside_pvh(self):
        self.boot("pv")
        self.bed.create("pvh")
        self.bed.wait_log("pvh", "GUEST-UP")
        for name in ("pv", "pvh"):
            self.use_shell(name)
        self.bed.xl("shutdown", "-a", "-w")
        self.bed.wait_gone()

    def test_grub_to_its_prompt(self):
        self.bed.create("grub", type="pv", kernel=GRUB, ramdisk=None, cmdline=None, memory=64)
        self.bed.wait_log("grub", "grub>")
        self.bed.type_into("grub", "echo answer=4''2")
        self.bed.wait_log("grub", "answer=42")
        self.bed.type_into("grub", "halt")
        self.bed.wait_gone()


class WithoutSvm(PvTest):
    """A machine whose processor has no SVM, or has it switched off."""

    def setUp(self):
        self.bed = Bed()
        wrapper = os.path.join(self.bed.state, "qemu-without-svm")
        with open(wrapper, "w", encoding="utf-8") as f:
            f.write('#!/usr/bin/env bash\nwords=()\nfor w in "$@"; do\n'
                    '    [ "${p:-}" = -cpu ] && w=$w,-svm\n    words+=("$w"); p=$w\ndone\n'
                    'exec qemu-system-x86_64 "${words[@]}"\n')
        os.chmod(wrapper, 0o755)
        self.bed.env.update(XENPP_QEMU=wrapper, XENPP_ACCEL="tcg")
        self.addCleanup(self._close)

    def test_boot(self):
        self.boot("one", 2)
        self.use_shell("one")
        r = self.bed.xl("create", self.bed.config("other"), check=False)
        self.assertNotEqual(r.returncode, 0, "a PVH domain on a machine without SVM")
        self.bed.xl("shutdown", "-w", "one")
        self.bed.wait_gone()


class Actions(PvTest):
    """The ends of a PV guest are told apart."""

    def check(self, event, do, action, found):
        name = f"{event[3:]}-{action}"
        self.bed.create(name, type="pv", memory=96, cmdline=f"console=hvc0 quiet do={do}", **{event: action})
        first = self.bed.domains().get(name, (None,))[0]
        self.bed.wait(f"{name}: {action}", lambda: found(self.bed.domains().get(name), first))
        self.bed.xl("destroy", name, check=False)
        self.bed.wait_gone()

    def test_poweroff_destroys(self):
        self.check("on_poweroff", "poweroff", "destroy", lambda d, _: d is None)

    def test_reboot_restarts(self):
        self.check("on_reboot", "reboot", "restart", lambda d, first: d is not None and d[0] != first)

    def test_crash_is_kept(self):
        self.check("on_crash", "panic", "preserve", lambda d, _: d is not None and "c" in d[3])


class UnderLoad(PvTest):
    def test_memory_management(self):
        bed = self.bed
        self.boot("first")  # some memory is taken by the first domain, for all that come
        bed.xl("shutdown", "-w", "first")
        bed.wait_gone()
        free = bed.info("free_memory")
        self.boot("loaded", 2, ramdisk=bed.ramdisk_with("load"), memory=256)
        bed.type_into("loaded", f"/load {LOAD_SECONDS} 6 &")
        end = time.monotonic() + LOAD_SECONDS
        while time.monotonic() < end:  # a CPU leaves and comes back meanwhile
            bed.type_into("loaded", "cd /sys/devices/system/cpu/cpu1; echo 0 > online; sleep 1; echo 1 > online; "
                          "echo cpus-are-$(nproc)")
            time.sleep(3)
        m = bed.wait_log("loaded", r"LOAD-DONE bad=(\d+)")
        self.assertEqual(m.group(1), "0")
        bed.wait_log("loaded", r"cpus-are-2")
        self.assertNotRegex(bed.log("loaded"), r"Oops|BUG|WARNING:|LOAD-BAD|Call Trace")
        self.use_shell("loaded")
        bed.xl("shutdown", "-w", "loaded")
        bed.wait_gone()
        bed.wait("every frame to be free again", lambda: bed.info("free_memory") == free)


if __name__ == "__main__":
    unittest.main()
