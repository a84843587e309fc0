# SPDX-License-Identifier: Apache-2.0
# A breakpoint that another CPU takes away is met no more, whatever the emulator has translated.
import unittest

from bed import BedTest


class Patch(BedTest):
    def check(self, kind):
        self.bed.create("patched", type=kind, vcpus=2, ramdisk=self.bed.ramdisk_with("patch"))
        self.bed.wait_log("patched", "GUEST-UP")
        self.bed.type_into("patched", "/patch 300")
        m = self.bed.wait_log("patched", r"PATCH-(DONE|STUCK).*")
        self.assertEqual(m.group(1), "DONE", m.group())
        self.bed.xl("shutdown", "-w", "patched")
        self.bed.wait_gone()

    def test_pv(self):
        self.check("pv")

    def test_pvh(self):
        self.check("pvh")


if __name__ == "__main__":
    unittest.main()
