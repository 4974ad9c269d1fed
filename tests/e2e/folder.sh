#!/bin/bash
# tests/e2e/folder.sh - messages that are files: each is answered once and lies in done, or in refused with the reason; the same
# file again changes nothing; a gateway that is killed, or reloaded, loses and doubles none.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
preset=${YT_PRESET:-release} bin=build/${YT_PRESET:-release}/bin dir=run/folder
trap stop_all EXIT
[ -n "${YT_PRESET:-}" ] || ./dev build >/dev/null || exit 1
free_ports mtls signed
rm -rf $dir && mkdir -p $dir/files/{in,taken,done,refused}
make_conf $dir/all.yaml run_dir=$dir/gateway folder=$dir/gateway/journal index=$dir/gateway/index.db \
	data_keys=$dir/gateway/data-keys plugin_dir=build/$preset/plugins || exit 1
awk -v dir=$dir '
	{ print }
	/^listeners:/ { print "  - name: files\n    kind: folder\n    format: intake\n    path: " dir "/files\n    origin: counter\n    look_ms: 200\n    settle_ms: 50" }
	/^origins:/ { print "  - name: counter\n    institutions: [H33021399901]" }
' $dir/all.yaml | sed -e "s/port: 8443/port: $mtls/; s/port: 8444/port: $signed/" >$dir/gateway.yaml
$bin/yitong check $dir/gateway.yaml >$dir/check 2>&1 || fail "it does not check: $(cat $dir/check)"

consent() { # NUMBER SCOPE
	printf '{"operation": "consent.put", "number": "%s", "institution": "H33021399901", "psn_no": "33020000000000000000000001",
		"consent": {"auth_no": "SQ-1", "auth_time": "2026-11-20 09:30:00", "scope": "%s", "channel": "1", "expire_date": "2027-12-31",
		"evidence_sm3": "651b96df59518f631ae23117c3b0db0b6971200a242f4dbc39f7be3065420a69"}}\n' "$1" "$2"
}
drop() { # NAME: its content comes from standard input
	cat >"$dir/files/in/$1.tmp" && mv "$dir/files/in/$1.tmp" "$dir/files/in/$1"
}
wait_file() { # FILE below $dir/files
	for _ in $(seq 200); do [ -e "$dir/files/$1" ] && return; sleep 0.05; done
	fail "there is no $1: $(find $dir/files -type f); $(tail -n 5 $dir/gateway.log)"
}
begin() {
	start yitongd $dir/gateway.log $bin/yitongd --conf $dir/gateway.yaml
	gateway=$last_pid
	wait_port $mtls "$gateway" 20 $dir/gateway.log || exit 1
}

consent A-1 1111 | drop before.json # it lay there before anybody looked
begin
wait_file done/before.json
consent A-2 1111 | drop second.json
wait_file done/second.json
say "ok: files are answered and lie in done"

consent A-1 1111 | drop again.json
wait_file done/again.json
consent A-1 1000 | drop other.json
wait_file refused/other.json.why.txt
grep -q . $dir/files/refused/other.json.why.txt || fail "the reason is empty"
say "ok: the same message again changes nothing, another under its number is refused: $(cat $dir/files/refused/other.json.why.txt)"

echo '{"operation": "consent.put", "number": "A-3", "institution": "H33021399901", "psn_no": 7' | drop broken.json
wait_file refused/broken.json.why.txt
consent A-4 1111 | sed s/H33021399901/H33021399902/ | drop stranger.json
wait_file refused/stranger.json.why.txt
head -c 1100000 /dev/zero | tr '\0' ' ' | drop large.json
wait_file refused/large.json.why.txt
grep -q 'body_kib' $dir/files/refused/large.json.why.txt || fail "it does not name the limit"
say "ok: what cannot be read, is another's or is too large is refused: $(cat $dir/files/refused/broken.json.why.txt)"

for i in $(seq 40); do consent "B-$i" 1111 | drop "b$i.json"; done
sleep 0.1
for pid in $($bin/yitong --conf $dir/gateway.yaml status --json | jq '.workers[].pid'); do kill -KILL "$pid"; done
for i in $(seq 40); do wait_file "done/b$i.json"; done
say "ok: workers that are killed lose none of 40 files"

for i in $(seq 41 60); do consent "B-$i" 1111 | drop "b$i.json"; done
kill -HUP "$gateway"
for i in $(seq 61 80); do consent "B-$i" 1111 | drop "b$i.json"; done
for i in $(seq 41 80); do wait_file "done/b$i.json"; done
consent "B-81" 1111 | drop b81.json
wait_file done/b81.json
say "ok: a reload loses none of 40 files"

[ -z "$(ls $dir/files/in $dir/files/taken | grep json)" ] || fail "files are left over: $(ls $dir/files/in $dir/files/taken)"
n=$(find $dir/files/done -type f | wc -l)
[ "$n" = 84 ] || fail "$n files lie in done, not 84"
for _ in $(seq 50); do # the index follows the log
	n=$($bin/yitong --conf $dir/gateway.yaml messages --json --limit 1000 2>/dev/null | grep '"consent.put"' | grep -c '"state":"done"')
	[ "$n" -ge 83 ] && break
	sleep 0.1
done
[ "$n" = 83 ] || fail "$n messages were taken, not 83"
say "ok: 84 files in done are 83 messages"
kill -INT "$gateway"
wait "$gateway" || fail "yitongd ended badly"
errors=$(grep ' error ' $dir/gateway.log | grep -v 'ended: signal 9')
[ -z "$errors" ] || fail "errors: $errors"
say "ok: it ends in order"
