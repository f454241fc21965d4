"""keepalived in a host of the lab's network, with the file that Fingerpost wrote for it."""

import subprocess

from . import steps


class Keepalived:
    """One of them; several run beside each other, each with its own pid files."""

    def __init__(self, network, host, configuration, home):
        self.network, self.host, self.home = network, host, home
        self.file = home / f"{host}.keepalived.conf"
        self.file.write_text(configuration)
        self.log = home / f"{host}-keepalived.log"
        self.process = None

    def start(self):
        pids = [f"--{part}={self.home / self.host}.{part}" for part in ("pid", "vrrp_pid", "checkers_pid")]
        command = self.network.command(self.host, ["keepalived", "--dont-fork", "--log-console", "--no-syslog",
                                                   "--log-detail", f"--use-file={self.file}", *pids])
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            preexec_fn=steps.die_with_parent)

    def stop(self):
        """As an administrator stops it: it takes its services out of the kernel, and its VIPs off the interface."""
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(timeout=steps.PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def is_running(self):
        return self.process is not None and self.process.poll() is None
