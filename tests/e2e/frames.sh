#!/bin/bash
# tests/e2e/frames.sh - a worker asks a bank over frames in TLS: answered, asked again on the same connection, lost where the
# bank breaks the rules; heartbeats meanwhile; `yitong probe` and `yitong check` know such a party.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
bin=${YT_BIN:-build/release/bin} dir=run/frames
trap stop_all EXIT
[ -n "${YT_BIN:-}" ] || ./dev build >/dev/null || exit 1
sh certs/make >/dev/null || exit 1
free_ports door bank
rm -rf $dir && mkdir -p $dir/files/{in,out,sent}
cat >$dir/gateway.yaml <<END
gateway: { profile: development, workers: 1, run_dir: $dir/gateway, plugin_dir: ${bin%/bin}/plugins }
journal: { folder: $dir/gateway/journal, segment_mib: 16, reserve_segments: 1, retention_days: 30, index: $dir/gateway/index.db }
listeners:
  - name: payments
    kind: mtls
    address: 127.0.0.1
    port: $door
    format: banklink
    cert: certs/out/gateway.crt
    key: certs/out/gateway.key
    client_ca: certs/out/ca.crt
    settings: { corp_no: "3302990001", operator: YT9001, signatures: "no" }
secrets: { person-key: certs/out/secrets/person-key }
parties:
  - name: files
    format: bankfile
    url: file:$dir/files
    settings: { corp_no: "3302990001" }
  - name: bank
    format: banklink
    url: tls://127.0.0.1:$bank
    ca: certs/out/ca.crt
    cert: certs/out/gateway-client.crt
    key: certs/out/gateway-client.key
    connections: 1
    heartbeat_ms: 300
    heartbeat_timeout_ms: 5000
    query_timeout_ms: 2000
    change_timeout_ms: 5000
    settings: { corp_no: "3302990001", operator: YT9001, signatures: "no" }
origins:
  - { name: treasury, subject: hospital-one, institutions: ["3302990001"], unknown_style: hold, timeout_ms: 60000 }
institutions:
  - { code: "3302990001", name: 示例市医保中心, area: "330200", sign_in: pass, operator: YT9001 }
routes:
  - { name: all, to: bank }
END
$bin/yitong check $dir/gateway.yaml >$dir/check.txt || { cat $dir/check.txt; exit 1; }
sed "s,tls:.*,https://127.0.0.1:$bank/," $dir/gateway.yaml >$dir/https.yaml
$bin/yitong check $dir/https.yaml >$dir/check.txt && fail "a party that only frames may have an https url"
grep -q 'speaks over a stream alone' $dir/check.txt || { cat $dir/check.txt; exit 1; }

# The bank: echoes, says how a payment stands, or does what the payment's number asks for.
head_of() { # REQUEST RETTYPE RETCODE
	printf '<Head><TxCode>%s</TxCode><Ver>1.0</Ver><CorpNo>3302990001</CorpNo><ReqSeqNo>%s</ReqSeqNo><RspSeqNo>1</RspSeqNo>' \
		"$(field TxCode "$1")" "$(field ReqSeqNo "$1")"
	printf '<RspDate>%s</RspDate><RspTime>120000</RspTime><CertSn>NONE</CertSn><RetType>%s</RetType><RetCode>%s</RetCode><RetMsg></RetMsg></Head>' \
		"$(date +%Y%m%d)" "$2" "$3"
}
field() { printf %s "$2" | sed -n "s,.*<$1>\\([^<]*\\)</$1>.*,\\1,p"; }
answer() { # REQUEST: one frame
	local text
	text="<?xml version=\"1.0\" encoding=\"GB18030\"?><BDL>$(head_of "$1" S 000000)<Body>"
	case $1 in
	*BD0001*) text+="<EchoText>$(field EchoText "$1")</EchoText>" ;;
	*) text+="<PayRef>$(field OrgPayRef "$1")</PayRef><BankSeqNo>B1</BankSeqNo><PaySts>04</PaySts><PayRetCode>000000</PayRetCode><PayRetMsg></PayRetMsg><AcctDate>$(date +%Y%m%d)</AcctDate><Fee>0.00</Fee>" ;;
	esac
	text+="</Body><Sign></Sign></BDL>"
	printf '%08d%s' ${#text} "$text"
}
serve() {
	local digits request
	while IFS= read -r -N 8 digits; do
		if [ "$digits" = 00000000 ]; then
			echo beat >>$dir/bank.txt
			printf 00000000
			continue
		fi
		IFS= read -r -N $((10#$digits)) request || return
		echo "$(field TxCode "$request") $(field EchoText "$request")" >>$dir/bank.txt
		case $(field EchoText "$request") in
		junk) printf junk ;;
		beat) printf 00000000 ;;
		silence) ;;
		twice) answer "$request" && answer "${request/twice/again}" ;;
		*) answer "$request" ;;
		esac
	done
}
mkfifo $dir/to $dir/from
exec 3<>$dir/to 4<>$dir/from
bank_side() { serve <&4 >&3; }
tls_side() {
	exec openssl s_server -quiet -accept 127.0.0.1:$bank -cert certs/out/platform.crt -key certs/out/platform.key \
		-CAfile certs/out/ca.crt -Verify 1 -verify_return_error <&3 >&4
}
start bank $dir/bank.log bank_side
start tls $dir/tls.log tls_side
wait_port $bank "$last_pid" 10 $dir/tls.log || exit 1
$bin/yitong --conf $dir/gateway.yaml probe bank >$dir/probe.txt || { cat $dir/probe.txt; fail "probe"; }
for text in 'our certificate was asked for, and shown' 'a heartbeat was answered in' 'sends one harmless BD0001' 'signature accepted' \
	'all is fine'; do
	grep -q "$text" $dir/probe.txt || { cat $dir/probe.txt; fail "probe does not say \"$text\""; }
done
say "ok: probe"
start yitongd $dir/gateway.log $bin/yitongd --conf $dir/gateway.yaml
gateway=$last_pid
wait_port $door "$gateway" 20 $dir/gateway.log || exit 1

n=0
ask() { # TXCODE BODY: the answer's body, or what the gateway says
	n=$((n + 1))
	printf '<?xml version="1.0" encoding="GB18030"?><BDL><Head><TxCode>%s</TxCode><Ver>1.0</Ver><CorpNo>3302990001</CorpNo><OpNo>YT9001</OpNo><ReqSeqNo>%s%012d</ReqSeqNo><ReqDate>%s</ReqDate><ReqTime>%s</ReqTime><CertSn>NONE</CertSn></Head><Body>%s</Body><Sign></Sign></BDL>' \
		"$1" "$(TZ=CST-8 date +%Y%m%d)" $n "$(TZ=CST-8 date +%Y%m%d)" "$(TZ=CST-8 date +%H%M%S)" "$2" |
		curl -s --max-time 60 --cacert certs/out/ca.crt --cert certs/out/hospital-one.crt --key certs/out/hospital-one.key \
			--data-binary @- "https://127.0.0.1:$door/" >$dir/answer
}
expect() { # WHAT ECHO WANT: the code of the answer
	local got
	ask BD0001 "<EchoText>$2</EchoText>"
	got=$(field RetCode "$(cat $dir/answer)")
	[ "$got" = "$3" ] || { cat $dir/answer; tail -n 5 $dir/gateway.log; fail "$1: $got instead of $3"; }
	[ "$3" != 000000 ] || grep -q "<EchoText>$2</EchoText>" $dir/answer || fail "$1: another's answer: $(cat $dir/answer)"
	say "ok: $1"
}
expect "a question" hello 000000
expect "one more" again 000000
[ "$(grep -c 'gateway-client$' $dir/tls.log)" = 2 ] || fail "two questions took more than one connection"
expect "a question answered by no frame is not answered" junk E10003
expect "the next is" two 000000
expect "a question answered by silence is not answered" silence E10003
expect "the next is" three 000000
expect "a question answered twice" twice 000000
expect "the next gets its own answer" four 000000
expect "a question answered by a heartbeat is not answered" beat E10003
expect "the next is" five 000000
ask BD1002 "<OrgPayRef>CL20261122000000000001000015</OrgPayRef><OrgReqDate>$(date +%Y%m%d)</OrgReqDate>"
[ "$(field PaySts "$(cat $dir/answer)")" = 04 ] || { cat $dir/answer; fail "how a payment stands"; }
say "ok: how a payment stands"
for ((i = 0; i < 100; i++)); do
	[ "$(tail -n 2 $dir/bank.txt | tr '\n' ' ')" = "beat beat " ] && break
	sleep 0.1
done
[ $i -lt 100 ] || fail "a connection that rests sends no heartbeats"
say "ok: heartbeats while it rests"
kill -HUP "$gateway"
for ((i = 0; i < 200; i++)); do
	grep -q 'generation 2' $dir/gateway.log && break
	sleep 0.1
done
[ $i -lt 200 ] || fail "no second generation"
expect "a question after a reload, over the one connection that the bank serves" six 000000
stop "$gateway"
grep 'ended: ' $dir/gateway.log && fail "something did not end as it should"
say "ok: all end as they should, beside a party that is handed files"
