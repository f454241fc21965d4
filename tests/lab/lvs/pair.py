"""A pair: two directors that share a VIP by VRRP, as keepalived does it by the files that Fingerpost wrote.

    both up       the first holds the VIP and speaks; connections are held open through it
    one stops     the first's keepalived is stopped: the second has the VIP, speaks, and goes on with the connections
    it starts     the first takes the VIP back
    cable pulled  the first is cut off, and sees all its reals die
    plugged in    it takes the VIP back, but not before it has seen them live

All the time a client asks for the name and fetches from the address that it is told: DNS never leads it elsewhere.
"""

import contextlib
import http.client
import threading
import time

from kit import dns, places, steps
from kit.story import NETWORKS, words
from kit.web import fetch

OWNER, POOL = "pair.example.com", "pair"
# Connections that are held open.
HELD = 8
# The longest without an answer: advertisements come each second, and who stops says so with its last. Who is cut off is
# missed after three of them; and one fetch may wait in vain.
FETCH_S = 1.0
GAPS_MAX_S = {"both up": 1.5, "one stops": 4.0, "it starts": 2.5, "cable pulled": 7.0, "plugged in": 2.5}
GAPS_MAX_S = {title: gap * steps.SLOWNESS for title, gap in GAPS_MAX_S.items()}
# Who takes the VIP back does it between two requests, but for those that meet the very moment.
FAILED_MAX = {title: 2 * steps.SLOWNESS for title in ("it starts", "plugged in")}
# How long it is watched that all stays as it is.
CALM_S = 1.0


class Pair:
    def __init__(self, server, site, balancers, client):
        self.server, self.site, self.balancers, self.client = server, site, balancers, client
        self.table = steps.Table(step=12, holds_vip=9, speaks=6, endpoints=9, vip_gets=8, after=6, longest_gap=11,
                                 requests_answered_by=0)

    def tell(self):
        first, second = self.balancers
        steps.wait("all clients to get the VIP", lambda: ((part := self.part()) == 1, f"{part:.1%}"))
        with Traffic(self.client, self.site.vip) as self.traffic:
            with self.step("both up", first):
                held = Held(self.client, self.site.vip)
            steps.wait("the standby to be told of the connections",
                       lambda: (held.ports() <= second.established(), sorted(second.established())))
            with self.step("one stops", second):
                first.keepalived.stop()
            held.ask()
            print(f"  {HELD} connections that were open at the first have been answered on by the second")
            with self.step("it starts", first, speaks=False):
                first.start()
            with self.step("cable pulled", second):
                self.cable(False)
                first.settle([])
            with self.step("plugged in", first, speaks=False):
                self.cable(True)

    @contextlib.contextmanager
    def step(self, title, holder, speaks=True):
        """Does something, and waits until this director, and no other, has the VIP and speaks for it. Who takes it back
        does not speak yet: the other's table has connections until they are forgotten (IPVS: after 15 minutes)."""
        began = time.monotonic()
        yield
        names = [balancer.name for balancer in self.balancers if balancer.holds_vip()]

        def look():
            nonlocal names
            names = [balancer.name for balancer in self.balancers if balancer.holds_vip()]
            return names == [holder.name], names

        steps.wait(f"{holder.name} alone to hold the VIP", look)
        after = time.monotonic() - began
        if speaks:
            steps.wait(f"{holder.name} to speak", lambda: ((said := self.speakers()) == [holder.name], said))
        time.sleep(CALM_S)
        steps.expect(f"{holder.name} holds the VIP still", look()[0], names)
        speakers, endpoints = self.speakers(), self.endpoints()
        steps.expect("one of the pair speaks", len(speakers) == 1, speakers)
        steps.expect("the pair is one endpoint, and up", endpoints == [(self.site.vip, "up")], endpoints)
        part = self.part()
        steps.expect("all clients get the VIP", part == 1, part)
        got, gap = self.traffic.since(began)
        steps.expect("requests are answered by the reals alone", {"a", "b", "c"} <= set(got) <= {"a", "b", "c", "failed"},
                     words(got))
        steps.expect(f"nobody waits for longer than {GAPS_MAX_S[title]} s", gap <= GAPS_MAX_S[title],
                     f"{gap:.1f} s; {words(got)}")
        steps.expect("no request fails but for the moment", got.get("failed", 0) <= FAILED_MAX.get(title, sum(got.values())),
                     words(got))
        self.table.row(title, ", ".join(names), ", ".join(speakers), len(endpoints), f"{part:.1%}",
                       f"{after:.1f} s", f"{gap:.1f} s", words(got))

    def cable(self, is_plugged):
        self.site.network.cable(self.balancers[0].host, self.site.front, is_plugged)

    def speakers(self):
        return [one["director"] for one in self.server.status()["directors"]
                if one["vip"] == [self.site.vip] and one["speaks"]]

    def endpoints(self):
        pool, = [pool for pool in self.server.status()["pools"] if pool["pool"] == POOL]
        families = [endpoint["families"][0] for endpoint in pool["endpoints"] if endpoint["site"] == "fra"]
        return [(family["address"], family["standing"]) for family in families]

    def part(self):
        with self.client():
            answers = dns.ask_all(places.RESOLVER, OWNER, NETWORKS)
        return sum(answer.addresses == [self.site.vip] for answer in answers) / len(answers)


class Held:
    """Connections that stay open, each asked once."""

    def __init__(self, client, vip):
        self.connections = []
        with client():
            for _ in range(HELD):
                connection = http.client.HTTPConnection(vip, places.PORT, timeout=5)
                connection.connect()
                # Who was cut off is not to begin anew unseen.
                connection.auto_open = False
                self.connections.append(connection)
        self.ask()

    def ports(self):
        return {connection.sock.getsockname()[1] for connection in self.connections}

    def ask(self):
        for number, connection in enumerate(self.connections, 1):
            try:
                connection.request("GET", "/")
                connection.getresponse().read()
            except (OSError, http.client.HTTPException) as error:
                raise steps.Failed(f"connection {number} of {HELD} that was held open ended: {error!r}") from error


class Traffic:
    """A client that asks, goes where the answer says, and begins again, in a thread of its own."""

    def __init__(self, client, vip):
        self.client, self.vip = client, vip
        self.seen = []
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()

    def since(self, began):
        """How often who answered, and the longest time without an answer."""
        now = time.monotonic()
        counted, last, gap = {}, began, 0.0
        for at, name in [seen for seen in list(self.seen) if seen[0] >= began]:
            counted[name] = counted.get(name, 0) + 1
            if name != "failed":
                last, gap = at, max(gap, at - last)
        return counted, max(gap, now - last)

    def _run(self):
        with self.client():
            while not self.is_over.is_set():
                try:
                    answer, = dns.ask_all(places.RESOLVER, OWNER, NETWORKS[:1])
                    name = fetch(answer.addresses[0], places.PORT, FETCH_S)
                except (OSError, http.client.HTTPException):
                    name = "failed"
                self.seen.append((time.monotonic(), name))
                self.is_over.wait(steps.LOOK_S)
