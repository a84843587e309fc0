#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Builds the 20-line control plane as a user would, and runs it on a simulated host.
"""run.py KIND SOURCE BUILD SCRATCH: KIND is find_package, add_subdirectory or pkg_config."""

import os
import shutil
import struct
import subprocess
import sys
import time


def kernel():
    """A PVH kernel of four bytes: an ELF file with one segment and the entry note."""
    note = struct.pack("<III4sQ", 4, 8, 18, b"Xen\0", 0x100000)
    code = b"\xf4\xeb\xfd\x90"
    headers = 64 + 2 * 56
    segment = struct.pack("<IIQQQQQQ", 1, 5, headers, 0x100000, 0x100000, len(code), 4096, 4096)
    notes = struct.pack("<IIQQQQQQ", 4, 4, headers + len(code), 0, 0, len(note), len(note), 4)
    elf = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, 0x100000, 64, 0, 0,
                      64, 56, 2, 0, 0, 0)
    return elf + segment + notes + code + note


def options_of(build_dir):
    """The kind of build that a build folder is of, and that kind's flags, as options for cmake."""
    with open(os.path.join(build_dir, "CMakeCache.txt"), encoding="utf-8") as f:
        lines = f.read().splitlines()
    kind = next(line.split("=", 1)[1] for line in lines if line.startswith("CMAKE_BUILD_TYPE:"))
    names = ("CMAKE_BUILD_TYPE:", f"CMAKE_CXX_FLAGS_{kind.upper()}:")
    return ["-D" + line for line in lines if line.startswith(names)]


def out_of(kind, build_dir, scratch):
    """Where the consumer is built. One that compiles the library does so as far below the sources as
    the build under test: a compiler cache that knows relative paths has the library then, too."""
    return build_dir + "-consumer" if kind == "add_subdirectory" else os.path.join(scratch, "out")


def build(kind, source, build_dir, scratch, out):
    """Builds the consumer; the path of its program."""
    here = os.path.join(source, "tests/consume", kind)
    prefix = os.path.join(scratch, "prefix")
    if kind != "add_subdirectory":
        subprocess.run(["cmake", "--install", build_dir, "--prefix", prefix, "--component",
                        "development"], check=True, stdout=subprocess.DEVNULL)
    if kind == "pkg_config":
        os.makedirs(out)
        found = [r for r, _, files in os.walk(prefix) if "xenpp.pc" in files]
        env = dict(os.environ, PKG_CONFIG_PATH=found[0], OUT=out)
        subprocess.run(["make", "-C", here], env=env, check=True)
        return os.path.join(out, "control_plane")
    if kind == "add_subdirectory":
        # The same options as of the build under test: the compiler cache has the library already.
        options = [f"-DXENPP={source}", "-DXENPP_WERROR=ON", *options_of(build_dir)]
    else:
        options = [f"-DCMAKE_PREFIX_PATH={prefix}"]
    if shutil.which("ccache"):
        options.append("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")
    subprocess.run(["cmake", "-G", "Ninja", "-S", here, "-B", out, *options], check=True)
    subprocess.run(["cmake", "--build", out, "-j", "2", "--target", "control_plane"], check=True)
    return os.path.join(out, "control_plane")


def run(program, scratch):
    """Runs it on a simulated host; ends with 1 where it does not do what it is to."""
    with open(os.path.join(scratch, "kernel"), "wb") as f:
        f.write(kernel())
    config = os.path.join(scratch, "guest.cfg")
    with open(config, "w", encoding="ascii") as f:
        f.write(f'name = "guest"\ntype = "pvh"\nkernel = "{scratch}/kernel"\nmemory = 256\nvcpus = 2\n')
    begin = time.monotonic()
    done = subprocess.run([program, config], env=dict(os.environ, XENPP_HOST="sim"), text=True,
                          capture_output=True, timeout=600)
    took = time.monotonic() - begin
    print(f"{done.stdout.strip()} in {1000 * took:.0f} ms {done.stderr}")
    if done.returncode != 0 or done.stdout != "poweroff\n":
        sys.exit(1)


def main():
    kind, source, build_dir, scratch = sys.argv[1:]
    out = out_of(kind, build_dir, scratch)
    for folder in (scratch, out):
        shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(scratch)
    try:
        run(build(kind, source, build_dir, scratch, out), scratch)
    finally:
        if not out.startswith(scratch):
            shutil.rmtree(out, ignore_errors=True)


main()
