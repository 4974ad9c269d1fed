#!/bin/bash
# tests/e2e/daily_list.sh - proof of what insurers pay themselves: the gateway fetches their lists of the day before (TY
# reconciliation, JH2005) and holds each claim against its row.
#
# Five settlements made elsewhere are claimed, three at 天一甬宁保, two at 金惠保; all are paid.  The lists then have two as they ended, one
# with another sum, one as rejected, one not at all; and a claim of nobody's.  Another start fetches the same, and nothing counts twice.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
bin=${YT_BIN:-build/release/bin} dir=run/daily-list
trap stop_all EXIT
[ -n "${YT_BIN:-}" ] || ./dev build >/dev/null || exit 1
sh certs/make >/dev/null || exit 1
free_ports intake ty ty_control jh jh_control
rm -rf $dir && mkdir -p $dir
yesterday=$(date -u -d '+8 hours -1 day' +%F)
cat >$dir/gateway.yaml <<END
gateway: { profile: development, workers: 2, run_dir: $dir/gateway, plugin_dir: ${bin%/bin}/plugins }
journal: { folder: $dir/gateway/journal, segment_mib: 16, reserve_segments: 1, retention_days: 30, index: $dir/gateway/index.db,
  keys: certs/out/journal-keys, data_keys: $dir/gateway/data-keys }
listeners:
  - { name: intakes, kind: mtls, address: 127.0.0.1, port: $intake, format: intake,
      cert: certs/out/gateway.crt, key: certs/out/gateway.key, client_ca: certs/out/ca.crt }
secrets: { ty-key: certs/out/secrets/insurer-ty-key, person-key: certs/out/secrets/person-key }
keys:
  - { name: ty-field, kind: sm4, file: certs/out/secrets/insurer-ty-field-key }
  - { name: jh-ours, kind: sm2-private, file: certs/out/sm2/GW330799.key, owner: GW330799 }
  - { name: jh-theirs, kind: sm2-public, file: certs/out/sm2/jinhui.pub, owner: jinhui }
parties:
  - { name: tianyi, format: tianyi, url: "https://127.0.0.1:$ty/", ca: certs/out/ca.crt, http2: "on", connections: 2,
      statement_at: ["03:00"], statement_days: 1, settings: { app_id: gw330299, key: ty-key, field_key: ty-field, ask_again_s: 1 } }
  - { name: jinhui, format: jinhui, url: "https://127.0.0.1:$jh/jhb/gateway", ca: certs/out/ca.crt, connections: 2,
      statement_at: ["19:30"], statement_days: 1, settings: { partner: GW330799, sign_key: jh-ours, verify_key: jh-theirs, ask_again_s: 1 } }
origins:
  - { name: agency, subject: hospital-one, institutions: [H33021399901], unknown_style: hold, timeout_ms: 180000 }
institutions:
  - { code: H33021399901, name: 示例市第一医院, area: "330213", level: "31", sign_in: pass, operator: YT9001 }
cases: { facts: [same-city, same-province] }
flows:
  - { name: tianyi-claim, steps: ["tianyi:claim.submit?!auth_no", "!tianyi:claim.query?!auth_no"], answer: 2, line_after_days: 1 }
  - { name: jinhui-claim, steps: ["jinhui:claim.submit?!auth_no", "!jinhui:claim.query?!auth_no"], answer: 2, line_after_days: 1 }
routes:
  - { name: of-ningbo, operations: [settle.notice], insured: ["3302"], then: tianyi-claim }
  - { name: of-jinhua, operations: [settle.notice], insured: ["3307"], then: jinhui-claim }
  - { name: everything, to: tianyi }
END
$bin/yitong check $dir/gateway.yaml >$dir/check.txt || { cat $dir/check.txt; exit 1; }
start tianyi $dir/tianyi.log $bin/yitong-sandbox insurer --port "$ty" --control-port "$ty_control" --certs certs/out \
	--decide-ms 200 --pay-ms 200 --enrol-all
wait_port "$ty_control" "$last_pid" 10 $dir/tianyi.log || exit 1
start jinhui $dir/jinhui.log $bin/yitong-sandbox insurer --profile JH --port "$jh" --control-port "$jh_control" --certs certs/out \
	--decide-ms 200 --pay-ms 200 --enrol-all
wait_port "$jh_control" "$last_pid" 10 $dir/jinhui.log || exit 1
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
yitong() { $bin/yitong --conf $dir/gateway.yaml "$@" 2>>$dir/ctl.log; }
id_of() { # SEQUENCE: a resident's number with its check digit
	local digits=33021319800101$1 weights=(7 9 10 5 8 4 2 1 6 3 7 9 10 5 8 4 2) sum=0 i
	for ((i = 0; i < 17; i++)); do sum=$((sum + ${digits:i:1} * weights[i])); done
	printf '%s%s' "$digits" "$(cut -c $((sum % 11 + 1)) <<<10X98765432)"
}
tell() { # SEQUENCE OPERATION MEMBERS
	jq -n --arg op "$2" --arg n "$1" --argjson members "$3" '{operation: $op, number: ($op + "-" + $n), institution: "H33021399901",
		psn_no: ("33029900000000000000000" + $n), mdtrt_id: ("V" + $n)} + $members' |
		curl -sS --max-time 60 --cacert certs/out/ca.crt --cert certs/out/hospital-one.crt --key certs/out/hospital-one.key \
			-H "Content-Type: application/json" --data-binary @- "https://127.0.0.1:$intake/intake" >$dir/answer.json
	jq -e '.code == "0"' $dir/answer.json >/dev/null || { [ "${may_refuse:-no}" = yes ] && return 1; wrong "$2 was refused: $(cat $dir/answer.json)"; }
}
agree() { # SEQUENCE: to claims at his insurer
	tell "$1" consent.put "$(jq -n --arg n "$1" '{consent: {auth_no: ("SQ" + $n), auth_time: "2026-01-05 09:30:00", scope: "1111",
		channel: "1", expire_date: "2099-12-31", evidence_sm3: "651b96df59518f631ae23117c3b0db0b6971200a242f4dbc39f7be3065420a69"}}')"
}
settle() { # SEQUENCE AREA: 23000.00, of which the person has borne 20000.00
	tell "$1" account.put '{"payee": {"relation": "00", "name": "示例甲", "bank_acct_no": "6299993302000001017", "bank_no": "313332099026",
		"bank_name": "示例甬江银行营业部"}}'
	tell "$1" settle.notice "$(jq -n --arg n "$1" --arg area "$2" --arg id "$(id_of "$1")" --arg day "$yesterday" '{insuplc_admdvs: $area,
		setlinfo: {setl_id: ("S" + $n), setl_time: ($day + " 15:42:10"), psn_name: "示例甲", psn_cert_type: "01", certno: $id, gend: "1",
			brdy: "1980-01-01", mdtrtarea_admvs: "330213", med_type: "21", begntime: ($day + " 08:30:00"), endtime: ($day + " 12:00:00"), ipt_no: ("ZY" + $n),
			medfee_sumamt: "23000.00", fund_pay_sumamt: "3000.00", hifp_pay: "3000.00", acct_pay: "0.00", psn_cash_pay: "20000.00",
			preselfpay_amt: "0.00", overlmt_selfpay: "0.00", fulamt_ownpay_amt: "0.00", inscp_scp_amt: "23000.00"},
		bill: [{elec_bill_code: "33060126", elec_billno_code: $n, elec_bill_chkcode: "a1b2c3", bill_date: $day, bill_amt: "23000.00"}],
		diseinfo: [{diag_code: "K80.100", diag_name: "胆囊结石", maindiag_flag: "1"}],
		feedetail: [{feedetl_sn: "1", med_list_codg: "003311020170000", cnt: 1, chrgitm_lv: "01", medins_list_name: "示例项目", selfpay_prop: "0.0000", pric: "23000.00", det_item_fee_sumamt: "23000.00",
			fulamt_ownpay_amt: "0.00", fee_ocur_time: ($day + " 09:00:00")}]}')"
}
sees() { # SEQUENCE REGEXP: its case shows it, soon
	local i
	for ((i = 0; i < 100; i++)); do
		yitong case "S$1" >$dir/case.txt
		grep -qE -- "$2" $dir/case.txt && break
		sleep 0.2
	done
	grep -qE -- "$2" $dir/case.txt || { cat $dir/case.txt; wrong "the case of S$1 never showed: $2"; }
	say "ok: $1: $(grep -oE -- "$2" $dir/case.txt | head -n 1)"
}
late() { yitong late --at 2099-01-01 --json | jq -r .settlement | sort | tr '\n' ' '; }
told() { yitong messages --limit 1000 --json | jq -s 'flatten | map(select(.operation == "statement.notice")) | length'; }
n_told() { [ "$(told)" = "$1" ]; }
listed() { # CONTROL PORT, JSON
	curl -sS -f -d "$2" "http://127.0.0.1:$1/listed" >/dev/null || wrong "the list says nothing else"
}

eventually n_told 2 || wrong "not the day before of both was fetched at the start: $(told)"
for n in 101 102 103; do agree $n && settle $n 330213; done
for n in 201 202; do agree $n && settle $n 330701; done
for n in 101 102 103; do sees $n '2 claim.query +tianyi +done +9000.00'; done
for n in 201 202; do sees $n '2 claim.query +jinhui +done +6000.00'; done
sees 101 'paid by its insurer, and no daily list tells of it, late from'
[ "$(late)" = "S101 S102 S103 S201 S202 " ] || wrong "without a list are late: $(late)"

listed "$ty_control" '{"setl_id": "S101", "day": "'"$yesterday"'"}'
listed "$ty_control" '{"setl_id": "S102", "day": "'"$yesterday"'", "payable": 800000}'
listed "$ty_control" '{"setl_id": "S777", "day": "'"$yesterday"'", "payable": 5}'
listed "$jh_control" '{"setl_id": "S201", "day": "'"$yesterday"'"}'
listed "$jh_control" '{"setl_id": "S202", "day": "'"$yesterday"'", "status": "REJECTED"}'
again
sees 101 "insurer's daily list +PAID +9000.00"
sees 101 'nothing is open'
sees 201 "insurer's daily list +PAID +6000.00"
sees 201 'nothing is open'
sees 102 "insurer's daily list +PAID +8000.00"
sees 102 'its party says otherwise now'
sees 202 "insurer's daily list +REJECTED"
sees 202 'its party says otherwise now'
[ "$(late)" = "S102 S103 S202 " ] || wrong "with the lists are late: $(late)"
say "ok: late are what the lists say otherwise, or nothing of: $(late)"
for ((i = 0; i < 100; i++)); do yitong statement >$dir/list.txt && break || sleep 0.1; done
grep -qE '0.05 .*S777 .*no claim here is of that settlement' $dir/list.txt || { cat $dir/list.txt; wrong "the claim of nobody's is not listed"; }
grep -q 'told by tianyi .*: 3 claims, 1 of none known here' $dir/list.txt || { cat $dir/list.txt; wrong "the list is not named"; }
say "ok: $(head -n 1 $dir/list.txt)"
n_told 4 || wrong "not the changed list of both was kept besides: $(told)"
parked() { yitong late --at 2099-01-01 --json | jq -r 'select(.state == "parked") | .exchange' | wc -l; }
before="$(told) $(parked)"
again
sleep 2 # it has time to fetch them
[ "$(told) $(parked)" = "$before" ] || wrong "the same list counts twice: $before, then $(told) $(parked)"
say "ok: told again, it counts once"
listed "$ty_control" '{"setl_id": "S103", "day": "'"$yesterday"'"}'
again
sees 103 "insurer's daily list +PAID +9000.00"
yitong statement >$dir/list.txt
[ "$(grep -c S777 $dir/list.txt)" = 1 ] || { cat $dir/list.txt; wrong "the claim of nobody's is listed with each version of its page"; }
say "ok: of a page that says more the newest version is listed"

# Two claims are parked, and three more wait for a lane that is stopped.
sed -i 's/^listeners:/limits: { follow_ups: 5 }\n&/' $dir/gateway.yaml
again
stopped() { yitong lane tianyi stop --operator wang --reason "their system is maintained" >/dev/null; }
eventually stopped || wrong "the lane is not stopped"
said() { grep -c "$1" $dir/yitongd.log; }
is_said() { [ "$(said "$1")" = 1 ]; }
agree 301 && settle 301 330213
[ "$(said limits.follow_ups)" = 0 ] || wrong "three of five follow-ups are said to be many"
agree 302 && settle 302 330213
eventually is_said 'warn.*limits.follow_ups is 80 % full' || wrong "four of five follow-ups are not said to be many"
agree 303 && settle 303 330213
eventually is_said 'error.*as many follow-ups wait as limits.follow_ups allows' || wrong "five of five follow-ups are not said to be all"
may_refuse=yes
! { agree 304 && settle 304 330213; } || wrong "more is taken on than limits.follow_ups allows: $(cat $dir/answer.json)"
say "ok: $(jq -c . $dir/answer.json)"
