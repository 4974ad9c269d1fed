#!/bin/bash
# tests/e2e/statement_link.sh - the lines of a direct link: the gateway fetches the entries of its account itself (BD3002).
#
# Two allowances are paid by the link on a day that is over by now, and a third waits for people, as its agency hears when it asks
# (pay.query), before and after a restart; when the gateway starts again it fetches that day, each payment's
# case shows its line, and the fee that nobody ordered is listed.  Another start fetches the same again, and nothing counts twice.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
bin=${YT_BIN:-build/release/bin} dir=run/statement-link
trap stop_all EXIT
[ -n "${YT_BIN:-}" ] || ./dev build >/dev/null || exit 1
sh certs/make >/dev/null || exit 1
free_ports intake link control
rm -rf $dir && mkdir -p $dir/files/{out,in}
day=$(date -u -d '+8 hours -1 day' +%Y%m%d)
cat >$dir/gateway.yaml <<END
gateway: { profile: development, workers: 2, run_dir: $dir/gateway, plugin_dir: ${bin%/bin}/plugins }
journal: { folder: $dir/gateway/journal, segment_mib: 16, reserve_segments: 1, retention_days: 30, index: $dir/gateway/index.db,
  keys: certs/out/journal-keys, data_keys: $dir/gateway/data-keys }
listeners:
  - { name: intakes, kind: mtls, address: 127.0.0.1, port: $intake, format: intake,
      cert: certs/out/gateway.crt, key: certs/out/gateway.key, client_ca: certs/out/ca.crt }
secrets: { person-key: certs/out/secrets/person-key }
keys:
  - { name: payer-sm2, kind: sm2-private, file: certs/out/sm2/payer.key, owner: "3302990001", id: 5A0001 }
  - { name: bank-sm2, kind: sm2-public, file: certs/out/sm2/bank.pub, owner: bank, id: 5B0001 }
parties:
  - { name: bank-link, format: banklink, url: "tls://127.0.0.1:$link", ca: certs/out/ca.crt, statement_at: ["00:30", "17:30"],
      cert: certs/out/gateway-client.crt, key: certs/out/gateway-client.key, settings: { corp_no: "3302990001", operator: OP000001 } }
origins:
  - { name: agency, subject: hospital-one, institutions: [H33021399901], unknown_style: hold, timeout_ms: 180000 }
institutions:
  - { code: H33021399901, name: 示例市医保中心, area: "330213", sign_in: pass, operator: YT9001 }
cases: { facts: [same-city] }
flows:
  - { name: by-link, steps: ["bank-link:pay.order", "!bank-link:pay.query"], answer: 2, line_after_days: 1 }
payers:
  - { name: link, party: bank-link, pay_type: MA, account: "3999020001000000018", account_name: 宁波市医疗保障基金支出户（示例）, purpose: 生育津贴 }
releases:
  - { pay_type: MA, most: "50000", until: "2099-12-31", signed_by: 示例财务科 }
routes:
  - { name: link, operations: [pay.order], then: by-link }
  - { name: everything, to: bank-link }
END
$bin/yitong check $dir/gateway.yaml >$dir/check.txt || { cat $dir/check.txt; exit 1; }
start bank $dir/bank.log $bin/yitong-sandbox bank --link-port "$link" --control-port "$control" --certs certs/out --day "$day"
wait_port "$control" "$last_pid" 10 $dir/bank.log || exit 1
start_gateway() {
	start yitongd $dir/yitongd.log $bin/yitongd --conf $dir/gateway.yaml
	gateway=$last_pid
	wait_port "$intake" "$gateway" 20 $dir/yitongd.log || exit 1
}
again() { # the gateway ends and starts
	kill -TERM "$gateway"
	wait "$gateway" 2>/dev/null
	start_gateway
}
start_gateway

wrong() { tail -n 5 $dir/yitongd.log >&2; fail "$1"; }
number() { printf 'MA%s%012d' "$day" "$1"; }
post() {
	curl -sS --max-time 60 --cacert certs/out/ca.crt --cert certs/out/hospital-one.crt --key certs/out/hospital-one.key \
		-H "Content-Type: application/json" --data-binary @- "https://127.0.0.1:$intake/intake" >$dir/answer.json
}
asks() { # SEQUENCE FILTER: what its agency hears of that order, soon
	is_told() {
		jq -n --arg no "$(number "$1")" '{operation: "pay.query", number: "Q1", institution: "H33021399901", data: {pay_no: $no}}' | post
		jq -e "$2" $dir/answer.json >/dev/null
	}
	eventually is_told "$1" "$2" || wrong "asked for $1, not $2: $(cat $dir/answer.json)"
	say "ok: asked for $1: $(jq -r '.text + .data.pay_text' $dir/answer.json)"
}
order() { # SEQUENCE AMOUNT
	jq -n --arg no "$(number "$1")" --arg amount "$2" --arg account "629999330200000$1" '{operation: "pay.order", number: $no,
		institution: "H33021399901", data: {pay_no: $no, pay_type: "MA", pay_amt: $amount, payee_acct: $account, payee_name: "示例甲",
		psn_name: "示例甲"}}' | post
	jq -e '.code == "0"' $dir/answer.json >/dev/null || wrong "an order was refused: $(cat $dir/answer.json)"
}
yitong() { $bin/yitong --conf $dir/gateway.yaml "$@" 2>>$dir/ctl.log; }
sees() { # SEQUENCE REGEXP: its case shows it, soon
	local i
	for ((i = 0; i < 100; i++)); do
		yitong case "$(number "$1")" >$dir/case.txt
		grep -qE -- "$2" $dir/case.txt && break
		sleep 0.2
	done
	grep -qE -- "$2" $dir/case.txt || { cat $dir/case.txt; wrong "the case of $(number "$1") never showed: $2"; }
	say "ok: $1: $(grep -oE -- "$2" $dir/case.txt | head -n 1)"
}

told() { yitong messages --limit 1000 --json | jq -s 'flatten | map(select(.operation == "statement.notice")) | length'; }
for ((i = 0; i < 100; i++)); do [ "$(told)" = 4 ] && break || sleep 0.2; done # three days that are over and today, at the start
[ "$(told)" = 4 ] || wrong "not four days were fetched at the start: $(told)"
asks 1001 '.code != "0" and .data == null and (.text | contains("Y408"))'
order 1001 1001.00
order 1002 1002.00
order 1003 50000.01
for n in 1001 1002; do sees $n 'and no statement tells of it, late from'; done
asks 1001 '.code == "0" and (.data | .pay_no == "'"$(number 1001)"'" and .pay_amt == "1001.00" and .pay_state == "PAID" and .bank_serial != null)'
asks 1003 '.data | .pay_state == "OPEN" and .stage == "PEOPLE" and (.pay_text | contains("没有规则可自动放行"))'
curl -sS -f -d '{}' "http://127.0.0.1:$control/day" >/dev/null || wrong "the day does not end"
again
for n in 1001 1002; do
	sees $n 'statement line +booked +'$n'.00'
	sees $n 'nothing is open'
	asks $n '.data | .pay_state == "PAID" and .end_time != null'
done
for ((i = 0; i < 100; i++)); do yitong statement >$dir/list.txt && break || sleep 0.1; done
grep -q '15.00.*it names no payment' $dir/list.txt || { cat $dir/list.txt; wrong "the fee is not listed"; }
say "ok: $(head -n 1 $dir/list.txt)"
has_six() { [ "$(told)" = 6 ]; }
eventually has_six || wrong "not the ended day and the new one were fetched besides: $(told)"
before=$(told)
again
for ((i = 0; i < 40; i++)); do [ "$(told)" -gt "$before" ] && break || sleep 0.1; done # it has time to do so
[ "$(told)" = "$before" ] || wrong "the same page counts twice: $before statements, then $(told)"
[ "$(yitong statement --json | jq -s 'map(.statement) | unique | length')" = 1 ] || wrong "one day counts twice"
say "ok: $before pages, each counted once"
curl -sS "http://127.0.0.1:$control/ledger" | jq -e '.double_bookings == 0 and (.payouts | length) == 2' >/dev/null || wrong "the bank's books"
say "ok: two payments, each booked once"
