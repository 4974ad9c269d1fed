#!/bin/bash
# tests/e2e/statement.sh - one bank's statement and payments that left by three ways: the link, ISO 20022 and files.
#
# Allowances are ordered at the intake and paid by the simulated bank; at its day's end its statement (camt.053) is posted.  Each
# payment's case shows its line; what nobody here ordered, and fees, are listed; a line of another sum parks its payment; another
# bank's word counts for nothing.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
bin=${YT_BIN:-build/release/bin} dir=run/statement
trap stop_all EXIT
[ -n "${YT_BIN:-}" ] || ./dev build >/dev/null || exit 1
sh certs/make >/dev/null || exit 1
free_ports intake bankdoor link iso control
rm -rf $dir && mkdir -p $dir/files/{in,taken,done,refused,out,sent} $dir/camt/{in,taken,done,refused}
day=$(date -u -d '+8 hours' +%Y%m%d)
cat >$dir/gateway.yaml <<END
gateway: { profile: development, workers: 1, run_dir: $dir/gateway, plugin_dir: ${bin%/bin}/plugins }
journal: { folder: $dir/gateway/journal, segment_mib: 16, reserve_segments: 1, retention_days: 30, index: $dir/gateway/index.db,
  keys: certs/out/journal-keys, data_keys: $dir/gateway/data-keys }
listeners:
  - { name: intakes, kind: mtls, address: 127.0.0.1, port: $intake, format: intake,
      cert: certs/out/gateway.crt, key: certs/out/gateway.key, client_ca: certs/out/ca.crt }
  - { name: from-bank, kind: mtls, address: 127.0.0.1, port: $bankdoor, format: iso20022,
      cert: certs/out/gateway.crt, key: certs/out/gateway.key, client_ca: certs/out/ca.crt,
      settings: { customer: "3302990001", bank: BANK } }
  - { name: result-files, kind: folder, format: bankfile, path: $dir/files, origin: bank-file, look_ms: 200, settle_ms: 50,
      settings: { corp_no: "3302990001", bank: BANK } }
  - { name: statement-files, kind: folder, format: iso20022, path: $dir/camt, origin: bank-iso, look_ms: 200, settle_ms: 50,
      settings: { customer: "3302990001", bank: BANK } }
secrets: { person-key: certs/out/secrets/person-key }
keys:
  - { name: payer-sm2, kind: sm2-private, file: certs/out/sm2/payer.key, owner: "3302990001", id: 5A0001 }
  - { name: bank-sm2, kind: sm2-public, file: certs/out/sm2/bank.pub, owner: bank, id: 5B0001 }
parties: # one bank, three ways
  - { name: bank-iso, format: iso20022, url: "https://127.0.0.1:$iso/iso20022", ca: certs/out/ca.crt,
      cert: certs/out/gateway-client.crt, key: certs/out/gateway-client.key, settings: { customer: "3302990001", bank: BANK } }
  - { name: bank-link, format: banklink, url: "tls://127.0.0.1:$link", ca: certs/out/ca.crt, told_by: [bank-iso],
      cert: certs/out/gateway-client.crt, key: certs/out/gateway-client.key, settings: { corp_no: "3302990001", operator: OP000001 } }
  - { name: bank-file, format: bankfile, url: "file:$dir/files", told_by: [bank-iso], settings: { corp_no: "3302990001", bank: BANK } }
origins:
  - { name: agency, subject: hospital-one, institutions: [H33021399901], unknown_style: hold, timeout_ms: 180000 }
  - { name: bank-iso, subject: bank-client, institutions: [BANK], unknown_style: hold, timeout_ms: 130000 }
  - { name: bank-file, institutions: [BANK] }
institutions:
  - { code: H33021399901, name: 示例市医保中心, area: "330213", sign_in: pass, operator: YT9001 }
  - { code: BANK, name: 示例银行, area: "330200", sign_in: pass, operator: YT9001 }
cases: { facts: [same-city] }
flows:
  - { name: by-link, steps: ["bank-link:pay.order", "!bank-link:pay.query"], answer: 2, line_after_days: 1 }
  - { name: by-iso, steps: ["bank-iso:pay.order", "!bank-iso:pay.query"], answer: 2, line_after_days: 1 }
  - { name: by-file, steps: ["!bank-file:pay.order", "!bank-file:pay.query"], answer: 2, line_after_days: 1 }
payers:
  - { name: link, party: bank-link, pay_type: MA, account: "3999020001000000018", account_name: 宁波市医疗保障基金支出户（示例）, purpose: 生育津贴 }
  - { name: iso, party: bank-iso, pay_type: MA, account: "3999020001000000018", account_name: 宁波市医疗保障基金支出户（示例）,
      bank_no: "313332099026", bank_name: 示例甬江银行营业部, purpose: 生育津贴 }
  - { name: file, party: bank-file, pay_type: MA, account: "3999020001000000018", account_name: 宁波市医疗保障基金支出户（示例）, purpose: 生育津贴 }
releases:
  - { pay_type: MA, most: "50000", until: "2099-12-31", signed_by: 示例财务科 }
routes:
  - { name: iso, operations: [pay.order], fields: { payee_bank_no: "102332099026" }, then: by-iso }
  - { name: file, operations: [pay.order], fields: { payee_bank_no: "103332099016" }, then: by-file }
  - { name: link, operations: [pay.order], then: by-link }
  - { name: everything, to: bank-iso }
END
$bin/yitong check $dir/gateway.yaml >$dir/check.txt || { cat $dir/check.txt; exit 1; }
start bank $dir/bank.log $bin/yitong-sandbox bank --link-port "$link" --iso-port "$iso" --control-port "$control" --certs certs/out \
	--folder $dir/files --day "$day"
wait_port "$control" "$last_pid" 10 $dir/bank.log || exit 1
start yitongd $dir/yitongd.log $bin/yitongd --conf $dir/gateway.yaml
wait_port "$intake" "$last_pid" 20 $dir/yitongd.log || exit 1

wrong() { tail -n 5 $dir/yitongd.log >&2; fail "$1"; }
post() { # PORT PATH CLIENT TYPE: the body comes in
	curl -sS --max-time 60 --cacert certs/out/ca.crt --cert "certs/out/$3.crt" --key "certs/out/$3.key" -H "Content-Type: application/$4" \
		--data-binary @- "https://127.0.0.1:$1$2"
}
number() { printf 'MA%s%012d' "$day" "$1"; }
order() { # SEQUENCE BANK-NUMBER AMOUNT
	jq -n --arg no "$(number "$1")" --arg bank "$2" --arg amount "$3" --arg account "629999330200000$1" '{operation: "pay.order", number: $no,
		institution: "H33021399901", data: {pay_no: $no, pay_type: "MA", pay_amt: $amount, payee_acct: $account, payee_name: "示例甲",
		psn_name: "示例甲", payee_bank_no: $bank, payee_bank_name: "示例银行宁波分行"}}' |
		post "$intake" /intake hospital-one json >$dir/answer.json
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
tell() { # FILE WANT
	post "$bankdoor" / bank-client xml <"$1" >$dir/told.xml
	grep -q "<GrpSts>$2" $dir/told.xml || wrong "a statement: $(cat $dir/told.xml)"
}

order 1001 "" 1001.00
order 1002 102332099026 1002.00
order 1003 103332099016 1003.00
order 1004 "" 1004.00
for n in 1001 1002 1003 1004; do sees $n 'and no statement tells of it, late from'; done
yitong late >/dev/null || wrong "something is late today"
waiting() { yitong late --json --at 2099-01-01 | jq -s 'map(select(.pay_no)) | length'; }
for ((i = 0; i < 100; i++)); do [ "$(waiting)" = 4 ] && break || sleep 0.1; done # the index is some tenths of a second behind
[ "$(waiting)" = 4 ] || wrong "not four payments wait for their lines"
curl -sS -f -d '{}' "http://127.0.0.1:$control/day" >/dev/null || wrong "the day does not end"
is_told() { curl -sS "http://127.0.0.1:$control/documents" | jq -r '.documents[]' >$dir/statement.xml && grep -q BkToCstmrStmt $dir/statement.xml; }
eventually is_told || wrong "the bank told no statement"

# The same statement, but 1004 paid with one yuan more, the fee less, and a number of nobody's.
sed -e 's,<Amt Ccy="CNY">1004.00<,<Amt Ccy="CNY">1005.00<,g; s,<Amt Ccy="CNY">15.00<,<Amt Ccy="CNY">14.00<,g' \
	-e "s,$(number 1003),$(number 9003),g; s,<MsgId>ST[^<]*,<MsgId>ST9," $dir/statement.xml >$dir/other.xml

cp $dir/statement.xml $dir/camt/in/.part && mv $dir/camt/in/.part $dir/camt/in/ST1.xml # a file, then by HTTPS: one statement
for n in 1001 1002 1003 1004; do
	sees $n 'statement line +booked +'$n'.00'
	sees $n 'nothing is open'
done
yitong late --at 2099-01-01 >/dev/null || wrong "something is late for ever"
[ -e $dir/camt/done/ST1.xml ] || wrong "the file is not done: $(find $dir/camt -type f)"
tell $dir/statement.xml ACTC # told again
[ "$(yitong statement --json | jq -s 'map(.statement) | unique | length')" = 1 ] || wrong "one statement counts twice"
for ((i = 0; i < 100; i++)); do yitong statement >$dir/list.txt && break || sleep 0.1; done
grep -q '15.00.*it names no payment' $dir/list.txt || { cat $dir/list.txt; wrong "the fee is not listed"; }
[ "$(grep -c 'no payment here has' $dir/list.txt)" = 0 ] || wrong "payments are said to be unknown"
say "ok: $(head -n 1 $dir/list.txt)"

tell $dir/other.xml ACTC
sees 1004 'statement line +differs +1005.00'
sees 1004 'its party says otherwise now'
lists() { yitong statement >$dir/list.txt; grep -q "$(number 9003).*no payment here has that number" $dir/list.txt; }
for ((i = 0; i < 100; i++)); do lists && break || sleep 0.1; done
lists || { cat $dir/list.txt; wrong "a number of nobody's is not listed"; }
say "ok: another sum parks it, a number of nobody's is listed"
grep -q 'a statement tells another sum or account than was ordered' $dir/yitongd.log || wrong "the log says nothing of it"
curl -sS "http://127.0.0.1:$control/ledger" | jq -e '.double_bookings == 0 and (.payouts | length) == 4' >/dev/null || wrong "the bank's books"
say "ok: four payments, each booked once"
