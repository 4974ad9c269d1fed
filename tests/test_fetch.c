/* tests/test_fetch.c - entries of an account, asked for at its bank at times of the day (engine/fetch.c).
 *
 * The world is that of tests/flow_world.h: 2026-09-21, 22:13 in business time.  The account's times are 18:00 and
 * 06:00, in the order in which somebody wrote them; two days before count. */
#include "flow_world.h"

#include <stdio.h>
#include <stdlib.h>

static const struct engine_origin teller = { "bank", "bank", ENGINE_HOLD, 60000, "" };
static const struct engine_fetch fetches[] = { { &bank, &teller, "6001", { 1080, 360 }, 2, 2 } };

static const struct engine_flow payout = { "payout",
	{ { &bank, YT_OP_PAY_ORDER, NULL, false, NULL, NULL }, { &bank, YT_OP_PAY_QUERY, NULL, true, NULL, NULL } }, 2,
	2 };

#define PAYOUT_NO "IN20260921000000000007"
#define LINE "entry=" PAYOUT_NO " dc=D booked=BOOK sum=7.00 day=2026-09-21"

/* What the bank is asked and how it answers, one word each: DAY/PAGE and with : behind it
 *   a   that page, the last      m   that page, of two     l   nothing in time       r   refuses
 *   o   of another account       p   page 1 instead        X   everything is killed before it answers
 *   e   a line of our payment    s   a line of nobody's    n   one with a number of nobody's
 *     ?   what cannot be kept: its number is missing
 * . nothing is asked for an hour, +N after N hours, # everything is killed. */
static const struct fetch_case {
	const char *it, *script;
	unsigned told; /* statements in the journal */
	uint32_t strays;
	bool has_line;
} cases[] = {
	{ "is asked for each day before, then for today", "19/1:a 20/1:a 21/1:a .", 3, 0, false },
	{ "again at its times, for what is new", "19/1:a 20/1:a 21/1:a +8 21/1:a 22/1:a +12 22/1:a .", 4, 0, false },
	{ "is asked for page by page", "19/1:m 19/2:a 20/1:a 21/1:a .", 4, 0, false },
	{ "is asked for again when the answer is lost", "19/1:l 19/1:a 20/1:l 20/1:l 20/1:a 21/1:a .", 3, 0, false },
	{ "begins at the first page again", "19/1:m 19/2:l 19/1:m 19/2:a 20/1:a 21/1:a .", 4, 0, false },
	{ "is asked for again when it is refused", "19/1:r 19/1:a 20/1:a 21/1:a .", 3, 0, false },
	{ "must be the account's that was asked for", "19/1:o 19/1:a 20/1:a 21/1:a .", 3, 0, false },
	{ "must be the page that was asked for", "19/1:m 19/2:p 19/1:m 19/2:a 20/1:a 21/1:a .", 4, 0, false },
	{ "is asked for again when it cannot be kept", "19/1:? 19/1:a 20/1:a 21/1:a .", 3, 0, false },
	{ "is asked for again after a restart, and counts once", "19/1:a 20/1:a 21/1:a # 19/1:a 20/1:a 21/1:a .", 3, 0,
	        false },
	{ "is asked for after a restart that lost the answer", "19/1:X 19/1:a 20/1:a 21/1:a .", 3, 0, false },
	{ "is proof, as of any statement", "19/1:a 20/1:a 21/1:e .", 3, 0, true },
	{ "of nobody's is counted when its day is over", "19/1:s 20/1:a 21/1:a .", 3, 1, false },
	{ "of nobody's is not counted while its day goes on", "19/1:a 20/1:a 21/1:s .", 3, 0, false },
	{ "with a number of nobody's is counted when its day is over", "19/1:n 20/1:a 21/1:a .", 3, 1, false },
	{ "with a number of nobody's is not counted before", "19/1:a 20/1:a 21/1:n .", 3, 0, false },
	{ "of nobody's is counted once", "19/1:s # 19/1:s 20/1:a 21/1:a .", 3, 1, false },
};

static void day_of(const char *word, char day[11])
{
	snprintf(day, 11, "2026-09-%.2s", word);
}

static void asked_now(const char *word)
{
	char day[11], is[40], wanted[40];
	size_t n = strcspn(word, ":");

	for (int i = 0; w.leg == 0 && i < 200; i++)
		later(100);
	if (w.leg == 0)
		fail_msg("nothing is asked, wanted %s", word);
	assert_string_equal(w.sent_to, "bank");
	assert_true(fake_is(yt_str(w.sent), "FETCH"));
	fake_value(yt_str(w.sent), "till", day, sizeof(day));
	fake_value(yt_str(w.sent), "page", is, sizeof(is));
	snprintf(wanted, sizeof(wanted), "%.*s", (int)n, word);
	snprintf(is + strlen(is), sizeof(is) - strlen(is), " of %s", day);
	day_of(word, day);
	snprintf(wanted, sizeof(wanted), "%.*s of %s", (int)n - 3, word + 3, day);
	assert_string_equal(is, wanted);
	fake_value(yt_str(w.sent), "mark", is, sizeof(is));
	assert_string_equal(is, word[3] == '1' ? "" : "M");
	fake_value(yt_str(w.sent), "ofacct", is, sizeof(is));
	assert_string_equal(is, "6001");
	fake_value(yt_str(w.sent), "since", is, sizeof(is));
	assert_string_equal(is, day);
}

static void answer(const char *word)
{
	static char text[400];
	char day[11], how = word[strcspn(word, ":") + 1], page = word[3], line[200] = "";
	uint64_t leg = w.leg;

	day_of(word, day);
	w.leg = 0;
	if (how == 'e')
		snprintf(line, sizeof(line), " " LINE);
	else if (how == 's' || how == 'n')
		snprintf(line, sizeof(line), " entry=%s dc=D booked=BOOK sum=9.00 day=2026-09-19",
		        how == 's' ? "-" : "IN20260919000000000099");
	snprintf(text, sizeof(text),
	        "DONE %s num=%s-%c | ofacct=%s since=%s till=%s page=%c pages=%c mark=M over=%d%s .",
	        how == '?' ? "" : "inst=BANK", day, page, how == 'o' ? "6002" : "6001", day, day,
	        how == 'p' ? '1' : page, how == 'm' ? '2' : page, strcmp(day, "2026-09-21") < 0, line);
	if (how == 'r')
		snprintf(text, sizeof(text), "REFUSED no .");
	if (how == 'l')
		engine_leg(w.engine, leg, LEG_TIMED_OUT, 0, (struct yt_str){ 0 }, "timed out", false);
	else
		engine_leg(w.engine, leg, LEG_ANSWERED, 200, yt_str(text), NULL, false);
	memset(text, '#', sizeof(text) - 1); /* the lane goes on */
	pump();
}

static void play(const char *script)
{
	for (const char *p = script; *p != 0; p += strcspn(p, " "), p += *p == ' ') {
		if (*p == '#') {
			kill_all();
		} else if (*p == '+' || *p == '.') {
			for (int i = (*p == '+' ? atoi(p + 1) : 1) * 60; i > 0; i--) {
				later(60000);
				if (*p == '.' && w.leg != 0)
					fail_msg("%s is asked", w.sent);
			}
		} else {
			asked_now(p);
			if (p[strcspn(p, ":") + 1] == 'X')
				kill_all();
			else
				answer(p);
		}
	}
}

/* Exchanges of an operation, each once. */
static unsigned n_of(enum yt_operation op, uint32_t *strays, bool *has_line)
{
	unsigned n = 0;

	*strays = 0;
	*has_line = false;
	for (size_t i = 0; i < w.n_commits; i++) {
		struct yt_str rest = yt_buf_view(&w.commits[i]);
		struct rec rec;
		size_t used;

		for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used) {
			n += rec.type == REC_ACCEPTED && rec_get_u64(&rec, REC_T_OPERATION) == (uint64_t)op;
			*has_line = *has_line || (rec.type == REC_NOTICE && rec_get_u64(&rec, REC_T_JOINS) != 0 &&
			                                 rec_get(&rec, REC_T_BOOKED).n != 0);
			*strays += rec.type == REC_NOTICE ? (uint32_t)rec_get_u64(&rec, REC_T_STRAYS) : 0;
		}
	}
	return n;
}

static void test_fetches(void **state)
{
	uint32_t strays;
	bool has_line;

	(void)state;
	is_native = true;
	follows = &payout;
	for (size_t i = 0; i < COUNT(cases); i++) {
		teardown(NULL);
		conf.n_fetches = 0;
		setup(NULL);
		print_message("an account's page %s\n", cases[i].it);
		if (cases[i].has_line) {
			ask(1, "PAY inst=H1 num=" PAYOUT_NO " | pay=" PAYOUT_NO
			       " yuan=7.00 to=62220200000009 named=Wu psn=Wu");
			expect("bank:PAY", 'p');
			pump();
		}
		conf.fetches = fetches;
		conf.n_fetches = COUNT(fetches);
		kill_all();
		play(cases[i].script);
		assert_int_equal(n_of(YT_OP_STATEMENT_NOTICE, &strays, &has_line), cases[i].told);
		assert_int_equal(strays, cases[i].strays);
		assert_int_equal(has_line, cases[i].has_line);
	}
	conf.n_fetches = 0;
	follows = NULL;
	is_native = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(test_fetches, setup, teardown) };

	return flow_world_run(tests, COUNT(tests));
}
