#!/bin/bash
# tests/e2e/altered.sh - one fen altered in the simulated platform's ledger: the demonstration must fail,
# and for that reason.
set -u
cd "$(dirname "$0")/../.." || exit 1
if YT_DEMO_ALTER=1 ./dev run --once; then
	echo "it ended with 0 although a ledger was altered"
	exit 1
fi
jq -e '.one_sided > 0 and .journal.verified == true and .pending == 0' run/summary.json
