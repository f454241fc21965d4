#!/bin/sh
# Settings of the director's host.
# Written by `fingerpost director render`: change fingerpost's configuration, not this file.
# It may run any number of times. A restart of the host undoes it: run it at every start.
set -eu

# Director lvs of site fra: tcp/80, mode nat, scheduler wlc.
# The kernel's IPVS; it loads schedulers by itself when they are asked for.
[ -e /proc/net/ip_vs ] || modprobe ip_vs
# NAT: packets of the reals and to the reals are routed here.
sysctl -q -w net.ipv4.ip_forward=1
# Where clients and reals share a network, the reals must not be told of a shorter way.
sysctl -q -w net.ipv4.conf.all.send_redirects=0
sysctl -q -w net.ipv4.conf.eth0.send_redirects=0
# The VIP.
ip -4 address replace 192.0.2.100/32 dev eth0
