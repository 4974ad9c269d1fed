#!/bin/bash
# tests/e2e/plugin_crash.sh - promise P8: a plugin that crashes costs one parked message.
#
# The gateway runs with the codec `fragile` (tests/plugins/fragile).  One request kills the worker that decodes
# it, then one answer does while a settlement is out: the worker comes back, the octets are parked and not
# decoded again, the settlement's outcome is found out, and everybody else is served.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
bin=build/release/bin dir=run/plugin_crash
trap stop_all EXIT
./dev build >/dev/null || exit 1
need_free 27443 27444 26443 26444
rm -rf $dir && mkdir -p $dir
make_conf $dir/all.yaml run_dir=$dir/gateway folder=$dir/gateway/journal index=$dir/gateway/index.db \
	data_keys=$dir/gateway/data-keys plugin_dir=build/release/plugins/fragile format=fragile workers=1 \
	query_timeout_ms=2000 change_timeout_ms=2000 server_delay_ms=500 late_ms=200 reverse_after_ms=200 retry_ms=100 \
	url=https://127.0.0.1:26443/fsi/api/rsfComIfsService/callService || exit 1
sed -e 's/port: 8443/port: 27443/; s/port: 8444/port: 27444/' $dir/all.yaml >$dir/gateway.yaml
start platform $dir/platform.log $bin/yitong-sandbox platform --port 26443 --control-port 26444 --certs certs/out
wait_port 26443 "$last_pid" 10 $dir/platform.log || exit 1
start yitongd $dir/gateway.log $bin/yitongd --conf $dir/gateway.yaml
gateway=$last_pid
wait_port 27443 "$gateway" 20 $dir/gateway.log || exit 1

ask() { # NUMBER-OF-MESSAGE TEXT-IN-NAME: one 1101; prints the HTTP status
	sed "s/H33021399901[0-9]*\"/H33021399901$1\"/; s/示例甲/$2/" conf/example-1101.json |
		curl -sS --max-time 10 -o $dir/answer.json -w '%{http_code}' --cacert certs/out/ca.crt \
			--cert certs/out/hospital-one.crt --key certs/out/hospital-one.key \
			-H 'Content-Type: application/json' --data @- https://127.0.0.1:27443/ 2>/dev/null
}
expect() { # WHAT WANTED GOT
	[ "$2" = "$3" ] || fail "$1: wanted $2, got $3"
	say "ok: $1"
}
yitong() { $bin/yitong --conf $dir/gateway.yaml "$@"; }

expect "an ordinary request is served" 200 "$(ask 202603140928050001 示例甲)"
ask 202603140928050002 FRAGILE-REQUEST >/dev/null
expect "the next one is served by the worker that came back" 200 "$(ask 202603140928050003 示例甲)"
expect "the octets that killed it are not decoded again" 503 "$(ask 202603140928050002 FRAGILE-REQUEST)"
grep -q 'died in plugin fragile, decode_request' $dir/gateway.log || fail "the black box does not say what it was"
for _ in $(seq 50); do
	[ "$(yitong parked --json | jq -s 'flatten | length')" -ge 1 ] && break
	sleep 0.1
done
expect "one message is parked" 1 "$(yitong parked --json | jq -s 'flatten | length')"

# The keeper dies too, just before: the next one hears of the crash and parks the octets.
kill -KILL "$(yitong status --json | jq .pid)"
ask 202603140928050004 FRAGILE-REQUEST >/dev/null
for _ in $(seq 100); do
	parked=$(yitong parked --json 2>/dev/null | jq -s 'flatten | length')
	[ "${parked:-0}" -ge 2 ] && break
	sleep 0.1
done
expect "octets that killed a worker while the keeper was down are parked too" 2 "$parked"

# A registration whose answer kills the worker: its effect is real, so its outcome must be found out.
register() {
	jq '.infno = "2201" | .msgid = "H33021399901202603140928050009" | .input.data = {psn_no: "33020000000100000000",
		insutype: "310", begntime: "2026-03-14 09:00:00", mdtrt_cert_type: "02", mdtrt_cert_no: "330213197906152731",
		ipt_otp_no: "MZ-FRAGILE-ANSWER", atddr_no: "D1", dr_name: "示例医生", dept_code: "01", dept_name: "内科",
		caty: "A03"} | .insuplc_admdvs = "330213"' conf/example-1101.json |
		curl -sS --max-time 15 -o $dir/answer.json -w '%{http_code}' --cacert certs/out/ca.crt \
			--cert certs/out/hospital-one.crt --key certs/out/hospital-one.key \
			-H 'Content-Type: application/json' --data @- https://127.0.0.1:27443/ 2>/dev/null
}
register >/dev/null
expect "others are served meanwhile" 200 "$(ask 202603140928050010 示例甲)"
for _ in $(seq 100); do
	state=$(yitong messages --number H33021399901202603140928050009 --json | jq -rs 'flatten | .[0].state // empty')
	case $state in done | refused | parked) break ;; esac
	sleep 0.1
done
say "the registration ended as: $state"
case $state in done | refused | parked) ;; *) fail "the registration's outcome was never found out" ;; esac
kill -HUP "$gateway"
for _ in $(seq 100); do
	grep -qF 'ready: generation 2' $dir/gateway.log && break
	sleep 0.1
done
grep -qF 'ready: generation 2' $dir/gateway.log || { tail -n 5 $dir/gateway.log; fail "no reload after a crash"; }
say "ok: parked octets do not stand in the way of a reload"
yitong journal verify >$dir/verify.log || fail "the journal does not verify"
say "ok: the journal verifies"
