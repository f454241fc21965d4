#!/bin/sh
# Settings of real server web1.
# Written by `fingerpost director render`: change fingerpost's configuration, not this file.
# It may run any number of times. A restart of the host undoes it: run it at every start.
set -eu

# Director lvs of site fra: tcp/80, mode nat, scheduler wlc.
# NAT: answers go back through the director, which puts the VIP in as their source.
ip -4 route replace default via 10.0.0.1
