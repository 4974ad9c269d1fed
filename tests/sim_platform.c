/* tests/sim_platform.c - the provincial platform and its books.
 *
 * It refuses what the facts refuse and knows nothing of message numbers but what it booked (nhsa.md 5.3):
 * a reversal that overtakes its original finds nothing and leaves no tombstone; reversing a cancel brings
 * the settlement back to life. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct wire {
	char inst[8], num[40], op[8], sign[16], visit[16], own[24], batch[16], setl[16], orig[40];
};

static void read_wire(struct yt_str body, struct wire *w)
{
	fake_value(body, "inst", w->inst, sizeof(w->inst));
	fake_value(body, "num", w->num, sizeof(w->num));
	fake_value(body, "op", w->op, sizeof(w->op));
	fake_value(body, "sign", w->sign, sizeof(w->sign));
	fake_value(body, "visit", w->visit, sizeof(w->visit));
	fake_value(body, "own", w->own, sizeof(w->own));
	fake_value(body, "batch", w->batch, sizeof(w->batch));
	fake_value(body, "setl", w->setl, sizeof(w->setl));
	fake_value(body, "orig", w->orig, sizeof(w->orig));
}

static void say(char reply[400], const char *fmt, const char *what)
{
	snprintf(reply, 400, fmt, what);
}

/* -- sessions: the newest sign-in of an operator counts ------------------------------------------- */

static char *session(struct platform *p, const struct wire *w)
{
	char key[16];
	size_t i;

	snprintf(key, sizeof(key), "%.6s|%.6s", w->inst, w->op);
	for (i = 0; i < p->n_sessions; i++) {
		if (strcmp(p->sessions[i].key, key) == 0)
			return p->sessions[i].sign;
	}
	YT_REQUIRE(p->n_sessions < 8);
	memcpy(p->sessions[i].key, key, sizeof(key));
	p->sessions[i].sign[0] = 0;
	p->n_sessions++;
	return p->sessions[i].sign;
}

void platform_midnight(struct sim *s)
{
	size_t i;

	sim_trace(s, "platform: midnight, all sessions end");
	for (i = 0; i < s->platform.n_sessions; i++)
		s->platform.sessions[i].sign[0] = 0;
}

static bool signed_in(struct platform *p, const struct wire *w)
{
	const char *sign = session(p, w);

	if (strcmp(w->op, "YT") != 0 && strcmp(w->inst, "H3") != 0)
		return true; /* hospitals that sign in themselves: not played */
	return sign[0] != 0 && strcmp(sign, w->sign) == 0;
}

/* -- the books ------------------------------------------------------------------------------------ */

const struct booked *platform_find(const struct sim *s, const char *num, enum booked_kind kind)
{
	size_t i;

	for (i = 0; i < s->platform.n; i++) {
		if (s->platform.rows[i].kind == kind && strcmp(s->platform.rows[i].num, num) == 0)
			return &s->platform.rows[i];
	}
	return NULL;
}

static struct booked *active_settlement(struct platform *p, const char *visit, const char *batch)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		struct booked *b = &p->rows[i];

		if (b->kind == BOOKED_SETTLEMENT && b->active && strcmp(b->visit, visit) == 0 &&
		        strcmp(b->batch, batch) == 0)
			return b;
	}
	return NULL;
}

static struct booked *settlement(struct platform *p, const char *setl)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		if (p->rows[i].kind == BOOKED_SETTLEMENT && strcmp(p->rows[i].setl, setl) == 0)
			return &p->rows[i];
	}
	return NULL;
}

static struct booked *book(struct sim *s, enum booked_kind kind, const struct wire *w)
{
	struct platform *p = &s->platform;
	struct booked *b;

	for (size_t i = 0; i < p->n; i++) {
		if (strcmp(p->rows[i].num, w->num) == 0 && strcmp(p->rows[i].inst, w->inst) == 0)
			sim_fail(s, "number %s took effect twice", w->num);
	}
	p->rows = sim_more(p->rows, p->n, sizeof(*p->rows));
	b = &p->rows[p->n++];
	b->kind = kind;
	b->active = true;
	memcpy(b->inst, w->inst, sizeof(b->inst));
	memcpy(b->num, w->num, sizeof(b->num));
	memcpy(b->visit, w->visit, sizeof(b->visit));
	memcpy(b->own, w->own, sizeof(b->own));
	memcpy(b->batch, w->batch, sizeof(b->batch));
	memcpy(b->setl, w->setl, sizeof(b->setl));
	return b;
}

static void do_register(struct sim *s, struct wire *w, char reply[400])
{
	snprintf(w->visit, sizeof(w->visit), "V%u", ++s->platform.next_id);
	book(s, BOOKED_VISIT, w);
	say(reply, "DONE visit=%s .", w->visit);
}

static void find_visit(struct sim *s, const struct wire *w, char reply[400])
{
	const struct booked *found = NULL;
	size_t i;

	for (i = 0; i < s->platform.n; i++) {
		const struct booked *b = &s->platform.rows[i];

		if (b->kind == BOOKED_VISIT && strcmp(b->own, w->own) == 0)
			found = b;
	}
	if (found != NULL)
		say(reply, "DONE state=found visit=%s .", found->visit);
	else
		say(reply, "DONE state=absent .%s", "");
}

static void do_fees(struct sim *s, const struct wire *w, char reply[400])
{
	size_t i;

	for (i = 0; i < s->platform.n; i++) {
		const struct booked *b = &s->platform.rows[i];

		if (b->kind == BOOKED_FEES && strcmp(b->visit, w->visit) == 0 && strcmp(b->batch, w->batch) == 0) {
			say(reply, "REFUSED why=already lines %s are there .", w->batch);
			return;
		}
	}
	book(s, BOOKED_FEES, w);
	say(reply, "DONE .%s", "");
}

/* As nhsa.md 2401: refused where the person is inside already, whoever asks; taken back by number alone. */
static void do_admit(struct sim *s, struct wire *w, char reply[400])
{
	for (size_t i = 0; i < s->platform.n; i++) {
		const struct booked *b = &s->platform.rows[i];

		if (b->kind == BOOKED_ADMISSION && b->active && strcmp(b->own, w->own) == 0) {
			say(reply, "REFUSED why=inside %s is admitted .", w->own);
			return;
		}
	}
	snprintf(w->visit, sizeof(w->visit), "V%u", ++s->platform.next_id);
	book(s, BOOKED_ADMISSION, w);
	say(reply, "DONE visit=%s .", w->visit);
}

static void do_settle(struct sim *s, struct wire *w, char reply[400])
{
	if (active_settlement(&s->platform, w->visit, w->batch) != NULL) {
		say(reply, "REFUSED why=settled batch %s is settled .", w->batch);
		return;
	}
	snprintf(w->setl, sizeof(w->setl), "S%u", ++s->platform.next_id);
	book(s, BOOKED_SETTLEMENT, w);
	s->told.settled++;
	say(reply, "DONE setl=%s amt=1200 .", w->setl);
}

static void do_cancel(struct sim *s, const struct wire *w, char reply[400])
{
	struct booked *b = settlement(&s->platform, w->setl);

	if (b == NULL || !b->active) {
		say(reply, "REFUSED why=notactive settlement %s is not there .", w->setl);
		return;
	}
	b->active = false;
	b->cancelled = true;
	book(s, BOOKED_CANCEL, w);
	s->told.cancelled++;
	say(reply, "DONE setl=%s amt=-1200 .", w->setl);
}

static void find_settlement(struct sim *s, const struct wire *w, char reply[400])
{
	const struct booked *b = settlement(&s->platform, w->setl);

	if (b == NULL || (!b->active && !b->cancelled))
		say(reply, "REFUSED why=unknown settlement %s is not there .", w->setl);
	else if (b->cancelled)
		say(reply, "DONE state=found setl=%s .", b->setl);
	else
		say(reply, "DONE state=absent .%s", "");
}

static void do_reverse(struct sim *s, const struct wire *w, char reply[400])
{
	struct platform *p = &s->platform;
	struct booked *b = NULL, *revived;
	size_t i;

	for (i = 0; i < p->n; i++) {
		if (strcmp(p->rows[i].num, w->orig) == 0 && strcmp(p->rows[i].inst, w->inst) == 0)
			b = &p->rows[i];
	}
	if (b == NULL || (!b->active && !b->cancelled)) {
		say(reply, "REFUSED why=absent number %s is not there .", w->orig);
		return;
	}
	if (b->kind != BOOKED_SETTLEMENT && b->kind != BOOKED_CANCEL && b->kind != BOOKED_ADMISSION) {
		say(reply, "REFUSED why=kind number %s cannot be reversed .", w->orig);
		return;
	}
	if (b->cancelled) {
		say(reply, "REFUSED why=cancelled number %s is cancelled .", w->orig);
		return;
	}
	if (b->kind == BOOKED_CANCEL) {
		revived = settlement(p, b->setl);
		if (active_settlement(p, revived->visit, revived->batch) != NULL) {
			say(reply, "REFUSED why=settled number %s would settle twice .", w->orig);
			return;
		}
		revived->active = true;
		revived->cancelled = false;
	}
	b->active = false;
	s->told.reversed++;
	say(reply, "DONE reversed %s .", w->orig);
}

/* Before anybody looks at what it is.  For a while, so that a message that comes twice at once has one fate. */
static bool refuses_on_the_way(struct sim *s)
{
	if (s->now > s->platform.refuses_until && sim_fault(s, 10))
		s->platform.refuses_until = s->now + (int64_t)sim_random(s, 400);
	return s->now <= s->platform.refuses_until;
}

void platform_handle(struct sim *s, struct yt_str body, char reply[400])
{
	struct wire w;

	memset(&w, 0, sizeof(w));
	read_wire(body, &w);
	if (fake_is(body, "SIGNIN")) {
		snprintf(session(&s->platform, &w), 16, "G%u", ++s->platform.next_id);
		say(reply, "DONE sign=%s .", session(&s->platform, &w));
	} else if (refuses_on_the_way(s)) {
		say(reply, "REFUSED why=gateway time is out of range .%s", "");
	} else if (!signed_in(&s->platform, &w)) {
		say(reply, "REFUSED why=expired sign in first .%s", "");
	} else if (fake_is(body, "REGISTER")) {
		do_register(s, &w, reply);
	} else if (fake_is(body, "FINDVISIT")) {
		find_visit(s, &w, reply);
	} else if (fake_is(body, "ADMIT")) {
		do_admit(s, &w, reply);
	} else if (fake_is(body, "FEES")) {
		do_fees(s, &w, reply);
	} else if (fake_is(body, "SETTLE")) {
		do_settle(s, &w, reply);
	} else if (fake_is(body, "CANCEL")) {
		do_cancel(s, &w, reply);
	} else if (fake_is(body, "FINDSETL")) {
		find_settlement(s, &w, reply);
	} else if (fake_is(body, "REVERSE")) {
		do_reverse(s, &w, reply);
	} else {
		say(reply, "DONE read .%s", "");
	}
	sim_trace(s, "platform: %.*s -> %s", YT_FMT(body), reply);
}
