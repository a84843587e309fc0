# SPDX-License-Identifier: Apache-2.0
# The test bed: Debian's Xen 4.17 with a Linux domain 0 in QEMU, and what a test does in it.
"""One Dom0 is one machine. Commands run in its domain 0; files go through a shared folder."""

import atexit
import itertools
import os
import re
import shlex
import shutil
import socket
import subprocess
import tempfile
import time

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
BUILD = os.path.abspath(os.environ.get("XENPP_BUILD_DIR") or os.path.join(SOURCE, "build"))
NATIVE = os.path.join(BUILD, "native")
GUEST = os.path.join(BUILD, "guest")
TOOLS = os.path.join(BUILD, "apps/static")
CPU = "max,-smap,-rdtscp,-avx,-avx2,-xsave,-fma,-f16c"
PATIENCE = float(os.environ.get("XENPP_TEST_PATIENCE", "300"))  # seconds for anything to happen
SEED = int(os.environ.get("XENPP_TEST_SEED", str(time.time_ns() % 1000000)))  # of what is left to chance

DEBIAN = "/usr/lib/xen-4.17/bin/"  # Debian's tools
OURS = "/xenpp/"  # ours


class Result:
    """What a command left: its status, output and messages."""

    def __init__(self, command, status, out, err):
        self.command, self.status, self.out, self.err = command, status, out, err

    def __str__(self):
        return f"{self.command}: exit {self.status}\n{self.out}{self.err}"


class Dom0:
    """A machine that belongs to one test run and leaves nothing behind."""

    def __init__(self, memory=3072, dom0_memory=768, cpus=3, xen_options=""):
        self.folder = tempfile.mkdtemp(prefix="xenpp-native.")
        self.share = os.path.join(self.folder, "share")
        os.mkdir(self.share)
        self.numbers = itertools.count(1)
        self.answers = {}
        self.received = b""
        os.mkdir(os.path.join(self.share, "bin"))
        for program in ("xl", "xentop", "xenppd"):
            shutil.copy(os.path.join(TOOLS, program), os.path.join(self.share, "bin"))
        for name in ("vmlinuz", "ramdisk"):
            shutil.copy(os.path.join(GUEST, name), self.share)
        self.put("prepare", "#!/bin/sh\nmkdir -p /xenpp /guest\ncp /share/bin/* /xenpp/\n"
                 "cp /share/vmlinuz /share/ramdisk /guest/\n", mode=0o755)
        line = os.path.join(self.folder, "line")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(line)
        listener.listen(1)
        console = open(os.path.join(self.folder, "console"), "wb")
        # Traps of QEMU 7.2's translator: SMAP and RDTSCP do not work under Xen, and registers of AVX
        # are now and then lost between domains (programs die of it in their string functions). A PVH
        # guest on the first CPU may lose nested paging (docs/architecture.md): `config` keeps off it.
        self.qemu = subprocess.Popen(
            ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", CPU,
             "-smp", str(cpus), "-m", str(memory), "-display", "none", "-monitor", "none", "-no-reboot", "-nic", "none",
             "-kernel", os.path.join(NATIVE, "xen"),
             "-append", f"console=com1 com1=115200 dom0_mem={dom0_memory}M,max:{dom0_memory}M "
                        f"loglvl=all guest_loglvl=all {xen_options}",
             "-initrd", f"{NATIVE}/vmlinuz console=hvc0 loglevel=4,{NATIVE}/ramdisk",
             "-serial", "stdio", "-serial", f"unix:{line}",
             "-virtfs", f"local,path={self.share},mount_tag=share,security_model=none,multidevs=remap"],
            stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT)
        console.close()
        listener.settimeout(PATIENCE)
        self.line, _ = listener.accept()
        listener.close()
        self._wait_for("up")

    def close(self):
        self.qemu.kill()
        self.qemu.wait()
        self.line.close()
        if not os.environ.get("XENPP_TEST_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def put(self, name, text, mode=0o644):
        """Writes a file into the folder that domain 0 has as /share."""
        path = os.path.join(self.share, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
        return "/share/" + name

    def put_whole_daemon(self):
        """xenppd with its libraries, and qemu-nbd, which the static one can do without; its path."""
        outside = os.path.join(self.share, "whole")
        inside = "/run/whole"
        programs = {"xenppd": os.path.join(BUILD, "apps/xenppd/xenppd"), "qemu-nbd": shutil.which("qemu-nbd")}
        os.makedirs(os.path.join(outside, "lib"))
        for name, path in programs.items():
            shutil.copy(path, os.path.join(outside, name + ".bin"))
            self.put(f"whole/{name}", f"#!/bin/sh\nPATH={inside}:$PATH exec /lib64/ld-linux-x86-64.so.2 --library-path "
                     f'{inside}/lib {inside}/{name}.bin "$@"\n', mode=0o755)
            for line in subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout.splitlines():
                if "=> /" in line:
                    shutil.copy(line.split()[2], os.path.join(outside, "lib"))
        self.run(f"cp -r /share/whole {inside}")
        return f"{inside}/xenppd"

    def console(self):
        """What Xen and domain 0 wrote."""
        with open(os.path.join(self.folder, "console"), errors="replace", encoding="utf-8") as f:
            return f.read()

    def _wait_for(self, name):
        end = time.monotonic() + PATIENCE
        while name not in self.answers:
            self.line.settimeout(max(0.01, end - time.monotonic()))
            try:
                got = self.line.recv(4096)
            except TimeoutError:
                got = b""
            if not got:
                raise AssertionError(f"domain 0 does not answer; its console ends:\n{self.console()[-4000:]}")
            self.received += got
            *lines, self.received = self.received.split(b"\n")
            for line in lines:
                key, status = line.decode().split()
                self.answers[key] = int(status)
        return self.answers.pop(name)

    def start(self, command):
        """Starts a shell command; `finish` has what came of it."""
        name = f"c{next(self.numbers)}"
        self.put(name + ".sh", command + "\n")
        self.line.sendall(name.encode() + b"\n")
        return name, command

    def finish(self, started):
        name, command = started
        status = self._wait_for(name)
        texts = []
        for kind in ("out", "err", "sh"):
            path = os.path.join(self.share, f"{name}.{kind}")
            with open(path, errors="replace", encoding="utf-8") as f:
                texts.append(f.read())
            os.unlink(path)
        return Result(command, status, texts[0], texts[1])

    def run(self, command, check=True):
        """Runs a shell command in domain 0."""
        r = self.finish(self.start(command))
        if check and r.status != 0:
            raise AssertionError(f"{r}\nXen's console ends:\n{self.console()[-2000:]}")
        return r

    def debian(self, *words, check=True):
        """Runs Debian's xl."""
        return self.run(shlex.join([DEBIAN + "xl", *map(str, words)]), check)

    def ours(self, *words, check=True):
        """Runs our xl."""
        return self.run(shlex.join([OURS + "xl", *map(str, words)]), check)

    def wait(self, what, condition):
        end = time.monotonic() + PATIENCE
        while not (found := condition()):
            if time.monotonic() > end:
                raise AssertionError(f"waited in vain: {what}\n{self.debian('list', check=False)}\n"
                                     f"Xen's console ends:\n{self.console()[-2000:]}")
            time.sleep(0.2)
        return found


# --- one machine for all tests of a run ---

_dom0 = None


def the_dom0():
    """The machine of this run, started when first asked for."""
    global _dom0
    if _dom0 is None:
        _dom0 = Dom0()
        atexit.register(_dom0.close)
    return _dom0


def scaled(short, whole):
    """How often: in the short form of scripts/check, and in the whole one."""
    return whole if os.environ.get("XENPP_NATIVE") == "whole" else short


def config(name, **keys):
    """Writes NAME.cfg with the stock guest's defaults; keys override, None leaves one out."""
    values = dict(name=name, type="pvh", kernel="/guest/vmlinuz", ramdisk="/guest/ramdisk", memory=128,
                  vcpus=1, cmdline="console=hvc0 quiet")
    values.update(keys)
    if values["type"] == "pvh":
        values.setdefault("cpus", "1-2")
    text = "".join(f"{k} = {v!r}\n" if isinstance(v, (int, list)) else f'{k} = "{v}"\n'
                   for k, v in values.items() if v is not None)
    return the_dom0().put(f"{name}.cfg", text)


def create(name, *options, by, **keys):
    """Creates a stock guest with one of the two xl."""
    the_dom0().run(f"rm -f {log_of(name)}")
    return by("create", *options, config(name, **keys))


def domains():
    """Debian's xl list as {name: (domid, MiB, vcpus, state)}, without domain 0."""
    found = {}
    for line in the_dom0().debian("list").out.splitlines()[1:]:
        name, domid, memory, vcpus, state, _ = line.split()
        if domid != "0":
            found[name] = (domid, memory, vcpus, state)
    return found


def destroy_guests():
    for name in domains():
        the_dom0().debian("destroy", name, check=False)


def log_of(name):
    return f"/var/log/xen/console/guest-{shlex.quote(name)}.log"


def console(name):
    """What xenconsoled logged of a guest."""
    return the_dom0().run(f"cat {log_of(name)}", check=False).out


def wait_console(name, pattern, count=1):
    return the_dom0().wait(f"{name} to show {pattern!r}",
                           lambda: len(re.findall(pattern, console(name))) >= count)


def say(name, command):
    """Types a command into a guest's console."""
    domid = f"$({OURS}xl domid {shlex.quote(name)})"
    the_dom0().run(f"echo {shlex.quote(command)} > $(xenstore-read /local/domain/{domid}/console/tty)")


def answer(name, command):
    """What a guest's shell prints at a command, in one line."""
    mark = f"m{next(the_dom0().numbers)}"
    say(name, f"echo {mark}=$({command})=")  # the echo of what is typed ends otherwise
    pattern = mark + r"=([^$=\n]*)="
    wait_console(name, pattern)
    return re.search(pattern, console(name)).group(1).strip()
