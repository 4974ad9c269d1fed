/* plugins/bankfile/bpf_read.c - a batch file or a result file, line by line (bank.md 6).
 *
 * bpf_open() proves the whole first: digest over every octet before the trailer, then the head; bpf_next() gives one
 * detail at a time and, behind the last, compares counts and totals.  A file that is wrong anywhere is refused whole.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf.h"

static int refuse_line(struct bpf_reader *r, struct yt_fault *fault, unsigned field, const char *why)
{
	if (field > 0)
		snprintf(fault->path, sizeof(fault->path), "line %u field %u", r->line, field);
	else
		snprintf(fault->path, sizeof(fault->path), "line %u", r->line);
	snprintf(fault->why, sizeof(fault->why), "%.190s", why);
	return YT_EFORMAT;
}

/* -- cutting -------------------------------------------------------------------------------------- */

static bool is_in(unsigned char c, unsigned char from, unsigned char to)
{
	return c >= from && c <= to;
}

/* Octets of the character at p; 0: none begins there. */
static size_t character(const unsigned char *p, size_t n)
{
	if (p[0] < 0x80)
		return 1;
	if (!is_in(p[0], 0x81, 0xfe) || n < 2)
		return 0;
	if (is_in(p[1], 0x30, 0x39))
		return n >= 4 && is_in(p[2], 0x81, 0xfe) && is_in(p[3], 0x30, 0x39) ? 4 : 0;
	return is_in(p[1], 0x40, 0xfe) && p[1] != 0x7f ? 2 : 0;
}

/* Takes the line up to its LF off rest. */
static int take_line(struct bpf_reader *r, struct yt_str *line, struct yt_fault *fault)
{
	const unsigned char *p = (const unsigned char *)r->rest.p;
	size_t at = 0, n;

	r->line++;
	while (at < r->rest.n && p[at] != '\n') {
		n = character(p + at, r->rest.n - at);
		if (n == 0)
			return refuse_line(r, fault, 0, "has octets that are no GB18030");
		if (p[at] < 0x20 || p[at] == 0x7f)
			return refuse_line(r, fault, 0, p[at] == '\r' ? "ends with CR" : "has a control character");
		at += n;
	}
	if (at >= r->rest.n)
		return refuse_line(r, fault, 0, "does not end with LF");
	*line = (struct yt_str){ r->rest.p, at };
	r->rest.p += at + 1;
	r->rest.n -= at + 1;
	return at > 0 ? 0 : refuse_line(r, fault, 0, "is empty");
}

/* Fields of a line as octets.  Returns how many there are; more than max counts on, but is not kept. */
static unsigned cut(struct yt_str line, struct yt_str *field, unsigned max)
{
	const unsigned char *p = (const unsigned char *)line.p;
	size_t from = 0;
	unsigned n = 0;

	for (size_t at = 0, step; at <= line.n; at += step) {
		step = at < line.n ? character(p + at, line.n - at) : 1;
		step = step > 0 ? step : 1; /* a trailer, which nobody has looked at before */
		if (at < line.n && p[at] != '|')
			continue;
		if (n < max)
			field[n] = (struct yt_str){ line.p + from, at - from };
		n++;
		from = at + 1;
	}
	return n;
}

static int to_utf8(struct bpf_reader *r, unsigned i, struct yt_str *field, struct yt_fault *fault)
{
	struct yt_buf text = { 0 };
	int rv = yt_gb18030_to_utf8(*field, &text, NULL);

	if (rv == 0)
		*field = yt_arena_copy(r->arena, yt_buf_view(&text));
	yt_buf_free(&text);
	if (rv == YT_EFORMAT)
		return refuse_line(r, fault, i + 1, "has octets that are no GB18030");
	return rv != 0 || field->p == NULL ? YT_ENOMEM : 0;
}

/* -- forms ---------------------------------------------------------------------------------------- */

struct form {
	char type; /* C printable ASCII, N digits, Z any text, A amount, B balance of a head: may be 0, D day or empty
	            */
	uint8_t least, most;
};

static const struct form head_forms[] = { { 'C', 1, 1 }, { 'C', 3, 3 }, { 'N', 1, 10 }, { 'N', 6, 6 }, { 'D', 8, 8 },
	{ 'N', 2, 2 }, { 'N', 1, 35 }, { 'C', 3, 3 }, { 'N', 1, 6 }, { 'B', 4, 16 }, { 'N', 1, 6 }, { 'B', 4, 16 },
	{ 'N', 1, 6 }, { 'B', 4, 16 }, { 'N', 1, 6 }, { 'B', 4, 16 } };
static const struct form detail_forms[] = { { 'C', 1, 1 }, { 'N', 6, 6 }, { 'C', 1, 30 }, { 'Z', 1, 70 }, { 'C', 0, 2 },
	{ 'C', 0, 20 }, { 'N', 1, 35 }, { 'N', 0, 12 }, { 'Z', 0, 70 }, { 'A', 4, 16 }, { 'Z', 1, 60 },
	{ 'Z', 0, 100 } };
static const struct form result_forms[] = { { 'C', 1, 1 }, { 'N', 6, 6 }, { 'C', 1, 30 }, { 'N', 1, 35 },
	{ 'A', 4, 16 }, { 'N', 2, 2 }, { 'C', 0, 6 }, { 'Z', 0, 200 }, { 'C', 0, 24 }, { 'D', 0, 8 }, { 'N', 0, 6 } };

static const char *check_form(const struct form *f, struct yt_str s)
{
	int64_t fen;

	if (s.n < f->least)
		return s.n == 0 ? "is missing" : "is too short";
	if (s.n > f->most)
		return "is too long";
	switch (f->type) {
	case 'N':
		return bank_is_digits(s, 0, s.n) ? NULL : "must be digits";
	case 'C':
		return bank_is_ascii(s, 0, s.n) ? NULL : "must be letters and digits";
	case 'D':
		return s.n == 0 || bank_day(s) ? NULL : "is not a day yyyyMMdd";
	case 'A':
	case 'B':
		return bank_amount(s, f->type == 'B', false, &fen)
		               ? NULL
		               : "is not an amount like 12.30, without zeros in front";
	default:
		return NULL;
	}
}

/* One line in its form, its texts as UTF-8. */
static int take_fields(struct bpf_reader *r, struct yt_str line, const struct form *forms, unsigned n,
        struct yt_str *field, struct yt_fault *fault)
{
	char why[64];
	unsigned is = cut(line, field, n);

	if (is != n) {
		snprintf(why, sizeof(why), "has %u fields instead of %u", is, n);
		return refuse_line(r, fault, 0, why);
	}
	for (unsigned i = 0; i < n; i++) {
		const char *wrong = check_form(&forms[i], field[i]);
		int rv = wrong != NULL                            ? refuse_line(r, fault, i + 1, wrong)
		         : forms[i].type == 'Z' && field[i].n > 0 ? to_utf8(r, i, &field[i], fault)
		                                                  : 0;

		if (rv != 0)
			return rv;
	}
	return 0;
}

static uint32_t number_of(struct yt_str digits)
{
	uint32_t n = 0;

	for (size_t i = 0; i < digits.n && i < 6; i++)
		n = n * 10 + (uint32_t)(digits.p[i] - '0');
	return n;
}

static int64_t fen_of(struct yt_str amount)
{
	int64_t fen = 0;

	(void)yt_fen_parse(amount, &fen);
	return fen;
}

static bool has_zero_in_front(struct yt_str digits)
{
	return digits.n > 1 && digits.p[0] == '0';
}

/* -- the whole ------------------------------------------------------------------------------------ */

/* The last line, and the digest over all before it. */
static int take_trailer(struct bpf_reader *r, struct yt_str octets, struct yt_fault *fault)
{
	const char *before = octets.n > 1 ? memrchr(octets.p, '\n', octets.n - 1) : NULL;
	struct yt_str whole, field[4];
	uint8_t digest[32];

	if (octets.p[octets.n - 1] != '\n')
		return bank_refuse(fault, "trailer", "", "does not end with LF");
	if (before == NULL)
		return bank_refuse(fault, "trailer", "", "is missing: a file has a head, details and a trailer");
	whole = (struct yt_str){ octets.p, (size_t)(before + 1 - octets.p) };
	r->trailer = (struct yt_str){ before + 1, octets.n - whole.n - 1 };
	/* Digits, points and letters only, so each 0x7C in it is a separator. */
	if (cut(r->trailer, field, 4) != 4 || !yt_str_is(field[0], "T"))
		return bank_refuse(fault, "trailer", "", "is not T, count, total and digest");
	if (field[3].n != 64 || yt_hex_read(field[3], r->digest, 32) != 0)
		return bank_refuse(fault, "trailer", "", "has no digest of 64 hexadecimal digits");
	for (size_t i = 0; i < 64; i++)
		if (field[3].p[i] >= 'A' && field[3].p[i] <= 'F')
			return bank_refuse(fault, "trailer", "", "has its digest in upper case");
	yt_sm3(whole, digest);
	if (memcmp(digest, r->digest, 32) != 0)
		return bank_refuse(fault, "trailer", "", "has another digest than the lines before it");
	r->rest = whole;
	return 0;
}

static int check_head(struct bpf_reader *r, struct yt_str *f, struct yt_fault *fault)
{
	struct bpf_head *h = &r->head;
	struct yt_str trailer[4];
	char totals[48];

	if (!yt_str_is(f[0], "H") || !yt_str_is(f[1], "1.0"))
		return refuse_line(r, fault, yt_str_is(f[0], "H") ? 2 : 1, "is not the head H of version 1.0");
	if (!yt_str_is(f[7], "CNY"))
		return refuse_line(r, fault, 8, "is another currency than CNY");
	if (bank_type_of(f[5]).n == 0)
		return refuse_line(r, fault, 6, "is no business: 01 to 04");
	if (has_zero_in_front(f[8]) || h->n == 0 || h->n > BPF_LINES_MAX)
		return refuse_line(r, fault, 9, "is not a count from 1 to 50000 without zeros in front");
	if (h->is_result &&
	        (h->n_ok + h->n_failed + h->n_open != h->n || h->ok_fen + h->failed_fen + h->open_fen != h->fen))
		return refuse_line(r, fault, 0, "does not add up: paid, failed and open are not all");
	(void)cut(r->trailer, trailer, 4);
	snprintf(totals, sizeof(totals), "%.*s|%.*s", YT_FMT(f[8]), YT_FMT(f[9]));
	if (trailer[1].n + trailer[2].n + 1 != strlen(totals) ||
	        memcmp(trailer[1].p, totals, trailer[1].n + trailer[2].n + 1) != 0)
		return bank_refuse(fault, "trailer", "", "has another count or total than the head");
	return 0;
}

static int take_head(struct bpf_reader *r, struct yt_fault *fault)
{
	struct yt_str line, f[16], probe[16];
	struct bpf_head *h = &r->head;
	unsigned n;
	int rv = take_line(r, &line, fault);

	if (rv != 0)
		return rv;
	h->is_result = cut(line, probe, 16) == 16;
	n = h->is_result ? 16 : 10;
	rv = take_fields(r, line, head_forms, n, f, fault);
	if (rv != 0)
		return rv;
	h->corp_no = f[2];
	h->batch_no = f[3];
	h->day = f[4];
	h->business = f[5];
	h->payer_acct = f[6];
	h->n = number_of(f[8]);
	h->fen = fen_of(f[9]);
	if (h->is_result) {
		h->n_ok = number_of(f[10]);
		h->ok_fen = fen_of(f[11]);
		h->n_failed = number_of(f[12]);
		h->failed_fen = fen_of(f[13]);
		h->n_open = number_of(f[14]);
		h->open_fen = fen_of(f[15]);
	}
	return check_head(r, f, fault);
}

int bpf_open(struct bpf_reader *r, struct yt_arena *arena, struct yt_str octets, struct yt_fault *fault)
{
	int rv;

	memset(r, 0, sizeof(*r));
	r->arena = arena;
	if (octets.n == 0)
		return bank_refuse(fault, "(file)", "", "is empty");
	if (octets.n > BPF_OCTETS_MAX) {
		bank_refuse(fault, "(file)", "", "is larger than 16 MiB");
		return YT_ELIMIT;
	}
	rv = take_trailer(r, octets, fault);
	return rv == 0 ? take_head(r, fault) : rv;
}

/* -- details -------------------------------------------------------------------------------------- */

static int count_result(struct bpf_reader *r, const struct bpf_line *line, struct yt_fault *fault)
{
	/* As the bank counts, by PaySts alone, whatever its reasons prove. */
	switch (bank_state(line->field[5], yt_str_is(line->field[5], "05") ? YT_STR("E20003") : YT_STR("000000"))) {
	case YT_PAY_PAID:
		r->n_ok++;
		r->ok_fen += line->fen;
		return 0;
	case YT_PAY_FAILED:
	case YT_PAY_CANCELLED:
		r->n_failed++;
		r->failed_fen += line->fen;
		return 0;
	case YT_PAY_RETURNED: /* paid, and come back: the profile does not say where it counts */
		r->n_back++;
		return 0;
	case YT_PAY_STATES:
		return refuse_line(r, fault, 6, "is no state: 01 to 08");
	default:
		r->n_open++;
		r->open_fen += line->fen;
		return 0;
	}
}

static int check_detail(struct bpf_reader *r, struct bpf_line *line, struct yt_fault *fault)
{
	struct yt_str *f = line->field;
	bool is_result = r->head.is_result;

	if (!yt_str_is(f[0], is_result ? "R" : "D"))
		return refuse_line(r, fault, 1, is_result ? "is not R" : "is not D");
	line->number = number_of(f[1]);
	line->fen = fen_of(f[is_result ? 4 : 9]);
	if (line->number != ++r->n)
		return refuse_line(r, fault, 2, "leaves a gap: details count from 000001");
	r->fen += line->fen;
	if (is_result)
		return count_result(r, line, fault);
	if (f[4].n > 0 && f[5].n == 0)
		return refuse_line(r, fault, 6, "is missing: field 5 names a paper");
	if (f[7].n > 0 && f[8].n == 0)
		return refuse_line(r, fault, 9, "is missing: field 8 names a bank");
	if (f[7].n > 0 && f[7].n != 12)
		return refuse_line(r, fault, 8, "is not a line number of 12 digits");
	return 0;
}

static int check_totals(struct bpf_reader *r, struct yt_fault *fault)
{
	const struct bpf_head *h = &r->head;

	if (r->n != h->n)
		return bank_refuse(fault, "line 1 field 9", "", "is another count than there are details");
	if (r->fen != h->fen)
		return bank_refuse(fault, "line 1 field 10", "", "is not the sum of the details");
	if (h->is_result && r->n_back == 0 && (r->n_ok != h->n_ok || r->ok_fen != h->ok_fen))
		return bank_refuse(fault, "line 1 field 11", "", "and 12 are not what is paid in the details");
	if (h->is_result && r->n_back == 0 && (r->n_failed != h->n_failed || r->failed_fen != h->failed_fen))
		return bank_refuse(fault, "line 1 field 13", "", "and 14 are not what failed in the details");
	return 0;
}

int bpf_next(struct bpf_reader *r, struct bpf_line *line, struct yt_fault *fault)
{
	struct yt_str octets;
	int rv;

	memset(line, 0, sizeof(*line));
	if (r->rest.n == 0) {
		rv = check_totals(r, fault);
		return rv != 0 ? rv : YT_ENOTFOUND;
	}
	rv = take_line(r, &octets, fault);
	if (rv == 0 && r->n == BPF_LINES_MAX)
		rv = refuse_line(r, fault, 0, "is the 50001st detail");
	if (rv == 0 && r->head.is_result)
		rv = take_fields(r, octets, result_forms, 11, line->field, fault);
	else if (rv == 0)
		rv = take_fields(r, octets, detail_forms, 12, line->field, fault);
	return rv == 0 ? check_detail(r, line, fault) : rv;
}

/* -- as a tree ------------------------------------------------------------------------------------ */

static int put(struct yt_arena *arena, struct yt_node *object, const char *name, struct yt_str text)
{
	return text.n == 0 || yt_node_add_text(arena, object, name, text) != NULL ? 0 : YT_ENOMEM;
}

static int put_row(struct yt_arena *arena, struct yt_node *rows, const struct bpf_head *h, const struct bpf_line *line)
{
	static const char *const of_detail[] = { NULL, NULL, "pay_no", "payee_name", "psn_cert_type", "certno",
		"payee_acct", "payee_bank_no", "payee_bank_name", NULL, "purpose", "memo" };
	struct yt_node *row = yt_node_add(arena, rows, (struct yt_str){ 0 }, YT_OBJECT);
	const struct yt_str *f = line->field;
	int rv = row == NULL || yt_node_add_fen(arena, row, "pay_amt", line->fen) == NULL ? YT_ENOMEM : 0;

	for (size_t i = 2; i < 12 && rv == 0 && !h->is_result; i++)
		if (of_detail[i] != NULL)
			rv = put(arena, row, of_detail[i], f[i]);
	if (rv != 0 || !h->is_result)
		return rv;
	rv = put(arena, row, "pay_no", f[2]);
	if (rv == 0)
		rv = put(arena, row, "payee_acct", f[3]);
	if (rv == 0)
		rv = bank_put_state(arena, row, f[5], f[6], f[7]);
	if (rv == 0)
		rv = put(arena, row, "bank_serial", f[8]);
	if (rv == 0)
		rv = put(arena, row, "acct_date", bank_day_in(arena, f[9]));
	return rv == 0 ? put(arena, row, "acct_time", f[10]) : rv;
}

static int put_number(struct yt_arena *arena, struct yt_node *object, const char *name, uint32_t n)
{
	return put(arena, object, name, yt_arena_printf(arena, "%u", n));
}

static int put_head(struct yt_arena *arena, struct yt_node *data, const struct bpf_head *h)
{
	int rv = put(arena, data, "batch_no", h->batch_no);

	if (rv == 0)
		rv = put(arena, data, "batch_date", bank_day_in(arena, h->day));
	if (rv == 0)
		rv = put(arena, data, "corp_no", h->corp_no);
	if (rv == 0)
		rv = put(arena, data, "pay_type", bank_type_of(h->business));
	if (rv == 0)
		rv = put(arena, data, "payer_acct", h->payer_acct);
	if (rv == 0)
		rv = put_number(arena, data, "pay_cnt", h->n);
	if (rv == 0 && yt_node_add_fen(arena, data, "pay_sumamt", h->fen) == NULL)
		rv = YT_ENOMEM;
	if (rv != 0 || !h->is_result)
		return rv;
	if (put_number(arena, data, "ok_cnt", h->n_ok) != 0 || put_number(arena, data, "fail_cnt", h->n_failed) != 0 ||
	        put_number(arena, data, "open_cnt", h->n_open) != 0 ||
	        yt_node_add_fen(arena, data, "ok_amt", h->ok_fen) == NULL ||
	        yt_node_add_fen(arena, data, "fail_amt", h->failed_fen) == NULL ||
	        yt_node_add_fen(arena, data, "open_amt", h->open_fen) == NULL)
		return YT_ENOMEM;
	return 0;
}

static int by_text(const void *a, const void *b)
{
	const struct yt_str *x = a, *y = b;
	size_t n = x->n < y->n ? x->n : y->n;
	int order = n > 0 ? memcmp(x->p, y->p, n) : 0;

	return order != 0 ? order : (x->n > y->n) - (x->n < y->n);
}

static int check_unique(struct yt_arena *arena, const struct yt_node *rows, struct yt_fault *fault)
{
	struct yt_str *numbers = yt_arena_alloc(arena, (rows->n + 1) * sizeof(numbers[0]));
	uint32_t n = 0;

	if (numbers == NULL)
		return YT_ENOMEM;
	for (const struct yt_node *row = rows->child; row != NULL; row = row->next)
		numbers[n++] = yt_node_text(row, "pay_no");
	qsort(numbers, n, sizeof(numbers[0]), by_text);
	for (uint32_t i = 1; i < n; i++)
		if (yt_str_eq(numbers[i - 1], numbers[i]))
			return bank_refuse(fault, "(file)", "", "has the same payout number twice");
	return 0;
}

int bpf_read_body(struct yt_arena *arena, struct yt_str octets, struct bpf_head *head, struct yt_node **body,
        struct yt_fault *fault)
{
	struct yt_node *data, *rows;
	struct bpf_reader r;
	struct bpf_line line;
	int rv = bpf_open(&r, arena, octets, fault);

	*head = r.head;
	if (rv != 0)
		return rv;
	*body = yt_node_new(arena, YT_OBJECT);
	data = *body != NULL ? yt_node_add(arena, *body, YT_STR("data"), YT_OBJECT) : NULL;
	rows = data != NULL ? yt_node_add(arena, *body, YT_STR("payout"), YT_ARRAY) : NULL;
	rv = rows == NULL ? YT_ENOMEM : put_head(arena, data, &r.head);
	while (rv == 0 && (rv = bpf_next(&r, &line, fault)) == 0)
		rv = put_row(arena, rows, &r.head, &line);
	if (rv != YT_ENOTFOUND)
		return rv;
	return check_unique(arena, rows, fault);
}
