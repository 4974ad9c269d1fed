# shellcheck shell=bash
# tests/bench/quote.sh - group quote of tests/bench/run, which sources it: what pre-settlements wait for an insurer.
#
# The delivered configuration of a province (conf/province.yaml) before the sandbox's platform and insurer.  Stays of people
# insured in Ningbo are pre-settled (2303) at a fixed rate, and the insurer's quote is shown beside each answer.  Then
# the insurer is gone (its port refuses), and after a while of health it takes 30 s for each quote: each time first
# quote_open_s in which the workers find out, then quote_after_s in which they go on without it (and try it once in
# quote_pause_ms).
quote_rate=50
quote_normal_s=15
quote_open_s=5
quote_after_s=35

quote_conf() { # OUT
	local quote_iso quote_from_bank
	free_ports quote_port quote_signed quote_hub quote_intake quote_told quote_platform quote_control \
		quote_insurer quote_insurer_control quote_bank quote_iso quote_from_bank
	mkdir -p "$dir/quote" "$dir/quote/bank-file"/{out,sent,in,taken,done,refused}
	base_conf=conf/province.yaml make_conf "$1.all" "run_dir=$dir/quote" "folder=$dir/quote/journal" "index=$dir/quote/index.db" \
		"data_keys=$dir/quote/data-keys" "plugin_dir=$build/plugins" || exit 1
	sed -e "s/port: 8443/port: $quote_port/; s/port: 8444/port: $quote_signed/; s/port: 8445/port: $quote_hub/" \
		-e "s/port: 8446/port: $quote_intake/; s/port: 8447/port: $quote_told/; s/port: 8448/port: $quote_from_bank/; s/127.0.0.1:9443/127.0.0.1:$quote_platform/" \
		-e "s/127.0.0.1:9446/127.0.0.1:$quote_insurer/; s/127.0.0.1:9448/127.0.0.1:$quote_bank/" \
		-e "/^    enrolment/d; s/127.0.0.1:9449/127.0.0.1:$quote_iso/; s|run/bank-file|$dir/quote/bank-file|" "$1.all" >"$1"
}

quote_start_insurer() {
	start insurer "$dir/quote-insurer.log" "$build/bin/yitong-sandbox" insurer --port "$quote_insurer" --control-port "$quote_insurer_control" \
		--certs certs/out --version 1.1 --enrol-all
	quote_insurer_pid=$last_pid
	wait_port "$quote_insurer_control" "$quote_insurer_pid" 10 "$dir/quote-insurer.log" || exit 1
}

# Counts of pre-settlements whose insurer was asked, and of those answered without its quote.
quote_counts() {
	"$build/bin/yitong" --conf "$dir/quote.yaml" status --json | jq -c '[.workers[] | [.quotes, .quotes_missed]] | transpose | map(add)'
}

# quote_run PHASE SECONDS: one line into alone.jsonl.
quote_run() {
	local before result
	before=$(quote_counts)
	result=$("$build/bin/bench_load" --ca certs/out/ca.crt --cert certs/out/hospital-one.crt --key certs/out/hospital-one.key \
		--rounds 1 --seconds "$2" --rate $quote_rate --body "$dir/quote-message.json" --target "quote:$quote_port:$quote_pid" \
		--mix quote:file:256x1:offered:quote 2>>"$dir/quote.log" | grep '"round"') || fail "the load generator failed; see $dir/quote.log"
	jq -c --arg phase "$1" --argjson before "$before" --argjson after "$(quote_counts)" '{quote: $phase, requests, errors, p50_us, p99_us, max_us,
		asked: ($after[0] - $before[0]), without: ($after[1] - $before[1])}' <<<"$result" >>"$dir/alone.jsonl"
}

# Until quotes come again: nothing was answered without one.
quote_await() {
	local i before
	for ((i = 0; i < 60; i++)); do
		before=$(quote_counts)
		"$build/bin/bench_load" --ca certs/out/ca.crt --cert certs/out/hospital-one.crt --key certs/out/hospital-one.key --rounds 1 \
			--seconds 0.5 --rate $quote_rate --body "$dir/quote-message.json" --target "quote:$quote_port:$quote_pid" \
			--mix quote:file:8x1:offered:quote >/dev/null 2>>"$dir/quote.log"
		[ "$(jq ".[1] - $before[1]" <<<"$(quote_counts)")" != 0 ] || return 0
		sleep 1
	done
	fail "the insurer's quotes do not come"
}

quote_measure() {
	quote_conf "$dir/quote.yaml"
	start platform "$dir/quote-platform.log" "$build/bin/yitong-sandbox" platform --port "$quote_platform" \
		--control-port "$quote_control" --certs certs/out
	wait_port "$quote_control" "$last_pid" 10 "$dir/quote-platform.log" || exit 1
	quote_start_insurer
	start_gateway quote "$quote_port"
	quote_pid=$last_pid
	YT_URL=https://127.0.0.1:$quote_port/fsi/api/rsfComIfsService/callService YT_INTAKE_URL=https://127.0.0.1:$quote_intake/intake \
		YT_INSURER_CONTROL=http://127.0.0.1:$quote_insurer_control sandbox/visit.sh --trial "$dir/quote-message.json" \
		>"$dir/quote.log" 2>&1 || { tail -n 20 "$dir/quote.log" >&2; fail "no stay to pre-settle"; }
	quote_await
	quote_run normal $quote_normal_s
	stop "$quote_insurer_pid"
	quote_run dead-opens $quote_open_s
	quote_run dead $quote_after_s
	quote_start_insurer
	curl -s -f -o /dev/null --data '{"certno":"330213197906152731","name":"示例甲"}' "http://127.0.0.1:$quote_insurer_control/persons"
	quote_await
	curl -s -f -o /dev/null --data '{"kind":"delay","op":"quote","ms":30000,"count":1000000}' "http://127.0.0.1:$quote_insurer_control/fault" ||
		fail "the insurer cannot be slowed down"
	quote_run hangs-opens $quote_open_s
	quote_run hangs $quote_after_s
}
