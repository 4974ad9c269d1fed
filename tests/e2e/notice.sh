#!/bin/bash
# tests/e2e/notice.sh - what an insurer tells the gateway unasked, over real sockets: believed by its signature over method, path
# and body, kept before it is answered, answered the same when it is told again, whatever was killed in between.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
bin=${YT_BIN:-build/release/bin} dir=run/notice
trap stop_all EXIT
[ -n "${YT_BIN:-}" ] || ./dev build >/dev/null || exit 1
sh certs/make >/dev/null || exit 1
free_ports door nobody
rm -rf $dir && mkdir -p $dir
cat >$dir/gateway.yaml <<END
gateway: { profile: development, workers: 1, run_dir: $dir/gateway, plugin_dir: ${bin%/bin}/plugins }
journal: { folder: $dir/gateway/journal, segment_mib: 16, reserve_segments: 1, retention_days: 30, index: $dir/gateway/index.db }
listeners:
  - name: insurers
    kind: signed
    address: 127.0.0.1
    port: $door
    format: tianyi
    cert: certs/out/gateway.crt
    key: certs/out/gateway.key
    paths: [/insurer/ty/callback]
    settings: { app_id: gw330299, key: ty-key, field_key: ty-field }
secrets: { ty-key: certs/out/secrets/insurer-ty-key, person-key: certs/out/secrets/person-key }
keys:
  - { name: ty-field, kind: sm4, file: certs/out/secrets/insurer-ty-field-key }
parties:
  - { name: insurer, format: tianyi, url: "https://127.0.0.1:$nobody/", ca: certs/out/ca.crt,
      settings: { app_id: gw330299, key: ty-key, field_key: ty-field } }
origins:
  - { name: tianyi, party: insurer, caller: gw330299, key: ty-key, institutions: [TIANYI], unknown_style: hold, timeout_ms: 130000 }
institutions:
  - { code: TIANYI, name: 示例保险, area: "330200", sign_in: pass, operator: YT9001 }
routes:
  - { name: all, to: insurer }
END
$bin/yitong check $dir/gateway.yaml >$dir/check.txt || { cat $dir/check.txt; exit 1; }
start_gateway() {
	start yitongd $dir/gateway.log $bin/yitongd --conf $dir/gateway.yaml
	wait_port $door "$last_pid" 20 $dir/gateway.log || exit 1
}
start_gateway

key=$(cat certs/out/secrets/insurer-ty-key) path=/insurer/ty/callback
hmac() { # KEY: of the text that comes in
	openssl dgst -sm3 -mac HMAC -macopt "key:$1" | sed 's/.* //'
}
event() { # NUMBER STATUS
	printf '{"eventId":"%s","eventType":"CLAIM_STATUS","eventSeq":1,"occurTime":"2026-11-20T16:08:44+08:00","claimNo":"TYC1","requestNo":"TY20261120000000000001","setlId":"S-%s","status":"%s"}' \
		"$1" "$1" "$2"
}
# tell NUMBER [KEY] [TIME] [NONCE]: the status stands in $status, the answer in $dir/answer, its fields in $dir/fields
tell() {
	local body time=${3:-$(date +%s%3N)} nonce=${4:-$(openssl rand -hex 8)} mac
	body=$(event "$1" "${what:-ACCEPTED}")
	mac=$(printf 'POST\n%s\ngw330299\n%s\n%s\n%s' "$path" "$time" "$nonce" \
		"$(printf %s "$body" | openssl dgst -sm3 -r | cut -c1-64)" | hmac "${2:-$key}")
	status=$(curl -s --max-time 20 ${http:---http1.1} --cacert certs/out/ca.crt -D $dir/fields -o $dir/answer -w '%{http_code}' \
		-H 'Content-Type: application/json' -H 'x-app-id: gw330299' -H "x-timestamp: $time" -H "x-nonce: $nonce" \
		-H 'x-sign-alg: HMAC-SM3' -H "x-sign: $mac" --data-binary "$body" "https://127.0.0.1:$door$path")
}
expect() { # WHAT WANT GOT
	[ "$2" = "$3" ] || { cat $dir/answer; tail -n 5 $dir/gateway.log; fail "$1: $3 instead of $2"; }
	say "ok: $1: $2"
}
code() { jq -r .code $dir/answer; }
is_signed() { # the answer's own signature, over status, path and body
	local time nonce mac
	time=$(sed -n 's/^x-timestamp: \([0-9]*\).*/\1/ip' $dir/fields)
	nonce=$(sed -n 's/^x-nonce: \([0-9a-f]*\).*/\1/ip' $dir/fields)
	mac=$(sed -n 's/^x-sign: \([0-9a-f]*\).*/\1/ip' $dir/fields)
	[ "$mac" = "$(printf 'RESPONSE\n%s\n%s\ngw330299\n%s\n%s\n%s' "$status" "$path" "$time" "$nonce" \
		"$(openssl dgst -sm3 -r $dir/answer | cut -c1-64)" | hmac "$key")" ] && echo yes || echo no
}
state() { $bin/yitong messages --conf $dir/gateway.yaml --number "$1" --json 2>>$dir/ctl.log | jq -r .state; }

for http in --http1.1 --http2; do
	tell "E1$http"
	expect "an event over ${http#--}" "200 0 yes" "$status $(code) $(is_signed)"
	tell "E1$http"
	expect "told again" "200 0 yes" "$status $(code) $(is_signed)"
	tell "E2$http" "$(tr 0-9a-f 1-9a-f0 <<<"$key")"
	expect "with another secret" "401 A0001 yes" "$status $(code) $(is_signed)"
	tell "E2$http" "$key" "$(($(date +%s%3N) - 400000))"
	expect "of some minutes ago" "401 A0002 yes" "$status $(code) $(is_signed)"
	tell "E3$http" "$key" "" 00112233445566778$([ $http = --http2 ] && echo 8 || echo 9)
	expect "with a nonce" "200 0" "$status $(code)"
	tell "E2$http" "$key" "" 00112233445566778$([ $http = --http2 ] && echo 8 || echo 9)
	expect "with the same nonce" "401 A0003 yes" "$status $(code) $(is_signed)"
	what=REJECTED tell "E1$http"
	expect "another event under its number" "409 B3001 yes" "$status $(code) $(is_signed)"
done
path=/insurer/ty/other tell E4
expect "a path that is not served" 404 "$status"
expect "what was told is kept" done "$($bin/yitong --conf $dir/gateway.yaml show --json E1--http2 | jq -r .state)"
expect "what was refused is not" 1 "$($bin/yitong --conf $dir/gateway.yaml show E2--http2 >$dir/ctl.log 2>&1; echo $?)"
expect "lines about events of nothing known" 4 "$(grep -c 'nothing that it speaks of is known here' $dir/gateway.log)"

kill -KILL "$(pgrep -P "$last_pid" yitong-keeper)" || fail "there is no keeper"
tell E5
for ((i = 0; i < 50; i++)); do [ "$status" = 200 ] && break; sleep 0.2; tell E5; done
expect "told until it is taken, the keeper being killed" "200 0" "$status $(code)"
tell E1--http1.1
expect "what was told before that" "200 0 yes" "$status $(code) $(is_signed)"
