#!/bin/bash
# tests/e2e/hostile_xml.sh - octets that are no XML or mean harm, to a gateway between provinces: over TLS in HTTP/1.1 and
# HTTP/2 each is refused with -1001, in plain HTTP with 403, by the worker that was there before, and a hub that answers like
# that is not believed; nothing is fetched, and hospitals are served on.  The many rows are in tests/hostile_xml.c; here are
# some of each kind, and what only a socket shows: size.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
bin=build/release/bin dir=run/hostile_xml hub=27495 plain=27496 hospital=27493 platform=26493 nobody=26495
path=/fsi/api/rsfComIfsService/callService
trap stop_all EXIT
./dev build >/dev/null || exit 1
need_free $hub $plain $hospital 27494 $platform 26494 $nobody
rm -rf $dir && mkdir -p $dir
base_conf=conf/province.yaml make_conf $dir/all.yaml run_dir=$dir/gateway folder=$dir/gateway/journal \
	index=$dir/gateway/index.db data_keys=$dir/gateway/data-keys plugin_dir=build/release/plugins || exit 1
sed -e "s/port: 8443/port: $hospital/; s/port: 8444/port: 27494/; s/port: 8445/port: $hub/; s|127.0.0.1:9443|127.0.0.1:$platform|" \
	-e "s|127.0.0.1:944[45]|127.0.0.1:$nobody|" $dir/all.yaml | awk -v plain=$plain '/^secrets:/ { print "  - { name: plain, kind: plain, address: 127.0.0.1, port: " plain ", "
		print "      format: crossprovince, allow: [127.0.0.0/8], settings: { area: \"330000\", relay: \"yes\" } }\n" } { print }' >$dir/gateway.yaml
start platform $dir/platform.log $bin/yitong-sandbox platform --port $platform --control-port 26494 --certs certs/out
wait_port $platform "$last_pid" 10 $dir/platform.log || exit 1
start yitongd $dir/gateway.log $bin/yitongd --conf $dir/gateway.yaml
gateway=$last_pid
wait_port $hub "$gateway" 20 $dir/gateway.log || exit 1

post() { # CERTIFICATE URL FILE TYPE [OPTION]: the answer in $dir/answer, prints the HTTP status
	curl -s "${5:---http1.1}" --max-time 30 --cacert certs/out/ca.crt --cert certs/out/"$1".crt --key certs/out/"$1".key \
		-H "Content-Type: $4" -H 'Expect:' --data-binary @"$3" -o $dir/answer -w '%{http_code}' "$2"
}
is_served() { # a hospital's query, by the platform
	[ "$(post hospital-one https://127.0.0.1:$hospital$path conf/example-1101.json application/json)" = 200 ] &&
		[ "$(jq .infcode $dir/answer)" = 0 ]
}
workers() { pgrep -P "$gateway" | sort | tr '\n' ' '; }
for _ in $(seq 100); do is_served && break; sleep 0.1; done
is_served || fail "a hospital is not served: $(cat $dir/answer)"
before=$(workers)

echo canary-3f1c >$dir/canary
file=$PWD/$dir/canary url=http://127.0.0.1:$nobody/x
decl="<?xml version='1.0' encoding='UTF-8'?>"
root="<ksbw ver='1.0'><head>%s</head><input/></ksbw>"
rows=( # printf formats
	'' ' ' 'x' '{}' '<' '<ksbw' '<ksbw>' '</ksbw>' '<ksbw/><ksbw/>' '<ksbw/>x' "$decl" "$decl$decl<ksbw/>" " $decl<ksbw/>"
	"<?xml version='1.1'?><ksbw/>" "<?xml version='1.0' encoding='UTF-16'?><ksbw/>" "<?xml version='1.0' encoding='UTF-7'?><ksbw/>"
	'\xff\xfe<\x00k\x00/\x00>\x00' '\xfe\xff\x00<\x00k\x00/\x00>' '\xef\xbb\xbf\xef\xbb\xbf<ksbw/>' '<ksbw>\x00</ksbw>' '<ksbw>\xc0\xbc</ksbw>'
	'<ksbw>\xed\xa0\x80</ksbw>' '<ksbw>\x1b</ksbw>' '<ksbw>\xff</ksbw>' '<ksbw>&#0;</ksbw>' '<ksbw>&#xD800;</ksbw>' '<ksbw>&x;</ksbw>'
	'<ksbw>&</ksbw>' '<ksbw a=1/>' "<ksbw a='1' a='2'/>" "<ksbw a='<'/>" '<ksbw>]]></ksbw>' '<ksbw><![CDATA[</ksbw>' '<ksbw><!-- -- --></ksbw>'
	'<ksbw><?a b?></ksbw>' '<p:ksbw/>' '<ksbw><a></b></ksbw>' "<!DOCTYPE ksbw>$root" "<!DOCTYPE ksbw SYSTEM '$url'>$root"
	"<!DOCTYPE ksbw [<!ENTITY e SYSTEM 'file://$file'>]><ksbw ver='1.0'><head>&e;</head></ksbw>"
	"<!DOCTYPE ksbw [<!ENTITY e SYSTEM '$url'>]><ksbw ver='1.0'><head>&e;</head></ksbw>"
	"<!DOCTYPE ksbw [<!ENTITY %% p SYSTEM '$url'>%%p;]>$root" "<!DOCTYPE ksbw [<!ENTITY a 'aa'><!ENTITY b '&a;&a;'>]><ksbw>&b;</ksbw>"
	"<?oasis-xml-catalog catalog='file://$file'?>$root" "<?xml-stylesheet href='$url'?>$root"
)
n=0
for row in "${rows[@]}"; do
	# shellcheck disable=SC2059
	printf "$row" >$dir/request
	[ -s $dir/request ] || continue # a request without a body is HTTP's to refuse
	for how in --http1.1 --http2; do
		status=$(post hub-client https://127.0.0.1:$hub/ksbw $dir/request application/xml $how)
		[ "$status" = 200 ] || fail "$row: HTTP $status ($how)"
		grep -q '<errorcode>-1001</errorcode>' $dir/answer || fail "$row: $(cat $dir/answer) ($how)"
		grep -q canary $dir/answer && fail "$row: the file is in the answer ($how)"
	done
	# Where no certificate says who asks, what cannot be read is nobody's.
	status=$(post hub-client http://127.0.0.1:$plain/ksbw $dir/request application/xml)
	[ "$status" = 403 ] || fail "$row: HTTP $status in plain HTTP"
	grep -q canary $dir/answer && fail "$row: the file is in the answer in plain HTTP"
	! $bin/yitong --conf $dir/gateway.yaml translate --plugin crossprovince --request $dir/request >$dir/translated 2>&1 ||
		fail "$row: yitong translate takes it"
	grep -q canary $dir/translated && fail "$row: yitong translate reads the file"
	n=$((n + 1))
done
say "ok: $n of them are refused at every door, and by yitong translate"

for what in '<a>' '<' '&#38;' "a='1' " '<!---->' ']' ' '; do # nearly as much as body_kib allows
	{ printf '<ksbw '; yes "$what" | head -n 120000 | tr -d '\n'; } | head -c 1000000 >$dir/request
	status=$(post hub-client https://127.0.0.1:$hub/ksbw $dir/request application/xml)
	[ "$status" = 200 ] || fail "much of $what: HTTP $status"
	grep -q '<errorcode>-1001</errorcode>' $dir/answer || fail "much of $what: $(head -c 400 $dir/answer)"
done
say "ok: a megabyte of each kind is refused"
# The hub answers like that: what it says is not believed, and the hospital hears that nothing is known.
mkfifo $dir/input # at its end s_server would hang up
start hub $dir/hub.log bash -c "exec openssl s_server -accept $nobody -cert certs/out/hub.crt -key certs/out/hub.key \
	-quiet <>$dir/input"
wait_port $nobody "$last_pid" 10 $dir/hub.log || exit 1
answer_each() { # a question may be asked twice
	local answered=0
	while sleep 0.05; do
		while [ $answered -lt "$(grep -ac '^POST ' $dir/hub.log)" ]; do
			sleep 0.05 # the rest of it
			{
				printf 'HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nConnection: close\r\n'
				printf 'Content-Length: %d\r\n\r\n' "$(wc -c <$dir/reply)"
				cat $dir/reply
			} >$dir/input
			answered=$((answered + 1))
		done
	done
}
answer_each &
started_pids+=($!) started_names+=(answers)
n=0
for row in '' '<' '<ksbw/>' "$decl$decl<ksbw/>" '\xff\xfe<\x00' "<!DOCTYPE ksbw SYSTEM '$url'>$root" \
	"<!DOCTYPE ksbw [<!ENTITY e SYSTEM 'file://$file'>]><ksbw ver='1.0'><head>&e;</head></ksbw>" \
	"<!DOCTYPE ksbw [<!ENTITY a 'aa'><!ENTITY b '&a;&a;'>]><ksbw>&b;</ksbw>" "<?oasis-xml-catalog catalog='file://$file'?>$root"; do
	n=$((n + 1))
	# shellcheck disable=SC2059
	printf "$row" >$dir/reply
	jq ".insuplc_admdvs = \"310101\" | .msgid = \"H3302139990120260314092805$(printf %04d $n)\"" conf/example-1101.json >$dir/1101.json
	status=$(post hospital-one https://127.0.0.1:$hospital$path $dir/1101.json application/json)
	[ "$status" = 200 ] || fail "an answer $row: HTTP $status"
	jq -e '.infcode != 0' $dir/answer >/dev/null || fail "an answer $row is believed: $(cat $dir/answer)"
	grep -q canary $dir/answer && fail "an answer $row: the file is in the answer"
done
[ "$(grep -ac '^POST ' $dir/hub.log)" -ge $n ] || fail "the hub was not asked $n times"
say "ok: $n such answers of the hub are not believed"
is_served || fail "a hospital is not served any more: $(cat $dir/answer)"
[ "$(workers)" = "$before" ] || fail "processes were $before, are $(workers)"
say "ok: the same workers serve hospitals"
