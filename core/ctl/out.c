/* core/ctl/out.c - aligned tables, colours on a terminal, amounts and times as people read them. */
#include "ctl/ctl.h"
#include "engine/trace.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *ctl_colour(const struct ctl *ctl, enum ctl_colour colour)
{
	static const char *const codes[] = { "\033[0m", "\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[33m" };

	return ctl->has_colour ? codes[colour] : "";
}

enum ctl_colour ctl_state_colour(enum exchange_state state)
{
	switch (state) {
	case X_DONE:
		return CTL_GREEN;
	case X_UNKNOWN:
	case X_REVERSING:
	case X_SENT:
		return CTL_YELLOW;
	case X_PARKED:
		return CTL_RED;
	default:
		return CTL_PLAIN;
	}
}

/* One character of UTF-8; advances *s.  Bytes that are not UTF-8 count as one character each. */
static uint32_t next_character(struct yt_str *s)
{
	unsigned char c = (unsigned char)*s->p;
	size_t n = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
	uint32_t v = n == 1 ? c : c & (0xffu >> (n + 1));

	if (n > s->n)
		n = 1;
	for (size_t i = 1; i < n; i++)
		v = v << 6 | ((unsigned char)s->p[i] & 0x3f);
	s->p += n;
	s->n -= n;
	return v;
}

static bool is_wide(uint32_t c)
{
	return (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0x303e) || (c >= 0x3041 && c <= 0xa4cf) ||
	       (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe6f) ||
	       (c >= 0xff00 && c <= 0xff60) || (c >= 0xffe0 && c <= 0xffe6) || (c >= 0x1f300 && c <= 0x1faff) ||
	       (c >= 0x20000 && c <= 0x3fffd);
}

static bool is_combining(uint32_t c)
{
	return (c >= 0x300 && c <= 0x36f) || (c >= 0x200b && c <= 0x200f) || (c >= 0xfe00 && c <= 0xfe0f);
}

size_t ctl_width(struct yt_str text)
{
	size_t width = 0;

	while (text.n > 0) {
		uint32_t c = next_character(&text);

		width += is_wide(c) ? 2 : is_combining(c) ? 0 : 1;
	}
	return width;
}

void ctl_clean(struct yt_buf *out, struct yt_str text)
{
	while (text.n > 0) {
		struct yt_str rest = text;
		uint32_t c = next_character(&rest);

		if ((c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0))
			yt_buf_byte(out, '?');
		else
			yt_buf_add(out, text.p, text.n - rest.n);
		text = rest;
	}
}

void ctl_table_begin(struct ctl_table *table, size_t n_columns, unsigned right)
{
	memset(table, 0, sizeof(*table));
	table->n_columns = n_columns;
	table->right = right;
}

void ctl_table_cell(struct ctl_table *table, enum ctl_colour colour, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (table->n_cells == table->cap) {
		table->cap = table->cap == 0 ? 256 : table->cap * 2;
		table->colour = realloc(table->colour, table->cap * sizeof(*table->colour));
		YT_REQUIRE(table->colour != NULL);
	}
	table->colour[table->n_cells++] = colour;
	for (char *p = text; *p != '\0'; p++)
		if (*p == '\n' || *p == '\t')
			*p = ' ';
	ctl_clean(&table->text, yt_str(text));
	yt_buf_byte(&table->text, 0);
	YT_REQUIRE(!table->text.failed);
}

static void print_cell(
        const struct ctl *ctl, const struct ctl_table *t, size_t i, struct yt_str text, size_t width, FILE *out)
{
	size_t column = i % t->n_columns, pad = width - ctl_width(text);
	bool is_right = (t->right >> column & 1) != 0, is_last = column + 1 == t->n_columns;
	enum ctl_colour colour = i < t->n_columns ? CTL_BOLD : t->colour[i];

	if (is_right)
		fprintf(out, "%*s", (int)pad, "");
	if (colour != CTL_PLAIN)
		fprintf(out, "%s%.*s%s", ctl_colour(ctl, colour), YT_FMT(text), ctl_colour(ctl, CTL_PLAIN));
	else
		fprintf(out, "%.*s", YT_FMT(text));
	if (is_last)
		fputc('\n', out);
	else
		fprintf(out, "%*s", (int)(is_right ? 2 : pad + 2), "");
}

void ctl_table_print(const struct ctl *ctl, struct ctl_table *t, FILE *out)
{
	size_t *width = calloc(t->n_columns, sizeof(*width));
	const char *p = (const char *)t->text.p;

	YT_REQUIRE(width != NULL);
	for (size_t i = 0; i < t->n_cells; i++, p += strlen(p) + 1) {
		size_t w = ctl_width(yt_str(p));

		if (w > width[i % t->n_columns])
			width[i % t->n_columns] = w;
	}
	p = (const char *)t->text.p;
	for (size_t i = 0; i < t->n_cells; i++, p += strlen(p) + 1)
		print_cell(ctl, t, i, yt_str(p), width[i % t->n_columns], out);
	free(width);
	free(t->colour);
	yt_buf_free(&t->text);
}

void ctl_exchange(uint64_t id, char out[20])
{
	snprintf(out, 20, "%016llx", (unsigned long long)id);
}

const struct yt_op *ctl_operation(const struct ctl *ctl, const struct exchange *x)
{
	const struct conf_flow *flow = NULL;

	if ((x->flags & REC_X_FOLLOW_UP) == 0 || x->op == YT_OP_CLAIM_BACK)
		return yt_op(x->op);
	if (ctl->conf != NULL)
		flow = conf_flow(ctl->conf, yt_str(x->flow));
	return flow == NULL || flow->step[0].op == YT_OP_COUNT ? NULL : yt_op((enum yt_operation)flow->step[0].op);
}

const char *ctl_flow(const struct exchange *x)
{
	return x->op == YT_OP_CLAIM_BACK ? _("asked back") : x->flow; /* which nobody has configured */
}

int64_t ctl_own_fen(const struct exchange *x)
{
	return (x->flags & REC_X_FOLLOW_UP) != 0 && x->op != YT_OP_CLAIM_BACK ? 0 : x->amount_fen;
}

bool ctl_parse_exchange(struct yt_str text, uint64_t *id)
{
	char digits[17];

	if (text.n == 0 || text.n > 16 || strspn(text.p, "0123456789abcdefABCDEF") < text.n)
		return false;
	snprintf(digits, sizeof(digits), "%.*s", YT_FMT(text));
	*id = strtoull(digits, NULL, 16);
	return true;
}

/* As an answer of ours ends: in brackets, full-width or not. */
static struct yt_str without_brackets(struct yt_str text)
{
	static const struct yt_str open[] = { { "\uff08", 3 }, { "(", 1 } }, close[] = { { "\uff09", 3 }, { ")", 1 } };

	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
		if (text.n > open[i].n + close[i].n && memcmp(text.p, open[i].p, open[i].n) == 0 &&
		        memcmp(text.p + text.n - close[i].n, close[i].p, close[i].n) == 0)
			return (struct yt_str){ text.p + open[i].n, text.n - open[i].n - close[i].n };
	}
	return text;
}

bool ctl_parse_trace(struct yt_str text, char trace[9])
{
	if (text.n == 32 && strspn(text.p, "0123456789abcdef") >= 32) { /* of W3C: our letters follow from it */
		char id[33];

		snprintf(id, sizeof(id), "%.32s", text.p);
		trace_letters(id, trace);
		return true;
	}
	text = without_brackets(text);
	if (text.n == 13 && (text.p[0] == 'Y' || text.p[0] == 'y') && text.p[4] == ' ') {
		text.p += 5;
		text.n -= 5;
	}
	if (text.n != 8)
		return false;
	for (size_t i = 0; i < 8; i++) {
		char c = text.p[i];

		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')))
			return false;
		trace[i] = c;
	}
	trace[8] = '\0';
	return true;
}

void ctl_yuan(int64_t fen, char out[24])
{
	yt_fen_print(fen, out);
}

void ctl_time(int64_t wall_ms, char out[24])
{
	yt_time_print(wall_ms, out);
	snprintf(out + 19, 5, ".%03u", (unsigned)(((wall_ms % 1000) + 1000) % 1000));
}

static void json_name(struct yt_buf *out, const char *name)
{
	if (out->n > 0 && out->p[out->n - 1] != '{' && out->p[out->n - 1] != '[')
		yt_buf_byte(out, ',');
	yt_json_write_string(yt_str(name), out);
	yt_buf_byte(out, ':');
}

void ctl_json_member(struct yt_buf *out, const char *name, struct yt_str text)
{
	json_name(out, name);
	yt_json_write_string(text, out);
}

void ctl_json_number(struct yt_buf *out, const char *name, int64_t value)
{
	json_name(out, name);
	yt_buf_printf(out, "%lld", (long long)value);
}

void ctl_print_buf(struct yt_buf *out, FILE *to)
{
	YT_REQUIRE(!out->failed);
	fwrite(out->p, 1, out->n, to);
	yt_buf_free(out);
}
