# SPDX-License-Identifier: Apache-2.0
# Disks whose files fail under the guest: it is told, and goes on. To be run as root of namespaces of
# its own, for users and mounts; block_test.py does.
import os
import subprocess
import unittest

from bed import BedTest

MIB = 1 << 20


class IoErrors(BedTest):
    def setUp(self):
        super().setUp()
        self.small = os.path.join(self.bed.state, "small")
        os.mkdir(self.small)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8M", "tmpfs", self.small], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.small], check=True)

    def image(self, name, form):
        path = os.path.join(self.small, name)
        subprocess.run(["qemu-img", "create", "-q", "-f", form, path, "32M"], check=True)
        return path

    def ask(self, command, answer):
        self.bed.type_into("g", command)
        return self.bed.wait_log("g", answer)

    def boot(self, spec):
        self.bed.create("g", cmdline="console=hvc0 quiet do=disk", disk=[spec])
        self.bed.wait_log("g", "GUEST-UP")
        self.ask("until [ -b /dev/xvda ]; do usleep 50000; done; echo DI''SK", "DISK")

    def fills_up(self, form):
        self.boot(f"format={form},vdev=xvda,target={self.image('disk', form)}")
        self.ask("dd if=/dev/zero of=/dev/xvda bs=64k oflag=direct; echo WRITE=$?=", "WRITE=1=")
        self.assertRegex(self.bed.log("g"), r"I/O error|No space left")
        # What has room is still written, and read.
        self.ask("echo hello | dd of=/dev/xvda conv=sync,fsync 2>/dev/null && sync && echo SM''ALL", "SMALL")
        self.ask("dd if=/dev/xvda bs=512 count=1 iflag=direct 2>/dev/null | head -n 1 | sed s/^/READ=/", "READ=hello")
        self.bed.xl("destroy", "g")

    def test_a_full_disk_under_a_raw_image(self):
        self.fills_up("raw")

    def test_a_full_disk_under_qcow2(self):
        self.fills_up("qcow2")

    def test_a_file_that_is_cut_short(self):
        path = self.image("disk", "raw")
        self.boot(f"{path},raw,xvda,w")
        os.truncate(path, MIB)
        self.ask("dd if=/dev/xvda of=/dev/null bs=64k skip=64 count=4 iflag=direct; echo BEYOND=$?=", "BEYOND=1=")
        self.assertIn("I/O error", self.bed.log("g"))
        self.ask("dd if=/dev/xvda of=/dev/null bs=64k count=4 iflag=direct 2>/dev/null; echo WITHIN=$?=", "WITHIN=0=")
        self.bed.xl("destroy", "g")

    def test_a_server_that_dies(self):
        path = self.image("disk", "qcow2")
        self.boot(f"format=qcow2,vdev=xvda,target={path}")
        self.ask("dd if=/dev/xvda of=/dev/null bs=64k count=4 iflag=direct 2>/dev/null; echo BEFORE=$?=", "BEFORE=0=")
        servers = [p for p in self.bed.processes()
                   if os.path.basename(os.readlink(f"/proc/{p}/exe")) == "qemu-nbd"]
        self.assertEqual(len(servers), 1)
        os.kill(servers[0], 9)
        self.ask("dd if=/dev/xvda of=/dev/null bs=64k skip=8 count=4 iflag=direct; echo AFTER=$?=", "AFTER=1=")
        self.assertIn("I/O error", self.bed.log("g"))
        self.bed.xl("destroy", "g")


if __name__ == "__main__":
    unittest.main()
