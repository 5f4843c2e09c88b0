#!/bin/bash
# Unpacks one package of a Debian suite that this machine does not run, and prints the folder it is unpacked in.
#
#   fetch-debian-package.sh PACKAGE SUITE [ARCHITECTURE]
#
# The mirror is the one apt already uses and the index is verified by apt with Debian's archive keyring, in an apt
# state of its own: the machine's package lists and installed packages stay as they are. Nothing is fetched twice.
set -euo pipefail

package=$1
suite=$2
architecture=${3:-$(dpkg --print-architecture)}
cache=${NETLENS_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/netlens-tests}
target=$cache/$package-$suite
[ $# -lt 3 ] || target=$target-$architecture
if [ -e "$target/.complete" ]; then
  echo "$target"
  exit 0
fi

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
mirror=$(apt-get indextargets --format '$(SITE) $(ORIGIN) $(CODENAME)' 'Created-By: Packages' |
  awk '$2 == "Debian" && $3 !~ /security|updates|backports/ { print $1; exit }')
if [ -z "$mirror" ]; then
  echo "apt has no Debian archive configured" >&2
  exit 1
fi

mkdir -p "$cache"
work=$(mktemp -d "$cache/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/deb" "$work/root"
echo "deb [arch=$architecture signed-by=$keyring] $mirror $suite main" > "$work/sources.list"
apt=(-o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$work/lists"
  -o Dir::Cache="$work" -o Dir::Cache::archives="$work/archives" -o Dir::State::status=/dev/null
  -o APT::Architecture="$architecture" -o APT::Architectures="$architecture" -o APT::Sandbox::User=root
  -o Acquire::Languages=none -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false)

apt-get "${apt[@]}" -qq update >&2
(cd "$work/deb" && apt-get "${apt[@]}" -qq download "$package" >&2)
dpkg -x "$work"/deb/*.deb "$work/root"
touch "$work/root/.complete"
chmod 755 "$work/root"
# Two runs at once: the first one in wins, and they are equal.
mv -T "$work/root" "$target" 2>/dev/null || [ -e "$target/.complete" ]
echo "$target"
