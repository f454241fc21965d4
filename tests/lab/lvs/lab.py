"""LVS itself, in NAT, DR and TUN: in a machine of its own, for the kernel of most build hosts has no IPVS."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kit import fingerpost, machine, steps

MODULES = ["veth", "bridge", "ipip", "ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_lc", "ip_vs_wlc", "ip_vs_sh", "ip_vs_mh",
           "ip_vs_sed", "ip_vs_nq"]
PROGRAMS = ["ip", "ipvsadm", "keepalived", "sh", "cat", "uname"]
# What the kit and `inside.py` import.
PYTHON = ["collections", "contextlib", "ctypes", "http.client", "http.server", "json", "pathlib", "select", "shutil",
          "signal", "socket", "socketserver", "struct", "subprocess", "tempfile", "threading", "traceback"]
LIMIT_S = 900
HERE = Path(__file__).resolve().parent


def lab():
    if os.uname().machine != "x86_64":
        raise steps.Skipped("needs an x86-64 host: the machine runs the program that was built for this one")
    steps.need({"apt-get": "apt", "qemu-system-x86_64": "qemu-system-x86", "busybox": "busybox-static",
                "ipvsadm": "ipvsadm", "keepalived": "keepalived", "ip": "iproute2"})
    binary = fingerpost.binary()
    kept = fingerpost.target() / "lab"
    try:
        kernel = machine.Kernel(kept)
    except (subprocess.CalledProcessError, LookupError) as error:
        raise steps.Skipped(f"the kernel cannot be had: {error}")
    steps.versions([binary, "--version"], ["qemu-system-x86_64", "--version"])
    print(f"{kernel.name} {kernel.version}")
    archive = machine.Archive()
    for program in PROGRAMS:
        archive.program(shutil.which(program), f"bin/{program}")
    archive.program(shutil.which("busybox"), "bin/sysctl")
    archive.file("bin/modprobe", b"#!/bin/sh\n# All that there is has been loaded.\n", 0o755)
    archive.program(binary, "usr/bin/fingerpost")
    archive.python(PYTHON)
    for path in sorted([*HERE.rglob("*"), *HERE.parent.glob("kit/*")]):
        if path.is_file() and "__pycache__" not in path.parts:
            archive.copy(path, Path("/tests/lab") / path.relative_to(HERE.parent))
    began = time.monotonic()
    command = f"LAB_SLOWNESS={steps.SLOWNESS} FINGERPOST=/usr/bin/fingerpost {sys.executable} -B /tests/lab/lvs/inside.py"
    status = machine.boot(kernel, archive, MODULES, command, kept, LIMIT_S)
    print(f"the machine ran for {time.monotonic() - began:.0f} s")
    return status


steps.run(lab)
