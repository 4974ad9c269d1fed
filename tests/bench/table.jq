# tests/bench/table.jq - run/bench.json as a table for people.
def pad($n): tostring | if length < $n then . + " " * ($n - length) else . end;
def lpad($n): (if . == null then "-" else tostring end) | if length < $n then " " * ($n - length) + . else . end;
def side: if . == null then "-" | lpad(36) else
	(.cpu_us | lpad(8)) + (.rps | lpad(9)) + (.p50_us | lpad(9)) + (.p99_us | lpad(10)) end;

"                                yitong                               nginx                               yitong / nginx",
"op      conns  load        CPU us    req/s   p50 us    p99 us    CPU us    req/s   p50 us    p99 us    CPU   req/s    p99",
(.rows[] | (.op | pad(8)) + (.connections | lpad(5)) + "  " + (.mode | pad(10))
	+ (.yitong | side) + (.nginx | side)
	+ (.ratio.cpu | lpad(7)) + (.ratio.rps | lpad(8)) + (.ratio.p99 | lpad(7))),
"",
(if .memory.pss_idle_kib then "memory of all gateway processes (PSS): idle \(.memory.pss_idle_kib) KiB, with 256 idle connections \(.memory.pss_connected_kib) KiB, after the load \(.memory.pss_after_kib) KiB" else empty end),
(.bars | to_entries[] | select(.value) | "bar \(.key): \(if .value.met then "met" else "MISSED" end) \(.value | del(.met) | tojson)"),
"errors: \(.errors)   (\(.rounds) rounds of \(.seconds) s; \(.note))"
