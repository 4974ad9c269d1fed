/* core/ctl/ctl_records.c - the records of one exchange out of the journal, for `yitong show` and `yitong case`.
 *
 * The index says in which commits they stand; each commit is read whole. */
#include "ctl/ctl.h"

#include <string.h>

struct reading {
	struct ctl_records *r;
	uint64_t id;
};

static int on_record(void *arg, const struct rec *rec, log_pos pos)
{
	struct reading *reading = arg;

	if (rec->exchange != reading->id)
		return 0;
	exchange_apply(&reading->r->x, rec, pos);
	yt_buf_str(&reading->r->records, rec->whole);
	return 0;
}

int ctl_records(const struct ctl_journal *j, uint64_t id, const log_pos *place, size_t n, struct ctl_records *r)
{
	struct reading reading = { r, id };
	int rv = 0;

	memset(&r->x, 0, sizeof(r->x));
	yt_buf_clear(&r->records);
	r->is_sealed = false;
	for (size_t i = 0; rv == 0 && i < n; i++) {
		size_t before = r->records.n;
		struct exchange x_before = r->x;

		rv = log_read(&j->io, &j->conf, place[i], on_record, &reading);
		if (rv == YT_ECONF || rv == YT_EDENIED) { /* no keys here: the clear fields tell most of it */
			r->is_sealed = true;
			r->records.n = before;
			r->x = x_before;
			rv = log_scan(&j->io, &j->conf, place[i], place[i] + 1, false, on_record, &reading, NULL);
		}
		if (rv == YT_ENOTFOUND)
			rv = 0; /* its segment was dropped meanwhile */
	}
	return rv;
}
