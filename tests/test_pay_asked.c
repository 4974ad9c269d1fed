/* tests/test_pay_asked.c - an agency asks what became of one order of its own (pay.query): the truth as far as it is
 * known, over restarts and from the index, and of anybody else's number nothing.
 *
 * The world is that of tests/flow_world.h. */
#include "flow_world.h"

#include <stdio.h>

#define NO "IN2026092100000000001" /* and a digit */
#define LIST                                                                                                           \
	"LIST inst=H1 num=L1 | list=L1 all=14.00 named=Wu psn=Wu p1=" NO "4 y1=7.00 t1=62220200000009 p2=" NO          \
	"5 y2=7.00 t2=62220200000017"

static const struct engine_flow payout = { "payout",
	{ { &bank, YT_OP_PAY_ORDER, NULL, false, NULL, NULL }, { &bank, YT_OP_PAY_QUERY, NULL, true, NULL, NULL } }, 2,
	1 };
static const struct engine_flow unasked = { "unasked", { { &bank, YT_OP_PAY_ORDER, NULL, false, NULL, NULL } }, 1, 1 };

/* So that one of two leaves at a time: this world has one leg. */
static const struct engine_payer limited[] = { { "bank", "IN", NULL, "6001", "fund", "313332099026", "bank", "insurer",
	"claim", 500000, 1000, 0, "claims", false } };

static const struct engine_institution others = { "H2", "two", "330213", true, "YT", "gateway", 0, 0, "31" };
static const struct engine_institution *(*institution_of)(void *ctx, struct yt_str code);

static const struct engine_institution *one_of_two(void *ctx, struct yt_str code)
{
	return yt_str_is(code, "H2") ? &others : institution_of(ctx, code);
}

static void begin(const struct engine_flow *pays)
{
	institution_of = institution_of != NULL ? institution_of : conf.institution;
	conf.institution = one_of_two;
	teardown(NULL);
	setup(NULL);
	is_native = true;
	follows = pays;
}

static void end(void)
{
	follows = NULL;
	is_native = index_has_all = bank_takes_none = false;
	origin.party = "hub";
}

static void nothing_leaves(int64_t ms)
{
	for (int64_t i = 0; i < ms && w.leg == 0; i += 1000)
		later(1000);
	if (w.leg != 0)
		fail_msg("left: %s", w.sent);
}

static const char *asked(const char *institution, const char *pay_no)
{
	static uint64_t token = 500;
	char line[120];

	snprintf(line, sizeof(line), "ASKPAY inst=%s num=Q%u | pay=%s", institution, (unsigned)token, pay_no);
	ask(token++, line);
	return w.answer;
}

static void assert_told(const char *told, const char *words)
{
	char word[120];

	for (size_t n; *words != '\0'; words += n + (words[n] == ' ')) {
		n = strcspn(words, " ");
		snprintf(word, sizeof(word), "%.*s", (int)n, words);
		if (*word == '!' ? strstr(told, word + 1) != NULL : strstr(told, word) == NULL)
			fail_msg("%s: %s", word, told);
	}
}

static void decide(const char *result)
{
	assert_int_equal(keeper_decide(w.keeper, in_log_of("+/" NO "1").id, result, YT_STR("li"), YT_STR("seen")), 0);
	pump();
	later(1000);
}

/* Machines stop here. */
static void park(void)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_PARKED, 0, in_log_of("+/" NO "1").id, w.now);

	rec_str(&buf, REC_T_REASON, YT_STR("look at it"));
	rec_end(&buf, at);
	keeper_note(w.keeper, yt_buf_view(&buf));
	yt_buf_free(&buf);
	pump();
}

static void order(unsigned nth, const char *institution, const char *more)
{
	char line[240];

	snprintf(line, sizeof(line), "PAY inst=%s num=" NO "%u | pay=" NO "%u yuan=7.00 to=6222020000000%u named=Wu%s",
	        institution, nth, nth, nth, more);
	ask(nth, line);
}

/* o ordered, N its bank takes none, u its person not named, t too much, 2 ordered anew as the second; B it leaves, Q
 * its bank is asked, and what comes back; ~ left alone; P people hold it, X they refuse it, V they reverse it, D they
 * say that it is paid; R its bank tells that it came back; K machines park it, x people have just refused it. */
static void play(const char *script)
{
	for (const char *p = script; *p != '\0'; p++) {
		switch (*p) {
		case 'o':
			order(1, "H1", " psn=Wu");
			break;
		case 'u':
			order(1, "H1", "");
			nothing_leaves(5000);
			break;
		case 'N':
			bank_takes_none = true;
			nothing_leaves(5000);
			break;
		case 't':
			ask(1, "PAY inst=H1 num=" NO "1 | pay=" NO "1 yuan=5000.01 to=62220200000009 named=Wu psn=Wu");
			break;
		case '2':
			order(2, "H1", " psn=Wu askpay=" NO "1");
			break;
		case 'B':
		case 'Q':
			await_leg();
			assert_int_equal(strncmp(w.sent, *p == 'B' ? "PAY" : "ASKPAY", 3), 0);
			if (*++p != '-')
				reply(*p);
			break;
		case '~':
			nothing_leaves(20000);
			break;
		case 'R':
			origin.party = "bank";
			ask(900, "STATEMENT inst=BANK num=E1 | entry=" NO "1 dc=C booked=BOOK sum=7.00 day=2026-11-21");
			break;
		case 'K':
			park();
			break;
		case 'x':
			assert_int_equal(keeper_decide(w.keeper, in_log_of("+/" NO "1").id, "refused", YT_STR("li"),
			                         YT_STR("seen")),
			        0);
			commit();
			break;
		default:
			decide(*p == 'P' ? "park" : *p == 'X' ? "refused" : *p == 'V' ? "reversed" : "done");
		}
	}
}

/* Y6xx is the number of the words. */
static const struct told_case {
	const char *it; /* an order ... */
	const char *script, *told;
	const struct engine_flow *pays;
} told_cases[] = {
	{ "that has just been taken", "o", "pay_state=OPEN pay_amt=7.00 order_time=2026 !end_time", &payout },
	{ "that waits for its release", "u", "pay_state=OPEN stage=PEOPLE Y602 账户户名未与本人核对", &payout },
	{ "that its bank's format does not take any more", "oN", "pay_state=OPEN stage=PEOPLE Y602", &payout },
	{ "that people hold", "uP", "pay_state=OPEN stage=PEOPLE Y602", &payout },
	{ "that people have refused", "uX", "pay_state=FAILED decided=1 Y606 经人工核定 end_time=2026 !stage",
	        &payout },
	{ "that people have taken back", "uPV", "pay_state=CANCELLED decided=1 Y606", &payout },
	{ "that people have paid by hand", "uPD", "pay_state=PAID decided=1 Y605", &payout },
	{ "that was refused when it came", "t", "pay_state=FAILED Y606 下单时已被拒绝 !decided", &payout },
	{ "that is out", "oB-", "pay_state=OPEN stage=UNKNOWN Y604 !end_time", &payout },
	{ "whose answer was lost", "oBl", "pay_state=OPEN stage=UNKNOWN Y604", &payout },
	{ "that its bank does not know yet", "oBlQx", "pay_state=OPEN stage=UNKNOWN Y604", &payout },
	{ "that may have left, and is parked", "oBlK", "pay_state=OPEN stage=UNKNOWN Y604", &payout },
	{ "at which its bank works, and that is parked", "oBAQPK", "pay_state=OPEN stage=UNKNOWN Y604", &payout },
	{ "that surely did not leave", "oBn", "pay_state=OPEN stage=WAITING Y601", &payout },
	{ "that its bank has", "oBA", "pay_state=OPEN stage=SENT Y603", &payout },
	{ "at which its bank works", "oBAQP", "pay_state=OPEN stage=SENT Y603", &payout },
	{ "that is paid", "oBp~", "pay_state=PAID Y605 end_time=2026 !stage", &payout },
	{ "that is paid, as was found out", "oBlQp~", "pay_state=PAID Y605", &payout },
	{ "that failed", "oBAQF~", "pay_state=FAILED pay_advice=account Y606 收款账户不存在", &payout },
	{ "that its bank has refused", "oBr~", "pay_state=FAILED Y606", &payout },
	{ "that came back", "oBAQR~", "pay_state=RETURNED Y607 付款后被退回：银行未说明原因 !银行答复", &payout },
	{ "that was paid, and of which its bank says that it came back", "oBp~R",
	        "pay_state=OPEN stage=UNKNOWN Y604 !end_time !bank_code", &payout },
	{ "that came back after it had been paid", "oBp~RQR~", "pay_state=RETURNED Y607", &payout },
	{ "that was paid, and that people have just ended otherwise", "oBp~RKx", "pay_state=FAILED Y606 !PAID",
	        &payout },
	{ "that its bank has, and is not asked about", "oBA~", "pay_state=OPEN stage=SENT Y603", &unasked },
	{ "made anew for another", "oBAQF~2BAQp~", "pay_state=FAILED anew_pay_no=" NO "2 !orig_pay_no", &payout },
};

/* Of these words only how it stands. */
static const char *standing(const char *words)
{
	static char out[80];
	char word[120];

	out[0] = '\0';
	for (size_t n; *words != '\0'; words += n + (words[n] == ' ')) {
		n = strcspn(words, " ");
		snprintf(word, sizeof(word), "%.*s ", (int)n, words);
		if (strncmp(word, "pay_state=", 10) == 0 || strncmp(word, "stage=", 6) == 0)
			strcat(out, word);
	}
	return out;
}

/* Also when all was killed, when the index alone has it, and when the pieces that say more of it are gone. */
static void test_told(void **state)
{
	static const char *const hows[] = { "", ", after a restart", ", from the index", ", without facts" };

	for (size_t i = 0; i < COUNT(told_cases); i++) {
		for (unsigned how = 0; how < COUNT(hows); how++) {
			const struct told_case *c = &told_cases[i];

			print_message("an order %s%s\n", c->it, hows[how]);
			begin(c->pays);
			play(c->script);
			if (how == 1)
				kill_all();
			index_has_all = how == 2;
			if (how == 2)
				keeper_indexed(w.keeper, w.n_commits + 1);
			facts_are_erased = how == 3;
			assert_told(asked("H1", NO "1"), how == 3 ? standing(c->told) : c->told);
			facts_are_erased = false;
			end();
		}
	}
}

/* What is somebody else's is told as what never was, and so is what is no payout. */
static void test_unknown(void **state)
{
	static const struct {
		const char *institution, *number;
	} rows[] = { { "H1", NO "9" }, { "H2", NO "1" }, { "H1", NO "2" }, { "H1", "A1" }, { "H1", "list/L1" } };
	char never[sizeof(w.answer)];

	begin(&payout);
	order(1, "H1", " psn=Wu");
	play("BAQF~");
	order(2, "H2", " psn=Wu askpay=" NO "1"); /* another's that names ours */
	assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
	assert_told(asked("H2", NO "2"), "pay_state=OPEN orig_pay_no=" NO "1");
	play("Bp~");
	ask(3, LIST);
	assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (unsigned all = 0; all < 2; all++) {
			index_has_all = all != 0;
			asked(rows[i].institution, rows[i].number);
			assert_told(w.answer, "REFUSED Y408");
			if (i == 0)
				snprintf(never, sizeof(never), "%.*s", (int)strcspn(w.answer, "Y"), w.answer);
			assert_int_equal(strncmp(w.answer, never, strlen(never)), 0);
		}
	}
	assert_told(asked("H1", NO "1"), "pay_state=FAILED !anew_pay_no");
	assert_told(asked("H2", NO "2"), "orig_pay_no=" NO "1");
	end();
}

/* A payout of a list is told from when its list is released. */
static void test_of_list(void **state)
{
	const struct engine_payer *const payers = conf.payers;
	const uint32_t n_payers = conf.n_payers;
	unsigned n_waiting;

	conf.payers = limited;
	conf.n_payers = 1;
	begin(&payout);
	ask(1, LIST);
	nothing_leaves(5000);
	assert_told(asked("H1", NO "4"), "REFUSED Y408");
	assert_int_equal(
	        keeper_release(w.keeper, in_log_of("+/list/L1").id, YT_STR("li"), YT_STR("wang"), YT_STR("seen")), 0);
	pump();
	assert_told(asked("H1", NO "4"), "pay_state=OPEN pay_amt=7.00");
	await_leg();
	n_waiting = strstr(asked("H1", NO "4"), "stage=WAITING") != NULL;
	n_waiting += strstr(asked("H1", NO "5"), "stage=WAITING") != NULL;
	assert_int_equal(n_waiting, 1); /* the day's limit has room for one */
	play("BAQFBAQF~");
	assert_told(asked("H1", NO "4"), "pay_state=FAILED pay_advice=account Y606");
	assert_told(asked("H1", NO "5"), "pay_state=FAILED pay_advice=account Y606");
	conf.payers = payers;
	conf.n_payers = n_payers;
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "an order that is asked for", test_told, setup, teardown, NULL },
		{ "nobody else's", test_unknown, setup, teardown, NULL },
		{ "a payout of a list", test_of_list, setup, teardown, NULL },
	};

	return flow_world_run(tests, COUNT(tests));
}
