/* sandbox/book.c - the platform's own book (book.h). */
#include "book.h"
#include "text.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct list {
	void **items;
	size_t n_items, room;
	json_t *by_key; /* key -> index of the newest item with it */
};

/* What 2601 can find: the state-changing messages that took effect. */
struct effect {
	char msgid[31], infno[7];
	struct settlement *settlement; /* settled or refund, else NULL */
	struct visit *visit;
	struct effect *older; /* with the same number */
	bool is_reversed;
};

struct book {
	char region[7];
	struct book_options options;
	struct list persons, persons_by_number, visits, lines, settlements, effects;
	json_t *signs;      /* "institution operator" -> sign_no */
	json_t *tombstones; /* msgid -> true */
	int64_t alter_next_fen;
	size_t n_reversals, n_reversals_of_nothing;
};

static void list_add(struct list *list, const char *key, void *item)
{
	if (list->n_items == list->room) {
		list->room = list->room == 0 ? 64 : list->room * 2;
		list->items = must(realloc(list->items, list->room * sizeof(*list->items)));
	}
	if (list->by_key == NULL)
		list->by_key = must(json_object());
	json_object_set_new(list->by_key, key, json_integer((json_int_t)list->n_items));
	list->items[list->n_items++] = item;
}

static void *list_find(const struct list *list, const char *key)
{
	const json_t *index = json_object_get(list->by_key, key);

	return index == NULL ? NULL : list->items[json_integer_value(index)];
}

static void list_free(struct list *list, bool owns_items)
{
	for (size_t i = 0; owns_items && i < list->n_items; i++)
		free(list->items[i]);
	free(list->items);
	json_decref(list->by_key);
}

struct book *book_new(const char *region)
{
	struct book *book = must(calloc(1, sizeof(*book)));

	text_format(book->region, sizeof(book->region), "%.6s", region);
	book->signs = must(json_object());
	book->tombstones = must(json_object());
	return book;
}

void book_free(struct book *book)
{
	if (book == NULL)
		return;
	list_free(&book->persons, true);
	list_free(&book->persons_by_number, false);
	list_free(&book->visits, true);
	list_free(&book->lines, true);
	list_free(&book->settlements, true);
	list_free(&book->effects, true);
	json_decref(book->signs);
	json_decref(book->tombstones);
	free(book);
}

struct book_options *book_options(struct book *book)
{
	return &book->options;
}

/* Persons and sessions. */

struct person *book_person_add(struct book *book, const struct person *person)
{
	struct person *known = list_find(&book->persons, person->certno);

	if (known != NULL)
		return known;
	known = must(malloc(sizeof(*known)));
	*known = *person;
	text_format(
	        known->psn_no, sizeof(known->psn_no), "%.4s%016zu", book->region, 100000000 + book->persons.n_items);
	list_add(&book->persons, known->certno, known);
	list_add(&book->persons_by_number, known->psn_no, known);
	return known;
}

struct person *book_guest_add(struct book *book, const char *psn_no, const char *insutype, const char *insuplc)
{
	struct person *guest = must(calloc(1, sizeof(*guest)));

	guest->is_guest = true;
	text_format(guest->psn_no, sizeof(guest->psn_no), "%s", psn_no);
	text_format(guest->insutype, sizeof(guest->insutype), "%s", insutype);
	text_format(guest->insuplc, sizeof(guest->insuplc), "%s", insuplc);
	text_format(guest->brdy, sizeof(guest->brdy), "1970-01-01");
	text_format(guest->certno, sizeof(guest->certno), "@%s", psn_no); /* no identity number here */
	list_add(&book->persons, guest->certno, guest);
	list_add(&book->persons_by_number, guest->psn_no, guest);
	return guest;
}

struct person *book_person_by_cert(struct book *book, const char *certno)
{
	return list_find(&book->persons, certno);
}

struct person *book_person_by_number(struct book *book, const char *psn_no)
{
	return list_find(&book->persons_by_number, psn_no);
}

const char *book_sign_in(struct book *book, const char *institution, const char *opter)
{
	static unsigned long long serial;
	char key[80], number[31];

	text_format(key, sizeof(key), "%s %s", institution, opter);
	text_format(number, sizeof(number), "%.6sG%013llu", book->region, 12340000 + ++serial);
	json_object_set_new(book->signs, key, json_string(number));
	return json_string_value(json_object_get(book->signs, key));
}

static const char *sign_key(struct book *book, const char *institution, const char *sign_no)
{
	size_t len = strlen(institution);
	const char *key;
	json_t *value;

	json_object_foreach(book->signs, key, value) if (strncmp(key, institution, len) == 0 && key[len] == ' ' &&
	                                                 strcmp(json_string_value(value), sign_no) == 0) return key;
	return NULL;
}

bool book_sign_is_valid(struct book *book, const char *institution, const char *sign_no)
{
	return sign_key(book, institution, sign_no) != NULL;
}

void book_sign_drop(struct book *book, const char *institution, const char *sign_no)
{
	const char *key = sign_key(book, institution, sign_no);

	if (key != NULL)
		json_object_del(book->signs, key);
}

/* Visits. */

static void effect_add(
        struct book *book, const char *msgid, const char *infno, struct visit *visit, struct settlement *settlement)
{
	struct effect *effect = must(calloc(1, sizeof(*effect)));

	text_format(effect->msgid, sizeof(effect->msgid), "%s", msgid);
	text_format(effect->infno, sizeof(effect->infno), "%s", infno);
	effect->visit = visit;
	effect->settlement = settlement;
	effect->older = list_find(&book->effects, msgid);
	list_add(&book->effects, msgid, effect);
}

const char *book_visit_open(
        struct book *book, const struct visit *visit, const char *msgid, const char *infno, struct visit **out)
{
	struct visit *opened = must(malloc(sizeof(*opened)));

	*opened = *visit;
	text_format(opened->id, sizeof(opened->id), "%.6sM%013zu", book->region, 778000 + book->visits.n_items);
	list_add(&book->visits, opened->id, opened);
	effect_add(book, msgid, infno, opened, NULL);
	*out = opened;
	return NULL;
}

struct visit *book_visit(struct book *book, const char *id, const char *psn_no, const char *institution)
{
	struct visit *visit = list_find(&book->visits, id);

	if (visit == NULL || visit->is_cancelled || strcmp(visit->person->psn_no, psn_no) != 0)
		return NULL;
	return *institution == '\0' || strcmp(visit->institution, institution) == 0 ? visit : NULL;
}

struct visit *book_visit_at(struct book *book, size_t index)
{
	return index < book->visits.n_items ? book->visits.items[index] : NULL;
}

const char *book_visit_cancel(struct book *book, struct visit *visit)
{
	for (const struct fee_line *line = visit->lines; line != NULL; line = line->next)
		if (!line->is_deleted)
			return line->settled == NULL ? "存在未结算明细" : "已结算，不能撤销";
	visit->is_cancelled = true;
	return NULL;
}

/* Fee lines. */

static void line_key(const struct fee_line *line, char key[64])
{
	text_format(key, 64, "%s %s", line->visit->id, line->serial);
}

static bool batch_is_settled(const struct visit *visit, const char *batch)
{
	for (const struct settlement *s = visit->settlements; s != NULL; s = s->next)
		if (!s->is_refund && s->state == SETTLEMENT_EFFECTIVE && strcmp(s->batch, batch) == 0)
			return true;
	return false;
}

const char *book_lines_add(struct book *book, struct fee_line *lines, size_t n_lines)
{
	const struct fee_line *known;
	struct fee_line *line;
	char key[64];

	for (size_t i = 0; i < n_lines; i++) {
		line_key(&lines[i], key);
		known = list_find(&book->lines, key);
		if (known != NULL && !known->is_deleted)
			return "费用明细流水号重复";
		for (size_t j = 0; j < i; j++)
			if (strcmp(lines[i].serial, lines[j].serial) == 0)
				return "费用明细流水号重复";
		if (!lines[i].visit->is_inpatient && batch_is_settled(lines[i].visit, lines[i].batch))
			return "该收费批次已结算，不能上传明细";
	}
	for (size_t i = 0; i < n_lines; i++) {
		line = must(malloc(sizeof(*line)));
		benefit_split_line(lines[i].code, lines[i].amount_fen, lines[i].count_e4, &lines[i].split);
		*line = lines[i];
		line->next = line->visit->lines;
		line->visit->lines = line;
		line_key(line, key);
		list_add(&book->lines, key, line);
	}
	return NULL;
}

const char *book_lines_cancel(struct book *book, struct visit *visit, const char *batch, const char *serial)
{
	bool takes_all = strcmp(batch, "0000") == 0 || strcmp(serial, "0000") == 0;
	size_t n_deleted = 0;

	for (struct fee_line *line = visit->lines; line != NULL; line = line->next) {
		bool is_meant = takes_all ||
		                (*batch != '\0' ? strcmp(line->batch, batch) == 0 : strcmp(line->serial, serial) == 0);

		if (line->is_deleted || !is_meant)
			continue;
		if (line->settled != NULL) {
			if (takes_all)
				continue; /* "0000" is all lines that are not settled */
			return "明细已结算，不能撤销";
		}
		line->is_deleted = true;
		n_deleted++;
	}
	return n_deleted > 0 || takes_all ? NULL : "费用明细不存在或已撤销";
}

/* Settlements. */

static bool line_is_meant(const struct fee_line *line, const struct settle_request *request)
{
	return !line->is_deleted && (*request->batch == '\0' || strcmp(line->batch, request->batch) == 0);
}

static bool is_settled(const struct settle_request *request)
{
	if (*request->batch != '\0')
		return batch_is_settled(request->visit, request->batch);
	/* a stay is settled when it has no open line left */
	for (const struct fee_line *line = request->visit->lines; line != NULL; line = line->next)
		if (line_is_meant(line, request) && line->settled == NULL)
			return false;
	return batch_is_settled(request->visit, "");
}

static const char *split(struct book *book, const struct settle_request *request, struct benefit *out)
{
	const struct visit *visit = request->visit;
	struct benefit_input in = { .insutype = request->insutype,
		.is_inpatient = visit->is_inpatient,
		.is_civil_servant = visit->person->is_civil_servant,
		.may_use_account = request->may_use_account,
		.balance_fen = visit->person->balance_fen };
	size_t n_lines = 0;

	for (const struct fee_line *line = visit->lines; line != NULL; line = line->next) {
		if (!line_is_meant(line, request) || (line->settled != NULL && !book->options.no_dedup))
			continue;
		in.full_fen += line->split.full_fen;
		in.over_fen += line->split.over_fen;
		in.first_fen += line->split.first_fen;
		in.scope_fen += line->split.scope_fen;
		n_lines++;
	}
	if (n_lines == 0)
		return "无待结算的费用明细";
	if (in.full_fen + in.over_fen + in.first_fen + in.scope_fen != request->total_fen)
		return "明细费用合计与医疗费总额不符";
	benefit_settle(&in, out);
	return NULL;
}

static const char *presettle(struct book *book, const struct settle_request *request, struct benefit *out)
{
	if (is_settled(request) && !book->options.no_dedup)
		return "已结算，不能重复结算";
	return split(book, request, out);
}

const char *book_presettle(struct book *book, const struct settle_request *request, struct benefit *out)
{
	return presettle(book, request, out);
}

static struct settlement *settlement_add(struct book *book, struct visit *visit, const char *batch, const char *infno,
        const char *msgid, const char *time)
{
	struct settlement *s = must(calloc(1, sizeof(*s)));

	s->visit = visit;
	s->next = visit->settlements;
	visit->settlements = s;
	s->altered_fen = book->alter_next_fen;
	book->alter_next_fen = 0;
	text_format(s->id, sizeof(s->id), "%.6sS%013zu", book->region, 998000 + book->settlements.n_items);
	text_format(s->batch, sizeof(s->batch), "%s", batch);
	text_format(s->infno, sizeof(s->infno), "%s", infno);
	text_format(s->msgid, sizeof(s->msgid), "%s", msgid);
	text_format(s->institution, sizeof(s->institution), "%s", visit->institution);
	text_format(s->time, sizeof(s->time), "%s", time);
	list_add(&book->settlements, s->id, s);
	effect_add(book, msgid, infno, visit, s);
	return s;
}

const char *book_settle(struct book *book, const struct settle_request *request, struct settlement **out)
{
	struct visit *visit = request->visit;
	struct benefit amounts;
	struct settlement *s;
	const char *refusal;

	if (visit->is_inpatient && !visit->is_discharged && !request->is_mid_stay)
		return "未办理出院，不能结算";
	refusal = presettle(book, request, &amounts);
	if (refusal != NULL)
		return refusal;
	s = settlement_add(book, visit, request->batch, request->infno, request->msgid, request->time);
	s->amounts = amounts;
	s->uses_account = request->may_use_account;
	visit->person->balance_fen = amounts.balance_after_fen;
	for (struct fee_line *line = visit->lines; line != NULL; line = line->next)
		if (line_is_meant(line, request) && (line->settled == NULL || book->options.no_dedup))
			line->settled = s;
	*out = s;
	return NULL;
}

/* Takes a settlement out of force: its lines are open again, unless they were booked twice and the
 * other one still has them, and the account has its money back. */
static void settlement_undo(struct settlement *s)
{
	struct settlement *other = s->visit->settlements;

	while (other != NULL &&
	        (other == s || other->is_refund || other->state != SETTLEMENT_EFFECTIVE ||
	                strcmp(other->batch, s->batch) != 0 || other->amounts.total_fen != s->amounts.total_fen))
		other = other->next;
	s->visit->person->balance_fen += s->amounts.account_fen;
	for (struct fee_line *line = s->visit->lines; line != NULL; line = line->next)
		if (line->settled == s)
			line->settled = other;
}

static void negate(const struct benefit *from, struct benefit *to)
{
	*to = *from;
	to->total_fen = -from->total_fen;
	to->full_fen = -from->full_fen;
	to->over_fen = -from->over_fen;
	to->first_fen = -from->first_fen;
	to->scope_fen = -from->scope_fen;
	to->deductible_fen = -from->deductible_fen;
	to->hifp_fen = -from->hifp_fen;
	to->cvlserv_fen = -from->cvlserv_fen;
	to->hifmi_fen = -from->hifmi_fen;
	to->hifob_fen = -from->hifob_fen;
	to->fund_fen = -from->fund_fen;
	to->person_fen = -from->person_fen;
	to->hospital_fen = -from->hospital_fen;
	to->account_fen = -from->account_fen;
	to->cash_fen = -from->cash_fen;
}

const char *book_settle_cancel(struct book *book, struct visit *visit, const char *setl_id, const char *infno,
        const char *msgid, const char *time, struct settlement **out)
{
	struct settlement *s = list_find(&book->settlements, setl_id), *refund;

	if (s == NULL || s->visit != visit || s->is_refund || s->state == SETTLEMENT_REVERSED)
		return "结算信息不存在";
	if (s->state == SETTLEMENT_CANCELLED)
		return "该结算已撤销，不能重复撤销";
	if (visit->is_inpatient != (strcmp(infno, "2305") == 0))
		return "结算类别与撤销交易不符";
	settlement_undo(s);
	refund = settlement_add(book, visit, s->batch, infno, msgid, time);
	refund->is_refund = true;
	refund->original = s;
	negate(&s->amounts, &refund->amounts);
	refund->amounts.balance_after_fen = visit->person->balance_fen;
	s->refund = refund;
	s->state = SETTLEMENT_CANCELLED;
	text_format(s->ended_by, sizeof(s->ended_by), "%s", msgid);
	*out = refund;
	return NULL;
}

struct settlement *book_settlement(struct book *book, const char *setl_id)
{
	return list_find(&book->settlements, setl_id);
}

struct settlement *book_settlement_at(struct book *book, size_t index)
{
	return index < book->settlements.n_items ? book->settlements.items[index] : NULL;
}

/* Reversal. */

static struct effect *effect_find(struct book *book, const char *msgid, const char *infno)
{
	struct effect *effect = list_find(&book->effects, msgid);

	/* the newest first: one number may be booked twice */
	while (effect != NULL && (effect->is_reversed || strcmp(effect->infno, infno) != 0))
		effect = effect->older;
	return effect;
}

static void lines_settle_again(struct settlement *s)
{
	for (struct fee_line *line = s->visit->lines; line != NULL; line = line->next)
		if (!line->is_deleted && line->settled == NULL &&
		        (*s->batch == '\0' || strcmp(line->batch, s->batch) == 0))
			line->settled = s;
}

static const char *reverse_cancel(struct settlement *refund, const char *msgid)
{
	struct settlement *original = refund->original;

	if (batch_is_settled(refund->visit, refund->batch))
		return "该交易不允许冲正"; /* settled anew since: reviving would book it twice */
	refund->state = SETTLEMENT_REVERSED;
	text_format(refund->ended_by, sizeof(refund->ended_by), "%s", msgid);
	original->state = SETTLEMENT_EFFECTIVE;
	original->refund = NULL;
	original->ended_by[0] = '\0';
	original->visit->person->balance_fen -= original->amounts.account_fen;
	lines_settle_again(original);
	return NULL;
}

static const char *reverse_settlement(struct settlement *s, const char *msgid)
{
	settlement_undo(s);
	s->state = SETTLEMENT_REVERSED;
	text_format(s->ended_by, sizeof(s->ended_by), "%s", msgid);
	return NULL;
}

const char *book_reverse(
        struct book *book, const char *omsgid, const char *oinfno, const char *psn_no, const char *msgid)
{
	static const char *const reversible[] = { "2102", "2103", "2207", "2208", "2304", "2305", "2401", NULL };
	static const char nothing[] = "原交易不存在或已冲正";
	struct effect *effect;
	const char *refusal;
	size_t i;

	for (i = 0; reversible[i] != NULL && strcmp(reversible[i], oinfno) != 0; i++)
		;
	if (reversible[i] == NULL)
		return "该交易不允许冲正";
	book->n_reversals++;
	effect = effect_find(book, omsgid, oinfno);
	if (effect == NULL || strcmp(effect->visit->person->psn_no, psn_no) != 0 ||
	        (effect->settlement != NULL && effect->settlement->state != SETTLEMENT_EFFECTIVE)) {
		book->n_reversals_of_nothing++;
		if (book->options.tombstone)
			json_object_set_new(book->tombstones, omsgid, json_true());
		return nothing;
	}
	if (effect->settlement == NULL)
		refusal = book_visit_cancel(book, effect->visit) == NULL ? NULL : "该交易不允许冲正";
	else if (effect->settlement->is_refund)
		refusal = reverse_cancel(effect->settlement, msgid);
	else
		refusal = reverse_settlement(effect->settlement, msgid);
	if (refusal == NULL)
		effect->is_reversed = true;
	return refusal;
}

bool book_is_tombstoned(struct book *book, const char *msgid)
{
	return json_object_get(book->tombstones, msgid) != NULL;
}

/* The ledger. */

/* Whether an older settlement in force covers the same lines: money paid more than once.  A stay may
 * have several of different lines (mid-stay), so there it is the sum that tells. */
static bool is_double(const struct settlement *s)
{
	int64_t settled_fen = 0, lines_fen = 0;

	if (s->is_refund || s->state != SETTLEMENT_EFFECTIVE)
		return false;
	for (const struct settlement *older = s; older != NULL; older = older->next)
		if (!older->is_refund && older->state == SETTLEMENT_EFFECTIVE && strcmp(older->batch, s->batch) == 0)
			settled_fen += older->amounts.total_fen;
	for (const struct fee_line *line = s->visit->lines; line != NULL; line = line->next)
		if (!line->is_deleted && (*s->batch == '\0' || strcmp(line->batch, s->batch) == 0))
			lines_fen += line->amount_fen;
	return settled_fen > lines_fen;
}

static json_t *settlement_json(const struct settlement *s)
{
	static const char *const states[] = { "effective", "cancelled", "reversed" };
	const struct benefit *a = &s->amounts;

	return must(json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s?, s:s?, s:s, s:b,"
	                      " s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
	        "setl_id", s->id, "kind", s->is_refund ? "refund" : "settle", "state", states[s->state], "infno",
	        s->infno, "msgid", s->msgid, "visit", s->visit->id, "own_visit", s->visit->own_number, "batch",
	        s->batch, "institution", s->institution, "time", s->time, "refund_setl_id",
	        s->refund == NULL ? NULL : s->refund->id, "refund_of", s->original == NULL ? NULL : s->original->id,
	        "ended_by", s->ended_by, "is_double", is_double(s), "medfee_fen", (json_int_t)a->total_fen, "fund_fen",
	        (json_int_t)(a->fund_fen + s->altered_fen), "hifp_fen", (json_int_t)(a->hifp_fen + s->altered_fen),
	        "person_fen", (json_int_t)a->person_fen, "acct_fen", (json_int_t)a->account_fen, "cash_fen",
	        (json_int_t)a->cash_fen, "altered_fen", (json_int_t)s->altered_fen));
}

static size_t double_bookings(const struct book *book)
{
	size_t n_double = 0;

	for (size_t i = 0; i < book->settlements.n_items; i++)
		n_double += is_double(book->settlements.items[i]);
	return n_double;
}

/* Message numbers that took effect more than once, whatever became of it. */
static json_t *repeated_numbers(const struct book *book)
{
	json_t *numbers = must(json_array());

	for (size_t i = 0; i < book->effects.n_items; i++) {
		const struct effect *effect = book->effects.items[i];

		if (effect->older != NULL && strcmp(effect->older->infno, effect->infno) == 0)
			json_array_append_new(numbers, json_string(effect->msgid));
	}
	return numbers;
}

/* The hospitals' own numbers of visits that are not cancelled. */
static json_t *registered(const struct book *book)
{
	json_t *numbers = must(json_array());

	for (size_t i = 0; i < book->visits.n_items; i++) {
		const struct visit *visit = book->visits.items[i];

		if (!visit->is_cancelled)
			json_array_append_new(numbers, json_string(visit->own_number));
	}
	return numbers;
}

static json_t *ledger_of(const struct book *book, json_t *rows)
{
	return must(json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:I}", "settlements", rows, "repeated_numbers",
	        repeated_numbers(book), "double_bookings", (json_int_t)double_bookings(book), "visits",
	        (json_int_t)book->visits.n_items, "persons", (json_int_t)book->persons.n_items, "reversals",
	        (json_int_t)book->n_reversals, "reversals_of_nothing", (json_int_t)book->n_reversals_of_nothing));
}

json_t *book_ledger(const struct book *book)
{
	json_t *rows = must(json_array()), *ledger;

	for (size_t i = 0; i < book->settlements.n_items; i++)
		json_array_append_new(rows, settlement_json(book->settlements.items[i]));
	ledger = ledger_of(book, rows);
	json_object_set_new(ledger, "registered", registered(book));
	return ledger;
}

json_t *book_changes(struct book *book)
{
	json_t *rows = must(json_array());

	for (size_t i = 0; i < book->settlements.n_items; i++) {
		struct settlement *s = book->settlements.items[i];
		uint64_t now = fingerprint(is_double(s), s, offsetof(struct settlement, told));

		if (now == s->told)
			continue;
		s->told = now;
		json_array_append_new(rows, settlement_json(s));
	}
	return ledger_of(book, rows);
}

const char *book_alter(struct book *book, const char *which, int64_t fen)
{
	for (size_t i = 0; i < book->settlements.n_items; i++) {
		struct settlement *s = book->settlements.items[i];

		/* A reversed settlement counts on neither side: altering it would show nowhere. */
		if (s->is_refund || s->state == SETTLEMENT_REVERSED)
			continue;
		if (which == NULL || strcmp(s->id, which) == 0 || strcmp(s->visit->id, which) == 0) {
			s->altered_fen += fen;
			return s->id;
		}
	}
	if (which != NULL)
		return NULL;
	book->alter_next_fen += fen;
	return "next";
}
