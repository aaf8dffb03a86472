# shellcheck shell=bash disable=SC2034,SC2154
# Shared by contrib/start and contrib/test: which Debian packages are needed, how they are installed,
# how the tree is built. Sourced by bash; expects $top, the top of the tree.

# nettle-dev: pkg-config wants it for libunbound, though libunbound-dev does not ask for it.
BUILD_PACKAGES="gcc libc6-dev meson ninja-build pkg-config libevent-dev libssl-dev libunbound-dev
    nettle-dev libsqlite3-dev libyaml-dev libjansson-dev uthash-dev libidn2-dev libgsasl-dev
    libcrypt-dev libargon2-dev"
# ca-certificates: the authorities of the levels verify and secure.
RUN_PACKAGES="dns-root-data openssl ca-certificates python3"
LAB_PACKAGES="knot iproute2"
# libnet-ssleay-perl: STARTTLS for swaks.
# libsasl2-modules: AUTH for Postfix as a client. unbound: the resolver of posttls-finger (in postfix).
# From libdb5.3 on: what the Exim of PEER_PACKAGES is linked with.
TEST_PACKAGES="libcriterion-dev python3-pytest python3-cryptography knot-dnssecutils
    knot-dnsutils swaks libnet-ssleay-perl postfix python3-jsonschema unbound libdb5.3 libgnutls-dane0
    libidn12 libnsl2
    libsasl2-modules rspamd opendkim python3-dkim"
# Mail servers that cannot be installed beside Postfix: unpacked for the laboratory, never installed.
PEER_PACKAGES="exim4-daemon-light opensmtpd"

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

# Knot, Unbound, Postfix and the mail filters are wanted for their programs; their services must not
# take ports 53 and 25, nor run at all.
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
        case $package in knot | unbound | postfix | rspamd | opendkim) as_root systemctl disable "$package" >/dev/null 2>&1 || true ;; esac
    done
}

# unpack_peers FOLDER: PEER_PACKAGES below FOLDER/peers, each in a folder of its name; kept between
# runs. A package that cannot be had is no failure: its laboratory tests are skipped and say so.
unpack_peers() {
    local peers=$top/$1/peers package
    for package in $PEER_PACKAGES; do
        [ -d "$peers/$package" ] && continue
        step "unpacking $package into $1/peers"
        if mkdir -p "$peers/new" && unpack_package "$package" "$peers/new"; then
            mv "$peers/new/root" "$peers/$package"
        else
            say "   $package cannot be had: the laboratory goes without it"
        fi
        rm -rf "$peers/new"
    done
}

# unpack_package PACKAGE FOLDER: the files of its .deb in FOLDER/root, none of them set-user-id.
unpack_package() {
    local lists=(-o APT::Sandbox::User=root)  # the folder is not for the account _apt
    if [ "$1" = opensmtpd ] && opensmtpd_is_old; then
        use_backports "$2" || return
        lists=("${backports[@]}")
    fi
    (cd "$2" && apt-get -q "${lists[@]}" download "$1") &&
        dpkg-deb -x "$2/$1"_*.deb "$2/root" && chmod -R ug-s "$2/root"
}

# OpenSMTPD before 7 cannot be a TLS server with OpenSSL 3 (its issue 1171).
opensmtpd_is_old() {
    local candidate
    candidate=$(LC_ALL=C apt-cache policy opensmtpd | sed -n 's/^ *Candidate: //p')
    dpkg --compare-versions "${candidate:-0}" lt 7
}

# use_backports FOLDER: leaves in "backports" the options that let apt-get read the backports of this
# Debian alone, from where the system has its packages, with all its state in FOLDER; nothing of the
# system's is changed.
use_backports() {
    local release archive
    # shellcheck source=/dev/null
    release=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-stable}")
    # shellcheck disable=SC2016
    archive=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Identifier: Packages' |
        awk -v release="$release" '$1 == release { print $2; exit }')
    [ -n "$archive" ] && mkdir -p "$1/lists/partial" "$1/cache/archives/partial" || return
    printf 'deb [signed-by=%s] %s %s-backports main\n' \
        /usr/share/keyrings/debian-archive-keyring.gpg "$archive" "$release" >"$1/backports.list"
    backports=(-o Dir::State::lists="$1/lists" -o Dir::Cache="$1/cache"
        -o Dir::Etc::sourcelist="$1/backports.list" -o Dir::Etc::sourceparts=/dev/null
        -o APT::Sandbox::User=root)
    apt-get -q "${backports[@]}" update
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
