/* sandbox/bank_batch.c - lists of payouts as files, BPF/1.0: checked whole, taken line by line, answered by a file of
 * results (bank.md 6).  By BD2001 to BD2003 (bank_link.c) and by the folder (bank_serve.c). */
#include "bank.h"
#include "hub.h"
#include "text.h"

#include <iconv.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS_MAX 12

struct line {
	char pay_ref[36], account[36];
	int64_t fen;
	const char *code; /* E20409, E20410: of a number that was there before; NULL: the payout's own */
};

struct list { /* a batch and its lines */
	struct bank_batch batch;
	char head[200]; /* fields 1 to 10 as sent, with their separators */
	struct line *lines;
	size_t n_lines;
};

struct bank_batches {
	struct list **lists;
	size_t n;
};

/* A file being read: UTF-8, cut at LF and |. */
struct file {
	char *text, **lines;
	size_t n_lines;
	const char *code; /* NULL: fine so far */
	unsigned bad_line;
};

/* Always false. */
static bool refuse(struct file *f, const char *code, size_t line)
{
	f->code = code;
	f->bad_line = (unsigned)line;
	return false;
}

static char *to_utf8(const char *octets, size_t len)
{
	iconv_t convert = iconv_open("UTF-8", "GB18030");
	size_t room = 2 * len + 8;
	char *out = must(malloc(room)), *to = out, *from = (char *)(uintptr_t)octets;
	bool is_good = iconv(convert, &from, &len, &to, &room) != (size_t)-1;

	iconv_close(convert);
	*to = '\0';
	if (is_good)
		return out;
	free(out);
	return NULL;
}

static bool cut_lines(struct file *f, const char *octets, size_t len)
{
	char *p;

	if (len == 0 || len > BANK_FILE_MAX || octets[len - 1] != '\n' || memchr(octets, '\r', len) != NULL ||
	        memchr(octets, '\0', len) != NULL)
		return refuse(f, "E20503", 1);
	f->text = to_utf8(octets, len);
	if (f->text == NULL)
		return refuse(f, "E20503", 1);
	f->lines = must(calloc(BANK_LINES_MAX + 3, sizeof(char *)));
	for (p = f->text; *p != '\0';) {
		if (f->n_lines == BANK_LINES_MAX + 2 || *p == '\n')
			return refuse(f, "E20503", f->n_lines + 1);
		f->lines[f->n_lines++] = p;
		p += strcspn(p, "\n");
		*p++ = '\0';
	}
	return f->n_lines >= 3 || refuse(f, "E20503", f->n_lines);
}

/* Cuts a line into exactly n fields. */
static bool cut_fields(char *line, char *fields[FIELDS_MAX], size_t n)
{
	size_t i = 0;

	fields[i++] = line;
	for (; *line != '\0'; line++) {
		if (*line != '|')
			continue;
		*line = '\0';
		if (i == n)
			return false;
		fields[i++] = line + 1;
	}
	return i == n;
}

static bool check_digest(struct file *f, const char *octets, size_t len)
{
	const char *trailer = memrchr(octets, '\n', len - 1);
	char digest[65], *fields[FIELDS_MAX], *line = text_copy(f->lines[f->n_lines - 1]);
	bool is_right = false;

	if (trailer != NULL && cut_fields(line, fields, 4) && strcmp(fields[0], "T") == 0) {
		sm3_hex(octets, (size_t)(trailer - octets) + 1, digest);
		is_right = strcmp(digest, fields[3]) == 0;
	}
	free(line);
	return is_right || refuse(f, "E20501", f->n_lines);
}

/* Head and trailer against the name, the lines and each other. */
static bool check_head(
        struct file *f, struct list *list, const char *corp_no, char *head[FIELDS_MAX], char *trailer[FIELDS_MAX])
{
	char name[65];

	if (!cut_fields(f->lines[0], head, 10) || strcmp(head[0], "H") != 0 || strcmp(head[1], "1.0") != 0 ||
	        strcmp(head[2], corp_no) != 0 || strlen(head[3]) != 6 || strlen(head[4]) != 8 ||
	        strcmp(head[7], "CNY") != 0)
		return refuse(f, "E20503", 1);
	text_format(name, sizeof(name), "PAY_%s_%s_%s.txt", corp_no, head[4], head[3]);
	if (strcmp(name, list->batch.name) != 0)
		return refuse(f, "E20503", 1);
	if (!cut_fields(f->lines[f->n_lines - 1], trailer, 4) || strcmp(trailer[0], "T") != 0)
		return refuse(f, "E20503", f->n_lines);
	if (strtoul(head[8], NULL, 10) != f->n_lines - 2 || strcmp(trailer[1], head[8]) != 0 ||
	        strcmp(trailer[2], head[9]) != 0)
		return refuse(f, "E20502", 1);
	return true;
}

/* One detail; its fields stay cut in f->lines. */
static bool check_line(struct file *f, size_t i, json_t *refs, struct bank_order *o)
{
	char *d[FIELDS_MAX], number[8];

	text_format(number, sizeof(number), "%06zu", i);
	if (!cut_fields(f->lines[i], d, 12) || strcmp(d[0], "D") != 0 || strcmp(d[1], number) != 0)
		return refuse(f, "E20503", i + 1);
	if (*d[2] == '\0' || strlen(d[2]) > 30 || *d[3] == '\0' || *d[6] == '\0' || strlen(d[6]) > 35 ||
	        strlen(d[7]) > 12 || !bank_amount_read(d[9], &o->amount_fen) || json_object_get(refs, d[2]) != NULL)
		return refuse(f, "E20503", i + 1);
	json_object_set_new(refs, d[2], json_true());
	text_format(o->pay_ref, sizeof(o->pay_ref), "%s", d[2]);
	text_format(o->payee_name, sizeof(o->payee_name), "%s", d[3]);
	text_format(o->payee, sizeof(o->payee), "%s", d[6]);
	text_format(o->payee_bank, sizeof(o->payee_bank), "%s", d[7]);
	text_format(o->usage, sizeof(o->usage), "%s", d[10]);
	return true;
}

/* Every detail, before the first is taken. */
static struct bank_order *check_lines(struct file *f, const struct bank_order *pattern, const char *total)
{
	struct bank_order *orders = must(calloc(f->n_lines - 2, sizeof(*orders)));
	json_t *refs = must(json_object());
	int64_t sum = 0, wanted = -1;

	for (size_t i = 1; i + 1 < f->n_lines && f->code == NULL; i++) {
		orders[i - 1] = *pattern;
		if (check_line(f, i, refs, &orders[i - 1]))
			sum += orders[i - 1].amount_fen;
	}
	if (f->code == NULL && (fen_parse(total, &wanted) != 0 || wanted != sum))
		refuse(f, "E20502", 1);
	json_decref(refs);
	if (f->code == NULL)
		return orders;
	free(orders);
	return NULL;
}

static void take_lines(struct list *list, struct bank_book *book, const struct bank_order *orders, int64_t now_ms)
{
	list->lines = must(calloc(list->n_lines, sizeof(*list->lines)));
	for (size_t i = 0; i < list->n_lines; i++) {
		struct line *line = &list->lines[i];
		struct bank_verdict v;

		bank_order_take(book, &orders[i], now_ms, &v);
		text_format(line->pay_ref, sizeof(line->pay_ref), "%s", orders[i].pay_ref);
		text_format(line->account, sizeof(line->account), "%s", orders[i].payee);
		line->fen = orders[i].amount_fen;
		if (strcmp(v.code, "E20409") == 0 || strcmp(v.code, "E20410") == 0)
			line->code = v.code;
	}
}

/* The whole file; leaves list with its lines, or status 05 and code. */
static void take(
        struct list *list, struct bank_book *book, const char *corp_no, const char *octets, size_t len, int64_t now_ms)
{
	struct file f = { .text = NULL };
	struct bank_order *orders = NULL, o = {
		.ccy = "CNY", .checks_name = true, .is_batch_booked = true, .is_listed = true, .face = BANK_FILE
	};
	char *head[FIELDS_MAX], *trailer[FIELDS_MAX];
	const struct bank_account *payer;

	if (cut_lines(&f, octets, len) && check_digest(&f, octets, len)) {
		text_format(list->head, sizeof(list->head), "%s", f.lines[0]);
		if (check_head(&f, list, corp_no, head, trailer)) {
			payer = bank_account_find(book, head[6]);
			text_format(o.payer, sizeof(o.payer), "%s", head[6]);
			text_format(o.payer_name, sizeof(o.payer_name), "%s", payer == NULL ? "" : payer->name);
			text_format(o.block, sizeof(o.block), "%.31s", list->batch.name);
			orders = check_lines(&f, &o, head[9]);
		}
	}
	if (orders != NULL) {
		list->n_lines = f.n_lines - 2;
		take_lines(list, book, orders, now_ms);
	}
	text_format(list->batch.status, sizeof(list->batch.status), "%s", f.code == NULL ? "03" : "05");
	text_format(list->batch.code, sizeof(list->batch.code), "%s", f.code == NULL ? "000000" : f.code);
	list->batch.bad_line = f.bad_line;
	free(orders);
	free((void *)f.lines);
	free(f.text);
}

/* -- what became of the lines -- */

static struct list *list_of(const struct bank_batches *batches, const char *no, const char *date)
{
	for (size_t i = 0; i < batches->n; i++)
		if (strcmp(batches->lists[i]->batch.no, no) == 0 && strcmp(batches->lists[i]->batch.date, date) == 0)
			return batches->lists[i];
	return NULL;
}

/* PaySts of a line; code receives its PayRetCode.  A return comes after the results: the line stays paid. */
static const char *line_state(const struct bank_book *book, const struct line *line, const char **code)
{
	const struct bank_payout *p = bank_payout_find(book, line->pay_ref);

	*code = line->code != NULL ? line->code : p->code;
	if (line->code != NULL && strcmp(line->code, "E20410") == 0)
		return "05";
	return strcmp(p->state, "06") == 0 ? "04" : p->state;
}

/* 0 paid, 1 failed, 2 open. */
static int fate(const char *state)
{
	if (strcmp(state, "04") == 0)
		return 0;
	return strcmp(state, "05") == 0 || strcmp(state, "08") == 0 ? 1 : 2;
}

static void count(struct list *list, const struct bank_book *book)
{
	struct bank_batch *b = &list->batch;
	const char *code;

	memset(b->n, 0, sizeof(b->n));
	memset(b->fen, 0, sizeof(b->fen));
	for (size_t i = 0; i < list->n_lines; i++) {
		int k = fate(line_state(book, &list->lines[i], &code));

		b->n[k]++;
		b->fen[k] += list->lines[i].fen;
	}
	if (strcmp(b->status, "05") != 0)
		text_format(b->status, sizeof(b->status), "%s", b->n[2] == 0 ? "04" : "03");
}

const struct bank_batch *bank_batch_take(struct bank_batches *batches, struct bank_book *book, const char *corp_no,
        const char *name, const char *octets, size_t len, int64_t now_ms, const char **code)
{
	struct list *list = must(calloc(1, sizeof(*list))), *before;
	const char *tail = strlen(name) > 19 ? name + strlen(name) - 19 : ""; /* yyyyMMdd_NNNNNN.txt */

	sm3_hex(octets, len, list->batch.sm3);
	text_format(list->batch.name, sizeof(list->batch.name), "%s", name);
	text_format(list->batch.date, sizeof(list->batch.date), "%.8s", tail);
	text_format(list->batch.no, sizeof(list->batch.no), "%.6s", *tail == '\0' ? "" : tail + 9);
	before = list_of(batches, list->batch.no, list->batch.date);
	if (before != NULL) {
		*code = strcmp(before->batch.sm3, list->batch.sm3) == 0 ? "E20409" : "E20504";
		free(list);
		count(before, book);
		return &before->batch;
	}
	batches->lists = must(realloc(batches->lists, (batches->n + 1) * sizeof(struct list *)));
	batches->lists[batches->n++] = list;
	take(list, book, corp_no, octets, len, now_ms);
	count(list, book);
	*code = "000000";
	return &list->batch;
}

struct bank_batch *bank_batch_find(
        struct bank_batches *batches, const struct bank_book *book, const char *no, const char *date)
{
	struct list *list = list_of(batches, no, date);

	if (list == NULL)
		return NULL;
	count(list, book);
	return &list->batch;
}

struct bank_batch *bank_batch_at(const struct bank_batches *batches, size_t i)
{
	return i < batches->n ? &batches->lists[i]->batch : NULL;
}

/* -- result files -- */

void bank_batch_result_name(const struct bank_batch *batch, const char *corp_no, unsigned nn, char name[65])
{
	text_format(name, 65, "RES_%s_%s_%s_%02u.txt", corp_no, batch->date, batch->no, nn);
}

static void put_line(FILE *out, const struct bank_book *book, const struct line *line, size_t number)
{
	const struct bank_payout *p = bank_payout_find(book, line->pay_ref);
	const char *code, *state = line_state(book, line, &code);
	bool is_paid = strcmp(state, "04") == 0;
	char amount[24];

	fen_text(line->fen, amount);
	fprintf(out, "R|%06zu|%s|%s|%s|%s|%s|%s|%s|%s|%s\n", number, line->pay_ref, line->account, amount, state, code,
	        bank_code_text(code), is_paid ? p->serial : "", is_paid ? p->acct_date : "",
	        is_paid ? p->acct_time : "");
}

char *bank_batch_result(struct bank_batches *batches, const struct bank_book *book, const struct bank_batch *batch,
        const char *corp_no, size_t *len)
{
	struct list *list = list_of(batches, batch->no, batch->date);
	char *text, *octets, *out, digest[65], sums[3][24], total[24];
	size_t n;
	FILE *file;

	if (list == NULL || strcmp(batch->status, "05") == 0)
		return NULL;
	for (int i = 0; i < 3; i++)
		fen_text(batch->fen[i], sums[i]);
	fen_text(batch->fen[0] + batch->fen[1] + batch->fen[2], total);
	file = open_memstream(&text, &n);
	fprintf(file, "%s|%lld|%s|%lld|%s|%lld|%s\n", list->head, (long long)batch->n[0], sums[0],
	        (long long)batch->n[1], sums[1], (long long)batch->n[2], sums[2]);
	for (size_t i = 0; i < list->n_lines; i++)
		put_line(file, book, &list->lines[i], i + 1);
	fclose(file);
	octets = text_to_gb18030(text, &n);
	free(text);
	sm3_hex(octets, n, digest);
	file = open_memstream(&out, len);
	fwrite(octets, 1, n, file);
	fprintf(file, "T|%zu|%s|%s\n", list->n_lines, total, digest);
	fclose(file);
	free(octets);
	return out;
}

/* -- life -- */

json_t *bank_batches_json(const struct bank_batches *batches)
{
	json_t *rows = must(json_array());

	for (size_t i = 0; i < batches->n; i++) {
		const struct bank_batch *b = &batches->lists[i]->batch;

		json_array_append_new(
		        rows, json_pack("{s:s, s:s, s:s, s:i, s:I, s:I, s:I}", "file", b->name, "status", b->status,
		                      "code", b->code, "bad_line", (int)b->bad_line, "paid", (json_int_t)b->n[0],
		                      "failed", (json_int_t)b->n[1], "open", (json_int_t)b->n[2]));
	}
	return rows;
}

struct bank_batches *bank_batches_new(void)
{
	return must(calloc(1, sizeof(struct bank_batches)));
}

void bank_batches_free(struct bank_batches *batches)
{
	for (size_t i = 0; i < batches->n; i++) {
		free(batches->lists[i]->lines);
		free(batches->lists[i]);
	}
	free((void *)batches->lists);
	free(batches);
}
