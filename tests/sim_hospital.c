/* tests/sim_hospital.c - hospitals as they really behave.
 *
 * A visit is registered, its fees are uploaded, it is settled, sometimes cancelled, sometimes settled again.
 * When no answer comes a hospital asks the same again (also at another worker), sends its own reversal
 * (2601), tries blindly under a new number, or gives up; it may hang up early, ask at two workers at once,
 * or use one number for two contents.  A refusal it reads as "did not happen". */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VISIT_TRIES 6

static const char *const wire_of[] = { [ASK_READ] = "READ",
	[ASK_REGISTER] = "REGISTER",
	[ASK_ADMIT] = "ADMIT",
	[ASK_FEES] = "FEES",
	[ASK_SETTLE] = "SETTLE",
	[ASK_CANCEL] = "CANCEL",
	[ASK_REVERSE] = "REVERSE" };

static void visit_goes_on(struct sim *s, struct sim_event *e);
static void ask_again(struct sim *s, struct sim_event *e);

const char *hospital_code(uint32_t hospital)
{
	static const char *const codes[SIM_HOSPITALS] = { "H1", "H2", "H3" };

	return codes[hospital];
}

static int64_t soon(struct sim *s, int64_t at_most)
{
	return s->now + 1 + (int64_t)sim_random(s, (uint64_t)at_most);
}

/* -- asking --------------------------------------------------------------------------------------- */

static uint32_t ask_new(struct sim *s, enum ask_kind kind, uint32_t visit, uint32_t target)
{
	const struct visit *v = &s->visits[visit];
	const char *orig = target != 0 ? s->asks[target].num : "";
	struct ask *a;

	if (s->n_asks == ASKS_MAX) {
		sim_fail(s, "the hospitals ask without end");
		s->n_asks--;
	}
	a = &s->asks[s->n_asks];
	a->kind = kind;
	a->hospital = v->hospital;
	a->visit = visit;
	a->target = target;
	snprintf(a->num, sizeof(a->num), "%s-%04u", hospital_code(v->hospital), ++s->n_numbers);
	if (kind == ASK_REVERSE) /* now and then without what would route it as its original went */
		snprintf(a->content, sizeof(a->content), "person=%s orig=%s",
		        v->is_remote != sim_fault(s, 150) ? "P9" : "P1", orig);
	else
		snprintf(a->content, sizeof(a->content), "person=%s visit=%s own=%s batch=%s setl=%s amt=1200",
		        v->is_remote ? "P9" : "P1", v->visit, v->own, v->batch, kind == ASK_CANCEL ? v->setl : "");
	snprintf(a->other_content, sizeof(a->other_content), "%s0", a->content);
	a->asked_at = s->now;
	return s->n_asks++;
}

static void on_patience(struct sim *s, struct sim_event *e);

static void ask_at(struct sim *s, uint32_t ask, uint32_t worker, bool other)
{
	struct ask *a = &s->asks[ask];
	char body[300];
	struct conn *c;
	int64_t patience = ORIGIN_TIMEOUT_MS + 300;

	if (s->n_conns == CONNS_MAX) {
		sim_fail(s, "the hospitals connect without end");
		return;
	}
	c = &s->conns[s->n_conns++];
	*c = (struct conn){ .ask = ask, .worker = worker, .open = true, .other = other };
	a->conns++;
	a->tries++;
	snprintf(body, sizeof(body), "%s inst=%s num=%s op=A | %s", wire_of[a->kind], hospital_code(a->hospital),
	        a->num, other ? a->other_content : a->content);
	sim_trace(s, "hospital: asks worker %u: %s", worker, body);
	gateway_request(s, worker, s->n_conns, hospital_code(a->hospital), yt_str(body));
	if (sim_fault(s, 120))
		patience = 300 + (int64_t)sim_random(s, 3000); /* hangs up first */
	sim_at(s, s->now + patience, on_patience, s->n_conns, 0);
}

static void ask(struct sim *s, uint32_t ask_id)
{
	struct wproc *w = gateway_worker(s, 0), *second;
	struct ask *a = &s->asks[ask_id];

	if (w == NULL) {
		sim_at(s, soon(s, 800), ask_again, ask_id, 0);
		return;
	}
	ask_at(s, ask_id, w->id, a->use_other);
	second = sim_fault(s, 100) ? gateway_worker(s, w->id) : NULL;
	if (second != NULL)
		ask_at(s, ask_id, second->id, a->use_other);
	if (sim_fault(s, 40) && a->kind == ASK_SETTLE && (second = gateway_worker(s, 0)) != NULL)
		ask_at(s, ask_id, second->id, !a->use_other);
}

static bool is_open(const struct ask *a)
{
	return a->heard == HEARD_NOTHING && !a->abandoned && !a->undone;
}

static void ask_again(struct sim *s, struct sim_event *e)
{
	const struct ask *a = &s->asks[e->a];

	if (is_open(a) && a->conns == 0 && (!a->reversing || a->kind == ASK_REVERSE))
		ask(s, (uint32_t)e->a);
}

static void ask_new_soon(struct sim *s, enum ask_kind kind, uint32_t visit, uint32_t target, int64_t in_ms)
{
	uint32_t id = ask_new(s, kind, visit, target);

	sim_at(s, soon(s, in_ms), ask_again, id, 0);
}

/* -- no answer ------------------------------------------------------------------------------------ */

static void send_reversal(struct sim *s, uint32_t target)
{
	s->asks[target].reversing = true;
	ask_new_soon(s, ASK_REVERSE, s->asks[target].visit, target, 1500);
}

static void over(struct sim *s, uint32_t visit)
{
	s->visits[visit].step = VISIT_OVER;
}

/* No answer to a settlement or its cancel: what people do then. */
static void settle_unheard(struct sim *s, uint32_t id)
{
	struct ask *a = &s->asks[id];
	struct visit *v = &s->visits[a->visit];

	if (sim_fault(s, 250) && !a->reversing && !a->replaced) {
		send_reversal(s, id);
	} else if (sim_fault(s, 180) && a->kind == ASK_SETTLE && v->tries < VISIT_TRIES && !a->replaced &&
	           !a->reversing) {
		a->replaced = true;
		v->tries++;
		ask_new_soon(s, ASK_SETTLE, a->visit, 0, 2000);
	} else if (sim_fault(s, 80) && !a->reversing && !a->replaced) {
		sim_trace(s, "hospital: gives up on %s", a->num);
		a->abandoned = true;
		over(s, a->visit);
	} else if (!a->replaced) {
		sim_at(s, soon(s, 3000), ask_again, id, 0);
	} else if (s->calm && !a->reversing) { /* a new number took its place */
		send_reversal(s, id);
	}
}

static void on_silence(struct sim *s, uint32_t id)
{
	struct ask *a = &s->asks[id];

	if (!is_open(a) || a->conns > 0)
		return;
	if ((a->kind == ASK_FEES || a->kind == ASK_REVERSE) && sim_fault(s, 40))
		ask_new_soon(s, ASK_REVERSE, a->visit, id, 1500); /* of what no reversal undoes */
	if (a->kind == ASK_SETTLE || a->kind == ASK_CANCEL) {
		settle_unheard(s, id);
	} else if (a->kind == ASK_ADMIT && sim_fault(s, 120) && !a->reversing) {
		send_reversal(s, id);
	} else if (a->kind == ASK_REVERSE && sim_fault(s, 400)) {
		a->abandoned = true;
		ask_new_soon(s, ASK_REVERSE, a->visit, a->target, 2000);
	} else {
		sim_at(s, soon(s, 2000), ask_again, id, 0);
	}
}

static void on_patience(struct sim *s, struct sim_event *e)
{
	struct conn *c = &s->conns[e->a - 1];

	if (!c->open)
		return;
	c->open = false;
	s->asks[c->ask].conns--;
	sim_trace(s, "hospital: hangs up on %s", s->asks[c->ask].num);
	gateway_hang_up(s, e->a);
	on_silence(s, c->ask);
}

/* -- answers -------------------------------------------------------------------------------------- */

static bool says(struct yt_str octets, const char *what)
{
	return memmem(octets.p, octets.n, what, strlen(what)) != NULL;
}

/* Nothing was kept of it: asked again, the answer may be another. */
static bool is_passing(struct yt_str octets)
{
	return says(octets, "Y202") || says(octets, "Y203") || says(octets, "Y204") || says(octets, "Y301") ||
	       says(octets, "Y302");
}

static void settle_heard(struct sim *s, uint32_t id, struct yt_str octets)
{
	struct ask *a = &s->asks[id];
	struct visit *v = &s->visits[a->visit];

	if (a->reversing)
		return; /* whatever it says: a reversal is on the way, and its end counts */
	if (a->heard == HEARD_DONE) {
		fake_value(octets, "setl", v->setl, sizeof(v->setl));
		memcpy(a->setl, v->setl, sizeof(a->setl));
		v->settle = id;
		v->step = v->wants_cancel ? VISIT_CANCELS : VISIT_OVER;
		v->wants_cancel = false;
		sim_at(s, soon(s, 4000), visit_goes_on, a->visit, 0);
	} else if (!a->replaced && v->tries++ < VISIT_TRIES && sim_chance(s, 75)) {
		ask_new_soon(s, ASK_SETTLE, a->visit, 0, 4000);
	} else if (!a->replaced) {
		over(s, a->visit);
	}
}

static void cancel_heard(struct sim *s, uint32_t id)
{
	struct ask *a = &s->asks[id];
	struct visit *v = &s->visits[a->visit];

	if (a->reversing)
		return;
	if (a->heard == HEARD_DONE && v->tries++ < VISIT_TRIES && sim_chance(s, 40)) {
		v->step = VISIT_SETTLES;
		sim_at(s, soon(s, 2000), visit_goes_on, a->visit, 0);
	} else if (a->heard == HEARD_REFUSED && v->tries++ < VISIT_TRIES && sim_chance(s, 60)) {
		sim_at(s, soon(s, 2000), visit_goes_on, a->visit, 0);
	} else {
		over(s, a->visit);
	}
}

static void reversal_heard(struct sim *s, uint32_t id, struct yt_str octets)
{
	struct ask *a = &s->asks[id], *target = &s->asks[a->target];
	struct visit *v = &s->visits[a->visit];

	if (target->kind != ASK_SETTLE && target->kind != ASK_CANCEL && target->kind != ASK_ADMIT)
		return;
	if (a->heard == HEARD_REFUSED && !says(octets, "why=absent") &&
	        !says(octets, "Y406")) { /* the gateway: nothing came through */
		ask_new_soon(s, ASK_REVERSE, a->visit, a->target, 2000);
		return;
	}
	if (target->undone)
		return;
	target->undone = true;
	if (target->replaced)
		return;
	if (target->kind == ASK_ADMIT) {
		sim_at(s, soon(s, 2000), visit_goes_on, a->visit, 0);
	} else if (target->kind == ASK_SETTLE && v->tries++ < VISIT_TRIES && sim_chance(s, 60)) {
		v->step = VISIT_SETTLES;
		sim_at(s, soon(s, 2000), visit_goes_on, a->visit, 0);
	} else {
		over(s, a->visit);
	}
}

static void step_heard(struct sim *s, uint32_t id, struct yt_str octets)
{
	struct ask *a = &s->asks[id];
	struct visit *v = &s->visits[a->visit];

	if (a->reversing)
		return;
	if (a->heard == HEARD_REFUSED && !says(octets, "why=already")) { /* again, under a new number */
		sim_at(s, soon(s, 2000), visit_goes_on, a->visit, 0);
		return;
	}
	if (a->kind == ASK_REGISTER || a->kind == ASK_ADMIT)
		fake_value(octets, "visit", v->visit, sizeof(v->visit));
	v->step = a->kind == ASK_REGISTER ? VISIT_UPLOADS : VISIT_SETTLES;
	sim_at(s, soon(s, 500), visit_goes_on, a->visit, 0);
}

/* P2: whoever hears an answer to one number twice hears the same octets. */
static void compare(struct sim *s, struct ask *a, struct yt_str octets)
{
	char now[sizeof(a->first_final)];

	snprintf(now, sizeof(now), "%.*s", YT_FMT(octets));
	if (a->first_final[0] == 0) {
		memcpy(a->first_final, now, sizeof(now));
		s->told.one_stops += says(octets, "collect=7.50");
	} else if (strcmp(a->first_final, now) != 0 && a->kind != ASK_READ) {
		sim_fail(s, "P2: %s was answered \"%s\", then \"%s\"", a->num, a->first_final, now);
	}
}

static void ask_once_more(struct sim *s, struct sim_event *e)
{
	if (s->asks[e->a].conns == 0 && !s->asks[e->a].undone)
		ask(s, (uint32_t)e->a);
}

static void on_answer(struct sim *s, uint32_t id, struct yt_str octets)
{
	struct ask *a = &s->asks[id];

	if (!is_passing(octets))
		compare(s, a, octets);
	if (a->heard != HEARD_DONE && !is_passing(octets) && sim_fault(s, 150)) /* asks the same again, much later */
		sim_at(s, soon(s, 40000), ask_once_more, id, 0);
	if (a->heard == HEARD_DONE)
		return;
	if (fake_is(octets, "DONE"))
		a->heard = HEARD_DONE;
	else if (a->heard == HEARD_REFUSED || (a->conns > 0 && is_passing(octets)))
		return;
	else
		a->heard = HEARD_REFUSED;
	if (a->abandoned)
		return;
	if (a->kind == ASK_SETTLE)
		settle_heard(s, id, octets);
	else if (a->kind == ASK_CANCEL)
		cancel_heard(s, id);
	else if (a->kind == ASK_REVERSE)
		reversal_heard(s, id, octets);
	else if (a->kind != ASK_READ)
		step_heard(s, id, octets);
}

void hospital_hear(struct sim *s, uint64_t token, struct yt_str octets)
{
	struct conn *c = &s->conns[token - 1];
	struct ask *a = &s->asks[c->ask];
	uint32_t id = c->ask;

	if (!c->open) {
		a->missed = a->missed || octets.n > 0; /* it had hung up while the answer was on its way */
		return;
	}
	c->open = false;
	a->conns--;
	if (octets.n == 0) {
		on_silence(s, id);
	} else if (says(octets, "Y201")) {
		if (c->other == a->use_other) { /* the other content got there first */
			a->use_other = !a->use_other;
			on_silence(s, id);
		} else if (a->conns == 0) {
			on_silence(s, id);
		}
	} else {
		on_answer(s, id, octets);
	}
}

/* -- visits --------------------------------------------------------------------------------------- */

static void visit_goes_on(struct sim *s, struct sim_event *e)
{
	struct visit *v = &s->visits[e->a];
	uint32_t id, visit = (uint32_t)e->a;

	switch (v->step) {
	case VISIT_REGISTERS:
		ask(s, ask_new(s, ASK_READ, visit, 0));
		ask(s, ask_new(s, v->is_remote ? ASK_ADMIT : ASK_REGISTER, visit, 0));
		break;
	case VISIT_UPLOADS:
		ask(s, ask_new(s, ASK_FEES, visit, 0));
		break;
	case VISIT_SETTLES:
		ask(s, ask_new(s, ASK_SETTLE, visit, 0));
		break;
	case VISIT_CANCELS:
		id = ask_new(s, ASK_CANCEL, visit, v->settle);
		s->visits[visit].cancel = id;
		ask(s, id);
		break;
	default:
		break;
	}
}

void hospitals_start(struct sim *s)
{
	uint32_t i, n = 6 + (uint32_t)sim_random(s, 10);

	s->asks = calloc(ASKS_MAX, sizeof(*s->asks));
	s->conns = calloc(CONNS_MAX, sizeof(*s->conns));
	YT_REQUIRE(s->asks != NULL && s->conns != NULL);
	s->n_asks = 1; /* 0 is none */
	for (i = 0; i < n; i++) {
		struct visit *v;

		s->visits = sim_more(s->visits, s->n_visits, sizeof(*s->visits));
		v = &s->visits[s->n_visits++];
		v->hospital = (uint32_t)sim_random(s, SIM_HOSPITALS);
		v->wants_cancel = sim_chance(s, 35);
		v->is_remote = sim_chance(s, 40);
		snprintf(v->own, sizeof(v->own), "own%u", i);
		snprintf(v->batch, sizeof(v->batch), "B%u", i);
		sim_at(s, 500 + (int64_t)sim_random(s, 50000), visit_goes_on, i, 0);
	}
}

void hospitals_calm(struct sim *s)
{
	uint32_t i;

	for (i = 1; i < s->n_asks; i++) {
		if (s->asks[i].replaced)
			on_silence(s, i);
		else
			sim_at(s, soon(s, 3000), ask_again, i, 0);
	}
}

bool hospitals_are_quiet(struct sim *s)
{
	uint32_t i;

	for (i = 0; i < s->n_visits; i++) {
		if (s->visits[i].step != VISIT_OVER)
			return false;
	}
	for (i = 1; i < s->n_asks; i++) {
		const struct ask *a = &s->asks[i];

		if (a->conns > 0 || (is_open(a) && !a->reversing))
			return false;
		if (a->reversing && !a->undone)
			return false;
	}
	return true;
}
