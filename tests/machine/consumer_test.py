# SPDX-License-Identifier: Apache-2.0
# The 20-line control plane as a user built it: now on the embedded host, with a guest that runs.
import os
import subprocess
import unittest

from bed import BUILD, PATIENCE, BedTest


class Consumer(BedTest):
    def test_the_same_program_on_the_embedded_host(self):
        program = os.path.join(BUILD, "consume/find_package/out/control_plane")
        config = self.bed.config("guest", memory=256, vcpus=2, cmdline="console=hvc0 quiet do=poweroff",
                                 on_poweroff="preserve")
        env = dict(self.bed.env, XENPP_HOST="embedded", XENPPD=os.path.join(BUILD, "apps/xenppd/xenppd"))
        run = subprocess.run([program, config], env=env, capture_output=True, text=True, timeout=2 * PATIENCE)
        self.assertEqual((run.returncode, run.stdout), (0, "poweroff\n"), run.stderr)
        self.assertIn("GUEST-UP type=xen cpus=2", self.bed.log("guest"))
        self.assertEqual(self.bed.domains(), {})


if __name__ == "__main__":
    unittest.main()
