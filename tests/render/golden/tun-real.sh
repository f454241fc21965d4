#!/bin/sh
# Settings of real server web1.
# Written by `fingerpost director render`: change fingerpost's configuration, not this file.
# It may run any number of times. A restart of the host undoes it: run it at every start.
set -eu

# Director lvs of site fra: tcp/80, mode tun, scheduler wlc.
# Packets arrive with the VIP as their destination: the service listens on 192.0.2.100 or on all
# addresses.
# Answer ARP only for addresses of the interface that is asked: the VIP is the director's.
sysctl -q -w net.ipv4.conf.all.arp_ignore=1
# And never give the VIP as the sender when asking.
sysctl -q -w net.ipv4.conf.all.arp_announce=2
# TUN: what takes the inner packet out; built into some kernels.
modprobe -q ipip || true
# It takes tunnelled packets to this host's own address from whichever director.
ip link show dev fp4-0a000002 > /dev/null 2>&1 || ip link add fp4-0a000002 type ipip local 10.0.0.2 remote any
# Nothing is sent through it.
ip link set fp4-0a000002 up
# The VIP, for this host alone.
ip -4 address replace 192.0.2.100/32 dev fp4-0a000002
# What comes out has the client as its source, whose route is another interface: any route will do.
# Of this and conf.all the higher counts, and 2 is the highest.
sysctl -q -w net.ipv4.conf.fp4-0a000002.rp_filter=2
# Answers go straight to the client, in full size; what comes in has 20 bytes less room. Where the
# director's ICMP does not get to all clients, have them send smaller segments. With an MTU of 1500,
# in a chain of nft at hook output: ip saddr 192.0.2.100 tcp flags syn tcp option maxseg size set
# 1440
# Packets arrive with the VIP as their destination: the service listens on [2001:db8:f::100] or on
# all addresses.
# TUN: what takes the inner packet out; built into some kernels.
modprobe -q sit || true
# It takes tunnelled packets to this host's own address from whichever director.
ip link show dev fp6-0a000002 > /dev/null 2>&1 || ip link add fp6-0a000002 type sit local 10.0.0.2 remote any
# Nothing is sent through it.
ip link set fp6-0a000002 up
# The VIP, for this host alone: not asked for on the network (the director has it), and not taken as
# the source of what this host asks by itself.
ip -6 address replace 2001:db8:f::100/128 dev fp6-0a000002 nodad preferred_lft 0
# Answers go straight to the client, in full size; what comes in has 20 bytes less room. Where the
# director's ICMP does not get to all clients, have them send smaller segments. With an MTU of 1500,
# in a chain of nft at hook output: ip6 saddr 2001:db8:f::100 tcp flags syn tcp option maxseg size
# set 1420
