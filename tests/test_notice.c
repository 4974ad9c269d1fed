/* tests/test_notice.c - what a party tells unasked: kept, answered once it is, and brought to the follow-up it speaks
 * of.
 *
 * The world is that of tests/flow_world.h; a claim, and the question what was decided. */
#include "flow_world.h"

#include <stdio.h>

static const struct engine_flow claim = { "claim",
	{ { &hub, YT_OP_CLAIM_SUBMIT, NULL, false, NULL, NULL }, { &hub, YT_OP_CLAIM_QUERY, NULL, true, NULL, NULL } },
	2, 2 };

enum { AT_ONCE_MS = 1000, NOT_YET_MS = 5000 }; /* the party wants to be asked again after 20 s */

/* Records of notices that name another exchange: what the claim was told. */
static unsigned n_brought(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < w.n_commits; i++) {
		struct yt_str rest = yt_buf_view(&w.commits[i]);
		struct rec rec;
		size_t used;

		for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used)
			n += rec.type == REC_NOTICE && rec_get_u64(&rec, REC_T_JOINS) != 0;
	}
	return n;
}

static void tell(const char *number, unsigned seq, const char *state)
{
	static uint64_t token = 100;
	const char *pay = strcmp(state, "RETURNED") == 0 ? " pay=RETURNED" : "";
	unsigned answers = w.answers;
	char line[120];

	snprintf(line, sizeof(line), "TOLD inst=TIANYI num=%s | setl=A1 seq=%u told=%s%s", number, seq,
	        *pay != 0 ? "PAID" : state, pay);
	ask(++token, line);
	assert_int_equal(w.answers, answers + 1);
	assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
}

static void wait_for_leg(int64_t ms, const char *head)
{
	char got[64];

	for (int64_t end = w.now + ms; w.leg == 0 && w.now < end;)
		later(100);
	snprintf(got, sizeof(got), "%s:%.*s", w.sent_to, (int)strcspn(w.sent, " "), w.sent);
	assert_string_equal(w.leg == 0 ? "nothing" : got, head);
}

/* Legs as in test_follow.c, and words told: SEQ:STATE.  . nothing leaves now; ! what comes next does so at once; a
 * question told while it is out is written READ*SEQ:STATE. */
static const struct notice_case {
	const char *it, *script;
	enum exchange_state end;
	unsigned brought;
	const char *log;
} cases[] = {
	{ "a word has the claim asked for at once", "S d R d Q w 1:ADJUDICATED ! Q w 2:PAID ! Q d", X_DONE, 2, NULL },
	{ "without one it is asked again in its time", "S d R d Q w . Q d", X_DONE, 0, NULL },
	{ "what decides is the answer", "S d R d Q w 4:PAID ! Q w . Q w . Q j", X_REFUSED, 1, NULL },
	{ "an older word is kept and not heard", "S d R d Q w 3:PAID ! Q w 2:ADJUDICATED . Q d", X_DONE, 2,
	        "older than what was told before" },
	{ "told twice under two numbers it is one word", "S d R d Q w 3:PAID ! Q w 3:PAID . Q d", X_DONE, 2,
	        "older than what was told before" },
	{ "told while it is asked: asked once more", "S d R d Q*1:PAID w ! Q d", X_DONE, 1, NULL },
	{ "told while it is asked, and that was the answer", "S d R d Q*1:PAID d .", X_DONE, 1, NULL },
	{ "told before it was asked", "S d R*1:ACCEPTED d ! Q w . Q d", X_DONE, 1, NULL },
	{ "a late word that says the same", "S d R d Q d 1:ACCEPTED . 2:PAID .", X_DONE, 2, NULL },
	{ "paid, then it came back", "S d R d Q d 3:PAID . 4:RETURNED .", X_PARKED, 2, "its party says otherwise now" },
	{ "it came back, and nobody had told of payment", "S d R d Q d 4:RETURNED .", X_PARKED, 1,
	        "its party says otherwise now" },
	{ "paid, then decided otherwise", "S d R d Q d 3:PAID . 4:ADJUDICATED .", X_PARKED, 2,
	        "its party says otherwise now" },
	{ "an old word after the end is none", "S d R d Q d 3:PAID . 2:RETURNED .", X_DONE, 2,
	        "older than what was told before" },
	{ "rejected, and paid all the same", "S d R d Q j 1:REJECTED . 2:PAID .", X_PARKED, 2,
	        "its party says otherwise now" },
	{ "told of what is parked: people look", "S d R d Q d 4:RETURNED . 5:PAID .", X_PARKED, 2,
	        "its party says otherwise now" },
	{ "it came back while its end was asked for", "S d R d Q*4:RETURNED d .", X_PARKED, 1,
	        "its party says otherwise now" },
};

static void play(const char *script)
{
	static const char *const heads[] = { ['S'] = "platform:SETTLE", ['R'] = "hub:CLAIM", ['Q'] = "hub:ASKCLAIM" };
	bool at_once = false;
	unsigned n = 0, seq;
	char number[16], state[16];

	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1");
	for (const char *p = script; *p != 0; p += strcspn(p, " "), p += *p == ' ') {
		snprintf(number, sizeof(number), "E%u", ++n);
		if (*p == '.') {
			wait_for_leg(NOT_YET_MS, "nothing");
		} else if (*p == '!') {
			at_once = true;
		} else if (*p >= '0' && *p <= '9') {
			assert_int_equal(sscanf(p, "%u:%15s", &seq, state), 2);
			tell(number, seq, state);
		} else {
			wait_for_leg(at_once ? AT_ONCE_MS : 30000, heads[(unsigned char)*p]);
			at_once = false;
			if (p[1] == '*') {
				assert_int_equal(sscanf(p + 2, "%u:%15s", &seq, state), 2);
				tell(number, seq, state);
			}
			p += strcspn(p, " ") + 1;
			reply(*p);
		}
	}
}

static void set_up_claims(void)
{
	is_native = true;
	follows = &claim;
	platform_settles = YT_RESOLVE_ADOPT;
}

static void set_back(void)
{
	platform_settles = YT_RESOLVE_REVERSE;
	follows = NULL;
	is_native = false;
}

static void test_notices(void **state)
{
	(void)state;
	set_up_claims();
	for (size_t i = 0; i < COUNT(cases); i++) {
		teardown(NULL);
		setup(NULL);
		print_message("%s\n", cases[i].it);
		play(cases[i].script);
		assert_int_equal(in_log_of("+/A1").state, cases[i].end);
		assert_int_equal(n_brought(), cases[i].brought);
		if (cases[i].log != NULL)
			assert_true(log_has(cases[i].log));
		else
			assert_false(log_has("otherwise") || log_has("older than"));
	}
	set_back();
}

/* The same event again, as its sender repeats it: the same answer, and nothing else. */
static void test_repeat(void **state)
{
	char first[400];
	size_t commits;

	(void)state;
	set_up_claims();
	play("S d R d Q w");
	tell("E1", 1, "PAID");
	memcpy(first, w.answer, sizeof(first));
	expect("hub:ASKCLAIM", 'w');
	commits = w.n_commits;
	tell("E1", 1, "PAID");
	assert_string_equal(w.answer, first);
	wait_for_leg(NOT_YET_MS, "nothing");
	assert_int_equal(n_brought(), 1);
	assert_true(w.n_commits <= commits + 1);
	ask(77, "TOLD inst=TIANYI num=E1 | setl=A1 seq=9 told=REJECTED"); /* another event under its number */
	assert_int_equal(strncmp(w.answer, "REFUSED", 7), 0);
	assert_int_equal(n_brought(), 1);
	set_back();
}

static void test_of_nothing_known(void **state)
{
	(void)state;
	set_up_claims();
	ask(1, "TOLD inst=TIANYI num=E1 | setl=A7 seq=1 told=PAID");
	assert_int_equal(w.answers, 1);
	assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
	assert_int_equal(in_log_of("E1").state, X_DONE);
	assert_string_equal(in_log_of("E1").reason, "nothing that it speaks of is known here");
	ask(2, "SETTLE inst=H1 num=+/A9 | visit=V1 batch=B1"); /* an origin's number is no follow-up's */
	expect("platform:SETTLE", 'd');
	ask(3, "TOLD inst=TIANYI num=E2 | setl=A9 seq=1 told=PAID");
	assert_string_equal(in_log_of("E2").reason, "nothing that it speaks of is known here");
	assert_int_equal(n_brought(), 0);
	set_back();
}

/* A bank's words name the payout: here that what follows is called by it. */
static const struct bank_case {
	const char *it, *script, *line;
	const char *next; /* that leaves at once */
	enum exchange_state end;
	unsigned brought;
	bool is_stray;
} bank_cases[] = {
	{ "its bank's word has a payment asked for", "S d R d Q w", "PAYTOLD | about=A1 told=PAID", "hub:ASKCLAIM",
	        X_UNKNOWN, 1, false },
	{ "a debit in its books does", "S d R d Q w", "BOOKED | entry=A1 dc=D booked=BOOK", "hub:ASKCLAIM", X_UNKNOWN,
	        1, false },
	{ "an entry that is not booked says nothing", "S d R d Q w", "BOOKED | entry=A1 dc=D booked=PDNG", "nothing",
	        X_UNKNOWN, 0, false },
	{ "a payout of nobody's", "S d R d Q w", "PAYTOLD | about=A7 told=PAID", "nothing", X_UNKNOWN, 0, true },
	{ "a statement's entries may be anybody's", "S d R d Q w", "STATEMENT | entry=A7 dc=D booked=BOOK", "nothing",
	        X_UNKNOWN, 0, false },
	{ "the money comes back after the end", "S d R d Q d", "BOOKED | entry=A1 dc=C booked=BOOK", "nothing",
	        X_PARKED, 1, false },
	{ "a debit after the end is no news", "S d R d Q d", "STATEMENT | entry=A1 dc=D booked=BOOK", "nothing", X_DONE,
	        1, false },
	{ "a word that is older than the end", "S d R d Q d", "PAYTOLD | about=A1 told=ACCEPTED", "nothing", X_DONE, 1,
	        false },
	{ "told in any order", "S d R d Q d", "PAYTOLD | about=A1 told=PAID;PAYTOLD | about=A1 told=ACCEPTED",
	        "nothing", X_DONE, 2, false },
	{ "failed, after it was done", "S d R d Q d", "PAYTOLD | about=A1 told=FAILED", "nothing", X_PARKED, 1, false },
};

static void test_banks(void **state)
{
	(void)state;
	set_up_claims();
	for (size_t i = 0; i < COUNT(bank_cases); i++) {
		const struct bank_case *c = &bank_cases[i];
		char line[160];
		unsigned answers;

		teardown(NULL);
		setup(NULL);
		print_message("%s\n", c->it);
		play(c->script);
		answers = w.answers;
		for (const char *p = c->line; *p != 0; p += strcspn(p, ";"), p += *p == ';') {
			int word = (int)strcspn(p, " "), all = (int)strcspn(p, ";");

			snprintf(line, sizeof(line), "%.*s inst=BANK num=N%u%.*s", word, p, w.answers - answers + 1,
			        all - word, p + word);
			ask(60 + w.answers, line);
			assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
		}
		assert_int_equal(w.answers, answers + (strchr(c->line, ';') != NULL) + 1);
		wait_for_leg(AT_ONCE_MS, c->next);
		assert_int_equal(in_log_of("+/A1").state, c->end);
		assert_int_equal(n_brought(), c->brought);
		assert_int_equal(in_log_of("N1").state, X_DONE);
		assert_int_equal(log_has("nothing that it speaks of"), c->is_stray);
	}
	set_back();
}

/* -- payments: found by the number that the keeper gave ------------------------------------------------- */

static const struct engine_flow paid = { "paid",
	{ { &hub, YT_OP_CLAIM_SUBMIT, NULL, false, NULL, NULL }, { &hub, YT_OP_CLAIM_QUERY, NULL, true, NULL, NULL },
	        { &bank, YT_OP_PAY_ORDER, NULL, false, "pay_by", "GATEWAY" },
	        { &bank, YT_OP_PAY_QUERY, NULL, true, "pay_by", "GATEWAY" },
	        { &hub, YT_OP_CLAIM_PAYMENT, NULL, true, "pay_by", "GATEWAY" } },
	5, 2 };

/* As legs are written in test_flow_pay.c; a word in capitals alone is what the bank tells of the payment, + an entry in
 * its books that is a credit, % of our message as a whole, = of its sum, $ of another one, # everything is killed, *
 * hours pass, @ what has ended leaves the keeper's memory. */
static const struct paid_case {
	const char *it, *script;
	bool is_mute;
	enum exchange_state end;
	bool takes_again; /* the same octets twice are one payment there */
} paid_cases[] = {
	{ "asked for at once when its bank tells",
	        "bank:PAY A bank:ASKPAY P bank:ASKPAY P PAID ! bank:ASKPAY p hub:TELLPAID d", false, X_DONE, false },
	{ "and again after a restart",
	        "bank:PAY A bank:ASKPAY P bank:ASKPAY P # bank:ASKPAY P PAID ! bank:ASKPAY p hub:TELLPAID d", false,
	        X_DONE, false },
	{ "told of our message as a whole",
	        "bank:PAY A bank:ASKPAY P bank:ASKPAY P %PAID ! bank:ASKPAY p hub:TELLPAID d", false, X_DONE, false },
	{ "and of a message whose payment is over",
	        "bank:PAY p hub:TELLPAID d . @ %RETURNED ! bank:ASKPAY R hub:TELLPAID d .", false, X_UNKNOWN, false },
	{ "a bank that cannot be asked refuses our message as a whole", "bank:PAY A . %FAILED ! hub:TELLPAID d .", true,
	        X_UNKNOWN, false },
	{ "the money comes back when all is over", "bank:PAY p hub:TELLPAID d . + ! bank:ASKPAY R hub:TELLPAID d .",
	        false, X_UNKNOWN, false },
	{ "the same from the index", "bank:PAY p hub:TELLPAID d . @ + ! bank:ASKPAY R hub:TELLPAID d .", false,
	        X_UNKNOWN, false },
	{ "a bank that cannot be asked tells, and that is the answer", "bank:PAY A . ACCEPTED . PAID ! hub:TELLPAID d",
	        true, X_DONE, false },
	{ "a file is handed over, nothing is said, and it tells", "bank:PAY h . PAID ! hub:TELLPAID d", true, X_DONE,
	        false },
	{ "and of failure, after a restart", "bank:PAY h . # . FAILED ! hub:TELLPAID d .", true, X_UNKNOWN, false },
	{ "it tells of failure", "bank:PAY A . FAILED ! hub:TELLPAID d .", true, X_UNKNOWN, false },
	{ "it tells in any order", "bank:PAY A . PAID ! hub:TELLPAID d ACCEPTED .", true, X_DONE, false },
	{ "it tells, and everything is killed", "bank:PAY A . # . PAID # hub:TELLPAID # hub:TELLPAID d .", true, X_DONE,
	        false },
	{ "it tells of failure, and the insurer hears of it after a restart",
	        "bank:PAY A FAILED ! hub:TELLPAID l # hub:TELLPAID d .", true, X_UNKNOWN, false },
	{ "of another sum it is not about this payment", "bank:PAY A . $FAILED . =PAID ! hub:TELLPAID d", true, X_DONE,
	        false },
	{ "an order that is lost, and another sum is told of", "bank:PAY l $FAILED . =PAID ! hub:TELLPAID d", true,
	        X_DONE, false },
	{ "an older word comes later", "bank:PAY A FAILED ! hub:TELLPAID l ACCEPTED # hub:TELLPAID d .", true,
	        X_UNKNOWN, false },
	{ "it never tells: people look", "bank:PAY A . * .", true, X_PARKED, false },
	{ "it tells after all", "bank:PAY A . * . PAID ! hub:TELLPAID d", true, X_DONE, false },
	{ "an order that is lost, and it tells of it", "bank:PAY l PAID ! hub:TELLPAID d", true, X_DONE, false },
	{ "an order that is lost, and nobody says: people look", "bank:PAY l .", true, X_PARKED, false },
	{ "a file that is lost goes again", "bank:PAY l bank:PAY A PAID ! hub:TELLPAID d", true, X_DONE, true },
};

static const char *tells = "DONE"; /* what the teller hears */

static void tell_payment(const char *word, size_t n)
{
	static unsigned number;
	char line[200], pay_no[40];

	snprintf(pay_no, sizeof(pay_no), "%s", in_log_of("+/A1").pay_no);
	assert_int_equal(strlen(pay_no), 22);
	if (*word == '%')
		snprintf(line, sizeof(line), "PAYTOLD inst=BANK num=B%u | ofmsg=%s whole=%.*s", ++number,
		        in_log_of("+/A1").pay_msg, (int)n - 1, word + 1);
	else if (*word == '+')
		snprintf(line, sizeof(line), "BOOKED inst=BANK num=B%u | entry=%s dc=C booked=BOOK", ++number, pay_no);
	else if (*word == '$' || *word == '=')
		snprintf(line, sizeof(line), "PAYTOLD inst=BANK num=B%u | about=%s told=%.*s sum=%s", ++number, pay_no,
		        (int)n - 1, word + 1, *word == '=' ? "12.34" : "12.35");
	else
		snprintf(line, sizeof(line), "PAYTOLD inst=BANK num=B%u | about=%s told=%.*s", ++number, pay_no, (int)n,
		        word);
	ask(1000 + number, line);
	assert_int_equal(strncmp(w.answer, tells, strlen(tells)), 0);
}

static void play_legs(const char *script)
{
	bool at_once = false;
	char head[32];

	for (const char *p = script; *p != 0; p += strcspn(p, " "), p += *p == ' ') {
		size_t n = strcspn(p, " ");

		if (*p == '.') {
			wait_for_leg(NOT_YET_MS, "nothing");
		} else if (*p == '!') {
			at_once = true;
		} else if (*p == '#') {
			kill_all();
		} else if (*p == '*') {
			for (int i = 0; i < 4; i++)
				later(INT64_C(4) * 3600 * 1000);
		} else if (*p == '@') {
			keeper_indexed(w.keeper, w.n_commits + 1);
			index_has_all = true;
		} else if (memchr(p, ':', n) == NULL) {
			tell_payment(p, n);
		} else {
			snprintf(head, sizeof(head), "%.*s", (int)n, p);
			wait_for_leg(at_once ? AT_ONCE_MS : 700000, head);
			at_once = false;
			p += n + 1;
			if (*p == '#')
				kill_all();
			else
				reply(*p);
		}
	}
}

static void play_payment(const char *script)
{
	ask(1, "ACCOUNT inst=H1 num=H1-8 | person=P relation=00 named=Lin account=62220200000000");
	ask(2, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1 person=P");
	expect("platform:SETTLE", 'd');
	expect("hub:CLAIM", 'd');
	expect("hub:ASKCLAIM", 'D');
	play_legs(script);
}

static void test_payments(void **state)
{
	(void)state;
	set_up_claims();
	follows = &paid;
	origin.party = "bank";
	for (size_t j = 0; j < 2 * COUNT(paid_cases); j++) {
		size_t i = j / 2;

		answers_none = j % 2 != 0;
		bank_is_mute = paid_cases[i].is_mute;
		bank_pays = paid_cases[i].takes_again ? YT_RESOLVE_RESEND : YT_RESOLVE_PAY;
		index_has_all = false;
		teardown(NULL);
		setup(NULL);
		print_message("%s\n", paid_cases[i].it);
		play_payment(paid_cases[i].script);
		assert_int_equal(in_log_of("+/A1").state, paid_cases[i].end);
		assert_false(log_has("nothing that it speaks of"));
	}
	bank_is_mute = answers_none = index_has_all = false;
	bank_pays = YT_RESOLVE_PAY;
	origin.party = "hub";
	set_back();
}

/* What one party has, no other one tells of: neither a bank that cannot be asked, nor one that could be, nor after the
 * end. */
static const struct other_case {
	const char *it, *script, *teller;
	bool is_mute, is_refused;
	enum exchange_state end;
	unsigned brought;
} other_cases[] = {
	{ "another bank tells", "bank:PAY A . PAID .", "otherbank", true, false, X_UNKNOWN, 0 },
	{ "another bank tells of what can be asked", "bank:PAY A bank:ASKPAY P PAID", "otherbank", false, false,
	        X_UNKNOWN, 0 },
	{ "another bank tells of money that came back", "bank:PAY p hub:TELLPAID d . + .", "otherbank", false, false,
	        X_DONE, 0 },
	{ "the insurer of that claim tells of its payment", "bank:PAY A . PAID .", "hub", true, false, X_UNKNOWN, 1 },
	{ "who is no party tells", "bank:PAY A . PAID .", NULL, true, true, X_UNKNOWN, 0 },
	{ "its bank tells", "bank:PAY A . PAID ! hub:TELLPAID d", "bank", true, false, X_DONE, 1 },
	{ "its bank tells by another way", "bank:PAY A . PAID ! hub:TELLPAID d", "its-counter", true, false, X_DONE,
	        1 },
};

static void test_of_another_party(void **state)
{
	(void)state;
	set_up_claims();
	follows = &paid;
	for (size_t i = 0; i < COUNT(other_cases); i++) {
		const struct other_case *c = &other_cases[i];

		bank_is_mute = c->is_mute;
		origin.party = c->teller;
		teardown(NULL);
		setup(NULL);
		print_message("%s\n", c->it);
		tells = c->is_refused ? "REFUSED" : "DONE";
		play_payment(c->script);
		assert_int_equal(in_log_of("+/A1").state, c->end);
		assert_int_equal(n_brought(), c->brought);
		assert_int_equal(log_has("asked of another party"), c->brought == 0 && !c->is_refused);
	}
	tells = "DONE";
	bank_is_mute = false;
	origin.party = "hub";
	set_back();
}

/* -- lines of statements: 12.34 yuan were ordered to 62220200000000 ---------------------------------------- */

static const struct line_case {
	const char *it, *line; /* % is the payout's number */
	const char *told;
	bool has_line;
	enum exchange_state end;
} line_cases[] = {
	{ "its line is proof", "STATEMENT | entry=% dc=D booked=BOOK sum=12.34 acct=62220200000000 day=2026-11-20",
	        "PAID", true, X_DONE },
	{ "so is one that names no account", "STATEMENT | entry=% dc=D booked=BOOK sum=12.34 day=2026-11-20", "PAID",
	        true, X_DONE },
	{ "and one that shows its end", "STATEMENT | entry=% dc=D booked=BOOK sum=12.34 acct=6222****00 day=2026-11-20",
	        "PAID", true, X_DONE },
	{ "one of another sum is none", "STATEMENT | entry=% dc=D booked=BOOK sum=12.35 day=2026-11-20", "DIFFERS",
	        false, X_PARKED },
	{ "one of another account is none",
	        "STATEMENT | entry=% dc=D booked=BOOK sum=12.34 acct=62220200000018 day=2026-11-20", "DIFFERS", false,
	        X_PARKED },
	{ "what comes back is no debit", "STATEMENT | entry=% dc=C booked=BOOK sum=12.34 day=2026-11-20", "RETURNED",
	        false, X_UNKNOWN },
	{ "what is shown during the day is no statement",
	        "STATEMENT | entry=% dc=D booked=BOOK sum=12.34 day=2026-11-20 final=0", "PAID", false, X_DONE },
	{ "nor is the notice of one entry", "BOOKED | entry=% dc=D booked=BOOK sum=12.34 day=2026-11-20", "PAID", false,
	        X_DONE },
	{ "an entry without a day is no line", "STATEMENT | entry=% dc=D booked=BOOK sum=12.34", "PAID", false,
	        X_DONE },
	{ "without our number it is found by the UETR",
	        "STATEMENT | entry=- byuetr=@ dc=D booked=BOOK sum=12.34 acct=62220200000000 day=2026-11-20", "PAID",
	        true, X_DONE },
	{ "by the UETR of another sum it is an alarm",
	        "STATEMENT | entry=- byuetr=@ dc=D booked=BOOK sum=12.35 day=2026-11-20", "DIFFERS", false, X_PARKED },
	{ "and of another account",
	        "STATEMENT | entry=- byuetr=@ dc=D booked=BOOK sum=12.34 acct=62220200000018 day=2026-11-20", "DIFFERS",
	        false, X_PARKED },
	{ "by another UETR it is not",
	        "STATEMENT | entry=- byuetr=00000000-0000-4000-8000-00000000000@ dc=D booked=BOOK sum=12.34 day=2026-11-20",
	        "", false, X_DONE },
	{ "it is found by its bank's number and its sum",
	        "STATEMENT | entry=- serial=BK77@ dc=D booked=BOOK sum=12.34 day=2026-11-20", "PAID", true, X_DONE },
	{ "and its account",
	        "STATEMENT | entry=- serial=BK77@ dc=D booked=BOOK sum=12.34 acct=62220200000000 day=2026-11-20",
	        "PAID", true, X_DONE },
	{ "by that and another sum it is not",
	        "STATEMENT | entry=- serial=BK77@ dc=D booked=BOOK sum=12.35 day=2026-11-20", "", false, X_DONE },
	{ "by that and another account neither",
	        "STATEMENT | entry=- serial=BK77@ dc=D booked=BOOK sum=12.34 acct=62220200000018 day=2026-11-20", "",
	        false, X_DONE },
	{ "what takes that back is no debit",
	        "STATEMENT | entry=- serial=BK78@ takesback=BK77 dc=C booked=BOOK sum=12.34 day=2026-11-20", "RETURNED",
	        false, X_UNKNOWN },
	{ "it is found by the message that ordered it alone",
	        "STATEMENT | entry=- bymsg=& payments=1 dc=D booked=BOOK sum=12.34 day=2026-11-20", "PAID", true,
	        X_DONE },
	{ "of another sum that is an alarm",
	        "STATEMENT | entry=- bymsg=& serial=BK77 dc=D booked=BOOK sum=12.35 day=2026-11-20", "DIFFERS", false,
	        X_PARKED },
	{ "an entry for several is not",
	        "STATEMENT | entry=- bymsg=& payments=2 dc=D booked=BOOK sum=12.34 day=2026-11-20", "", false, X_DONE },
	{ "what takes that message's back is no debit",
	        "STATEMENT | entry=- bymsg=& dc=C booked=BOOK sum=12.34 day=2026-11-20", "RETURNED", false, X_UNKNOWN },
	{ "another's message, but its bank's number",
	        "STATEMENT | entry=- bymsg=X1@ serial=BK77 dc=D booked=BOOK sum=12.34 day=2026-11-20", "PAID", true,
	        X_DONE },
	{ "nor one that is not booked", "STATEMENT | entry=% dc=D booked=PDNG sum=12.34 day=2026-11-20", "", false,
	        X_DONE },
};

/* % in a line is the payout's number, & its message's, =@ its UETR; another @ is nothing. */
static void tell_line(const char *number, const char *text)
{
	const char *at = text + strcspn(text, "%@&"), *bar = strchr(text, '|');
	struct exchange x = in_log_of("+/A1");
	char line[240];

	snprintf(line, sizeof(line), "%.*sinst=BANK num=%s %.*s%s%s", (int)(bar - text), text, number, (int)(at - bar),
	        bar,
	        *at == '%'      ? x.pay_no
	        : *at == '&'    ? x.pay_msg
	        : at[-1] == '=' ? x.pay_uetr
	                        : "",
	        at + 1);
	ask(900, line);
	assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
}

static void test_lines(void **state)
{
	(void)state;
	set_up_claims();
	follows = &paid;
	for (size_t j = 0; j < 3 * COUNT(line_cases); j++) {
		const struct line_case *c = &line_cases[j / 3];
		struct exchange x;

		teardown(NULL);
		setup(NULL);
		print_message("%s\n", c->it);
		play_payment("bank:PAY p hub:TELLPAID d .");
		if (j % 3 == 1)
			kill_all(); /* what was ordered is read back */
		if (j % 3 == 2)
			keeper_indexed(w.keeper, w.n_commits + 1); /* it is over, and found in the index alone */
		index_has_all = j % 3 == 2;
		x = in_log_of("+/A1");
		assert_int_equal(x.pay_fen, 1234);
		assert_true(exchange_awaits_line(&x));
		tell_line("L1", c->line);
		x = in_log_of("+/A1");
		assert_string_equal(x.told_state, c->told);
		assert_int_equal(x.has_line, c->has_line);
		assert_int_equal(x.state, c->end);
		assert_int_equal(exchange_awaits_line(&x), c->end == X_DONE && !c->has_line);
		assert_int_equal(log_has("another sum or account than was ordered"), strcmp(c->told, "DIFFERS") == 0);
	}
	index_has_all = false;
	set_back();
}

/* Two payments of one sum to which their bank has given the same number: a line with that alone is nobody's. */
static void test_ambiguous_line(void **state)
{
	static const struct engine_flow payout_alone = { "payout",
		{ { &bank, YT_OP_PAY_ORDER, NULL, false, NULL, NULL },
		        { &bank, YT_OP_PAY_QUERY, NULL, true, NULL, NULL } },
		2, 2 };

	(void)state;
	is_native = true;
	follows = &payout_alone;
	origin.party = "bank";
	for (unsigned i = 1; i <= 2; i++) {
		char line[160];

		snprintf(line, sizeof(line),
		        "PAY inst=H1 num=IN2026092100000000000%u | pay=IN2026092100000000000%u yuan=7.00 to=6222020000000%u named=Wu psn=Wu",
		        i, i, i);
		ask(i, line);
		wait_for_leg(700000, "bank:PAY");
		reply('p');
	}
	assert_string_equal(in_log_of("+/IN20260921000000000001").pay_serial, "BK77");
	assert_string_equal(in_log_of("+/IN20260921000000000002").pay_serial, "BK77");
	ask(9, "STATEMENT inst=BANK num=L1 | entry=- serial=BK77 dc=D booked=BOOK sum=7.00 day=2026-11-20");
	assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
	assert_false(in_log_of("+/IN20260921000000000001").has_line);
	assert_false(in_log_of("+/IN20260921000000000002").has_line);
	assert_int_equal(in_log_of("L1").strays, 1);
	origin.party = "hub";
	set_back();
}

/* A line told before the payment has ended: what it alone proves is taken, and what differs is people's at the end,
 * whatever is told after it. */
static const struct early_case {
	const char *it, *line;
	bool is_mute;
	const char *script; /* after it */
	enum exchange_state end;
} early_cases[] = {
	{ "its line: it is asked, and ends", "STATEMENT | entry=% dc=D booked=BOOK sum=12.34 day=2026-11-20", false,
	        "! bank:ASKPAY p hub:TELLPAID d .", X_DONE },
	{ "of another sum, and its bank says paid", "STATEMENT | entry=% dc=D booked=BOOK sum=12.35 day=2026-11-20",
	        false, "! bank:ASKPAY p hub:TELLPAID d .", X_PARKED },
	{ "of another sum, and its bank tells that it is paid",
	        "STATEMENT | entry=% dc=D booked=BOOK sum=12.35 day=2026-11-20", false,
	        "! bank:ASKPAY P PAID ! bank:ASKPAY p hub:TELLPAID d .", X_PARKED },
	{ "of another account, and its bank says paid",
	        "STATEMENT | entry=% dc=D booked=BOOK sum=12.34 acct=62220200000018 day=2026-11-20", false,
	        "! bank:ASKPAY p hub:TELLPAID d .", X_PARKED },
	{ "its line is proof where its bank cannot be asked",
	        "STATEMENT | entry=% dc=D booked=BOOK sum=12.34 acct=62220200000000 day=2026-11-20", true,
	        "! hub:TELLPAID d .", X_DONE },
	{ "one of another account is none",
	        "STATEMENT | entry=% dc=D booked=BOOK sum=12.34 acct=62220200000018 day=2026-11-20", true,
	        ". PAID ! hub:TELLPAID d .", X_PARKED },
};

static void test_early_lines(void **state)
{
	(void)state;
	set_up_claims();
	follows = &paid;
	origin.party = "bank";
	for (size_t j = 0; j < 2 * COUNT(early_cases); j++) {
		const struct early_case *c = &early_cases[j / 2];

		bank_is_mute = c->is_mute;
		teardown(NULL);
		setup(NULL);
		print_message("%s\n", c->it);
		play_payment(c->is_mute ? "bank:PAY A ." : "bank:PAY A bank:ASKPAY P");
		tell_line("L1", c->line);
		if (j % 2 != 0)
			kill_all();
		play_legs(c->script);
		assert_int_equal(in_log_of("+/A1").state, c->end);
	}
	bank_is_mute = false;
	origin.party = "hub";
	set_back();
}

/* -- lines about an agency's payout that came to nothing -------------------------------------------------- */

#define PAYOUT_NO "IN20260921000000000007"

static const struct engine_flow payout = { "payout",
	{ { &bank, YT_OP_PAY_ORDER, NULL, false, NULL, NULL }, { &bank, YT_OP_PAY_QUERY, NULL, true, NULL, NULL } }, 2,
	2 };

static const struct nothing_case {
	const char *it, *dc;
	char fate; /* what its bank had answered */
	enum exchange_state end;
} nothing_cases[] = {
	{ "it came back: that it had been paid is no news", "D", 'R', X_REFUSED },
	{ "it came back: nor is that", "C", 'R', X_REFUSED },
	{ "it failed: a debit is an alarm", "D", 'F', X_PARKED },
};

static void test_lines_of_nothing(void **state)
{
	(void)state;
	is_native = true;
	follows = &payout;
	origin.party = "bank";
	for (size_t i = 0; i < COUNT(nothing_cases); i++) {
		const struct nothing_case *c = &nothing_cases[i];
		char line[200];

		teardown(NULL);
		setup(NULL);
		print_message("%s\n", c->it);
		ask(1, "PAY inst=H1 num=" PAYOUT_NO " | pay=" PAYOUT_NO " yuan=7.00 to=62220200000009 named=Wu psn=Wu");
		wait_for_leg(700000, "bank:PAY");
		reply('A');
		wait_for_leg(700000, "bank:ASKPAY");
		reply(c->fate);
		wait_for_leg(NOT_YET_MS, "nothing");
		assert_int_equal(in_log_of("+/" PAYOUT_NO).state, X_REFUSED);
		snprintf(line, sizeof(line),
		        "STATEMENT inst=BANK num=L1 | entry=" PAYOUT_NO " dc=%s booked=BOOK sum=7.00 day=2026-11-20",
		        c->dc);
		ask(900, line);
		assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
		assert_int_equal(in_log_of("+/" PAYOUT_NO).state, c->end);
	}
	origin.party = "hub";
	set_back();
}

/* Lines of no payment known here are counted at their statement, for people. */
static const struct stray_case {
	const char *it, *line;
	uint32_t strays;
} stray_cases[] = {
	{ "of a number that is nobody's",
	        "STATEMENT inst=BANK num=L1 | entry=IN77 dc=D booked=BOOK sum=1.00 day=2026-11-20", 1 },
	{ "of no number", "STATEMENT inst=BANK num=L1 | entry=- dc=D booked=BOOK sum=1.00 day=2026-11-20", 1 },
	{ "not of one that is known", "STATEMENT inst=BANK num=L1 | entry=A1 dc=D booked=BOOK sum=1.00 day=2026-11-20",
	        0 },
	{ "not of what is not booked",
	        "STATEMENT inst=BANK num=L1 | entry=IN77 dc=D booked=PDNG sum=1.00 day=2026-11-20", 0 },
	{ "not during the day", "STATEMENT inst=BANK num=L1 | entry=- dc=D booked=BOOK sum=1.00 day=2026-11-20 final=0",
	        0 },
};

static void test_strays(void **state)
{
	(void)state;
	set_up_claims();
	for (size_t i = 0; i < COUNT(stray_cases); i++) {
		struct exchange x;

		teardown(NULL);
		setup(NULL);
		print_message("%s\n", stray_cases[i].it);
		play("S d R d Q w");
		ask(50, stray_cases[i].line);
		assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
		x = in_log_of("L1");
		assert_int_equal(x.state, X_DONE);
		assert_int_equal(x.strays, stray_cases[i].strays);
		assert_int_equal(exchange_has_strays(&x), stray_cases[i].strays > 0);
		assert_false(log_has("nothing that it speaks of"));
	}
	set_back();
}

/* -- lines told piece by piece ----------------------------------------------------------------------------- */

#define LONG_STATEMENT                                                                                                 \
	"STATEMENT inst=BANK num=L1 | entry=IN71,-,A1,IN72,-,IN73,A1 dc=D booked=BOOK sum=1.00 day=2026-11-20"

/* Commits with records of it: each piece is one. */
static unsigned n_pieces(const char *number)
{
	uint64_t id = in_log_of(number).id;
	unsigned n = 0;
	struct rec rec;
	size_t used;

	for (size_t i = 0; i < w.n_commits; i++) {
		struct yt_str rest = yt_buf_view(&w.commits[i]);

		for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used)
			n += rec.type == REC_NOTICE && rec.exchange == id && rec_get(&rec, REC_T_LINES).n != 0;
	}
	return n;
}

static void test_in_pieces(void **state)
{
	(void)state;
	set_up_claims();
	for (conf.lines_at_once = 1; conf.lines_at_once < 9; conf.lines_at_once++) {
		teardown(NULL);
		setup(NULL);
		play("S d R d Q w");
		ask(50, LONG_STATEMENT);
		assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
		assert_int_equal(
		        n_pieces("L1"), conf.lines_at_once < 7 ? (6 + conf.lines_at_once) / conf.lines_at_once : 0);
		assert_int_equal(n_brought(), 2);
		assert_int_equal(in_log_of("L1").strays, 5);
		wait_for_leg(AT_ONCE_MS, "hub:ASKCLAIM");
		reply('w');
		ask(51, LONG_STATEMENT); /* the same, as a copy */
		assert_int_equal(in_log_of("L1").strays, 5);
		assert_int_equal(n_brought(), 2);
	}
	conf.lines_at_once = 0;
	set_back();
}

/* It takes all memory that a message may have when it is read: refused, and its worker lives. */
static void test_takes_too_much(void **state)
{
	(void)state;
	conf.message_bytes = 1 << 20;
	teardown(NULL);
	setup(NULL);
	ask(50, "STATEMENT inst=BANK num=L1 fills=1 | entry=A1 dc=D booked=BOOK sum=1.00 day=2026-11-20");
	assert_int_equal(strncmp(w.answer, "REFUSED", 7), 0);
	assert_non_null(strstr(w.answer, "limits.body_kib"));
	ask(51, "STATEMENT inst=BANK num=L1 | entry=A1 dc=D booked=BOOK sum=1.00 day=2026-11-20");
	assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
	conf.message_bytes = 0;
}

/* limits.statement_lines */
static void test_too_long(void **state)
{
	(void)state;
	set_up_claims();
	for (conf.statement_lines = 6; conf.statement_lines < 8; conf.statement_lines++) {
		teardown(NULL);
		setup(NULL);
		play("S d R d Q w");
		ask(50, LONG_STATEMENT);
		assert_int_equal(strncmp(w.answer, conf.statement_lines == 7 ? "DONE" : "REFUSED", 4), 0);
		assert_int_equal(n_brought(), conf.statement_lines == 7 ? 2 : 0);
		if (conf.statement_lines == 7)
			continue;
		conf.statement_lines = 8; /* its number is free: told again it is taken */
		kill_all();
		ask(51, LONG_STATEMENT);
		assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
		assert_int_equal(n_brought(), 2);
		conf.statement_lines = 6;
	}
	conf.statement_lines = 0;
	set_back();
}

/* -- from statement to statement ------------------------------------------------------------------------- */

#define DAY_1 "nr=1 opens=10.00 closes=9.00"
#define DAYS(since, till, opens, closes) "since=2026-11-" since " till=2026-11-" till " opens=" opens " closes=" closes

/* Each has one line of 1.00 yuan out; of one account, unless it says another. */
static const struct continuity_case {
	const char *it;
	const char *told[3]; /* one after the other */
	unsigned flags;      /* of the last */
} continuity_cases[] = {
	{ "the first of its account", { "nr=7 opens=10.00 closes=9.00" }, 0 },
	{ "it goes on", { DAY_1, "nr=2 opens=9.00 closes=8.00" }, 0 },
	{ "it opens with another balance", { DAY_1, "nr=2 opens=9.01 closes=8.01" }, REC_X_BALANCE },
	{ "one before it has not come", { DAY_1, "nr=3 opens=8.00 closes=7.00" }, REC_X_GAP },
	{ "that one comes late", { DAY_1, "nr=3 opens=8.00 closes=7.00", "nr=2 opens=9.00 closes=8.00" }, 0 },
	{ "after both it goes on",
	        { "nr=3 opens=8.00 closes=7.00", "nr=2 opens=9.00 closes=8.00", "nr=4 opens=7.00 closes=6.00" }, 0 },
	{ "another account's is no one before", { DAY_1, "books=6002 nr=5 opens=3.00 closes=2.00" }, 0 },
	{ "the same under another number", { DAY_1, "nr=1 opens=10.00 closes=9.00 serial=X" }, 0 },
	{ "by days it goes on", { DAYS("19", "19", "10.00", "9.00"), DAYS("20", "20", "9.00", "8.00") }, 0 },
	{ "by days it does not", { DAYS("19", "19", "10.00", "9.00"), DAYS("20", "20", "8.00", "7.00") },
	        REC_X_BALANCE },
	{ "the newest of the days before counts",
	        { DAYS("18", "18", "5.00", "4.00"), DAYS("17", "17", "6.00", "5.00"),
	                DAYS("20", "20", "4.00", "3.00") },
	        0 },
	{ "a page of several is none", { DAY_1, "nr=3 opens=8.00 closes=1.00 pages=0" }, 0 },
	{ "nor is a copy", { DAY_1, "nr=3 opens=8.00 closes=7.00 copy=DUPL" }, 0 },
	{ "nor what is shown during the day", { DAY_1, "nr=3 opens=8.00 closes=7.00 final=0" }, 0 },
	{ "its lines do not lead from one balance to the other", { "nr=7 opens=10.00 closes=9.01" }, REC_X_UNEVEN },
	{ "nor that, nor from the one before", { DAY_1, "nr=2 opens=9.01 closes=9.00" }, REC_X_UNEVEN | REC_X_BALANCE },
	{ "without a count or days nothing is compared", { "opens=10.00 closes=9.00", "opens=1.00 closes=0.00" }, 0 },
};

static void test_continuity(void **state)
{
	(void)state;
	for (size_t j = 0; j < 2 * COUNT(continuity_cases); j++) {
		const struct continuity_case *c = &continuity_cases[j / 2];
		unsigned n = 0;
		char line[240], number[8];
		struct exchange x;

		teardown(NULL);
		setup(NULL);
		print_message("%s\n", c->it);
		for (; n < COUNT(c->told) && c->told[n] != NULL; n++) {
			snprintf(number, sizeof(number), "L%u", n);
			snprintf(line, sizeof(line),
			        "STATEMENT inst=BANK num=%s | entry=- dc=D booked=BOOK sum=1.00 day=2026-11-20 %s%s",
			        number, strstr(c->told[n], "books=") != NULL ? "" : "books=6001 ", c->told[n]);
			if (j % 2 != 0 && n > 0)
				kill_all(); /* what was told before is read back */
			ask(50 + n, line);
			assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
		}
		x = in_log_of(number);
		assert_int_equal(x.flags & REC_X_DOUBTS, c->flags);
		x.strays = 0;
		assert_int_equal(exchange_has_strays(&x), c->flags != 0);
		assert_int_equal(x.state, X_DONE);
	}
}

/* One that waits rests in the index alone. */
static void test_of_a_resting_one(void **state)
{
	(void)state;
	follow_ups_rest = index_has_all = true;
	teardown(NULL);
	setup(NULL);
	set_up_claims();
	play("S d R d Q w");
	keeper_indexed(w.keeper, w.n_commits + 1);
	tell("E1", 2, "PAID");
	wait_for_leg(AT_ONCE_MS, "hub:ASKCLAIM");
	reply('w');
	keeper_indexed(w.keeper, w.n_commits + 1);
	tell("E2", 1, "ADJUDICATED"); /* its count is known there too */
	wait_for_leg(NOT_YET_MS, "nothing");
	assert_int_equal(n_brought(), 2);
	follow_ups_rest = index_has_all = false;
	set_back();
}

/* A claim that ended long ago has left the keeper's memory. */
static void test_from_the_index(void **state)
{
	(void)state;
	set_up_claims();
	play("S d R d Q d");
	keeper_indexed(w.keeper, w.n_commits + 1);
	tell("E1", 4, "RETURNED");
	assert_int_equal(in_log_of("+/A1").state, X_DONE);
	index_has_all = true;
	tell("E2", 5, "RETURNED");
	assert_int_equal(in_log_of("+/A1").state, X_PARKED);
	index_has_all = false;
	set_back();
}

/* -- whatever dies ---------------------------------------------------------------------------------- */

/* One message, or one commit; false: nothing is left to do without time. */
static bool one_step(void)
{
	struct yt_buf copy = { 0 };
	struct message m;
	bool urgent;

	if (w.first < w.last) {
		m = w.queue[w.first++ % COUNT(w.queue)];
		yt_buf_str(&copy, yt_buf_view(&m.payload));
		m.talk.payload = yt_buf_view(&copy);
		if (m.up)
			assert_int_equal(keeper_message(w.keeper, 1, &m.talk), 0);
		else
			engine_talk(w.engine, &m.talk);
		yt_buf_free(&copy);
		return true;
	}
	keeper_tick(w.keeper);
	if (keeper_has_pending(w.keeper, &urgent)) {
		commit();
		return true;
	}
	run_jobs();
	return w.first < w.last;
}

/* Whatever is on the disk when all dies: who was answered had been kept, who was not tells it again, and in the end the
 * claim was told once. */
static void test_killed_after_each_step(void **state)
{
	struct engine_request r = { .token = 50,
		.listener = "door",
		.codec = codec,
		.by_certificate = true,
		.method = YT_STR("POST"),
		.subject = YT_STR("insurer"),
		.body = YT_STR("TOLD inst=TIANYI num=E1 | setl=A1 seq=1 told=PAID") };
	bool is_over = false;
	unsigned steps;

	(void)state;
	set_up_claims();
	for (steps = 0; !is_over; steps++) {
		teardown(NULL);
		setup(NULL);
		play("S d R d Q w");
		w.answers = 0;
		engine_request(w.engine, &r);
		for (unsigned i = 0; i < steps && !is_over; i++)
			is_over = !one_step();
		assert_true(w.answers == 0 || n_brought() == 1);
		kill_all();
		pump();
		if (w.answers == 0)
			tell("E1", 1, "PAID");
		else
			tell("E1", 1, "PAID"); /* its answer may have been lost on its way */
		assert_int_equal(n_brought(), 1);
		wait_for_leg(AT_ONCE_MS, "hub:ASKCLAIM");
		reply('d');
		assert_int_equal(in_log_of("+/A1").state, X_DONE);
		assert_int_equal(in_log_of("E1").state, X_DONE);
	}
	assert_true(steps > 6);
	set_back();
}

struct unwritten { /* what the keeper was told and had not written: its ring has it still */
	struct message of[2 * COUNT(w.queue)];
	size_t n;
};

static void keep(struct unwritten *u, const struct message *m)
{
	struct message *mine = &u->of[u->n++];

	assert_true(u->n <= COUNT(u->of));
	*mine = *m;
	mine->payload = (struct yt_buf){ 0 };
	yt_buf_str(&mine->payload, yt_buf_view(&m->payload));
}

static void forget(struct unwritten *u)
{
	while (u->n > 0)
		yt_buf_free(&u->of[--u->n].payload);
}

/* The one after it reads it again, and then what came behind that. */
static void kill_keeper_with(struct unwritten *u)
{
	while (w.first < w.last)
		keep(u, &w.queue[w.first++ % COUNT(w.queue)]);
	w.first = w.last = 0;
	for (size_t i = 0; i < u->n; i++) {
		struct message *m = &w.queue[w.last++];
		struct yt_buf own = m->payload;

		*m = u->of[i];
		m->payload = own;
		yt_buf_clear(&m->payload);
		yt_buf_str(&m->payload, yt_buf_view(&u->of[i].payload));
	}
	kill_keeper();
}

/* As many steps as said, then the keeper alone dies, or all.  True: there were no more. */
static bool play_until(unsigned steps, bool keeper_alone)
{
	static struct unwritten u;
	size_t commits = w.n_commits;
	bool is_over = false;

	for (unsigned i = 0; i < steps && !is_over; i++) {
		if (w.first < w.last && w.queue[w.first % COUNT(w.queue)].up)
			keep(&u, &w.queue[w.first % COUNT(w.queue)]);
		is_over = !one_step();
		if (w.n_commits > commits)
			forget(&u);
		commits = w.n_commits;
	}
	if (keeper_alone)
		kill_keeper_with(&u);
	else
		conf.lines_at_once = 3, kill_all(); /* another version comes back */
	forget(&u);
	return is_over;
}

/* What was told of a statement is told once, and all of it, whoever dies and when. */
static void test_pieces_killed_after_each_step(void **state)
{
	struct engine_request r = { .token = 50,
		.listener = "door",
		.codec = codec,
		.by_certificate = true,
		.method = YT_STR("POST"),
		.subject = YT_STR("insurer"),
		.body = YT_STR(LONG_STATEMENT) };
	unsigned steps;
	bool is_over;

	(void)state;
	set_up_claims();
	for (unsigned keeper_alone = 0; keeper_alone < 2; keeper_alone++) {
		for (steps = 0, is_over = false; !is_over; steps++) {
			conf.lines_at_once = 2;
			teardown(NULL);
			setup(NULL);
			play("S d R d Q w");
			engine_request(w.engine, &r);
			is_over = play_until(steps, keeper_alone != 0);
			pump();
			later(100);
			ask(51, LONG_STATEMENT);
			assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
			assert_true(n_pieces("L1") == 4 || (!keeper_alone && n_pieces("L1") == 3));
			assert_int_equal(n_brought(), 2);
			assert_int_equal(in_log_of("L1").strays, 5);
			assert_int_equal(in_log_of("L1").state, X_DONE);
		}
		assert_true(steps > 12);
	}
	conf.lines_at_once = 0;
	set_back();
}

static void hear(void *ctx, enum yt_level level, const char *text)
{
	if (level == YT_WARN && strstr(text, "hub asks for documents of a claim") != NULL)
		(*(unsigned *)ctx)++;
}

/* The insurer waits for documents: that is the institution's to see to, and said once. */
static void test_documents_are_wanted(void **state)
{
	unsigned heard = 0;

	(void)state;
	is_native = true;
	follows = &paid_claim;
	yt_log_watch(hear, &heard);
	ask(1, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1 person=P");
	expect("platform:SETTLE", 'd');
	expect("hub:CLAIM", 'd');
	expect("hub:ASKCLAIM", 'W');
	assert_string_equal(in_log_of("+/A1").reason, "waits: documents: the insurer asks the institution for them");
	expect("hub:ASKCLAIM", 'W');
	assert_int_equal(heard, 1);
	expect("hub:ASKCLAIM", 'w');
	assert_string_equal(in_log_of("+/A1").reason, "its result is awaited");
	yt_log_watch(NULL, NULL);
	follows = NULL;
	is_native = false;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_notices, setup, teardown),
		cmocka_unit_test_setup_teardown(test_repeat, setup, teardown),
		cmocka_unit_test_setup_teardown(test_documents_are_wanted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_of_nothing_known, setup, teardown),
		cmocka_unit_test_setup_teardown(test_banks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_payments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ambiguous_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_early_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_strays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines_of_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_of_another_party, setup, teardown),
		cmocka_unit_test_setup_teardown(test_of_a_resting_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_from_the_index, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed_after_each_step, setup, teardown),
		cmocka_unit_test_setup_teardown(test_in_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_continuity, setup, teardown),
		cmocka_unit_test_setup_teardown(test_takes_too_much, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pieces_killed_after_each_step, setup, teardown),
	};

	return flow_world_run(tests, COUNT(tests));
}
