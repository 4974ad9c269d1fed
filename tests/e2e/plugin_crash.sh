#!/bin/bash
# tests/e2e/plugin_crash.sh - promise P8: a plugin that crashes costs one parked message.
#
# The gateway runs with the codec `fragile` (tests/plugins/fragile).  One request kills the worker that decodes
# it, then one answer does while a settlement is out: the worker comes back, the octets are parked and not
# decoded again, the settlement's outcome is found out, and everybody else is served.  Then one message dies in each
# other function of the table; how long it takes until the next one is served is told, not judged.
#
# YT_BUILD_DIR: a build folder that is up to date already, else build/release is brought up to date.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
build=${YT_BUILD_DIR:-build/release} dir=run/plugin_crash
bin=$build/bin
trap stop_all EXIT
[ -n "${YT_BUILD_DIR:-}" ] || ./dev build >/dev/null || exit 1
free_ports mtls signed platform control
rm -rf $dir && mkdir -p $dir
make_conf $dir/all.yaml run_dir=$dir/gateway folder=$dir/gateway/journal index=$dir/gateway/index.db \
	data_keys=$dir/gateway/data-keys plugin_dir="$build/plugins/fragile" format=fragile workers=1 \
	query_timeout_ms=2000 change_timeout_ms=2000 server_delay_ms=500 late_ms=200 reverse_after_ms=200 retry_ms=100 \
	url=https://127.0.0.1:$platform/fsi/api/rsfComIfsService/callService || exit 1
sed -e "s/port: 8443/port: $mtls/; s/port: 8444/port: $signed/" $dir/all.yaml >$dir/gateway.yaml
start platform $dir/platform.log $bin/yitong-sandbox platform --port $platform --control-port $control --certs certs/out
wait_port $platform "$last_pid" 10 $dir/platform.log || exit 1
start yitongd $dir/gateway.log $bin/yitongd --conf $dir/gateway.yaml
gateway=$last_pid
wait_port $mtls "$gateway" 20 $dir/gateway.log || exit 1

ask() { # NUMBER-OF-MESSAGE TEXT-IN-NAME: one 1101; prints the HTTP status
	sed "/msgid/s/H33021399901[0-9]*\"/H33021399901$1\"/; s/示例甲/$2/" conf/example-1101.json |
		curl -sS --max-time 10 -o $dir/answer.json -w '%{http_code}' --cacert certs/out/ca.crt \
			--cert certs/out/hospital-one.crt --key certs/out/hospital-one.key \
			-H 'Content-Type: application/json' --data @- https://127.0.0.1:$mtls/ 2>/dev/null
}
ms() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%d", (b - a) * 1000 }'; }
expect() { # WHAT WANTED GOT
	[ "$2" = "$3" ] || fail "$1: wanted $2, got $3"
	say "ok: $1"
}
yitong() { $bin/yitong --conf $dir/gateway.yaml "$@"; }

expect "an ordinary request is served" 200 "$(ask 202603140928050001 示例甲)"
ask 202603140928050002 FRAGILE-REQUEST >/dev/null
from=$(now)
expect "the next one is served by the worker that came back" 200 "$(ask 202603140928050003 示例甲)"
say "decode_request: served again after $(ms "$from") ms (information)"
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
register() { # NUMBER DEPARTMENT
	jq --arg number "$1" --arg dept "$2" '.infno = "2201" | .msgid = $number | .input.data = {psn_no: "33020000000100000000",
		insutype: "310", begntime: "2026-03-14 09:00:00", mdtrt_cert_type: "02", mdtrt_cert_no: "330213197906152731",
		ipt_otp_no: $number[-20:], atddr_no: "D1", dr_name: "示例医生", dept_code: "01", dept_name: $dept,
		caty: "A03"} | .insuplc_admdvs = "330213"' conf/example-1101.json |
		curl -sS --max-time 15 -o $dir/answer.json -w '%{http_code}' --cacert certs/out/ca.crt \
			--cert certs/out/hospital-one.crt --key certs/out/hospital-one.key \
			-H 'Content-Type: application/json' --data @- https://127.0.0.1:$mtls/ 2>/dev/null
}
register H33021399901202603140928050009 FRAGILE-ANSWER >/dev/null
expect "others are served meanwhile" 200 "$(ask 202603140928050010 示例甲)"
for _ in $(seq 100); do
	state=$(yitong messages --number H33021399901202603140928050009 --json | jq -rs 'flatten | .[0].state // empty')
	case $state in done | refused | parked) break ;; esac
	sleep 0.1
done
say "the registration ended as: $state"
case $state in done | refused | parked) ;; *) fail "the registration's outcome was never found out" ;; esac

# -- each other function ----------------------------------------------------------------------------
serial=100
crashes() { grep -c "died in plugin fragile, $1" $dir/gateway.log; }
# Until an ordinary request is served again: "FUNCTION: served again after N ms".
served_again() {
	local from
	from=$(now)
	for _ in $(seq 200); do
		serial=$((serial + 1))
		[ "$(ask "2026031409280503$(printf %02d $((serial % 100)))" 示例甲)" = 200 ] && break
		sleep 0.01
	done
	[ "$(crashes "$1")" -ge 1 ] || { tail -n 5 $dir/gateway.log; fail "$1: nothing died there"; }
	is_alive "$gateway" || fail "$1: the gateway is gone"
	say "ok: $1: served again after $(ms "$from") ms (information)"
}
n=20
a_while() { sleep 2.1; } # a worker that lived so long is started again at once; one that keeps dying young, later
for function in encode_request encode_reply path sign; do
	n=$((n + 1))
	a_while
	ask "2026031409280600$n" "DIES-$function" >/dev/null
	served_again $function
	expect "$function: the same message is not taken again" 503 "$(ask "2026031409280600$n" "DIES-$function")"
done
for function in sender verify; do
	a_while
	curl -sS --max-time 5 -o /dev/null --cacert certs/out/ca.crt -H 'x-tif-paasid: CLINIC01' -H 'x-tif-timestamp: 1' \
		-H "x-tif-nonce: DIES-$function" -H 'x-tif-signature: 1' --data-binary '{}' https://127.0.0.1:$signed/ 2>/dev/null
	served_again $function
done
# What finds an outcome out: the answer kills the worker first, so there is something to find out.
state_of() { yitong messages --number "$1" --json | jq -rs 'flatten | .[0].state // empty'; }
found_out() { # FUNCTION NUMBER
	local state=
	for _ in $(seq 150); do
		state=$(state_of "$2")
		case $state in done | refused | parked | reversed) [ "$(crashes "$1")" -ge 1 ] && break ;; esac
		sleep 0.1
	done
	served_again "$1"
	case $state in done | refused | parked | reversed) say "ok: $1: its message ended as $state" ;;
	*) fail "$1: its message stands as \"$state\"" ;; esac
}
for function in query_for judge; do # two crashes close together, and one until it is parked
	n=$((n + 1))
	a_while
	register "H330213999012026031409280700$n" "FRAGILE-ANSWER DIES-$function" >/dev/null
	found_out $function "H330213999012026031409280700$n"
done
kill -HUP "$gateway"
for _ in $(seq 100); do
	grep -qF 'ready: generation 2' $dir/gateway.log && break
	sleep 0.1
done
grep -qF 'ready: generation 2' $dir/gateway.log || { tail -n 5 $dir/gateway.log; fail "no reload after a crash"; }
say "ok: parked octets do not stand in the way of a reload"
yitong journal verify >$dir/verify.log || fail "the journal does not verify"
say "ok: the journal verifies"
