"""A small virtual machine: Debian's cloud kernel, an initial file system of the programs asked for, one serial line.

The usual kernel of a container or a build host has no IPVS, and loading modules into it is nobody's business. So the
lab boots its own: the kernel package is fetched by apt and unpacked below `target/lab`, never installed, and the file
system is written here as one cpio archive. No disk, no network card; all that comes out is the serial line. The
processor is emulated, so that it runs the same wherever it runs: many hosts have no KVM, some have one that breaks.
"""

import lzma
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from . import steps

KERNEL_PACKAGE = "linux-image-cloud-amd64"
MEMORY_MIB = 768
# What is unpacked of the package. Its modules are below /lib, or /usr/lib in newer ones.
KERNEL_PARTS = ["./boot/vmlinuz-*", "*/lib/modules/*/kernel/*"]

INIT = """#!/bin/busybox sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
busybox mkdir -p /proc /sys /dev /run /tmp /root /etc
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
busybox mount -t devtmpfs dev /dev
busybox mount -t tmpfs run /run
busybox mount -t tmpfs tmp /tmp
for module in $(busybox cat /modules/order); do busybox insmod /modules/$module || echo "cannot load $module"; done
{command}
echo "machine: status $?"
busybox poweroff -f
"""


class Kernel:
    """Debian's cloud kernel, unpacked: its image, and its modules by name."""

    def __init__(self, directory):
        self.name = newest_kernel()
        home = Path(directory) / self.name
        whole = home / "version"
        if not whole.exists():
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir(parents=True)
            subprocess.run(["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", self.name],
                           cwd=home, check=True)
            package, = home.glob("*.deb")
            unpack(package, home)
            package.unlink()
            # Written last: what was broken off is begun anew.
            whole.write_text(package.name.split("_")[1])
        self.version = whole.read_text()
        self.image, = home.glob("boot/vmlinuz-*")
        self.modules = Modules(home)


class Modules:
    """Kernel modules below a directory, by name, as Debian has them: plain, or compressed (from Debian 13 on)."""

    def __init__(self, directory):
        self.paths = {path.name.split(".ko")[0].replace("-", "_"): path for path in directory.rglob("*.ko*")}

    def with_dependencies(self, names):
        """The modules of these names and what they need, in an order in which they can be loaded, as (name, bytes)."""
        loaded = {}

        def load(name):
            path = self.paths.get(name)
            # What is not there as a module is built into the kernel, or its absence will be seen at loading.
            if name in loaded or path is None:
                return
            content = path.read_bytes()
            content = lzma.decompress(content) if path.suffix == ".xz" else content
            needs = re.search(rb"\0depends=([^\0]*)\0", content)
            for needed in filter(None, needs[1].decode().split(",") if needs else []):
                load(needed.replace("-", "_"))
            loaded[name] = content

        for name in names:
            load(name)
        return list(loaded.items())


def newest_kernel():
    shown = subprocess.run(["apt-cache", "depends", KERNEL_PACKAGE], capture_output=True, text=True, check=True).stdout
    found = re.search(r"Depends: (linux-image-\S+-cloud-amd64)\b", shown)
    if not found:
        raise LookupError(f"{KERNEL_PACKAGE} depends on no kernel image that apt knows")
    return found[1]


def unpack(package, into):
    stream = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x", "-C", into, "--wildcards", *KERNEL_PARTS], stdin=stream.stdout, check=True)
    stream.stdout.close()
    stream.wait()


class Archive:
    """An initial file system in the format that the kernel unpacks (cpio, "newc")."""

    def __init__(self):
        self.parts = []
        self.seen = set()

    def directory(self, path):
        path = str(path).strip("/")
        if path and path not in self.seen:
            self.directory(os.path.dirname(path))
            self._entry(path, 0o040755, b"")

    def file(self, path, content, mode=0o644):
        path = str(path).strip("/")
        if path not in self.seen:
            self.directory(os.path.dirname(path))
            self._entry(path, 0o100000 | mode, content)

    def copy(self, source, path=None):
        source = Path(source)
        self.file(path or source, source.read_bytes(), source.stat().st_mode & 0o777)

    def program(self, source, path=None):
        """A program, and the libraries that the dynamic linker would load for it."""
        self.copy(os.path.realpath(source), path or source)
        for library in libraries(source):
            self.copy(os.path.realpath(library), library)

    def python(self, modules):
        """This interpreter and those of its modules that these need."""
        self.program(sys.executable)
        listing = subprocess.run(
            [sys.executable, "-c", f"import sys, {', '.join(modules)}, encodings.idna\n"
             "for module in list(sys.modules.values()): print(getattr(module, '__file__', None) or '')"],
            capture_output=True, text=True, check=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}).stdout
        for path in filter(None, listing.splitlines()):
            (self.program if ".so" in path else self.copy)(path)

    def write(self, path):
        self._entry("TRAILER!!!", 0, b"")
        Path(path).write_bytes(b"".join(self.parts))

    def _entry(self, path, mode, content):
        name = path.encode() + b"\0"
        numbers = [len(self.seen) + 1, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0]
        self.seen.add(path)
        header = b"070701" + b"".join(b"%08x" % number for number in numbers) + name
        self.parts += [pad(header), pad(content)]


def pad(octets):
    return octets + b"\0" * (-len(octets) % 4)


def libraries(program):
    shown = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    return re.findall(r"(/\S+) \(0x", shown)


def boot(kernel, archive, modules, command, directory, limit_s):
    """Boots, runs the command inside, and relays what it prints. Returns the command's exit status."""
    order = kernel.modules.with_dependencies(modules)
    for name, content in order:
        archive.file(f"modules/{name}.ko", content)
    archive.file("modules/order", "\n".join(f"{name}.ko" for name, _ in order).encode())
    archive.program(shutil.which("busybox"), "bin/busybox")
    archive.file("init", INIT.replace("{command}", command).encode(), 0o755)
    image = Path(directory) / "initramfs.cpio"
    archive.write(image)

    machine = subprocess.Popen(
        ["timeout", "-k", "5", str(limit_s), "qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-cpu", "max",
         "-smp", "2", "-m", str(MEMORY_MIB), "-kernel", kernel.image, "-initrd", image, "-append",
         "console=ttyS0 quiet loglevel=3 panic=-1 random.trust_cpu=on mitigations=off", "-nodefaults", "-display", "none",
         "-serial", "stdio", "-no-reboot"],
        preexec_fn=steps.die_with_parent, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace")
    status = None
    try:
        for line in machine.stdout:
            line = line.rstrip()
            ended = re.search(r"machine: status (\d+)", line)
            if ended:
                status = int(ended[1])
            elif status is None:
                print(line, flush=True)
    finally:
        machine.terminate()
        machine.wait()
        image.unlink()
    if status is None:
        print(f"the machine ended without a word, or was stopped after {limit_s} s", file=sys.stderr)
    return 1 if status is None else status
