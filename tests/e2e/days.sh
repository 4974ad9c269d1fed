#!/bin/bash
# tests/e2e/days.sh - money the working day after discharge, over a holiday, a Saturday that is worked (调休) and a weekend.
#
# Real processes under a clock of their own (clock.c), which the script sets on from day to day, the gateway being down over night: it
# waits by time that passes, not by clocks that are set.  The bank's business days go on by its control port.  Five stays are discharged: 甲, 丙 and 戊 have told all, and are paid on D+1; 乙 and 丁 tell their accounts
# when it is too late.  At each step `yitong case` shows how far it is, and `yitong late` has exactly what is late.
#   甲 乙  Wednesday 2026-09-30, before the holiday: D+1 is Thursday 2026-10-08
#   丙 丁  Friday 2026-10-09: D+1 is Saturday 2026-10-10, which is worked
#   戊     Friday 2026-10-16: D+1 is Monday 2026-10-19
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
bin=${YT_BIN:-build/release/bin} dir=run/days
trap stop_all EXIT
[ -n "${YT_BIN:-}" ] || ./dev build >/dev/null || exit 1
rm -rf $dir && mkdir -p $dir

# -- the clock --
cc -shared -fPIC -O1 -o $dir/clock.so tests/e2e/clock.c || exit 1
asan=$(ldd $bin/yitongd | awk '/libasan/ { print $3 }') # must come first
export YT_CLOCK=$PWD/$dir/clock
set_clock() { # TIME: at UTC+8
	local ahead=$(($(date -d "$1 +0800" +%s) - $(date +%s))) i octets=
	for ((i = 0; i < 8; i++)); do octets+=$(printf '\\x%02x' $((ahead >> 8 * i & 255))); done
	# shellcheck disable=SC2059 # octets
	printf "$octets" | dd of="$YT_CLOCK" conv=notrunc status=none
	moment=$1
}
then_() { LD_PRELOAD="$PWD/$dir/clock.so" "$@"; }                  # a system's program at that time
ours() { LD_PRELOAD="${asan:+$asan }$PWD/$dir/clock.so" "$@"; }    # one of ours
set_clock "2026-09-30 14:50"
then_ sh certs/make $dir/certs >$dir/certs.log || { cat $dir/certs.log; exit 1; }

# -- who takes part --
free_ports door intake bankdoor platform platform_control insurer insurer_control link iso bank_control
cat >$dir/gateway.yaml <<END
gateway: { profile: development, workers: 2, run_dir: $dir/gateway, plugin_dir: ${bin%/bin}/plugins }
journal: { folder: $dir/gateway/journal, segment_mib: 16, reserve_segments: 1, retention_days: 365, index: $dir/gateway/index.db,
  keys: $dir/certs/journal-keys, data_keys: $dir/gateway/data-keys }
listeners:
  - { name: hospitals, kind: mtls, address: 127.0.0.1, port: $door, format: nhsa,
      cert: $dir/certs/gateway.crt, key: $dir/certs/gateway.key, client_ca: $dir/certs/ca.crt }
  - { name: intakes, kind: mtls, address: 127.0.0.1, port: $intake, format: intake,
      cert: $dir/certs/gateway.crt, key: $dir/certs/gateway.key, client_ca: $dir/certs/ca.crt }
  - { name: from-bank, kind: mtls, address: 127.0.0.1, port: $bankdoor, format: iso20022,
      cert: $dir/certs/gateway.crt, key: $dir/certs/gateway.key, client_ca: $dir/certs/ca.crt,
      settings: { customer: "3302990001", bank: BANK } }
secrets: { platform-token: $dir/certs/secrets/platform-token, person-key: $dir/certs/secrets/person-key,
  ty-key: $dir/certs/secrets/insurer-ty-key }
keys:
  - { name: ty-field, kind: sm4, file: $dir/certs/secrets/insurer-ty-field-key }
parties:
  - { name: zhejiang, format: nhsa, url: "https://127.0.0.1:$platform/fsi/api/rsfComIfsService/callService", ca: $dir/certs/ca.crt,
      cert: $dir/certs/gateway-client.crt, key: $dir/certs/gateway-client.key,
      settings: { paasid: GATEWAY01, key: platform-token, headers: x-tif, recer_sys_code: YBXT, operator: YT9001 } }
  - { name: tianyi, format: tianyi, url: "https://127.0.0.1:$insurer/", ca: $dir/certs/ca.crt, http2: "on", connections: 2,
      settings: { app_id: gw330299, key: ty-key, field_key: ty-field, ask_again_s: 3600 } }
  - { name: bank, format: iso20022, url: "https://127.0.0.1:$iso/iso20022", ca: $dir/certs/ca.crt,
      cert: $dir/certs/gateway-client.crt, key: $dir/certs/gateway-client.key, connections: 2,
      settings: { customer: "3302990001", bank: BANK } }
origins:
  - { name: hospital, subject: hospital-one, institutions: [H33021399901], unknown_style: hold, timeout_ms: 180000 }
  - { name: bank, subject: bank-client, institutions: [BANK], unknown_style: hold, timeout_ms: 130000 }
institutions:
  - { code: H33021399901, name: 示例市第一医院, area: "330213", level: "31", sign_in: pass, operator: YT9001 }
  - { code: BANK, name: 示例银行, area: "330200", sign_in: pass, operator: YT9001 }
cases: { facts: [same-city, same-province] }
resolution: { follow_up_retry_max_ms: 4000, follow_up_park_after_ms: 2592000000 }
calendars:
  - { name: bank, file: conf/calendar.csv }
flows:
  - name: tianyi-claim
    steps: ["tianyi:claim.submit?!auth_no", "!tianyi:claim.query?!auth_no", "bank:pay.order?pay_by=GATEWAY",
            "!bank:pay.query?pay_by=GATEWAY", "!tianyi:claim.payment?pay_by=GATEWAY"]
    answer: 2
    late_after_days: 1
    line_after_days: 1
    calendar: bank
payers:
  - { name: claims, party: bank, pay_type: IN, account: "3999020001000000018", account_name: 宁波市医疗保障基金支出户（示例）,
      bank_no: "313332099026", bank_name: 示例甬江银行营业部, behalf_name: 天一甬宁保, purpose: 商保理赔, order_limit: "50000" }
releases:
  - { pay_type: IN, most: "30000", until: "2099-12-31", signed_by: 示例财务科 }
routes:
  - { name: stays, to: zhejiang, operations: [inpatient.settle], then: tianyi-claim }
  - { name: everything, to: zhejiang }
END
ours $bin/yitong check $dir/gateway.yaml >$dir/check.txt 2>&1 || { cat $dir/check.txt; exit 1; }
begin() { # NAME PORT COMMAND...
	local name=$1 port=$2
	shift 2
	start "$name" "$dir/$name.log" env LD_PRELOAD="${asan:+$asan }$PWD/$dir/clock.so" "$@"
	wait_port "$port" "$last_pid" 20 "$dir/$name.log" || exit 1
}
begin platform "$platform_control" $bin/yitong-sandbox platform --port "$platform" --control-port "$platform_control" --certs $dir/certs
# It decides 16 hours after it was told: on the morning after.
begin insurer "$insurer_control" $bin/yitong-sandbox insurer --port "$insurer" --control-port "$insurer_control" --certs $dir/certs \
	--decide-ms 57600000 --pay-by GATEWAY
begin bank "$bank_control" $bin/yitong-sandbox bank --link-port "$link" --iso-port "$iso" --control-port "$bank_control" \
	--certs $dir/certs
begin yitongd "$door" $bin/yitongd --conf $dir/gateway.yaml
go_to() { # TIME: the gateway is started again then, and all days before are over for the bank
	stop "$last_pid"
	set_clock "$1"
	end_day "$(date -u -d "${1%% *} -1 day" +%Y%m%d)"
	begin yitongd "$door" $bin/yitongd --conf $dir/gateway.yaml
}

# -- the bank's days --
bank_day=20260930
end_day() { # LAST yyyyMMdd: its business days end, up to that one
	while [ "$bank_day" -le "$1" ]; do
		bank_day=$(curl -sS -f -d '{}' "http://127.0.0.1:$bank_control/day" | jq -r .day)
	done
	sleep 0.3 # it writes its statements a moment later
}
n_told=0
tell_statements() { # [ID]: all that it has written since; ID: as other messages, whose numbers begin so
	local document n
	has_more() { n=$(curl -sS "http://127.0.0.1:$bank_control/documents" | jq '.documents | length') && [ "$n_told" -lt "$n" ]; }
	eventually has_more || wrong "the bank has no statement to tell"
	for (( ; n_told < n; n_told++)); do
		document=$(curl -sS "http://127.0.0.1:$bank_control/documents" | jq -r ".documents[$n_told]" | sed "s/<MsgId>ST/<MsgId>${1:-ST}/")
		as=bank-client type=xml post "$bankdoor" / <<<"$document" >$dir/told.xml
		grep -q '<GrpSts>ACTC' $dir/told.xml || wrong "a statement was not taken: $(cat $dir/told.xml)"
	done
}

# -- what is asserted --
yitong() { ours $bin/yitong --conf $dir/gateway.yaml "$@" 2>>$dir/ctl.log; }
wrong() { # TEXT
	say "at $moment: $1" >&2
	[ -z "${visit:-}" ] || yitong case "$visit" >&2
	yitong late >&2
	tail -n 5 $dir/yitongd.log >&2
	exit 1
}
within() { # SECONDS WHAT COMMAND...: until it says yes
	local seconds=$1 what=$2 i
	shift 2
	for ((i = 0; i < seconds * 5; i++)); do "$@" && return; sleep 0.2; done
	wrong "not within $seconds s: $what"
}
shows() { yitong case "$1" >$dir/case.txt; grep -qE -- "$2" $dir/case.txt; }   # VISIT REGEXP
hides() { yitong case "$1" >$dir/case.txt; ! grep -qE -- "$2" $dir/case.txt; }
is_seen() { # NAME REGEXP: the visit of that person shows it
	visit=${visits[$1]}
	within 60 "$1: $2" shows "$visit" "$2"
	say "ok: $moment: $1: $(grep -oE -- "$2" $dir/case.txt | head -n 1)"
}
late_names() { # [OPTION...]: whose settlements are late, in the order of discharge
	local name list
	list=$(yitong late --json "$@" | jq -r .settlement)
	for name in 甲 乙 丙 丁 戊; do
		[ -n "${setls[$name]:-}" ] && grep -qxF -- "${setls[$name]}" <<<"$list" && printf %s "$name"
	done
}
is_late() { [ "$(late_names "${@:2}")" = "$1" ]; }
late() { # NAMES [OPTION...]: exactly these are late
	within 10 "late: [$1] ${*:2}, not [$(late_names "${@:2}")]" is_late "$@"
	say "ok: ${3:-$moment}: late: ${1:-nothing}"
}

# -- discharges --
declare -A visits setls numbers accounts ids
serial=0
id_of() { # SEQUENCE: a resident's number with its check digit
	local digits=33021319800101$1 weights=(7 9 10 5 8 4 2 1 6 3 7 9 10 5 8 4 2) sum=0 i
	for ((i = 0; i < 17; i++)); do sum=$((sum + ${digits:i:1} * weights[i])); done
	printf '%s%s' "$digits" "$(cut -c $((sum % 11 + 1)) <<<10X98765432)"
}
post() { # PORT PATH: the body comes in
	then_ curl -sS --max-time 60 --cacert $dir/certs/ca.crt --cert $dir/certs/${as:-hospital-one}.crt --key $dir/certs/${as:-hospital-one}.key \
		-H "Content-Type: application/${type:-json}" --data-binary @- "https://127.0.0.1:$1$2"
}
call() { # INFNO INPUT: to the platform, through the gateway
	local time reply
	time=$(then_ date '+%F %T' -d '+8 hours' -u)
	serial=$((serial + 1))
	reply=$(jq -n --arg infno "$1" --arg msgid "H33021399901$(tr -dc 0-9 <<<"$time")$(printf %04d $serial)" --arg now "$time" --argjson input "$2" \
		'{infno: $infno, msgid: $msgid, mdtrtarea_admvs: "330213", insuplc_admdvs: "330213", recer_sys_code: "YBXT", dev_no: "",
		dev_safe_info: "", cainfo: "", signtype: "", infver: "V1.0", opter_type: "1", opter: "S0007", opter_name: "收费员七",
		inf_time: $now, fixmedins_code: "H33021399901", fixmedins_name: "示例市第一医院", sign_no: "", input: $input}' |
		post "$door" /fsi/api/rsfComIfsService/callService)
	jq -e '.infcode == 0 or .infcode == "0"' <<<"$reply" >/dev/null || wrong "$1 was refused: $reply"
	answer=$(jq .output <<<"$reply")
}
get() { jq -r "$1" <<<"$answer"; }
tell() { # NAME OPERATION MEMBERS: to the gateway itself
	local reply
	serial=$((serial + 1))
	reply=$(jq -n --arg op "$2" --arg number "T$serial" --arg psn "${numbers[$1]}" --arg visit "${visits[$1]}" --argjson members "$3" \
		'{operation: $op, number: $number, institution: "H33021399901", psn_no: $psn, mdtrt_id: $visit} + $members' | post "$intake" /intake)
	jq -e '.code == "0"' <<<"$reply" >/dev/null || wrong "$2 was refused: $reply"
}
tell_account() { # NAME
	tell "$1" account.put "$(jq -n --arg name "示例$1" --arg account "${accounts[$1]}" '{payee: {relation: "00", name: $name,
		bank_acct_no: $account, bank_no: "313332099026", bank_name: "示例甬江银行营业部"}}')"
}
discharge() { # NAME SEQUENCE ACCOUNT [no-account]: a stay of 23000.00, of which the insurer pays 7500.00
	local name=$1 time visit diagnosis split day
	time=$(then_ date '+%F %T' -d '+8 hours' -u) day=${time%% *}
	ids[$name]=$(id_of "$2") accounts[$name]=$3
	jq -n --arg id "${ids[$name]}" --arg name "示例$name" '[{certno: $id, name: $name, insutype: "310", balance_fen: 0, civil_servant: false,
		insuplc_admdvs: "330213"}]' | curl -sS -f -o /dev/null --data @- "http://127.0.0.1:$platform_control/persons" || wrong "no person"
	jq -n --arg id "${ids[$name]}" --arg name "示例$name" '[{certno: $id, name: $name}]' |
		curl -sS -f -o /dev/null --data @- "http://127.0.0.1:$insurer_control/persons" || wrong "no person"
	call 1101 "$(jq -n --arg id "${ids[$name]}" --arg name "示例$name" '{data: {mdtrt_cert_type: "02", mdtrt_cert_no: $id, card_sn: "",
		begntime: "", psn_cert_type: "01", certno: $id, psn_name: $name}}')"
	numbers[$name]=$(get .baseinfo.psn_no)
	diagnosis=$(jq -n --arg psn "${numbers[$name]}" --arg now "$time" '[{psn_no: $psn, maindiag_flag: "1", diag_type: "1", diag_srt_no: 1,
		diag_code: "J06.900", diag_name: "急性上呼吸道感染", diag_dept: "内科", dise_dor_no: "D33021300011", dise_dor_name: "示例医师", diag_time: $now}]')
	call 2401 "$(jq -n --arg psn "${numbers[$name]}" --arg id "${ids[$name]}" --arg now "$time" --arg own "V$2" --argjson diagnosis "$diagnosis" '{
		mdtrtinfo: {psn_no: $psn, insutype: "310", begntime: $now, mdtrt_cert_type: "02", mdtrt_cert_no: $id, med_type: "21", ipt_no: $own,
		atddr_no: "D33021300011", chfpdr_name: "示例医师", adm_diag_dscr: "急性上呼吸道感染", adm_dept_codg: "A03", adm_dept_name: "内科",
		adm_bed: "0312", dscg_maindiag_code: "J06.900", dscg_maindiag_name: "急性上呼吸道感染"}, diseinfo: $diagnosis}')"
	visit=$(get .result.mdtrt_id) visits[$name]=$(get .result.mdtrt_id)
	call 2301 "$(jq -n --arg psn "${numbers[$name]}" --arg visit "$visit" --arg now "$time" --arg own "V$2" '
		def line($n; $code; $count; $price): {feedetl_sn: ($own + $n), mdtrt_id: $visit, psn_no: $psn, med_type: "21",
			fee_ocur_time: $now, med_list_codg: $code, medins_list_codg: $code, det_item_fee_sumamt: ($count * $price),
			cnt: $count, pric: $price, bilg_dept_codg: "A03", bilg_dept_name: "内科", bilg_dr_codg: "D33021300011",
			bilg_dr_name: "示例医师", hosp_appr_flag: "1"};
		{feedetail: [line("001"; "XJ01DDT999A001010199901"; 2; 1500), line("002"; "XB01ACT999A001010199909"; 1; 20000)]}')"
	split=$(get '.result | {fulamt_ownpay_amt: (map(.fulamt_ownpay_amt | tonumber) | add), overlmt_selfpay: (map(.overlmt_amt | tonumber) | add),
		preselfpay_amt: (map(.preselfpay_amt | tonumber) | add), inscp_scp_amt: (map(.inscp_scp_amt | tonumber) | add)}')
	call 2402 "$(jq -n --arg psn "${numbers[$name]}" --arg visit "$visit" --arg now "$time" --argjson diagnosis "$diagnosis" '{
		dscginfo: {mdtrt_id: $visit, psn_no: $psn, insutype: "310", endtime: $now, dscg_dept_codg: "A03", dscg_dept_name: "内科", dscg_way: "1"},
		diseinfo: ($diagnosis | map(. + {mdtrt_id: $visit}))}')"
	tell "$name" consent.put "$(jq -n --arg own "V$2" --arg now "$time" '{consent: {auth_no: ("SQ" + $own), auth_time: $now, scope: "1111",
		channel: "1", expire_date: "2099-12-31", evidence_sm3: "651b96df59518f631ae23117c3b0db0b6971200a242f4dbc39f7be3065420a69"}}')"
	[ "${4:-}" = no-account ] || tell_account "$name"
	tell "$name" invoice.notice "$(jq -n --arg own "V$2" --arg day "$day" '{bill: [{elec_bill_code: "33060126", elec_billno_code: $own,
		elec_bill_chkcode: "a1b2c3", bill_date: $day, bill_amt: "23000.00"}]}')"
	call 2304 "$(jq -n --arg psn "${numbers[$name]}" --arg visit "$visit" --arg id "${ids[$name]}" --argjson split "$split" '{data: ({psn_no: $psn,
		mdtrt_cert_type: "02", mdtrt_cert_no: $id, medfee_sumamt: 23000, psn_setlway: "01", mdtrt_id: $visit, insutype: "310",
		acct_used_flag: "1", invono: "", mid_setl_flag: "0"} + $split)}')"
	setls[$name]=$(get .setlinfo.setl_id)
	say "ok: $moment: $name is discharged: settlement ${setls[$name]}"
}

PAID='5 claim.payment +tianyi +done'
LINE='statement line +booked +7500.00'

set_clock "2026-09-30 15:00"
discharge 甲 101 6299993302000001017
discharge 乙 102 6299993307000004044 no-account
is_seen 甲 '1 claim.submit +tianyi +done'
is_seen 甲 '2 claim.query +tianyi +awaited'
is_seen 甲 'late from 2026-10-09 00:00:00'
is_seen 乙 'waits for what is missing: [^;]*; next: institution'
late "" --at "2026-10-08 23:59:59"
late 甲乙 --at "2026-10-09 00:00:00"
set_clock "2026-09-30 23:30"
late ""
end_day 20260930
set_clock "2026-10-04 12:00" # rests, and so does the insurer
late ""
go_to "2026-10-08 09:30" # D+1
is_seen 甲 "$PAID"
is_seen 甲 'paid under IN[0-9]+, and no statement tells of it, late from 2026-10-10 00:00:00'
set_clock "2026-10-08 23:59"
late ""
end_day 20261008
set_clock "2026-10-09 00:05"
late 乙
go_to "2026-10-09 06:00"
tell_statements
is_seen 甲 "$LINE"
is_seen 甲 'nothing is open'
set_clock "2026-10-09 09:00"
tell_account 乙
is_seen 乙 '1 claim.submit +tianyi +done'
late 乙 # handed in, not paid

go_to "2026-10-09 15:00"
discharge 丙 103 6299993302000003039
discharge 丁 104 6299993302000003047 no-account
is_seen 丙 '2 claim.query +tianyi +awaited'
is_seen 丙 'late from 2026-10-11 00:00:00' # the Saturday is worked
late 乙 --at "2026-10-10 23:59:59"
late 乙丙丁 --at "2026-10-11 00:00:00"
set_clock "2026-10-09 23:30"
end_day 20261009
go_to "2026-10-10 09:30" # D+1, a Saturday
is_seen 丙 "$PAID"
is_seen 乙 "$PAID"
late ""
end_day 20261010
set_clock "2026-10-11 00:05"
late 丁
go_to "2026-10-11 09:00"
tell_account 丁
is_seen 丁 '1 claim.submit +tianyi +done'
go_to "2026-10-12 09:30"
is_seen 丁 "$PAID"
set_clock "2026-10-12 23:59"
late ""
end_day 20261012
set_clock "2026-10-13 00:05" # the statement of Saturday should have come on Monday
late 乙丙
is_seen 丙 'paid under IN[0-9]+, and no statement tells of it'
go_to "2026-10-13 06:00"
tell_statements
for name in 乙 丙 丁; do is_seen $name "$LINE"; done
late ""

go_to "2026-10-16 15:00"
discharge 戊 105 6299993302000003054
is_seen 戊 '2 claim.query +tianyi +awaited'
is_seen 戊 'late from 2026-10-20 00:00:00'
set_clock "2026-10-18 23:59" # Sunday
late ""
go_to "2026-10-19 09:30" # D+1
is_seen 戊 "$PAID"
set_clock "2026-10-19 23:59"
late ""
end_day 20261019
go_to "2026-10-20 06:00"
tell_statements
n_told=0
tell_statements # all told again
n_told=0
tell_statements SX # and in other messages
for name in 甲 乙 丙 丁 戊; do
	is_seen $name "$LINE"
	is_seen $name 'nothing is open'
	[ "$(grep -c 'statement line' $dir/case.txt)" = 1 ] || wrong "$name has not one line"
done
late "" --at "2026-12-31"

# -- the ledgers --
curl -sS "http://127.0.0.1:$bank_control/ledger" >$dir/bank-ledger.json
curl -sS "http://127.0.0.1:$insurer_control/ledger" >$dir/insurer-ledger.json
for name in 甲 乙 丙 丁 戊; do
	account=${accounts[$name]}
	got=$(jq -c --arg a "$account" '[.entries[] | select(.account == $a)] | map(.dc, .amount_fen)' $dir/bank-ledger.json)
	[ "$got" = '["C",750000]' ] || wrong "the account of $name has entries and fen: $got"
	got=$(jq -c --arg s "${setls[$name]}" '[.claims[] | select(.setlId == $s) | .status, .payable, .paid, (.payments | length)]' $dir/insurer-ledger.json)
	[ "$got" = '["PAID",750000,750000,1]' ] || wrong "the claim of $name: $got"
	say "ok: $name: 7500.00 once on one account, and the insurer knows"
done
[ "$(jq .double_bookings $dir/bank-ledger.json)" = 0 ] || wrong "the bank has booked twice"
[ "$(jq '[.payouts[]] | length' $dir/bank-ledger.json)" = 5 ] || wrong "the bank has other payouts than five"
