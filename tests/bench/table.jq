# tests/bench/table.jq - run/bench.json as a table for people.
def pad($n): tostring | if length < $n then . + " " * ($n - length) else . end;
def lpad($n): (if . == null then "-" else tostring end) | if length < $n then " " * ($n - length) + . else . end;
def side: if . == null then "-" | lpad(36) else
	(.cpu_us | lpad(8)) + (.rps | lpad(9)) + (.p50_us | lpad(9)) + (.p99_us | lpad(10)) end;
def kib: if . == null then "-" else "\(.) KiB" end;

"                                             yitong                              beside it                        yitong / beside",
"group  op          conns  load        CPU us    req/s   p50 us    p99 us    CPU us    req/s   p50 us    p99 us    CPU   req/s    p99",
(.rows[] | (.group | pad(7)) + (.op | pad(11))
	+ (if .streams > 1 then "\(.connections)x\(.streams)" else .connections end | lpad(6)) + "  " + (.mode | pad(10))
	+ (.yitong | side) + (.[.beside] | side)
	+ (.ratio.cpu | lpad(7)) + (.ratio.rps | lpad(8)) + (.ratio.p99 | lpad(7))),
"beside: nginx; in group large the gateway with few routes and institutions",
(if (.quote | length) > 0 then "", "a pre-settlement's way with an insurer's quote, 50/s   answered   asked  without   p50 ms   p99 ms   max ms",
	(.quote[] | "  " + ({"normal": "the insurer as usual", "dead-opens": "it is gone: the first 5 s", "dead": "it is gone: after that",
		"hangs-opens": "it takes 30 s: the first 5 s", "hangs": "it takes 30 s: after that"}[.quote] | pad(51))
		+ (.requests | lpad(10)) + (.asked | lpad(8)) + (.without | lpad(9))
		+ ([.p50_us, .p99_us, .max_us] | map(. / 1000 * 10 | round / 10 | lpad(9)) | add)) else empty end),
"",
(if .memory.pss_idle_kib then "memory of all gateway processes (PSS): idle \(.memory.pss_idle_kib | kib), with 256 idle connections \(.memory.pss_connected_kib | kib), after the load \(.memory.pss_after_kib | kib); start \(.start_ms.small) ms" else empty end),
(if .memory.large_pss_idle_kib then "with 10,000 routes and 100,000 institutions: idle \(.memory.large_pss_idle_kib | kib); start \(.start_ms.large) ms" else empty end),
(if .signature then "signing and checking SM2 of a settlement across provinces: \(.signature.cpu_us) us CPU, \(.signature.percent) % of the whole" else empty end),
(.bars | to_entries[] | select(.value) | "bar \(.key): \(if .value.met then "met" else "MISSED" end) \(.value | del(.met) | tojson)"),
"errors: \(.errors)   (\(.rounds) rounds of \(.seconds) s; load of the machine \(.load[0]) before, \(.load[1]) after; \(.note))"
