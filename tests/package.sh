#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/package.sh - the Debian packages: built from this commit, installed on
# a Debian 12 from debootstrap with nothing else on it, started, upgraded,
# removed, purged.  By hand, as root, with a network, in some minutes:
#
#     tests/package.sh
#
# There is no systemd in it that could start a service: the daemon is started
# as the unit would start it, as a user without a name, with no capability, in
# a state directory as systemd makes it.  The newer version is the same build
# under a higher number.  PACKAGE_MIRROR names another mirror.  The systems
# are below a folder in /var/tmp and removed at the end.
set -eu

[ $# = 0 ] || { sed -n '3,15s/^# \{0,1\}//p' "$0" >&2; exit 64; }
[ "$(id -u)" = 0 ] || { echo "package.sh: as root" >&2; exit 77; }
command -v debootstrap >/dev/null ||
    { echo "package.sh: there is no debootstrap" >&2; exit 77; }

top=$(cd "$(dirname "$0")/.." && pwd)
mirror=${PACKAGE_MIRROR-http://deb.debian.org/debian}
port=$((20000 + RANDOM % 10000))
user=61999 # of those that systemd takes for DynamicUser=
work=$(mktemp -d /var/tmp/factord-package-XXXXXX)
daemon=

finish()
{
    [ -z "$daemon" ] || kill -KILL "$daemon" 2>/dev/null || true
    umount -l "$work"/*/proc "$work"/*/dev 2>/dev/null || true
    rm -rf --one-file-system "$work"
}
trap finish EXIT INT TERM

say()
{
    echo "ok - $*"
}

die()
{
    echo "not ok - $*" >&2
    for log in "$work"/*.log; do
        echo "--- $log" >&2
        tail -n 30 "$log" >&2
    done
    exit 1
}

# within SYSTEM COMMAND...
within()
{
    local root=$work/$1
    shift
    unshare --pid --fork --kill-child --mount-proc="$root/proc" \
        chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
        DEBIAN_FRONTEND=noninteractive "$@"
}

apt()
{
    within "$1" apt-get -qq -y --no-install-recommends "${@:2}" \
        >>"$work/apt.log" 2>&1 || die "apt-get ${*:2}"
}

# ------------------------------------------------------------------- build

make_systems()
{
    local system
    debootstrap --variant=minbase bookworm "$work/target" "$mirror" \
        >"$work/debootstrap.log" || die "debootstrap"
    cp /etc/resolv.conf "$work/target/etc/resolv.conf"
    cp -a "$work/target" "$work/builder"
    for system in target builder; do
        mount --bind /dev "$work/$system/dev"
    done
    apt builder install dpkg-dev lintian
    mkdir -p "$work/builder/src/factord"
    git -C "$top" archive HEAD | tar -x -C "$work/builder/src/factord"
}

# Only what debian/control asks for is there.
build_packages()
{
    local options="nocheck parallel=$(nproc)"
    apt builder build-dep -P nocheck /src/factord
    within builder env DEB_BUILD_PROFILES=nocheck \
        DEB_BUILD_OPTIONS="$options" sh -c \
        'cd /src/factord && dpkg-buildpackage -us -uc -b' \
        >"$work/build.log" 2>&1 || die "dpkg-buildpackage"
    say "the packages are built"
    within builder sh -c 'lintian --allow-root --fail-on error \
        --tag-display-limit 0 /src/*.changes' >"$work/lintian.log" 2>&1 ||
        die "lintian has errors"
    say "lintian has no error, $(grep -c '^W:' "$work/lintian.log" ||
        true) warnings"
}

# the file of a package, in the builder
package()
{
    (cd "$work/builder" && echo src/"$1"_*.deb)
}

# An author's plugin is built by what factord-dev brings.
try_headers()
{
    apt builder install gcc pkg-config "/$(package factord-dev)"
    within builder sh -c 'cc -shared -fPIC -Wl,-z,defs \
        $(pkg-config --cflags factor-plugin) -o /adapter-example.so \
        /usr/share/doc/factord-dev/examples/example.c \
        $(pkg-config --libs jansson)' >"$work/plugin.log" 2>&1 ||
        die "factord-dev builds no plugin"
    say "factord-dev builds a plugin"
}

# newer OLD NEW: a package of the same content and a higher version.
newer()
{
    within builder sh -c "dpkg-deb -R /$1 /newer &&
        sed -i 's/^Version: .*/&+1/' /newer/DEBIAN/control &&
        dpkg-deb --root-owner-group -b /newer /$2" >"$work/newer.log" 2>&1 ||
        die "dpkg-deb"
}

# ------------------------------------------------------------------ target

installed_version()
{
    within target dpkg-query -W -f '${Version}' factord
}

# What there is, but for what dpkg itself writes down.
files()
{
    (cd "$work/target" && find . -xdev \
        \( -path ./var/log -o -path ./var/lib/dpkg -o -path ./proc \
        -o -path ./tmp -o -path ./var/cache \) -prune -o -print | sort)
}

put()
{
    within target dpkg -i "$@" >>"$work/dpkg.log" 2>&1 || die "dpkg -i $*"
}

# As systemd makes it for StateDirectory= and DynamicUser=; but there the way
# into private/ is a mount that only the unit has.
make_state()
{
    local root=$work/target
    install -d -m 0711 "$root/var/lib/private"
    install -d -m 0700 -o "$user" -g "$user" "$root/var/lib/private/factord"
    ln -s private/factord "$root/var/lib/factord"
}

start()
{
    local tries=0 command
    command=$(sed -n 's/^ExecStart=//p' \
        "$work/target/lib/systemd/system/factord.service")
    # shellcheck disable=SC2086
    (exec unshare --pid --fork --kill-child \
        --mount-proc="$work/target/proc" chroot "$work/target" env -i \
        PATH=/usr/sbin:/usr/bin:/sbin:/bin setpriv --reuid="$user" \
        --regid="$user" --clear-groups --no-new-privs --bounding-set=-all \
        --inh-caps=-all $command --set server.listen="127.0.0.1:$port" \
        >>"$work/factord.log" 2>&1) &
    daemon=$!
    until curl -sf "http://127.0.0.1:$port/readyz" >/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -le 100 ] && kill -0 "$daemon" 2>/dev/null ||
            die "the daemon does not start"
        sleep 0.1
    done
}

stop()
{
    # The only child of unshare is the daemon.
    kill "$(cat "/proc/$daemon/task/$daemon/children")" ||
        die "the daemon is not there"
    wait "$daemon" || die "the daemon does not stop well"
    daemon=
}

knows_joe()
{
    within target factorctl users list | grep -q joe
}

try_install()
{
    cp "$work/builder/src/"*.deb "$work/target/tmp"
    apt target update
    apt target satisfy "$(within builder dpkg-deb -f "/$(package factord)" \
        Depends)" "$(within builder dpkg-deb -f "/$(package factor-phone)" \
        Depends)"
    files >"$work/before"
    put "/tmp/$(basename "$(package factord)")" \
        "/tmp/$(basename "$(package factor-phone)")"
    within target factord --check-config >>"$work/dpkg.log" 2>&1 ||
        die "factord --check-config"
    ! within target factord --list-plugins | grep -q refused ||
        die "a plugin is refused"
    within target factor-phone --version >>"$work/dpkg.log" 2>&1 ||
        die "factor-phone does not run"
    say "installed, with what its Depends names and nothing else"
    make_state
    start
    echo '{"username":"joe","email":"joe@example.com"}' |
        within target factorctl users import - >>"$work/dpkg.log" 2>&1 ||
        die "factorctl users import"
    stop
    say "started as the unit would, and stopped"
}

try_upgrade()
{
    local conf=$work/target/etc/factord/factord.json before
    before=$(installed_version)
    sed -i 's/sso\.example\.com/sso.example.net/' "$conf"
    newer "$(package factord)" src/newer.deb
    cp "$work/builder/src/newer.deb" "$work/target/tmp"
    put /tmp/newer.deb
    [ "$(installed_version)" = "$before+1" ] || die "it was not upgraded"
    grep -q sso.example.net "$conf" || die "a changed conffile was replaced"
    start
    knows_joe || die "the upgrade has lost a user"
    stop
    say "upgraded: configuration and state are kept"
}

try_remove()
{
    local root=$work/target
    within target dpkg -r factord factor-phone >>"$work/dpkg.log" 2>&1 ||
        die "dpkg -r"
    [ ! -e "$root/usr/sbin/factord" ] || die "dpkg -r leaves the daemon"
    [ -e "$root/etc/factord/factord.json" ] &&
        [ -e "$root/var/lib/private/factord/store.db" ] ||
        die "dpkg -r takes configuration or state"
    say "removed: configuration and state stay"
    within target dpkg -P factord factor-phone >>"$work/dpkg.log" 2>&1 ||
        die "dpkg -P"
    rmdir "$root/var/lib/private" # systemd's own
    files >"$work/after"
    diff "$work/before" "$work/after" >"$work/left.log" ||
        die "purging leaves something"
    say "purged: nothing is left"
}

make_systems
build_packages
try_headers
try_install
try_upgrade
try_remove
