#!/usr/bin/env bash
# Install the Debian packages that the demonstration and the tests need and this machine lacks.
# Says what it installs and starts no service, now or at the next boot. Does nothing where nothing is missing.
#
# packages.sh [run|test]: what the demonstration needs, or that and what only the tests need.
# PYTHON names the interpreter to use (default: python3).
set -euo pipefail

python=${PYTHON:-python3}
policy=/usr/sbin/policy-rc.d
use=run

say() { printf 'lockstep: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }
# slapd lives in sbin, which an ordinary user's PATH leaves out.
have() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1" > /dev/null; }

check_python_version() {
    have "$python" || return 0
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' && return 0
    fail "Lockstep needs Python 3.11 or newer, but $python is $("$python" --version 2>&1). Name another one: make … PYTHON=/path/to/python3.11"
}

missing_packages() {
    have "$python" || echo python3
    # Debian keeps what `python -m venv` needs in a package of its own.
    "$python" -c 'import ensurepip, venv' 2> /dev/null || venv_package
    have slapd || echo slapd
    have ldapsearch || echo ldap-utils
    have openssl || echo openssl
    have curl || echo curl
    # Its systemd-analyze rates the units in deploy/systemd; nothing is started.
    [ "$use" = run ] || have systemd-analyze || echo systemd
    # The tests start instances of their own from its templates.
    [ "$use" = run ] || have ns-slapd || echo 389-ds-base
    # The tests start a domain controller of their own. Named one by one, since recommended packages are left out.
    [ "$use" = run ] || have samba-tool || echo samba-ad-dc samba-ad-provision samba-dsdb-modules winbind
    # The tests look at the portal as its users do.
    [ "$use" = run ] || have chromium || echo chromium
    # What drives it is a program of its own, and needs this library.
    [ "$use" = run ] || compgen -G '/usr/lib/*/libatomic.so.1' > /dev/null || echo libatomic1
    # Its DIGEST-MD5 signs a stream of LDAP, which the reader must read too.
    [ "$use" = run ] || has_digest_md5 || echo libsasl2-modules
}

has_digest_md5() {
    compgen -G '/usr/lib/*/sasl2/libdigestmd5.so' > /dev/null
}

venv_package() {
    "$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])' 2> /dev/null || echo python3-venv
}

# Runs as root. Debian asks policy-rc.d before it starts a service; 101 means "not allowed".
install_packages() {
    local kept=
    if [ -e "$policy" ] || [ -L "$policy" ]; then
        kept=$policy.kept.$$
        mv "$policy" "$kept"
    fi
    # shellcheck disable=SC2064  # the value of today, not that of the moment of the trap
    trap "rm -f '$policy'; [ -z '$kept' ] || mv '$kept' '$policy'" EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"

    export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
    apt-get update -qq || say "apt-get update had errors (above); going on with what is known"
    # Only slapd's program is wanted: no database of its own, and not started at boot either.
    case " $* " in *" slapd "*) echo 'slapd slapd/no_configuration boolean true' | debconf-set-selections ;; esac
    apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 "$@"
    case " $* " in *" slapd "*) update-rc.d slapd disable ;; esac
}

main() {
    check_python_version
    local packages
    packages=$(missing_packages | tr '\n' ' ')
    packages=${packages% }
    [ -n "$packages" ] || return 0

    have apt-get || fail "missing: $packages (names of Debian packages). This is no Debian: install the same with its own package manager, slapd in version 2.5 or newer, with the ppolicy and memberof overlays."
    say "installing $packages (no service is started)"
    # shellcheck disable=SC2086  # a list of names
    if [ "$(id -u)" -eq 0 ]; then
        install_packages $packages
    elif have sudo && { [ -t 0 ] || sudo -n true 2> /dev/null; }; then
        sudo bash "$0" --as-root $packages
    else
        fail "neither root nor sudo is at hand. As root, run: apt-get install --no-install-recommends $packages"
    fi
    check_python_version
}

if [ "${1:-}" = --as-root ]; then
    shift
    install_packages "$@"
else
    use=${1:-run}
    main
fi
