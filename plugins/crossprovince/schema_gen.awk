# plugins/crossprovince/schema_gen.awk - turns fields.tsv into the C structs of ksbw.h.
#
# Run by CMakeLists.txt:  awk -f schema_gen.awk fields.tsv > schema.c.  POSIX awk only.  Columns, separated by
# tabs, after one heading line; lines with # are comments:
#   transaction  number, or the name of a block (direction "-") that others take in
#   direction    in, out
#   node         where the value stands in the canonical body: an object; "x/y": x of an in-patient's message,
#                y of others; "x[1]": the first row of x; "x[]": rows, begun by a line of type Rows; "-": a
#                member of the message itself; "@BLOCK": the block's lines stand here, "@BLOCK?": all optional
#   names        canonical names: the first is written when reading, all are tried when writing
#   element      on the wire; "a/b": rows b inside a
#   type         crossprovince.md 7.5, and Rows
#   count        "1", "0..1", "1..300"
#   codes        of Enum its values, of Code the map between both code systems; "secret": never kept in clear
#   from         "=x": written when nobody says; else the message that brings it, for the refusal
#   zh           meaning
# The lines are separate from core's table engine: XML has an order, counts, lists among single values and
# fixed lexical forms, none of which a JSON format has.

function die(why) { printf "%s:%d: %s\n", FILENAME, FNR, why > "/dev/stderr"; failed = 1; exit 1 }
function text(s) { return s == "-" || s == "" ? "NULL" : "\"" s "\"" }

# "a/b/c" as three pointers.
function three(s,    part, n, i, out) {
	n = split(s == "-" ? "" : s, part, "/")
	if (n > 3) die("more than three names")
	out = "{ "
	for (i = 1; i <= 3; i++)
		out = out (i <= n ? "\"" part[i] "\"" : "NULL") (i < 3 ? ", " : " }")
	return out
}

# One line of a side; kept until the side is whole.
function add(side, node, names, element, type, count, codes, from, zh, optional,    range, least, most, wrap, at, group) {
	if (split(count, range, /\.\./) == 1) range[2] = range[1]
	least = optional ? 0 : range[1]; most = range[2]
	wrap = ""
	if ((at = index(element, "/")) > 0) { wrap = substr(element, 1, at - 1); element = substr(element, at + 1) }
	group = node ~ /\[\]$/ && type != "Rows" ? node : ""
	if (group != "" && !((side, group) in opened)) die("no line of type Rows for " node)
	if (type == "Rows") opened[side, node] = 1
	sub(/\[\]$/, "", node)
	n_rows[side, group]++
	row[side, group, n_rows[side, group]] = sprintf("{ \"%s\", %d, KSBW_%s, %d, %d, %s, %s, %s, %s, %s, %s, ", element, \
		length(element), type, least, most, three(names), three(node), text(codes), \
		from ~ /^=/ ? text(substr(from, 2)) : "NULL", from ~ /^=/ ? "NULL" : text(from), text(wrap))
	inner[side, group, n_rows[side, group]] = type == "Rows" ? node "[]" : ""
	meaning[side, group, n_rows[side, group]] = zh
}

function put_rows(side, group, label,    i, g) {
	printf "\nstatic const struct ksbw_field %s[] = {\n", label
	for (i = 1; i <= n_rows[side, group]; i++) {
		g = inner[side, group, i]
		if (g == "")
			printf "\t%sNULL, 0, \"%s\" },\n", row[side, group, i], meaning[side, group, i]
		else
			printf "\t%srows_%s, %d, \"%s\" },\n", row[side, group, i], place[side, g], n_rows[side, g], \
				meaning[side, group, i]
	}
	print "};"
}

function put_side(number, direction,    side, i, g) {
	side = number SUBSEP direction
	if (!n_rows[side, ""]) return
	for (i = 1; i <= n_rows[side, ""]; i++) {
		g = inner[side, "", i]
		if (g == "") continue
		place[side, g] = ++n_places
		put_rows(side, g, "rows_" n_places)
	}
	put_rows(side, "", direction "_" number)
}

function side_of(number, direction) {
	return n_rows[number SUBSEP direction, ""] ? direction "_" number ", " n_rows[number SUBSEP direction, ""] : "NULL, 0"
}

BEGIN {
	FS = "\t"
	print "/* Made by schema_gen.awk: do not edit. */\n#include \"ksbw.h\""
}

/^#/ { next }
!heading { heading = 1; next }
$2 == "-" {
	if (NF != 10) die("wants 10 columns, has " NF)
	block[$1, ++n_block[$1]] = $0
	next
}
{
	side = $1 SUBSEP $2
	if ($2 != "in" && $2 != "out") die("direction must be in or out")
	if (!($1 in seen)) { seen[$1] = 1; numbers[++n_numbers] = $1 }
	if ($3 !~ /^@/) {
		if (NF != 10) die("wants 10 columns, has " NF)
		add(side, $3, $4, $5, $6, $7, $8, $9, $10, 0)
		next
	}
	name = substr($3, 2); optional = sub(/\?$/, "", name)
	if (!n_block[name]) die("no block " name " above")
	for (i = 1; i <= n_block[name]; i++) {
		split(block[name, i], c, "\t")
		add(side, c[3], c[4], c[5], c[6], c[7], c[8], c[9], c[10], optional)
	}
}

END {
	if (failed) exit 1
	for (w = 1; w <= n_numbers; w++) {
		put_side(numbers[w], "in")
		put_side(numbers[w], "out")
	}
	print "\nconst struct ksbw_schema ksbw_schemas[] = {"
	for (w = 1; w <= n_numbers; w++)
		printf "\t{ \"%s\", %s, %s },\n", numbers[w], side_of(numbers[w], "in"), side_of(numbers[w], "out")
	print "\t{ NULL, NULL, 0, NULL, 0 } /* end */\n};"
}
