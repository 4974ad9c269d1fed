#!/bin/bash
# tests/e2e/stop.sh - a worker that stands still is replaced; Ctrl-C and hang-up reach every process of ours: the
# first drains, the second reloads; no file we leave can be read by others; an idle gateway signs the end of its journal,
# once; and a keeper that was asked to make its index anew is no death.
set -u -m # a process group of its own for what is started here, as a terminal would give it
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
bin=build/release/bin dir=run/stop
trap stop_all EXIT
./dev build >/dev/null || exit 1
free_ports mtls signed
rm -rf $dir && mkdir -p $dir
make_conf $dir/all.yaml run_dir=$dir/gateway folder=$dir/gateway/journal index=$dir/gateway/index.db \
	data_keys=$dir/gateway/data-keys anchor_s=1 plugin_dir=build/release/plugins || exit 1
sed -e "s/^gateway:/&\n  heartbeat_ms: 1000/; s/port: 8443/port: $mtls/; s/port: 8444/port: $signed/" $dir/all.yaml >$dir/gateway.yaml
start yitongd $dir/gateway.log $bin/yitongd --conf $dir/gateway.yaml
gateway=$last_pid
wait_port $mtls "$gateway" 20 $dir/gateway.log || exit 1
wait_log() { # TEXT
	for _ in $(seq 100); do
		grep -qF "$1" $dir/gateway.log && return 0
		sleep 0.1
	done
	tail -n 20 $dir/gateway.log
	fail "the log does not say: $1"
}
wait_log "ready: generation 1"

open=$(find $dir/gateway \( -type f -o -type s -o -type d \) -perm /077)
[ -z "$open" ] || fail "others can read: $open"
say "ok: nobody else can read what is kept"

$bin/yitongd --conf $dir/gateway.yaml >$dir/second.log 2>&1 && fail "a second yitongd ended well"
grep -qF "another yitongd runs with run_dir" $dir/second.log || fail "a second yitongd says: $(cat $dir/second.log)"
say "ok: a second yitongd in the same run_dir is refused"

sed "s|$dir/gateway|$dir/other|g" $dir/gateway.yaml >$dir/other.yaml
$bin/yitongd --conf $dir/other.yaml >$dir/other.log 2>&1 && fail "a yitongd on ports that are taken ended well"
grep -qF "cannot listen on 127.0.0.1 port $mtls: Address already in use" $dir/other.log || fail "it says: $(cat $dir/other.log)"
say "ok: another yitongd on the same port is refused, though workers share it"

anchors() { $bin/yitong --conf $dir/gateway.yaml journal verify | sed -n 's/^ *anchors *//p'; }
wait_signed() {
	for _ in $(seq 100); do
		[[ $(anchors) == [1-9]*", 1 came after it" ]] && return 0 # the one that the anchor is in
		sleep 0.1
	done
	fail "an idle gateway leaves the end of its journal unsigned: $(anchors)"
}
wait_signed
before=$(anchors)
sleep 2.5 # twice anchor_s and more
[ "$(anchors)" = "$before" ] || fail "anchors are signed for anchors: $before, then $(anchors)"
say "ok: an idle gateway signs the end of its journal once"

$bin/yitong --conf $dir/gateway.yaml index rebuild >$dir/rebuild.log 2>&1 || fail "index rebuild: $(cat $dir/rebuild.log)"
wait_log "the keeper ended as it was asked to"
for _ in $(seq 100); do # a reload before the next one is up would be refused
	[ "$($bin/yitong --conf $dir/gateway.yaml status --json 2>/dev/null | jq .accepting)" = true ] && break
	sleep 0.1
done
wait_signed
! grep -q 'error' $dir/gateway.log || fail "a rebuild is told as an error: $(grep error $dir/gateway.log)"
say "ok: an index made anew is no error"

kill -HUP -- "-$gateway"
wait_log "ready: generation 2"
! grep -q 'ended: signal' $dir/gateway.log || fail "a process died of the hang-up"
say "ok: a hang-up of the whole group is a reload"

worker=$($bin/yitong --conf $dir/gateway.yaml status --json | jq '.workers | max_by(.generation) | .pid') # not one that drains
kill -STOP "$worker"
wait_log "ms; it is killed"
wait_log "ended: signal 9"
for _ in $(seq 100); do
	n=$($bin/yitong --conf $dir/gateway.yaml status --json | jq '[.workers[] | select(.incarnation > 0)] | length')
	[ "$n" = 2 ] && break
	sleep 0.1
done
[ "$n" = 2 ] && ! is_alive "$worker" || fail "a worker that stands still is not replaced: $n workers"
say "ok: a worker that stands still is replaced"

kill -INT -- "-$gateway"
wait "$gateway"
ended=$?
wait_log "all written down; the journal is closed"
[ "$(grep -c 'ended: signal' $dir/gateway.log)" = 1 ] || fail "a process died of Ctrl-C"
[ "$ended" = 0 ] || fail "yitongd ended with $ended"
say "ok: Ctrl-C of the whole group drains and closes the journal"
