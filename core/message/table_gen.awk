# core/message/table_gen.awk - turns a plugin's rows (fields.tsv) into the C structs of yitong/table.h.
#
# Run by the plugin's CMakeLists.txt:  awk -v name=nhsa -f table_gen.awk fields.tsv > tables.c
# POSIX awk only.  Columns, separated by tabs, after one heading line; lines with # are comments:
#   transaction  direction (in, out)  field's node ("-": the message itself, "x[]": rows, "[]": the message
#   is the rows, "x[].y[]": rows inside each of these)  field
#   type (C, N, D, T; X: a text that may also be anything else)  length ("16,2": digits, decimals; "-": none)
#   required (Y, N; behind it "*": a secret, "*x=01": one where member x has that value)  codes ("-": none)
#   zh  en
# A line of three columns, transaction "=" other: it has the rows of that one, which stands above it.
# Transaction ENVELOPE goes to <name>_envelope, the others to <name>_tables, <name>_n_tables of them.  The first node of a request
# is required if one of its fields is.

function die(why) { printf "%s:%d: %s\n", FILENAME, FNR, why > "/dev/stderr"; failed = 1; exit 1 }
function ord(s, at) { return code[substr(s, at, 1)] }
function slot(s,    n) {
	n = length(s)
	return (n * 7 + ord(s, 1) * 3 + ord(s, int(n / 2) + 1) * 11 + ord(s, n) * 5 + ord(s, int(n / 4) + 1) * 17) % 256
}
function quoted(s) { return s == "-" || s == "" ? "NULL" : "\"" s "\"" }

BEGIN {
	FS = "\t"
	for (i = 1; i < 128; i++)
		code[sprintf("%c", i)] = i
	printf "/* Made by core/message/table_gen.awk: do not edit. */\n#include \"yitong/table.h\"\n"
}

/^#/ { next }
!heading { heading = 1; next }
NF == 3 && $2 == "=" {
	if (!($3 in seen_wire)) die("no rows of " $3 " above")
	if ($1 in seen_wire || $1 in same) die("transaction is there twice")
	same[$1] = $3; wires[++n_wires] = $1
	next
}
{
	if (NF != 10) die("wants 10 columns, has " NF)
	if ($2 != "in" && $2 != "out") die("direction must be in or out")
	if ($5 !~ /^[CNDTX]$/) die("type must be C, N, D, T or X")
	if ($6 != "-" && $6 !~ /^[0-9]+(,[0-9]+)?$/) die("length must be like 30 or 16,2")
	if ($7 !~ /^[YN](\*([a-z_]+=[A-Za-z0-9]+)?)?$/) die("required must be Y or N, for a secret Y* or N*")
	if ($4 !~ /^[A-Za-z0-9_]+$/) die("field name has a character that no name has")
	if ((t = $1 SUBSEP $2 SUBSEP $3) in seen_group && t != group) die("node is in two places")
	if (t != group) {
		group = t; seen_group[t] = 1
		if (!($1 in seen_wire)) { seen_wire[$1] = 1; wires[++n_wires] = $1 }
		g = ++n_groups
		up = 0
		if (match($3, /\.[^.]+$/) && !((up = group_at[$1, $2, substr($3, 1, RSTART - 1)])))
			die("the node around this one must stand above it")
		if (up)
			inner[up, ++n_inner[up]] = g
		else {
			count = ++groups_of[$1, $2]
			at[$1, $2, count] = g
		}
		group_at[$1, $2, $3] = g
		outer[g] = up; node[g] = up ? substr($3, RSTART + 1) : $3; first[g] = !up && count == 1
	}
	if (($4, g) in seen_field) die("field is there twice")
	seen_field[$4, g] = 1
	i = ++n_fields[g]
	if (i > 128) die("more than 128 fields in one node")
	split($6, len, ",")
	field[g, i] = $4
	required = substr($7, 1, 1) == "Y"
	need[g, i] = required
	if (required) any_need[g] = 1
	secret = length($7) > 1 ? "\"" substr($7, 3) "\"" : "NULL"
	for (up = secret != "NULL" ? g : 0; up; up = outer[up]) has_secret[up] = 1
	flags = (required ? "YT_FIELD_REQUIRED" : "0") ($5 == "X" ? " | YT_FIELD_ANY" : "") \
		(secret != "NULL" ? " | YT_FIELD_SECRET" : "")
	row[g, i] = sprintf("{ \"%s\", %d, '%s', %d, %s, %d, %s, \"%s\", \"%s\", %s },", $4, length($4), \
		$5 == "X" ? "C" : $5, len[2] + 0, flags, $6 == "-" ? 0 : len[1], quoted($8), $9, $10, secret)
	delete len
}

function put_group(g,    i, h, line, words, bit, w) {
	printf "\nstatic const struct yt_field fields_%d[] = {\n", g
	for (i = 1; i <= n_fields[g]; i++)
		printf "\t%s\n", row[g, i]
	print "};"
	for (h = 0; h < 256; h++) taken[h] = 0
	for (i = 1; i <= n_fields[g]; i++) {
		for (h = slot(field[g, i]); taken[h]; h = (h + 1) % 256)
			;
		taken[h] = i
	}
	printf "static const uint8_t slots_%d[YT_SLOTS] = {\n", g
	for (h = 0; h < 256; h++)
		printf "%s%d,%s", h % 32 ? " " : "\t", taken[h], h % 32 == 31 ? "\n" : ""
	print "};"
}

# 64 bits do not fit awk's numbers: written as 16 hexadecimal digits.
function need_word(g, from,    i, d, v, s) {
	s = ""
	for (d = 15; d >= 0; d--) {
		v = 0
		for (i = 3; i >= 0; i--)
			v = v * 2 + ((g, from + d * 4 + i + 1) in need && need[g, from + d * 4 + i + 1])
		s = s sprintf("%X", v)
	}
	return "0x" s "u"
}

function put_row(g, dir,    rows, name_) {
	name_ = node[g]
	rows = sub(/\[\]$/, "", name_)
	printf "\t{ \"%s\", %s, %s, %d, fields_%d, slots_%d, { %s, %s }, %s, %d, %s },\n", name_ == "-" ? "" : name_, \
		rows ? "true" : "false", dir == "in" && first[g] && any_need[g] ? "true" : "false", n_fields[g], g, g, \
		need_word(g, 0), need_word(g, 64), n_inner[g] ? "inner_" g : "NULL", n_inner[g], \
		has_secret[g] ? "true" : "false"
}

# Those inside first: C wants them above.
function put_groups_of(g, dir,    i) {
	put_group(g)
	for (i = 1; i <= n_inner[g]; i++)
		put_groups_of(inner[g, i], dir)
	if (!n_inner[g]) return
	printf "\nstatic const struct yt_group inner_%d[] = {\n", g
	for (i = 1; i <= n_inner[g]; i++)
		put_row(inner[g, i], dir)
	print "};"
}

function put_side(w, dir, label,    i) {
	if (!groups_of[w, dir]) return
	for (i = 1; i <= groups_of[w, dir]; i++)
		put_groups_of(at[w, dir, i], dir)
	printf "\nstatic const struct yt_group %s[] = {\n", label
	for (i = 1; i <= groups_of[w, dir]; i++)
		put_row(at[w, dir, i], dir)
	print "};"
}

function put_table(w, end,    from, has_in, has_out) {
	from = w in same ? same[w] : w
	has_in = groups_of[from, "in"] > 0; has_out = groups_of[from, "out"] > 0
	printf "{ \"%s\", %s, %s, %d, %d }%s\n", w, has_in ? "in_" from : "NULL", has_out ? "out_" from : "NULL", \
		groups_of[from, "in"], groups_of[from, "out"], end
}

END {
	if (failed) exit 1
	for (w = 1; w <= n_wires; w++) {
		put_side(wires[w], "in", "in_" wires[w])
		put_side(wires[w], "out", "out_" wires[w])
	}
	printf "\nextern const struct yt_table %s_tables[], %s_envelope;\n", name, name
	printf "const struct yt_table %s_envelope = ", name
	if ("ENVELOPE" in seen_wire) put_table("ENVELOPE", ";")
	else print "{ NULL, NULL, NULL, 0, 0 };"
	printf "const struct yt_table %s_tables[] = {\n", name
	for (w = 1; w <= n_wires; w++)
		if (wires[w] != "ENVELOPE") { printf "\t"; put_table(wires[w], ",") }
	print "\t{ NULL, NULL, NULL, 0, 0 } /* end */\n};"
	printf "extern const unsigned %s_n_tables;\nconst unsigned %s_n_tables = %d;\n", name, name, n_wires - ("ENVELOPE" in seen_wire)
}
