#!/bin/sh
# Settings of real server web1.
# Written by `fingerpost director render`: change fingerpost's configuration, not this file.
# It may run any number of times. A restart of the host undoes it: run it at every start.
set -eu

# Director lvs of site fra: tcp/80, mode proxy, scheduler wlc.
# Nothing to set: the proxy is a client like any other.
