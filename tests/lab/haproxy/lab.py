"""HAProxy in TCP mode before HTTP servers, all on loopback. Feeds: the statistics page, and the runtime socket."""

import contextlib
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kit import fingerpost, steps
from kit.story import Director, Story
from kit.web import RealServer, fetch

DIRECTORS = ["page", "socket"]
RESOLVER = ("127.90.0.53", 15353)
PORT = 18080
SLOW_START_S = 10
LIMIT_S = 120
WEIGHTS = {"a": 2, "b": 1, "c": 1}


def lab():
    steps.need_root("HAProxy to change its user")
    steps.need({"haproxy": "haproxy"})
    steps.versions([fingerpost.binary(), "--version"], ["haproxy", "-v"])
    server = fingerpost.Fingerpost(Path(__file__).parent)
    spare = RealServer("iad", "127.90.9.10", PORT)
    directors = [
        Director(name, f"127.90.0.{number}",
                 [RealServer(real, f"127.90.{number}.{11 + place}", PORT, weight)
                  for place, (real, weight) in enumerate(WEIGHTS.items())])
        for number, name in enumerate(DIRECTORS, 1)
    ]
    servers = [spare, *(real for director in directors for real in director.reals)]
    proxy = None
    try:
        configuration = server.home / "haproxy.cfg"
        configuration.write_text(server.render(DIRECTORS, "haproxy")["haproxy.cfg"])
        subprocess.run(["haproxy", "-c", "-q", "-f", configuration], check=True)
        for real in servers:
            real.start()
        with open(server.home / "haproxy.log", "w") as log:
            # It gives up root, and with that the wish to die with its parent: `timeout` passes it on.
            proxy = subprocess.Popen(["timeout", str(LIMIT_S), "haproxy", "-db", "-f", configuration], stdout=log,
                                     stderr=log, preexec_fn=steps.die_with_parent)
        for director in directors:
            steps.wait(f"HAProxy at {director.vip}", lambda: (answers(director.vip), "nothing"))
        server.serve()
        Story(server, directors, RESOLVER, contextlib.nullcontext, PORT, SLOW_START_S).tell()
    except BaseException:
        print(server.logs())
        raise
    finally:
        if proxy:
            proxy.terminate()
            proxy.wait()
        for real in servers:
            real.kill()
        server.close()


def answers(address):
    try:
        return fetch(address, PORT)
    except OSError:
        return None


steps.run(lab)
