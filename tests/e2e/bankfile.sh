#!/bin/bash
# tests/e2e/bankfile.sh - payment lists as files, both ways: a list that is put into one folder reaches the bank's once, whatever is
# killed meanwhile and though the bank takes files away at any time; where the bank's folder is gone nothing leaves.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
preset=${YT_PRESET:-release} bin=build/${YT_PRESET:-release}/bin dir=run/bankfile
trap stop_all EXIT
[ -n "${YT_PRESET:-}" ] || ./dev build >/dev/null || exit 1
free_ports mtls signed
rm -rf $dir && mkdir -p $dir/lists/{in,taken,done,refused} $dir/bank/{out,sent} $dir/taken
make_conf $dir/all.yaml run_dir=$dir/gateway folder=$dir/gateway/journal index=$dir/gateway/index.db \
	data_keys=$dir/gateway/data-keys plugin_dir=build/$preset/plugins retry_ms=100 || exit 1
awk -v dir=$dir '
	{ print }
	/^listeners:/ { print "  - name: lists\n    kind: folder\n    format: bankfile\n    path: " dir "/lists\n    origin: agency\n    look_ms: 200\n    settle_ms: 20\n    settings: { corp_no: \"3302990001\" }" }
	/^parties:/ { print "  - name: bank\n    format: bankfile\n    url: file:" dir "/bank\n    settings: { corp_no: \"3302990001\" }" }
	/^origins:/ { print "  - name: agency\n    institutions: [\"3302990001\"]" }
	/^institutions:/ { print "  - { code: \"3302990001\", name: 示例市医保中心, area: \"330200\", operator: YT9001 }" }
	/^routes:/ { print "  - name: payments\n    to: bank\n    operations: [pay.batch]" }
' $dir/all.yaml | sed -e "s/port: 8443/port: $mtls/; s/port: 8444/port: $signed/" >$dir/gateway.yaml
$bin/yitong check $dir/gateway.yaml >$dir/check 2>&1 || fail "it does not check: $(cat $dir/check)"

list() { # NUMBER of six digits, FEN of two
	local head="H|1.0|3302990001|$1|20261120|02|3999020001000000018|CNY|1|21463.$2"
	printf '%s\nD|000001|MA20261120%s%s|陈晐|01|330299199307265047|6299993302000003039|105332099046|示例建设银行宁波分行|21463.%s|生育津贴|\n' \
		"$head" "$1" "$1" "$2" | iconv -f UTF-8 -t GB18030 >$dir/list
	printf 'T|1|21463.%s|%s\n' "$2" "$(openssl dgst -sm3 -r <$dir/list | cut -d' ' -f1)" >>$dir/list
	cat $dir/list
}
name() { printf 'PAY_3302990001_20261120_%s.txt' "$1"; }
drop() { # NUMBER FEN
	list "$1" "$2" >"$dir/lists/in/$(name "$1").tmp" && mv "$dir/lists/in/$(name "$1").tmp" "$dir/lists/in/$(name "$1")"
}
wait_file() { # FILE
	for _ in $(seq 300); do [ -e "$1" ] && return; sleep 0.05; done
	fail "there is no $1: $(find $dir -name '*PAY*'); $(tail -n 5 $dir/gateway.log)"
}
begin() {
	start yitongd $dir/gateway.log $bin/yitongd --conf $dir/gateway.yaml
	gateway=$last_pid
	wait_port $mtls "$gateway" 20 $dir/gateway.log || exit 1
}
begin

drop 000001 50
wait_file "$dir/lists/done/$(name 000001)"
list 000001 50 | cmp - "$dir/bank/out/$(name 000001)" || fail "the bank has other octets"
say "ok: a list reaches the bank's folder, octet for octet"

drop 000001 50
wait_file "$dir/lists/done/$(name 000001)"
drop 000001 60
wait_file "$dir/lists/refused/$(name 000001).why.txt"
list 000001 50 | cmp - "$dir/bank/out/$(name 000001)" || fail "the bank's file was changed"
say "ok: the same list again changes nothing, another under its name is refused: $(cat "$dir/lists/refused/$(name 000001).why.txt")"

list 000002 50 | sed 's/21463/21464/' >"$dir/lists/in/$(name 000002)"
wait_file "$dir/lists/refused/$(name 000002).why.txt"
say "ok: a list that is wrong is refused: $(cat "$dir/lists/refused/$(name 000002).why.txt")"

mv $dir/bank/out $dir/bank/gone
drop 000003 50
wait_file "$dir/lists/refused/$(name 000003).why.txt"
mv $dir/bank/gone $dir/bank/out
[ ! -e "$dir/bank/out/$(name 000003)" ] || fail "it left all the same"
grep -q "folder $dir/bank/out cannot be used: No such file" $dir/gateway.log || fail "the log does not name the folder"
say "ok: without the bank's folder nothing leaves, and that is said: $(cat "$dir/lists/refused/$(name 000003).why.txt")"

# The bank takes what it finds, at any time; workers, then all of it, are killed in the middle.
(
	while :; do
		for f in $dir/bank/out/PAY_*; do
			[ -e "$f" ] || continue
			to=$dir/taken/$(basename "$f")
			while [ -e "$to" ]; do to=$to.again; done
			mv "$f" "$to" 2>/dev/null
		done
		sleep 0.01
	done
) &
bank=$!
started_pids+=("$bank") started_names+=("bank")
for i in $(seq 100 139); do
	drop "000$i" 50
	if [ $((i % 13)) = 0 ]; then
		for pid in $($bin/yitong --conf $dir/gateway.yaml status --json | jq '.workers[].pid'); do kill -KILL "$pid"; done
	fi
done
kill_all "$gateway"
begin
for i in $(seq 100 139); do wait_file "$dir/lists/done/$(name "000$i")"; wait_file "$dir/taken/$(name "000$i")"; done
kill "$bank"
[ -z "$(find $dir/taken -name '*.again')" ] || fail "the bank got a list twice: $(ls $dir/taken)"
for i in $(seq 100 139); do
	list "000$i" 50 | cmp - "$dir/taken/$(name "000$i")" || fail "list $i has other octets"
done
say "ok: 40 lists reach the bank once each, whatever is killed"
for _ in $(seq 100); do
	open=$($bin/yitong --conf $dir/gateway.yaml status --json 2>/dev/null | jq '.pending // .exchanges.open')
	[ "$open" = 0 ] && break
	sleep 0.1
done
[ "$open" = 0 ] || fail "$open exchanges are still open"
[ -z "$(ls $dir/lists/in $dir/lists/taken | grep PAY)" ] || fail "lists are left over"
kill -INT "$gateway"
wait "$gateway" || fail "yitongd ended badly"
say "ok: nothing is open, it ends in order"
