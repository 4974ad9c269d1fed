/* core/ctl/trial.h - the trial every plugin must pass: `yitong plugin check`.
 *
 *   ctl_plugin.c    the command: lists plugins, prints the table of cases
 *   trial.c         one case in a child of its own: limits, guard pages, what it died of
 *   trial_make.c    messages of every operation, made by listening to what the plugin says is missing
 *   trial_cases.c   the cases
 *   trial_frames.c  ... and that of formats over a stream
 *   trial_files.c   ... and of those that are handed over as files
 *
 * Each case runs in a forked child that may use 10 s of CPU and 1 GiB, open no socket, start no thread and write no
 * file; input is read-only and ends at a page that nobody may touch, as does everything an arena gives out.  Before
 * each call of a plugin's function the child notes it and its octets in memory shared with the parent, so a crash can
 * be reproduced. */
#ifndef YT_CTL_TRIAL_H
#define YT_CTL_TRIAL_H

#include "ctl/desk.h"

#define TRIAL_OCTETS_MAX (4u << 20) /* of one input */
#define TRIAL_SAMPLES_MAX 512
#define TRIAL_SAMPLE_MAX (64u << 10)
#define TRIAL_CPU_S 10
#define TRIAL_MEMORY (1ull << 30)

struct trial_note { /* shared with the parent */
	char function[32];
	char why[400]; /* of a failure that is no crash; what was done, of a success */
	uint32_t n_calls;
	uint32_t n_done, n_all; /* messages made, of so many tried */
	size_t n;
	uint8_t octets[TRIAL_OCTETS_MAX];
};

struct trial_sample { /* a request the plugin wrote itself */
	enum yt_operation op;
	char wire[16];
	uint32_t n;
	uint8_t octets[TRIAL_SAMPLE_MAX];
};

struct trial_samples {
	uint32_t n;
	uint32_t n_given; /* the first of them are captured ones, by --sample */
	struct trial_sample item[TRIAL_SAMPLES_MAX];
};

struct trial {
	const struct yt_codec_api *api;
	struct yt_plugin *plugin;
	struct desk *desk;
	const char *name;              /* as desk_codec() takes it */
	bool is_verbose;               /* says which messages cannot be made, and why */
	const char *keep;              /* folder for reproductions */
	struct trial_note *note;       /* shared */
	struct trial_samples *samples; /* shared */
	uint8_t *input;                /* of this child: TRIAL_OCTETS_MAX behind it a guard page */
	struct yt_arena *arena;        /* guarded, emptied by trial_begin() */
	struct yt_arena *own;          /* for the trial itself */
};

struct trial_case {
	const char *name, *what; /* "cut": "every message cut at every octet" */
	void (*run)(struct trial *t);
};
extern const struct trial_case trial_cases[]; /* ends with a NULL name */

void trial_frames(struct trial *t);
void trial_files(struct trial *t);

enum trial_end { TRIAL_PASSED, TRIAL_FAILED };
/* Runs one case; why: what was done or what went wrong, with the reproduction. */
enum trial_end trial_run(struct trial *t, const struct trial_case *c, char *why, size_t size);

/* -- in the child -- */

/* octets at the end of read-only pages; valid until the next one. */
struct yt_str trial_input(struct trial *t, struct yt_str octets);
/* Before each call: which function with what.  Empties the arena. */
void trial_begin(struct trial *t, const char *function, struct yt_str octets);
/* The same without emptying the arena. */
void trial_call(struct trial *t, const char *function, struct yt_str octets);
void trial_fail(struct trial *t, const char *fmt, ...) __attribute__((noreturn)) YT_PRINTF(2, 3);

/* Makes a message of one wire operation that the plugin can write and read back, in t->own; NULL, with why, when it
 * always lacks something.  octets: what was written. */
struct yt_msg *trial_make(struct trial *t, const struct yt_wire_op *op, struct yt_str *octets, char *why, size_t size);
/* Octets to a message in t->arena; the result of decode_request, checked for what it must always hold. */
int trial_decode(struct trial *t, struct yt_str octets, struct yt_msg **out);

#endif
