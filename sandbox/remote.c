/* sandbox/remote.c - the visits of people insured in other provinces, case by case (play.h).
 *
 * The hospital sends as always, with the insured area in insuplc_admdvs; the platform registers and splits the lines,
 * the hub settles.  Faults are set at either; an answer lost behind the hub must be found out and adopted, never
 * reversed. */
#include "play.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

static const char *const diseases[] = { "M03900", "M01600" }; /* hypertension, diabetes */

/* The hub has what the platform has another number for. */
static int arm_hub(struct play *play, const char *transno, const char *kind)
{
	return play_arm(play, transno, play->care->own_number, kind, play->demo->options->held_ms);
}

static int not_reversed(struct play *play)
{
	if (play->care->n_reversed == 0)
		return 0;
	return play_fail(play, "reversed %u times, though its outcome could be asked for", play->care->n_reversed);
}

static int case_chronic(struct play *play)
{
	text_format(play->care->med_type, sizeof(play->care->med_type), "140104");
	text_format(play->care->disease, sizeof(play->care->disease), "%s", diseases[play->number % 2]);
	return play_normal(play);
}

/* A second bill of the same visit, the first being settled. */
static int case_batches(struct play *play)
{
	struct care *first = play->care;

	if (play_normal(play) != 0)
		return -1;
	play->care = care_new(play->desk.run, first->origin, first->patient, first->bill, false, first->case_name);
	text_format(play->care->psn_no, sizeof(play->care->psn_no), "%s", first->psn_no);
	text_format(play->care->visit, sizeof(play->care->visit), "%s", first->visit);
	text_format(play->care->begntime, sizeof(play->care->begntime), "%s", first->begntime);
	return care_charge(&play->desk, play->care) == 0 ? play_settle(play) : -1;
}

/* The settlement meets the fault at the hub and is found out: settled once, nothing reversed. */
static int case_adopted(struct play *play)
{
	if (care_open(&play->desk, play->care) != 0 || arm_hub(play, "0304", play->argument) != 0 ||
	        play_settle(play) != 0)
		return -1;
	return not_reversed(play);
}

static int case_trouble(struct play *play)
{
	if (care_open(&play->desk, play->care) != 0 || arm_hub(play, "0304", play->argument) != 0)
		return -1;
	return play_settle(play);
}

static int case_refused(struct play *play)
{
	if (care_open(&play->desk, play->care) != 0 || arm_hub(play, "0304", "refuse") != 0)
		return -1;
	care_settle(&play->desk, play->care, play->care->origin->policy, NULL, NULL);
	return play_expect(play, BELIEF_OPEN);
}

static int case_lost_cancel(struct play *play)
{
	if (play_normal(play) != 0 || arm_hub(play, "0305", play->argument) != 0)
		return -1;
	care_cancel(&play->desk, play->care);
	return play_expect(play, BELIEF_CANCELLED);
}

/* The hub refuses the admission: the platform's is undone, and the visit is registered nowhere. */
static int case_refused_admission(struct play *play)
{
	if (arm_hub(play, "0212", "refuse") != 0)
		return -1;
	if (care_register(&play->desk, play->care) == 0)
		return play_fail(play, "admitted, though the hub has refused it");
	if (strstr(play->desk.why, "备案") == NULL)
		return play_fail(play, "refused in other words than the hub's");
	play->care->must_be_gone = true;
	play->desk.why[0] = '\0';
	return play_expect(play, BELIEF_OPEN);
}

/* What was refused is sent anew.  An out-patient's batch still stands at the platform and is withdrawn first; a stay's
 * lines the gateway has taken back itself. */
static int charge_anew(struct play *play)
{
	play->desk.why[0] = '\0';
	if (!play->care->is_inpatient && care_undo_lines(&play->desk, play->care) != 0)
		return -1;
	return care_charge(&play->desk, play->care) == 0 ? play_settle(play) : -1;
}

/* The hub refuses the lines, and takes the same lines the second time. */
static int case_refused_fees(struct play *play)
{
	if (care_register(&play->desk, play->care) != 0 || arm_hub(play, "0301", "refuse") != 0)
		return -1;
	if (care_charge(&play->desk, play->care) == 0)
		return play_fail(play, "the lines were taken, though the hub has refused them");
	return charge_anew(play);
}

static int case_lost_admission(struct play *play)
{
	return arm_hub(play, "0212", play->argument) == 0 ? play_normal(play) : -1;
}

static int case_lost_fees(struct play *play)
{
	if (care_register(&play->desk, play->care) != 0 || arm_hub(play, "0301", play->argument) != 0 ||
	        care_charge(&play->desk, play->care) != 0)
		return -1;
	return play_settle(play);
}

/* How the platform has split the lines is lost with its answer, and it tells nobody twice: the hospital is refused. */
static int case_lost_fees_platform(struct play *play)
{
	if (care_register(&play->desk, play->care) != 0 ||
	        play_arm(play, play->care->is_inpatient ? "2301" : "2204", play->care->visit, play->argument, 0) != 0)
		return -1;
	return care_charge(&play->desk, play->care) == 0 ? play_settle(play) : charge_anew(play);
}

/* The hospital has no patience: it hangs up and sends its own 2601. */
static int case_own_2601(struct play *play)
{
	struct answer answer;
	struct call call;
	char msgid[31];
	json_t *input;

	if (care_open(&play->desk, play->care) != 0 || arm_hub(play, "0304", "effect_then_silence") != 0)
		return -1;
	origin_msgid(play->care->origin, msgid);
	input = care_settle_input(play->care);
	care_settle_call(play->care, msgid, input, &call);
	call.timeout_ms = 800;
	desk_send(&play->desk, &call, play->care->bill->total_fen, &answer);
	json_decref(input);
	care_settle(&play->desk, play->care, POLICY_OWN_2601, msgid, &answer);
	return play_expect(play, BELIEF_SETTLED);
}

/* Pharmacies: one message registers, charges and settles. */

static int purchase(struct play *play)
{
	play->care->is_pharmacy = true;
	text_format(play->care->med_type, sizeof(play->care->med_type), "41");
	return care_check_person(&play->desk, play->care) == 0 ? play_settle(play) : -1;
}

static int case_purchase_cancel(struct play *play)
{
	if (purchase(play) != 0)
		return -1;
	care_cancel(&play->desk, play->care);
	return play_expect(play, BELIEF_CANCELLED);
}

/* The published example: 412 lines whose sums are those of crossprovince.md section 8. */

static const struct {
	const char *code;
	int n_lines;
	int64_t price_fen, last_price_fen; /* of each line, of the last one */
	int64_t count;
} qingyang_lines[] = {
	{ "001109000010000-110900002", 1, 7000, 7000, 12 },  /* bed: 10.00 a day above its ceiling */
	{ "XN02BEB021A001010102548", 30, 10000, 10309, 1 },  /* class 02, a tenth */
	{ "XL01XEA297A001010178046", 20, 12000, 17972, 1 },  /* class 02, half */
	{ "002504030010000-250403014", 28, 10000, 4000, 1 }, /* class 02, a quarter */
	{ "C0201070270000000000028", 1, 61600, 61600, 1 },   /* 116.00 above its ceiling */
	{ "C0201070270000000000028", 1, 50000, 50000, 1 },
	{ "001102000010000-110200009", 19, 10000, 2040, 1 },  /* self-funded */
	{ "001201000010000-120100004", 312, 5200, 31236, 1 }, /* class 01 */
};

static void qingyang_bill(struct bill *bill)
{
	const size_t n = sizeof(qingyang_lines) / sizeof(*qingyang_lines);

	memset(bill, 0, sizeof(*bill));
	bill->lines = must(calloc(412, sizeof(*bill->lines)));
	for (size_t i = 0; i < n; i++)
		for (int j = 0; j < qingyang_lines[i].n_lines; j++) {
			struct bill_line *line = &bill->lines[bill->n_lines++];

			text_format(line->code, sizeof(line->code), "%s", qingyang_lines[i].code);
			line->price_fen = j + 1 == qingyang_lines[i].n_lines ? qingyang_lines[i].last_price_fen
			                                                     : qingyang_lines[i].price_fen;
			line->count_e4 = qingyang_lines[i].count * 10000;
			line->amount_fen = line->price_fen * qingyang_lines[i].count;
			bill->total_fen += line->amount_fen;
		}
}

static int to_the_fen(struct play *play, const char *what, int64_t fen, int64_t wanted_fen)
{
	if (fen == wanted_fen)
		return 0;
	return play_fail(play, "%s is %lld fen, not %lld", what, (long long)fen, (long long)wanted_fen);
}

static int case_qingyang(struct play *play)
{
	static const struct patient patient = { .certno = "621002197203164015",
		.name = "苏望川",
		.insutype = "390",
		.insuplc = "621000",
		.has_aid = true };
	static struct bill bill; /* the ledger points to it until the end of the run */
	struct care *care;

	qingyang_bill(&bill);
	care = play->care;
	care->patient = &patient;
	care->bill = &bill;
	care->total_fen = bill.total_fen;
	if (play_normal(play) != 0)
		return -1;
	if (to_the_fen(play, "the total", care->total_fen, 2846357) != 0 ||
	        to_the_fen(play, "scope", care->scope_fen, 2369200) != 0 ||
	        to_the_fen(play, "the first share", care->first_fen, 271517) != 0 ||
	        to_the_fen(play, "what is self-funded", care->full_fen, 182040) != 0 ||
	        to_the_fen(play, "what is above ceilings", care->over_fen, 23600) != 0 ||
	        to_the_fen(play, "the basic fund", care->hifp_fen, 1138060) != 0 ||
	        to_the_fen(play, "the serious disease fund", care->hifmi_fen, 438684) != 0 ||
	        to_the_fen(play, "medical aid", care->maf_fen, 554719) != 0 ||
	        to_the_fen(play, "cash", care->cash_fen, 714894) != 0)
		return -1;
	return 0;
}

static const struct case_kind kinds[] = {
	{ "guest-lost-before", "settlement never reaches the hub", 3, "cut", case_trouble, -1, 'b', true },
	{ "guest-held", "takes effect at the hub after the connection is gone", 3, "held", case_trouble, -1, 'b',
	        true },
	{ "guest-lost-after", "settled by the hub, its answer is lost: adopted", 6, "effect_then_silence", case_adopted,
	        ORIGIN_HOLDING, 'b', true },
	{ "guest-lost-cut", "likewise, the connection is cut", 3, "effect_then_cut", case_adopted, ORIGIN_HOLDING, 'b',
	        true },
	{ "guest-502", "likewise, a proxy's 502 page", 2, "http_502_html", case_adopted, ORIGIN_HOLDING, 'b', true },
	{ "guest-signature", "likewise, its signature is wrong", 2, "extra_members", case_adopted, ORIGIN_HOLDING, 'b',
	        true },
	{ "guest-cut-body", "likewise, it ends in its middle", 2, "cut_body", case_adopted, ORIGIN_HOLDING, 'o', true },
	{ "guest-own-2601", "the hospital times out and reverses itself", 2, NULL, case_own_2601, 1, 'b', true },
	{ "guest-qingyang", "the in-patient of the published example, to the fen", 1, NULL, case_qingyang, 0, 'i',
	        true },
	{ "guest-lost-cancel", "cancelled by the hub, its answer is lost", 3, "effect_then_silence", case_lost_cancel,
	        -1, 'b', true },
	{ "guest-cancel-before", "cancel never reaches the hub", 2, "cut", case_lost_cancel, -1, 'b', true },
	{ "guest-no-filing", "the hub refuses the admission", 3, NULL, case_refused_admission, -1, 'i', true },
	{ "guest-bad-fees", "the hub refuses the lines, then takes them", 3, NULL, case_refused_fees, -1, 'b', true },
	{ "guest-lost-admit", "admitted by the hub, its answer is lost", 2, "effect_then_cut", case_lost_admission, -1,
	        'i', true },
	{ "guest-lost-fees", "lines taken by the hub, its answer is lost", 3, "effect_then_cut", case_lost_fees, -1,
	        'b', true },
	{ "guest-lost-split", "lines split by the platform, its answer is lost", 2, "effect_then_cut",
	        case_lost_fees_platform, -1, 'b', true },
	{ "guest-refused", "the hub refuses the settlement", 2, NULL, case_refused, -1, 'o', true },
	{ "guest-cancel", "settled, cancelled, undone", 6, NULL, play_cancel, -1, 'b', true },
	{ "guest-batches", "two bills of one visit", 4, NULL, case_batches, -1, 'o', true },
	{ "guest-pharmacy", "a purchase", 20, NULL, purchase, -1, 'o', true },
	{ "guest-pharm-cancel", "a purchase, cancelled", 2, NULL, case_purchase_cancel, -1, 'o', true },
	{ "guest-chronic", "out-patient with a chronic disease", 28, NULL, case_chronic, -1, 'o', true },
	{ "guest-in", "in-patient", 14, NULL, play_normal, -1, 'i', true },
	{ "guest-out", "out-patient", 48, NULL, play_normal, -1, 'o', true },
};

const struct case_table guest_cases = { kinds, sizeof(kinds) / sizeof(*kinds), WHO_GUEST };
