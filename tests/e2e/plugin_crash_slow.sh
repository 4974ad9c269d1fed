#!/bin/bash
# tests/e2e/plugin_crash_slow.sh - promise P8 once more, with a codec that is slow: a crash in another thread, while the
# worker's own calls codecs too, costs one parked message as well.
exec "$(dirname "$0")/plugin_crash.sh" fragile-slow
