# shellcheck shell=bash disable=SC2034,SC2154
# Shared by contrib/start and contrib/test: which Debian packages are needed, how they are installed,
# how the tree is built. Sourced by bash; expects $top, the top of the tree.

# nettle-dev: pkg-config wants it for libunbound, though libunbound-dev does not ask for it.
BUILD_PACKAGES="gcc libc6-dev meson ninja-build pkg-config libevent-dev libssl-dev libunbound-dev
    nettle-dev libsqlite3-dev libyaml-dev libjansson-dev uthash-dev libidn2-dev"
RUN_PACKAGES="dns-root-data openssl python3"
LAB_PACKAGES="knot iproute2"
# libnet-ssleay-perl: STARTTLS for swaks.
TEST_PACKAGES="libcriterion-dev python3-pytest knot-dnssecutils knot-dnsutils swaks
    libnet-ssleay-perl postfix"

say() { printf '%s\n' "$*"; }
step() { printf '== %s\n' "$*"; }
fail() {
    printf '\n%s: %s\n' "${0##*/}" "$1" >&2
    exit "${2:-1}"
}

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# install_packages PACKAGE...: what is missing; nothing to do is the quick case.
install_packages() {
    local missing=() package
    command -v dpkg-query >/dev/null || fail "this is no Debian system (no dpkg here). Install by hand what these packages hold, then build with meson: $*"
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    step "installing ${#missing[@]} packages: ${missing[*]}"
    command -v apt-get >/dev/null || fail "apt-get is missing; install by hand: ${missing[*]}"
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        fail "packages are missing, and only root may install them. As root: apt-get install --no-install-recommends ${missing[*]}"
    fi
    keep_services_down
    if ! apt_install "${missing[@]}"; then
        say "   the package lists may be old: apt-get update"
        as_root apt-get -q update || { let_services_up; fail "apt-get update failed; see above"; }
        apt_install "${missing[@]}" || { let_services_up; fail "apt-get could not install: ${missing[*]}; see above"; }
    fi
    let_services_up
    disable_new_services "${missing[@]}"
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 \
        install --no-install-recommends "$@"
}

# Knot and Postfix are wanted for their programs; their services must not take ports 53 and 25.
made_policy=
keep_services_down() {
    [ -e /usr/sbin/policy-rc.d ] && return
    trap let_services_up EXIT
    made_policy=yes
    printf '#!/bin/sh\nexit 101\n' | as_root tee /usr/sbin/policy-rc.d >/dev/null
    as_root chmod 755 /usr/sbin/policy-rc.d
}
let_services_up() {
    [ -n "$made_policy" ] || return 0
    as_root rm -f /usr/sbin/policy-rc.d
    made_policy=
}
disable_new_services() {
    local package
    command -v systemctl >/dev/null || return 0
    for package in "$@"; do
        case $package in knot | postfix) as_root systemctl disable "$package" >/dev/null 2>&1 || true ;; esac
    done
}

# build FOLDER TARGET MESON-OPTION...: sets up once; ninja does the rest. TARGET "all" is everything.
build() {
    local folder=$1 target=$2
    shift 2
    if [ ! -f "$top/$folder/build.ninja" ]; then
        step "setting up $folder"
        (cd "$top" && meson setup "$folder" "$@") || fail "meson setup failed; see above"
    fi
    step "building in $folder"
    ninja -C "$top/$folder" "$target" || fail "the build failed; see above"
}
