#!/bin/bash
# tests/e2e/lane.sh - an operator stops the way to a party: nothing new leaves for it, also after everything was killed and
# started again, until somebody starts it; who did it is in the journal.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
bin=${YT_BIN:-build/release/bin} dir=run/lane
trap stop_all EXIT
[ -n "${YT_BIN:-}" ] || ./dev build >/dev/null || exit 1
sh certs/make >/dev/null || exit 1
free_ports mtls signed platform control
rm -rf $dir && mkdir -p $dir
make_conf $dir/all.yaml run_dir=$dir/gateway folder=$dir/gateway/journal index=$dir/gateway/index.db \
	data_keys=$dir/gateway/data-keys plugin_dir="${bin%/bin}/plugins" query_timeout_ms=2000 change_timeout_ms=2000 \
	server_delay_ms=500 late_ms=200 reverse_after_ms=200 retry_ms=100 timeout_ms=20000 \
	url=https://127.0.0.1:$platform/fsi/api/rsfComIfsService/callService || exit 1
sed -e "s/port: 8443/port: $mtls/; s/port: 8444/port: $signed/" $dir/all.yaml >$dir/gateway.yaml
start platform $dir/platform.log $bin/yitong-sandbox platform --port $platform --control-port $control --certs certs/out
wait_port $platform "$last_pid" 10 $dir/platform.log || exit 1
start_gateway() {
	start yitongd $dir/gateway.log $bin/yitongd --conf $dir/gateway.yaml
	gateway=$last_pid
	wait_port $mtls "$gateway" 20 $dir/gateway.log || exit 1
}
yitong() { $bin/yitong --conf $dir/gateway.yaml "$@"; }
ask() { # SERIAL TRANSACTION: prints the answer
	jq -c --arg n "H3302139990120260314092805$1" --arg t "$2" '.infno = $t | .msgid = $n' conf/example-1101.json |
		curl -sS --max-time 18 --cacert certs/out/ca.crt --cert certs/out/hospital-one.crt \
			--key certs/out/hospital-one.key -H 'Content-Type: application/json' --data @- https://127.0.0.1:$mtls/
}
expect() { # WHAT WORD ANSWER
	case $3 in *$2*) say "ok: $1" ;; *) fail "$1: no $2 in $3" ;; esac
}

start_gateway
expect "a query passes" '"infcode":0' "$(ask 0001 1101)"
expect "a change passes" '"inf_refmsgid"' "$(ask 0002 9999 | tee $dir/change.json)"
yitong lane zhejiang stop --operator li 2>/dev/null && fail "stopped without a reason"
yitong lane nowhere stop --operator li --reason x 2>/dev/null && fail "a party that is none is stopped"
yitong lane zhejiang stop --operator li --reason "their maintenance" || fail "stop"
yitong lane zhejiang stop --operator li --reason again 2>/dev/null && fail "stopped twice"
expect "a query is refused" Y303 "$(ask 0003 1101)"
expect "a change is refused" Y303 "$(ask 0004 9999)"
expect "who asks again hears what became of it" "$(jq -r .inf_refmsgid $dir/change.json)" "$(ask 0002 9999)"
expect "it is listed" '"stopped":true' "$(yitong lane zhejiang --json)"
kill_all "$gateway"
start_gateway
expect "still refused after all was killed" Y303 "$(ask 0005 1101)"
yitong lane zhejiang start --operator wang --reason "it is over" || fail "start"
expect "a query passes again" '"infcode":0' "$(ask 0006 1101)"
counts() { yitong lane zhejiang --json; }
is_counted() { [[ $(counts) == *'"answered":1'* ]]; }
eventually is_counted
expect "the counts" '"answered":1' "$(counts)"
yitong audit >$dir/audit.txt
grep -q 'li .*lane zhejiang stopped .*their maintenance' $dir/audit.txt || fail "audit: $(cat $dir/audit.txt)"
grep -q 'wang .*lane zhejiang started' $dir/audit.txt || fail "audit: $(cat $dir/audit.txt)"
yitong journal verify >$dir/verify.log || fail "the journal does not verify"
say "ok: the audit names both"
