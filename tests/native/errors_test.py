# SPDX-License-Identifier: Apache-2.0
# What goes wrong on a real Xen host, in words: each message names the operation, the reason, a remedy.
import os
import shutil
import struct
import unittest

import bed


def with_interface(dom0, name, minor, domctl, sysctl):
    """Our xl with another row for Xen 4.17 in its table of interface versions."""
    ours = struct.pack("<IIII", 4, 17, 0x15, 0x15)
    with open(os.path.join(bed.TOOLS, "xl"), "rb") as f:
        program = f.read()
    if program.count(ours) != 1:
        raise AssertionError(f"the table's row is in xl {program.count(ours)} times")
    path = os.path.join(dom0.share, name)
    with open(path, "wb") as f:
        f.write(program.replace(ours, struct.pack("<IIII", 4, minor, domctl, sysctl)))
    os.chmod(path, 0o755)
    dom0.run(f"cp /share/{name} {bed.OURS}{name} && rm /share/{name}")
    return bed.OURS + name


class ErrorsTest(unittest.TestCase):
    def setUp(self):
        self.dom0 = bed.the_dom0()
        self.addCleanup(bed.destroy_guests)

    def refused(self, command, status, *words):
        """A command that must fail, with these words on standard error and nothing on the other."""
        r = self.dom0.run(command, check=False)
        self.assertEqual((r.status, r.out), (status, ""), r)
        for word in words:
            self.assertIn(word, r.err, r)

    def create_refused(self, name, status, *words, **keys):
        """The same of xl create, which leaves no domain and no node behind."""
        before = bed.domains(), self.nodes()
        self.refused(f"{bed.OURS}xl create {bed.config(name, **keys)}", status, *words)
        self.assertEqual((bed.domains(), self.nodes()), before)

    def nodes(self):
        """The names of xenstore's nodes that belong to domains."""
        return self.dom0.run("for f in /local/domain /vm /libxl /xenpp/building /xenpp/restarting; do "
                             "xenstore-list -p $f 2>/dev/null | cut -d= -f1; done; exit 0").out

    def test_a_version_that_is_not_spoken(self):
        xl = with_interface(self.dom0, "other", 16, 0x15, 0x15)
        self.refused(f"{xl} list", 1, "connect to the hypervisor: Xen 4.17 is not supported, only 4.16 to 4.22",
                     "use the tools that came with it")
        xl = with_interface(self.dom0, "other", 17, 0x14, 0x14)
        self.refused(f"{xl} list", 1, "sysctl_getdomaininfolist: it does not take version 0x14 of its sysctl",
                     "another version needs the tools that came with it")
        xl = with_interface(self.dom0, "other", 17, 0x14, 0x15)
        self.refused(f"{xl} create {bed.config('wrong')}", 3, "domctl_createdomain: while creating the domain: ",
                     "does not take version 0x14 of its domctl interface, as releases of Xen 4.17 do")
        self.assertEqual(bed.domains(), {})

    def test_no_memory(self):
        for kind in ("pvh", "pv"):
            self.create_refused("big", 5, "create domain: not enough memory: memory=100000 MiB takes 100",
                                "free of its 3071 MiB; take less, or free some (xl mem-set Domain-0",
                                memory=100000, type=kind)
        # Two that start together each see room enough.
        both = [self.dom0.start(f"{bed.OURS}xl create -p {bed.config(name, memory=1500)}") for name in ("a", "b")]
        results = [self.dom0.finish(one) for one in both]
        self.assertEqual(sorted(r.status for r in results), [0, 5], results)
        loser = max(results, key=lambda r: r.status)
        self.assertIn("take less", loser.err)
        self.assertEqual(len(bed.domains()), 1)

    def test_a_name_that_is_taken(self):
        bed.create("twice", "-p", by=self.dom0.debian)
        number = bed.domains()["twice"][0]
        self.create_refused("twice", 6, "create domain: ",
                            f'a domain named "twice" exists: it is domain {number}; choose another name, or xl destroy')
        self.refused(f"{bed.OURS}xl rename twice Domain-0", 1, "Can't rename domain 'twice'",
                     'rename domain: a domain named "Domain-0" exists: it is domain 0; choose another name')

    def test_kernels_that_cannot_be_guests(self):
        self.create_refused("kernel", 3, "load kernel: /bin/busybox: the kernel has no PVH entry",
                            "for Linux enable CONFIG_PVH", type="pvh", kernel="/bin/busybox")
        self.create_refused("kernel", 3, "load kernel: /bin/busybox: the kernel has no Xen ELF notes",
                            "for Linux enable CONFIG_XEN_PV", type="pv", kernel="/bin/busybox")
        self.create_refused("kernel", 3, "load kernel: /init: not a kernel: neither a Linux bzImage nor an ELF file",
                            kernel="/init")
        self.create_refused("kernel", 3, "load kernel: /guest/none: No such file", kernel="/guest/none")
        self.create_refused("kernel", 3, 'type "hvm" are not supported yet: type = "pvh" or "pv"', type="hvm")

    def test_a_backend_that_is_no_module(self):
        self.dom0.run("rmmod xen_blkback && dd if=/dev/zero of=/run/disk.img bs=1M count=1 2>/dev/null")
        self.addCleanup(self.dom0.run, "rm /run/disk.img; insmod /modules/xen-blkback.ko")
        self.create_refused("disk", 3, "attach device (domain ", "while opening its devices: vbd 51712",
                            "domain 0's kernel has no backend for it: modprobe xen-blkback",
                            disk=["/run/disk.img,raw,xvda,w"])

    def test_no_xenstored(self):
        for command, status in (("list", 1), (f"create {bed.config('storeless')}", 3)):
            self.refused(f"XENSTORED_PATH=/run/none {bed.OURS}xl {command}", status,
                         "open Xen host: xenstored does not answer at /run/none: is it running? Debian's package "
                         'xen-utils starts it with "service xen start"')

    def test_without_privilege(self):
        self.dom0.run("chmod a+rx /; echo 'user:x:1000:1000::/:/bin/sh' > /etc/passwd")
        for tool, status in (("xl list", 1), ("xentop -b -i 1", 1), (f"xl create {bed.config('user')}", 3)):
            self.refused(f"su user -c '{bed.OURS}{tool}'", status,
                         "open Xen host: /dev/xen/privcmd: only root may manage a Xen host: Permission denied")

    def test_no_device(self):
        self.refused(f"unshare -m sh -c 'mount -t tmpfs none /dev/xen && {bed.OURS}xl list'", 1,
                     "open Xen host: there is no /dev/xen/privcmd: the kernel's module is missing; "
                     "modprobe xen-privcmd")


if __name__ == "__main__":
    unittest.main()
