#!/bin/bash
# tests/e2e/header.sh - a party that wants a header with a secret in it (apikey, a bearer token) gets it with each request, from
# the gateway and from yitong probe; a new secret is taken by a reload, and stands in no log.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
bin=build/release/bin dir=run/header path=/fsi/api/rsfComIfsService/callService
trap stop_all EXIT
./dev build >/dev/null || exit 1
free_ports port signed party
rm -rf $dir && mkdir -p $dir
echo "Bearer first-7c1e" >$dir/token
chmod 600 $dir/token
make_conf $dir/all.yaml run_dir=$dir/gateway folder=$dir/gateway/journal index=$dir/gateway/index.db \
	data_keys=$dir/gateway/data-keys plugin_dir=build/release/plugins url=https://127.0.0.1:$party$path \
	query_timeout_ms=2000 || exit 1
sed -e "s/port: 8443/port: $port/; s/port: 8444/port: $signed/" -e "s|^secrets:|secrets:\n  bearer: $dir/token|" \
	-e "s|^    url: https.*|&\n    header: Authorization\n    header_secret: bearer|" $dir/all.yaml >$dir/gateway.yaml

# A party that writes down what it hears and never answers; at the end of its input it would hang up.
mkfifo $dir/input
start party $dir/party.log bash -c "exec openssl s_server -accept $party -cert certs/out/platform.crt \
	-key certs/out/platform.key -quiet <>$dir/input"
wait_port $party "$last_pid" 10 $dir/party.log || exit 1
heard() { # TEXT
	for _ in $(seq 100); do grep -aq "^Authorization: $1" $dir/party.log && return; sleep 0.1; done
	fail "the party did not hear \"$1\": $(cat $dir/party.log)"
}
ask() {
	curl -s --max-time 10 --cacert certs/out/ca.crt --cert certs/out/hospital-one.crt --key certs/out/hospital-one.key \
		-H 'Content-Type: application/json' --data @conf/example-1101.json -o $dir/body https://127.0.0.1:$port$path
}
start yitongd $dir/gateway.log $bin/yitongd --conf $dir/gateway.yaml
gateway=$last_pid
wait_port $port "$gateway" 20 $dir/gateway.log || exit 1
ask
heard "Bearer first-7c1e"
say "ok: the party hears the header"
echo "Bearer second-90ab" >$dir/token
kill -HUP "$gateway"
for _ in $(seq 100); do ask; grep -aq second-90ab $dir/party.log && break; sleep 0.2; done
heard "Bearer second-90ab"
say "ok: a new secret is taken by a reload"
stop "$gateway" # s_server talks to one at a time
timeout 5 $bin/yitong --conf $dir/gateway.yaml probe "$(awk '/^parties:/ { p = 1 } p && /- name:/ { print $3; exit }' $dir/gateway.yaml)" \
	>$dir/probe 2>&1
[ "$(grep -ac '^Authorization: Bearer second-90ab' $dir/party.log)" -ge 2 ] || fail "the probe did not send it: $(cat $dir/probe)"
say "ok: yitong probe sends it too"
! grep -q -e first-7c1e -e second-90ab $dir/gateway.log $dir/probe || fail "the secret is in a log"
say "ok: it stands in no log"
