# SPDX-License-Identifier: Apache-2.0
# The daemon is killed at random moments: no guest notices, nothing is lost.
import os
import random
import re
import signal
import time
import unittest

from bed import BedTest

ROUNDS = int(os.environ.get("XENPP_TEST_KILLS", "8"))  # 100 for the full run


class Survival(BedTest):
    def numbers(self):
        return [int(n) for n in re.findall(r"count (\d+)\r?$", self.bed.log("counter"), re.M)]

    def test_kill_9_of_the_daemon(self):
        bed = self.bed
        bed.create("counter", cmdline="console=hvc0 quiet do=count")
        bed.wait_log("counter", "count 3")
        bed.store("xenstore-write", "/local/domain/0/kept", "yes")
        domid = bed.domains()["counter"][0]
        random.seed(7)
        for n in range(ROUNDS):
            time.sleep(random.uniform(0, 0.4))
            os.kill(bed.pid("xenppd"), signal.SIGKILL)
            time.sleep(random.uniform(0, 0.1))
            before = len(self.numbers())
            self.assertEqual(bed.domains()["counter"][0], domid, f"round {n}")
            self.assertEqual(bed.store("xenstore-read", "/local/domain/0/kept").strip(), "yes")
            bed.wait("the guest to go on counting", lambda: len(self.numbers()) > before + 1)
        seen = self.numbers()
        self.assertEqual(seen, list(range(1, len(seen) + 1)), "lines lost, doubled or out of order")
        bed.xl("shutdown", "-w", "counter")
        bed.wait_gone()

    def test_death_of_the_machine(self):
        bed = self.bed
        bed.create("mortal")
        bed.store("xenstore-write", "/local/domain/0/kept", "no")
        daemon = bed.pid("xenppd")
        os.kill(bed.pid("qemu"), signal.SIGKILL)
        bed.wait("the daemon to end", lambda: daemon not in bed.processes())
        self.assertEqual(bed.domains(), {})
        self.assertNotEqual(bed.pid("xenppd"), daemon)
        self.assertNotIn("kept", bed.store("xenstore-ls", "/local/domain/0"))

    def test_death_of_machine_and_daemon(self):
        bed = self.bed
        bed.create("mortal")
        for which in ("xenppd", "qemu"):
            os.kill(bed.pid(which), signal.SIGKILL)
        self.assertEqual(bed.domains(), {})
        self.assertNotIn("mortal", bed.store("xenstore-ls", "/"))


if __name__ == "__main__":
    unittest.main()
