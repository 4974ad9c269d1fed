/* core/ctl/trial_files.c - `yitong plugin check`: names and ends of files, for formats that are handed over as files.
 *
 * What a party by files believes (core/net/drop_put.c, folder.c) is what is held here: a message has one name, always
 * the same, that any file system takes; a file that is cut has not come to its end. */
#include "ctl/trial.h"
#include "net/files.h"

enum { SAMPLES = 24, ENDS = 40, MIDDLES = 20 };

/* Returns what file_name did; *name is its arena's. */
static int name_of(struct trial *t, struct yt_str octets, struct yt_str *name)
{
	int rv;

	*name = (struct yt_str){ 0 };
	trial_begin(t, "file_name", octets);
	rv = t->api->file_name(t->plugin, trial_input(t, octets), t->arena, name);
	if (rv != 0 && rv != YT_EFORMAT && rv != YT_ENOMEM)
		trial_fail(t, "file_name returned %d: want 0, YT_EFORMAT or YT_ENOMEM", rv);
	if (rv == 0 && (!files_name_is_plain(*name) || files_name_is_unfinished(name->p)))
		trial_fail(t,
		        "file_name gave \"%.*s\": want at most %d letters, digits and . _ -, no dot in front, no end as .tmp",
		        (int)(name->n < 80 ? name->n : 80), name->p, FILES_NAME_MAX);
	return rv;
}

static void check_whole(struct trial *t, struct yt_str octets, bool wanted)
{
	bool is;

	if (t->api->file_is_whole == NULL)
		return;
	trial_begin(t, "file_is_whole", octets);
	is = t->api->file_is_whole(t->plugin, trial_input(t, octets));
	if (is != wanted)
		trial_fail(t,
		        wanted ? "file_is_whole does not find the end of %zu octets"
		               : "file_is_whole finds an end in the first %zu octets of a file",
		        octets.n);
}

static void check_file(struct trial *t, struct yt_str whole)
{
	struct yt_str name, again, first;

	if (name_of(t, whole, &name) != 0)
		trial_fail(t, "file_name has no name for what encode_request wrote");
	first = yt_arena_copy(t->own, name);
	(void)name_of(t, whole, &again);
	if (!yt_str_eq(first, again))
		trial_fail(t, "file_name gave one message two names");
	check_whole(t, whole, true);
	for (size_t cut = 0; cut < whole.n; cut += cut < ENDS || cut + ENDS >= whole.n ? 1 : whole.n / MIDDLES + 1) {
		(void)name_of(t, (struct yt_str){ whole.p, cut }, &name);
		check_whole(t, (struct yt_str){ whole.p, cut }, false);
	}
}

void trial_files(struct trial *t)
{
	uint32_t n = t->samples->n < SAMPLES ? t->samples->n : SAMPLES;

	if (t->api->file_name == NULL)
		return;
	for (uint32_t i = 0; i < n; i++) {
		const struct trial_sample *s = &t->samples->item[(uint64_t)i * t->samples->n / n];

		if (s->n > 0)
			check_file(t, (struct yt_str){ (const char *)s->octets, s->n });
	}
}
