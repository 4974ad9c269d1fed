/* core/ctl/mask.c - message bodies for people who need not know whom they are about (promise P9).
 *
 * An allow list: a member is shown because it is known to be harmless and its value has the form of such
 * a value; whatever nobody thought of stays hidden. */
#include "ctl/ctl.h"

#include <string.h>

#include "engine/texts.h"

#define DEPTH_MAX 32

static const char *const harmless[] = {
	/* envelope */
	"infno",
	"msgid",
	"infcode",
	"inf_refmsgid",
	"refmsg_time",
	"respond_time",
	"inf_time",
	"mdtrtarea_admvs",
	"mdtrtarea_admdvs",
	"insuplc_admdvs",
	"fixmedins_code",
	"recer_sys_code",
	"infver",
	"opter_type",
	"signtype",
	/* what an exchange is about */
	"mdtrt_id",
	"setl_id",
	"chrg_bchno",
	"feedetl_sn",
	"omsgid",
	"oinfno",
	"rxno",
	/* kinds and dates */
	"med_type",
	"insutype",
	"psn_type",
	"clr_type",
	"clr_way",
	"clr_optins",
	"psn_setlway",
	"mid_setl_flag",
	"acct_used_flag",
	"setl_time",
	"setl_type",
	"begntime",
	"endtime",
	"fee_ocur_time",
	"mdtrt_cert_type",
	"psn_cert_type",
	"dscg_way",
	"pay_loc",
	"medinsutype",
	"fund_pay_type",
	"refd_setl_flag",
	"year",
	/* quantities and money that amount_ends do not catch */
	"cnt",
	"pric",
	"acct_pay",
	"balc",
	"inscp_scp_amt",
	"psn_part_amt",
	"hosp_part_amt",
	"dedc_std",
	"crt_dedc",
	"act_pay_dedc",
	"pool_prop_selfpay",
	/* claims and payments: numbers of theirs, states, days */
	"claim_no",
	"claim_state",
	"refuse_code",
	"pay_by",
	"pay_to",
	"expect_pay_date",
	"pay_time",
	"pay_no",
	"pay_type",
	"pay_date",
	"batch_no",
	"pay_state",
	"bank_status",
	"bank_code",
	"pay_advice",
	"bank_serial",
	"acct_date",
	"return_code",
	"return_date",
	"uetr",
};

static const char *const amount_ends[] = { "_amt", "_sumamt", "_pay", "_selfpay", "_payamt", "_sumfee", "_appy_sum",
	"_pric" };

/* How names of institutions end: people's names do not. */
static const char *const institution_ends[] = { "医院", "中心", "诊所", "门诊部", "卫生院", "卫生室", "卫生站", "药店",
	"药房", "大药房", "服务站", "公司" };

static bool ends_with(struct yt_str s, const char *end)
{
	size_t n = strlen(end);

	return s.n > n && memcmp(s.p + s.n - n, end, n) == 0;
}

static bool is_amount(struct yt_str value)
{
	for (size_t i = 0; i < value.n; i++)
		if (!((value.p[i] >= '0' && value.p[i] <= '9') || value.p[i] == '.' || (value.p[i] == '-' && i == 0)))
			return false;
	return value.n <= 20;
}

/* Codes, numbers and dates: short ASCII without blanks but the one between date and time. */
static bool is_code(struct yt_str value)
{
	size_t blanks = 0;

	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		blanks += c == ' ';
		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		            strchr(" .:_-", c) != NULL) ||
		        c == '\0')
			return false;
	}
	return value.n <= 40 && blanks <= 1;
}

static bool ends_with_one(struct yt_str s, const char *const *ends, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ends_with(s, ends[i]))
			return true;
	return false;
}

static bool has_digit(struct yt_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= '0' && s.p[i] <= '9')
			return true;
	return false;
}

static bool take_off_start(struct yt_str *s, const char *start, size_t n)
{
	if (s->n < n || memcmp(s->p, start, n) != 0)
		return false;
	s->p += n;
	s->n -= n;
	return true;
}

/* （Y103 7B3348LZ） at the end of text, which is cut off. */
static bool take_off_trace(struct yt_str *text, int *id)
{
	const size_t n = strlen("（Y103 7B3348LZ）");
	struct yt_str mark;
	char trace[9];

	if (text->n < n)
		return false;
	mark = (struct yt_str){ text->p + text->n - n, n };
	if (!ends_with(mark, "）") || !take_off_start(&mark, "（", strlen("（")))
		return false;
	mark.n -= strlen("）");
	*id = 0;
	for (size_t i = 1; i < 4; i++) {
		if (mark.p[i] < '0' || mark.p[i] > '9')
			return false;
		*id = *id * 10 + mark.p[i] - '0';
	}
	text->n -= n;
	return mark.p[0] == 'Y' && ctl_parse_trace(mark, trace);
}

/* A text of our catalogue, with its number and a trace: nobody else's words.  What stands for %s in it is the path
 * of a field or a sum, and is in clear fields of the journal too. */
static bool is_our_text(struct yt_str value)
{
	const char *zh, *en;
	enum text_id id;
	int told;

	if (!take_off_trace(&value, &told))
		return false;
	for (size_t i = 0; text_at(i, &id, &zh, &en); i++) {
		const char *gap = strstr(zh, "%s");

		if ((int)id != told)
			continue;
		return gap == NULL ? yt_str_is(value, zh) : take_off_start(&value, zh, (size_t)(gap - zh));
	}
	return false;
}

bool ctl_is_harmless(struct yt_str name, struct yt_str value)
{
	const size_t n_amounts = sizeof(amount_ends) / sizeof(amount_ends[0]);
	const size_t n_institutions = sizeof(institution_ends) / sizeof(institution_ends[0]);

	if (ends_with_one(name, amount_ends, n_amounts) && is_amount(value))
		return true;
	if (yt_str_is(name, "err_msg") || yt_str_is(name, "warn_msg"))
		return is_our_text(value);
	if (yt_str_is(name, "fixmedins_name"))
		return ends_with_one(value, institution_ends, n_institutions) && !has_digit(value) && value.n <= 200;
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (yt_str_is(name, harmless[i]))
			return is_code(value);
	return false;
}

static size_t characters(struct yt_str text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += ((unsigned char)text.p[i] & 0xc0) != 0x80;
	return n;
}

static void add_value(struct yt_buf *out, const struct yt_node *node, struct yt_str name, bool is_raw)
{
	bool is_shown = is_raw || node->kind == YT_NULL || node->text.n == 0 || ctl_is_harmless(name, node->text);

	if (node->kind == YT_NULL)
		yt_buf_text(out, "null");
	else if (!is_shown)
		yt_buf_printf(out, "「***(%zu)」", characters(node->text));
	else if (node->kind == YT_TEXT)
		yt_json_write_string(node->text, out);
	else
		ctl_clean(out, node->text);
}

static void add_node(struct yt_buf *out, const struct yt_node *node, struct yt_str name, unsigned depth, bool is_raw)
{
	bool is_object = node->kind == YT_OBJECT;

	if (!is_object && node->kind != YT_ARRAY) {
		add_value(out, node, name, is_raw);
		return;
	}
	if (node->child == NULL) {
		yt_buf_text(out, is_object ? "{}" : "[]");
		return;
	}
	yt_buf_text(out, is_object ? "{\n" : "[\n");
	for (const struct yt_node *m = node->child; m != NULL; m = m->next) {
		yt_buf_printf(out, "%*s", (int)(2 * depth + 6), "");
		if (is_object) {
			yt_json_write_string(m->name, out);
			yt_buf_text(out, ": ");
		}
		/* Members of an array are judged by the array's name. */
		add_node(out, m, is_object ? m->name : name, depth + 1, is_raw);
		yt_buf_text(out, m->next == NULL ? "\n" : ",\n");
	}
	yt_buf_printf(out, "%*s%s", (int)(2 * depth + 4), "", is_object ? "}" : "]");
}

void ctl_body(struct yt_buf *out, struct yt_str octets, bool is_raw)
{
	const struct yt_json_limits limits = { .depth = DEPTH_MAX, .nodes = 0 };
	struct yt_arena *arena = yt_arena_new(64 << 20);
	struct yt_node *root = NULL;

	if (arena != NULL && yt_json_read(arena, octets, &limits, &root, NULL) == 0)
		add_node(out, root, (struct yt_str){ "", 0 }, 0, is_raw);
	else if (is_raw)
		ctl_clean(out, octets);
	else
		yt_buf_printf(out, _("「***(%zu bytes that are not JSON)」"), octets.n);
	yt_arena_free(arena);
}
