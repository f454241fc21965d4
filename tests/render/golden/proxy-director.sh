#!/bin/sh
# Settings of the director's host.
# Written by `fingerpost director render`: change fingerpost's configuration, not this file.
# It may run any number of times. A restart of the host undoes it: run it at every start.
set -eu

# Director lvs of site fra: tcp/80, mode proxy, scheduler wlc.
# The VIP.
ip -4 address replace 192.0.2.100/32 dev eth0
