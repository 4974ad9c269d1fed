#!/bin/bash
# tests/e2e/statement_long.sh - a bank's statement of 15,000 lines, while the processes that work it off are killed.
#
# Three payouts are paid over the link; the statement of that day tells of them in its first, a middle and its last line, all others are of
# nobody's here.  A worker and the keeper are killed while it is worked off: each payment has its line once, and the rest is
# listed.  A longer one than limits.statement_lines is refused, and taken when that is raised.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
bin=${YT_BIN:-build/release/bin} dir=run/statement_long lines=15000
trap stop_all EXIT
[ -n "${YT_BIN:-}" ] || ./dev build >/dev/null || exit 1
sh certs/make >/dev/null || exit 1
free_ports intake link iso control
rm -rf $dir && mkdir -p $dir/camt/{in,taken,done,refused}
day=$(date -u -d '+8 hours' +%Y%m%d)
cat >$dir/gateway.yaml <<END
gateway: { profile: development, workers: 1, run_dir: $dir/gateway, plugin_dir: ${bin%/bin}/plugins }
journal: { folder: $dir/gateway/journal, segment_mib: 32, reserve_segments: 1, retention_days: 30, index: $dir/gateway/index.db,
  keys: certs/out/journal-keys, data_keys: $dir/gateway/data-keys }
limits: { body_kib: 8192, ring_mib: 32, statement_lines: $lines }
listeners:
  - { name: intakes, kind: mtls, address: 127.0.0.1, port: $intake, format: intake,
      cert: certs/out/gateway.crt, key: certs/out/gateway.key, client_ca: certs/out/ca.crt }
  - { name: statement-files, kind: folder, format: iso20022, path: $dir/camt, origin: bank-iso, look_ms: 200, settle_ms: 50,
      settings: { customer: "3302990001", bank: BANK } }
secrets: { person-key: certs/out/secrets/person-key }
keys:
  - { name: payer-sm2, kind: sm2-private, file: certs/out/sm2/payer.key, owner: "3302990001", id: 5A0001 }
  - { name: bank-sm2, kind: sm2-public, file: certs/out/sm2/bank.pub, owner: bank, id: 5B0001 }
parties:
  - { name: bank-iso, format: iso20022, url: "https://127.0.0.1:$iso/iso20022", ca: certs/out/ca.crt,
      cert: certs/out/gateway-client.crt, key: certs/out/gateway-client.key, settings: { customer: "3302990001", bank: BANK } }
  - { name: bank-link, format: banklink, url: "tls://127.0.0.1:$link", ca: certs/out/ca.crt, told_by: [bank-iso],
      cert: certs/out/gateway-client.crt, key: certs/out/gateway-client.key, settings: { corp_no: "3302990001", operator: OP000001 } }
origins:
  - { name: agency, subject: hospital-one, institutions: [H33021399901], unknown_style: hold, timeout_ms: 180000 }
  - { name: bank-iso, institutions: [BANK] }
institutions:
  - { code: H33021399901, name: 示例市医保中心, area: "330213", sign_in: pass, operator: YT9001 }
  - { code: BANK, name: 示例银行, area: "330200", sign_in: pass, operator: YT9001 }
cases: { facts: [same-city] }
flows:
  - { name: by-link, steps: ["bank-link:pay.order", "!bank-link:pay.query"], answer: 2, line_after_days: 1 }
payers:
  - { name: link, party: bank-link, pay_type: MA, account: "3999020001000000018", account_name: 宁波市医疗保障基金支出户（示例）, purpose: 生育津贴 }
releases:
  - { pay_type: MA, most: "50000", until: "2099-12-31", signed_by: 示例财务科 }
routes:
  - { name: link, operations: [pay.order], then: by-link }
  - { name: everything, to: bank-iso }
END
$bin/yitong check $dir/gateway.yaml >$dir/check.txt || { cat $dir/check.txt; exit 1; }
start bank $dir/bank.log $bin/yitong-sandbox bank --link-port "$link" --iso-port "$iso" --control-port "$control" --certs certs/out --day "$day"
wait_port "$control" "$last_pid" 10 $dir/bank.log || exit 1
start yitongd $dir/yitongd.log $bin/yitongd --conf $dir/gateway.yaml
gateway=$last_pid
wait_port "$intake" "$last_pid" 20 $dir/yitongd.log || exit 1

wrong() { tail -n 5 $dir/yitongd.log >&2; fail "$1"; }
number() { printf 'MA%s%012d' "$day" "$1"; }
yitong() { $bin/yitong --conf $dir/gateway.yaml "$@" 2>>$dir/ctl.log; }
order() { # SEQUENCE
	jq -n --arg no "$(number "$1")" --arg account "629999330200000$1" '{operation: "pay.order", number: $no, institution: "H33021399901",
		data: {pay_no: $no, pay_type: "MA", pay_amt: "1000.00", payee_acct: $account, payee_name: "示例甲", psn_name: "示例甲"}}' |
		curl -sS --max-time 60 --cacert certs/out/ca.crt --cert certs/out/hospital-one.crt --key certs/out/hospital-one.key \
			-H "Content-Type: application/json" --data-binary @- "https://127.0.0.1:$intake/intake" >$dir/answer.json
	jq -e '.code == "0"' $dir/answer.json >/dev/null || wrong "an order was refused: $(cat $dir/answer.json)"
}
case_of() { yitong case "$(number "$1")" >$dir/case.txt && grep -q "$2" $dir/case.txt; }
statement() { # NUMBER LINES: the first, the one in the middle and the last are of what was ordered
	awk -v id="$1" -v n="$2" -v day="$day" 'BEGIN {
		printf "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt><GrpHdr><MsgId>%s</MsgId>", id
		date = substr(day, 1, 4) "-" substr(day, 5, 2) "-" substr(day, 7)
		printf "<CreDtTm>%sT23:00:00+08:00</CreDtTm></GrpHdr><Stmt><Id>%s</Id><Acct><Id><Othr><Id>3999020001000000018</Id>", date, id
		print "</Othr></Id><Ccy>CNY</Ccy></Acct>"
		for (i = 1; i <= n; i++) {
			no = sprintf("MA%s%012d", day, i == 1 ? 1001 : i == n / 2 ? 1002 : i == n ? 1003 : 500000 + i)
			printf "<Ntry><NtryRef>%d</NtryRef><Amt Ccy=\"CNY\">1000.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>", i
			printf "<BookgDt><Dt>%s</Dt></BookgDt><AcctSvcrRef>BX%014d</AcctSvcrRef><NtryDtls><TxDtls><Refs><EndToEndId>%s", date, i, no
			print "</EndToEndId></Refs></TxDtls></NtryDtls></Ntry>"
		}
		print "</Stmt></BkToCstmrStmt></Document>"
	}'
}
hand_in() { mv "$1" $dir/camt/in/.part && mv $dir/camt/in/.part "$dir/camt/in/$2"; }

for n in 1001 1002 1003; do order $n; done
for n in 1001 1002 1003; do eventually case_of $n 'no statement tells of it' || wrong "payout $n was not paid"; done

statement LONG1 $((lines + 2)) >$dir/long.xml
hand_in $dir/long.xml TOOLONG.xml
is_refused() { [ -e $dir/camt/refused/TOOLONG.xml ]; }
eventually is_refused || wrong "a statement of more lines than the limit is not refused"
grep -q "statement has $((lines + 2)) lines, and one statement may have $lines (limits.statement_lines)" $dir/yitongd.log ||
	wrong "the log does not say why"
grep -rq "limits.statement_lines" $dir/camt/refused || wrong "nothing beside the file says why: $(ls $dir/camt/refused)"
say "ok: a longer one is refused: $(grep -o 'statement has.*' $dir/yitongd.log | head -n 1)"

statement LONG1 $lines >$dir/long.xml # its number is free
hand_in $dir/long.xml LONG1.xml
eventually case_of 1001 'statement line' || wrong "the statement is not begun"
pids() { pgrep -P "$gateway" "yitong-$1" | tr '\n' ' '; }
# It has been read (what dies while it reads octets is charged to them), and some of its lines are told.
kill -KILL $(pids worker) || wrong "there is no worker"
sleep 0.2
kill -KILL $(pids keeper) || wrong "there is no keeper"
is_done() { [ -e $dir/camt/done/LONG1.xml ]; }
for ((i = 0; i < 300; i++)); do is_done && break || sleep 0.1; done
is_done || wrong "the statement was not worked off: $(find $dir/camt -type f)"
for n in 1001 1002 1003; do
	eventually case_of $n 'statement line  *booked  *1000.00' || { cat $dir/case.txt; wrong "payout $n has no line"; }
	[ "$(grep -c 'statement line' $dir/case.txt)" = 1 ] || { cat $dir/case.txt; wrong "payout $n has its line more than once"; }
done
rss_mib() { awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$(pids worker | tr -d ' ')/status"; }
is_small() { [ "$(rss_mib)" -lt 75 ]; }
case $bin in
*sanitize*) ;; # holds back what is freed
*) eventually is_small || wrong "its worker keeps $(rss_mib) MiB" ;;
esac
lists() { yitong statement --json >$dir/list.json; [ "$(wc -l <$dir/list.json)" = $((lines - 3)) ]; }
eventually lists || wrong "$(wc -l <$dir/list.json) lines are listed, not $((lines - 3))"
say "ok: $lines lines, three payments, each told once, whoever was killed"
