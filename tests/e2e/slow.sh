#!/bin/bash
# tests/e2e/slow.sh - a codec that takes its time holds nobody else up: it works in a thread of its own, in one worker.
#
# Two doors of one worker: nhsa, and the codec fragile-slow (tests/plugins/fragile), which waits in decoding until it is
# let go.  Meanwhile the other door is served, more wait behind the slow one in order, and those beyond limits.slow_queue
# are told to try later.  A call that never comes back is ended by the worker's heartbeat, and charged to its message.
#
# YT_BUILD_DIR: a build folder that is up to date already, else build/release is brought up to date.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
build=${YT_BUILD_DIR:-build/release} dir=run/slow
bin=$build/bin
trap stop_all EXIT
[ -n "${YT_BUILD_DIR:-}" ] || ./dev build >/dev/null || exit 1
free_ports quick slow platform control
rm -rf $dir && mkdir -p $dir
make_conf $dir/all.yaml run_dir=$dir/gateway folder=$dir/gateway/journal index=$dir/gateway/index.db \
	data_keys=$dir/gateway/data-keys plugin_dir="$build/plugins/fragile" workers=1 \
	url=https://127.0.0.1:$platform/fsi/api/rsfComIfsService/callService || exit 1
# The door for signed requests becomes one of the slow codec, with a party of that codec behind it.
awk -v quick=$quick -v slow=$slow '
	/^limits:/ { print; print "  slow_queue: 2"; next }
	/^  run_dir:/ { print; print "  heartbeat_ms: 5000"; next }
	/port: 8443/ { sub(/8443/, quick) }
	/port: 8444/ { sub(/8444/, slow) }
	/name: hospitals-signed/ { second = 1 }
	second && /kind: signed/ { sub(/signed/, "mtls") }
	second && /format: nhsa/ { sub(/nhsa/, "fragile-slow"); second = 0; print; print "    client_ca: certs/out/ca.crt"; next }
	/^parties:/ { in_party = 1 }
	/^origins:/ { in_party = 0; sub(/name: zhejiang/, "name: slowly", party); sub(/format: nhsa/, "format: fragile-slow", party); printf "%s", party }
	/^routes:/ { print; print "  - name: slowly\n    listeners: [hospitals-signed]\n    to: slowly"; next }
	{ print }
	in_party && !/^parties:/ { party = party $0 "\n" }
' $dir/all.yaml >$dir/gateway.yaml
export FRAGILE_GATE=$PWD/$dir/gate
start platform $dir/platform.log $bin/yitong-sandbox platform --port $platform --control-port $control --certs certs/out
wait_port $platform "$last_pid" 10 $dir/platform.log || exit 1
start yitongd $dir/gateway.log $bin/yitongd --conf $dir/gateway.yaml
gateway=$last_pid
wait_port $quick "$gateway" 20 $dir/gateway.log || { tail -n 5 $dir/gateway.log; exit 1; }

ask() { # PORT SERIAL NAME: one 1101; prints the HTTP status
	sed "/msgid/s/H33021399901[0-9]*\"/H3302139990120260314092805$2\"/; s/示例甲/$3/" conf/example-1101.json |
		curl -sS --max-time 20 -o $dir/answer-"$2".json -w '%{http_code}' --cacert certs/out/ca.crt \
			--cert certs/out/hospital-one.crt --key certs/out/hospital-one.key \
			-H 'Content-Type: application/json' --data @- https://127.0.0.1:"$1"/ 2>/dev/null
}
expect() { # WHAT WANTED GOT
	[ "$2" = "$3" ] || { tail -n 5 $dir/gateway.log; fail "$1: wanted $2, got $3"; }
	say "ok: $1"
}
in_flight() { $bin/yitong --conf $dir/gateway.yaml status --json | jq '[.workers[].in_flight] | add'; }
wait_in_flight() { # N: requests are in the worker
	for _ in $(seq 100); do
		[ "$(in_flight)" = "$1" ] && return
		sleep 0.05
	done
	fail "$1 requests were to be in the worker, not $(in_flight)"
}

for _ in $(seq 100); do [ "$(ask $quick 0001 示例甲)" = 200 ] && break; sleep 0.1; done
expect "the slow door serves" "200 0" "$(ask $slow 0002 示例甲) $(jq .infcode $dir/answer-0002.json)"

# -- one is being decoded -------------------------------------------------------------------------
ask $slow 0010 WAITS-FOR-GATE >$dir/status-0010 &
first=$!
wait_in_flight 1
for serial in 0011 0012 0013; do
	expect "the other door is served meanwhile ($serial)" 200 "$(ask $quick $serial 示例甲)"
done
is_alive $first || fail "the slow one did not wait"
ask $slow 0020 示例甲 >$dir/status-0020 &
second=$!
wait_in_flight 2
ask $slow 0021 示例甲 >$dir/status-0021 &
third=$!
wait_in_flight 3
expect "more than may wait are told to try later" 503 "$(ask $slow 0022 示例甲)"
expect "the other door does not mind" 200 "$(ask $quick 0023 示例甲)"
touch "$FRAGILE_GATE"
wait $first $second $third
expect "let go, all three are answered" "200 200 200" "$(cat $dir/status-0010) $(cat $dir/status-0020) $(cat $dir/status-0021)"
expect "the slow door serves again" 200 "$(ask $slow 0024 示例甲)"

# -- one never comes back --------------------------------------------------------------------------
rm "$FRAGILE_GATE"
ask $slow 0030 WAITS-FOR-GATE >/dev/null &
hung=$!
for _ in $(seq 100); do
	grep -q 'has stood still' $dir/gateway.log && break
	[ "$(ask $quick 0031 示例甲)" = 200 ] && served=yes
	sleep 0.1
done
grep -q 'has stood still' $dir/gateway.log || fail "a thread that hangs was not noticed"
expect "the other door was served while it hung" yes "${served:-no}"
wait $hung
for _ in $(seq 100); do [ "$(ask $quick 0032 示例甲)" = 200 ] && break; sleep 0.1; done
grep -q 'died in plugin fragile-slow, decode_request' $dir/gateway.log || fail "the black box does not say what hung"
expect "what hung is not decoded again" 503 "$(ask $slow 0030 WAITS-FOR-GATE)"
expect "the slow door serves others" 200 "$(ask $slow 0033 示例甲)"
is_alive "$gateway" || fail "the gateway is gone"
