#!/bin/sh
# Runs the build program with the arguments given. Where no Go is new enough for go.mod, it first gets Debian's package of an
# older Go, pinned like all downloads, into the cache; that one fetches the Go of go.mod through the Go module proxy.
set -eu
cd "$(dirname "$0")/.."
pins=build/internal/pins/pins.txt
cache=${XDG_CACHE_HOME:-$HOME/.cache}/atoll
want=$(awk '$1 == "go" { print $2 }' go.mod)

die() {
	echo "build: $*" >&2
	exit 1
}

# new_enough GO: does this go command build for the version that go.mod wants?
new_enough() {
	have=$("$1" env GOVERSION 2>/dev/null) || return 1
	[ "$(printf '%s\n' "$want" "${have#go}" | sort -V | head -n 1)" = "$want" ]
}

# certificates are needed for every registry but Debian's.
certificates() {
	[ -e /etc/ssl/certs/ca-certificates.crt ] && return
	[ "$(id -u)" = 0 ] || die 'missing: ca-certificates; install with: sudo apt-get install -y ca-certificates'
	echo 'installing ca-certificates' >&2
	{ apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends ca-certificates; } >&2
}

# mirror prints the first mirror of a plain release of Debian's main component that apt knows.
mirror() {
	apt-get indextargets --format '$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(LABEL)' 'Created-By: Packages' |
		awk -F'|' '$2 !~ "[-/]" && $3 == "main" && ($4 == "Debian" || $4 == "") { print $1; exit }'
}

# apt_state DIR writes a private apt configuration, so that nothing of the host's apt changes and no right is needed.
apt_state() {
	mkdir -p "$1/state/lists/partial" "$1/cache/archives/partial"
	uri=$(mirror)
	[ -n "$uri" ] || die "no mirror of Debian's main archive in apt's configuration, and no Go $want: install Go $want by hand"
	key=/usr/share/keyrings/debian-archive-keyring.gpg
	[ -e "$key" ] && signed="[signed-by=$key] " || signed=
	awk -v uri="$uri" -v signed="$signed" '$1 == "golang" { print "deb " signed uri " " $4 " main" }' "$pins" | sort -u >"$1/sources.list"
	cat >"$1/apt.conf" <<-END
		Dir::State "$1/state";
		Dir::Cache "$1/cache";
		Dir::Etc::sourcelist "$1/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		#clear Acquire::IndexTargets::deb::DEP-11;
		Acquire::Languages "none";
		APT::Sandbox::User "";
	END
}

# debian_go DIR unpacks Debian's Go into DIR; what lies there when it is cut short is never taken for a whole one.
debian_go() {
	for tool in apt-get dpkg-deb sha256sum; do
		command -v "$tool" >/dev/null || die "no Go $want, and no $tool to get one: install Go $want by hand"
	done
	arch=$(dpkg --print-architecture)
	echo "no Go $want here: getting Debian's Go into $cache" >&2
	mkdir -p "$cache"
	work=$(mktemp -d "$cache/go.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' INT TERM
	apt_state "$work/apt"
	apt-get --config-file="$work/apt/apt.conf" update -q >"$work/log" 2>&1 || die "apt-get update failed: $(tail -n 3 "$work/log")"
	awk -v arch="$arch" '$1 == "golang" && ($5 == "all" || $5 == arch) { print $2, $3, $6, $8 }' "$pins" >"$work/list"
	[ "$(wc -l <"$work/list")" = 2 ] || die "no Go $want, and no Go for $arch is pinned: install Go $want by hand"
	while read -r name version file sum; do
		(cd "$work" && apt-get --config-file="$work/apt/apt.conf" download -q "$name=$version" >log 2>&1) ||
			die "$name $version is gone from Debian's index: install Go $want by hand"
		echo "$sum  $work/$file" | sha256sum --check --status || die "$file: SHA256 is not $sum: refused"
		dpkg-deb --extract "$work/$file" "$work/tree"
	done <"$work/list"
	mv "$work/tree" "$1"
	rm -rf "$work"
	trap - EXIT INT TERM
}

certificates
if ! new_enough go; then
	root=$cache/$(awk '$1 == "golang" { print $2 "-" substr($8, 1, 16); exit }' "$pins")
	[ -d "$root" ] || debian_go "$root"
	GOTOOLCHAIN=auto
	export GOTOOLCHAIN
	new_enough "$root"/usr/lib/go-*/bin/go || die "Go $want is not to be had through the Go module proxy: install Go $want by hand"
	PATH=$("$root"/usr/lib/go-*/bin/go env GOROOT)/bin:$PATH
	export PATH
fi
# Not go run: that would not pass on a signal to end.
CGO_ENABLED=0 go build -o bin/build ./build
exec bin/build "$@"
