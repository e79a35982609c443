#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/bare.sh - the set-up on a bare system: Debian 12 from debootstrap with
# nothing else on it, this commit, and the two commands of the README.  By
# hand, as root, with a network:
#
#     tests/bare.sh run      the demo starts, and its page is there
#     tests/bare.sh check    every test (a quarter of an hour)
#
# BARE_MIRROR names another mirror.  The system is below a folder in /var/tmp
# and removed at the end.
set -eu

what=${1-}
case $what in
run | check) ;;
*) sed -n '3,12s/^# \{0,1\}//p' "$0" >&2; exit 64 ;;
esac
[ "$(id -u)" = 0 ] || { echo "bare.sh: as root" >&2; exit 77; }
command -v debootstrap >/dev/null ||
    { echo "bare.sh: there is no debootstrap" >&2; exit 77; }

top=$(cd "$(dirname "$0")/.." && pwd)
mirror=${BARE_MIRROR-http://deb.debian.org/debian}
port=$((20000 + RANDOM % 10000))
root=$(mktemp -d /var/tmp/factord-bare-XXXXXX)

demo=

finish()
{
    [ -z "$demo" ] || kill -KILL "$demo" 2>/dev/null || true
    umount -l "$root/proc" "$root/dev" 2>/dev/null || true
    rm -rf --one-file-system "$root"
}
trap finish EXIT INT TERM

in_it()
{
    unshare --pid --fork --kill-child --mount-proc="$root/proc" \
        chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
        CI="${CI-}" "$@"
}

debootstrap --variant=minbase bookworm "$root" "$mirror" >/dev/null
cp /etc/resolv.conf "$root/etc/resolv.conf"
mount --bind /dev "$root/dev"
mkdir "$root/factord"
git -C "$top" archive HEAD | tar -x -C "$root/factord"

if [ "$what" = check ]; then
    in_it /factord/bootstrap check
    exit
fi

# What ends unshare ends all that was started below it.
unshare --pid --fork --kill-child --mount-proc="$root/proc" \
    chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    /factord/bootstrap run --port "$port" >"$root/run.log" 2>&1 &
demo=$!
tries=0
until curl -sf "http://127.0.0.1:$port/demo/" >/dev/null; do
    tries=$((tries + 1))
    if [ "$tries" -gt 600 ] || ! kill -0 "$demo" 2>/dev/null; then
        tail -n 40 "$root/run.log" >&2
        echo "bare.sh: the demo does not start" >&2
        exit 1
    fi
    sleep 1
done
until grep -q 'ann has a phone' "$root/run.log"; do sleep 1; done
echo "the demo runs on a bare system, after $tries s"
kill -KILL "$demo"
wait "$demo" 2>/dev/null || true
demo=
