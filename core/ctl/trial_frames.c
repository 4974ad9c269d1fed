/* core/ctl/trial_frames.c - `yitong plugin check`: where the messages of a stream end, for formats that have frames.
 *
 * What a lane believes (core/net/lane_frames.c) is what is held here: a frame cut anywhere is not there yet, a whole
 * one is what was put, what follows is not looked at, and of no octets whatever more are taken than there are. */
#include <string.h>

#include "ctl/trial.h"

enum { SAMPLES = 24, ENDS = 40, MIDDLES = 20, NOISE = 3000, NOISE_MAX = 40 };

static int next(struct trial *t, struct yt_str octets, struct yt_frame *out)
{
	struct yt_str in;
	int rv;

	trial_begin(t, "frame_next", octets);
	in = trial_input(t, octets);
	memset(out, 0, sizeof(*out));
	rv = t->api->frame_next(t->plugin, in, out);
	if (rv != 0 && rv != YT_EAGAIN && rv != YT_EFORMAT && rv != YT_ELIMIT)
		trial_fail(t, "frame_next returned %d: want 0, YT_EAGAIN, YT_EFORMAT or YT_ELIMIT", rv);
	if (rv == YT_EAGAIN && out->wants <= in.n)
		trial_fail(t, "frame_next has %zu octets and wants %zu: it would wait for ever", in.n, out->wants);
	if (rv == 0 && (out->used == 0 || out->used > in.n))
		trial_fail(t, "frame_next took %zu of %zu octets", out->used, in.n);
	if (rv == 0 && out->message.n > 0 &&
	        (out->message.p < in.p || out->message.n > out->used ||
	                out->message.p - in.p > (ptrdiff_t)(out->used - out->message.n)))
		trial_fail(t, "frame_next found a message outside of its frame");
	return rv;
}

static void put(struct trial *t, struct yt_str message, struct yt_buf *out)
{
	int rv;

	trial_begin(t, "frame_put", message);
	rv = t->api->frame_put(t->plugin, trial_input(t, message), out);
	if (rv != 0 || out->failed || out->n == 0)
		trial_fail(t, "frame_put put %zu octets into no frame", message.n);
}

static void check_cut(struct trial *t, struct yt_str whole, size_t cut)
{
	struct yt_frame frame;

	if (next(t, (struct yt_str){ whole.p, cut }, &frame) != YT_EAGAIN)
		trial_fail(t, "frame_next finds an end in %zu of the %zu octets of a frame", cut, whole.n);
	if (frame.wants > whole.n)
		trial_fail(t, "frame_next wants %zu octets of a frame of %zu", frame.wants, whole.n);
}

/* The message alone, cut, and with another one behind it. */
static void check_frame(struct trial *t, struct yt_str message)
{
	struct yt_buf two = { 0 };
	struct yt_str whole;
	struct yt_frame frame;
	size_t n;

	put(t, message, &two);
	n = two.n;
	put(t, message, &two);
	whole = (struct yt_str){ (const char *)two.p, n };
	for (size_t cut = 0; cut < n; cut += cut < ENDS || cut + ENDS >= n ? 1 : n / MIDDLES + 1)
		check_cut(t, whole, cut);
	for (size_t length = n; length <= two.n; length += n) {
		if (next(t, (struct yt_str){ whole.p, length }, &frame) != 0 || frame.used != n)
			trial_fail(t, "frame_next does not find what frame_put put: %zu octets", n);
		if (frame.is_heartbeat != (message.n == 0))
			trial_fail(t, message.n == 0 ? "an empty frame is no heartbeat" : "a message is a heartbeat");
		if (!yt_str_eq(frame.message, message))
			trial_fail(t, "a message changed in its frame");
	}
	yt_buf_free(&two);
}

void trial_frames(struct trial *t)
{
	uint32_t random = 20261122, n = t->samples->n < SAMPLES ? t->samples->n : SAMPLES;
	char noise[NOISE_MAX];
	struct yt_frame frame;

	if ((t->api->frame_next == NULL) != (t->api->frame_put == NULL))
		trial_fail(t, "frame_next and frame_put belong together");
	if (t->api->frame_next == NULL)
		return;
	check_frame(t, (struct yt_str){ "", 0 });
	for (uint32_t i = 0; i < n; i++) {
		const struct trial_sample *s = &t->samples->item[(uint64_t)i * t->samples->n / n];

		if (s->n > 0)
			check_frame(t, (struct yt_str){ (const char *)s->octets, s->n });
	}
	for (uint32_t i = 0; i < NOISE; i++) {
		for (uint32_t at = 0; at < NOISE_MAX; at++) {
			random = random * 1664525u + 1013904223u;
			noise[at] = (random >> 24 & 3) != 0 ? (char)('0' + (random >> 16) % 10) : (char)(random >> 16);
		}
		(void)next(t, (struct yt_str){ noise, i % NOISE_MAX }, &frame);
	}
}
