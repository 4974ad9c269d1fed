#!/bin/bash
# tests/e2e/demonstration.sh - the whole way: `./dev run --once` ends well, and its summary says so.
set -u
cd "$(dirname "$0")/../.." || exit 1
./dev run --once || exit 1
jq -e '.one_sided == 0 and .journal.verified == true and .pending == 0 and .reversed > 0 and .resettled > 0
	and (.exchanges | length > 0)' run/summary.json
