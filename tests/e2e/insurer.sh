#!/bin/bash
# tests/e2e/insurer.sh - claims through the gateway to the simulated insurer: whatever happens on the way (GOAWAY, cut, reset,
# silence, an answer with a wrong signature), each ends as done here and there, once; withdrawn, a settlement is free again.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
bin=${YT_BIN:-build/release/bin} dir=run/insurer
trap stop_all EXIT
[ -n "${YT_BIN:-}" ] || ./dev build >/dev/null || exit 1
sh certs/make >/dev/null || exit 1
free_ports door insurer control
rm -rf $dir && mkdir -p $dir
# Who asks is a hospital by its certificate, in the insurer's own words: what it hands in is passed on.
cat >$dir/gateway.yaml <<END
gateway: { profile: development, workers: 1, run_dir: $dir/gateway, plugin_dir: ${bin%/bin}/plugins }
journal: { folder: $dir/gateway/journal, segment_mib: 16, reserve_segments: 1, retention_days: 30, index: $dir/gateway/index.db }
listeners:
  - name: claims
    kind: mtls
    address: 127.0.0.1
    port: $door
    format: tianyi
    cert: certs/out/gateway.crt
    key: certs/out/gateway.key
    client_ca: certs/out/ca.crt
    settings: { app_id: gw330299, key: ty-key, field_key: ty-field, version: "1.1" }
secrets: { ty-key: certs/out/secrets/insurer-ty-key, person-key: certs/out/secrets/person-key }
keys:
  - { name: ty-field, kind: sm4, file: certs/out/secrets/insurer-ty-field-key }
parties:
  - name: insurer
    format: tianyi
    url: https://127.0.0.1:$insurer/
    ca: certs/out/ca.crt
    http2: on
    connections: 2
    query_timeout_ms: 2000
    change_timeout_ms: 2000
    late_ms: 500
    server_delay_ms: 500
    settings: { app_id: gw330299, key: ty-key, field_key: ty-field, version: "1.1", allowed: "*" }
origins:
  - { name: hospital, subject: hospital-one, institutions: [H33029900001, TIANYI], unknown_style: hold, timeout_ms: 60000 }
institutions:
  - { code: H33029900001, name: 示例医院, area: "330200", sign_in: pass, operator: YT9001 }
  - { code: TIANYI, name: 示例保险, area: "330200", sign_in: pass, operator: YT9001 }
resolution: { reverse_after_ms: 1000, retry_ms: 500, retry_max_ms: 1000 }
routes:
  - { name: all, to: insurer }
END
$bin/yitong check $dir/gateway.yaml >$dir/check.txt || { cat $dir/check.txt; exit 1; }
start insurer $dir/insurer.log $bin/yitong-sandbox insurer --port $insurer --control-port $control --certs certs/out \
	--version 1.1 --decide-ms 200 --pay-by GATEWAY
wait_port $control "$last_pid" 10 $dir/insurer.log || exit 1
start yitongd $dir/gateway.log $bin/yitongd --conf $dir/gateway.yaml
wait_port $door "$last_pid" 20 $dir/gateway.log || exit 1

person=330299198804123029 control_url=http://127.0.0.1:$control
seal() { # CLEAR: as the profile wants it
	local iv=000102030405060708090a0b0c0d0e0f
	printf 'SM4:%s' "$({ printf '\x0\x1\x2\x3\x4\x5\x6\x7\x8\x9\xa\xb\xc\xd\xe\xf'
		printf %s "$1" | openssl enc -sm4-cbc -K "$(cat certs/out/secrets/insurer-ty-field-key)" -iv $iv; } | base64 -w0)"
}
day=$(TZ=CST-8 date -d yesterday +%F)
claim() { # SERIAL: the claim of a settlement of its own
	jq -nc --arg n "TY${day//-/}$(printf %012d "$1")" --arg s "S$1" --arg d "$day" --arg cert "$(seal $person)" \
		--arg sm3 "$(printf %s $person | openssl dgst -sm3 -r | cut -c1-64)" --arg account "$(seal 6299993302000001017)" '
	{ requestNo: $n, claimType: "INPATIENT", productCode: "TYYNB-2026",
	  consent: { authNo: "SQ1", authTime: ($d + "T08:00:00+08:00"), scope: ["SETTLEMENT", "INVOICE"], channel: "FACE",
		expireDate: "2099-12-31", evidenceSm3: $sm3 },
	  insured: { name: "示例", certType: "ID_CARD", certNo: $cert, certNoSm3: $sm3, gender: "F", birthday: "1988-04-12",
		psnNo: "33029900000000000000000001", insuAreaCode: "330299" },
	  payee: { relation: "SELF", name: "示例", bankAcctNo: $account, bankNo: "313332099026", bankName: "示例银行" },
	  visit: { hospitalCode: "H33029900001", hospitalName: "示例医院", hospitalLevel: "3A", visitNo: ("V" + $s), medType: "21",
		admitDate: $d, dischargeDate: $d, inpatientNo: "ZY1", crossRegion: false },
	  settlement: { setlId: $s, setlTime: ($d + "T10:00:00+08:00"), totalFee: 3000000, basicFundPay: 1000000,
		seriousIllnessPay: 0, medicalAidPay: 0, otherFundPay: 0, fundPayTotal: 1000000, acctPay: 0, cashPay: 2000000,
		selfInList: 2000000, preSelf: 0, overLimitSelf: 0, selfOutList: 0 },
	  invoices: [{ billCode: "33060126", billNo: $s, checkCode: "a1b2c3", issueDate: $d, amount: 3000000 }],
	  callbackPath: "/insurer/ty/callback" }'
}
post() { # PATH: the body comes in
	curl -s --max-time 60 --cacert certs/out/ca.crt --cert certs/out/hospital-one.crt --key certs/out/hospital-one.key \
		-H 'Content-Type: application/json' --data-binary @- "https://127.0.0.1:$door$1" >$dir/answer
}
ledger() { curl -s $control_url/ledger | jq -c "$1"; }
expect() { # WHAT WANT GOT
	[ "$2" = "$3" ] || { cat $dir/answer; tail -n 5 $dir/gateway.log; fail "$1: $3 instead of $2"; }
	say "ok: $1: $2"
}
arm() { curl -s -d "$1" $control_url/fault >$dir/armed; grep -q armed $dir/armed || fail "$(cat $dir/armed)"; }

curl -s -d "{\"certno\": \"$person\", \"name\": \"示例\"}" $control_url/persons >/dev/null
n=1
claim $n | post /ins/v1/claims
expect "a claim" '"RECEIVED"' "$(jq -c .data.status $dir/answer)"
for kind in interim trailers small_window goaway cut effect_then_cut effect_then_silence reset wrong_signature http_502_html; do
	n=$((n + 1))
	arm "{\"kind\": \"$kind\", \"op\": \"claims\"}"
	claim $n | post /ins/v1/claims
	expect "a claim that meets $kind" '"0"' "$(jq -c .code $dir/answer)"
done
curl -s -d '{}' $control_url/quiesce >/dev/null
expect "claims there" "$n" "$(ledger '.claims | length')"
expect "of them decided" "$n" "$(ledger '[.claims[] | select(.status == "ADJUDICATED")] | length')"
expect "what the first is paid, a deductible off" 900000 "$(ledger '.claims[0].payable')" # (20000 - 5000) * 60 %
expect "doubles" '[0,0,0]' "$(ledger '[.double_claims, .second_claims, .other_content]')"

number=$(ledger '.claims[1].claimNo' | tr -d '"')
jq -nc --arg n "TY${day//-/}000000009001" --arg c "$number" '{requestNo: $n, claimNo: $c, reason: "SETL_REVERSED"}' |
	post "/ins/v1/claims/$number/withdraw"
expect "a withdrawal" '"REJECTED"' "$(jq -c .data.status $dir/answer)"
claim 2 | jq -c --arg n "TY${day//-/}000000009002" '.requestNo = $n' | post /ins/v1/claims
expect "its settlement, claimed anew" '"RECEIVED"' "$(jq -c .data.status $dir/answer)"
claim 3 | jq -c --arg n "TY${day//-/}000000009003" '.requestNo = $n' | post /ins/v1/claims
expect "one that is claimed already" '"B2007"' "$(jq -c .code $dir/answer)"
expect "doubles in the end" 0 "$(ledger .double_claims)"
