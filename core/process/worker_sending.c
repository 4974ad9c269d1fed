/* core/process/worker_sending.c - see worker_sending.h. */
#include "process/worker_sending.h"

#include <stdlib.h>
#include <string.h>

static void box_goes_on(struct sending *s, const char *what)
{
	strncpy(s->box, what, s->box_size - 1);
}

/* The codec makes all of it: method, path, headers, body. */
static const char *make_whole(struct sending *s, const struct engine_codec *codec, struct yt_str base,
        struct yt_str octets, struct yt_arena *scratch)
{
	struct yt_http http = { .headers = s->headers, .n_headers = SENDING_HEADERS };
	int rv;

	box_goes_on(s, "http_request");
	rv = codec->api->http_request(codec->plugin, octets, base, scratch, yt_wall_ms(), &http);
	if (rv != 0)
		return rv == YT_ENOTFOUND ? "it cannot be signed: a key is missing" : "it cannot be said over HTTP";
	s->request.method = http.method;
	s->request.target = http.path;
	s->request.n_headers = http.n_headers;
	s->request.body = http.body;
	return NULL;
}

static const char *make_frame(struct sending *s, const struct engine_codec *codec, struct yt_str octets)
{
	int rv;

	box_goes_on(s, "frame_put");
	rv = codec->api->frame_put(codec->plugin, octets, &s->frame);
	s->request = (struct lane_request){ .body = yt_buf_view(&s->frame) };
	return rv == 0 ? NULL : rv == YT_ELIMIT ? "it is larger than a frame may be" : "out of memory";
}

/* target: the file's name. */
static const char *make_file(
        struct sending *s, const struct engine_codec *codec, struct yt_str octets, struct yt_arena *scratch)
{
	int rv;

	box_goes_on(s, "file_name");
	s->request = (struct lane_request){ .body = octets };
	rv = codec->api->file_name(codec->plugin, octets, scratch, &s->request.target);
	return rv == 0 ? NULL : "it has no name as a file";
}

const char *sending_make(struct sending *s, const struct engine_codec *codec, const struct conf_party *party,
        struct yt_str wire_op, struct yt_str octets, struct yt_arena *scratch)
{
	const struct yt_codec_api *api = codec->api;
	int n = 0, rv = 0;

	if (party->kind == CONF_FRAMES)
		return make_frame(s, codec, octets);
	if (conf_party_is_files(party))
		return make_file(s, codec, octets, scratch);
	s->request = (struct lane_request){ .target = yt_str(party->target),
		.content_type = api->content_type,
		.headers = s->headers,
		.body = octets };
	if (api->http_request != NULL)
		return make_whole(s, codec, s->request.target, octets, scratch);
	if (api->sign != NULL)
		n = api->sign(codec->plugin, scratch, yt_wall_ms(), s->headers, SENDING_HEADERS);
	if (n < 0)
		return "it cannot be signed: a key is missing";
	s->request.n_headers = (size_t)n;
	if (api->path != NULL) {
		box_goes_on(s, "path");
		rv = api->path(codec->plugin, wire_op, s->request.target, scratch, &s->request.target);
	}
	return rv == 0 ? NULL : "the party has no path for it: see its settings";
}

void sending_add_conf(
        struct sending *s, const struct conf_party *party, struct yt_str traceparent, const struct yt_keys *keys)
{
	struct yt_header *next = &s->headers[s->request.n_headers];

	if (party->trace != 0 && traceparent.n != 0)
		*next++ = (struct yt_header){ YT_STR("traceparent"), traceparent };
	if (party->header != NULL) {
		next->name = yt_str(party->header);
		YT_REQUIRE(keys_secret(keys, yt_str(party->header_secret), &next++->value) == 0);
	}
	s->request.n_headers = (size_t)(next - s->headers);
}

static struct yt_str keep(char **at, struct yt_str s)
{
	struct yt_str kept = { *at, s.n };

	if (s.n > 0)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return kept;
}

static bool is_asked(const struct yt_codec_api *api)
{
	return api->http_verify_reply != NULL || api->frame_next != NULL;
}

void sent_remember(struct sent **all, const struct box *box, const struct engine_party *party, uint64_t leg,
        const struct lane_request *request, struct yt_str octets)
{
	const struct yt_str asked = { (const char *)box->octets, box->n_octets };
	struct sent *s;
	char *at;

	if (!is_asked(party->codec.api))
		return;
	s = malloc(sizeof(*s) + request->target.n + octets.n + asked.n);
	YT_REQUIRE(s != NULL);
	at = (char *)(s + 1);
	s->leg = leg;
	s->exchange = box->exchange;
	s->path = keep(&at, request->target);
	s->octets = keep(&at, octets);
	s->request = keep(&at, asked);
	HASH_ADD(hh, *all, leg, sizeof(s->leg), s);
}

static bool is_verified(const struct sent *s, struct box *box, const struct engine_party *party,
        const struct lane_result *result, const char **why)
{
	const struct yt_http answer = { .path = s->path,
		.status = result->status,
		.headers = (struct yt_header *)(uintptr_t)result->headers,
		.n_headers = result->n_headers,
		.body = result->body };
	struct yt_fault fault = { { 0 }, { 0 } };
	int rv;

	box_fill(box, party->codec.api->name, "http_verify_reply", s->exchange, s->request);
	rv = party->codec.api->http_verify_reply(party->codec.plugin, s->octets, &answer, yt_wall_ms(), &fault);
	box_empty(box);
	if (rv == 0)
		return true;
	yt_log(YT_ERROR, "worker", "party %s: an answer proves nothing: %s %s", party->name, fault.path, fault.why);
	*why = "the answer's signature does not hold";
	return false;
}

int sent_frame_next(struct sent **all, struct box *box, const struct engine_party *party, uint64_t leg,
        struct yt_str octets, struct yt_frame *out)
{
	struct sent *s;
	int rv;

	HASH_FIND(hh, *all, &leg, sizeof(leg), s);
	box_fill(box, party->codec.api->name, "frame_next", s != NULL ? s->exchange : 0,
	        s != NULL ? s->request : (struct yt_str){ 0 });
	rv = party->codec.api->frame_next(party->codec.plugin, octets, out);
	box_empty(box);
	return rv;
}

bool sent_is_answered(struct sent **all, struct box *box, const struct engine_party *party, uint64_t leg,
        const struct lane_result *result, const char **why)
{
	const struct yt_codec_api *api = party->codec.api;
	const bool is_signed = api->http_verify_reply != NULL;
	struct sent *s;
	bool counts;

	if (!is_asked(api))
		return true;
	HASH_FIND(hh, *all, &leg, sizeof(leg), s);
	if (s == NULL) /* a late answer: what it answers is not kept so long */
		return !is_signed || result->end != LANE_ANSWERED;
	counts = !is_signed || result->end != LANE_ANSWERED || is_verified(s, box, party, result, why);
	HASH_DELETE(hh, *all, s);
	free(s);
	return counts;
}

void sent_forget_all(struct sent **all)
{
	struct sent *s, *next;

	HASH_ITER(hh, *all, s, next)
	{
		HASH_DELETE(hh, *all, s);
		free(s);
	}
}
