"""What every lab is made of: steps that print what they see, waits that end, and an exit status that says how it went.

0: all was as expected; 1: something was not; 77: the lab cannot run here (no root, no package), as in automake.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback

SKIPPED = 77
# How many times slower than a quiet machine the host may be: what is timed may take so much longer.
SLOWNESS = float(os.environ.get("LAB_SLOWNESS", "1"))
# The longest wait for anything that should come at once: an emulated machine is slow.
PATIENCE_S = 60.0
# Between two looks.
LOOK_S = 0.1


PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class Failed(Exception):
    """Something is not as expected."""


class Skipped(Exception):
    """The lab cannot run here."""


def wait(what, look, limit_s=PATIENCE_S):
    """Looks until there is something to be had, and returns it. `look` returns (value or something false, seen)."""
    deadline = time.monotonic() + limit_s
    while True:
        value, seen = look()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failed(f"waited {limit_s:.0f} s for {what}; the last that was seen: {seen}")
        time.sleep(LOOK_S)


def expect(what, holds, seen):
    if not holds:
        raise Failed(f"{what}; seen: {seen}")


def need_root(what_for):
    if os.geteuid() != 0:
        raise Skipped(f"needs root, for {what_for}")


def need_namespaces():
    need_root("network namespaces")
    trial = ("ip link add trial type bridge && ip link add one type veth peer name other && nft list ruleset"
             " && ip address add fd00::1/64 dev one")
    done = subprocess.run(["unshare", "--mount", "--net", "sh", "-c", trial], capture_output=True, text=True)
    if done.returncode != 0:
        raise Skipped(f"needs namespaces with bridges, veth, nftables and IPv6, not to be had: {done.stderr.strip()}")


def need(packages):
    """Programs, and the Debian packages that have them."""
    missing = sorted({package for program, package in packages.items() if not shutil.which(program)})
    if missing:
        raise Skipped("needs apt-get install --no-install-recommends " + " ".join(missing))


def versions(*commands):
    """The first line that each of these says."""
    for command in commands:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        print((done.stdout.splitlines() or [str(command)])[0].strip())


def die_with_parent():
    """For children: a lab that is killed leaves none behind. TERM, so that `timeout` can pass it on."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def run(lab):
    """Runs a lab and ends the process with its status. A lab that is told to end does so by way of its `finally`."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
    sys.stdout.reconfigure(line_buffering=True)
    try:
        status = lab() or 0
    except Skipped as skipped:
        print(f"left out: {skipped}")
        status = SKIPPED
    except Failed as failed:
        print(f"FAILED  {failed}")
        status = 1
    except Exception:
        traceback.print_exc()
        status = 1
    sys.exit(status)


class Table:
    """Lines of aligned cells, each printed as soon as it is known."""

    def __init__(self, **widths):
        self.widths = list(widths.values())
        self.row(*(name.upper().replace("_", " ") for name in widths))

    def row(self, *cells):
        print("  ".join(str(cell).ljust(width) for cell, width in zip(cells, self.widths)).rstrip())
