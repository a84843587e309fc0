# SPDX-License-Identifier: Apache-2.0
# What one toolstack does to a running domain, the other one sees: both ways, on domains of both.
# Devices have a test of their own.
import re
import unittest

import bed


class VerbsTest(unittest.TestCase):
    def setUp(self):
        self.dom0 = bed.the_dom0()
        self.addCleanup(bed.destroy_guests)

    def start(self, by, **keys):
        bed.create("guest", by=by, **keys)
        bed.wait_console("guest", "GUEST-UP")

    def row(self, viewer, name="guest"):
        """A domain in a toolstack's list: domid, MiB, vCPUs, state; None where it is not."""
        for line in viewer("list").out.splitlines()[1:]:
            if line.split()[0] == name:
                return line.split()[1:5]
        return None

    def vcpus(self, viewer, name="guest"):
        return [line.split() for line in viewer("vcpu-list", name).out.splitlines()[1:]]

    def see(self, what, condition):
        self.dom0.wait(what, condition)

    def _verbs(self, maker, by, viewer):
        self.start(maker, vcpus=2, memory=160)
        by("pause", "guest")
        self.see("pause", lambda: self.row(viewer)[3][2] == "p")
        by("unpause", "guest")
        self.see("unpause", lambda: self.row(viewer)[3][2] == "-")
        by("mem-set", "guest", "120")
        self.see("mem-set", lambda: int(self.row(viewer)[1]) in (120, 121))
        by("mem-set", "guest", "160")
        self.see("mem-set back", lambda: int(self.row(viewer)[1]) in (160, 161))
        by("vcpu-pin", "guest", "1", "1", "0")
        self.see("vcpu-pin", lambda: self.vcpus(viewer)[1][-3:] == ["1", "/", "0"])
        by("vcpu-set", "guest", "1")
        self.see("vcpu-set", lambda: self.vcpus(viewer)[1][3:5] == ["-", "--p"])
        by("vcpu-set", "guest", "2")
        # Linux registers the CPU again; putting it to use is up to the guest's udev.
        bed.say("guest", "until echo 1 > /sys/devices/system/cpu/cpu1/online; do sleep 1; done")
        self.see("vcpu-set back", lambda: self.vcpus(viewer)[1][4] != "--p")
        domid = self.row(viewer)[0]
        by("rename", "guest", "renamed")
        self.see("rename", lambda: self.row(viewer, "renamed")[0] == domid and self.row(viewer) is None)
        self.assertEqual(viewer("domname", domid).out.strip(), "renamed")
        by("destroy", "renamed")
        self.see("destroy", lambda: self.row(viewer, "renamed") is None)

    def test_ours_on_debians_domain_seen_by_debians(self):
        self._verbs(self.dom0.debian, self.dom0.ours, self.dom0.debian)

    def test_debians_on_our_domain_seen_by_ours(self):
        self._verbs(self.dom0.ours, self.dom0.debian, self.dom0.ours)

    def test_ours_on_our_domain_seen_by_debians(self):
        self._verbs(self.dom0.ours, self.dom0.ours, self.dom0.debian)

    def _ends(self, maker, by, viewer):
        self.start(maker, on_reboot="restart")
        first = self.row(viewer)[0]
        by("reboot", "guest")
        self.see("the restart", lambda: (self.row(viewer) or [first])[0] != first)
        bed.wait_console("guest", "GUEST-UP", count=2)
        by("destroy", "guest")
        self.see("destroy", lambda: self.row(viewer) is None)
        bed.create("crash", by=maker, on_crash="preserve", cmdline="console=hvc0 quiet do=panic panic=0")
        self.see("the crash", lambda: re.search("c", self.row(viewer, "crash")[3]))
        by("destroy", "crash")
        self.see("destroy", lambda: self.row(viewer, "crash") is None)

    def test_ends_of_our_domain(self):
        self._ends(self.dom0.ours, self.dom0.debian, self.dom0.ours)

    def test_ends_of_debians_domain(self):
        self._ends(self.dom0.debian, self.dom0.ours, self.dom0.debian)


if __name__ == "__main__":
    unittest.main()
