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
        # Debian's xl console reaches the guest's shell; it takes input from a terminal alone, and
        # the end of input is none before the console's.
        typing = dom0.start("rm -f /run/over; (sleep 10; echo 'echo $((6 * 7))-answer'; until [ -e /run/over ]; do sleep 1; done) | "
                            f"(script -qec '{bed.DEBIAN}xl console guest' /dev/null; touch /run/over)")
        bed.wait_console("guest", "42-answer")
        dom0.debian("shutdown", "-w", "guest")
        dom0.wait("the monitor to remove it", lambda: "guest" not in bed.domains())
        self.assertIn("42-answer", dom0.finish(typing).out)


if __name__ == "__main__":
    unittest.main()
