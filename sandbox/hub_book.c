/* sandbox/hub_book.c - what the provinces that pay have booked: people, registrations, lines, settlements, messages.
 *
 * hub.c calls hub_book_run() for each verified message, under its lock.  A message is known by sender and number for
 * ever: the same content gets the stored answer, other content -1006; a reversed number is dead (hub.h,
 * crossprovince.md 5.2 and 7.4). */
#include "hub.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct hub_person {
	char certno[51], name[51], psn_no[31], insutype[7], insuplc[7];
	bool has_aid;
	int64_t balance_fen;
	struct hub_person *next;
};

struct hub_line {
	char serial[21], code[51], transid[31];
	int64_t amount_fen, first_fen, full_fen, over_fen, scope_fen;
	char count[24], price[24];
	bool is_gone;
	struct hub_line *next; /* in ascending order of serial */
};

struct hub_settlement {
	char id[21], transid[31], time[15], batch[51], original[21];
	bool is_refund, is_ended, is_reversed; /* a refund itself; cancelled or reversed */
	char ended_by[31];
	int64_t total_fen, scope_fen, deductible_fen, basic_fen, second_fen, aid_fen, fund_fen, account_fen, cash_fen;
	int64_t altered_fen;
	struct hub_visit *visit;
	struct hub_settlement *next;
};

struct hub_visit {
	char id[21], institution[21], own_number[21], care[7], aab299[7], begin[9];
	struct hub_person *person;
	bool is_gone;
	struct hub_line *lines;
	struct hub_settlement *settlements; /* newest first */
	struct hub_visit *next;
};

struct hub_known { /* a message that was executed, or its tombstone */
	char sender[7], transid[31], transno[8], digest[65], result_digest[65];
	bool is_reversed, is_tombstone;
	struct hub_result result;
	char *octets; /* of <result>, as sent */
	size_t len;
	struct hub_visit *visit;           /* of 0212 */
	struct hub_settlement *settlement; /* of 0304, 0305 */
	struct hub_known *next;
};

struct hub_book {
	struct hub_person *persons;
	struct hub_visit *visits;
	struct hub_known *known;
	unsigned n_persons, n_visits, n_settlements;
	int expire_s;
	uint64_t serial;
};

struct running { /* one message being executed */
	struct hub_book *book;
	const struct hub_message *m;
	xmlNodePtr in;
	int64_t now_ms;
	struct hub_known *known;
	FILE *out;
	int code;
	const char *why;
};

struct hub_book *hub_book_new(int expire_s)
{
	struct hub_book *book = must(calloc(1, sizeof(*book)));

	book->expire_s = expire_s;
	return book;
}

static void visit_free(struct hub_visit *v)
{
	struct hub_settlement *s;
	struct hub_line *l;

	while ((l = v->lines) != NULL) {
		v->lines = l->next;
		free(l);
	}
	while ((s = v->settlements) != NULL) {
		v->settlements = s->next;
		free(s);
	}
	free(v);
}

void hub_book_free(struct hub_book *book)
{
	struct hub_person *p;
	struct hub_visit *v;
	struct hub_known *k;

	while ((p = book->persons) != NULL) {
		book->persons = p->next;
		free(p);
	}
	while ((v = book->visits) != NULL) {
		book->visits = v->next;
		visit_free(v);
	}
	while ((k = book->known) != NULL) {
		book->known = k->next;
		hub_result_free(&k->result);
		free(k->octets);
		free(k);
	}
	free(book);
}

const char *hub_person_add(struct hub_book *book, const json_t *row)
{
	struct hub_person *p = must(calloc(1, sizeof(*p)));
	const char *number = json_text(row, "psn_no");

	text_format(p->certno, sizeof(p->certno), "%s", json_text(row, "certno"));
	text_format(p->name, sizeof(p->name), "%s", json_text(row, "name"));
	text_format(p->insutype, sizeof(p->insutype), "%s",
	        *json_text(row, "insutype") == '\0' ? "390" : json_text(row, "insutype"));
	text_format(p->insuplc, sizeof(p->insuplc), "%s", json_text(row, "insuplc_admdvs"));
	p->has_aid = json_is_true(json_object_get(row, "aid"));
	p->balance_fen = json_number(row, "balance_fen", 0);
	if (strlen(p->certno) != 18 || p->name[0] == '\0' || strlen(p->insuplc) != 6) {
		free(p);
		return "a person needs certno (18 characters), name and insuplc_admdvs";
	}
	if (*number != '\0')
		text_format(p->psn_no, sizeof(p->psn_no), "%s", number);
	else
		text_format(p->psn_no, sizeof(p->psn_no), "%s%020u", p->insuplc, ++book->n_persons);
	p->next = book->persons;
	book->persons = p;
	return NULL;
}

/* -- finding -- */

static const char *text(struct running *r, const char *name, char *out, size_t size)
{
	return hub_text(r->in, name, out, size);
}

static bool is_text(struct running *r, const char *name, const char *wanted)
{
	char got[210];

	return strcmp(text(r, name, got, sizeof(got)), wanted) == 0;
}

static int refuse(struct running *r, int code, const char *why)
{
	r->code = code;
	r->why = why;
	return code;
}

static struct hub_person *person(struct running *r)
{
	char certno[51], name[51];

	text(r, "aac044", certno, sizeof(certno));
	text(r, "aac003", name, sizeof(name));
	for (struct hub_person *p = r->book->persons; p != NULL; p = p->next)
		if (strcmp(p->certno, certno) == 0 && strcmp(p->name, name) == 0 &&
		        strncmp(p->insuplc, r->m->aab301, 2) == 0)
			return p;
	refuse(r, -2001, "人员不存在或身份不符");
	return NULL;
}

static struct hub_visit *visit(struct running *r)
{
	char id[21], number[31];

	text(r, "ykc700", id, sizeof(id));
	text(r, "aac001", number, sizeof(number));
	for (struct hub_visit *v = r->book->visits; v != NULL; v = v->next)
		if (strcmp(v->id, id) == 0 && !v->is_gone && is_text(r, "akb026", v->institution) &&
		        (number[0] == '\0' || strcmp(number, v->person->psn_no) == 0))
			return v;
	refuse(r, -3001, "就诊登记不存在或不属于本机构");
	return NULL;
}

static struct hub_settlement *in_force(const struct hub_visit *v)
{
	for (struct hub_settlement *s = v->settlements; s != NULL; s = s->next)
		if (!s->is_refund && !s->is_ended)
			return s;
	return NULL;
}

static struct hub_known *known(struct hub_book *book, const char *sender, const char *transid)
{
	for (struct hub_known *k = book->known; k != NULL; k = k->next)
		if (strcmp(k->transid, transid) == 0 && strcmp(k->sender, sender) == 0)
			return k;
	return NULL;
}

/* -- person, registration -- */

static void person_check(struct running *r)
{
	const struct hub_person *p = person(r);

	if (p == NULL)
		return;
	fprintf(r->out,
	        "<aac001>%s</aac001><aac043>01</aac043><aac044>%s</aac044><aac003>%s</aac003><aac004>%d</aac004>"
	        "<aac006>%.8s</aac006><aae140>%s</aae140><ykc021>31</ykc021>",
	        p->psn_no, p->certno, p->name, (p->certno[16] - '0') % 2 == 1 ? 1 : 2, p->certno + 6, p->insutype);
	if (p->has_aid)
		fputs("<ykc751>2</ykc751>", r->out);
	fprintf(r->out, "<akc252>%lld.%02lld</akc252>", (long long)(p->balance_fen / 100),
	        (long long)(p->balance_fen % 100));
}

static void visit_open(struct running *r)
{
	struct hub_person *p = person(r);
	struct hub_visit *v;
	char time[18];

	if (p == NULL)
		return;
	v = must(calloc(1, sizeof(*v)));
	time_digits(r->now_ms, time);
	text_format(v->id, sizeof(v->id), "S%s%.6s%07u", r->m->aab301, time + 2, ++r->book->n_visits);
	text(r, "akb026", v->institution, sizeof(v->institution));
	text(r, "akc190", v->own_number, sizeof(v->own_number));
	text(r, "aka130", v->care, sizeof(v->care));
	text(r, "ake007", v->begin, sizeof(v->begin));
	text_format(v->aab299, sizeof(v->aab299), "%s", r->m->aab299);
	v->person = p;
	v->next = r->book->visits;
	r->book->visits = v;
	r->known->visit = v;
	fprintf(r->out, "<ykc700>%s</ykc700><ykc021>31</ykc021><aae140>%s</aae140>", v->id, p->insutype);
}

/* 0213, 0215, 0216: nothing of it changes what is settled here. */
static void visit_change(struct running *r)
{
	struct hub_visit *v = visit(r);

	if (v == NULL)
		return;
	if (in_force(v) != NULL)
		refuse(r, -3003, "就诊已结算，不允许变更");
	else
		fprintf(r->out, "<ykc700>%s</ykc700><akc068>1</akc068>", v->id);
}

static void visit_withdraw(struct running *r)
{
	struct hub_visit *v = visit(r);

	if (v == NULL)
		return;
	if (in_force(v) != NULL) {
		refuse(r, -3003, "就诊已结算，不允许撤销登记");
		return;
	}
	v->is_gone = true;
	fprintf(r->out, "<ykc700>%s</ykc700><akc068>0</akc068>", v->id);
}

/* -- lines -- */

static struct hub_line *line_of(struct hub_visit *v, const char *serial)
{
	for (struct hub_line *l = v->lines; l != NULL; l = l->next)
		if (!l->is_gone && strcmp(l->serial, serial) == 0)
			return l;
	return NULL;
}

static void line_keep(struct hub_visit *v, xmlNodePtr row, const char *transid)
{
	struct hub_line *l = must(calloc(1, sizeof(*l))), **at = &v->lines;

	hub_text(row, "ykc610", l->serial, sizeof(l->serial));
	hub_text(row, "ake001", l->code, sizeof(l->code));
	hub_text(row, "akc226", l->count, sizeof(l->count));
	hub_text(row, "akc225", l->price, sizeof(l->price));
	text_format(l->transid, sizeof(l->transid), "%s", transid);
	l->amount_fen = hub_fen(row, "akc264");
	l->first_fen = hub_fen(row, "akc228");
	l->full_fen = hub_fen(row, "akc253");
	l->over_fen = hub_fen(row, "akc268");
	l->scope_fen = hub_fen(row, "ake171");
	while (*at != NULL && strcmp((*at)->serial, l->serial) < 0)
		at = &(*at)->next;
	l->next = *at;
	*at = l;
}

static xmlNodePtr first_row(struct running *r)
{
	for (xmlNodePtr d = r->in->children; d != NULL; d = d->next)
		if (d->type == XML_ELEMENT_NODE && strcmp((const char *)d->name, "detail") == 0)
			return d->children;
	return NULL;
}

static bool row_is_right(xmlNodePtr row)
{
	return hub_fen(row, "akc264") ==
	       hub_fen(row, "akc228") + hub_fen(row, "akc253") + hub_fen(row, "akc268") + hub_fen(row, "ake171");
}

static void lines_add(struct running *r)
{
	struct hub_visit *v = visit(r);
	int64_t sum_fen = 0;
	char serial[21];
	int n = 0;

	if (v == NULL)
		return;
	if (in_force(v) != NULL) {
		refuse(r, -3003, "就诊已结算，不允许上传费用");
		return;
	}
	for (xmlNodePtr row = first_row(r); row != NULL; row = row->next) {
		if (row->type != XML_ELEMENT_NODE)
			continue;
		if (line_of(v, hub_text(row, "ykc610", serial, sizeof(serial))) != NULL) {
			refuse(r, -3022, "费用明细号重复");
			return;
		}
		if (!row_is_right(row)) {
			refuse(r, -3021, "至少一条费用明细有误，全部未保存");
			return;
		}
	}
	for (xmlNodePtr row = first_row(r); row != NULL; row = row->next) {
		if (row->type != XML_ELEMENT_NODE)
			continue;
		line_keep(v, row, r->m->transid);
		sum_fen += hub_fen(row, "akc264");
		n++;
	}
	fprintf(r->out, "<okcnt>%d</okcnt><oksum>%lld.%02lld</oksum>", n, (long long)(sum_fen / 100),
	        (long long)(sum_fen % 100));
}

static void lines_withdraw(struct running *r)
{
	struct hub_visit *v = visit(r);
	char transid[31];
	int64_t sum_fen = 0;
	int n = 0;

	if (v == NULL)
		return;
	if (in_force(v) != NULL) {
		refuse(r, -3003, "就诊已结算，不允许撤销费用");
		return;
	}
	text(r, "otransid", transid, sizeof(transid));
	for (struct hub_line *l = v->lines; l != NULL; l = l->next) {
		if (l->is_gone || (strcmp(transid, "0") != 0 && strcmp(transid, l->transid) != 0))
			continue;
		l->is_gone = true;
		sum_fen += l->amount_fen;
		n++;
	}
	fprintf(r->out, "<delcnt>%d</delcnt><delsum>%lld.%02lld</delsum>", n, (long long)(sum_fen / 100),
	        (long long)(sum_fen % 100));
}

/* -- settlement -- */

static int64_t percent(int64_t fen, int64_t percent_of)
{
	return (fen * percent_of + 50) / 100;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void apply_rule(struct hub_settlement *s, const struct hub_person *p, bool is_inpatient, bool uses_account)
{
	bool is_employee = strcmp(p->insutype, "310") == 0;
	int64_t limit_fen = is_employee ? 1000000 : 500000, rest_fen, person_fen;

	s->deductible_fen = is_inpatient ? least(s->scope_fen, 300000) : 0;
	s->basic_fen = percent(
	        s->scope_fen - s->deductible_fen, is_employee ? (is_inpatient ? 80 : 70) : (is_inpatient ? 55 : 50));
	rest_fen = s->scope_fen - s->basic_fen;
	s->second_fen = rest_fen > limit_fen ? percent(rest_fen - limit_fen, is_employee ? 80 : 60) : 0;
	rest_fen -= s->second_fen;
	s->aid_fen = p->has_aid ? percent(rest_fen, 70) : 0;
	s->fund_fen = s->basic_fen + s->second_fen + s->aid_fen;
	person_fen = s->total_fen - s->fund_fen;
	s->account_fen = is_employee && uses_account ? least(p->balance_fen, person_fen) : 0;
	s->cash_fen = person_fen - s->account_fen;
}

/* Sums, count and hash of the lines that were sent (crossprovince.md I6, 7.3). */
static bool lines_agree(struct running *r, const struct hub_visit *v)
{
	int64_t total_fen = 0, scope_fen = 0;
	char *listed, hash[65], count[12];
	size_t len;
	int n = 0;
	FILE *out = open_memstream(&listed, &len);

	for (const struct hub_line *l = v->lines; l != NULL; l = l->next) {
		if (l->is_gone)
			continue;
		fprintf(out, "%s|%s|%.4f|%.4f|%s%lld.%02lld\n", l->serial, l->code, atof(l->count), atof(l->price),
		        l->amount_fen < 0 ? "-" : "", llabs((long long)l->amount_fen) / 100,
		        llabs((long long)l->amount_fen) % 100);
		total_fen += l->amount_fen;
		scope_fen += l->scope_fen;
		n++;
	}
	fclose(out);
	sm3_hex(listed, len, hash);
	free(listed);
	text_format(count, sizeof(count), "%d", n);
	return total_fen == hub_fen(r->in, "akc264") && scope_fen == hub_fen(r->in, "ake171") &&
	       is_text(r, "feecnt", count) && is_text(r, "feehash", hash);
}

static void element(FILE *out, const char *name, int64_t fen)
{
	fprintf(out, "<%s>%s%lld.%02lld</%s>", name, fen < 0 ? "-" : "", llabs((long long)fen) / 100,
	        llabs((long long)fen) % 100, name);
}

static void fund_row(FILE *out, const char *code, const char *name, int64_t fen)
{
	if (fen == 0)
		return;
	fprintf(out, "<row><aaa157>%s</aaa157><aad006>%s</aad006>", code, name);
	element(out, "aae187", fen);
	fputs("</row>", out);
}

static void settled_write(struct running *r, const struct hub_settlement *s, const struct hub_visit *v)
{
	bool is_employee = strcmp(v->person->insutype, "310") == 0;

	if (s->id[0] != '\0')
		fprintf(r->out, "<aaz216>%s</aaz216>", s->id);
	fprintf(r->out,
	        "<ykc700>%s</ykc700><akc194>%s</akc194><ykc706>%.8s</ykc706><aae140>%s</aae140><ykc021>31</ykc021>",
	        v->id, s->time, s->time, v->person->insutype);
	element(r->out, "akc264", s->total_fen);
	element(r->out, "ake171", s->scope_fen);
	element(r->out, "aka151", s->deductible_fen);
	element(r->out, "ake149", s->fund_fen);
	element(r->out, "ake039", s->basic_fen);
	element(r->out, "ake035", 0);
	element(r->out, "ake026", 0);
	element(r->out, "aae045", s->second_fen);
	element(r->out, "ake032", 0);
	element(r->out, "ake181", s->aid_fen);
	element(r->out, "ake173", 0);
	element(r->out, "ake038", s->account_fen);
	element(r->out, "akb067", s->cash_fen);
	element(r->out, "aae240", v->person->balance_fen);
	fputs("<ake105>0</ake105><detail>", r->out);
	fund_row(r->out, is_employee ? "310100" : "390100",
	        is_employee ? "职工基本医疗保险统筹基金" : "城乡居民基本医疗保险基金", s->basic_fen);
	fund_row(r->out, is_employee ? "330100" : "390200",
	        is_employee ? "职工大额医疗费用补助基金" : "城乡居民大病保险资金", s->second_fen);
	fund_row(r->out, "610100", "医疗救助基金", s->aid_fen);
	fputs("</detail>", r->out);
}

static void settle(struct running *r, bool is_pre)
{
	struct hub_visit *v = visit(r);
	struct hub_settlement s = { 0 }, *kept;
	char time[18];

	if (v == NULL)
		return;
	if (in_force(v) != NULL) {
		refuse(r, -3004, "该账单已结算");
		return;
	}
	if (!lines_agree(r, v)) {
		refuse(r, -3010, "费用条数、金额或校验值不符");
		return;
	}
	time_digits(r->now_ms, time);
	text_format(s.time, sizeof(s.time), "%.14s", time);
	s.total_fen = hub_fen(r->in, "akc264");
	s.scope_fen = hub_fen(r->in, "ake171");
	apply_rule(&s, v->person, v->care[0] == '2', is_text(r, "ake122", "1"));
	s.visit = v;
	if (is_pre) {
		settled_write(r, &s, v);
		return;
	}
	text_format(s.id, sizeof(s.id), "A%s%.6s%07u", r->m->aab301, time + 2, ++r->book->n_settlements);
	text_format(s.transid, sizeof(s.transid), "%s", r->m->transid);
	v->person->balance_fen -= s.account_fen;
	kept = must(malloc(sizeof(*kept)));
	*kept = s;
	kept->next = v->settlements;
	v->settlements = kept;
	r->known->settlement = kept;
	settled_write(r, kept, v);
}

/* Books the exact opposite and ends the original. */
static struct hub_settlement *book_back(struct running *r, struct hub_settlement *s)
{
	struct hub_settlement *back = must(malloc(sizeof(*back)));
	char time[18];

	time_digits(r->now_ms, time);
	*back = (struct hub_settlement){ .is_refund = true,
		.total_fen = -s->total_fen,
		.scope_fen = -s->scope_fen,
		.basic_fen = -s->basic_fen,
		.second_fen = -s->second_fen,
		.aid_fen = -s->aid_fen,
		.fund_fen = -s->fund_fen,
		.account_fen = -s->account_fen,
		.cash_fen = -s->cash_fen,
		.visit = s->visit,
		.next = s->visit->settlements };
	text_format(back->id, sizeof(back->id), "A%s%.6s%07u", r->m->aab301, time + 2, ++r->book->n_settlements);
	text_format(back->original, sizeof(back->original), "%s", s->id);
	text_format(back->time, sizeof(back->time), "%.14s", time);
	text_format(back->transid, sizeof(back->transid), "%s", r->m->transid);
	s->visit->settlements = back;
	s->visit->person->balance_fen += s->account_fen;
	s->is_ended = true;
	text_format(s->ended_by, sizeof(s->ended_by), "%s", r->m->transid);
	return back;
}

static void settle_cancel(struct running *r)
{
	struct hub_visit *v = visit(r);
	struct hub_settlement *s, *back;
	char id[21];

	if (v == NULL)
		return;
	s = in_force(v);
	text(r, "aaz216", id, sizeof(id));
	if (s == NULL || strcmp(s->id, id) != 0) {
		refuse(r, s == NULL ? -3006 : -3005, "结算不存在或已撤销");
		return;
	}
	if (hub_fen(r->in, "akc264") != -s->total_fen || hub_fen(r->in, "ake149") != -s->fund_fen ||
	        hub_fen(r->in, "ake038") != -s->account_fen || hub_fen(r->in, "akb067") != -s->cash_fen) {
		refuse(r, -1010, "I7：冲销金额与原结算不相反");
		return;
	}
	back = book_back(r, s);
	r->known->settlement = back;
	fprintf(r->out, "<aaz216>%s</aaz216><oaaz216>%s</oaaz216><akc194>%s</akc194><ykc706>%.8s</ykc706>", back->id,
	        s->id, back->time, back->time);
	element(r->out, "akc264", back->total_fen);
	element(r->out, "ake149", back->fund_fen);
	element(r->out, "ake038", back->account_fen);
	element(r->out, "akb067", back->cash_fen);
}

/* -- finding out and undoing -- */

static struct hub_known *known_add(struct hub_book *book, const char *sender, const char *transid, const char *transno)
{
	struct hub_known *k = must(calloc(1, sizeof(*k)));

	text_format(k->sender, sizeof(k->sender), "%s", sender);
	text_format(k->transid, sizeof(k->transid), "%s", transid);
	text_format(k->transno, sizeof(k->transno), "%s", transno);
	k->next = book->known;
	book->known = k;
	return k;
}

static void undo(struct running *r, struct hub_known *k)
{
	struct hub_settlement *back = NULL, *s = k->settlement;

	if (k->visit != NULL)
		k->visit->is_gone = true;
	if (s != NULL && !s->is_refund && !s->is_ended) {
		back = book_back(r, s);
		s->is_reversed = true;
	}
	if (s != NULL && s->is_refund) { /* the reversal of a cancel revives the settlement */
		for (struct hub_settlement *o = s->visit->settlements; o != NULL; o = o->next)
			if (strcmp(o->id, s->original) == 0)
				o->is_ended = false;
		s->is_ended = s->is_reversed = true;
	}
	k->is_reversed = true;
	fputs("<effect>1</effect>", r->out);
	if (back != NULL)
		fprintf(r->out, "<aaz216>%s</aaz216><oaaz216>%s</oaaz216><ykc706>%.8s</ykc706>", back->id, s->id,
		        back->time);
}

static void reverse(struct running *r)
{
	char transid[31], transno[8];
	struct hub_known *k;

	text(r, "otransid", transid, sizeof(transid));
	text(r, "otransno", transno, sizeof(transno));
	k = known(r->book, r->m->sender, transid);
	if (k == NULL || (!k->is_tombstone && k->result.code != 0)) {
		if (k == NULL)
			known_add(r->book, r->m->sender, transid, transno)->is_tombstone = true;
		fputs("<effect>2</effect>", r->out);
	} else if (k->is_tombstone) {
		fputs("<effect>2</effect>", r->out);
	} else if (k->is_reversed) {
		fputs("<effect>3</effect>", r->out);
	} else {
		undo(r, k);
	}
}

/* yyyyMMddHHmmss in China to ms; 0 when it is none. */
static int64_t wall_of(const char *digits)
{
	struct tm tm = { 0 };

	if (sscanf(digits, "%4d%2d%2d%2d%2d%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
	            &tm.tm_sec) != 6)
		return 0;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return ((int64_t)timegm(&tm) - 8 * 3600) * 1000;
}

static void outcome(struct running *r)
{
	char transid[31], digest[65];
	const struct hub_known *k;

	text(r, "otransid", transid, sizeof(transid));
	k = known(r->book, r->m->sender, transid);
	if (k == NULL ||
	        k->is_tombstone) { /* the number carries when it was sent, and so when it expires at the latest */
		fprintf(r->out, "<ostate>%d</ostate>",
		        k != NULL || r->now_ms - wall_of(transid + 6) > (r->book->expire_s + 1) * 1000 ? 0 : 5);
		return;
	}
	if (strcmp(text(r, "odigest", digest, sizeof(digest)), k->digest) != 0) {
		refuse(r, -1006, "报文号已用于其他内容");
		return;
	}
	fprintf(r->out, "<ostate>%d</ostate>", k->is_reversed ? 4 : k->result.code == 0 ? 2 : 3);
	if (k->result.code != 0)
		fprintf(r->out, "<oerrorcode>%d</oerrorcode>", k->result.code);
	if (k->octets != NULL) {
		char *base64 = base64_text(k->octets, k->len);

		fprintf(r->out, "<oresult>%s</oresult><oresdigest>%s</oresdigest>", base64, k->result_digest);
		free(base64);
	}
}

static void heartbeat(struct running *r)
{
	char time[18];

	time_digits(r->now_ms, time);
	fprintf(r->out, "<systime>%.14s</systime><state>OPEN</state><nextbeat>60</nextbeat>", time);
}

static void presettle(struct running *r)
{
	settle(r, true);
}

static void settle_really(struct running *r)
{
	settle(r, false);
}

static const struct {
	const char *transno;
	void (*run)(struct running *r);
	bool is_kept; /* changes something: its answer is stored */
} transactions[] = {
	{ "P001", heartbeat, false },
	{ "0211", person_check, false },
	{ "0212", visit_open, true },
	{ "0213", visit_change, true },
	{ "0214", visit_withdraw, true },
	{ "0215", visit_change, true },
	{ "0216", visit_change, true },
	{ "0301", lines_add, true },
	{ "0302", lines_withdraw, true },
	{ "0303", presettle, false },
	{ "0304", settle_really, true },
	{ "0305", settle_cancel, true },
	{ "1301", reverse, true },
	{ "P201", outcome, false },
};

static bool is_expired(const struct hub_message *m, int64_t now_ms)
{
	return now_ms > wall_of(m->sendtime) + m->expire_s * 1000;
}

/* Executes it into result. */
static void run(struct running *r, size_t which, struct hub_result *result)
{
	char *output;
	size_t len;

	r->out = open_memstream(&output, &len);
	transactions[which].run(r);
	fclose(r->out);
	result->code = r->code;
	if (r->code == 0) {
		result->output = must(malloc(len + 20));
		text_format(result->output, len + 20, "<output>%s</output>", output);
	} else {
		result->message = text_copy(r->why);
	}
	free(output);
}

const struct hub_result *hub_book_run(struct hub_book *book, struct hub_keys *keys, const struct hub_message *m,
        int64_t now_ms, bool *is_repeat, char refused[128])
{
	static struct hub_result passing; /* of what is not kept; under the caller's lock */
	struct running r = { .book = book, .m = m, .in = m->input, .now_ms = now_ms };
	struct hub_known *k = known(book, m->sender, m->transid);
	size_t which = 0, len;

	hub_result_free(&passing);
	*is_repeat = false;
	while (which < sizeof(transactions) / sizeof(*transactions) &&
	        strcmp(transactions[which].transno, m->transno) != 0)
		which++;
	passing.code = -1008;
	if (which == sizeof(transactions) / sizeof(*transactions)) {
		passing.message = text_copy("交易不支持");
		return &passing;
	}
	if (k != NULL && !k->is_tombstone && strcmp(k->digest, m->digest) == 0) {
		*is_repeat = true;
		return &k->result;
	}
	passing.code = k == NULL ? -1007 : k->is_tombstone ? -3006 : -1006;
	if (k != NULL || is_expired(m, now_ms)) {
		passing.message = text_copy(k == NULL         ? "报文已过期"
		                            : k->is_tombstone ? "原交易已冲正"
		                                              : "报文号已用于其他内容");
		return &passing;
	}
	if (!transactions[which].is_kept) {
		passing.code = 0;
		run(&r, which, &passing);
		return &passing;
	}
	k = r.known = known_add(book, m->sender, m->transid, m->transno);
	text_format(k->digest, sizeof(k->digest), "%s", m->digest);
	run(&r, which, &k->result);
	free(hub_answer(
	        keys, m, &k->result, false, ++book->serial, now_ms, &len, k->result_digest, &k->octets, &k->len));
	return &k->result;
}

/* -- ledger -- */

/* In the words of the platform's ledger. */
static json_t *settlement_row(const struct hub_visit *v, const struct hub_settlement *s, bool is_double)
{
	const char *state = s->is_reversed ? "reversed" : s->is_ended ? "cancelled" : "effective";

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I}", "setl_id",
	        s->id, "kind", s->is_refund ? "refund" : "settle", "state", state, "visit", v->id, "own_visit",
	        v->own_number, "institution", v->institution, "msgid", s->transid, "insuplc", v->person->insuplc,
	        "ended_by", s->ended_by, "is_double", is_double, "medfee_fen", (json_int_t)s->total_fen, "fund_fen",
	        (json_int_t)(s->fund_fen + s->altered_fen), "acct_fen", (json_int_t)s->account_fen, "cash_fen",
	        (json_int_t)s->cash_fen, "altered_fen", (json_int_t)s->altered_fen);
}

json_t *hub_book_ledger(const struct hub_book *book)
{
	json_t *rows = must(json_array());
	json_t *registered = must(json_array());
	json_int_t n_double = 0;

	for (const struct hub_visit *v = book->visits; v != NULL; v = v->next) {
		int in_force_count = 0;

		for (const struct hub_settlement *s = v->settlements; s != NULL; s = s->next) {
			in_force_count += !s->is_refund && !s->is_ended;
			json_array_append_new(
			        rows, settlement_row(v, s, in_force_count > 1 && !s->is_refund && !s->is_ended));
		}
		n_double += in_force_count > 1;
		if (!v->is_gone)
			json_array_append_new(registered, json_string(v->own_number));
	}
	return json_pack("{s:o, s:o, s:I}", "settlements", rows, "registered", registered, "double_bookings", n_double);
}

const char *hub_book_own_number(const struct hub_book *book, const char *registration)
{
	for (const struct hub_visit *v = book->visits; v != NULL; v = v->next)
		if (strcmp(v->id, registration) == 0)
			return v->own_number;
	return registration;
}

const char *hub_book_alter(struct hub_book *book, const char *which, int64_t fen)
{
	for (struct hub_visit *v = book->visits; v != NULL; v = v->next)
		for (struct hub_settlement *s = v->settlements; s != NULL; s = s->next)
			if (!s->is_refund && !s->is_ended && (which == NULL || strcmp(which, s->id) == 0)) {
				s->altered_fen += fen;
				return s->id;
			}
	return NULL;
}
