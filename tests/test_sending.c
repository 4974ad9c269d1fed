/* tests/test_sending.c - messages made ready for a party over a stream, and the black box meanwhile (worker_sending.c).
 *
 * A codec that crashes while it looks where an answer ends must be charged to the exchange it was for (P8): so what the
 * black box says at that moment is what is asserted, from inside the codec. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "process/worker_sending.h"

static struct box box;

static bool box_says(const char *what, uint64_t exchange, const char *octets)
{
	return atomic_load(&box.busy) == 1 && strcmp(box.plugin, "lines") == 0 && strcmp(box.what, what) == 0 &&
	       box.exchange == exchange && box.n_octets == strlen(octets) &&
	       memcmp(box.octets, octets, box.n_octets) == 0;
}

static uint64_t wanted_exchange;
static const char *wanted_octets;

/* A line is a frame. */
static int frame_next(struct yt_plugin *self, struct yt_str octets, struct yt_frame *out)
{
	const char *end = memchr(octets.p, '\n', octets.n);

	assert_true(box_says("frame_next", wanted_exchange, wanted_octets));
	if (end == NULL)
		return YT_EAGAIN;
	*out = (struct yt_frame){ .message = { octets.p, (size_t)(end - octets.p) },
		.used = (size_t)(end - octets.p) + 1 };
	return 0;
}

static int frame_put(struct yt_plugin *self, struct yt_str message, struct yt_buf *out)
{
	assert_true(box_says("frame_put", 7, "asked"));
	if (message.n > 5)
		return YT_ELIMIT;
	yt_buf_str(out, message);
	yt_buf_byte(out, '\n');
	return 0;
}

static const struct yt_codec_api lines = { .name = "lines", .frame_next = frame_next, .frame_put = frame_put };
static const struct conf_party conf = { .name = "bank", .kind = CONF_FRAMES };

static const char *make(struct sending *s, const char *message)
{
	const struct engine_codec codec = { .api = &lines };

	*s = (struct sending){ .box = box.what, .box_size = sizeof(box.what) };
	box_fill(&box, "lines", "sign", 7, YT_STR("asked")); /* as engine_send() leaves it */
	return sending_make(s, &codec, &conf, YT_STR("op"), yt_str(message), NULL);
}

static void a_message_leaves_in_a_frame(void **state)
{
	struct sending s;

	(void)state;
	assert_null(make(&s, "hello"));
	assert_int_equal(s.request.body.n, 6);
	assert_memory_equal(s.request.body.p, "hello\n", 6);
	assert_int_equal(s.request.n_headers, 0);
	yt_buf_free(&s.frame);
	assert_string_equal(make(&s, "too long"), "it is larger than a frame may be");
	yt_buf_free(&s.frame);
	box_empty(&box);
}

static void the_box_says_whose_answer_is_read(void **state)
{
	const struct engine_party party = { .name = "bank", .codec = { .api = &lines } };
	const struct lane_request request = { .body = YT_STR("hello\n") };
	struct lane_result result = { .end = LANE_ANSWERED };
	struct sent *all = NULL;
	struct yt_frame frame;
	const char *why = "";

	(void)state;
	for (uint64_t leg = 1; leg <= 2; leg++) {
		box_fill(&box, "lines", "", 70 + leg, leg == 1 ? YT_STR("first") : YT_STR("other"));
		sent_remember(&all, &box, &party, leg, &request, YT_STR("hello"));
		box_empty(&box);
	}
	wanted_exchange = 72;
	wanted_octets = "other";
	assert_int_equal(sent_frame_next(&all, &box, &party, 2, YT_STR("half"), &frame), YT_EAGAIN);
	assert_int_equal(sent_frame_next(&all, &box, &party, 2, YT_STR("whole\n"), &frame), 0);
	assert_int_equal(atomic_load(&box.busy), 0);
	assert_true(sent_is_answered(&all, &box, &party, 2, &result, &why));
	wanted_exchange = 0;
	wanted_octets = "";
	assert_int_equal(sent_frame_next(&all, &box, &party, 2, YT_STR("\n"), &frame), 0); /* it is told: nobody's */
	assert_int_equal(sent_frame_next(&all, &box, &party, 0, YT_STR("\n"), &frame), 0); /* a heartbeat's answer */
	result.end = LANE_LOST;
	assert_true(sent_is_answered(&all, &box, &party, 1, &result, &why));
	assert_null(all);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_leaves_in_a_frame),
		cmocka_unit_test(the_box_says_whose_answer_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
