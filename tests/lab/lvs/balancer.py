"""A director's host: its IPVS table, and keepalived, which keeps it by the file that Fingerpost wrote."""

from kit import steps
from kit.keepalived import Keepalived

# Among those of /proc/net/ip_vs_stats: packets that came for the VIP, and that went back through the director.
PACKETS_IN, PACKETS_OUT = 1, 2
# How /proc/net/ip_vs_conn writes of a connection that both ends have agreed to.
ESTABLISHED = "ESTABLISHED"


class Balancer:
    """`reals` are those behind the VIP; `files` what Fingerpost wrote for `ipvsadm` and for keepalived."""

    def __init__(self, name, network, host, vip, reals, files, home):
        self.name, self.network, self.host, self.vip, self.reals = name, network, host, vip, reals
        self.rules = files["ipvsadm.rules"]
        self.keepalived = Keepalived(network, host, files["keepalived.conf"], home)

    def start(self):
        """Loads the rules for `ipvsadm`; then has keepalived fill the empty table, and holds the one against the other."""
        self.network.run(self.host, ["ipvsadm", "-R"], self.rules)
        expected = self.table()
        steps.expect("ipvsadm -R loads a line for each of the file", len(expected) == len(self.rules.splitlines()),
                     expected)
        self.network.run(self.host, ["ipvsadm", "-C"])
        self.keepalived.start()

        def look():
            steps.expect(f"keepalived of {self.name} runs", self.keepalived.is_running(), self.keepalived.log)
            return self.table() == expected, "; ".join(self.table())

        steps.wait(f"keepalived of {self.name} to fill the table as ipvsadm did", look)

    def table(self):
        """The kernel's table, as the lines that would make it."""
        return sorted(line.strip() for line in self.network.run(self.host, ["ipvsadm", "-S", "-n"]).splitlines())

    def settle(self, live):
        """Waits until keepalived has these in the table and no others: until then, requests may go to the dead."""
        expected = [real.name for real in live]

        def look():
            table = self.table()
            there = [real.name for real in self.reals if any(f"-r {real.with_port()} " in line for line in table)]
            return there == expected, "; ".join(table)

        steps.wait(f"keepalived of {self.name} to have {', '.join(expected) or 'nobody'} in the table", look)

    def holds_vip(self):
        shown = self.network.run(self.host, ["ip", "-o", "address", "show", "dev", "eth0"])
        return f" {self.vip}/" in shown

    def established(self):
        """The clients' ports of the connections through the VIP."""
        lines = self.network.run(self.host, ["cat", "/proc/net/ip_vs_conn"]).splitlines()[1:]
        return {int(line.split()[2], 16) for line in lines if ESTABLISHED in line}

    def packets(self):
        """Packets that came in for the VIP, and that the director sent back to clients."""
        stats = self.network.run(self.host, ["cat", "/proc/net/ip_vs_stats"])
        counts = [int(word, 16) for word in stats.splitlines()[2].split()]
        return counts[PACKETS_IN], counts[PACKETS_OUT]
