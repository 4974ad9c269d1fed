/* plugins/nhsa/statement.c - the detail file of a reconciliation (3202): rows to a zip, and back.
 *
 * What we send goes up by 9101 and is named in 3202; the result comes down by 9102.  Inside the zip is one
 * text file, a line for each settlement, columns parted by TAB, no heading.  A zip is hostile input: nothing
 * is unpacked before its sizes were looked at, and never more than they said. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zip.h>

#include "nhsa.h"

#define ENTRIES_MAX 8    /* of the zip; one of them is the text */
#define LINE_MAX 4096    /* octets */
#define RATIO_FREE 65536 /* octets that any zip may hold, however well they pack */

enum kind { TEXT, FEN, FLAG };

struct column {
	const char *name;
	size_t at; /* in struct yt_statement_row */
	enum kind kind;
	bool required;
};

#define COLUMN(name, member, kind, required)                                                                           \
	{                                                                                                              \
		name, offsetof(struct yt_statement_row, member), kind, required                                        \
	}

static const struct column sent_columns[] = {
	COLUMN("setl_id", settlement, TEXT, true),
	COLUMN("mdtrt_id", visit, TEXT, true),
	COLUMN("psn_no", person, TEXT, true),
	COLUMN("medfee_sumamt", amount_fen, FEN, true),
	COLUMN("fund_pay_sumamt", fund_fen, FEN, true),
	COLUMN("acct_pay", account_fen, FEN, true),
	COLUMN("refd_setl_flag", is_refund, FLAG, true),
};

static const struct column result_columns[] = {
	COLUMN("psn_no", person, TEXT, true),
	COLUMN("mdtrt_id", visit, TEXT, false),
	COLUMN("setl_id", settlement, TEXT, false),
	COLUMN("msgid", number, TEXT, true),
	COLUMN("stmt_rslt", result, TEXT, true),
	COLUMN("refd_setl_flag", is_refund, FLAG, true),
	COLUMN("memo", memo, TEXT, false),
	COLUMN("medfee_sumamt", amount_fen, FEN, false),
	COLUMN("fund_pay_sumamt", fund_fen, FEN, false),
	COLUMN("acct_pay", account_fen, FEN, false),
};

static const struct column *columns_of(enum yt_statement kind, size_t *n)
{
	bool sent = kind == YT_STATEMENT_SENT;

	*n = sent ? sizeof(sent_columns) / sizeof(sent_columns[0]) : sizeof(result_columns) / sizeof(result_columns[0]);
	return sent ? sent_columns : result_columns;
}

static int refuse(struct yt_fault *fault, int error, const char *path, const char *why)
{
	snprintf(fault->path, sizeof(fault->path), "%s", path);
	snprintf(fault->why, sizeof(fault->why), "%s", why);
	return error;
}

static int refuse_cell(struct yt_fault *fault, size_t line, const struct column *column, const char *why)
{
	snprintf(fault->path, sizeof(fault->path), "line %zu, %s", line, column != NULL ? column->name : "row");
	snprintf(fault->why, sizeof(fault->why), "%s", why);
	return YT_EFORMAT;
}

/* Writing. */

static int put_cell(const struct column *column, const struct yt_statement_row *row, struct yt_buf *out)
{
	const char *at = (const char *)row + column->at;
	struct yt_str text;
	char fen[24];

	if (column->kind == FLAG) {
		yt_buf_byte(out, *(const bool *)at ? '1' : '0');
		return 0;
	}
	if (column->kind == FEN) {
		yt_fen_print(*(const int64_t *)at, fen);
		yt_buf_text(out, !column->required && !row->has_amounts ? "null" : fen);
		return 0;
	}
	text = *(const struct yt_str *)at;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '\t' || text.p[i] == '\r' || text.p[i] == '\n')
			return YT_EFORMAT;
	if (text.n == 0 && column->required)
		return YT_EFORMAT;
	yt_buf_str(out, text.n > 0 ? text : YT_STR("null"));
	return 0;
}

static int put_rows(enum yt_statement kind, const struct yt_statement_row *rows, size_t n, struct yt_buf *out)
{
	size_t n_columns;
	const struct column *columns = columns_of(kind, &n_columns);

	for (size_t i = 0; i < n; i++) {
		for (size_t c = 0; c < n_columns; c++) {
			if (c > 0)
				yt_buf_byte(out, '\t');
			if (put_cell(&columns[c], &rows[i], out) != 0)
				return YT_EFORMAT;
		}
		yt_buf_text(out, "\r\n");
	}
	return out->failed ? YT_ENOMEM : 0;
}

/* Appends what the closed archive left in source. */
static int take_zip(zip_source_t *source, struct yt_buf *out)
{
	zip_stat_t stat;
	uint8_t *room;
	int rv = YT_ENOMEM;

	if (zip_source_stat(source, &stat) != 0 || zip_source_open(source) != 0)
		return YT_ENOMEM;
	room = yt_buf_room(out, stat.size);
	if (room != NULL && zip_source_read(source, room, stat.size) == (zip_int64_t)stat.size)
		rv = 0;
	zip_source_close(source);
	return rv;
}

static int put_zip(const char *name, struct yt_buf *text, struct yt_buf *out)
{
	zip_error_t error;
	zip_source_t *source, *entry;
	zip_t *zip;
	zip_int64_t at;
	int rv = YT_ENOMEM;

	zip_error_init(&error);
	source = zip_source_buffer_create(NULL, 0, 0, &error);
	zip = source != NULL ? zip_open_from_source(source, ZIP_TRUNCATE, &error) : NULL;
	if (zip == NULL) {
		zip_source_free(source);
		zip_error_fini(&error);
		return YT_ENOMEM;
	}
	zip_source_keep(source);
	entry = zip_source_buffer(zip, text->p, text->n, 0);
	at = entry != NULL ? zip_file_add(zip, name, entry, ZIP_FL_ENC_UTF_8) : -1;
	if (at < 0)
		zip_source_free(entry);
	else /* the same rows make the same octets */
		(void)zip_file_set_dostime(zip, (zip_uint64_t)at, 0, 0x21, 0);
	if (at < 0 || zip_close(zip) != 0)
		zip_discard(zip);
	else
		rv = take_zip(source, out);
	zip_source_free(source);
	zip_error_fini(&error);
	return rv;
}

int nhsa_statement_write(struct yt_plugin *self, enum yt_statement kind, struct yt_str name,
        const struct yt_statement_row *rows, size_t n, struct yt_buf *out)
{
	struct yt_buf text = { 0 };
	char file[80];
	int rv = put_rows(kind, rows, n, &text);

	if (kind == YT_STATEMENT_RESULT)
		name = YT_STR("result");
	snprintf(file, sizeof(file), "%.*s.txt", YT_FMT(name));
	if (rv == 0)
		rv = name.n == 0 || name.n > 64 || memchr(name.p, '/', name.n) != NULL ? YT_EFORMAT
		                                                                       : put_zip(file, &text, out);
	yt_buf_free(&text);
	return rv;
}

/* Reading. */

/* The one text among the entries; -1 with *fault: none, several, or too many entries. */
static zip_int64_t find_text(zip_t *zip, struct yt_fault *fault)
{
	zip_int64_t n = zip_get_num_entries(zip, 0), found = -1;

	if (n > ENTRIES_MAX)
		return refuse(fault, -1, "zip", "has more than 8 entries");
	for (zip_int64_t i = 0; i < n; i++) {
		const char *name = zip_get_name(zip, (zip_uint64_t)i, 0);
		size_t length = name != NULL ? strlen(name) : 0;

		if (length < 4 || strcmp(name + length - 4, ".txt") != 0)
			continue;
		if (found >= 0)
			return refuse(fault, -1, "zip", "has more than one .txt file");
		found = i;
	}
	if (found < 0)
		refuse(fault, -1, "zip", "has no .txt file");
	return found;
}

static int check_sizes(const struct nhsa *nhsa, const zip_stat_t *stat, struct yt_fault *fault)
{
	if ((stat->valid & (ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE)) != (ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE))
		return refuse(fault, YT_EFORMAT, "zip", "does not say how long its text is");
	if ((stat->valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && stat->encryption_method != ZIP_EM_NONE)
		return refuse(fault, YT_EFORMAT, "zip", "is encrypted");
	if (stat->size > (zip_uint64_t)nhsa->file_max_mib << 20)
		return refuse(fault, YT_ELIMIT, "zip", "unpacks to more than the setting file_max_mib");
	if (stat->size > RATIO_FREE && stat->size / (stat->comp_size + 1) >= (zip_uint64_t)nhsa->file_max_ratio)
		return refuse(fault, YT_ELIMIT, "zip", "packs its text tighter than the setting file_max_ratio");
	return 0;
}

static int unpack(
        const struct nhsa *nhsa, zip_t *zip, struct yt_arena *arena, struct yt_str *text, struct yt_fault *fault)
{
	zip_int64_t at = find_text(zip, fault);
	zip_file_t *file;
	zip_stat_t stat;
	char *room, more;
	bool whole;
	int rv;

	if (at < 0)
		return YT_EFORMAT;
	zip_stat_init(&stat);
	if (zip_stat_index(zip, (zip_uint64_t)at, 0, &stat) != 0)
		return refuse(fault, YT_EFORMAT, "zip", "is damaged");
	rv = check_sizes(nhsa, &stat, fault);
	if (rv != 0)
		return rv;
	room = yt_arena_alloc(arena, (size_t)stat.size + 1);
	if (room == NULL)
		return YT_ENOMEM;
	file = zip_fopen_index(zip, (zip_uint64_t)at, 0);
	/* The end is read too: only then the checksum was looked at. */
	whole = file != NULL && zip_fread(file, room, stat.size) == (zip_int64_t)stat.size &&
	        zip_fread(file, &more, 1) == 0;
	if (file != NULL)
		whole = zip_fclose(file) == 0 && whole;
	*text = (struct yt_str){ room, (size_t)stat.size };
	return whole ? 0 : refuse(fault, YT_EFORMAT, "zip", "is damaged or longer than it says");
}

static int open_zip(const struct nhsa *nhsa, struct yt_str octets, struct yt_arena *arena, struct yt_str *text,
        struct yt_fault *fault)
{
	zip_error_t error;
	zip_source_t *source;
	zip_t *zip;
	int rv;

	zip_error_init(&error);
	source = zip_source_buffer_create(octets.p, octets.n, 0, &error);
	zip = source != NULL ? zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error) : NULL;
	if (zip == NULL) {
		rv = zip_error_code_zip(&error) == ZIP_ER_MEMORY ? YT_ENOMEM
		                                                 : refuse(fault, YT_EFORMAT, "zip", "is no zip file");
		zip_source_free(source);
		zip_error_fini(&error);
		return rv;
	}
	rv = unpack(nhsa, zip, arena, text, fault);
	zip_discard(zip);
	zip_error_fini(&error);
	return rv;
}

static const char *read_cell(const struct column *column, struct yt_str cell, struct yt_statement_row *row)
{
	char *at = (char *)row + column->at;

	if (yt_str_is(cell, "null"))
		cell.n = 0;
	if (cell.n == 0 && column->required)
		return "is missing";
	switch (column->kind) {
	case FLAG:
		*(bool *)at = yt_str_is(cell, "1");
		return *(bool *)at || yt_str_is(cell, "0") ? NULL : "must be 0 or 1";
	case FEN:
		row->has_amounts = row->has_amounts && cell.n > 0;
		return cell.n == 0 || yt_fen_parse(cell, (int64_t *)at) == 0 ? NULL : "is not an amount in yuan";
	case TEXT:
		break;
	}
	*(struct yt_str *)at = cell;
	return NULL;
}

/* Cuts the next cell off line. */
static struct yt_str next_cell(struct yt_str *line)
{
	const char *tab = line->n > 0 ? memchr(line->p, '\t', line->n) : NULL;
	struct yt_str cell = { line->p, tab != NULL ? (size_t)(tab - line->p) : line->n };

	line->p += cell.n + (tab != NULL);
	line->n -= cell.n + (tab != NULL);
	while (cell.n > 0 && cell.p[0] == ' ')
		cell.p++, cell.n--;
	while (cell.n > 0 && cell.p[cell.n - 1] == ' ')
		cell.n--;
	return cell;
}

static int read_line(
        enum yt_statement kind, size_t number, struct yt_str line, struct yt_statement_row *row, struct yt_fault *fault)
{
	size_t n_columns;
	const struct column *columns = columns_of(kind, &n_columns);

	row->has_amounts = true;
	for (size_t c = 0; c < n_columns; c++) {
		const char *why = read_cell(&columns[c], next_cell(&line), row);

		if (why != NULL)
			return refuse_cell(fault, number, &columns[c], why);
	}
	return line.n == 0 ? 0 : refuse_cell(fault, number, NULL, "has more columns than the format");
}

static int read_lines(
        enum yt_statement kind, struct yt_str text, struct yt_statement_row *rows, size_t *n, struct yt_fault *fault)
{
	*n = 0;
	for (size_t number = 1; text.n > 0; number++) {
		const char *end = memchr(text.p, '\n', text.n);
		struct yt_str line = { text.p, end != NULL ? (size_t)(end - text.p) : text.n };
		int rv;

		text.p += line.n + (end != NULL);
		text.n -= line.n + (end != NULL);
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n == 0)
			continue; /* a line end too many */
		if (line.n > LINE_MAX)
			return refuse_cell(fault, number, NULL, "is longer than 4096 octets");
		rv = read_line(kind, number, line, &rows[*n], fault);
		if (rv != 0)
			return rv;
		++*n;
	}
	return 0;
}

int nhsa_statement_read(struct yt_plugin *self, enum yt_statement kind, struct yt_str octets, struct yt_arena *arena,
        struct yt_statement_row **rows, size_t *n, struct yt_fault *fault)
{
	struct yt_str text;
	size_t n_lines = 1;
	int rv = open_zip(yt_plugin_ctx(self), octets, arena, &text, fault);

	if (rv != 0)
		return rv;
	rv = nhsa_to_utf8(arena, text, &text);
	if (rv != 0)
		return rv == YT_ENOMEM ? rv : refuse(fault, rv, "text", "is neither UTF-8 nor GB18030");
	if (text.n >= 3 && memcmp(text.p, "\xEF\xBB\xBF", 3) == 0) {
		text.p += 3;
		text.n -= 3;
	}
	for (size_t i = 0; i < text.n; i++)
		n_lines += text.p[i] == '\n';
	*rows = yt_arena_alloc(arena, n_lines * sizeof(**rows));
	return *rows != NULL ? read_lines(kind, text, *rows, n, fault) : YT_ENOMEM;
}
