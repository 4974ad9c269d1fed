#!/bin/bash
# tests/e2e/crash.sh - six rounds of the crash harness; `./dev crash 200` is the real thing.
set -u
cd "$(dirname "$0")/../.." || exit 1
./dev crash 6 --seed 7
