#!/bin/bash
# tests/e2e/http2.sh - HTTP/2 as others speak it (curl, nghttp, h2load), and the desk: every request is answered over
# one connection, over both protocols, through a reload, and the counters say so.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
bin=${YT_BIN:-build/release/bin} dir=run/http2 path=/fsi/api/rsfComIfsService/callService
trap stop_all EXIT
[ -n "${YT_BIN:-}" ] || ./dev build >/dev/null || exit 1
free_ports mtls signed plain desk_port platform control
rm -rf $dir && mkdir -p $dir
make_conf $dir/all.yaml run_dir=$dir/gateway folder=$dir/gateway/journal index=$dir/gateway/index.db \
	data_keys=$dir/gateway/data-keys plugin_dir=${bin%/bin}/plugins url=https://127.0.0.1:$platform$path || exit 1
# A third door without TLS, and the desk.
awk -v plain=$plain -v desk=$desk_port '/^secrets:/ { print "  - {name: plain, kind: plain, address: 127.0.0.1, port: " plain ", format: nhsa, allow: [127.0.0.0/8]}\n"
		print "desk: {port: " desk "}\n" } { print }' $dir/all.yaml |
	sed -e "s|late_ms: 60000.*|late_ms: 60000\n    http2: on\n    trace: on|; s|port: 8443|port: $mtls|; s/port: 8444/port: $signed/" >$dir/gateway.yaml
$bin/yitong check $dir/gateway.yaml >$dir/check.txt || { cat $dir/check.txt; exit 1; }
grep -q "plain is plain HTTP" $dir/check.txt || fail "the check does not warn of plain HTTP"
start platform $dir/platform.log $bin/yitong-sandbox platform --port $platform --control-port $control --certs certs/out
wait_port $platform "$last_pid" 10 $dir/platform.log || exit 1
start yitongd $dir/gateway.log $bin/yitongd --conf $dir/gateway.yaml
gateway=$last_pid
for port in $mtls $plain $desk_port; do wait_port $port "$gateway" 20 $dir/gateway.log || exit 1; done

one="--cert certs/out/hospital-one.crt --key certs/out/hospital-one.key"
url=https://127.0.0.1:$mtls$path desk=http://127.0.0.1:$desk_port
expect() { # WHAT WANT GOT
	[ "$2" = "$3" ] || { tail -n 5 $dir/gateway.log; fail "$1: $3 instead of $2"; }
	say "ok: $1: $2"
}
ask() { # CURL OPTION...
	curl -s --max-time 10 --cacert certs/out/ca.crt -H 'Content-Type: application/json' --data @conf/example-1101.json \
		-o $dir/body -w '%{http_version} %{http_code}' "$@"
}
status() { curl -s --max-time 10 -o /dev/null -w '%{http_code}' "$@"; }
counter() { curl -s $desk/metrics | awk -v name="$1" 'index($0, name) == 1 { n += $NF } END { print n + 0 }'; }

for _ in $(seq 100); do [ "$(status $desk/readyz)" = 200 ] && break; sleep 0.1; done
expect "ready" 200 "$(status $desk/readyz)"
expect "alive" 200 "$(status $desk/healthz)"
expect "HTTP/2 by curl" "2 200" "$(ask $one --http2 $url)"
expect "its answer" 0 "$(jq .infcode $dir/body)"
expect "HTTP/1.1 on the same port" "1.1 200" "$(ask $one --http1.1 $url)"
expect "HTTP/2 by nghttp" 200 "$(nghttp -nv --no-dep --cert=certs/out/hospital-one.crt --key=certs/out/hospital-one.key \
	-H ':method: POST' -H 'content-type: application/json' -d conf/example-1101.json $url 2>/dev/null | sed 's/\x1b\[[0-9;]*m//g' |
	sed -n 's/.*:status: //p')"
expect "no certificate" "0 000" "$(ask --http2 $url)"
expect "plain HTTP without a signature" "1.1 403" "$(ask http://127.0.0.1:$plain$path)"

before=$(counter yitong_requests_total)
# h2load has no client certificate and signs nothing: each is read whole and turned away.
h2load -n 400 -c 2 -m 50 -d conf/example-1101.json -H 'content-type: application/json' https://127.0.0.1:$signed$path \
	>$dir/h2load.txt 2>&1
expect "h2load, 400 requests over 2 connections" "400 4xx" "$(sed -n 's/.* \(400 4xx\),.*/\1/p' $dir/h2load.txt)"
grep -q "Application protocol: h2" $dir/h2load.txt || fail "h2load did not speak HTTP/2"
[ "$before" -gt 0 ] || fail "no request was counted"

# Whoever asks with a trace id finds its request by it.
id=4bf92f3577b34da6a3ce929d0e0e4736
expect "a request with traceparent" "2 200" "$(ask $one --http2 -H "traceparent: 00-$id-00f067aa0ba902b7-01" $url)"
found() { $bin/yitong --conf $dir/gateway.yaml messages --trace $id --json | jq -s 'flatten | map(.. | objects | select(has("trace"))) | length'; }
is_found() { [ "$(found)" -gt 0 ]; }
eventually is_found # the index is some tenths of a second behind
expect "found by it" 1 "$(found)"

# A reload while HTTP/2 is asked all the time: nothing is lost, the counters go on.
(for _ in $(seq 40); do ask $one --http2 $url; echo; done) >$dir/during.txt &
asking=$!
sleep 0.3
kill -HUP "$gateway"
wait $asking
expect "requests through a reload" 40 "$(grep -c '^2 200$' $dir/during.txt)"
for _ in $(seq 100); do [ "$(counter yitong_generation)" = 2 ] && break; sleep 0.1; done
expect "the generation" 2 "$(counter yitong_generation)"
for _ in $(seq 100); do [ "$(status $desk/readyz)" = 200 ] && break; sleep 0.1; done
legs=$(counter 'yitong_legs_total{party="zhejiang",outcome="answered"}')
[ "$legs" -ge 40 ] || fail "$legs legs were counted"
[ "$(counter 'yitong_commit_seconds_count')" -ge 0 ] || fail "commits are not counted"
curl -s $desk/metrics >$dir/metrics.txt
for name in yitong_request_seconds_bucket yitong_leg_seconds_sum yitong_exchanges yitong_certificate_days_left \
	yitong_index_lag_bytes yitong_in_flight yitong_keeper_up; do
	grep -q "^$name" $dir/metrics.txt || fail "no $name in the metrics"
done
if grep -qF -f <(jq -r '.. | strings' conf/example-1101.json | awk 'length($0) > 5') $dir/metrics.txt; then
	fail "the metrics hold something of a message"
fi
say "ok: metrics"
