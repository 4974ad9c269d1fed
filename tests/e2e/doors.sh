#!/bin/bash
# tests/e2e/doors.sh - who comes in, seen with curl and openssl: certificates, sessions, protocols, names, paths; and what
# of those who may not is in the log: enough to find them, nobody's person, and no flood.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
bin=build/release/bin dir=run/doors path=/fsi/api/rsfComIfsService/callService
trap stop_all EXIT
./dev build >/dev/null || exit 1
free_ports port signed platform control
rm -rf $dir && mkdir -p $dir
make_conf $dir/all.yaml run_dir=$dir/gateway folder=$dir/gateway/journal index=$dir/gateway/index.db \
	data_keys=$dir/gateway/data-keys plugin_dir=build/release/plugins url=https://127.0.0.1:$platform$path || exit 1
sed -e "s|port: 8443|port: $port\n    paths: [$path, /other]|; s/port: 8444/port: $signed/" $dir/all.yaml >$dir/gateway.yaml
start platform $dir/platform.log $bin/yitong-sandbox platform --port $platform --control-port $control --certs certs/out
wait_port $platform "$last_pid" 10 $dir/platform.log || exit 1
start yitongd $dir/gateway.log $bin/yitongd --conf $dir/gateway.yaml
wait_port $port "$last_pid" 20 $dir/gateway.log || exit 1

with() { # CERTIFICATE [CURL OPTION...]: answers in $dir/body, prints the HTTP status, 000 for none
	local cert=$1
	shift
	rm -f $dir/body
	curl -s --max-time 10 --cacert certs/out/ca.crt ${cert:+--cert certs/out/$cert.crt --key certs/out/$cert.key} \
		-H 'Content-Type: application/json' --data @conf/example-1101.json -o $dir/body -w '%{http_code}' "$@"
}
expect() { # WHAT WANT GOT
	[ "$2" = "$3" ] || { tail -n 5 $dir/gateway.log; fail "$1: $3 instead of $2"; }
	say "ok: $1: $2"
}
url=https://127.0.0.1:$port$path
for _ in $(seq 100); do [ "$(with hospital-one $url)" = 200 ] && break; sleep 0.1; done

expect "a certificate we know" "200 0" "$(with hospital-one $url) $(jq .infcode $dir/body)"
expect "... over TLS 1.2" 200 "$(with hospital-one --tls-max 1.2 $url)"
expect "... over HTTP/1.0, without ALPN" 200 "$(with hospital-one --http1.0 --no-alpn $url)"
expect "HTTP/1.0 asked for by ALPN" 000 "$(with hospital-one --http1.0 $url)"
expect "no certificate" 000 "$(with '' $url)"
expect "no certificate over TLS 1.2" 000 "$(with '' --tls-max 1.2 $url)"
expect "an expired certificate" 000 "$(with hospital-expired $url)"
expect "a stranger's certificate" 000 "$(with stranger $url)"
expect "TLS 1.1" 000 "$(with hospital-one --tls-max 1.1 $url)"
expect "plain HTTP" 000 "$(with hospital-one http://127.0.0.1:$port$path)"
expect "a certificate of ours that is nobody's" 403 "$(with gateway-client $url)"
expect "another's institution" "200 -1" "$(with hospital-two $url) $(jq .infcode $dir/body)"
jq -r .err_msg $dir/body | grep -q 'Y103' || fail "another's institution hears $(cat $dir/body)"
expect "a path that is served, with a query" 200 "$(with hospital-one "$url?a=b")"
expect "another path that is served" 200 "$(with hospital-one https://127.0.0.1:$port/other)"
for other in / $path/ $path/x ${path}x /FSI/api/rsfComIfsService/callService /fsi//api/rsfComIfsService/callService \
	/fsi/%61pi/rsfComIfsService/callService /x/../other; do
	expect "the path $other" 404 "$(with hospital-one --path-as-is "https://127.0.0.1:$port$other")"
done

tls() { # CERTIFICATE [S_CLIENT OPTION...]: what s_client says of a connection
	local cert=$1
	shift
	printf 'POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}' $path |
		timeout 10 openssl s_client -connect 127.0.0.1:$port -CAfile certs/out/ca.crt -cert certs/out/$cert.crt \
			-key certs/out/$cert.key -ign_eof "$@" 2>&1
}
tls hospital-one -alpn http/1.0 | grep -q 'alert no application protocol' || fail "ALPN http/1.0 alone is not refused"
say "ok: HTTP/1.0 as the only protocol is refused"
tls hospital-one -alpn http/1.0,http/1.1 | grep -q 'ALPN protocol: http/1.1' || fail "http/1.1 is not chosen"
say "ok: HTTP/1.1 is chosen"
tls hospital-one -servername elsewhere.example | grep -q '^HTTP/1.1 200' || fail "another server name is not served"
say "ok: a name that is not ours gets our one certificate, for the client to judge"
for version in tls1_2 tls1_3; do
	tls hospital-one -$version -sess_out $dir/session >/dev/null
	: >>$dir/session
	if [ -s $dir/session ]; then
		tls hospital-two -$version -sess_in $dir/session >$dir/resumed
		! grep -q '^Reused' $dir/resumed || fail "$version: a session is resumed"
	fi
	say "ok: $version: no session of one certificate serves another"
	rm -f $dir/session
done
(sleep 1; echo R; sleep 2) | timeout 10 openssl s_client -connect 127.0.0.1:$port -tls1_2 -CAfile certs/out/ca.crt \
	-cert certs/out/hospital-one.crt -key certs/out/hospital-one.key >$dir/renegotiated 2>&1
grep -Eq 'no renegotiation|unexpected message|alert' $dir/renegotiated || fail "renegotiation: $(tail -n 3 $dir/renegotiated)"
say "ok: nobody renegotiates"

grep -q 'denied on hospitals to "gateway-client" from 127.0.0.1:[0-9]*: nobody we know; institution ?, ' $dir/gateway.log ||
	fail "the unknown certificate is not in the log"
grep -Eq 'denied on hospitals to "hospital-two" from 127.0.0.1:[0-9]*: may not speak for this institution; institution H33021399901, exchange [0-9a-f]{16}, trace [0-9A-Z]+' \
	$dir/gateway.log || fail "who spoke for another's institution is not in the log: $(grep denied $dir/gateway.log)"
say "ok: both are in the log, with certificate, peer, institution and trace"
before=$(grep -c 'denied on hospitals to "gateway-client"' $dir/gateway.log)
for _ in $(seq 200); do printf 'url = "%s"\noutput = "/dev/null"\n' $url; done >$dir/flood
with gateway-client -K $dir/flood >/dev/null
sleep 1.1
for _ in $(seq 16); do with gateway-client $url >/dev/null; done # the worker that had the flood says it when it has the next one
after=$(grep -c 'denied on hospitals to "gateway-client"' $dir/gateway.log)
[ $((after - before)) -lt 150 ] || fail "a flood of 200 leaves $((after - before)) lines"
grep -q 'more requests of who may not are not shown' $dir/gateway.log || fail "the log does not say how many were left out"
say "ok: of a flood of 200 $((after - before)) lines are left, and how many more there were"
! grep -q '示例甲\|330213197906152731' $dir/gateway.log || fail "a person is in the log"
expect "and the next one" 200 "$(with hospital-one $url)"
