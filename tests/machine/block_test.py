# SPDX-License-Identifier: Apache-2.0
# Disks: root file systems on them, hot attach, kills of the daemon, images that cannot be had.
import glob
import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from bed import XL, BedTest

ROUNDS = int(os.environ.get("XENPP_TEST_ATTACHES", "6"))  # 200 for the full run
KILLS = int(os.environ.get("XENPP_TEST_KILLS", "4"))
MIB = 1 << 20

# What the guest's root file system does first; a shell on the console follows.
START = """#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
echo "ROOT-UP $(cut -d' ' -f1-3 /proc/mounts | grep ' / ' | tail -n 1) type=$(cat /sys/hypervisor/type)"
"""
INITTAB = """::sysinit:/etc/start
hvc0::respawn:-/bin/sh
::shutdown:/bin/umount -a -r
::ctrlaltdel:/sbin/reboot
"""
APPLETS = ("sh mount umount echo cat cut grep sync dd cmp ls sleep poweroff sha256sum test seq rm tail "
           "blockdev usleep head od tr wc reboot").split()


def run(*command):
    subprocess.run(command, check=True, capture_output=True)


class Disks(BedTest):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="xenpp-disks.")
        tree = os.path.join(cls.folder, "tree")
        for d in "bin sbin etc proc sys dev tmp mnt".split():
            os.makedirs(os.path.join(tree, d))
        shutil.copy(shutil.which("busybox"), os.path.join(tree, "bin/busybox"))
        for a in APPLETS:
            os.symlink("busybox", os.path.join(tree, "bin", a))
        os.symlink("../bin/busybox", os.path.join(tree, "sbin/init"))
        for name, text in (("etc/start", START), ("etc/inittab", INITTAB)):
            with open(os.path.join(tree, name), "w", encoding="ascii") as f:
                f.write(text)
        os.chmod(os.path.join(tree, "etc/start"), 0o755)
        cls.root = os.path.join(cls.folder, "root.img")
        run("mke2fs", "-q", "-t", "ext4", "-d", tree, cls.root, "48M")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def image(self, name, megabytes=16, form="raw"):
        path = os.path.join(self.bed.state, name)
        run("qemu-img", "create", "-q", "-f", form, path, f"{megabytes}M")
        return path

    def root_copy(self, form="raw"):
        path = os.path.join(self.bed.state, "root." + form)
        run("qemu-img", "convert", "-O", form, self.root, path)
        return path

    def boot(self, name, spec, **keys):
        self.bed.create(name, cmdline="console=hvc0 quiet root=/dev/xvda rw", disk=[spec], **keys)
        return self.bed.wait_log(name, r"ROOT-UP (.*)").group(1)

    def ask(self, name, command, answer):
        """Types a command whose output matches `answer`; the typed line itself must not."""
        self.bed.type_into(name, command)
        return self.bed.wait_log(name, answer)

    def check_file_system(self, path, form):
        raw = path
        if form != "raw":
            raw = path + ".raw"
            run("qemu-img", "convert", "-O", "raw", path, raw)
        r = subprocess.run(["e2fsck", "-fn", raw], capture_output=True, text=True, check=False)
        self.assertEqual(r.returncode, 0, r.stdout)
        return raw

    def root_on(self, kind, form):
        path = self.root_copy(form)
        mount = self.boot("rooted", f"format={form},vdev=xvda,access=rw,target={path}", type=kind)
        self.assertRegex(mount, r"/dev/(root|xvda) / ext4 type=xen")
        self.ask("rooted", "seq 1 100000 >/tmp/n; sync; echo SUM $(sha256sum </tmp/n)", r"SUM [0-9a-f]{64}")
        self.bed.type_into("rooted", "poweroff")
        self.bed.wait_gone()
        raw = self.check_file_system(path, form)
        written = subprocess.run(["debugfs", "-R", "cat /tmp/n", raw], capture_output=True, check=True).stdout
        expected = "".join(f"{n}\n" for n in range(1, 100001)).encode()
        self.assertEqual(hashlib.sha256(written).digest(), hashlib.sha256(expected).digest())

    def test_root_on_a_raw_file_as_pvh(self):
        self.root_on("pvh", "raw")

    def test_root_on_qcow2_as_pv(self):
        self.root_on("pv", "qcow2")

    def test_a_domain_reboots_with_its_devices(self):
        for form in ("raw", "qcow2"):
            path = self.root_copy(form)
            self.boot("rooted", f"format={form},vdev=xvda,access=rw,target={path}", on_reboot="restart",
                      vif=["network=user"])
            first = self.bed.domains()["rooted"][0]
            self.bed.type_into("rooted", "echo kept >/tmp/kept; reboot")
            self.bed.wait("another domain of the name",
                          lambda: self.bed.domains().get("rooted", (first,))[0] not in (first, None))
            self.bed.wait_log("rooted", r"ROOT-UP")
            self.ask("rooted", "echo it-is-$(cat /tmp/kept)", r"it-is-kept")
            self.bed.type_into("rooted", "poweroff")
            self.bed.wait_gone()
            self.check_file_system(path, form)

    def test_kill_9_of_the_daemon_amid_writes(self):
        bed = self.bed
        path = self.image("data.img")
        bed.create("writer", cmdline="console=hvc0 quiet do=disk", disk=[f"{path},raw,xvda,w"])
        bed.wait_log("writer", "GUEST-UP")
        # Each block bears its number, and is told of once the disk has acknowledged it.
        bed.type_into("writer", "i=0; while [ $i -lt 2000 ]; do printf '%08d' $i | "
                      "dd of=/dev/xvda bs=512 seek=$i conv=notrunc,sync oflag=direct 2>/dev/null && "
                      "echo \"acked $i\"; i=$((i+1)); done; echo ALL-\"DONE\"")
        bed.wait_log("writer", r"acked 3\b")
        random.seed(5)
        told = 0
        for _ in range(KILLS):
            time.sleep(random.uniform(0, 0.5))
            os.kill(bed.pid("xenppd"), signal.SIGKILL)
            told = max([int(n) for n in re.findall(r"acked (\d+)", bed.log("writer"))])
            with open(path, "rb") as f:
                for n in range(told + 1):
                    self.assertEqual(f.read(512)[:8], b"%08d" % n, "an acknowledged write is not on the disk")
            self.assertIn("writer", bed.domains())  # starts the daemon again
            bed.wait_log("writer", rf"acked {told + 20}\b|ALL-DONE")
        self.assertEqual(bed.log("writer").count("I/O error"), 0)
        bed.xl("destroy", "writer")

    def test_attach_and_detach_under_io(self):
        bed = self.bed
        first, second = self.image("first.img"), self.image("second.qcow2", form="qcow2")
        bed.create("host", cmdline="console=hvc0 quiet do=disk", disk=[f"{first},raw,xvda,w"])
        bed.wait_log("host", "GUEST-UP")
        bed.type_into("host", "(while dd if=/dev/xvda of=/dev/null bs=64k 2>/dev/null; do :; done) &")
        bed.wait("the disk to be connected", lambda: "xvda" in bed.store("xenstore-ls", "/local/domain/0/backend"))
        for n in range(ROUNDS):
            bed.xl("block-attach", "host", f"format=qcow2,vdev=xvdb,target={second}")
            self.ask("host", "until [ -b /dev/xvdb ]; do usleep 50000; done; dd if=/dev/zero of=/dev/xvdb bs=4k "
                     f"count=16 oflag=direct 2>/dev/null; echo WROTE-\"{n}\"", rf"WROTE-{n}\b")
            listed = bed.xl("block-list", "host").stdout.splitlines()
            self.assertEqual(len(listed), 3, listed)
            bed.xl("block-detach", "host", "xvdb")
            self.ask("host", f"while [ -b /dev/xvdb ]; do usleep 50000; done; echo GONE-\"{n}\"", rf"GONE-{n}\b")
            if n == 0:
                held = bed.held()
        bed.assert_still_held(held, ROUNDS)
        self.assertEqual(len(bed.xl("block-list", "host").stdout.splitlines()), 2)
        self.assertNotIn("51728", bed.store("xenstore-ls", "/"))
        self.assertEqual(os.listdir(os.path.join(bed.state, "devices")), [f"vbd-{bed.domains()['host'][0]}-51712"])
        bed.xl("destroy", "host")
        self.assertEqual(os.listdir(os.path.join(bed.state, "devices")), [])

    def test_detach_while_busy(self):
        """Linux lets go of a disk even while it is open; a guest that cannot answer does not."""
        bed = self.bed
        bed.create("busy", cmdline="console=hvc0 quiet do=disk", disk=[f"{self.image('b.img')},raw,xvda,w"])
        bed.wait_log("busy", "GUEST-UP")
        self.ask("busy", "until [ -b /dev/xvda ]; do usleep 50000; done; echo DI''SK", "DISK")
        bed.xl("pause", "busy")
        r = bed.xl("block-detach", "busy", "xvda", check=False)
        self.assertNotEqual(r.returncode, 0)
        self.assertRegex(r.stderr, "has not let go of it within \\d+ s.*force it")
        self.assertEqual(len(bed.xl("block-list", "busy").stdout.splitlines()), 2)
        # The guest is asked still: it lets go once it can.
        bed.xl("unpause", "busy")
        bed.wait("the disk to be closed", lambda: bed.xl("block-list", "busy").stdout.splitlines()[1].split()[3] == "6")
        bed.xl("block-detach", "busy", "xvda")
        self.ask("busy", "while [ -b /dev/xvda ]; do usleep 50000; done; echo LET''GO", "LETGO")
        self.assertEqual(len(bed.xl("block-list", "busy").stdout.splitlines()), 1)
        bed.xl("destroy", "busy")

    def test_io_errors(self):
        """In namespaces of its own, where it may mount small file systems."""
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "io_errors.py")
        r = subprocess.run(["unshare", "-r", "-m", sys.executable, "-B", script, "-v"], capture_output=True,
                           text=True, check=False)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertRegex(r.stderr, r"Ran 4 tests.*\n\nOK\n")

    def test_formats_of_qemu_and_an_nbd_server(self):
        bed = self.bed
        images = {form: self.image("disk." + form, form=form) for form in ("vmdk", "vpc", "raw")}
        socket = os.path.join(bed.state, "nbd.socket")
        server = subprocess.Popen(["qemu-nbd", "-t", "-f", "raw", "-k", socket, images["raw"]])
        folders = set(glob.glob("/tmp/libnbd*"))
        try:
            bed.wait("the server", lambda: os.path.exists(socket))
            bed.create("formats", cmdline="console=hvc0 quiet do=disk",
                       disk=[f"format=vmdk,vdev=xvda,target={images['vmdk']}",
                             f"format=vhd,vdev=xvdb,target={images['vpc']}",
                             f"vdev=xvdc,target=nbd+unix:///?socket={socket}"])
            bed.wait_log("formats", "GUEST-UP")
            for letter in "abc":
                self.ask("formats", f"until [ -b /dev/xvd{letter} ]; do usleep 50000; done; echo 'hello {letter}' | "
                         f"dd of=/dev/xvd{letter} conv=sync,fsync 2>/dev/null; echo WROTE-\"{letter}\"",
                         f"WROTE-{letter}")
            # Nothing that a killed daemon would leave.
            self.assertLessEqual(set(glob.glob("/tmp/libnbd*")), folders)
            bed.xl("destroy", "formats")
        finally:
            server.terminate()
            server.wait()
        for letter, form in zip("abc", images):
            raw = images[form] + ".read"
            # Our own server may still be closing the image.
            bed.wait(f"the {form} image", lambda: subprocess.run(
                ["qemu-img", "convert", "-f", form, "-O", "raw", images[form], raw],
                capture_output=True, check=False).returncode == 0)
            with open(raw, "rb") as f:
                self.assertEqual(f.read(8), f"hello {letter}\n".encode())

    @unittest.skipUnless(os.geteuid() == 0 and os.path.exists("/dev/loop-control"), "makes a loop device")
    def test_root_on_a_block_device(self):
        path = self.root_copy()
        device = subprocess.run(["losetup", "--show", "-f", path], capture_output=True, text=True,
                                check=True).stdout.strip()
        try:
            mount = self.boot("rooted", f"phy:{device},xvda,w", vcpus=2)
            self.assertRegex(mount, r"/dev/(root|xvda) / ext4 type=xen")
            self.ask("rooted", "seq 1 100000 >/tmp/n; sync; echo SUM $(sha256sum </tmp/n)", r"SUM [0-9a-f]{64}")
            # Nobody else may have it meanwhile, under whichever name.
            r = self.bed.xl("create", self.bed.config("thief", disk=[f"phy:{device},xvda,w"]), check=False)
            self.assertNotEqual(r.returncode, 0)
            self.bed.type_into("rooted", "poweroff")
            self.bed.wait_gone()
        finally:
            run("losetup", "-d", device)
        raw = self.check_file_system(path, "raw")
        written = subprocess.run(["debugfs", "-R", "cat /tmp/n", raw], capture_output=True, check=True).stdout
        self.assertEqual(written, "".join(f"{n}\n" for n in range(1, 100001)).encode())

    def test_images_that_cannot_be_had(self):
        bed = self.bed
        path = self.image("one.img")

        def refused(spec, words, name="other"):
            r = bed.xl("create", bed.config(name, cmdline="console=hvc0 quiet do=disk", disk=[spec]), check=False)
            self.assertNotEqual(r.returncode, 0)
            self.assertRegex(r.stderr, words)
            self.assertNotIn(name, bed.domains())

        # A daemon that may not read everything, also where the test is root's.
        drop = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.getuid() == 0 else []
        run(*drop, "env", f"XENPP_STATE_DIR={bed.state}", XL, "list")
        os.chmod(path, 0)
        refused(f"{path},raw,xvda,w", "one.img.*[Pp]ermission")
        refused(f"{path},qcow2,xvda,w", "one.img.*[Pp]ermission")
        os.chmod(path, 0o600)
        refused("/no/such.img,raw,xvda,w", "/no/such.img.*[Nn]o such file")
        refused(f"{bed.state},raw,xvda,w", "neither|directory")
        with open(os.path.join(bed.state, "bad.qcow2"), "wb") as f:
            f.write(b"no qcow2" * 1000)
        refused(f"{bed.state}/bad.qcow2,qcow2,xvda,w", "qcow2 format")
        refused("x,raw,xvda,q", r"other.cfg:\d+:\d+: error: .*access")
        refused("x,raw,xvda,w,colo", "COLO")
        bed.create("owner", cmdline="console=hvc0 quiet do=disk", disk=[f"{path},raw,xvda,w"])
        refused(f"{path},raw,xvda,w", "writes to it")
        refused(f"format=qcow2,vdev=xvda,target={self.image('two.qcow2', form='qcow2')},access=rx", "access")
        r = bed.xl("block-attach", "owner", f"{path},raw,xvda,r", check=False)
        self.assertIn("there already", r.stderr)
        bed.xl("destroy", "owner")
        self.assertEqual(os.listdir(os.path.join(bed.state, "devices")), [])


if __name__ == "__main__":
    unittest.main()
