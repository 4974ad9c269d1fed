#!/bin/bash
# tests/e2e/parked.sh - what no machine can find out is parked; an operator's decision reaches the hospital that
# waits and whoever asks again, and a retry goes on by machine.  At the end a day's bodies are erased.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
bin=build/release/bin dir=run/parked
trap stop_all EXIT
./dev build >/dev/null || exit 1
free_ports mtls signed platform control
rm -rf $dir && mkdir -p $dir
make_conf $dir/all.yaml run_dir=$dir/gateway folder=$dir/gateway/journal index=$dir/gateway/index.db \
	data_keys=$dir/gateway/data-keys plugin_dir=build/release/plugins query_timeout_ms=2000 change_timeout_ms=2000 \
	server_delay_ms=500 late_ms=200 reverse_after_ms=200 retry_ms=100 timeout_ms=20000 \
	url=https://127.0.0.1:$platform/fsi/api/rsfComIfsService/callService || exit 1
sed -e "s/port: 8443/port: $mtls/; s/port: 8444/port: $signed/" $dir/all.yaml >$dir/gateway.yaml
start platform $dir/platform.log $bin/yitong-sandbox platform --port $platform --control-port $control --certs certs/out
wait_port $platform "$last_pid" 10 $dir/platform.log || exit 1
start yitongd $dir/gateway.log $bin/yitongd --conf $dir/gateway.yaml
wait_port $mtls "$last_pid" 20 $dir/gateway.log || exit 1
yitong() { $bin/yitong --conf $dir/gateway.yaml "$@"; }
ask() { # SERIAL: a national transaction that the gateway passes on unread; prints the answer
	jq -c --arg n "H3302139990120260314092805$1" '.infno = "9999" | .msgid = $n' conf/example-1101.json |
		curl -sS --max-time 18 --cacert certs/out/ca.crt --cert certs/out/hospital-one.crt \
			--key certs/out/hospital-one.key -H 'Content-Type: application/json' --data @- https://127.0.0.1:$mtls/
}
parked() { # LAST: the parked exchange that is not LAST (the list is up to a second behind), waited for
	local id
	for _ in $(seq 100); do
		id=$(yitong parked --json 2>/dev/null | jq -rs --arg last "$1" 'flatten | map(.exchange) - [$last] | .[0] // empty')
		[ -n "$id" ] && { echo "$id"; return; }
		sleep 0.1
	done
	fail "nothing was parked"
}

n=0 id=none
for row in "refused:Y403" "reversed:Y403" "done:Y405"; do
	decision=${row%%:*} text=${row##*:} n=$((n + 1))
	curl -sS -X POST http://127.0.0.1:$control/fault -d '{"infno":"9999","kind":"cut","count":1}' >/dev/null
	ask 000$n >$dir/first.json &
	first=$!
	id=$(parked "$id") || exit 1
	yitong parked decide "$id" "$decision" --operator op1 --reason "asked by telephone" || fail "decide $decision"
	wait $first
	grep -q "$text" $dir/first.json || fail "$decision: the one who waits hears: $(cat $dir/first.json)"
	[ "$(ask 000$n)" = "$(cat $dir/first.json)" ] || fail "$decision: asked again, another answer"
	say "ok: decided $decision, told $text, and the same again"
done
curl -sS -X POST http://127.0.0.1:$control/fault -d '{"infno":"9999","kind":"cut","count":1}' >/dev/null
ask 0009 >$dir/first.json &
id=$(parked "$id") || exit 1
yitong parked decide "$id" nonsense --operator op1 --reason x && fail "a wrong decision is taken"
yitong parked decide "$id" retry --operator op1 --reason "try again" || fail "retry is refused"
sleep 1
[ "$(parked none)" = "$id" ] || fail "an unread transaction is not parked again after a retry"
say "ok: retried, and parked again, since no machine can find it out"
yitong parked decide "$id" refused --operator op1 --reason "enough" || exit 1
yitong journal verify >$dir/verify.log || fail "the journal does not verify"

# A day that is over: its key is today's under another name.
keys=$dir/gateway/data-keys day=2026-03-14
cp "$keys/$(TZ=UTC-8 date +%Y%m%d)-body.key" $keys/20260314-body.key || fail "no key of today"
erase() { yitong journal erase "$@" --operator op1 --reason "term over" >$dir/erase.log 2>&1; }
erase $day || fail "erase without --yes: $(cat $dir/erase.log)"
[ -s $keys/20260314-body.key ] || fail "erased without --yes"
yitong journal erase $day --yes --operator op1 2>/dev/null && fail "erased without a reason"
erase "$(TZ=UTC-8 date +%F)" --yes && fail "today is erased"
grep -q 'not over' $dir/erase.log || fail "today: $(cat $dir/erase.log)"
erase 2026-3-14 --yes && fail "a day that is none"
erase $day --yes || fail "erase: $(cat $dir/erase.log)"
[ -e $keys/20260314-body.key ] && fail "the key is still there"
erase $day --yes && fail "erased twice"
grep -q 'no key of that day' $dir/erase.log || fail "twice: $(cat $dir/erase.log)"
yitong audit --json | jq -e -s 'flatten | map(select(.act == "erase 2026-03-14" and .operator == "op1")) | length == 2' \
	>/dev/null || fail "the audit does not list who erased: $(yitong audit)"
say "ok: a day's key is destroyed, and who did it is written down"
