# SPDX-License-Identifier: Apache-2.0
# The test bed: an embedded host of its own in a fresh state folder, and what a test does with it.
"""One Bed is one embedded host. Time-outs are generous: emulation on a shared machine is slow."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

BUILD = os.path.abspath(os.environ.get("XENPP_BUILD_DIR") or os.path.join(os.path.dirname(__file__), "../../build"))
XL = os.path.join(BUILD, "apps/xl/xl")
KERNEL = os.path.join(BUILD, "guest/vmlinuz")
RAMDISK = os.path.join(BUILD, "guest/ramdisk")
PROGRAMS = os.path.join(BUILD, "tests/machine")
PATIENCE = float(os.environ.get("XENPP_TEST_PATIENCE", "300"))  # seconds for a guest to do anything
SEED = int(os.environ.get("XENPP_TEST_SEED", str(time.time_ns() % 1000000)))  # of what is left to chance


class Bed:
    """An embedded host that belongs to one test and leaves nothing behind."""

    def __init__(self, **xen_options):
        self.state = tempfile.mkdtemp(prefix="xenpp-test.")
        self.env = dict(os.environ, XENPP_STATE_DIR=self.state)
        self.env.update({k: str(v) for k, v in xen_options.items()})

    def close(self):
        """Stops the host; the processes that it left, which are killed, also where it does not stop."""
        try:
            subprocess.run([XL, "host", "stop", "-f"], env=self.env, capture_output=True, timeout=PATIENCE)
        finally:
            left = self.processes()
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if not os.environ.get("XENPP_TEST_KEEP"):
                shutil.rmtree(self.state, ignore_errors=True)
        return left

    def xl(self, *args, check=True, timeout=None, text_in=None):
        r = subprocess.run([XL, *map(str, args)], env=self.env, capture_output=True, text=True,
                           input=text_in, timeout=timeout or PATIENCE)
        if check and r.returncode != 0:
            raise AssertionError(f"xl {' '.join(map(str, args))}: exit {r.returncode}\n{r.stdout}{r.stderr}")
        return r

    def config(self, name, **keys):
        """Writes NAME.cfg with the stock guest's defaults; keys override, None leaves one out."""
        values = dict(name=name, type="pvh", kernel=KERNEL, ramdisk=RAMDISK, memory=128, vcpus=1,
                      cmdline="console=hvc0 quiet")
        values.update(keys)
        path = os.path.join(self.state, name + ".cfg")
        with open(path, "w", encoding="utf-8") as f:
            for key, value in values.items():
                if isinstance(value, list):
                    f.write(f"{key} = [ " + ", ".join(f'"{v}"' for v in value) + " ]\n")
                elif value is not None:
                    f.write(f'{key} = {value}\n' if isinstance(value, int) else f'{key} = "{value}"\n')
        return path

    def ramdisk_with(self, program):
        """The stock guest's ramdisk, with one of the programs for guests (tests/machine/*/*.cpp) in its root."""
        path = os.path.join(self.state, "ramdisk-" + program)
        more = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], input=program.encode(), cwd=PROGRAMS,
                              stdout=subprocess.PIPE, check=True).stdout
        with open(RAMDISK, "rb") as stock, open(path, "wb") as both:  # behind a ramdisk, more of it
            content = stock.read()
            both.write(content + b"\0" * (-len(content) % 4) + more)
        return path

    def create(self, name, *options, **keys):
        return self.xl("create", *options, self.config(name, **keys))

    def log(self, name):
        try:
            with open(os.path.join(self.state, "consoles", name + ".log"), errors="replace",
                      encoding="utf-8") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def wait_log(self, name, pattern, seconds=None, count=1, every=0.1):
        """Waits until the guest's console has shown `pattern` `count` times; the last match."""
        end = time.monotonic() + (seconds or PATIENCE)
        while True:
            found = list(re.finditer(pattern, self.log(name)))
            if len(found) >= count:
                return found[count - 1]
            if time.monotonic() > end:
                raise AssertionError(f"{name} did not show {pattern!r}; its console ends:\n" +
                                     self.log(name)[-3000:] + "\nthe hypervisor:\n" + self.dmesg_tail())
            time.sleep(every)

    def dmesg_tail(self):
        try:
            with open(os.path.join(self.state, "console.log"), errors="replace", encoding="utf-8") as f:
                return f.read()[-2000:]
        except FileNotFoundError:
            return "(no console.log)"

    def domains(self):
        """xl list as {name: (domid, MiB, vcpus, state)}, without domain 0."""
        rows = {}
        for line in self.xl("list").stdout.splitlines()[1:]:
            name, domid, mem, vcpus, state, _ = line.split()
            if domid != "0":
                rows[name] = (int(domid), int(mem), int(vcpus), state)
        return rows

    def info(self, field):
        return self.xl("info", field).stdout.strip()

    def wait(self, what, condition, seconds=None):
        end = time.monotonic() + (seconds or PATIENCE)
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"waited in vain: {what}\n{self.xl('list', check=False).stdout}\n" +
                                     self.dmesg_tail())
            time.sleep(0.1)

    def wait_gone(self):
        """Until no guest is left; xl shutdown -w returns when one has shut down."""
        self.wait("every guest to be gone", lambda: self.domains() == {})

    def type_into(self, name, text):
        """Types a line into the guest's console, as a person at xl console would."""
        tty = self.xl("console", "--path", name).stdout.strip()
        with open(tty, "w", encoding="utf-8") as f:
            f.write(text + "\r")

    def pid(self, which):
        with open(os.path.join(self.state, which + ".pid"), encoding="ascii") as f:
            return int(f.read().split()[0])

    def held(self):
        """What the daemon holds now: files, KiB of memory; and the hypervisor: MiB that are free."""
        pid = self.pid("xenppd")
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            memory = int(re.search(r"VmRSS:\s+(\d+) kB", f.read()).group(1))
        return len(os.listdir(f"/proc/{pid}/fd")), memory, int(self.info("free_memory"))

    def assert_still_held(self, before, rounds):
        """Not more than before so many rounds of something: a leak shows in each. Connections of the user-mode
        network stay for most of a minute after their end, with their buffers."""
        now = []

        def is_same():
            now[:] = self.held()
            return now[0] <= before[0] and now[1] <= before[1] + 1024 + 4 * rounds and now[2] >= before[2]

        try:
            self.wait("the daemon to give back what it held", is_same)
        except AssertionError as e:
            raise AssertionError(f"{e}: files, KiB and free MiB were {before}, and are {now} after {rounds} rounds") from e

    def processes(self, folder=None):
        """The pids of every process whose state folder is this bed's, or in `folder`."""
        variable = f"XENPP_STATE_DIR={folder}/" if folder else f"XENPP_STATE_DIR={self.state}\0"
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit() and int(entry) != os.getpid():
                try:
                    with open(f"/proc/{entry}/environ", "rb") as f:
                        mine = b"\0" + variable.encode() in b"\0" + f.read()
                except OSError:
                    continue
                if mine:
                    found.append(int(entry))
        return found

    def store(self, *command, check=True):
        """Runs one of Debian's xenstore tools against the host's xenstore socket."""
        env = dict(self.env, XENSTORED_PATH=os.path.join(self.state, "xenstored.socket"))
        r = subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE)
        if check and r.returncode != 0:
            raise AssertionError(f"{command}: exit {r.returncode}\n{r.stderr}")
        return r.stdout


class BedTest(unittest.TestCase):
    """A test with a bed of its own."""

    def setUp(self):
        self.bed = Bed()
        self.addCleanup(self._close)

    def _close(self):
        left = self.bed.close()
        self.assertEqual(left, [], "processes outlived `xl host stop`")
