# SPDX-License-Identifier: Apache-2.0
# A program at a terminal, and the person before it: what is shown, what is typed.
import fcntl
import os
import pty
import re
import select
import subprocess
import termios
import time

from bed import PATIENCE

ESCAPE = "\x1d"  # Ctrl-]


class Terminal:
    """Runs `command` with a pseudo-terminal as its controlling terminal."""

    def __init__(self, command, env=None, cwd=None):
        self.master, slave = pty.openpty()
        self.shown = ""
        self.seen = 0  # how much of it has been expected already

        def take_terminal():
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.modes = termios.tcgetattr(slave)
        self.slave = slave  # kept open: its modes are read when the program has gone
        self.process = subprocess.Popen(command, env=env, cwd=cwd, stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True, preexec_fn=take_terminal)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)

    def read(self, seconds):
        """Takes what is shown within `seconds`, at least for a look."""
        if select.select([self.master], [], [], seconds)[0]:
            self.shown += os.read(self.master, 65536).decode(errors="replace")

    def expect(self, pattern):
        """Waits until something that matches is shown after what was expected before; the match."""
        end = time.monotonic() + PATIENCE
        while True:
            match = re.compile(pattern).search(self.shown, self.seen)
            if match:
                self.seen = match.end()
                return match
            if time.monotonic() > end or (self.process.poll() is not None and not self.is_readable()):
                raise AssertionError(f"{pattern!r} was not shown; the terminal ends:\n{self.shown[-3000:]}")
            self.read(0.2)

    def is_readable(self):
        return bool(select.select([self.master], [], [], 0)[0])

    def type(self, text):
        os.write(self.master, text.encode())

    def wait(self):
        """Waits for the program to end: its exit code."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            if time.monotonic() > end:
                raise AssertionError(f"it does not end; the terminal ends:\n{self.shown[-3000:]}")
            self.read(0.2)
        while self.is_readable():
            self.read(0)
        return self.process.returncode

    def is_as_before(self):
        """Whether the program left the terminal in the modes that it found."""
        return termios.tcgetattr(self.slave) == self.modes
