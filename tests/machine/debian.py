# SPDX-License-Identifier: Apache-2.0
# A whole Debian as the guest: its own kernel and initramfs, systemd, an ext4 root on a disk.
import os
import shutil
import subprocess

from bed import BUILD, Bed, BedTest

FOLDER = os.path.join(BUILD, "guest/debian")
ROOT = os.path.join(FOLDER, "root.img")
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/debian")
PROMPT = r"root@debian:~# "


def run(*command):
    subprocess.run(command, check=True, capture_output=True)


class DebianTest(BedTest):
    """Each test has a host with memory for two such guests."""

    @classmethod
    def setUpClass(cls):
        if not os.path.exists(ROOT):
            subprocess.run([SCRIPT], check=True)

    def setUp(self):
        self.bed = Bed(XENPP_MEMORY_MIB=2048)
        self.addCleanup(self._close)

    def image(self, name, megabytes, form="raw"):
        path = os.path.join(self.bed.state, name)
        run("qemu-img", "create", "-q", "-f", form, path, f"{megabytes}M")
        return path

    def root_copy(self, name, form):
        """A root file system of the guest's own; a qcow2 one keeps what differs from the first."""
        path = os.path.join(self.bed.state, f"{name}.{form}")
        if form == "raw":
            run("cp", "--sparse=always", ROOT, path)
        else:
            run("qemu-img", "create", "-q", "-f", form, "-F", "raw", "-b", os.path.abspath(ROOT), path)
        return path

    def boot(self, name, *disks, form="qcow2", words="", **keys):
        """Boots to a login and logs in; the path of its root's image."""
        path = self.root_copy(name, form)
        values = dict(type="pv", kernel=os.path.join(FOLDER, "vmlinuz"), ramdisk=os.path.join(FOLDER, "initrd"),
                      memory=512, cmdline="console=hvc0 quiet root=/dev/xvda rw " + words)
        values.update(keys)
        self.bed.create(name, disk=[f"format={form},vdev=xvda,target={path}", *disks], **values)
        self.bed.wait_log(name, r"debian login: ")
        self.bed.type_into(name, "root")
        self.bed.wait_log(name, PROMPT)
        # What is typed is not to be wrapped.
        self.ask(name, "stty cols 2000; echo RE''ADY", "READY")
        return path

    def ask(self, name, command, answer, seconds=None):
        """Types a command whose output matches `answer`; the typed line itself must not."""
        self.bed.type_into(name, command)
        return self.bed.wait_log(name, answer, seconds)

    def power_off(self, name):
        self.bed.type_into(name, "systemctl poweroff")
        self.bed.wait(f"{name} to be gone", lambda: name not in self.bed.domains())

    def raw_of(self, path, form):
        if form == "raw":
            return path
        raw = path + ".raw"
        # Our server may still be closing the image.
        self.bed.wait(f"the image {path}", lambda: subprocess.run(
            ["qemu-img", "convert", "-f", form, "-O", "raw", path, raw], capture_output=True,
            check=False).returncode == 0)
        return raw

    def check_file_system(self, path, form):
        """fsck has nothing to say; the raw image."""
        raw = self.raw_of(path, form)
        r = subprocess.run([shutil.which("e2fsck", path="/sbin:/usr/sbin:/bin:/usr/bin"), "-fn", raw],
                           capture_output=True, text=True, check=False)
        self.assertEqual(r.returncode, 0, r.stdout)
        return raw
