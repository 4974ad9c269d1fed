/* tests/test_flow_return.c - a payment that came back, or failed: it stays on record as that, its number is never used
 * again, and the money leaves once more, to another account, under a number of its own (P5).
 *
 * The world is that of tests/flow_world.h; each conversation is played once as it stands and once more for each leg
 * with everything killed when that leg has left. */
#include "flow_world.h"

#include <stdio.h>

#define ACCOUNT "ACCOUNT inst=H1 num=H1-8%u | person=P relation=00 named=Lin account=6222020000000%d"
#define DECIDED "platform:SETTLE d hub:CLAIM d hub:ASKCLAIM D "

/* Legs as in test_flow_pay.c.  account:N another account is told; cancel: the settlement is; word:STATE what the bank
 * tells of the newest payout, old:STATE of the first one, message:STATE of the message that ordered that, both:STATE of
 * both at once; booked: its books say that it came back, part: a part of it, foreign: another bank's say so; lines: a
 * statement has one for each payment; hold: people do; nothing: no leg for ten minutes; restart: of all; indexed: what
 * is over leaves memory; release: by two people. told: what the insurer hears of payments, in order. */
static const struct return_case {
	const char *it, *script, *told, *reason;
	unsigned n_orders;
	enum exchange_state end;
} cases[] = {
	{ "came back at once, another account",
	        DECIDED "bank:PAY A bank:ASKPAY R hub:TELLPAID d nothing account:1 bank:PAY p hub:TELLPAID d",
	        "FAILED PAID", "", 2, X_DONE },
	{ "failed, another account",
	        DECIDED "bank:PAY A bank:ASKPAY F hub:TELLPAID d nothing account:1 bank:PAY A bank:ASKPAY p "
	                "hub:TELLPAID d",
	        "FAILED PAID", "", 2, X_DONE },
	{ "refused, another account", DECIDED "bank:PAY r hub:TELLPAID d account:1 bank:PAY p hub:TELLPAID d",
	        "FAILED PAID", "", 2, X_DONE },
	{ "lost, then found to have failed",
	        DECIDED "bank:PAY l bank:ASKPAY F hub:TELLPAID d account:1 bank:PAY l bank:ASKPAY p hub:TELLPAID d",
	        "FAILED PAID", "", 2, X_DONE },
	{ "nobody tells another account: it waits", DECIDED "bank:PAY A bank:ASKPAY R hub:TELLPAID d nothing", "FAILED",
	        "waits: release of 12.34 yuan: the payment before came back from this account", 1, X_UNKNOWN },
	{ "the same account again: it waits", DECIDED "bank:PAY A bank:ASKPAY R hub:TELLPAID d account:0 nothing",
	        "FAILED", "waits: release of 12.34 yuan: the payment before came back from this account", 1,
	        X_UNKNOWN },
	{ "the same account, released by two people",
	        DECIDED "bank:PAY A bank:ASKPAY R hub:TELLPAID d nothing release bank:PAY p hub:TELLPAID d",
	        "FAILED PAID", "", 2, X_DONE },
	{ "came back twice",
	        DECIDED "bank:PAY A bank:ASKPAY R hub:TELLPAID d account:1 bank:PAY A bank:ASKPAY F hub:TELLPAID d "
	                "nothing account:2 bank:PAY p hub:TELLPAID d",
	        "FAILED FAILED PAID", "", 3, X_DONE },
	{ "paid, and days later it comes back",
	        DECIDED "bank:PAY p hub:TELLPAID d nothing word:RETURNED bank:ASKPAY R hub:TELLPAID d nothing "
	                "account:1 bank:PAY p hub:TELLPAID d nothing",
	        "PAID RETURNED PAID", "", 2, X_DONE },
	{ "it comes back before the insurer has heard that it was paid",
	        DECIDED "bank:PAY A bank:ASKPAY p hub:TELLPAID l word:RETURNED hub:TELLPAID d bank:ASKPAY R "
	                "hub:TELLPAID d account:1 bank:PAY p hub:TELLPAID d",
	        "PAID RETURNED PAID", "", 2, X_DONE },
	{ "it tells so, and says paid when it is asked: nothing leaves",
	        DECIDED "bank:PAY p hub:TELLPAID d word:RETURNED bank:ASKPAY p bank:ASKPAY p account:1 bank:ASKPAY p "
	                "bank:ASKPAY R hub:TELLPAID d bank:PAY p hub:TELLPAID d",
	        "PAID RETURNED PAID", "", 2, X_DONE },
	{ "its books say so, and its answer goes on to say paid",
	        DECIDED "bank:PAY p hub:TELLPAID d booked bank:ASKPAY p hub:TELLPAID d nothing account:1 bank:PAY p "
	                "hub:TELLPAID d",
	        "PAID RETURNED PAID", "", 2, X_DONE },
	{ "the insurer tells back what it was told",
	        DECIDED "bank:PAY p hub:TELLPAID d insurer:PAID word:RETURNED bank:ASKPAY R hub:TELLPAID d account:1 "
	                "bank:PAY p hub:TELLPAID d insurer:RETURNED insurer:PAID nothing",
	        "PAID RETURNED PAID", "", 2, X_DONE },
	{ "what is told of the old one once more is nothing",
	        DECIDED "bank:PAY A bank:ASKPAY R hub:TELLPAID d old:RETURNED nothing account:1 bank:PAY p "
	                "hub:TELLPAID d old:RETURNED nothing",
	        "FAILED PAID", "", 2, X_DONE },
	{ "the old one was paid after all: people look, nothing leaves",
	        DECIDED "bank:PAY A bank:ASKPAY F hub:TELLPAID d old:PAID account:1 nothing", "FAILED",
	        "its party says otherwise now, after it had ended: look at what it was told", 1, X_PARKED },
	{ "and whatever is told after that: nothing leaves",
	        DECIDED "bank:PAY A bank:ASKPAY F hub:TELLPAID d old:PAID account:1 insurer:PAID word:PAID nothing",
	        "FAILED", "its party says otherwise now, after it had ended: look at what it was told", 1, X_PARKED },
	{ "told in one message of the old one, and of what it was ordered by: nothing leaves",
	        DECIDED "bank:PAY A bank:ASKPAY F hub:TELLPAID d account:0 both:PAID account:1 nothing", "FAILED",
	        "its party says otherwise now, after it had ended: look at what it was told", 1, X_PARKED },
	{ "told of the old one's message alone: nothing leaves",
	        DECIDED "bank:PAY A bank:ASKPAY F hub:TELLPAID d account:0 message:PAID account:1 nothing", "FAILED",
	        "its party says otherwise now, after it had ended: look at what it was told", 1, X_PARKED },
	{ "what is told of the old one's message once more is nothing",
	        DECIDED "bank:PAY A bank:ASKPAY R hub:TELLPAID d message:RETURNED nothing account:1 bank:PAY p "
	                "hub:TELLPAID d message:RETURNED nothing",
	        "FAILED PAID", "", 2, X_DONE },
	{ "people hold it: no word takes it on",
	        DECIDED
	        "bank:PAY A bank:ASKPAY F hub:TELLPAID d nothing hold account:1 insurer:PAID old:FAILED nothing",
	        "FAILED", "seen", 1, X_PARKED },
	{ "another bank's books say so, which is nothing",
	        DECIDED "bank:PAY p hub:TELLPAID d foreign word:RETURNED bank:ASKPAY p bank:ASKPAY p account:1 "
	                "bank:ASKPAY R hub:TELLPAID d bank:PAY p hub:TELLPAID d",
	        "PAID RETURNED PAID", "", 2, X_DONE },
	{ "cancelled while another account is awaited: the claim is withdrawn, nothing is paid",
	        DECIDED "bank:PAY A bank:ASKPAY R hub:TELLPAID d nothing cancel platform:CANCEL d hub:WITHDRAW d",
	        "FAILED", "", 1, X_REVERSED },
	{ "cancelled when the second one is under way: that one is recalled",
	        DECIDED "bank:PAY A bank:ASKPAY R hub:TELLPAID d account:1 bank:PAY A bank:ASKPAY P cancel "
	                "platform:CANCEL d bank:RECALL d hub:WITHDRAW d",
	        "FAILED", "", 2, X_REVERSED },
};

#define FAILS_AGAIN(n) "account:" n " bank:PAY A bank:ASKPAY F hub:TELLPAID d "
static const struct return_case all_fail = { "six came to nothing: no seventh leaves, and people look",
	DECIDED "bank:PAY A bank:ASKPAY F hub:TELLPAID d " FAILS_AGAIN("1") FAILS_AGAIN("2") FAILS_AGAIN("3")
	        FAILS_AGAIN("4") FAILS_AGAIN("5") "account:6 nothing",
	"FAILED FAILED FAILED FAILED FAILED FAILED",
	"all payouts of it came to nothing, and no further one is ordered: look at them", 6, X_PARKED };

#define TWO_FAILED                                                                                                     \
	DECIDED "bank:PAY A bank:ASKPAY F hub:TELLPAID d account:1 bank:PAY A bank:ASKPAY F hub:TELLPAID d nothing "
static const struct return_case of_three[] = {
	{ "the first of three was paid after all, told after a restart: nothing leaves",
	        TWO_FAILED "restart old:PAID account:2 nothing", "FAILED FAILED",
	        "its party says otherwise now, after it had ended: look at what it was told", 2, X_PARKED },
	{ "the first of three was paid after all, told while it rests: nothing leaves",
	        TWO_FAILED "indexed old:PAID account:2 nothing", "FAILED FAILED",
	        "its party says otherwise now, after it had ended: look at what it was told", 2, X_PARKED },
	{ "told by a line that names the first by its UETR alone: nothing leaves", TWO_FAILED "uetr account:2 nothing",
	        "FAILED FAILED", "its party says otherwise now, after it had ended: look at what it was told", 2,
	        X_PARKED },
	{ "told so while it rests: nothing leaves", TWO_FAILED "indexed uetr account:2 nothing", "FAILED FAILED",
	        "its party says otherwise now, after it had ended: look at what it was told", 2, X_PARKED },
	{ "or after a restart: nothing leaves", TWO_FAILED "restart uetr account:2 nothing", "FAILED FAILED",
	        "its party says otherwise now, after it had ended: look at what it was told", 2, X_PARKED },
	{ "told while it rests of the message of the first: nothing leaves",
	        TWO_FAILED "indexed message:PAID account:2 nothing", "FAILED FAILED",
	        "its party says otherwise now, after it had ended: look at what it was told", 2, X_PARKED },
};

/* Each number once, and never twice to the account that it came back from. */
static struct paid {
	char number[6][40], message[6][40], uetr[6][40], to[6][32], told[60];
	char file[40]; /* the number of the message that the last left as */
	char heard;    /* how the last was answered */
	unsigned n;
	bool is_released;
} paid;

static void note_leg(void)
{
	char number[40], to[32], state[16], anew_for[40], file[40];

	if (fake_is(yt_str(w.sent), "TELLPAID")) {
		fake_value(yt_str(w.sent), "pst", state, sizeof(state));
		fake_value(yt_str(w.sent), "payout", number, sizeof(number));
		assert_string_equal(number, paid.number[paid.n - 1]);
		snprintf(paid.told + strlen(paid.told), sizeof(paid.told) - strlen(paid.told), "%s%s",
		        paid.told[0] != 0 ? " " : "", state);
	}
	if (!fake_is(yt_str(w.sent), "PAY"))
		return;
	fake_value(yt_str(w.sent), "pay", number, sizeof(number));
	fake_value(yt_str(w.sent), "to", to, sizeof(to));
	assert_int_equal(strlen(number), 22);
	fake_value(yt_str(w.sent), "num", file, sizeof(file));
	if (paid.heard != '\0' && strchr(bank_is_mute ? "nlN" : "n", paid.heard) != NULL) { /* the same once more */
		assert_string_equal(number, paid.number[paid.n - 1]);
		assert_string_equal(to, paid.to[paid.n - 1]);
		assert_int_equal(strcmp(file, paid.file) == 0, paid.heard == 'l');
		memcpy(paid.file, file, sizeof(file));
		return;
	}
	memcpy(paid.file, file, sizeof(file));
	fake_value(yt_str(w.sent), "askpay", anew_for, sizeof(anew_for)); /* orig_pay_no */
	assert_string_equal(anew_for, paid.n == 0 ? "" : paid.number[paid.n - 1]);
	for (unsigned i = 0; i < paid.n; i++) {
		assert_string_not_equal(number, paid.number[i]);
		assert_true(paid.is_released || strcmp(to, paid.to[i]) != 0);
	}
	assert_in_range(paid.n, 0, 5);
	memcpy(paid.number[paid.n], number, sizeof(number));
	fake_value(yt_str(w.sent), "uetr", paid.uetr[paid.n], sizeof(paid.uetr[0]));
	memcpy(paid.message[paid.n], in_log_of("+/A1").pay_msg, sizeof(paid.message[0]));
	memcpy(paid.to[paid.n++], to, sizeof(to));
}

static void nothing_leaves(void)
{
	for (int i = 0; i < 600 && w.leg == 0; i++)
		later(1000);
	if (w.leg != 0)
		fail_msg("left: %s", w.sent);
}

/* Of a payout, of the message that orders it, or of both at once. */
static void tell_word(const char *number, const char *message, const char *word, size_t n)
{
	static unsigned serial;
	char line[200], payout[80] = "", whole[80] = "";

	if (number != NULL)
		snprintf(payout, sizeof(payout), " about=%s told=%.*s", number, (int)n, word);
	if (message != NULL)
		snprintf(whole, sizeof(whole), " ofmsg=%s whole=%.*s", message, (int)n, word);
	snprintf(line, sizeof(line), "PAYTOLD inst=BANK num=B%u |%s%s", ++serial, payout, whole);
	origin.party = "bank";
	ask(1000 + serial, line);
	origin.party = "hub";
	assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
}

static void release(void)
{
	paid.is_released = true;
	assert_int_equal(
	        keeper_release(w.keeper, in_log_of("+/A1").id, YT_STR("li"), YT_STR("li"), YT_STR("seen")), YT_EDENIED);
	assert_int_equal(
	        keeper_release(w.keeper, in_log_of("+/A1").id, YT_STR("li"), YT_STR("wang"), YT_STR("seen")), 0);
	pump();
}

static void tell_booked(const char *party, const char *yuan)
{
	static unsigned serial;
	char line[160];

	snprintf(line, sizeof(line), "BOOKED inst=BANK num=K%u | entry=%s dc=C booked=BOOK sum=%s", ++serial,
	        paid.number[paid.n - 1], yuan);
	origin.party = party;
	ask(2000 + serial, line);
	origin.party = "hub";
	assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
}

/* A line of a final statement for each payment that was made, to the account that it went to. */
static void tell_lines(void)
{
	static unsigned serial;
	char line[200];

	origin.party = "bank";
	for (unsigned i = 0; i < paid.n; i++) {
		snprintf(line, sizeof(line),
		        "STATEMENT inst=BANK num=S%u | entry=%s dc=D booked=BOOK sum=12.34 acct=%s day=2026-11-20",
		        ++serial, paid.number[i], paid.to[i]);
		ask(3000 + serial, line);
		assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
	}
	origin.party = "hub";
}

/* A line of the day's statement that names the first one by its UETR alone. */
static void tell_old_uetr(void)
{
	static unsigned serial;
	char line[200];

	snprintf(line, sizeof(line),
	        "STATEMENT inst=BANK num=U%u | entry=- byuetr=%s dc=D booked=BOOK sum=12.34 day=2026-11-20", ++serial,
	        paid.uetr[0]);
	origin.party = "bank";
	ask(3000 + serial, line);
	origin.party = "hub";
	assert_int_equal(strncmp(w.answer, "DONE", 4), 0);
}

/* False: it is a leg. */
static bool does_event(const char *p, size_t n)
{
	static uint64_t token = 500;
	char line[160];

	if (strncmp(p, "account:", 8) == 0) {
		snprintf(line, sizeof(line), ACCOUNT, (unsigned)++token, p[8] - '0');
		ask(token, line);
	} else if (strncmp(p, "cancel", 6) == 0)
		ask(++token, "CANCEL inst=H1 num=H1-2 | setl=A1");
	else if (strncmp(p, "word:", 5) == 0)
		tell_word(paid.number[paid.n - 1], NULL, p + 5, n - 5);
	else if (strncmp(p, "insurer:", 8) == 0) {
		bool is_back = strncmp(p + 8, "RETURNED", 8) == 0;

		snprintf(line, sizeof(line), "TOLD inst=HUB num=E%u | setl=A1 seq=%u told=%.*s%s", (unsigned)token,
		        (unsigned)token, is_back ? 4 : (int)n - 8, is_back ? "PAID" : p + 8,
		        is_back ? " pay=RETURNED" : "");
		ask(++token, line);
	} else if (strncmp(p, "booked", 6) == 0) {
		tell_booked("bank", "12.34");
	} else if (strncmp(p, "foreign", 7) == 0) {
		tell_booked("otherbank", "12.34");
	} else if (strncmp(p, "part", 4) == 0) {
		tell_booked("bank", "2.34");
	} else if (strncmp(p, "old:", 4) == 0)
		tell_word(paid.number[0], NULL, p + 4, n - 4);
	else if (strncmp(p, "both:", 5) == 0)
		tell_word(paid.number[0], paid.message[0], p + 5, n - 5);
	else if (strncmp(p, "uetr", 4) == 0)
		tell_old_uetr();
	else if (strncmp(p, "message:", 8) == 0)
		tell_word(NULL, paid.message[0], p + 8, n - 8);
	else if (strncmp(p, "hold", 4) == 0)
		assert_int_equal(
		        keeper_decide(w.keeper, in_log_of("+/A1").id, "park", YT_STR("li"), YT_STR("seen")), 0);
	else if (strncmp(p, "nothing", 7) == 0)
		nothing_leaves();
	else if (strncmp(p, "restart", 7) == 0)
		kill_all();
	else if (strncmp(p, "indexed", 7) == 0) {
		keeper_indexed(w.keeper, w.n_commits + 1);
		index_has_all = true;
	} else if (strncmp(p, "lines", 5) == 0)
		tell_lines();
	else if (strncmp(p, "release", 7) == 0)
		release();
	else
		return false;
	return true;
}

static void assert_leg(const char *expected)
{
	char head[64];

	snprintf(head, sizeof(head), "%s:%.*s", w.sent_to, (int)strcspn(w.sent, " "), w.sent);
	assert_string_equal(w.leg == 0 ? "nothing" : head, expected);
}

/* False: what was killed is found out otherwise, and the rest is not played. */
static bool play_leg(const char *expected, char how, bool is_killed)
{
	bool is_order;
	char number[40];

	await_leg();
	assert_leg(expected);
	note_leg();
	if (is_killed && strncmp(expected, "platform:", 9) != 0) {
		is_order = fake_is(yt_str(w.sent), "PAY");
		kill_all();
		await_leg();
		if (is_order && bank_pays != YT_RESOLVE_RESEND) {
			assert_leg("bank:ASKPAY"); /* it may have arrived */
			return false;
		}
		if (is_order && how == 'n')
			return false; /* that proves nothing of the first try any more: people look */
		if (strcmp(expected, "bank:ASKPAY") == 0 && fake_is(yt_str(w.sent), "RECALL")) {
			reply('r'); /* it was refused before, and is asked once more */
			await_leg();
		}
		assert_leg(expected);
	}
	if (fake_is(yt_str(w.sent), "PAY")) { /* a file is put there once more: the same payment */
		fake_value(yt_str(w.sent), "pay", number, sizeof(number));
		assert_string_equal(number, paid.number[paid.n - 1]);
		paid.heard = how;
	}
	reply(how);
	return true;
}

/* False: not to its end. */
static bool play_script(const char *script, unsigned killed)
{
	char expected[120];
	unsigned n = 0;

	memset(&paid, 0, sizeof(paid));
	snprintf(expected, sizeof(expected), ACCOUNT, 1, 0);
	ask(1, expected);
	ask(2, "SETTLE inst=H1 num=H1-1 | visit=V1 batch=B1 person=P");
	for (const char *p = script; *p != '\0'; p += *p == ' ') {
		size_t len = strcspn(p, " ");

		if (does_event(p, len)) {
			p += len;
			continue;
		}
		snprintf(expected, sizeof(expected), "%.*s", (int)len, p);
		if (!play_leg(expected, p[len + 1], ++n == killed))
			return false;
		p += len + 2;
	}
	return true;
}

static void play(const struct return_case *c, unsigned killed)
{
	if (!play_script(c->script, killed))
		return;
	nothing_leaves();
	assert_int_equal(in_log_of("+/A1").state, c->end);
	assert_int_equal(paid.n, c->n_orders);
	if (*c->reason != '\0')
		assert_string_equal(in_log_of("+/A1").reason, c->reason);
	if (killed == 0 && strstr(c->script, "TELLPAID l") == NULL)
		assert_string_equal(paid.told, c->told);
}

/* -- asked back ----------------------------------------------------------------------------------- */

/* back: of what asks the money back; X_NONE: nothing does. */
static const struct back_case {
	const char *it, *script;
	enum exchange_state end, back;
} backs[] = {
	{ "cancelled when it is paid", DECIDED "bank:PAY p hub:TELLPAID d cancel platform:CANCEL d hub:WITHDRAW L",
	        X_DONE, X_PARKED },
	{ "cancelled when it is paid, and the insurer does not answer",
	        DECIDED "bank:PAY p hub:TELLPAID d cancel platform:CANCEL d hub:WITHDRAW l hub:WITHDRAW L", X_DONE,
	        X_PARKED },
	{ "the insurer lets it be withdrawn all the same",
	        DECIDED "bank:PAY p hub:TELLPAID d cancel platform:CANCEL d hub:WITHDRAW d", X_DONE, X_PARKED },
	{ "the insurer lets it be withdrawn, and tells so",
	        DECIDED "bank:PAY p hub:TELLPAID d cancel platform:CANCEL d hub:WITHDRAW d insurer:REJECTED nothing",
	        X_DONE, X_PARKED },
	{ "too late to be recalled: the insurer hears first that it was paid",
	        DECIDED "bank:PAY A bank:ASKPAY P cancel platform:CANCEL d bank:RECALL r bank:ASKPAY P bank:RECALL r "
	                "bank:ASKPAY p hub:TELLPAID l hub:TELLPAID d hub:WITHDRAW L",
	        X_DONE, X_PARKED },
	{ "too late to be recalled, and it fails: nothing is asked back",
	        DECIDED "bank:PAY A bank:ASKPAY P cancel platform:CANCEL d bank:RECALL r bank:ASKPAY F "
	                "hub:WITHDRAW d",
	        X_REVERSED, X_NONE },
	{ "the insurer has paid itself",
	        "platform:SETTLE d hub:CLAIM d hub:ASKCLAIM K cancel platform:CANCEL d hub:WITHDRAW L", X_DONE,
	        X_PARKED },
	{ "the insurer has paid itself, which nobody knew",
	        "platform:SETTLE d hub:CLAIM d hub:ASKCLAIM O cancel platform:CANCEL d hub:WITHDRAW L hub:ASKCLAIM K "
	        "hub:WITHDRAW L",
	        X_DONE, X_PARKED },
	{ "it is rejected meanwhile: nothing is asked back",
	        "platform:SETTLE d hub:CLAIM d hub:ASKCLAIM O cancel platform:CANCEL d hub:WITHDRAW L hub:ASKCLAIM j "
	        "hub:WITHDRAW L",
	        X_REVERSED, X_NONE },
	{ "the bank tells that the money came back: it is over, and nothing leaves",
	        DECIDED "bank:PAY p hub:TELLPAID d cancel platform:CANCEL d hub:WITHDRAW L nothing word:RETURNED "
	                "nothing",
	        X_DONE, X_DONE },
	{ "a part of it came back: people look at both",
	        DECIDED "bank:PAY p hub:TELLPAID d cancel platform:CANCEL d hub:WITHDRAW L nothing part nothing",
	        X_PARKED, X_PARKED },
	{ "all of it came back by their books",
	        DECIDED "bank:PAY p hub:TELLPAID d cancel platform:CANCEL d hub:WITHDRAW L nothing booked nothing",
	        X_DONE, X_DONE },
	{ "cancelled after a return and a second payment: one sum is asked back",
	        DECIDED "bank:PAY A bank:ASKPAY R hub:TELLPAID d account:1 bank:PAY p hub:TELLPAID d cancel "
	                "platform:CANCEL d hub:WITHDRAW L",
	        X_DONE, X_PARKED },
};

static void play_back(const struct back_case *c, unsigned killed)
{
	struct exchange back;

	if (!play_script(c->script, killed))
		return;
	nothing_leaves();
	assert_int_equal(in_log_of("+/A1").state, c->end);
	back = in_log_of("back/A1");
	assert_int_equal(back.state, c->back);
	if (c->back == X_NONE)
		return;
	assert_int_equal(back.amount_fen, 1234);
	assert_int_equal(back.op, YT_OP_CLAIM_BACK);
	assert_string_equal(back.reference, paid.n > 0 ? paid.number[paid.n - 1] : "C77");
	if (back.state != X_PARKED)
		return;
	assert_non_null(strstr(back.reason, "are to be asked back"));
	assert_int_equal(keeper_decide(w.keeper, back.id, "done", YT_STR("li"), YT_STR("it came back")), 0);
	nothing_leaves();
	assert_int_equal(in_log_of("back/A1").state, X_DONE);
	assert_int_equal(in_log_of("+/A1").state, c->end);
}

static void begin_paying(void)
{
	is_native = true;
	follows = &paid_claim;
	platform_settles = YT_RESOLVE_ADOPT;
}

static void end_paying(void)
{
	platform_settles = YT_RESOLVE_REVERSE;
	follows = NULL;
	is_native = false;
}

static void test_asked_back(void **state)
{
	begin_paying();
	for (size_t i = 0; i < COUNT(backs); i++) {
		for (unsigned killed = 0; killed < 13; killed++) {
			teardown(NULL);
			setup(NULL);
			print_message("%s, killed at leg %u\n", backs[i].it, killed);
			play_back(&backs[i], killed);
		}
	}
	end_paying();
}

/* Its cancel is undone, and it is cancelled once more: what was to be asked back stays paid, and is asked back again.
 */
static void test_asked_back_again(void **state)
{
	for (unsigned killed = 0; killed < 2; killed++) {
		teardown(NULL);
		setup(NULL);
		begin_paying();
		memset(&paid, 0, sizeof(paid));
		assert_true(
		        play_script(DECIDED "bank:PAY p hub:TELLPAID d cancel platform:CANCEL d hub:WITHDRAW L", 0));
		nothing_leaves();
		assert_int_equal(in_log_of("back/A1").state, X_PARKED);
		ask(21, "REVERSE inst=H1 num=H1-31 | orig=H1-2 origop=CANCEL");
		await_leg();
		reply('d');
		nothing_leaves();
		assert_int_equal(in_log_of("back/A1").state, X_REVERSED);
		assert_false(in_log_of("+/A1").claimed_back);
		if (killed)
			kill_all();
		ask(22, "CANCEL inst=H1 num=H1-32 | setl=A1");
		await_leg();
		reply('d');
		await_leg();
		assert_true(fake_is(yt_str(w.sent), "WITHDRAW"));
		reply('L');
		nothing_leaves();
		assert_int_equal(in_log_of("back/A1").state, X_PARKED);
		assert_non_null(strstr(in_log_of("back/A1").reason, "are to be asked back"));
		assert_true(in_log_of("+/A1").claimed_back);
	}
	end_paying();
}

/* It stands again after people had closed what asked its money back: what is back is to be paid anew, and they hear so;
 * what was given up stays paid, and is asked back once more with the next cancel. */
static void test_stands_again_when_closed(void **state)
{
	static const struct {
		const char *said;
		enum exchange_state end;
	} closed[] = { { "done", X_PARKED }, { "refused", X_DONE } };

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(closed); i++) {
		teardown(NULL);
		setup(NULL);
		begin_paying();
		memset(&paid, 0, sizeof(paid));
		assert_true(
		        play_script(DECIDED "bank:PAY p hub:TELLPAID d cancel platform:CANCEL d hub:WITHDRAW L", 0));
		nothing_leaves();
		assert_int_equal(keeper_decide(w.keeper, in_log_of("back/A1").id, closed[i / 2].said, YT_STR("li"),
		                         YT_STR("seen")),
		        0);
		nothing_leaves();
		if (i % 2)
			kill_all();
		ask(21, "REVERSE inst=H1 num=H1-31 | orig=H1-2 origop=CANCEL");
		await_leg();
		reply('d');
		nothing_leaves();
		assert_int_equal(in_log_of("+/A1").state, closed[i / 2].end);
		assert_int_equal(log_has("its settlement stands again, and its money is back"), i / 2 == 0);
		if (closed[i / 2].end == X_PARKED)
			continue;
		ask(22, "CANCEL inst=H1 num=H1-32 | setl=A1");
		await_leg();
		reply('d');
		await_leg();
		reply('L');
		nothing_leaves();
		assert_int_equal(in_log_of("back/A1").state, X_PARKED);
	}
	end_paying();
}

static void test_returns(void **state)
{
	begin_paying();
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (unsigned killed = 0; killed < 13; killed++) {
			teardown(NULL);
			setup(NULL);
			print_message("%s, killed at leg %u\n", cases[i].it, killed);
			play(&cases[i], killed);
		}
	}
	end_paying();
}

/* -- the three ways to a bank ---------------------------------------------------------------------- */

/* Files cannot be called back, their bank cannot be asked, and the same file twice is one. */
static const struct engine_flow claim_by_file = { "paid",
	{ { &hub, YT_OP_CLAIM_SUBMIT, NULL, false, NULL, NULL }, { &hub, YT_OP_CLAIM_QUERY, NULL, true, NULL, NULL },
	        { &bank, YT_OP_PAY_ORDER, NULL, true, "pay_by", "GATEWAY" },
	        { &bank, YT_OP_PAY_QUERY, NULL, true, "pay_by", "GATEWAY" },
	        { &hub, YT_OP_CLAIM_PAYMENT, NULL, true, "pay_by", "GATEWAY" } },
	5, 2 };

/* By the link a number is asked for as it is, by ISO 20022 a message has a new one each time. */
static const struct way {
	const char *name;
	const struct engine_flow *flow;
	enum yt_resolve pays;
	bool is_mute;
} ways[] = { { "link", &paid_claim, YT_RESOLVE_PAY, false }, { "iso20022", &paid_claim, YT_RESOLVE_PAY_ANEW, false },
	{ "file", &claim_by_file, YT_RESOLVE_RESEND, true } };

/* The same fate over each of them: what can be asked is asked for its final word, what is a file is told of. */
static const struct way_case {
	const char *it, *asked, *told_by_file;
	const char *told;
	unsigned n_orders;
	enum exchange_state end, back;     /* of what is asked */
	enum exchange_state f_end, f_back; /* of a file, where that is another, as it is paid: else X_NONE, X_NONE */
} way_cases[] = {
	{ "paid", DECIDED "bank:PAY A bank:ASKPAY P bank:ASKPAY p hub:TELLPAID d",
	        DECIDED "bank:PAY h nothing word:PAID hub:TELLPAID d", "PAID", 1, X_DONE, X_NONE, X_NONE, X_NONE },
	{ "refused, another account",
	        DECIDED
	        "bank:PAY A bank:ASKPAY F hub:TELLPAID d nothing account:1 bank:PAY A bank:ASKPAY p hub:TELLPAID d",
	        DECIDED "bank:PAY h word:FAILED hub:TELLPAID d nothing account:1 bank:PAY h nothing word:PAID "
	                "hub:TELLPAID d",
	        "FAILED PAID", 2, X_DONE, X_NONE, X_NONE, X_NONE },
	{ "its books say days later that it came back, another account",
	        DECIDED "bank:PAY A bank:ASKPAY p hub:TELLPAID d nothing booked bank:ASKPAY R hub:TELLPAID d nothing "
	                "account:1 bank:PAY A bank:ASKPAY p hub:TELLPAID d",
	        DECIDED
	        "bank:PAY h word:PAID hub:TELLPAID d nothing booked hub:TELLPAID d nothing account:1 bank:PAY h "
	        "word:PAID hub:TELLPAID d",
	        "PAID RETURNED PAID", 2, X_DONE, X_NONE, X_NONE, X_NONE },
	{ "told of the old one once more: nothing leaves",
	        DECIDED "bank:PAY A bank:ASKPAY F hub:TELLPAID d account:1 bank:PAY A bank:ASKPAY p hub:TELLPAID d "
	                "old:FAILED nothing",
	        DECIDED "bank:PAY h word:FAILED hub:TELLPAID d account:1 bank:PAY h word:PAID hub:TELLPAID d "
	                "old:FAILED nothing",
	        "FAILED PAID", 2, X_DONE, X_NONE, X_NONE, X_NONE },
	{ "the insurer's word from before is late, and no other than its bank's",
	        DECIDED "bank:PAY A bank:ASKPAY p hub:TELLPAID d word:PAID insurer:ADJUDICATED nothing",
	        DECIDED "bank:PAY h word:PAID hub:TELLPAID d insurer:ADJUDICATED nothing", "PAID", 1, X_DONE, X_NONE,
	        X_NONE, X_NONE },
	{ "its day's statement has both payments, when all has left memory",
	        DECIDED "bank:PAY A bank:ASKPAY p hub:TELLPAID d nothing booked bank:ASKPAY R hub:TELLPAID d account:1 "
	                "bank:PAY A bank:ASKPAY p hub:TELLPAID d nothing indexed lines nothing",
	        DECIDED "bank:PAY h word:PAID hub:TELLPAID d nothing booked hub:TELLPAID d account:1 bank:PAY h "
	                "word:PAID hub:TELLPAID d nothing indexed lines nothing",
	        "PAID RETURNED PAID", 2, X_DONE, X_NONE, X_NONE, X_NONE },
	{ "cancelled when it is paid: it is asked back",
	        DECIDED "bank:PAY A bank:ASKPAY p hub:TELLPAID d cancel platform:CANCEL d hub:WITHDRAW L",
	        DECIDED "bank:PAY h word:PAID hub:TELLPAID d cancel platform:CANCEL d hub:WITHDRAW L", "PAID", 1,
	        X_DONE, X_PARKED, X_NONE, X_NONE },
	{ "the insurer does not answer, then lets it be withdrawn all the same",
	        DECIDED
	        "bank:PAY A bank:ASKPAY p hub:TELLPAID d cancel platform:CANCEL d hub:WITHDRAW l hub:WITHDRAW d",
	        DECIDED "bank:PAY h word:PAID hub:TELLPAID d cancel platform:CANCEL d hub:WITHDRAW l hub:WITHDRAW d",
	        "PAID", 1, X_DONE, X_PARKED, X_NONE, X_NONE },
	{ "and its books tell that it is back",
	        DECIDED
	        "bank:PAY A bank:ASKPAY p hub:TELLPAID d cancel platform:CANCEL d hub:WITHDRAW L nothing booked "
	        "nothing",
	        DECIDED "bank:PAY h word:PAID hub:TELLPAID d cancel platform:CANCEL d hub:WITHDRAW L nothing booked "
	                "nothing",
	        "PAID", 1, X_DONE, X_DONE, X_NONE, X_NONE },
	{ "cancelled when it had failed: nothing is asked back",
	        DECIDED "bank:PAY A bank:ASKPAY F hub:TELLPAID d cancel platform:CANCEL d hub:WITHDRAW d",
	        DECIDED "bank:PAY h word:FAILED hub:TELLPAID d cancel platform:CANCEL d hub:WITHDRAW d", "FAILED", 1,
	        X_REVERSED, X_NONE, X_NONE, X_NONE },
	{ "cancelled when its bank has it: recalled; a file is awaited, and asked back",
	        DECIDED "bank:PAY A bank:ASKPAY P cancel platform:CANCEL d bank:RECALL d hub:WITHDRAW d",
	        DECIDED "bank:PAY h cancel platform:CANCEL d nothing word:PAID hub:TELLPAID d hub:WITHDRAW L", "", 1,
	        X_REVERSED, X_NONE, X_DONE, X_PARKED },
	{ "cancelled when its bank has it, and it fails",
	        DECIDED "bank:PAY A bank:ASKPAY P cancel platform:CANCEL d bank:RECALL r bank:ASKPAY F hub:WITHDRAW d",
	        DECIDED "bank:PAY h cancel platform:CANCEL d nothing word:FAILED hub:WITHDRAW d", "", 1, X_REVERSED,
	        X_NONE, X_NONE, X_NONE },
	{ "it cannot leave, or another file has its name: once more",
	        DECIDED "bank:PAY n bank:PAY n bank:PAY p hub:TELLPAID d",
	        DECIDED "bank:PAY N bank:PAY N bank:PAY h nothing word:PAID hub:TELLPAID d", "PAID", 1, X_DONE, X_NONE,
	        X_NONE, X_NONE },
	{ "lost; another file had its name then, too: no try has left",
	        DECIDED "bank:PAY l bank:ASKPAY p hub:TELLPAID d",
	        DECIDED "bank:PAY l bank:PAY N bank:PAY h nothing word:PAID hub:TELLPAID d", "PAID", 1, X_DONE, X_NONE,
	        X_NONE, X_NONE },
	{ "cancelled when another file has its name: the claim is withdrawn",
	        DECIDED "bank:PAY n cancel platform:CANCEL d hub:WITHDRAW d",
	        DECIDED "bank:PAY N cancel platform:CANCEL d hub:WITHDRAW d", "", 1, X_REVERSED, X_NONE, X_NONE,
	        X_NONE },
	{ "cancelled when nothing could leave: the claim is withdrawn",
	        DECIDED "bank:PAY n cancel platform:CANCEL d hub:WITHDRAW d",
	        DECIDED "bank:PAY n cancel platform:CANCEL d hub:WITHDRAW d", "", 1, X_REVERSED, X_NONE, X_NONE,
	        X_NONE },
};

static void play_way(const struct way *way, const struct way_case *c, unsigned killed)
{
	bool is_other = way->is_mute && c->f_end != X_NONE;

	follows = way->flow;
	bank_pays = way->pays;
	bank_is_mute = way->is_mute;
	index_has_all = false;
	teardown(NULL);
	setup(NULL);
	print_message("%s: %s, killed at leg %u\n", way->name, c->it, killed);
	if (!play_script(way->is_mute ? c->told_by_file : c->asked, killed))
		return;
	nothing_leaves();
	assert_int_equal(in_log_of("+/A1").state, is_other ? c->f_end : c->end);
	assert_int_equal(in_log_of("back/A1").state, is_other ? c->f_back : c->back);
	assert_int_equal(paid.n, c->n_orders);
	if (killed == 0)
		assert_string_equal(paid.told, is_other ? "PAID" : c->told);
}

static void test_ways(void **state)
{
	(void)state;
	begin_paying();
	for (size_t i = 0; i < COUNT(way_cases); i++)
		for (size_t k = 0; k < COUNT(ways); k++)
			for (unsigned killed = 0; killed < 10; killed++)
				play_way(&ways[k], &way_cases[i], killed);
	bank_pays = YT_RESOLVE_PAY;
	bank_is_mute = index_has_all = false;
	end_paying();
}

static void test_first_of_three(void **state)
{
	(void)state;
	begin_paying();
	index_has_all = follow_ups_rest = true;
	for (size_t i = 0; i < COUNT(of_three); i++) {
		for (unsigned killed = 0; killed < 10; killed++) {
			teardown(NULL);
			setup(NULL);
			print_message("%s, killed at leg %u\n", of_three[i].it, killed);
			play(&of_three[i], killed);
		}
	}
	index_has_all = follow_ups_rest = false;
	end_paying();
}

static void test_all_fail(void **state)
{
	(void)state;
	begin_paying();
	for (unsigned killed = 0; killed < 22; killed += 21) {
		teardown(NULL);
		setup(NULL);
		play(&all_fail, killed);
	}
	end_paying();
}

int main(void)
{
	conf.follow_up_park_after_ms = INT64_C(7) * 24 * 3600 * 1000;
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(test_returns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ways, setup, teardown),
		cmocka_unit_test_setup_teardown(test_first_of_three, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_fail, setup, teardown),
		cmocka_unit_test_setup_teardown(test_asked_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stands_again_when_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_asked_back_again, setup, teardown) };
	return flow_world_run(tests, COUNT(tests));
}
