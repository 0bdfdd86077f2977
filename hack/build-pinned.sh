#!/usr/bin/env bash
# Builds a command from a module that pins it, unless the binary is there and was built from the same pins:
#
#   hack/build-pinned.sh MODULE_DIR BINARY [PACKAGE]
#
# PACKAGE defaults to the module's only tool. LDFLAGS is taken from the environment.
set -euo pipefail

module=$1 binary=$2 package=${3:-tool}
stamp=$(dirname "$binary")/.$(basename "$binary").pin

# The content decides, not the time: a checkout gives every file a new time.
pin=$(git hash-object "$module/go.mod")
if [ -x "$binary" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$pin" ]; then
	exit 0
fi

# progress turns what go says into a counter: updated in place on a terminal, otherwise now and then a line.
progress() {
	local compiled=0 said=0 line
	while IFS= read -r line; do
		case $line in
		"go: downloading "*) say "downloading ${line#go: downloading }" ;;
		*[[:space:]]*) newline && printf '%s\n' "$line" ;; # no package: a message to be read
		*) compiled=$((compiled + 1)) && say "compiled $compiled of at most $total packages: $line" ;;
		esac
	done
	newline
}
say() {
	if [ -t 1 ]; then
		printf '\r\033[K  %.100s' "$1"
	elif ((said++ % 200 == 0)); then
		printf '  %s\n' "$1"
	fi
}
newline() { if [ -t 1 ]; then printf '\r\033[K'; fi; }

echo "$binary: building it from source, once for these pins ($module/go.mod)"
mkdir -p "$(dirname "$binary")"
output=$(cd "$(dirname "$binary")" && pwd)/$(basename "$binary")
packages=$(mktemp)
trap 'rm -f "$packages"' EXIT

cd "$module"
export CGO_ENABLED=0
total=?
go list -mod=readonly -deps "$package" 2>&1 >"$packages" | progress
total=$(wc -l <"$packages")
# Module versions carry no revision, and stamping our own would be a lie.
go build -v -mod=readonly -buildvcs=false -ldflags "-s -w ${LDFLAGS:-}" -o "$output" "$package" 2>&1 | progress
cd - >/dev/null
echo "$pin" >"$stamp"
echo "$binary: built in $((SECONDS / 60)) min $((SECONDS % 60)) s"
