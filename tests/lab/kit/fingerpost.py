"""The Fingerpost under test: its binary, its processes, and what its API says."""

import contextlib
import http.client
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import steps

# As every lab's fingerpost.toml has it: on a loopback address that nothing else is likely to use.
ADMIN = ("127.90.0.53", 18053)
REPOSITORY = Path(__file__).resolve().parents[3]


def target():
    """Where cargo builds, and where labs keep what they have fetched."""
    return Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))


def binary():
    """$FINGERPOST, or what cargo has built last."""
    if "FINGERPOST" in os.environ:
        return os.path.abspath(os.environ["FINGERPOST"])
    built = [path for profile in ("release", "debug") if (path := target() / profile / "fingerpost").exists()]
    if not built:
        raise steps.Skipped("needs the program: cargo build --release, or FINGERPOST=PATH")
    return str(max(built, key=lambda path: path.stat().st_mtime))


class Fingerpost:
    """Serves a copy of a lab's configuration, in a host of the lab's network or, without one, on loopback."""

    def __init__(self, configuration, network=None, host=None):
        self.network, self.host = network, host
        self.home = Path(tempfile.mkdtemp(prefix="fingerpost-lab-"))
        self.directory = self.home / "configuration"
        shutil.copytree(configuration, self.directory)
        self.processes = []

    def render(self, directors, form, *options):
        """The files that the hosts of these directors are to be given, by name."""
        output = self.home / f"rendered-{'-'.join(directors)}-{form}"
        done = subprocess.run([binary(), "director", "render", *directors, "--format", form, "--output", output,
                               *options, "--config", self._file()], capture_output=True, text=True, cwd=self.directory)
        steps.expect("the director is rendered", done.returncode == 0, done.stderr)
        return {path.name: path.read_text() for path in output.iterdir()}

    def serve(self):
        log = self.spawn("serve", "--config", self._file())

        def ready():
            steps.expect("the server runs", self.processes[-1].poll() is None, log.read_text())
            with contextlib.suppress(OSError):
                return self.get("/readyz").get("ready"), "not ready"
            return False, "it does not listen yet"

        steps.wait("the first round of probes", ready)

    def spawn(self, *arguments, host=None):
        """A process of the program; returns the file that it logs to."""
        log = self.home / f"{'-'.join(arguments[:2]).replace('--', '')}-{len(self.processes)}.log"
        command = [binary(), *arguments]
        if self.network:
            command = self.network.command(host or self.host, command)
        with open(log, "w") as file:
            self.processes.append(subprocess.Popen(command, stdout=file, stderr=file, stdin=subprocess.DEVNULL,
                                                   cwd=self.directory, preexec_fn=steps.die_with_parent))
        return log

    def get(self, path):
        with self.network.inside(self.host) if self.network else contextlib.nullcontext():
            connection = http.client.HTTPConnection(*ADMIN, timeout=5)
            try:
                connection.request("GET", path)
                return json.load(connection.getresponse())
            finally:
                connection.close()

    def status(self):
        return self.get("/api/v1/status")

    def logs(self):
        return "\n".join(f"--- {log.name}\n{log.read_text()}" for log in sorted(self.home.glob("*.log")))

    def close(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.home)

    def _file(self):
        return str(self.directory / "fingerpost.toml")
