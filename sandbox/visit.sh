#!/bin/bash
# sandbox/visit.sh - one out-patient visit by hand, through the gateway that `./dev run` keeps up:
# 1101 who is it → 2201 register → 2203A diagnosis → 2204 fee lines → 2206 trial → 2207 settlement.
# Or a stay with a claim: 1101 → 2401 admission → 2301 fee lines → 2402 discharge → consent and account → 2303 trial with
# a quote → invoice → 2304 settlement; then what the insurer has made of it; or only until the message of the trial is there.
#
# Prints the output of each answer.  Needs curl and jq; YT_URL names another gateway than that of `./dev run`,
# YT_INTAKE_URL its listener for consents, YT_HUB_CONTROL and YT_INSURER_CONTROL the control ports of others.
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
usage() {
	echo "Usage: sandbox/visit.sh [--guest | --claim | --trial FILE]   (needs \`./dev run\` up)"
	echo "  --guest   the person is insured in Shanghai: platform and national hub settle together"
	echo "  --claim   a stay of somebody who agreed that 天一甬宁保 is told: its claim follows by itself"
	echo "  --trial FILE   such a stay until 2303, whose message goes into FILE instead (tests/bench)"
}
is_guest='' is_claim='' trial=''
case ${1:-} in
"") ;;
--guest) is_guest=yes ;;
--claim) is_claim=yes ;;
--trial) is_claim=yes trial=${2:?a file is missing} ;;
--help | -h) usage; exit 0 ;;
*) usage >&2; exit 2 ;;
esac

url=${YT_URL:-https://127.0.0.1:8443/fsi/api/rsfComIfsService/callService}
certs=certs/out
institution=H33021399901
certno=330213197906152731 name=示例甲 insured=330213 # whom the simulated platform knows from the start
now=$(TZ=Asia/Shanghai date '+%F %T')
own_visit=V$(TZ=Asia/Shanghai date +%y%m%d%H%M%S) # the hospital's own number of the visit
serial=$((RANDOM % 8000))
answer=
if [ -n "$is_guest" ]; then
	certno=310115197906152735 name=示例丙 insured=310115
	jq -n --arg id $certno --arg name $name --arg area $insured \
		'[{certno: $id, name: $name, insuplc_admdvs: $area, insutype: "310", balance_fen: 2000}]' |
		curl -sS -f -o /dev/null --data @- "${YT_HUB_CONTROL:-http://127.0.0.1:9481}/persons" || exit 1
fi

# message INFNO INPUT: prints one; its number is in $msgid before.
message() {
	jq -n --arg infno "$1" --arg msgid "$msgid" --arg institution $institution --arg now "$now" --arg insured $insured \
		--argjson input "$2" '{infno: $infno, msgid: $msgid, mdtrtarea_admvs: "330213", insuplc_admdvs: $insured,
			recer_sys_code: "YBXT", dev_no: "", dev_safe_info: "", cainfo: "", signtype: "", infver: "V1.0",
			opter_type: "1", opter: "S0007", opter_name: "收费员七", inf_time: $now,
			fixmedins_code: $institution, fixmedins_name: "示例市第一医院", sign_no: "", input: $input}'
}

# call INFNO INPUT: posts one message; its output is in $answer afterwards.
call() {
	local infno=$1 reply
	serial=$((serial + 1))
	msgid=$institution$(TZ=Asia/Shanghai date +%Y%m%d%H%M%S)$(printf %04d $serial)
	reply=$(message "$infno" "$2" |
		curl -sS --cacert $certs/ca.crt --cert $certs/hospital-one.crt --key $certs/hospital-one.key \
			-H 'Content-Type: application/json' --data @- "$url") || exit 1
	printf '%s  %s\n' "$infno" "$msgid"
	jq '.output // .' <<<"$reply" || { printf 'no JSON: %s\n' "$reply" >&2; exit 1; }
	if ! jq -e '.infcode == 0 or .infcode == "0"' <<<"$reply" >/dev/null; then
		printf 'refused: %s\n' "$(jq -r '.err_msg' <<<"$reply")" >&2
		exit 1
	fi
	answer=$(jq '.output' <<<"$reply")
}

get() { jq -r "$1" <<<"$answer"; } # PATH

intake=${YT_INTAKE_URL:-https://127.0.0.1:8446/intake} insurer=${YT_INSURER_CONTROL:-http://127.0.0.1:9483}

# tell OPERATION MEMBERS: what the platform does not carry and a claim needs, told to the gateway itself.
tell() {
	local reply
	serial=$((serial + 1))
	reply=$(jq -n --arg operation "$1" --arg number "$own_visit-$serial" --arg institution $institution --arg psn "$psn_no" \
		--arg visit "$visit" --argjson members "$2" '{operation: $operation, number: $number, institution: $institution,
			psn_no: $psn, mdtrt_id: $visit} + $members' |
		curl -sS --cacert $certs/ca.crt --cert $certs/hospital-one.crt --key $certs/hospital-one.key \
			-H 'Content-Type: application/json' --data @- "$intake") || exit 1
	printf '%s  %s\n' "$1" "$reply"
	jq -e '.code == "0"' <<<"$reply" >/dev/null || exit 1
}

# Asks the insurer's own books until the claim of settlement $1 is paid.
await_claim() {
	local deadline=$((SECONDS + 30)) row
	until row=$(curl -sS -f "$insurer/ledger" | jq --arg setl "$1" '.claims[] | select(.setlId == $setl)') &&
		[ "$(jq -r '.status // ""' <<<"$row")" = PAID ]; do
		[ $SECONDS -lt $deadline ] || { echo "the insurer has not paid: ${row:-it knows no claim}" >&2; exit 1; }
		sleep 0.5
	done
	printf 'the insurer\n'
	jq '{claimNo, status, payable, payments}' <<<"$row"
}

# 2 × 1500.00 in the catalogue, 1 × 20000.00 outside: far above any deductible.
stay() {
	local diagnosis split settlement
	jq -n --arg id $certno --arg name $name '[{certno: $id, name: $name}]' |
		curl -sS -f -o /dev/null --data @- "$insurer/persons" || exit 1
	diagnosis=$(jq -n --arg psn "$psn_no" --arg now "$now" '[{psn_no: $psn, maindiag_flag: "1", diag_type: "1", diag_srt_no: 1,
		diag_code: "J06.900", diag_name: "急性上呼吸道感染", diag_dept: "内科", dise_dor_no: "D33021300011",
		dise_dor_name: "示例医师", diag_time: $now}]')
	call 2401 "$(jq -n --arg psn "$psn_no" --arg id $certno --arg now "$now" --arg own "$own_visit" \
		--argjson diagnosis "$diagnosis" '{mdtrtinfo: {psn_no: $psn, insutype: "310", begntime: $now,
		mdtrt_cert_type: "02", mdtrt_cert_no: $id, med_type: "21", ipt_no: $own, atddr_no: "D33021300011",
		chfpdr_name: "示例医师", adm_diag_dscr: "急性上呼吸道感染", adm_dept_codg: "A03", adm_dept_name: "内科",
		adm_bed: "0312", dscg_maindiag_code: "J06.900", dscg_maindiag_name: "急性上呼吸道感染"}, diseinfo: $diagnosis}')"
	visit=$(get .result.mdtrt_id)
	call 2301 "$(jq -n --arg psn "$psn_no" --arg visit "$visit" --arg now "$now" --arg own "$own_visit" '
		def line($n; $code; $count; $price): {feedetl_sn: ($own + $n), mdtrt_id: $visit, psn_no: $psn, med_type: "21",
			fee_ocur_time: $now, med_list_codg: $code, medins_list_codg: $code, det_item_fee_sumamt: ($count * $price),
			cnt: $count, pric: $price, bilg_dept_codg: "A03", bilg_dept_name: "内科", bilg_dr_codg: "D33021300011",
			bilg_dr_name: "示例医师", hosp_appr_flag: "1"};
		{feedetail: [line("001"; "XJ01DDT999A001010199901"; 2; 1500), line("002"; "XB01ACT999A001010199909"; 1; 20000)]}')"
	split=$(split_of)
	call 2402 "$(jq -n --arg psn "$psn_no" --arg visit "$visit" --arg now "$now" --argjson diagnosis "$diagnosis" '{
		dscginfo: {mdtrt_id: $visit, psn_no: $psn, insutype: "310", endtime: $now, dscg_dept_codg: "A03",
		dscg_dept_name: "内科", dscg_way: "1"}, diseinfo: ($diagnosis | map(. + {mdtrt_id: $visit}))}')"
	settlement=$(jq -n --arg psn "$psn_no" --arg visit "$visit" --arg id $certno --argjson split "$split" '{data: ({psn_no: $psn,
		mdtrt_cert_type: "02", mdtrt_cert_no: $id, medfee_sumamt: 23000, psn_setlway: "01", mdtrt_id: $visit,
		insutype: "310", acct_used_flag: "1", invono: "", mid_setl_flag: "0"} + $split)}')
	tell consent.put "$(jq -n --arg own "$own_visit" --arg now "$now" '{consent: {auth_no: ("SQ" + $own), auth_time: $now,
		scope: "1111", channel: "1", expire_date: "2099-12-31",
		evidence_sm3: "651b96df59518f631ae23117c3b0db0b6971200a242f4dbc39f7be3065420a69"}}')"
	tell account.put "$(jq -n --arg name $name '{payee: {relation: "00", name: $name, bank_acct_no: "6299993302000001017",
		bank_no: "313332099026", bank_name: "示例甬江银行营业部"}}')"
	if [ -n "$trial" ]; then
		message 2303 "$settlement" | jq -c . >"$trial"
		exit 0
	fi
	call 2303 "$settlement" # shows what the insurer would pay, too
	tell invoice.notice "$(jq -n --arg own "$own_visit" --arg day "${now%% *}" '{bill: [{elec_bill_code: "33060126",
		elec_billno_code: $own, elec_bill_chkcode: "a1b2c3", bill_date: $day, bill_amt: "23000.00"}]}')"
	call 2304 "$settlement"
	await_claim "$(get .setlinfo.setl_id)"
	printf 'every step of it:\n  build/release/bin/yitong --conf run/demo.yaml case %s\n' "$visit"
}

# How the platform has split the lines: scope, self-paid parts.
split_of() {
	get '.result | {fulamt_ownpay_amt: (map(.fulamt_ownpay_amt | tonumber) | add),
		overlmt_selfpay: (map(.overlmt_amt | tonumber) | add), preselfpay_amt: (map(.preselfpay_amt | tonumber) | add),
		inscp_scp_amt: (map(.inscp_scp_amt | tonumber) | add)}'
}

call 1101 "$(jq -n --arg id $certno --arg name $name '{data: {mdtrt_cert_type: "02", mdtrt_cert_no: $id, card_sn: "", begntime: "",
	psn_cert_type: "01", certno: $id, psn_name: $name}}')"
psn_no=$(get .baseinfo.psn_no)
if [ -n "$is_claim" ]; then
	stay
	exit 0
fi

call 2201 "$(jq -n --arg psn "$psn_no" --arg id $certno --arg now "$now" --arg own "$own_visit" '{data: {psn_no: $psn,
	insutype: "310", begntime: $now, mdtrt_cert_type: "02", mdtrt_cert_no: $id, ipt_otp_no: $own,
	atddr_no: "D33021300011", dr_name: "示例医师", dept_code: "A03", dept_name: "内科", caty: "A03"}}')"
visit=$(get .data.mdtrt_id)

call 2203A "$(jq -n --arg psn "$psn_no" --arg visit "$visit" --arg now "$now" '{mdtrtinfo: {mdtrt_id: $visit,
	psn_no: $psn, med_type: "11", begntime: $now, main_cond_dscr: "咳嗽三天", dise_codg: "", dise_name: ""},
	diseinfo: [{diag_type: "1", diag_srt_no: 1, diag_code: "J06.900", diag_name: "急性上呼吸道感染", diag_dept: "内科",
	dise_dor_no: "D33021300011", dise_dor_name: "示例医师", diag_time: $now, vali_flag: "1"}]}')"

# Two lines of one batch: 2 × 12.50 and 1 × 30.00.
call 2204 "$(jq -n --arg psn "$psn_no" --arg visit "$visit" --arg now "$now" --arg own "$own_visit" '
	def line($n; $code; $count; $price): {feedetl_sn: ($own + $n), mdtrt_id: $visit, psn_no: $psn, chrg_bchno: "B1",
		fee_ocur_time: $now, med_list_codg: $code, medins_list_codg: $code, det_item_fee_sumamt: ($count * $price),
		cnt: $count, pric: $price, bilg_dept_codg: "A03", bilg_dept_name: "内科", bilg_dr_codg: "D33021300011",
		bilg_dr_name: "示例医师", hosp_appr_flag: "1", rx_circ_flag: "0"};
	{feedetail: [line("001"; "XA10BAE040A001010100483"; 2; 12.5), line("002"; "XN02BEP051A001010102166"; 1; 30)]}')"

split=$(split_of)
settlement=$(jq -n --arg psn "$psn_no" --arg visit "$visit" --arg id $certno --argjson split "$split" '{data: ({psn_no: $psn,
	mdtrt_cert_type: "02", mdtrt_cert_no: $id, med_type: "11", medfee_sumamt: 55, psn_setlway: "01", mdtrt_id: $visit,
	chrg_bchno: "B1", insutype: "310", acct_used_flag: "1", invono: ""} + $split)}')
call 2206 "$settlement"
call 2207 "$settlement"

printf 'settled as %s; every step of it:\n  build/release/bin/yitong --conf run/demo.yaml messages --visit %s\n' \
	"$(get .setlinfo.setl_id)" "$visit"
