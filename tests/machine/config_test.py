# SPDX-License-Identifier: Apache-2.0
# Configuration files on a running host: every sample, what keys do to a guest, plan and apply, and
# what xl.conf and xen.cfg say.
import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
import unittest

from bed import KERNEL, PATIENCE, RAMDISK, XL, BedTest

SAMPLES = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../cfg-samples"))

# Memory beyond what a guest started with comes to it as a device, which its kernel is told to use.
ONLINE = "console=hvc0 quiet memhp_default_state=online"


class ConfigTest(BedTest):
    """A bed with a folder of configuration files of its own."""

    def setUp(self):
        super().setUp()
        self.folder = os.path.join(self.bed.state, "etc")
        os.mkdir(self.folder)
        self.bed.env["XENPP_CONFIG_DIR"] = self.folder
        self.write("xl.conf", f'lockfile = "{self.folder}/lock"\n')

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def ask(self, name, command):
        """What a command prints in the guest, in one line."""
        self.asked = getattr(self, "asked", 0) + 1
        self.bed.type_into(name, f"echo answer{self.asked}'' $({command})")
        return self.bed.wait_log(name, rf"answer{self.asked} ([^\r\n]*)")[1].strip()

    def guest(self, name, **keys):
        self.bed.create(name, **keys)
        self.bed.wait_log(name, "GUEST-UP")


class Samples(ConfigTest):
    def setUp(self):
        super().setUp()
        # Their paths are relative to the directory in which the tool is run.
        self.work = os.path.join(self.bed.state, "work")
        shutil.copytree(SAMPLES, self.work)
        os.symlink(KERNEL, os.path.join(self.work, "vmlinuz"))
        os.symlink(RAMDISK, os.path.join(self.work, "initrd.img"))

    def xl_there(self, *args, check=True):
        r = subprocess.run([XL, *args], env=self.bed.env, cwd=self.work, capture_output=True, text=True,
                           timeout=PATIENCE)
        if check:
            self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
        return r

    def run_sample(self, file, name):
        self.assertEqual(self.xl_there("check", file).stdout, f"{file}: no findings\n")
        self.xl_there("create", file)
        self.bed.wait_log(name, "GUEST-UP")

    def pvh_minimal(self, file):
        self.run_sample(file, "minimal")
        self.assertEqual(self.bed.domains()["minimal"][1:3], (128, 1))
        self.bed.xl("destroy", "minimal")

    def smp(self, file):
        self.run_sample(file, "smp")
        self.assertEqual(self.ask("smp", "nproc"), "2")
        self.assertEqual(len(self.bed.xl("vcpu-list", "smp").stdout.splitlines()), 1 + 4)
        self.assertRegex(self.bed.xl("sched-credit2", "-d", "smp").stdout, r"smp +\d+ +512 +150")
        self.bed.xl("destroy", "smp")

    def pvh_full(self, file):
        self.run_sample(file, "full")
        self.assertEqual(self.ask("full", "cat /sys/hypervisor/uuid"), "7d1f4c8e-52b3-4a9d-8f06-3c2b1a0e9d8f")
        self.assertEqual(self.ask("full", "nproc"), "2")
        self.assertIn("root=/dev/ram0 rw console=hvc0 quiet", self.ask("full", "cat /proc/cmdline"))
        self.bed.type_into("full", "echo c >/proc/sysrq-trigger")
        self.bed.wait("it to be kept as it crashed", lambda: "c" in self.bed.domains()["full"][3])
        self.bed.xl("destroy", "full")

    def hvm_passthrough(self, file):
        r = self.xl_there("check", file)
        for key in ("pci", "vnuma", "channel", "vga"):
            self.assertIn(f"`{key}`", r.stdout)
        r = self.xl_there("create", file, check=False)
        self.assertNotEqual(r.returncode, 0)
        self.assertRegex(r.stderr, file + ":[0-9]+:[0-9]+: error: ")

    def xl_conf(self, file):
        """Each key stands in it with its default: creations go on as without."""
        self.assertEqual(self.xl_there("check", file).stdout, f"{file}: no findings\n")
        shutil.copy(os.path.join(SAMPLES, file), self.folder)
        self.run_sample("pvh-minimal.cfg", "minimal")
        self.bed.xl("destroy", "minimal")

    def xen_cfg(self, file):
        """Its default is the small machine, which this test has run on."""
        self.assertEqual(self.xl_there("check", file).stdout, f"{file}: no findings\n")
        self.assertEqual(self.bed.info("nr_cpus"), "2")
        self.assertAlmostEqual(int(self.bed.info("total_memory")), 1024, delta=64)
        self.assertIn("guest_loglvl=all", self.bed.info("xen_commandline"))

    def xlcpupool_cfg(self, file):
        """Run by test_a_pool: this machine has no CPUs 2 and 3, and that is said."""
        self.assertEqual(self.xl_there("check", file).stdout, f"{file}: no findings\n")
        r = self.xl_there("cpupool-create", file, check=False)
        self.assertNotEqual(r.returncode, 0)
        self.assertNotEqual(r.stderr, "")

    def test_each(self):
        shutil.copy(os.path.join(SAMPLES, "xen.cfg"), self.folder)
        runs = {"pvh-minimal.cfg": self.pvh_minimal, "smp.cfg": self.smp, "pvh-full.cfg": self.pvh_full,
                "hvm-passthrough.cfg": self.hvm_passthrough, "xl.conf": self.xl_conf, "xen.cfg": self.xen_cfg,
                "xlcpupool.cfg": self.xlcpupool_cfg}
        self.assertEqual(set(os.listdir(SAMPLES)), set(runs))
        for file, run in runs.items():
            with self.subTest(file):
                run(file)

    def test_a_pool(self):
        self.write("xen.cfg", "options=mem=512M maxcpus=4\n")
        for cpu in ("2", "3"):
            self.bed.xl("cpupool-cpu-remove", "Pool-0", cpu)
        self.xl_there("cpupool-create", "xlcpupool.cfg")
        self.assertRegex(self.bed.xl("cpupool-list", "fast").stdout, r"fast +2 +null +y +0")
        self.guest("one", pool="fast")
        self.assertIn(self.bed.xl("vcpu-list", "--csv", "one").stdout.splitlines()[1].split(",")[3], ("2", "3"))


class Boot(ConfigTest):
    def test_options_of_the_hypervisor(self):
        self.write("xen.cfg", "[global]\ndefault=null\n[other]\noptions=maxcpus=1\n"
                              "[null]\noptions=mem=768M maxcpus=2 sched=null loglvl=all nosuchthing=1\n")
        self.assertRegex(self.bed.xl("cpupool-list").stdout, r"Pool-0 +2 +null")
        self.assertEqual(self.bed.info("xen_scheduler"), "null")
        self.assertEqual(self.bed.info("nr_cpus"), "2")
        self.assertAlmostEqual(int(self.bed.info("total_memory")), 768, delta=64)
        self.guest("one")
        self.assertEqual(self.ask("one", "echo $((6*7))"), "42")
        with open(os.path.join(self.bed.state, "xenppd.log"), encoding="utf-8") as f:
            self.assertIn("nosuchthing", f.read())


class Keys(ConfigTest):
    def test_identity_time_and_limits(self):
        uuid = "00112233-4455-6677-8899-aabbccddeeff"
        self.guest("one", uuid=uuid, rtc_timeoffset=864000, vcpus=1, maxvcpus=2, cpus="1", maxmem=256,
                   cmdline=ONLINE)
        self.assertEqual(self.ask("one", "cat /sys/hypervisor/uuid"), uuid)
        ahead = int(self.ask("one", "date +%s")) - time.time()
        self.assertAlmostEqual(ahead, 864000, delta=300)
        self.assertEqual(self.ask("one", "nproc"), "1")
        rows = self.bed.xl("vcpu-list", "--csv", "one").stdout.splitlines()
        self.assertEqual(len(rows), 3)
        self.assertEqual(rows[1].split(",")[3], "1")
        self.assertEqual(self.bed.domains()["one"][1], 128)  # all of it, and none given back
        self.bed.xl("mem-set", "one", "256m")
        self.bed.wait("it to have as much as it may", lambda: abs(self.bed.domains()["one"][1] - 256) <= 4)
        self.assertNotEqual(self.bed.xl("mem-set", "one", "257m", check=False).returncode, 0)

    def test_a_domain_reboots(self):
        self.guest("one", on_reboot="restart")
        first = self.bed.domains()["one"][0]
        self.bed.xl("reboot", "one")
        self.bed.wait("another domain of the name",
                      lambda: self.bed.domains().get("one", (first,))[0] != first)
        self.bed.wait_log("one", "GUEST-UP")

    def test_cores_of_crashes(self):
        def domid():
            return self.bed.domains().get("victim", (None,))[0]

        for action, is_done in (("coredump-destroy", lambda now, first: now is None),
                                ("coredump-restart", lambda now, first: now not in (None, first))):
            self.guest("victim", on_crash=action)
            first = domid()
            self.bed.type_into("victim", "x=core-of-a; echo $x-guest >/dev/null; echo c >/proc/sysrq-trigger")
            core = os.path.join(self.bed.state, "dumps", "victim")
            self.bed.wait(f"{action} to be done", lambda d=is_done, f=first: d(domid(), f))
            with open(core, "rb") as f:
                data = f.read()
            self.assertEqual(data[:4], b"\x7fELF")
            self.assertIn(b"Linux version", data)
            self.assertIn(b"core-of-a", data)
            os.unlink(core)
        self.bed.wait_log("victim", "GUEST-UP", count=1)


class Plans(ConfigTest):
    def test_plan_and_apply(self):
        self.guest("one", memory=128, maxmem=256, vcpus=2, cmdline=ONLINE)
        path = self.bed.config("one", memory=192, maxmem=256, vcpus=1, maxvcpus=2, cpu_weight=512, cap=50, cpus="1",
                               on_crash="preserve", cmdline=ONLINE, ramdisk="/another")
        said = self.bed.xl("plan", path).stdout
        for key in ("memory", "vcpus", "cpu_weight", "cap", "cpus", "on_crash"):
            self.assertIn(f"{key} (", said)
        self.assertRegex(said, r"one: \d+ to change while it runs, 1 with a reboot")
        r = self.bed.xl("apply", path, check=False)
        self.assertNotEqual(r.returncode, 0)  # the ramdisk is for another life
        self.assertIn("not done: create the domain anew for it", r.stdout)
        self.bed.wait("memory and vCPUs to follow", lambda: (
            abs(self.bed.domains()["one"][1] - 192) <= 4 and self.bed.domains()["one"][2] == 1))
        self.assertRegex(self.bed.xl("sched-credit2", "-d", "one").stdout, r"one +\d+ +512 +50")
        self.assertEqual(self.ask("one", "cat /sys/devices/system/cpu/online"), "0")
        self.assertIn("1", self.bed.xl("vcpu-list", "--csv", "one").stdout.splitlines()[1].split(",")[3])
        said = self.bed.xl("plan", path).stdout
        self.assertIn("one: 0 to change while it runs, 1 with a reboot", said)
        path = self.bed.config("one", memory=192, maxmem=256, vcpus=1, maxvcpus=2, cpu_weight=512, cap=50, cpus="1",
                               on_crash="preserve", cmdline=ONLINE)
        self.assertIn("nothing to change", self.bed.xl("apply", path).stdout)
        # What was stored holds.
        self.bed.type_into("one", "echo c >/proc/sysrq-trigger")
        self.bed.wait("it to be kept as it crashed", lambda: "c" in self.bed.domains()["one"][3])


class XlConf(ConfigTest):
    def test_creations_wait_for_the_lock_file(self):
        path = self.write("lock", "")
        with open(path, "w", encoding="ascii") as held:
            fcntl.lockf(held, fcntl.LOCK_EX)
            self.bed.xl("host", "start")
            creation = subprocess.Popen([XL, "create", self.bed.config("one")], env=self.bed.env)

            def waits():
                self.assertIsNone(creation.poll())
                with open("/proc/locks", encoding="ascii") as f:
                    return re.search(rf"-> POSIX +ADVISORY +WRITE {creation.pid} ", f.read())

            self.bed.wait("the creation to wait for the lock", waits)
            self.assertEqual(self.bed.domains(), {})
        self.assertEqual(creation.wait(timeout=PATIENCE), 0)
        self.assertIn("one", self.bed.domains())

    def test_masks(self):
        def cpu_of(name):
            return self.bed.xl("vcpu-list", "--csv", name).stdout.splitlines()[1].split(",")[3]

        lock = f'lockfile = "{self.folder}/lock"\n'
        self.write("xl.conf", lock + 'vm.hvm.cpumask = "1"\nvm.pv.cpumask = "0"\n')
        for name, kind, cpu in (("one", "pvh", "1"), ("two", "pv", "0")):
            self.guest(name, type=kind)
            self.assertEqual(cpu_of(name), cpu)
        self.write("xl.conf", lock + 'vm.cpumask = "1"\n')
        self.guest("three", type="pv")
        self.assertEqual(cpu_of("three"), "1")
        self.write("xl.conf", lock + 'vm.cpumask = "1"\nvm.hvm.cpumask = "0"\n')
        r = self.bed.xl("create", self.bed.config("four"), check=False)
        self.assertIn("vcpu hard affinity map is empty", r.stderr)
        self.assertNotIn("four", self.bed.domains())

    def test_bridge_and_script(self):
        """In a network namespace of its own, where it may do what it likes."""
        r = subprocess.run(["unshare", "-r", "-n", sys.executable, "-B", __file__, "-v", "InNamespace"],
                           env=dict(os.environ, XENPP_TEST_NAMESPACE="1"), capture_output=True, text=True)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertIn("Ran 1 test", r.stderr)


SCRIPT = """#!/bin/sh
echo "$1 $(xenstore-read "$XENBUS_PATH/bridge")" >> "$(dirname "$0")/calls"
ip link set "$vif" master "$(xenstore-read "$XENBUS_PATH/bridge")"
ip link set "$vif" up
"""


@unittest.skipUnless(os.environ.get("XENPP_TEST_NAMESPACE"), "test_bridge_and_script runs it in a namespace")
class InNamespace(ConfigTest):
    def test_defaults(self):
        for command in ("link set lo up", "link add br7 type bridge", "link set br7 up"):
            subprocess.run(["ip", *command.split()], check=True)
        script = self.write("vif-test", SCRIPT)
        os.chmod(script, 0o755)
        self.write("xl.conf", f'lockfile = "{self.folder}/lock"\nvif.default.bridge = "br7"\n'
                              f'vif.default.script = "{script}"\n')
        self.guest("t", cmdline="console=hvc0 quiet do=net", vif=[""])
        domid = self.bed.domains()["t"][0]
        links = subprocess.run(["ip", "-o", "link", "show", "master", "br7"], capture_output=True, text=True,
                               check=True).stdout
        self.assertIn(f"vif{domid}.0", links)
        with open(os.path.join(self.folder, "calls"), encoding="ascii") as f:
            self.assertEqual(f.read(), "online br7\n")


if __name__ == "__main__":
    unittest.main()
