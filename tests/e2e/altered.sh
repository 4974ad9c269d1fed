#!/bin/bash
# tests/e2e/altered.sh - one fen altered in the ledger of the simulated platform, of the hub and of our own province: the
# demonstration must fail, and find all three.
set -u
cd "$(dirname "$0")/../.." || exit 1
if YT_DEMO_ALTER=1 ./dev run --once; then
	echo "it ended with 0 although a ledger was altered"
	exit 1
fi
jq -e '.one_sided == 3 and (.differences | length) == 3 and .journal.verified == true and .pending == 0' run/summary.json
