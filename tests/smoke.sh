#!/bin/bash
# Starts the demo, asks it with dig and kdig from several parts of the world, stops a site and sees the answers move.
# Usage: tests/smoke.sh FINGERPOST, in the directory of the shipped configuration.
set -euo pipefail

fingerpost=${1:?usage: tests/smoke.sh FINGERPOST}
log=$(mktemp)
demo=
failures=0
ORDERS=http://127.0.0.1:18000
# Longest wait for the first answer and for a change of verdicts, in tenths of a second.
PATIENCE=300

finish() {
    local status=$?
    [ -z "$demo" ] || ! kill -0 "$demo" 2> /dev/null || kill -KILL "$demo"
    [ $status -eq 0 ] || { echo "--- the demo said:"; cat "$log"; }
    rm -f "$log"
}
trap finish EXIT

# Ports are drawn until one is free: a port that is taken ends the demo at once.
start() {
    for _ in 1 2 3 4 5; do
        port=$((20000 + RANDOM % 10000))
        "$fingerpost" demo --listen "127.0.0.1:$port" --listen "[::1]:$port" < /dev/null > "$log" 2>&1 &
        demo=$!
        for ((waited = 0; waited < PATIENCE; waited++)); do
            kill -0 "$demo" 2> /dev/null || break
            if ask SOA example.com +short +tries=1 +timeout=1 > /dev/null 2>&1; then
                echo "the demo (pid $demo) answers on port $port"
                return
            fi
            sleep 0.1
        done
        kill -0 "$demo" 2> /dev/null && { echo "the demo does not answer"; return 1; }
        grep -q "$port" "$log" || return 1
    done
    echo "no port to be had"
    return 1
}

ask() {
    dig @127.0.0.1 -p "$port" +tries=2 +timeout=2 +norecurse "$@"
}

# expect WHAT PATTERN TEXT: the text must match the extended regular expression.
expect() {
    if grep -qE -- "$2" <<< "$3"; then
        echo "ok    $1"
    else
        echo "FAIL  $1: expected /$2/ in:"
        printf '%s\n' "$3" | head -n 20
        failures=$((failures + 1))
    fi
}

world() {
    # A client network, the addresses of its site in A, and the same in AAAA.
    while read -r place subnet a aaaa; do
        local address
        address=$(ask A www.example.com +subnet="$subnet" +noall +answer +comments)
        expect "$place, A" "IN[[:space:]]A[[:space:]]$a" "$address"
        expect "$place, scope" "CLIENT-SUBNET: ${subnet%/*}/${subnet#*/}/[0-9]+" "$address"
        address=$(ask AAAA www.example.com +subnet="$subnet" +short)
        expect "$place, AAAA" "^$aaaa" "$address"
    done << 'PLACES'
Germany 84.128.0.0/24 127\.1\.1\. 2001:db8:f::
South-Africa 137.158.0.0/24 127\.1\.1\. 2001:db8:f::
United-States 73.0.0.0/24 127\.1\.2\. 2001:db8:a::
Brazil 143.107.0.0/24 127\.1\.2\. 2001:db8:a::
Japan 153.128.0.0/24 127\.1\.3\. 2001:db8:5::
Australia 1.120.0.0/24 127\.1\.3\. 2001:db8:5::
Germany-IPv6 2003::/32 127\.1\.1\. 2001:db8:f::
United-States-IPv6 2601::/32 127\.1\.2\. 2001:db8:a::
PLACES
}

static() {
    expect "SOA over TCP" "^ns1\.example\.com\. hostmaster\." "$(ask SOA example.com +short +tcp)"
    expect "over IPv6" "^10 mail\.example\.com\." "$(dig @::1 -p "$port" MX example.com +short +norecurse)"
    expect "alias of a steered name" "CNAME.*www\.example\.com" "$(ask A shop.example.com +noall +answer)"
    local reply
    reply=$(ask A no-such-name.example.com)
    expect "no such name" "status: NXDOMAIN" "$reply"
    expect "authoritative" "flags: qr aa;" "$reply"
    expect "SOA in the negative answer" "300[[:space:]]+IN[[:space:]]+SOA" "$reply"
    reply=$(ask A host.lab.example.com)
    expect "referral without AA" "flags: qr;" "$reply"
    expect "glue" "ns\.lab\.example\.com\.[[:space:]].*[[:space:]]A[[:space:]]+203\.0\.113\.53" "$reply"
    expect "outside of the zones" "status: REFUSED" "$(ask A example.net)"
}

encrypted() {
    local transport port
    while read -r transport port; do
        # Into a variable first: grep closes the pipe early, which pipefail would take for a failure.
        help=$(kdig --help)
        if ! grep -qF -- "+[no]$transport" <<< "$help"; then
            echo "skip  this kdig knows no +$transport"
            continue
        fi
        expect "kdig +$transport" "^127\.1\.1\." \
            "$(kdig @127.0.0.1 -p "$port" "+$transport" A www.example.com +subnet=84.128.0.0/24 +short +timeout=5 2>&1)"
    done << 'TRANSPORTS'
tls 8853
https 8443
quic 8853
TRANSPORTS
}

# A site stops: its clients go elsewhere, and come back with it.
outage() {
    local order pattern
    for order in "down fra 127\.1\.[23]\." "up fra 127\.1\.1\."; do
        read -r verb site pattern <<< "$order"
        curl -fsS -X POST "$ORDERS/$verb/$site" > /dev/null
        local answer=
        for ((waited = 0; waited < PATIENCE; waited++)); do
            answer=$(ask A www.example.com +subnet=84.128.0.0/24 +short)
            ! grep -qE "^$pattern" <<< "$answer" || break
            sleep 0.1
        done
        expect "Germany after '$verb $site' and $((waited / 10)).$((waited % 10)) s" "^$pattern" "$answer"
    done
}

stop() {
    kill -TERM "$demo"
    local status=0
    wait "$demo" || status=$?
    expect "ends in good order when told to" "^0$" "$status"
}

start
world
static
encrypted
outage
stop
[ "$failures" -eq 0 ] || { echo "$failures failures"; exit 1; }
