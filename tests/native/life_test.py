# SPDX-License-Identifier: Apache-2.0
# Domains' lives, begun by one toolstack and seen and ended by the other.
import unittest

import bed


class LifeTest(unittest.TestCase):
    def setUp(self):
        self.dom0 = bed.the_dom0()
        self.addCleanup(bed.destroy_guests)

    def wait_up(self, name):
        return bed.wait_console(name, r"GUEST-UP type=xen cpus=\d+")

    def test_our_pvh_domain_under_debians_tools(self):
        self._our_domain("pvh")

    def test_our_pv_domain_under_debians_tools(self):
        self._our_domain("pv")

    def _our_domain(self, kind):
        dom0 = self.dom0
        bed.create("guest", by=dom0.ours, type=kind, vcpus=1)
        self.wait_up("guest")
        self.assertEqual(bed.domains()["guest"][1], "128")
        r = dom0.debian("vcpu-list", "guest")
        self.assertEqual(len(r.out.splitlines()), 2, r)
        # Debian's xl console reaches the guest's shell.
        r = dom0.run("(sleep 5; echo 'echo $((6 * 7))-answer'; sleep 20) | timeout 100 "
                     f"{bed.DEBIAN}xl console guest", check=False)
        self.assertIn("42-answer", r.out + bed.console("guest"))
        dom0.debian("pause", "guest")
        self.assertIn("p", bed.domains()["guest"][3])
        dom0.debian("unpause", "guest")
        dom0.debian("rename", "guest", "renamed")
        self.assertEqual(dom0.ours("domname", bed.domains()["renamed"][0]).out.strip(), "renamed")
        dom0.debian("shutdown", "-w", "renamed")
        dom0.wait("the monitor to remove it", lambda: "renamed" not in bed.domains())

    def test_debians_domain_under_our_tools(self):
        dom0 = self.dom0
        bed.create("guest", by=dom0.debian, vcpus=2)
        self.wait_up("guest")
        self.assertEqual(len(dom0.ours("vcpu-list", "guest").out.splitlines()), 3)
        dom0.ours("pause", "guest")
        self.assertIn("p", bed.domains()["guest"][3])
        dom0.ours("unpause", "guest")
        dom0.ours("vcpu-pin", "guest", "1", "1")
        self.assertRegex(dom0.debian("vcpu-list", "guest").out, r"guest +\d+ +1 .* 1 / all")
        dom0.ours("rename", "guest", "renamed")
        self.assertIn("renamed", dom0.debian("list").out)
        dom0.ours("shutdown", "-w", "renamed")
        dom0.wait("its own monitor to remove it", lambda: "renamed" not in bed.domains())

    def test_ends_are_acted_upon(self):
        dom0 = self.dom0
        bed.create("again", by=dom0.ours, on_reboot="restart", cmdline="console=hvc0 quiet")
        self.wait_up("again")
        first = bed.domains()["again"][0]
        dom0.debian("reboot", "again")
        dom0.wait("its restart", lambda: bed.domains().get("again", [first])[0] != first)
        bed.wait_console("again", r"GUEST-UP", count=2)
        bed.create("crash", by=dom0.ours, on_crash="preserve", cmdline="console=hvc0 quiet do=panic panic=0")
        dom0.wait("its crash", lambda: bed.domains()["crash"][3].endswith("c-"))
        dom0.debian("destroy", "crash")
        self.assertNotIn("crash", bed.domains())


if __name__ == "__main__":
    unittest.main()
