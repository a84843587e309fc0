# SPDX-License-Identifier: Apache-2.0
# The image alone, without a control process: domains of its command line on Bochs' VMX, with the
# check-list guest, and on QEMU's SVM.
import os
import re
import subprocess
import tempfile
import unittest

from bed import BUILD, PATIENCE

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts")
IMAGE = os.path.join(BUILD, "hv/xenpp-hv")
CHECKS = os.path.join(BUILD, "tests/guest/checks")
PATHS = os.path.join(BUILD, "tests/guest/paths")
LEAST = 40  # checks that the list must have


def qemu(options, module, cpu="max"):
    """The console of the image, started by QEMU's PVH entry with one module."""
    r = subprocess.run(
        ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
         "-accel", "tcg,thread=multi", "-cpu", cpu, "-smp", "1,maxcpus=2", "-M", "q35", "-m", "512",
         "-serial", "stdio", "-kernel", IMAGE, "-append", options, "-initrd", module],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False)
    return r.stdout


def bochs(options, module, model, cpus=1):
    """The same from a GRUB disk in Bochs."""
    with tempfile.TemporaryDirectory(prefix="xenpp-test.") as folder:
        disk = os.path.join(folder, "disk.iso")
        subprocess.run([os.path.join(SCRIPTS, "boot-disk"), disk, options, module], check=True,
                       env=dict(os.environ, XENPP_IMAGE=IMAGE), timeout=PATIENCE)
        r = subprocess.run([os.path.join(SCRIPTS, "bochs"), "-m", model, "-c", str(cpus), disk],
                           env=dict(os.environ, XENPP_BOCHS_SECONDS=str(int(PATIENCE))),
                           capture_output=True, text=True, timeout=2 * PATIENCE, check=False)
        return r.stdout


class FirstDomains(unittest.TestCase):
    OPTIONS = "domain=checks,kernel:0,memory:64,vcpus:2"

    def all_hold(self, console):
        failed = re.findall(r"FAIL (.*)", console)
        self.assertEqual(failed, [], console)
        m = re.search(r"checks: (\d+) of (\d+) hold", console)
        self.assertIsNotNone(m, console)
        self.assertEqual(m[1], m[2])
        self.assertGreaterEqual(int(m[2]), LEAST)
        self.assertIn("has ended: powered off", console)

    def test_vmx_in_bochs_new(self):
        console = bochs(self.OPTIONS, CHECKS, "corei7_skylake_x")
        self.assertIn("HVM: VMX enabled", console)
        self.all_hold(console)

    def test_vmx_in_bochs_old(self):
        self.all_hold(bochs(self.OPTIONS, CHECKS, "corei7_haswell_4770"))

    def test_no_unrestricted_guest_no_domains(self):
        console = bochs(self.OPTIONS, CHECKS, "corei5_lynnfield_750")
        self.assertIn("VMX cannot be used: no unrestricted guest", console)
        self.assertIn("domain=checks,kernel:0,memory:64,vcpus:2: the processor has no hardware", console)

    def test_bad_words_are_said_and_survived(self):
        console = qemu("domain=a,memory:x domain=b,kernel:7 domain=c,kernel:0,memory:1 "
                       "domain=d,colour:3 domain=paths,kernel:0,memory:64", PATHS)
        for sentence in ("domain=a,memory:x: what follows the colon must be a number",
                         "domain=b,kernel:7: there is no module of that number",
                         "domain=c,kernel:0,memory:1: its memory is too small",
                         "domain=d,colour:3: the keys are", "paths done"):
            self.assertIn(sentence, console)


if __name__ == "__main__":
    unittest.main()
