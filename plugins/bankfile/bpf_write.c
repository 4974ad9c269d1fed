/* plugins/bankfile/bpf_write.c - batch files and result files, written (bank.md 6).
 *
 * No escaping exists: a text with a separator or a control character is refused before anything is written, and so is a
 * character that GB18030 does not have.  Lengths are octets; nothing is cut. */
#include <stdio.h>
#include <string.h>

#include "bpf.h"

struct writing {
	struct yt_buf *out;
	size_t from, line_from;
	struct yt_fault *fault;
	const char *path; /* of the payout being written */
};

/* -- fields --------------------------------------------------------------------------------------- */

static void separator(struct writing *w)
{
	if (w->out->n > w->line_from)
		yt_buf_byte(w->out, '|');
}

static void put_ascii(struct writing *w, struct yt_str text)
{
	separator(w);
	yt_buf_str(w->out, text);
}

static void put_fen(struct writing *w, int64_t fen)
{
	char text[24];

	yt_fen_print(fen, text);
	put_ascii(w, yt_str(text));
}

static void put_count(struct writing *w, uint32_t n)
{
	char text[12];

	snprintf(text, sizeof(text), "%u", n);
	put_ascii(w, yt_str(text));
}

static void end_line(struct writing *w)
{
	yt_buf_byte(w->out, '\n');
	w->line_from = w->out->n;
}

/* name: of the canonical member in faults. */
static int put_text(struct writing *w, const char *name, struct yt_str text, size_t most)
{
	struct yt_charset_error err = { 0 };
	size_t before;
	int rv;

	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '|' || (unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
			return bank_refuse(w->fault, w->path, name,
			        "has a | or a control character, which no batch file can carry");
	separator(w);
	before = w->out->n;
	rv = yt_utf8_to_gb18030(text, w->out, &err);
	if (rv == YT_EFORMAT) {
		bank_refuse(w->fault, w->path, name, "");
		snprintf(w->fault->why, sizeof(w->fault->why), "cannot be written in GB18030: U+%04X", err.code_point);
	} else if (rv == 0 && w->out->n - before > most) {
		bank_refuse(w->fault, w->path, name, "");
		snprintf(w->fault->why, sizeof(w->fault->why), "has %zu octets in GB18030, of at most %zu",
		        w->out->n - before, most);
		rv = YT_EFORMAT;
	}
	return rv;
}

static int put_digits(struct writing *w, const char *name, struct yt_str text, size_t most)
{
	if (!bank_is_digits(text, 0, most))
		return bank_refuse(w->fault, w->path, name, "must be digits, and not too many");
	put_ascii(w, text);
	return 0;
}

/* -- head and trailer ----------------------------------------------------------------------------- */

static void write_head(struct writing *w, const struct bpf_head *h)
{
	put_ascii(w, YT_STR("H"));
	put_ascii(w, YT_STR("1.0"));
	put_ascii(w, h->corp_no);
	put_ascii(w, h->batch_no);
	put_ascii(w, h->day);
	put_ascii(w, h->business);
	put_ascii(w, h->payer_acct);
	put_ascii(w, YT_STR("CNY"));
	put_count(w, h->n);
	put_fen(w, h->fen);
	if (h->is_result) {
		put_count(w, h->n_ok);
		put_fen(w, h->ok_fen);
		put_count(w, h->n_failed);
		put_fen(w, h->failed_fen);
		put_count(w, h->n_open);
		put_fen(w, h->open_fen);
	}
	end_line(w);
}

static int write_trailer(struct writing *w, const struct bpf_head *h)
{
	uint8_t digest[32];

	if (w->out->failed)
		return YT_ENOMEM;
	yt_sm3((struct yt_str){ (const char *)w->out->p + w->from, w->out->n - w->from }, digest);
	put_ascii(w, YT_STR("T"));
	put_count(w, h->n);
	put_fen(w, h->fen);
	separator(w);
	yt_hex_add(w->out, digest, sizeof(digest), false);
	end_line(w);
	return w->out->failed ? YT_ENOMEM : 0;
}

static int finish(struct writing *w, int rv)
{
	if (rv == 0 && w->out->failed)
		rv = YT_ENOMEM;
	if (rv == 0 && w->out->n - w->from > BPF_OCTETS_MAX) {
		bank_refuse(w->fault, "input.payout", "", "makes a file of more than 16 MiB: split the list");
		rv = YT_ELIMIT;
	}
	if (rv != 0 && w->out->n > w->from)
		w->out->n = w->from;
	return rv;
}

/* -- payouts -------------------------------------------------------------------------------------- */

static int write_detail(struct writing *w, const struct yt_payout *p, uint32_t n)
{
	bool has_paper = p->certno.n > 0 && yt_str_is(p->cert_type, "01");
	char number[8], remark[YT_PAYOUT_REMARK];
	int rv;

	snprintf(number, sizeof(number), "%06u", n);
	put_ascii(w, YT_STR("D"));
	put_ascii(w, yt_str(number));
	put_ascii(w, p->no);
	rv = put_text(w, "payee_name", p->payee_name, 70);
	/* Of papers the profile knows the identity card alone. */
	put_ascii(w, has_paper ? YT_STR("01") : YT_STR(""));
	put_ascii(w, has_paper ? p->certno : YT_STR(""));
	if (rv == 0)
		rv = put_digits(w, "payee_acct", p->payee_acct, 35);
	put_ascii(w, p->payee_bank_no);
	if (rv == 0 && p->payee_bank_no.n > 0 && p->payee_bank_name.n == 0)
		rv = bank_refuse(w->fault, w->path, "payee_bank_name", "is missing: payee_bank_no names another bank");
	if (rv == 0)
		rv = put_text(w, "payee_bank_name", p->payee_bank_name, 70);
	put_fen(w, p->amount_fen);
	if (rv == 0)
		rv = put_text(w, "purpose", p->purpose, 60);
	if (rv == 0)
		rv = put_text(w, "memo", yt_payout_remark(p, remark), 100);
	end_line(w);
	return rv;
}

static int check_same(struct bpf_head *h, const struct yt_payout *p, const char *path, struct yt_fault *fault)
{
	const char *business = bank_business_of(p->type);

	if (h->n == 0) {
		h->business = yt_str(business);
		h->payer_acct = p->payer_acct;
		if (!bank_is_digits(p->payer_acct, 1, 35))
			return bank_refuse(fault, path, "payer_acct", "must be digits");
	}
	if (business == NULL || !yt_str_is(h->business, business))
		return bank_refuse(
		        fault, path, "pay_type", "is another than that of the first payout: one file, one type");
	if (!yt_str_eq(h->payer_acct, p->payer_acct))
		return bank_refuse(
		        fault, path, "payer_acct", "is another than that of the first payout: one file, one account");
	return 0;
}

/* Details stand behind the head, whose count and total they make: they go into a buffer of their own first. */
static int write_details(struct bpf_head *h, const struct yt_node *body, int64_t limit_fen, struct yt_buf *details,
        struct yt_fault *fault)
{
	struct writing w = { .out = details, .fault = fault };
	const struct yt_node *row = NULL;
	struct yt_payout p;
	char path[64] = "";
	int rv = 0;

	while (rv == 0 && yt_payout_next(body, &row, path, sizeof(path))) {
		w.path = path;
		rv = yt_payout_read(body, row, path, &p, fault);
		if (rv == 0)
			rv = yt_payout_check(&p, path, limit_fen, NULL, fault);
		if (rv == 0)
			rv = check_same(h, &p, path, fault);
		if (rv == 0 && h->n == BPF_LINES_MAX) {
			bank_refuse(fault, "input.payout", "", "has more than 50000 payouts: split the list");
			rv = YT_ELIMIT;
		}
		if (rv != 0)
			break;
		h->n++;
		h->fen += p.amount_fen;
		rv = write_detail(&w, &p, h->n);
	}
	if (rv == 0 && h->n == 0)
		rv = bank_refuse(fault, "input.payout", "", "is missing");
	return rv;
}

/* What the list says of itself must be what it is. */
static int check_list(const struct yt_node *body, struct yt_fault *fault)
{
	char why[200];

	if (yt_money_check(YT_MONEY_PAYOUTS, body, why, sizeof(why)) == 0)
		return 0;
	return bank_refuse(fault, "input.data.pay_sumamt", "", why);
}

int bpf_write(struct bpf_head *head, const struct yt_node *body, int64_t limit_fen, struct yt_buf *out,
        struct yt_fault *fault)
{
	struct writing w = { .out = out, .from = out->n, .line_from = out->n, .fault = fault };
	struct yt_buf details = { 0 };
	int rv;

	head->n = 0;
	head->fen = 0;
	head->is_result = false;
	rv = write_details(head, body, limit_fen, &details, fault);
	if (rv == 0)
		rv = check_list(body, fault);
	if (rv == 0 && details.failed)
		rv = YT_ENOMEM;
	if (rv == 0) {
		write_head(&w, head);
		yt_buf_str(out, yt_buf_view(&details));
		w.line_from = out->n;
		rv = write_trailer(&w, head);
	}
	yt_buf_free(&details);
	return finish(&w, rv);
}

/* -- results -------------------------------------------------------------------------------------- */

static const struct yt_node *told_of(const struct yt_node *told, struct yt_str no)
{
	const struct yt_node *row = NULL;
	char path[64];

	while (yt_payout_next(told, &row, path, sizeof(path)))
		if (yt_str_eq(yt_node_text(row, "pay_no"), no))
			return row;
	return NULL;
}

static void count(struct bpf_head *h, enum yt_pay_state state, int64_t fen)
{
	h->n++;
	h->fen += fen;
	if (state == YT_PAY_PAID) {
		h->n_ok++;
		h->ok_fen += fen;
	} else if (state == YT_PAY_FAILED || state == YT_PAY_CANCELLED) {
		h->n_failed++;
		h->failed_fen += fen;
	} else {
		h->n_open++;
		h->open_fen += fen;
	}
}

/* As much of a text as fits, in whole characters. */
static void put_some(struct writing *w, struct yt_str text, size_t most)
{
	size_t from = w->out->n + 1, n = text.n;
	struct yt_fault ignored, *fault = w->fault;

	w->fault = &ignored;
	if (n > 200)
		n = 200;
	while (put_text(w, "", (struct yt_str){ text.p, n }, most) != 0 && n > 0) {
		w->out->n = from - 1;
		n--;
		while (n > 0 && ((unsigned char)text.p[n] & 0xc0) == 0x80)
			n--;
	}
	w->fault = fault;
}

static void write_result_line(struct writing *w, struct bpf_head *h, const struct yt_node *asked,
        const struct yt_node *row, enum yt_pay_state fallback, struct yt_str code, struct yt_str text)
{
	enum yt_pay_state state = yt_pay_state_of(yt_node_text(row, "pay_state"));
	struct yt_str own = yt_node_text(row, "bank_code");
	char number[8], day[9] = "";
	int64_t fen = 0;

	if (state == YT_PAY_STATES)
		state = fallback;
	else
		text = yt_node_text(row, "bank_text");
	if (bank_code(own) != NULL)
		code = own;
	else if (state != YT_PAY_FAILED)
		code = YT_STR("000000");
	(void)yt_node_fen(asked, "pay_amt", &fen);
	count(h, state, fen);
	snprintf(number, sizeof(number), "%06u", h->n);
	put_ascii(w, YT_STR("R"));
	put_ascii(w, yt_str(number));
	put_ascii(w, yt_node_text(asked, "pay_no"));
	put_ascii(w, yt_node_text(asked, "payee_acct"));
	put_fen(w, fen);
	put_ascii(w, yt_str(bank_sts(state)));
	put_ascii(w, code);
	put_some(w, text, 200);
	put_ascii(w, yt_node_text(row, "bank_serial"));
	if (yt_node_text(row, "acct_date").n == 10)
		snprintf(day, sizeof(day), "%.4s%.2s%.2s", yt_node_text(row, "acct_date").p,
		        yt_node_text(row, "acct_date").p + 5, yt_node_text(row, "acct_date").p + 8);
	put_ascii(w, yt_str(day));
	put_ascii(w, yt_node_text(row, "acct_time"));
	end_line(w);
}

int bpf_write_result(const struct bpf_head *head, const struct yt_node *body, const struct yt_node *told,
        enum yt_pay_state fallback, struct yt_str code, struct yt_str text, struct yt_buf *out)
{
	struct yt_fault ignored;
	struct yt_buf details = { 0 };
	struct writing w = { .out = &details, .fault = &ignored, .path = "" };
	struct bpf_head h = *head;
	const struct yt_node *asked = NULL;
	char path[64];
	int rv;

	h.is_result = true;
	h.n = h.n_ok = h.n_failed = h.n_open = 0;
	h.fen = h.ok_fen = h.failed_fen = h.open_fen = 0;
	while (body != NULL && yt_payout_next(body, &asked, path, sizeof(path)))
		if (yt_node_text(asked, "pay_no").n > 0)
			write_result_line(
			        &w, &h, asked, told_of(told, yt_node_text(asked, "pay_no")), fallback, code, text);
	w = (struct writing){ .out = out, .from = out->n, .line_from = out->n, .fault = &ignored };
	write_head(&w, &h);
	yt_buf_str(out, yt_buf_view(&details));
	w.line_from = out->n;
	rv = details.failed ? YT_ENOMEM : write_trailer(&w, &h);
	yt_buf_free(&details);
	return finish(&w, rv);
}
