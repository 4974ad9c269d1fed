#!/bin/bash
# tests/e2e/crash.sh - a few rounds of the crash harness; `./dev crash 200` is the real thing.
set -u
cd "$(dirname "$0")/../.." || exit 1
./dev crash 3 --seed 7
