#!/bin/bash
# tests/e2e/bank_notice.sh - what a bank tells the gateway unasked: reports and statements by HTTPS, result files in a folder.
# Each is kept once and answered, whether it names a payment of ours or not; the same again changes nothing.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
bin=${YT_BIN:-build/release/bin} dir=run/bank_notice
trap stop_all EXIT
[ -n "${YT_BIN:-}" ] || ./dev build >/dev/null || exit 1
sh certs/make >/dev/null || exit 1
free_ports door nobody
rm -rf $dir && mkdir -p $dir/files/{in,taken,done,refused}
cat >$dir/gateway.yaml <<END
gateway: { profile: development, workers: 1, run_dir: $dir/gateway, plugin_dir: ${bin%/bin}/plugins }
journal: { folder: $dir/gateway/journal, segment_mib: 16, reserve_segments: 1, retention_days: 30, index: $dir/gateway/index.db }
listeners:
  - name: from-bank
    kind: mtls
    address: 127.0.0.1
    port: $door
    format: iso20022
    cert: certs/out/gateway.crt
    key: certs/out/gateway.key
    client_ca: certs/out/ca.crt
    settings: { customer: "3302990001", bank: ICBC }
  - name: result-files
    kind: folder
    format: bankfile
    path: $dir/files
    origin: files
    look_ms: 200
    settle_ms: 50
    settings: { corp_no: "3302990001", bank: ICBC }
secrets: { person-key: certs/out/secrets/person-key }
parties:
  - { name: bank, format: iso20022, url: "https://127.0.0.1:$nobody/", ca: certs/out/ca.crt,
      settings: { customer: "3302990001", bank: ICBC } }
origins:
  - { name: bank, subject: hub-client, institutions: [ICBC], unknown_style: hold, timeout_ms: 130000 }
  - { name: files, party: bank, institutions: [ICBC] }
institutions:
  - { code: ICBC, name: 示例银行, area: "330200", sign_in: pass, operator: YT9001 }
routes:
  - { name: all, to: bank }
END
$bin/yitong check $dir/gateway.yaml >$dir/check.txt || { cat $dir/check.txt; exit 1; }
start yitongd $dir/gateway.log $bin/yitongd --conf $dir/gateway.yaml
wait_port $door "$last_pid" 20 $dir/gateway.log || exit 1

xsd=urn:iso:std:iso:20022:tech:xsd
report() { # NUMBER STATUS
	printf '<Document xmlns="%s:pain.002.001.10"><CstmrPmtStsRpt><GrpHdr><MsgId>%s</MsgId><CreDtTm>2026-11-20T09:22:40+08:00</CreDtTm></GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>PM20261120000000000001</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId><GrpSts>PART</GrpSts></OrgnlGrpInfAndSts><OrgnlPmtInfAndSts><OrgnlPmtInfId>PB20261120000000000001</OrgnlPmtInfId><TxInfAndSts><OrgnlEndToEndId>CL20261120000000000001</OrgnlEndToEndId><TxSts>%s</TxSts></TxInfAndSts></OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>' \
		$xsd "$1" "$2"
}
entry() { # NUMBER NAME(camt.053 BkToCstmrStmt Stmt | camt.054 BkToCstmrDbtCdtNtfctn Ntfctn): one entry
	local balances=
	[ "$4" = Stmt ] && balances='<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="CNY">1.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-20</Dt></Dt></Bal><Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="CNY">3.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-20</Dt></Dt></Bal>'
	printf '<Document xmlns="%s:%s.001.08"><%s><GrpHdr><MsgId>%s</MsgId><CreDtTm>2026-11-20T14:31:07+08:00</CreDtTm></GrpHdr><%s><Id>%s</Id><CreDtTm>2026-11-20T14:31:07+08:00</CreDtTm><Acct><Id><Othr><Id>3999020001000000018</Id></Othr></Id><Ccy>CNY</Ccy></Acct>%s<Ntry><NtryRef>71300</NtryRef><Amt Ccy="CNY">2.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-11-20</Dt></BookgDt><AcctSvcrRef>BK1</AcctSvcrRef><BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>RRTN</SubFmlyCd></Fmly></Domn></BkTxCd><NtryDtls><TxDtls><Refs><EndToEndId>CL20261119000000000044</EndToEndId></Refs><Amt Ccy="CNY">2.00</Amt><CdtDbtInd>CRDT</CdtDbtInd></TxDtls></NtryDtls></Ntry></%s></%s></Document>' \
		$xsd "$2" "$3" "$1" "$4" "$1" "$balances" "$4" "$3"
}
post() { # the document comes in; the status stands in $status
	status=$(curl -s --max-time 20 --cacert certs/out/ca.crt --cert certs/out/hub-client.crt --key certs/out/hub-client.key \
		-o $dir/answer -w '%{http_code}' -H 'Content-Type: application/xml' --data-binary @- "https://127.0.0.1:$door/")
}
expect() { # WHAT WANT GOT
	[ "$2" = "$3" ] || { cat $dir/answer; tail -n 5 $dir/gateway.log; fail "$1: $3 instead of $2"; }
	say "ok: $1: $2"
}
group() { grep -o '<GrpSts>[A-Z]*' $dir/answer | cut -d'>' -f2; }
state() { $bin/yitong --conf $dir/gateway.yaml show --json "$1" 2>>$dir/ctl.log | jq -r '.wire_op + " " + .state'; }
strays() { grep -c 'nothing that it speaks of is known here' $dir/gateway.log; }

for what in "SR1 report ACSC" "SR2 report RJCT" "NT1 entry camt.054 BkToCstmrDbtCdtNtfctn Ntfctn" \
	"ST1 entry camt.053 BkToCstmrStmt Stmt"; do
	read -r number make more <<<"$what"
	for time in first second; do
		# shellcheck disable=SC2086 # words
		post < <($make "$number" $more)
		expect "$what, told a $time time" "200 ACTC" "$status $(group)"
	done
	cp $dir/answer "$dir/answer.$number"
done
report SR1 RJCT | post
expect "another report under a number that was used" "200 RJCT" "$status $(group)"
expect "what was told is kept" "pain.002 done,camt.054 done,camt.053 done" \
	"$(state SR1),$(state NT1),$(state ST1)"
expect "of nothing known here, a statement apart" 3 "$(strays)"

result() { # BATCH STATE
	printf 'H|1.0|3302990001|%s|20261120|02|3999020001000000018|CNY|1|20927.00|1|20927.00|0|0.00|0|0.00\nR|000001|MA20261119000000000051|6299993307000004044|20927.00|%s|000000|OK|BK20261120000072001|20261120|101502\n' "$1" "$2"
}
drop() { # NAME: the lines come in; its trailer is added
	cat >$dir/lines
	{ cat $dir/lines; printf 'T|1|20927.00|%s\n' "$(openssl dgst -sm3 -r $dir/lines | cut -c1-64)"; } >"$dir/$1"
	mv "$dir/$1" "$dir/files/in/$1"
}
wait_file() { # FILE below $dir/files
	for _ in $(seq 200); do [ -e "$dir/files/$1" ] && return; sleep 0.05; done
	fail "there is no $1: $(find $dir/files -type f); $(tail -n 5 $dir/gateway.log)"
}
result 000007 04 | drop RES_3302990001_20261120_000007_01.txt
wait_file done/RES_3302990001_20261120_000007_01.txt
result 000008 04 | sed s/20927/20928/ | drop RES_3302990001_20261120_000008_01.txt
wait_file refused/RES_3302990001_20261120_000008_01.txt.why.txt
expect "a result file" "RES done" "$(state RES_3302990001_20261120_000007_01)"
expect "of nothing known here" 4 "$(strays)"
say "ok: one whose sums are wrong lies in refused: $(cat $dir/files/refused/*.why.txt)"
