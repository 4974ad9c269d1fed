#!/bin/bash
# tests/e2e/sftp.sh - a bank by SFTP, both ways, against a real sshd: a list is uploaded once though the server dies meanwhile, its
# result file is fetched and answered once, and comes again only when it changes.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
preset=${YT_PRESET:-release} bin=build/${YT_PRESET:-release}/bin dir=$PWD/run/sftp
if [ ! -x /usr/sbin/sshd ] || ! command -v ssh-keygen >/dev/null; then
	say "skipped: there is no /usr/sbin/sshd (package openssh-server)"
	exit 77
fi
trap stop_all EXIT
[ -n "${YT_PRESET:-}" ] || ./dev build >/dev/null || exit 1
free_ports mtls signed ssh
rm -rf "$dir" && mkdir -p "$dir"/lists/{in,taken,done,refused} "$dir"/spool/{sent,in,fetched,taken,done,refused} "$dir"/there/{out,in}
chmod go-w "$dir"
for key in ours host; do ssh-keygen -q -t ed25519 -N '' -f "$dir/$key" || exit 1; done
cp "$dir/ours.pub" "$dir/allowed"
echo "[127.0.0.1]:$ssh $(cut -d' ' -f1,2 "$dir/host.pub")" >"$dir/known"
printf '%s\n' "Port $ssh" "ListenAddress 127.0.0.1" "HostKey $dir/host" "AuthorizedKeysFile $dir/allowed" "StrictModes no" \
	"UsePAM no" "PasswordAuthentication no" "KbdInteractiveAuthentication no" "PidFile none" \
	"PermitRootLogin prohibit-password" "Subsystem sftp internal-sftp" >"$dir/sshd.conf"
[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
start_bank() {
	start sshd "$dir/sshd.log" /usr/sbin/sshd -D -e -f "$dir/sshd.conf"
	bank=$last_pid
	wait_port "$ssh" "$bank" 10 "$dir/sshd.log" || exit 1
}
start_bank

make_conf "$dir/all.yaml" run_dir="$dir/gateway" folder="$dir/gateway/journal" index="$dir/gateway/index.db" \
	data_keys="$dir/gateway/data-keys" plugin_dir=build/$preset/plugins retry_ms=100 retry_max_ms=500 || exit 1
folder() { # NAME PATH ORIGIN
	printf '  - name: %s\\n    kind: folder\\n    format: bankfile\\n    path: %s\\n    origin: %s\\n    look_ms: 200\\n    settle_ms: 20\\n    settings: { corp_no: "3302990001" }\\n' "$@"
}
awk -v lists="$(folder lists "$dir/lists" agency)" -v results="$(folder results "$dir/spool" bank)" -v dir="$dir" \
	-v user="$(id -un)" -v port="$ssh" '
	{ print }
	/^listeners:/ { printf "%s%s", lists, results }
	/^parties:/ { print "  - name: bank\n    format: bankfile\n    url: sftp://" user "@127.0.0.1:" port dir "/there\n    key: " dir "/ours\n    known_hosts: " dir "/known\n    spool: " dir "/spool\n    fetch_ms: 200\n    settings: { corp_no: \"3302990001\" }" }
	/^origins:/ { print "  - name: agency\n    institutions: [\"3302990001\"]\n  - name: bank\n    institutions: [\"3302990001\"]" }
	/^institutions:/ { print "  - { code: \"3302990001\", name: 示例市医保中心, area: \"330200\", operator: YT9001 }" }
	/^routes:/ { print "  - name: payments\n    to: bank\n    operations: [pay.batch]" }
' "$dir/all.yaml" | sed -e "s/port: 8443/port: $mtls/; s/port: 8444/port: $signed/" >"$dir/gateway.yaml"
$bin/yitong check "$dir/gateway.yaml" >"$dir/check" 2>&1 || fail "it does not check: $(cat "$dir/check")"
$bin/yitong --conf "$dir/gateway.yaml" probe bank >"$dir/probe" 2>&1 || fail "the probe: $(cat "$dir/probe")"
grep -q '0 files lie in' "$dir/probe" || fail "the probe: $(cat "$dir/probe")"
say "ok: yitong probe signs in and looks"

sealed() { # COUNT TOTAL: the file from standard input with its trailer
	iconv -f UTF-8 -t GB18030 >"$dir/plain"
	cat "$dir/plain"
	printf 'T|%s|%s|%s\n' "$1" "$2" "$(openssl dgst -sm3 -r <"$dir/plain" | cut -d' ' -f1)"
}
list() { # NUMBER of six digits
	printf 'H|1.0|3302990001|%s|20261120|02|3999020001000000018|CNY|1|21463.50\nD|000001|MA20261120%s%s|陈晐|01|330299199307265047|6299993302000003039|105332099046|示例建设银行宁波分行|21463.50|生育津贴|\n' \
		"$1" "$1" "$1" | sealed 1 21463.50
}
result() { # NUMBER STATE CODE TEXT OK FAILED OPEN, the last three as count|amount
	printf 'H|1.0|3302990001|%s|20261120|02|3999020001000000018|CNY|1|21463.50|%s|%s|%s\nR|000001|MA20261120%s%s|6299993302000003039|21463.50|%s|%s|%s|BK20261120000072001|20261120|101502\n' \
		"$1" "$5" "$6" "$7" "$1" "$1" "$2" "$3" "$4" | sealed 1 21463.50
}
name() { printf 'PAY_3302990001_20261120_%s.txt' "$1"; }
drop() { # NUMBER
	list "$1" >"$dir/lists/in/$(name "$1").tmp" && mv "$dir/lists/in/$(name "$1").tmp" "$dir/lists/in/$(name "$1")"
}
wait_file() { # FILE
	for _ in $(seq 300); do [ -e "$1" ] && return; sleep 0.05; done
	fail "there is no $1: $(find "$dir" -name '*_*' | head -n 30); $(tail -n 5 "$dir/gateway.log")"
}
start yitongd "$dir/gateway.log" $bin/yitongd --conf "$dir/gateway.yaml"
gateway=$last_pid
wait_port "$mtls" "$gateway" 20 "$dir/gateway.log" || exit 1

drop 000001
wait_file "$dir/lists/done/$(name 000001)"
list 000001 | cmp - "$dir/there/out/$(name 000001)" || fail "the bank has other octets"
say "ok: a list is uploaded, octet for octet"

# The server and its sessions die while lists go; what may have arrived is found out, what did not goes later or is refused.
for i in 2 3 4 5 6 7; do drop "00000$i"; done
for _ in 1 2 3; do
	sleep 0.2
	sessions=$(cat "/proc/$bank/task/$bank/children")
	kill -KILL "$bank" $sessions 2>/dev/null
	wait "$bank" 2>/dev/null
	start_bank
done
for i in 2 3 4 5 6 7; do
	for _ in $(seq 400); do
		[ -e "$dir/lists/done/$(name "00000$i")" ] || [ -e "$dir/lists/refused/$(name "00000$i")" ] && break
		sleep 0.05
	done
	there=no
	[ ! -e "$dir/there/out/$(name "00000$i")" ] || there=yes
	if [ -e "$dir/lists/done/$(name "00000$i")" ]; then said=yes; else said=no; fi
	[ $there = $said ] || fail "list $i: done is $said, at the bank is $there; $(cat "$dir/lists/refused/$(name "00000$i").why.txt" 2>/dev/null)"
	[ $there = no ] || list "00000$i" | cmp - "$dir/there/out/$(name "00000$i")" || fail "list $i has other octets"
done
say "ok: lists of a server that dies are at the bank, or refused unsent: $(ls "$dir/there/out" | wc -l) of 7 are there"

result 000001 03 000000 银行处理中 '0|0.00' '0|0.00' '1|21463.50' >"$dir/there/in/RES_3302990001_20261120_000001_01.txt"
wait_file "$dir/spool/done/RES_3302990001_20261120_000001_01.txt"
result 000001 04 000000 成功 '1|21463.50' '0|0.00' '0|0.00' >"$dir/there/in/RES_3302990001_20261120_000001_02.txt"
wait_file "$dir/spool/done/RES_3302990001_20261120_000001_02.txt"
result 000001 05 E20005 户名与账号不符 '0|0.00' '1|21463.50' '0|0.00' | sed 's/户名/x/' >"$dir/there/in/RES_3302990001_20261120_000001_03.txt"
printf x >>"$dir/there/in/RES_3302990001_20261120_000001_03.txt"
eventually [ -e "$dir/spool/in/RES_3302990001_20261120_000001_03.txt" ]
sleep 1
[ "$(find "$dir/spool/done" -name 'RES_*' | wc -l)" = 2 ] || fail "a result came more than once: $(ls "$dir/spool/done")"
[ -e "$dir/spool/in/RES_3302990001_20261120_000001_03.txt" ] || fail "half a result was not waited for: $(find "$dir/spool" -name '*03*')"
say "ok: results are fetched and answered once each, half of one is waited for"
results() { $bin/yitong --conf "$dir/gateway.yaml" messages --json --limit 100 2>/dev/null | grep -c '"pay.result"'; }
has_both() { [ "$(results)" -ge 2 ]; }
eventually has_both # the index is some tenths of a second behind
n=$(results)
[ "$n" = 2 ] || fail "$n results were taken, not 2"
kill -INT "$gateway"
wait "$gateway" || fail "yitongd ended badly"
say "ok: it ends in order"
