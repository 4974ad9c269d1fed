/* sandbox/one_stop.c - stays whose insurer decides before the hospital hears, and pays it (play.h).
 *
 * At the second hospital, with which 天一甬宁保 has agreed so (--hospitals): its answer to a settlement says what is
 * left to collect.  Where no decision comes in time it collects all, and the person is paid. */
#include "play.h"
#include "text.h"

#include <string.h>

static int settle_agreed(struct play *play)
{
	play_big_bill(play);
	return care_open(&play->desk, play->care) == 0 ? play_agree(play) : -1;
}

/* As the insurer's own books have it. */
static int check_paid(struct play *play, const char *whom, int64_t payable_fen)
{
	json_t *claim = play_claim(play);
	bool is_so = strcmp(json_text(json_object_get(claim, "result"), "payTo"), whom) == 0 &&
	             (payable_fen < 0 || json_number(claim, "paid", -1) == payable_fen);

	json_decref(claim);
	return is_so ? 0 : play_fail(play, "the insurer has not paid the %s what it said", whom);
}

static int case_decided(struct play *play)
{
	if (settle_agreed(play) != 0 || play_settle(play) != 0)
		return -1;
	if (play->care->claim_fen <= 0)
		return play_fail(play, "the settlement did not show what the insurer pays");
	return play_await_claim(play, "PAID") == 0 ? check_paid(play, "INSTITUTION", play->care->claim_fen) : -1;
}

/* It does not take the claim now: the hospital hears the platform alone. */
static int case_busy(struct play *play)
{
	if (settle_agreed(play) != 0 || play_arm_insurer(play, "claims", "busy") != 0 || play_settle(play) != 0)
		return -1;
	if (play->care->claim_fen >= 0)
		return play_fail(play, "a decision was shown that never came");
	return play_await_claim(play, "PAID") == 0 ? check_paid(play, "PERSON", -1) : -1;
}

static const struct case_kind kinds[] = {
	{ "one-stop-busy", "the insurer is busy: the hospital hears the platform alone", 2, NULL, case_busy, 1, 'i',
	        true },
	{ "one-stop", "the insurer decides at once and pays the hospital", 8, NULL, case_decided, 1, 'i', true },
};

const struct case_table one_stop_cases = { kinds, sizeof(kinds) / sizeof(*kinds), WHO_CLAIM };
