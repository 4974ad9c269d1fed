#!/bin/bash
# tests/e2e/stop.sh - a worker that stands still is replaced; Ctrl-C and hang-up reach every process of ours: the
# first drains and lets nobody in, the second reloads; no file we leave can be read by others; an idle gateway signs the end of its journal,
# once; a keeper that was asked to make its index anew is no death, one that is killed at the end is.
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

# Half a request holds the drain open: it is still served, and who comes now is refused, not left waiting.  A reload that
# waits for the keeper's word, who is held up, comes to nothing.
mkfifo $dir/half
timeout 60 openssl s_client -quiet -connect 127.0.0.1:$mtls -CAfile certs/out/ca.crt -cert certs/out/hospital-one.crt \
	-key certs/out/hospital-one.key <$dir/half >$dir/answer 2>/dev/null &
asker=$!
exec 4>$dir/half
printf 'POST /fsi/api/rsfComIfsService/callService HTTP/1.1\r\nHost: a\r\n' >&4
for _ in $(seq 100); do
	[ "$($bin/yitong --conf $dir/gateway.yaml status --json | jq '[.workers[].connections] | add')" = 1 ] && break
	sleep 0.1
done
keeper=$($bin/yitong --conf $dir/gateway.yaml status --json | jq .pid)
kill -STOP "$keeper"
kill -HUP "$gateway"
for _ in $(seq 100); do [ -s $dir/gateway/active-3.yaml ] && break; sleep 0.1; done
[ -s $dir/gateway/active-3.yaml ] || fail "the reload does not get as far as the keeper"
kill -INT -- "-$gateway"
wait_log "stopping: workers drain"
kill -CONT "$keeper"
for _ in $(seq 100); do
	[ -z "$(port_inode $mtls)" ] && break
	sleep 0.1
done
[ -z "$(port_inode $mtls)" ] || fail "the port is open while workers drain: who connects waits unheard"
is_alive "$gateway" || fail "it did not wait for half a request"
printf 'Content-Length: 2\r\n\r\n{}' >&4
wait "$asker"
exec 4>&-
grep -q '^HTTP/1.1 200' $dir/answer || fail "a request that had begun was not served: $(cat $dir/answer)"
say "ok: a request that had begun is served to its end, and nobody else is let in"
for _ in $(seq 200); do is_alive "$gateway" || break; sleep 0.1; done
! is_alive "$gateway" || fail "it does not end"
! grep -Eq 'generation 3|is not activated' $dir/gateway.log || fail "a reload goes on while we stop"
say "ok: a reload that was under way comes to nothing"
wait "$gateway"
ended=$?
wait_log "all written down; the journal is closed"
[ "$(grep -c 'ended: signal' $dir/gateway.log)" = 1 ] || fail "a process died of Ctrl-C"
[ "$ended" = 0 ] || fail "yitongd ended with $ended"
say "ok: Ctrl-C of the whole group drains and closes the journal"

# A keeper that dies while it writes down what is left: yitongd says with its status that it was no orderly end.
: >$dir/gateway.log
start yitongd $dir/gateway.log $bin/yitongd --conf $dir/gateway.yaml
gateway=$last_pid
wait_log "ready: generation 1"
keeper=$($bin/yitong --conf $dir/gateway.yaml status --json | jq .pid)
kill -STOP "$keeper"
kill -TERM "$gateway"
wait_log "workers are gone: the keeper writes down what is left"
kill -KILL "$keeper"
wait "$gateway"
ended=$?
[ "$ended" = 1 ] || fail "yitongd ended with $ended although its keeper was killed at the end"
say "ok: an end without the keeper's last word is no orderly one"
