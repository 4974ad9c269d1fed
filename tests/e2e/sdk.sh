#!/bin/bash
# tests/e2e/sdk.sh - what docs/plugin-guide.md promises: the template is built out of tree against what is installed, and
# stands the trial; a plugin written from the guide (tests/plugins/guide) serves a message through a running gateway.
#
# YT_BUILD_DIR: a build folder that is up to date already, else build/release is brought up to date.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
build=${YT_BUILD_DIR:-build/release} dir=$PWD/run/sdk
trap stop_all EXIT
[ -n "${YT_BUILD_DIR:-}" ] || ./dev build >/dev/null || exit 1
free_ports mtls platform control
rm -rf "$dir" && mkdir -p "$dir"
step "the host library" "$dir/host.log" cmake --build "$build" --target yitong-host || exit 1
step "installed into a folder" "$dir/install.log" cmake --install "$build" --component sdk --prefix "$dir/prefix" || exit 1

cp -r "$dir/prefix/share/yitong/template" "$dir/template"
step "template: configured" "$dir/template.log" cmake -S "$dir/template" -B "$dir/template/build" \
	-DCMAKE_PREFIX_PATH="$dir/prefix" || exit 1
step "template: built" "$dir/template.log" cmake --build "$dir/template/build" || exit 1
step "template: its unit test and the trial" "$dir/ctest.log" ctest --test-dir "$dir/template/build" --output-on-failure || exit 1
# shellcheck disable=SC2046
step "template: built by pkg-config alone" "$dir/pc.log" cc -fPIC -shared \
	$(PKG_CONFIG_PATH="$dir/prefix/lib/pkgconfig" pkg-config --cflags yitong-plugin) -o "$dir/template.so" \
	"$dir/template/template.c" || exit 1

step "the guide's codec: configured" "$dir/guide.log" cmake -S tests/plugins/guide -B "$dir/guide" \
	-DCMAKE_PREFIX_PATH="$dir/prefix" || exit 1
step "the guide's codec: built" "$dir/guide.log" cmake --build "$dir/guide" || exit 1
step "the guide's codec stands the trial" "$dir/trial.log" "$dir/prefix/bin/yitong" plugin check --keep "$dir" \
	"$dir/guide/caret.so" || exit 1

mkdir "$dir/plugins" && cp "$build/plugins/nhsa.so" "$dir/guide/caret.so" "$dir/plugins/"
chmod go-w "$dir"/plugins/*.so
make_conf "$dir/all.yaml" run_dir="$dir/gateway" folder="$dir/gateway/journal" index="$dir/gateway/index.db" \
	data_keys="$dir/gateway/data-keys" plugin_dir="$dir/plugins" workers=1 \
	url=https://127.0.0.1:$platform/fsi/api/rsfComIfsService/callService || exit 1
# The first listener speaks the guide's format; the second is not needed.
awk '/^listeners:/ { inside = 1 } /^[a-z]+:/ && !/^listeners:/ { inside = 0 }
	inside && /format: nhsa/ && !done { sub("nhsa", "caret"); done = 1 }
	inside && /name: hospitals-signed/ { skip = 1 } !inside { skip = 0 } !skip' "$dir/all.yaml" |
	sed "s/port: 8443/port: $mtls/" >"$dir/gateway.yaml"
start platform "$dir/platform.log" "$build/bin/yitong-sandbox" platform --port "$platform" --control-port "$control" --certs certs/out
wait_port "$platform" "$last_pid" 10 "$dir/platform.log" || exit 1
start yitongd "$dir/gateway.log" "$build/bin/yitongd" --conf "$dir/gateway.yaml"
wait_port "$mtls" "$last_pid" 20 "$dir/gateway.log" || exit 1

printf '1101^H33021399901^S0007^H33021399901202603140928050001^330213^330213^20260314092805^%s^\n' \
	'mdtrt_cert_type=02|mdtrt_cert_no=330213197906152731|psn_cert_type=01|certno=330213197906152731|psn_name=示例甲' >"$dir/1101.txt"
"$build/bin/yitong" --conf "$dir/gateway.yaml" explain "$dir/1101.txt" >"$dir/explain.log" ||
	{ cat "$dir/explain.log"; fail "explain says it would not go"; }
grep -q 'everything: yes: party zhejiang' "$dir/explain.log" || fail "explain names no route"
curl -sS --max-time 10 -o "$dir/answer.txt" --cacert certs/out/ca.crt --cert certs/out/hospital-one.crt \
	--key certs/out/hospital-one.key --data-binary @"$dir/1101.txt" https://127.0.0.1:$mtls/ || fail "no answer"
say "asked: $(cat "$dir/1101.txt")"
say "answered: $(cut -c1-160 "$dir/answer.txt")"
grep -q '^0^' "$dir/answer.txt" || fail "the platform's answer did not come back in the guide's format"
grep -q 'psn_no=' "$dir/answer.txt" || fail "the answer has no psn_no"
say "ok: one message through a gateway whose listener speaks the guide's format"
