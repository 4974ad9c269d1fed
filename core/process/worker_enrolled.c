/* core/process/worker_enrolled.c - the engine's question whether somebody is on a party's enrolment list, answered.
 *
 * Each worker maps the file for itself, so all of them share its pages; a list that `yitong enrolment load` has put in
 * its place meanwhile is mapped at the next question. */
#include "process/worker_parts.h"

void worker_enrolled_open(struct worker_party *p)
{
	const struct conf_party *c = p->conf;
	const struct enrolment *list;

	p->engine.by_list = c->enrolment != NULL;
	if (c->enrolment == NULL)
		return;
	p->enrolment = (struct enrolment_watch){ .file = c->enrolment,
		.key = { p->worker->keys, yt_str(c->enrolment_key), yt_str(c->name) },
		.max_age_days = c->enrolment_max_age_days };
	(void)enrolment_now(&p->enrolment, yt_mono_ms(), yt_wall_ms(), &list); /* checked whole before doors open */
}

enum enrolment_state worker_enrolled(
        void *ctx, const struct engine_party *party, struct yt_str certno, bool *is_on, int64_t *day)
{
	struct worker_party *p = party->owner;
	const struct enrolment *list;
	enum enrolment_state state = enrolment_now(&p->enrolment, yt_mono_ms(), yt_wall_ms(), &list);
	uint8_t row[ENROLMENT_ROW];
	int rv;

	(void)ctx;
	*is_on = false;
	*day = list == NULL ? 0 : enrolment_day(list);
	if (state != ENROLMENT_CURRENT)
		return state;
	rv = enrolment_row(&p->enrolment.key, certno, row);
	if (rv != 0 && rv != YT_EFORMAT) /* its key has gone; a number that no paper has is on no list */
		return ENROLMENT_UNUSABLE;
	*is_on = rv == 0 && enrolment_has(list, row);
	return ENROLMENT_CURRENT;
}
