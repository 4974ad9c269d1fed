#!/bin/bash
# tests/e2e/trial.sh - the plugin trial as its users run it: guard pages, a process of its own and its limits cannot be
# had under ASan, so the cases that test_ctl_formats leaves out there are run here with the release build.
set -u
cd "$(dirname "$0")/../.." || exit 1
./dev build >/dev/null || exit 1
out=run/trial.log
mkdir -p run
build/release/bin/test_ctl_formats >$out 2>&1 || { tail -n 30 $out; exit 1; }
! grep -q '^\[  SKIPPED \]' $out || { grep '^\[  SKIPPED \]' $out; echo "error: a case was left out here, too"; exit 1; }
grep '^\[  PASSED  \]' $out
