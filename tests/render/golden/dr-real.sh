#!/bin/sh
# Settings of real server web1.
# Written by `fingerpost director render`: change fingerpost's configuration, not this file.
# It may run any number of times. A restart of the host undoes it: run it at every start.
set -eu

# Director lvs of site fra: tcp/80, mode dr, scheduler wlc.
# Packets arrive with the VIP as their destination: the service listens on 192.0.2.100 or on all
# addresses.
# Answer ARP only for addresses of the interface that is asked: the VIP is the director's.
sysctl -q -w net.ipv4.conf.all.arp_ignore=1
# And never give the VIP as the sender when asking.
sysctl -q -w net.ipv4.conf.all.arp_announce=2
# The VIP, for this host alone.
ip -4 address replace 192.0.2.100/32 dev lo
