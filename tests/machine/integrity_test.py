# SPDX-License-Identifier: Apache-2.0
# What a guest wrote is on its disks: fio with verification, then every byte's SHA-256 from the host;
# and files on ext4 through kills of the daemon.
import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import time
import unittest

from bed import PATIENCE, SEED
from debian import DebianTest

SECONDS = int(os.environ.get("XENPP_TEST_FIO_SECONDS", "5"))  # 600 for the full run
KILLS = int(os.environ.get("XENPP_TEST_KILLS", "2"))
MEGABYTES = 64
REGIONS = 4  # each has its own job


def fio_jobs(disks, seed):
    """For each region of each disk a job with sizes, a depth and flushes of its own; one discards too, one
    reads from the start."""
    r = random.Random(seed)
    lines = ["[global]", "ioengine=libaio", "direct=1", "verify=crc32c", "verify_fatal=1", "time_based=1",
             f"runtime={SECONDS}", f"size={MEGABYTES // REGIONS}m", f"randseed={seed}", "group_reporting=1"]
    for disk in disks:
        for n in range(REGIONS):
            largest = r.choice(("8k", "16k", "64k", "256k"))
            lines += [f"[{os.path.basename(disk)}-{n}]", f"filename={disk}", f"offset={n * MEGABYTES // REGIONS}m",
                      f"rw={('randtrimwrite', 'randrw')[n] if n < 2 else r.choice(('randwrite', 'randrw', 'write'))}",
                      f"bsrange={'512' if n else '4k'}-{largest}", f"iodepth={r.randint(1, 32)}",
                      f"fsync={r.randint(8, 64)}", f"verify_backlog={r.randint(64, 512)}"]
    return "\n".join(lines) + "\n"


def sha256(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while part := f.read(1 << 20):
            h.update(part)
    return h.hexdigest()


class Integrity(DebianTest):
    def setUp(self):
        super().setUp()
        random.seed(f"{SEED} {self._testMethodName}")
        print(f"XENPP_TEST_SEED={SEED}")

    def verified(self, queues):
        jobs = os.path.join(self.bed.state, "jobs")
        seed = random.randrange(1 << 30)
        with open(jobs, "w", encoding="ascii") as f:
            f.write(fio_jobs(("/dev/xvdb", "/dev/xvdc"), seed))
        images = {"raw": self.image("b.raw", MEGABYTES), "qcow2": self.image("c.qcow2", MEGABYTES, "qcow2")}
        # The jobs come on a disk, as a tape would have it.
        subprocess.run(["truncate", "-s", "16K", jobs], check=True)
        self.boot("fio", *(f"format={form},vdev=xvd{letter},target={path}" for letter, (form, path) in
                           zip("bc", images.items())), f"{jobs},raw,xvdd,r", vcpus=2,
                  words=f"xen_blkfront.max_queues={queues}")
        self.ask("fio", "echo QUEUES=$(ls /sys/block/xvdb/mq | wc -l)+$(ls /sys/block/xvdc/mq | wc -l)=",
                 rf"QUEUES={queues}\+{queues}=")
        out = self.ask("fio", r"tr -d '\0' </dev/xvdd >/tmp/jobs; fio /tmp/jobs >/tmp/out 2>&1; echo FIO=$?=; "
                       "grep -E 'verify|err=|READ:|WRITE:|TRIM:' /tmp/out; echo FIO-''END",
                       r"FIO=(\d+)=[^`]*?FIO-END", SECONDS + 2 * PATIENCE)
        print(out.group(0))
        self.assertEqual(out.group(1), "0", out.group(0))
        self.assertNotIn("verify:", out.group(0))
        self.assertEqual(len(re.findall("(READ|WRITE|TRIM): bw", out.group(0))), 3)
        sums = dict(self.ask("fio", f"echo SUM{letter}=$(sha256sum </dev/xvd{letter})", rf"SUM({letter})=([0-9a-f]{{64}})")
                    .groups() for letter in "bc")
        self.power_off("fio")
        for letter, (form, path) in zip("bc", images.items()):
            self.assertEqual(sha256(self.raw_of(path, form)), sums[letter], form)
        self.assertNotEqual(sums["b"], sums["c"])

    def test_one_queue(self):
        self.verified(1)

    def test_two_queues(self):
        self.verified(2)

    def files_of(self, image):
        """The numbers of the files on an ext4 image; each must hold what was written into it."""
        out = os.path.join(self.bed.state, "files")
        shutil.rmtree(out, ignore_errors=True)
        os.mkdir(out)
        debugfs = shutil.which("debugfs", path="/sbin:/usr/sbin")
        subprocess.run([debugfs, "-R", f"rdump / {out}", image], capture_output=True, check=True)
        found = set()
        for name in os.listdir(out):
            if name.startswith("f"):
                n = int(name[1:])
                with open(os.path.join(out, name), encoding="ascii") as f:
                    if f.read() == f"{n:08d}\n" * 2000:
                        found.add(n)
        return found

    def test_files_through_kills(self):
        bed = self.bed
        images = {"raw": self.image("b.raw", 64), "qcow2": self.image("c.qcow2", 64, "qcow2")}
        self.boot("files", f"{images['raw']},raw,xvdb,w", f"format=qcow2,vdev=xvdc,target={images['qcow2']}", vcpus=2)
        # A file on each disk is told of once both were synchronized.
        self.ask("files", "for d in b c; do mkfs.ext4 -q /dev/xvd$d; mkdir /mnt/$d; mount /dev/xvd$d /mnt/$d; done; "
                 "echo MOUN''TED", "MOUNTED")
        bed.type_into("files", "i=1; while [ $i -le 300 ]; do for d in b c; do yes $(printf %08d $i) | head -n 2000 | "
                      "dd of=/mnt/$d/f$i bs=64k iflag=fullblock conv=fsync 2>/dev/null || echo FAI''LED; done; "
                      "echo acked $i.; i=$((i+1)); done; echo ALL-''DONE")
        bed.wait_log("files", r"acked 3\.")

        def told():
            return max(int(n) for n in re.findall(r"acked (\d+)\.", bed.log("files")))

        for _ in range(KILLS):
            time.sleep(random.uniform(0, 1.5))
            os.kill(bed.pid("xenppd"), signal.SIGKILL)
            acked = told()
            # As if the guest had been cut off as well: its journal makes it whole.
            copy = os.path.join(bed.state, "copy")
            subprocess.run(["cp", "--sparse=always", images["raw"], copy], check=True)
            e2fsck = shutil.which("e2fsck", path="/sbin:/usr/sbin")
            r = subprocess.run([e2fsck, "-fy", copy], capture_output=True, text=True, check=False)
            self.assertIn(r.returncode, (0, 1), r.stdout)
            r = subprocess.run([e2fsck, "-fn", copy], capture_output=True, text=True, check=False)
            self.assertEqual(r.returncode, 0, r.stdout)
            self.assertEqual(set(range(1, acked + 1)) - self.files_of(copy), set(), "acknowledged, and not on the disk")
            self.assertIn("files", bed.domains())  # starts the daemon again
            bed.wait_log("files", rf"acked {min(acked + 10, 300)}\.")
        bed.wait_log("files", "ALL-DONE")
        self.assertNotIn("FAILED", bed.log("files"))
        self.assertNotRegex(bed.log("files"), r"I/O error|EXT4-fs error")
        self.power_off("files")
        for form, path in images.items():
            self.assertEqual(self.files_of(self.check_file_system(path, form)), set(range(1, 301)))


if __name__ == "__main__":
    unittest.main()
