#!/bin/sh
# Installs the Debian packages that building (`packages.sh build`) or testing (`packages.sh test`) needs, if their
# programs are not there yet. Quick and silent when nothing is missing; never asks.
set -eu

# program:package
build="cc:build-essential make:make pkg-config:pkg-config"
test="sipp:sip-tester baresip:baresip-core ip:iproute2 setpriv:util-linux unshare:util-linux kcat:kcat java:default-jre-headless mvn:maven"

case ${1:-} in
    build) wanted=$build ;;
    test) wanted="$build $test" ;;
    *) echo "usage: packages.sh build|test" >&2; exit 2 ;;
esac

missing=
for pair in $wanted; do
    # iproute2 lives in /usr/sbin, which users don't have in their path.
    PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" > /dev/null 2>&1 || missing="$missing ${pair#*:}"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get > /dev/null; then
    echo "Not a Debian machine: please install what these packages hold:$missing" >&2
    exit 1
fi
root=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo > /dev/null || { echo "Missing:$missing, and neither root nor sudo to install them" >&2; exit 1; }
    root="sudo -n"
fi
echo "Installing:$missing"
apt="$root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=400 -qq"
$apt update > /dev/null || echo "The package lists could not be renewed; trying with the ones that are there" >&2
# One line per problem, not one per file: the output of a run is read by people.
# shellcheck disable=SC2086
$apt install -y --no-install-recommends $missing > /dev/null
