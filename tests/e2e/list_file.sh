#!/bin/bash
# tests/e2e/list_file.sh - a list of payouts as a signed file: one that its sender has not signed is refused, what became of it
# comes back as one file that we have signed, once, though all is killed in between.  One list is as long as may be.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
preset=${YT_PRESET:-release} bin=build/${YT_PRESET:-release}/bin dir=run/list_file
trap stop_all EXIT
[ -n "${YT_PRESET:-}" ] || ./dev build >/dev/null || exit 1
free_ports mtls signed
rm -rf $dir && mkdir -p $dir/agency/{in,taken,done,refused,out,sent} $dir/bank/{out,sent}
for key in agency ours; do
	(umask 077 && openssl genpkey -algorithm SM2 -out $dir/$key.key 2>/dev/null) && openssl pkey -in $dir/$key.key -pubout -out $dir/$key.pub || exit 1
done
chmod 644 $dir/*.pub
make_conf $dir/all.yaml run_dir=$dir/gateway folder=$dir/gateway/journal index=$dir/gateway/index.db \
	data_keys=$dir/gateway/data-keys plugin_dir=build/$preset/plugins retry_ms=100 || exit 1
awk -v dir=$dir '
	/^parties:/ {
		print "keys:\n  - {name: theirs, kind: sm2-public, file: " dir "/agency.pub, owner: agency}"
		print "  - {name: ours, kind: sm2-private, file: " dir "/ours.key, owner: us}"
		print "payers:\n  - {name: p, party: bank, pay_type: MA, account: \"3999020001000000018\", account_name: 示例基金, purpose: 生育津贴}"
		print "flows:\n  - {name: payout, steps: [\"!bank:pay.order\", \"!bank:pay.query\"]}\n  - {name: list-result, steps: [\"agency:pay.batch.result\"]}"
	}
	{ print }
	/^listeners:/ { print "  - {name: lists, kind: folder, format: intake, path: " dir "/agency, origin: agency, look_ms: 200, settle_ms: 20, incomplete_ms: 1000, settings: {verify_key: theirs}}" }
	/^parties:/ {
		print "  - {name: bank, format: bankfile, url: \"file:" dir "/bank\", settings: {corp_no: \"3302990001\"}}"
		print "  - {name: agency, format: intake, url: \"file:" dir "/agency\", settings: {sign_key: ours}}"
	}
	/^origins:/ { print "  - {name: agency, institutions: [\"330299\"]}" }
	/^institutions:/ { print "  - {code: \"330299\", name: 示例市医保中心, area: \"330200\", operator: YT9001}" }
	/^routes:/ { print "  - {name: lists, operations: [pay.batch], then: payout, result: list-result}" }
' $dir/all.yaml | sed -e "s/port: 8443/port: $mtls/; s/port: 8444/port: $signed/" >$dir/gateway.yaml
$bin/yitong check $dir/gateway.yaml >$dir/check 2>&1 || fail "it does not check: $(cat $dir/check)"

list() { # NUMBER
	printf '{"operation": "pay.batch", "number": "%s", "institution": "330299", "data": {"batch_no": "%s", "pay_cnt": "2", "pay_sumamt": "820.00"},
		"payout": [{"pay_no": "MA20261120000000000001", "pay_amt": "812.50", "payee_acct": "6299993307000002022", "payee_name": "沈晐",
		"psn_name": "沈晐"}, {"pay_no": "MA20261120000000000002", "pay_amt": "7.50", "payee_acct": "6299993302000001017",
		"payee_name": "林晚晴", "psn_name": "林晚晴"}]}\n' "$1" "$1"
}
long() { # NUMBER ROWS
	awk -v no="$1" -v n="$2" 'BEGIN {
		printf "{\"operation\": \"pay.batch\", \"number\": \"%s\", \"institution\": \"330299\", \"data\": {\"batch_no\": \"%s\", ", no, no
		printf "\"pay_cnt\": \"%d\", \"pay_sumamt\": \"%.2f\"}, \"payout\": [", n, n * 7.5
		for (i = 1; i <= n; i++)
			printf "%s{\"pay_no\": \"MA20261121%012d\", \"pay_amt\": \"7.50\", \"payee_acct\": \"6299993302000001017\", \"payee_name\": \"林晚晴\"}", (i > 1 ? "," : ""), i
		print "]}"
	}'
}
sign() { # KEY: the signed form of standard input
	cat >$dir/text
	openssl dgst -sm3 -sigopt distid:1234567812345678 -sign "$1" -out $dir/text.sig $dir/text || fail "openssl cannot sign"
	cat $dir/text
	printf '#SM2 %s\n' "$(base64 -w0 <$dir/text.sig)"
}
drop() { cat >"$dir/agency/in/$1.tmp" && mv "$dir/agency/in/$1.tmp" "$dir/agency/in/$1"; }
wait_file() { # FILE below the agency's folder
	for _ in $(seq 400); do [ -e "$dir/agency/$1" ] && return; sleep 0.05; done
	fail "there is no $1: $(find $dir/agency -type f); $(tail -n 5 $dir/gateway.log)"
}
left() { find $dir/agency/out $dir/bank/out -type f; }
yitong() { $bin/yitong --conf $dir/gateway.yaml "$@"; }
begin() {
	start yitongd $dir/gateway.log $bin/yitongd --conf $dir/gateway.yaml
	gateway=$last_pid
	wait_port $mtls "$gateway" 20 $dir/gateway.log || exit 1
}
begin

list L1 | sign $dir/ours.key | drop forged.json
wait_file refused/forged.json.why.txt
grep -q 签名与内容不符 $dir/agency/refused/forged.json.why.txt || fail "another reason: $(cat $dir/agency/refused/forged.json.why.txt)"
list L1 | sed 's/7.50/7.60/' | sign $dir/agency.key | drop wrong.json
wait_file refused/wrong.json.why.txt
say "ok: refused: $(cat $dir/agency/refused/forged.json.why.txt); $(cat $dir/agency/refused/wrong.json.why.txt)"

long L3 2001 | sign $dir/agency.key | drop long.json
wait_file refused/long.json.why.txt
grep -q '有 2001 笔，一批最多 2000 笔' $dir/agency/refused/long.json.why.txt || fail "another reason: $(cat $dir/agency/refused/long.json.why.txt)"
say "ok: too long: $(cat $dir/agency/refused/long.json.why.txt)"
long L2 2000 | sign $dir/agency.key | drop right.json
wait_file done/right.json
[ -z "$(left)" ] || fail "something has left: $(left)"
say "ok: a signed list is taken, and waits for people"

for _ in $(seq 100); do # until it is offered to people
	yitong decide +/list/L2 refused --why "ordered twice" --operator li >$dir/decided 2>&1 && break
	sleep 0.1
done
id=$(yitong confirm --json 2>/dev/null | jq -r '.proposal // empty' | head -1)
[ -z "$id" ] || yitong confirm "$id" --operator wang >>$dir/decided 2>&1
kill_all "$gateway"
begin
wait_file out/RES_330299_L2.json
result=$dir/agency/out/RES_330299_L2.json
cp $result $dir/first
head -n -1 $result >$dir/text
tail -n 1 $result | sed 's/^#SM2 //' | base64 -d >$dir/text.sig
openssl dgst -sm3 -sigopt distid:1234567812345678 -verify $dir/ours.pub -signature $dir/text.sig $dir/text >/dev/null || fail "its signature is wrong"
jq -e '.operation == "pay.batch.result" and ([.payout[].pay_state] | length == 2000 and all(. == "CANCELLED"))' $dir/text >/dev/null || fail "it says: $(cut -c1-2000 $dir/text)"
say "ok: what became of it is a file that we have signed: $(jq -c '.payout[0]' $dir/text)"

rm "$result" # the agency has taken it
kill_all "$gateway"
begin
long L2 2000 | sign $dir/agency.key | drop again.json
wait_file done/again.json
sleep 1
[ -z "$(left)" ] || fail "it was told twice: $(left)"
say "ok: it is told once, whatever is killed or handed in again"
