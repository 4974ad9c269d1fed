#!/bin/bash
# tests/e2e/altered.sh - one fen altered in the ledgers of platform, hub, our own province and both insurers: the
# demonstration must fail, and find all five.
set -u
cd "$(dirname "$0")/../.." || exit 1
if YT_DEMO_ALTER=1 ./dev run --once; then
	echo "it ended with 0 although a ledger was altered"
	exit 1
fi
jq -e '.one_sided == 5 and (.differences | length) == 5 and .journal.verified == true and .pending == 0' run/summary.json
