/* tests/test_day_list.c - an insurer's list of a day: asked for (engine/fetch.c), kept (engine/day_list.c, notice.c),
 * and each row held against the claim that it speaks of (journal/keeper_list.c).
 *
 * The world is that of tests/flow_world.h: 2026-09-21, 22:13 in business time.  The list is asked for at 22:30, at
 * 06:00 and at the start; two days count. */
#include "flow_world.h"

#include <stdio.h>
#include <stdlib.h>

static const struct engine_origin teller = { "hub", "hub", ENGINE_HOLD, 60000, "" };
static const struct engine_fetch fetches[] = { { &hub, &teller, NULL, { 1350, 360 }, 2, 2 } };

static const struct engine_flow claim = { "claim",
	{ { &hub, YT_OP_CLAIM_SUBMIT, NULL, false, NULL, NULL }, { &hub, YT_OP_CLAIM_QUERY, NULL, true, NULL, NULL } },
	2, 2 };

#define NEVER "S d R d Q w "
#define BY_INSURER "S d R d Q K "
#define OF_EVENTS "S d R d Q w !1a Q w "
#define WITHDRAWN "S d R d Q w C d W d "
#define ASKED_BACK BY_INSURER "C d W L "
#define PAID_ANEW "S d R d Q D P R T d @ a P p T d "
#define UNDER_WAY "S d R d Q D P A "
#define BY_US "S d R d Q D P p T d "
#define REJECTED "S d R d Q j "
#define LEFT_TO_US "S d R d Q D "
#define OF_NOTHING "S d R d Q Z "

/* What became of the claim first: legs, each with its answer (flow_world.h reply()).  Then what is asked for, and said:
 * DAY/PAGE and behind it m, there is another page; l, nothing comes in time; o, of another day; t, m: of two claims; :
 * and the rows of claims.  # everything is killed, + eight hours, !NS an event as in tell(), = a leg of the claim, and
 * its answer,
 * - nothing is asked for a while. */
static const struct list_case {
	const char *it, *script, *lists;
	enum exchange_state end;
	bool has_line;
	unsigned told, brought; /* notices; rows written down with the claim */
	uint32_t strays;
	const char *next; /* what leaves then, and with : what is answered */
	const char *log;
} cases[] = {
	{ "paid by its insurer, and listed so", BY_INSURER, "19/1: 20/1:A1/PAID/12.34", X_DONE, true, 2, 1, 0,
	        "nothing", NULL },
	{ "the list says who paid, too", BY_INSURER, "19/1: 20/1:A1/PAID/12.34/INSURER/X1", X_DONE, true, 2, 1, 0,
	        "nothing", NULL },
	{ "listed as decided only: no proof", BY_INSURER, "19/1: 20/1:A1/ADJUDICATED/12.34", X_DONE, false, 2, 1, 0,
	        "nothing", NULL },
	{ "an earlier state is none of its end", BY_INSURER, "19/1:A1/RECEIVED/0.00 20/1:A1/PAID/12.34", X_DONE, true,
	        2, 2, 0, "nothing", NULL },
	{ "paid, and listed with another sum", BY_INSURER, "19/1: 20/1:A1/PAID/12.33", X_PARKED, true, 2, 1, 0,
	        "nothing", "another sum" },
	{ "paid, and decided otherwise", BY_INSURER, "19/1: 20/1:A1/ADJUDICATED/5.00", X_PARKED, false, 2, 1, 0,
	        "nothing", "another sum" },
	{ "paid, and listed as rejected", BY_INSURER, "19/1: 20/1:A1/REJECTED", X_PARKED, false, 2, 1, 0, "nothing",
	        "another state" },
	{ "paid, and it came back", BY_INSURER, "19/1: 20/1:A1/RETURNED/12.34", X_PARKED, false, 2, 1, 0, "nothing",
	        "another state" },
	{ "paid by its insurer, and listed as ours to pay", BY_INSURER, "19/1: 20/1:A1/PAID/12.34/GATEWAY", X_PARKED,
	        true, 2, 1, 0, "nothing", "another has paid" },
	{ "paid by us, and listed so: its bank's statement is the proof", BY_US,
	        "19/1: 20/1:A1/PAID/12.34/GATEWAY/BK77", X_DONE, false, 2, 1, 0, "nothing", NULL },
	{ "paid by us, and by its insurer as well", BY_US, "19/1: 20/1:A1/PAID/12.34/INSURER", X_PARKED, false, 2, 1, 0,
	        "nothing", "another has paid" },
	{ "paid by us, and the day after by its insurer as well", BY_US,
	        "19/1:A1/PAID/12.34/GATEWAY/BK77 20/1:A1/PAID/12.34/INSURER", X_PARKED, false, 2, 2, 0, "nothing",
	        "another has paid" },
	{ "paid by us, and by its insurer as well, which is told with others once more", BY_US,
	        "19/1: 20/1:A1/PAID/12.34/INSURER # 19/1: 20/1:A1/PAID/12.34/INSURER,A7/PAID/1.00", X_PARKED, false, 3,
	        1, 1, "nothing", "another has paid" },
	{ "paid by us, and by another payment", BY_US, "19/1: 20/1:A1/PAID/12.34//X9", X_PARKED, false, 2, 1, 0,
	        "nothing", "another has paid" },
	{ "paid by us, and listed as rejected", BY_US, "19/1: 20/1:A1/REJECTED", X_PARKED, false, 2, 1, 0, "nothing",
	        "another state" },
	{ "paid by us, and its insurer says that it came back, which no bank did", BY_US,
	        "19/1: 20/1:A1/RETURNED/12.34", X_PARKED, false, 2, 1, 0, "nothing", "another state" },
	{ "paid by us anew, and listed as it came back before", PAID_ANEW, "19/1: 20/1:A1/RETURNED/12.34//BK66", X_DONE,
	        false, 2, 1, 0, "nothing", NULL },
	{ "paid by us, and listed with another sum", BY_US, "19/1: 20/1:A1/PAID/99.99", X_PARKED, false, 2, 1, 0,
	        "nothing", "another sum" },
	{ "rejected, and listed so", REJECTED, "19/1: 20/1:A1/REJECTED", X_REFUSED, false, 2, 1, 0, "nothing", NULL },
	{ "rejected, and paid all the same", REJECTED, "19/1: 20/1:A1/PAID/12.34", X_PARKED, true, 2, 1, 0, "nothing",
	        "another state" },
	{ "left to us, by a flow that orders no payment: people's before any list", LEFT_TO_US, "19/1: 20/1:", X_PARKED,
	        false, 2, 0, 0, "nothing", NULL },
	{ "of nothing to be paid, and listed so", OF_NOTHING, "19/1: 20/1:A1/ADJUDICATED/0.00/INSURER", X_DONE, false,
	        2, 1, 0, "nothing", NULL },
	{ "of nothing to be paid, and paid all the same", OF_NOTHING, "19/1: 20/1:A1/PAID/12.34", X_PARKED, true, 2, 1,
	        0, "nothing", "another sum" },
	{ "of one that waits: it is asked for at once", NEVER, "19/1: 20/1:A1/PAID/12.34", X_UNKNOWN, true, 2, 1, 0,
	        "hub:ASKCLAIM", NULL },
	{ "of one that waits, and it ends so", NEVER, "19/1: 20/1:A1/PAID/12.34", X_DONE, true, 2, 1, 0,
	        "hub:ASKCLAIM:K", NULL },
	{ "of one that waits, and it ends with another sum", NEVER, "19/1: 20/1:A1/PAID/12.33", X_PARKED, true, 2, 1, 0,
	        "hub:ASKCLAIM:K", "its party says otherwise now" },
	{ "of one that waits, and it ends rejected", NEVER, "19/1: 20/1:A1/PAID/12.34", X_PARKED, true, 2, 1, 0,
	        "hub:ASKCLAIM:j", "its party says otherwise now" },
	{ "of one that waits, listed as paid, and it is withdrawn", NEVER, "19/1: 20/1:A1/PAID/12.34 =Qw =Cd =Wd",
	        X_PARKED, true, 2, 1, 0, "nothing", "its party says otherwise now" },
	{ "of one that waits, listed as paid nothing, and it ends rejected", NEVER, "19/1: 20/1:A1/PAID/0.00",
	        X_REFUSED, true, 2, 1, 0, "hub:ASKCLAIM:j", NULL },
	{ "of one that waits, and events of before come after its end", OF_EVENTS,
	        "19/1: 20/1:A1/PAID/12.34 =QK !2d !3p", X_DONE, true, 2, 4, 0, "nothing", NULL },
	{ "being paid by us, and by its insurer as well", UNDER_WAY, "19/1: 20/1:A1/PAID/12.34/INSURER =Ap =Td",
	        X_PARKED, false, 2, 1, 0, "nothing", "another has paid" },
	{ "being paid by us, and listed so", UNDER_WAY, "19/1: 20/1:A1/PAID/12.34/GATEWAY =Ap =Td", X_DONE, false, 2, 1,
	        0, "nothing", NULL },
	{ "paid by us anew, and listed with the payment that came back", PAID_ANEW, "19/1: 20/1:A1/PAID/12.34//BK66",
	        X_DONE, false, 2, 1, 0, "nothing", NULL },
	{ "withdrawn, and listed so", WITHDRAWN, "19/1: 20/1:A1/REJECTED", X_REVERSED, false, 2, 1, 0, "nothing",
	        NULL },
	{ "withdrawn, and decided the day before", WITHDRAWN, "19/1: 20/1:A1/ADJUDICATED/12.34", X_REVERSED, false, 2,
	        1, 0, "nothing", NULL },
	{ "withdrawn, and paid all the same", WITHDRAWN, "19/1: 20/1:A1/PAID/12.34", X_PARKED, true, 2, 1, 0, "nothing",
	        "another state" },
	{ "asked back, whatever is listed", ASKED_BACK, "19/1:A1/PAID/12.34 20/1:A1/REJECTED", X_DONE, true, 2, 2, 0,
	        "nothing", NULL },
	{ "of nobody's: counted", BY_INSURER, "19/1: 20/1:A1/PAID/12.34,A7/PAID/1.00", X_DONE, true, 2, 1, 1, "nothing",
	        NULL },
	{ "page by page", BY_INSURER, "19/1: 20/1m:A7/PAID/1.00 20/2:A1/PAID/12.34", X_DONE, true, 3, 1, 1, "nothing",
	        NULL },
	{ "a lost answer is asked for again", BY_INSURER, "19/1: 20/1l: 20/1:A1/PAID/12.34", X_DONE, true, 2, 1, 0,
	        "nothing", NULL },
	{ "another day's is asked for again", BY_INSURER, "19/1: 20/1o:A1/REJECTED 20/1:A1/PAID/12.34", X_DONE, true, 2,
	        1, 0, "nothing", NULL },
	{ "a day that cannot be read does not hold up the next", BY_INSURER,
	        "19/1o: 20/1:A1/PAID/12.34 19/1o: 20/1:A1/PAID/12.34 19/1: 20/1:A1/PAID/12.34", X_DONE, true, 2, 1, 0,
	        "nothing", NULL },
	{ "nor does one whose answer never comes, as it may be too large", BY_INSURER,
	        "19/1l: 20/1:A1/PAID/12.34 19/1l: 20/1:A1/PAID/12.34 19/1:", X_DONE, true, 2, 1, 0, "hub:CLAIMS",
	        NULL },
	{ "pauses grow, however many of its pages are told", BY_INSURER,
	        "19/1: 20/1m: 20/2l: 20/1m: 20/2l: - 20/1m: 20/2:A1/PAID/12.34", X_DONE, true, 3, 1, 0, "nothing",
	        NULL },
	{ "of fewer claims than it says: asked for again", BY_INSURER,
	        "19/1: 20/1t:A7/PAID/1.00 20/1t:A7/PAID/1.00,A1/PAID/12.34", X_DONE, true, 3, 1, 2, "nothing", NULL },
	{ "of as many claims as it says on all its pages", BY_INSURER,
	        "19/1: 20/1m:A7/PAID/1.00 20/2t:A1/PAID/12.34 + 19/1:", X_DONE, true, 3, 1, 1, "hub:CLAIMS", NULL },
	{ "of a day with fewer claims than it says: the next is had first", BY_INSURER,
	        "19/1t:A8/PAID/1.00 20/1m:A7/PAID/1.00 20/2t:A1/PAID/12.34 19/1t:A8/PAID/1.00,A9/PAID/1.00", X_DONE,
	        true, 4, 1, 4, "hub:CLAIMS", NULL },
	{ "told again it counts once", BY_INSURER,
	        "19/1: 20/1:A1/PAID/12.34,A7/PAID/1.00 # 19/1: "
	        "20/1:A1/PAID/12.34,A7/PAID/1.00",
	        X_DONE, true, 2, 1, 1, "nothing", NULL },
	{ "of a page that says more, a row that says the same is no news", BY_INSURER,
	        "19/1: 20/1:A1/PAID/12.34 # 19/1: 20/1:A1/PAID/12.34,A7/PAID/1.00", X_DONE, true, 3, 1, 1, "nothing",
	        NULL },
	{ "of an earlier day than what was told last: no news", BY_INSURER,
	        "19/1: 20/1:A1/PAID/12.34 # 19/1:A1/REJECTED 20/1:A1/PAID/12.34", X_DONE, true, 3, 1, 0, "nothing",
	        NULL },
	{ "days that are over are asked for again at its time", BY_INSURER, "19/1: 20/1: + 19/1: 20/1:A1/PAID/12.34",
	        X_DONE, true, 3, 1, 0, "nothing", NULL },
};

static void wait_for_leg(int64_t ms, const char *head)
{
	char got[64];

	for (int64_t end = w.now + ms; w.leg == 0 && w.now < end;)
		later(100);
	snprintf(got, sizeof(got), "%s:%.*s", w.sent_to, (int)strcspn(w.sent, " "), w.sent);
	assert_string_equal(w.leg == 0 ? "nothing" : got, head);
}

/* !NS: the insurer tells, as the Nth of this claim, that it is S: accepted, decided or paid. */
static void tell(const char *word)
{
	char line[80];

	snprintf(line, sizeof(line), "TOLD inst=HUB num=E%c | setl=A1 seq=%c told=%s", word[1], word[1],
	        word[2] == 'a'   ? "ACCEPTED"
	        : word[2] == 'd' ? "ADJUDICATED"
	                         : "PAID");
	ask(50 + (uint64_t)(word[1] - '0'), line);
}

static const char *const heads[] = { ['S'] = "platform:SETTLE",
	['R'] = "hub:CLAIM",
	['Q'] = "hub:ASKCLAIM",
	['P'] = "bank:PAY",
	['A'] = "bank:ASKPAY",
	['T'] = "hub:TELLPAID",
	['C'] = "platform:CANCEL",
	['W'] = "hub:WITHDRAW" };

static void leg(char which, char how)
{
	if (which == 'C')
		ask(4, "CANCEL inst=H1 num=H1-2 | setl=A1");
	wait_for_leg(60000, heads[(unsigned char)which]);
	reply(how);
}

static void play(const char *script)
{
	ask(1, "ACCOUNT inst=H1 num=H1-8 | person=P relation=00 named=Lin account=62220200000000");
	ask(2, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1 person=P");
	for (const char *p = script; *p != 0; p += 4) {
		if (*p == '!') {
			tell(p);
			continue;
		}
		if (*p == '@') {
			ask(3, "ACCOUNT inst=H1 num=H1-9 | person=P relation=00 named=Lin account=62220200000001");
			continue;
		}
		leg(p[0], p[2]);
	}
}

static void answer(const char *word)
{
	static char text[400];
	uint64_t leg = w.leg;
	char how = word[4];
	const char *rows = strchr(word, ':') + 1;

	if (follow_ups_rest)
		keeper_indexed(w.keeper, w.n_commits + 1);
	w.leg = 0;
	snprintf(text, sizeof(text), "DONE | listday=2026-09-%.2s listpage=%c listpages=%c listtotal=%s rows=%.*s .",
	        how == 'o' ? "01" : word, word[3], how == 'm' || word[3] == '2' ? '2' : '1',
	        how == 't' || how == 'm' ? "2" : "", (int)strcspn(rows, " "), rows);
	if (how == 'l')
		engine_leg(w.engine, leg, LEG_TIMED_OUT, 0, (struct yt_str){ 0 }, "timed out", false);
	else
		engine_leg(w.engine, leg, LEG_ANSWERED, 200, yt_str(text), NULL, false);
	memset(text, '#', sizeof(text) - 1); /* the lane goes on */
	pump();
}

static void asked_now(const char *word)
{
	char is[40], wanted[40];

	for (int i = 0; w.leg == 0 && i < 600; i++)
		later(100);
	if (w.leg == 0)
		fail_msg("nothing is asked, wanted %s", word);
	assert_string_equal(w.sent_to, "hub");
	assert_true(fake_is(yt_str(w.sent), "CLAIMS"));
	snprintf(wanted, sizeof(wanted), "2026-09-%.2s", word);
	fake_value(yt_str(w.sent), "listday", is, sizeof(is));
	assert_string_equal(is, wanted);
	fake_value(yt_str(w.sent), "listpage", is, sizeof(is));
	assert_int_equal(is[0], word[3]);
}

static void fetch(const char *lists)
{
	for (const char *p = lists; *p != 0; p += strcspn(p, " "), p += *p == ' ') {
		if (*p == '#') {
			kill_all();
		} else if (*p == '!') {
			tell(p);
		} else if (*p == '=') {
			leg(p[1], p[2]);
		} else if (*p == '-') {
			wait_for_leg(1500, "nothing");
		} else if (*p == '+') {
			for (int i = 0; i < 8 * 60 && w.leg == 0; i++)
				later(60000);
		} else {
			asked_now(p);
			answer(p);
		}
	}
}

static unsigned n_of(enum yt_operation op, unsigned *brought, uint32_t *strays)
{
	unsigned n = 0;

	*brought = 0;
	*strays = 0;
	for (size_t i = 0; i < w.n_commits; i++) {
		struct yt_str rest = yt_buf_view(&w.commits[i]);
		struct rec rec;
		size_t used;

		for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used) {
			n += rec.type == REC_ACCEPTED && rec_get_u64(&rec, REC_T_OPERATION) == (uint64_t)op;
			*brought += rec.type == REC_NOTICE && rec_get_u64(&rec, REC_T_JOINS) != 0;
			*strays += rec.type == REC_NOTICE ? (uint32_t)rec_get_u64(&rec, REC_T_STRAYS) : 0;
		}
	}
	return n;
}

static void check(const struct list_case *c)
{
	unsigned told, brought;
	uint32_t strays;
	char next[32];

	play(c->script);
	conf.fetches = fetches;
	conf.n_fetches = COUNT(fetches);
	kill_all();
	fetch(c->lists);
	snprintf(next, sizeof(next), "%s", c->next);
	if (strlen(next) > strlen("hub:ASKCLAIM"))
		next[strlen("hub:ASKCLAIM")] = '\0';
	wait_for_leg(1000, next);
	if (strcmp(next, c->next) != 0)
		reply(c->next[strlen(next) + 1]);
	told = n_of(YT_OP_STATEMENT_NOTICE, &brought, &strays);
	assert_int_equal(told, c->told);
	assert_int_equal(brought, c->brought);
	assert_int_equal(strays, c->strays);
	assert_int_equal(in_log_of("+/A1").state, c->end);
	assert_int_equal(in_log_of("+/A1").has_line, c->has_line);
	if (c->log != NULL)
		assert_true(log_has(c->log));
	else
		assert_false(log_has("its insurer's list says"));
}

static void test_lists(void **state)
{
	(void)state;
	is_native = true;
	index_has_all = true;
	platform_settles = YT_RESOLVE_ADOPT;
	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		follow_ups_rest = i >= COUNT(cases);
		print_message("a claim %s%s\n", cases[i % COUNT(cases)].it, follow_ups_rest ? ", that rests" : "");
		conf.n_fetches = 0;
		follows = strchr(cases[i % COUNT(cases)].script, 'P') != NULL ? &paid_claim : &claim;
		teardown(NULL);
		setup(NULL);
		check(&cases[i % COUNT(cases)]);
	}
	conf.n_fetches = 0;
	index_has_all = follow_ups_rest = false;
	platform_settles = YT_RESOLVE_REVERSE;
	follows = NULL;
	is_native = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(test_lists, setup, teardown) };

	return flow_world_run(tests, COUNT(tests));
}
