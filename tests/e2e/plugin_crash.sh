#!/bin/bash
# tests/e2e/plugin_crash.sh - promise P8: a plugin that crashes costs one parked message.
#
# The gateway runs with the codec `fragile` (tests/plugins/fragile).  One request kills the worker that decodes
# it, then one answer does while a settlement is out: the worker comes back, the octets are parked and not
# decoded again, the settlement's outcome is found out, and everybody else is served.  Then one message dies in each
# other function of the table: one more is parked each time, and how long it takes until the next one is served is told;
# judged is only that it takes no two seconds.
# No worker calls explain_signature, statement_write and statement_read (yitong sign-explain and those who write such a
# file do, in a process of their own), so they have no row.
#
# plugin_crash.sh [CODEC]: fragile, or fragile-slow, which says that it is slow, so that it may be called in another thread
# YT_BUILD_DIR: a build folder that is up to date already, else build/release is brought up to date.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
codec=${1:-fragile} build=${YT_BUILD_DIR:-build/release}
dir=run/plugin_crash/$codec
bin=$build/bin
trap stop_all EXIT
[ -n "${YT_BUILD_DIR:-}" ] || ./dev build >/dev/null || exit 1
free_ports mtls signed platform control
rm -rf $dir && mkdir -p $dir
make_conf $dir/all.yaml run_dir=$dir/gateway folder=$dir/gateway/journal index=$dir/gateway/index.db \
	data_keys=$dir/gateway/data-keys plugin_dir="$build/plugins/fragile" format=$codec workers=1 \
	query_timeout_ms=2000 change_timeout_ms=2000 server_delay_ms=500 late_ms=200 reverse_after_ms=200 retry_ms=100 \
	url=https://127.0.0.1:$platform/fsi/api/rsfComIfsService/callService || exit 1
# The second hospital leaves signing in to us.
sed -e "s/port: 8443/port: $mtls/; s/port: 8444/port: $signed/; /code: H33021399902/,/operator/s/sign_in: pass/sign_in: own/" \
	$dir/all.yaml >$dir/gateway.yaml
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
grep -q "died in plugin $codec, decode_request" $dir/gateway.log || fail "the black box does not say what it was"
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
crashes() { grep -c "died in plugin $codec, $1" $dir/gateway.log; }
parked() { yitong parked --json 2>/dev/null | jq -s 'flatten | length'; }
# Until an ordinary request is served again, which tells how long it took.
served_again() { # FUNCTION
	local from took
	from=$(now)
	for _ in $(seq 200); do
		serial=$((serial + 1))
		[ "$(ask "2026031409280503$(printf %02d $((serial % 100)))" 示例甲)" = 200 ] && break
		sleep 0.01
	done
	took=$(ms "$from")
	[ "$(crashes "$1")" -ge 1 ] || { tail -n 5 $dir/gateway.log; fail "$1: nothing died there"; }
	is_alive "$gateway" || fail "$1: the gateway is gone"
	[ "$took" -lt 2000 ] || fail "$1: the next request was served after $took ms only"
	say "ok: $1: served again after $took ms (information)"
}
parks_one() { # FUNCTION PARKED-BEFORE
	local n
	for _ in $(seq 100); do
		n=$(parked)
		[ "$n" -gt "$2" ] && break
		sleep 0.1
	done
	expect "$1: one message is parked" $(($2 + 1)) "$n"
}
n=20
# Each third time for so long that the worker is no young one any more: that keeps dying young is started again later.
times=0
a_while() {
	times=$((times + 1))
	[ $((times % 3)) != 1 ] || sleep 2.1
}
for function in encode_request encode_reply path sign patience make_number http_verify_reply; do # of a query
	n=$((n + 1))
	a_while
	before=$(parked)
	ask "2026031409280600$n" "DIES-$function" >/dev/null
	served_again $function
	expect "$function: the same message is not taken again" 503 "$(ask "2026031409280600$n" "DIES-$function")"
	parks_one $function "$before"
done
for function in sender verify; do # they see headers alone
	signed_ask() {
		curl -sS --max-time 5 -o /dev/null -w '%{http_code}' --cacert certs/out/ca.crt -H 'x-tif-paasid: CLINIC01' \
			-H 'x-tif-timestamp: 1' -H "x-tif-nonce: DIES-$function" -H 'x-tif-signature: 1' \
			--data-binary '{}' https://127.0.0.1:$signed/ 2>/dev/null
	}
	a_while
	before=$(parked)
	signed_ask >/dev/null
	served_again $function
	expect "$function: the same headers are not taken again" 503 "$(signed_ask)"
	parks_one $function "$before"
done
# What is written down without its credentials, and what is asked a second time.
a_while
before=$(parked)
register H33021399901202603140928080001 DIES-blank >/dev/null
served_again blank
expect "blank: the same message is not taken again" 503 "$(register H33021399901202603140928080001 DIES-blank)"
parks_one blank "$before"
a_while
before=$(parked)
expect "a registration" 200 "$(register H33021399901202603140928080002 DIES-repeat_reply)"
register H33021399901202603140928080002 DIES-repeat_reply >/dev/null
served_again repeat_reply
expect "repeat_reply: the same message is not taken again" 503 \
	"$(register H33021399901202603140928080002 DIES-repeat_reply)"
parks_one repeat_reply "$before"
# Signing in for another's operator: it is not tried again, so other messages of that operator are refused.
second() { # NUMBER OPERATOR
	jq --arg number "H33021399902$1" --arg operator "$2" '.msgid = $number | .opter = $operator |
		.fixmedins_code = "H33021399902"' conf/example-1101.json |
		curl -sS --max-time 10 --cacert certs/out/ca.crt --cert certs/out/hospital-two.crt --key certs/out/hospital-two.key \
			-H 'Content-Type: application/json' --data @- https://127.0.0.1:$mtls/ 2>/dev/null
}
a_while
before=$(parked)
second 202603140928090001 DIES-sign_in >/dev/null
served_again sign_in_for
expect "sign_in_for: it is not signed in again" -1 "$(second 202603140928090002 DIES-sign_in | jq -r .infcode)"
expect "sign_in_for: another operator is" 0 "$(second 202603140928090003 S0008 | jq -r .infcode)"
parks_one sign_in_for "$before"
# What finds an outcome out: the answer kills the worker first, so there is something to find out.
state_of() { yitong messages --number "$1" --json 2>/dev/null | jq -rs 'flatten | .[0].state // empty'; }
admit() { # NUMBER DEPARTMENT
	jq --arg number "$1" --arg dept "$2" '.infno = "2401" | .msgid = $number | .insuplc_admdvs = "330213" | .input = {
		mdtrtinfo: {psn_no: "33020000000100000000", insutype: "310", begntime: "2026-03-14 09:00:00",
			mdtrt_cert_type: "02", mdtrt_cert_no: "330213197906152731", med_type: "21", ipt_no: $number[-20:],
			atddr_no: "D1", chfpdr_name: "示例医生", adm_diag_dscr: "示例", adm_dept_codg: "01", adm_dept_name: $dept,
			adm_bed: "1", dscg_maindiag_code: "I10.x00x002", dscg_maindiag_name: "高血压病"},
		diseinfo: [{psn_no: "33020000000100000000", diag_type: "1", maindiag_flag: "1", diag_srt_no: "1",
			diag_code: "I10.x00x002", diag_name: "高血压病", diag_dept: "01", dise_dor_no: "D1",
			dise_dor_name: "示例医生", diag_time: "2026-03-14 09:00:00"}]}' conf/example-1101.json |
		curl -sS --max-time 15 -o $dir/answer.json -w '%{http_code}' --cacert certs/out/ca.crt \
			--cert certs/out/hospital-one.crt --key certs/out/hospital-one.key \
			-H 'Content-Type: application/json' --data @- https://127.0.0.1:$mtls/ 2>/dev/null
}
for function in query_for judge reversal_of; do # two crashes close together, the second parks it
	n=$((n + 1))
	sleep 2.1
	before=$(parked)
	number=H330213999012026031409280700$n
	case $function in reversal_of) how=admit ;; *) how=register ;; esac
	$how $number "FRAGILE-ANSWER DIES-$function" >/dev/null
	for _ in $(seq 1000); do
		[ "$(crashes $function)" -ge 1 ] && break
		sleep 0.01
	done
	served_again $function
	parks_one $function "$before"
	expect "$function: it is its own message" parked "$(state_of $number)"
done
# A new configuration: a codec that dies in open is not activated; one that dies in close has nothing left to lose.
before=$(parked)
sed -i 's/recer_sys_code: YBXT/recer_sys_code: DIES-open/' $dir/gateway.yaml
kill -HUP "$gateway"
for _ in $(seq 100); do
	grep -q 'a plugin crashes with these settings' $dir/gateway.log && break
	sleep 0.1
done
grep -q 'a plugin crashes with these settings' $dir/gateway.log || fail "open: the reload was not refused"
expect "open: served as before" 200 "$(ask 202603140928100001 示例甲)"
sed -i 's/recer_sys_code: DIES-open/recer_sys_code: YBXT/' $dir/gateway.yaml
expect "a worker that will die in close" 200 "$(ask 202603140928100002 DIES-close)"
deaths() { grep -c 'ended: signal' $dir/gateway.log; }
died=$(deaths)
kill -HUP "$gateway"
for _ in $(seq 100); do
	grep -qF 'ready: generation 2' $dir/gateway.log && break
	sleep 0.1
done
grep -qF 'ready: generation 2' $dir/gateway.log || { tail -n 5 $dir/gateway.log; fail "no reload after a crash"; }
say "ok: parked octets do not stand in the way of a reload"
for _ in $(seq 100); do
	[ "$(deaths)" -gt "$died" ] && break
	sleep 0.1
done
expect "close: it died there" $((died + 1)) "$(deaths)"
expect "close: served as before" 200 "$(ask 202603140928100003 示例甲)"
expect "open, close: nothing more is parked" "$before" "$(parked)"
yitong journal verify >$dir/verify.log || fail "the journal does not verify"
say "ok: the journal verifies"
