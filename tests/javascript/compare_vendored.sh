#!/bin/sh
# Owns the check that vendored files are those of the packages that package-lock.json pins. Must not know what they do.
set -eu
cd "$(dirname "$0")/../.."
modules=tests/javascript/node_modules
different=0

# compare FOLDER PACKAGE-FOLDER: each file of the first is the same in the second.
compare() {
	for file in $(cd "$1" && find . -type f); do
		if ! cmp -s "$1/$file" "$2/$file" && ! cmp -s "$1/$file" "$2/dist/$file"; then
			echo "$1/${file#./} is not the file of the pinned package" >&2
			different=1
		fi
	done
}

compare public/vendor/lit-html "$modules/lit-html"
compare public/vendor/uplot "$modules/uplot"
exit "$different"
