#!/bin/sh
# Settings of the director's host.
# Written by `fingerpost director render`: change fingerpost's configuration, not this file.
# It may run any number of times. A restart of the host undoes it: run it at every start.
set -eu

# Director lvs of site fra: tcp/80, mode dr, scheduler wlc.
# The kernel's IPVS; it loads schedulers by itself when they are asked for.
[ -e /proc/net/ip_vs ] || modprobe ip_vs
# DR: the frame goes on as it came. Nothing is routed here, and no answer comes back this way.
# The VIP.
ip -4 address replace 192.0.2.100/32 dev eth0
# The VIP, to be listened on at once (nobody is asked first whether it is taken), and not taken as
# the source of what this host asks by itself, such as checks.
ip -6 address replace 2001:db8:f::100/128 dev eth0 nodad preferred_lft 0
