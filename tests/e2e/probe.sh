#!/bin/bash
# tests/e2e/probe.sh - `yitong probe` against the sandbox's platform: all fine, then one thing wrong at a time.
#
# YT_BUILD_DIR: a build folder that is up to date already, else build/release is brought up to date.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
build=${YT_BUILD_DIR:-build/release} dir=$PWD/run/probe
trap stop_all EXIT
[ -n "${YT_BUILD_DIR:-}" ] || ./dev build >/dev/null || exit 1
need_free 26473 26474 26475
rm -rf "$dir" && mkdir -p "$dir"
make_conf "$dir/good.yaml" plugin_dir="$build/plugins" run_dir="$dir" \
	url=https://127.0.0.1:26473/fsi/api/rsfComIfsService/callService || exit 1
start platform "$dir/platform.log" "$build/bin/yitong-sandbox" platform --port 26473 --control-port 26474 --certs certs/out
wait_port 26473 "$last_pid" 10 "$dir/platform.log" || exit 1

probe() { # CONF WANTED-EXIT TEXT...
	local conf=$1 want=$2 got text
	shift 2
	"$build/bin/yitong" --conf "$dir/$conf.yaml" probe zhejiang >"$dir/$conf.log" 2>&1
	got=$?
	[ "$got" = "$want" ] || { cat "$dir/$conf.log"; fail "$conf: exit $got, not $want"; }
	for text in "$@"; do
		grep -qF -e "$text" "$dir/$conf.log" || { cat "$dir/$conf.log"; fail "$conf: it does not say \"$text\""; }
	done
	say "ok: $conf"
}
probe good 0 'TLSv1.3' 'days left' 'our certificate was asked for, and shown' 'sends one harmless 5201' 'signature accepted' \
	'within 1 s of ours' 'all is fine'
sed 's,platform-token: .*,platform-token: certs/out/secrets/clinic-token,' "$dir/good.yaml" >"$dir/wrong-secret.yaml"
probe wrong-secret 1 'it refuses our signature or certificate'
sed 's/26473/26475/' "$dir/good.yaml" >"$dir/nobody-there.yaml"
probe nobody-there 1 'nothing listens there'
sed 's/^    \(cert\|key\): certs.out.gateway-client.*//' "$dir/good.yaml" >"$dir/no-certificate.yaml"
probe no-certificate 1 'it asks for a client certificate and the party has none'
sed 's,ca: certs/out/ca.crt,ca: certs/out/stranger-ca.crt,' "$dir/good.yaml" >"$dir/other-ca.yaml"
probe other-ca 1 'is its certificate for the name 127.0.0.1'
sed 's/url: https:..127.0.0.1/url: https:\/\/localhost.invalid/' "$dir/good.yaml" >"$dir/no-name.yaml"
probe no-name 1 'WRONG  names'
