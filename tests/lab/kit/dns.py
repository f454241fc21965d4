"""A resolver's side of DNS, as far as the labs need it: A and AAAA with a client subnet (RFC 1035, 3596, 6891, 7871)."""

import collections
import select
import socket
import struct
import time

TYPE_A, TYPE_AAAA, CLASS_IN, TYPE_OPT, OPTION_ECS = 1, 28, 1, 41, 8
UDP_PAYLOAD_MAX = 1232
# Questions that are under way at once: more would overrun the socket's buffer.
WINDOW = 32
# After so long without an answer, what is open is asked again, and after so many rounds it is given up.
RETRY_S, ROUNDS_MAX = 2.0, 5

Answer = collections.namedtuple("Answer", "rcode addresses scope")


def networks(count):
    """So many client networks (IPv4 /24), spread over 10.0.0.0/8."""
    return [f"10.{i * 37 % 256}.{i // 256 * 16 + i % 16}.0" for i in range(count)]


def ask_all(server, name, subnets, kind=TYPE_A):
    """Asks once for each client network, and returns the answers in that order."""
    answers = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.connect(server)
        for _ in range(ROUNDS_MAX):
            missing = [at for at in range(len(subnets)) if at not in answers]
            for start in range(0, len(missing), WINDOW):
                window = missing[start:start + WINDOW]
                for at in window:
                    channel.send(query(at, name, subnets[at], kind))
                answers.update(receive(channel, set(window)))
            if len(answers) == len(subnets):
                return [answers[at] for at in range(len(subnets))]
    raise TimeoutError(f"{len(subnets) - len(answers)} of {len(subnets)} queries for {name} were not answered")


def receive(channel, expected):
    received = {}
    deadline = time.monotonic() + RETRY_S
    while expected and select.select([channel], [], [], max(0.0, deadline - time.monotonic()))[0]:
        message = channel.recv(UDP_PAYLOAD_MAX)
        at = int.from_bytes(message[:2], "big")
        if at in expected:
            expected.discard(at)
            received[at] = parse(message)
    return received


def query(number, name, subnet, kind):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.strip(".").split("."))
    ecs = struct.pack("!HHHBB", OPTION_ECS, 7, 1, 24, 0) + socket.inet_aton(subnet)[:3]
    return (struct.pack("!6H", number, 0, 1, 0, 0, 1) + labels + b"\0" + struct.pack("!HH", kind, CLASS_IN)
            + b"\0" + struct.pack("!HHIH", TYPE_OPT, UDP_PAYLOAD_MAX, 0, len(ecs)) + ecs)


def parse(message):
    _, flags, questions, *counts = struct.unpack_from("!6H", message)
    at = 12
    for _ in range(questions):
        at = skip_name(message, at) + 4
    addresses, scope = [], None
    for _ in range(sum(counts)):
        at = skip_name(message, at)
        kind, _, _, length = struct.unpack_from("!HHIH", message, at)
        data = message[at + 10:at + 10 + length]
        at += 10 + length
        if kind in (TYPE_A, TYPE_AAAA):
            addresses.append(socket.inet_ntop(socket.AF_INET if kind == TYPE_A else socket.AF_INET6, data))
        elif kind == TYPE_OPT and len(data) >= 8:
            scope = data[7]
    return Answer(flags & 15, addresses, scope)


def skip_name(message, at):
    while message[at] and message[at] < 0xC0:
        at += message[at] + 1
    return at + (2 if message[at] else 1)
