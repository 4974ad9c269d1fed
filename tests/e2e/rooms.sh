#!/bin/bash
# tests/e2e/rooms.sh - a room of core/ includes nothing of a room after it (docs/architecture.md, "The rooms"), the engine
# nothing of the keeper's machine; a plugin only what core/include gives all of them, the sandbox nothing of ours.
set -u
cd "$(dirname "$0")/../.." || exit 1
rooms=(base format message plugin journal engine net process ctl)
bad=0
none() { # WHAT IS WRONG, LINES
	[ -n "$2" ] || return 0
	printf '%s:\n%s\n' "$1" "$2"
	bad=1
}
includes() { grep -rnE "^#include [\"<]$1" "${@:2}" --include='*.[ch]'; } # PATTERN FOLDER...
for ((i = 0; i < ${#rooms[@]}; i++)); do
	[ -d "core/${rooms[i]}" ] || none "missing" "core/${rooms[i]}"
	for later in "${rooms[@]:i+1}"; do
		none "core/${rooms[i]} knows $later" "$(includes "$later/" "core/${rooms[i]}")"
	done
done
none "a room that is not in the list" "$(find core -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | grep -vxE "include|$(IFS='|'; echo "${rooms[*]}")")"
# The records are the language between the machines; net stands beside both and speaks none of it.
none "the engine knows the keeper" "$(includes journal/ core/engine | grep -vE 'journal/(record|exchange|talk)\.h"')"
none "core/net knows the machines" "$(includes '(journal|engine|plugin)/' core/net)"
none "somebody outside knows a room of core/" "$(includes "($(IFS='|'; echo "${rooms[*]}"))/" plugins sandbox sdk/template)"
none "the sandbox knows the gateway" "$(includes yitong/ sandbox)"
[ $bad = 0 ] && echo "ok: each room knows only those before it"
exit $bad
