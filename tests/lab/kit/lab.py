"""The kit against itself: what the labs on this host would not show of the machine that they boot."""

import lzma
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kit import machine, steps

# As modinfo(8) finds them in a module.
NEEDED, NEEDING = b"\0name=needed\0depends=\0", b"\0name=needing-one\0depends=needed,built-in\0"


def lab():
    with tempfile.TemporaryDirectory(prefix="fingerpost-lab-") as directory:
        modules_are_unpacked(Path(directory))


def modules_are_unpacked(directory):
    """Debian 12 has plain modules, Debian 13 has them compressed: either way, the same are loaded in the same order."""
    for suffix, pack in [("ko", bytes), ("ko.xz", lzma.compress)]:
        home = directory / suffix / "usr/lib/modules/6.1/kernel"
        home.mkdir(parents=True)
        (home / f"needed.{suffix}").write_bytes(pack(NEEDED))
        (home / f"needing-one.{suffix}").write_bytes(pack(NEEDING))
        modules = machine.Modules(directory / suffix)
        loaded = modules.with_dependencies(["needing_one", "needed", "built_in"])
        steps.expect(f"modules of .{suffix} are unpacked, each after what it needs",
                     loaded == [("needed", NEEDED), ("needing_one", NEEDING)], loaded)
    print("modules: .ko and .ko.xz are the same")


steps.run(lab)
