# SPDX-License-Identifier: Apache-2.0
# The image alone, without a control process: domains of its command line with the check-list guest
# on VMX and SVM in Bochs and on SVM in QEMU, and guests that end by what cannot be gone on from.
import os
import re
import subprocess
import tempfile
import unittest

from bed import BUILD, PATIENCE

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts")
IMAGE = os.path.join(BUILD, "hv/xenpp-hv")
CHECKS = os.path.join(BUILD, "tests/guest/checks")
CRASH = os.path.join(BUILD, "tests/guest/crash")
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
    DELIVERS = "the processor delivers interrupts to an x2APIC by itself"

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
        self.assertIn(self.DELIVERS, console)
        self.all_hold(console)

    def test_vmx_in_bochs_old(self):  # without 1 GiB pages, accessed bits, APIC virtualization
        console = bochs(self.OPTIONS, CHECKS, "corei7_sandy_bridge_2600k")
        self.assertIn("HVM: VMX enabled", console)
        self.assertNotIn(self.DELIVERS, console)
        self.all_hold(console)

    def test_vmx_in_bochs_between(self):
        self.all_hold(bochs(self.OPTIONS, CHECKS, "corei7_haswell_4770"))

    def test_vmx_in_bochs_on_two_cpus(self):
        console = bochs(self.OPTIONS, CHECKS, "corei7_skylake_x", cpus=2)
        self.assertIn("Brought up 2 CPUs", console)
        self.all_hold(console)

    def test_svm_in_bochs_new(self):
        console = bochs(self.OPTIONS, CHECKS, "ryzen")
        self.assertIn("HVM: SVM enabled", console)
        self.all_hold(console)

    def test_svm_in_bochs_old(self):
        self.all_hold(bochs(self.OPTIONS, CHECKS, "phenom_8650_toliman"))

    def test_svm_in_bochs_on_two_cpus(self):
        console = bochs(self.OPTIONS, CHECKS, "ryzen", cpus=2)
        self.assertIn("Brought up 2 CPUs", console)
        self.all_hold(console)

    def test_svm_in_qemu(self):
        console = qemu(self.OPTIONS, CHECKS)
        self.assertIn("HVM: SVM enabled", console)
        self.all_hold(console)

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


class Paths(unittest.TestCase):
    """How many instructions the paths take; in Bochs the same in every run."""
    MOST = {"xen_version": 600, "cpuid": 700, "rdmsr_efer": 600, "port_in": 600, "port_out": 600,
            "nested_fault": 3000, "sched_yield": 1200, "event_send": 3000}

    def are_short(self, model, eoi):
        console = bochs("domain=paths,kernel:0,memory:64", PATHS, model)
        paths = {name: int(n) for name, n in re.findall(r"path (\w+) (\d+)", console)}
        most = dict(self.MOST, apic_eoi=eoi)
        self.assertEqual(paths.keys(), most.keys(), console)
        for name, n in paths.items():
            self.assertLessEqual(n, most[name], name)

    def test_vmx(self):
        self.are_short("corei7_skylake_x", 10)  # the end of an interrupt makes no exit

    def test_vmx_without_apic_virtualization(self):
        self.are_short("corei7_sandy_bridge_2600k", 600)

    def test_svm(self):
        self.are_short("ryzen", 600)


class Crashes(unittest.TestCase):
    """Domain 1 goes on, each other one ends itself in its own way."""
    ENDS = ("neighbour", "task", "walk", "fetch", "triple")

    def domains(self, ends):
        return " ".join(f"domain={name},memory:16" for name in ends)

    def dump(self, console, domain, why):
        """What is said of the vCPU of a domain that crashed."""
        m = re.search(rf"d{domain}v0 crashed: {why}\n((?:\(XEN\)   .*\n)+)", console)
        self.assertIsNotNone(m, console)
        self.assertIn(f"(XEN) d{domain} has ended: crashed", console)
        for register in ("rip", "rsp", "rflags", "rax", "r15", "cr0", "cr3", "cr4", "efer", "cpl", "code"):
            self.assertRegex(m[1], rf"\b{register} ")
        return m[1]

    def holes_are_told(self, console, processors_words):
        for domain, why in ((3, "a page table outside of the domain's memory"),
                            (4, "execution outside of the domain's memory")):
            dump = self.dump(console, domain, why)
            self.assertRegex(dump, processors_words)
            self.assertIn("code cannot be read", dump)
            self.assertIn("0xd0000000", dump)

    def neighbour_goes_on(self, console):
        self.assertIn("the neighbour goes on", console)
        self.assertGreater(console.index("the neighbour goes on"), console.rindex("crashed"))
        self.assertIn("d1 has ended: powered off", console)
        self.assertIn("Powering the machine off", console)

    def task_switch_is_told(self, console, processors_words):
        dump = self.dump(console, 2, "a hardware task switch")
        self.assertIn("rbx 0xbadcafe", dump)
        self.assertIn("32-bit code", dump)
        self.assertIn("code 0xea 0x0 0x0 0x0 0x0 0x30 0x0", dump)  # ljmp $0x30, $0
        self.assertRegex(dump, processors_words)

    def triple_fault_is_a_reboot(self, console):
        self.assertIn("d5v0 triple fault", console)
        self.assertIn("d5 has ended: wanted to reboot", console)

    def test_vmx_in_bochs(self):
        console = bochs(self.domains(self.ENDS), CRASH, "corei7_skylake_x")
        self.task_switch_is_told(console, r"exit reason 9 qualification 0x80000030")
        self.holes_are_told(console, r"exit reason 48 .* guest-physical address 0xd0000000")
        self.triple_fault_is_a_reboot(console)
        self.neighbour_goes_on(console)

    def test_svm_in_bochs(self):  # whose SVM stops the machine at a triple fault
        console = bochs(self.domains(self.ENDS[:-1]), CRASH, "ryzen")
        self.task_switch_is_told(console, r"exit code 0x7d info 0x30 0x4000000000")
        self.holes_are_told(console, r"exit code 0x400 info \S+ 0xd0000000")
        self.neighbour_goes_on(console)

    def test_svm_in_qemu(self):  # whose SVM has no exit by task switches
        console = qemu(self.domains(self.ENDS), CRASH)
        self.holes_are_told(console, r"exit code 0x400 info \S+ 0xd0000000")
        self.triple_fault_is_a_reboot(console)
        self.neighbour_goes_on(console)


if __name__ == "__main__":
    unittest.main()
