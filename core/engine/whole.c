/* core/engine/whole.c - requests to us in formats that use all of HTTP: signed are method, path and body too, and
 * answers have a status and header fields of their own (yt_codec_api.http_verify, http_reply).
 *
 *   asking.c engine_request() -> whole_verify(), or whole_deny()
 *   work.c work_give()        -> whole_answer()
 * A format that knows header signatures alone goes through here unchanged. */
#include "engine/work.h"

enum { FIELDS_MAX = 16 }; /* of an answer: net/server.h SERVER_FIELDS_MAX */

static struct yt_http http_of(const struct engine_request *r)
{
	return (struct yt_http){ .method = r->method,
		.path = r->path,
		.headers = (struct yt_header *)(uintptr_t)r->headers,
		.n_headers = r->n_headers,
		.body = r->body };
}

bool whole_has_method(const struct engine_request *r)
{
	if (yt_str_is(r->method, "POST"))
		return true;
	return r->codec.api->http_verify != NULL && yt_str_is(r->method, "GET") && r->body.n == 0;
}

struct yt_str whole_octets(const struct engine_request *r)
{
	return r->body.n == 0 && r->codec.api->http_verify != NULL ? r->path : r->body;
}

int whole_verify(struct engine *e, const struct engine_request *r, struct yt_str key, struct yt_fault *fault)
{
	const struct yt_codec_api *api = r->codec.api;
	struct yt_http http = http_of(r);
	int rv;

	engine_box(e, &r->codec, api->http_verify != NULL ? "http_verify" : "verify", work_next_id(e),
	        yt_buf_view(&e->head));
	rv = api->http_verify != NULL
	             ? api->http_verify(r->codec.plugin, &http, key, engine_wall(e), fault)
	             : api->verify(r->codec.plugin, r->headers, r->n_headers, key, engine_wall(e), fault);
	engine_unbox(e);
	return rv;
}

/* Status and header fields for octets that encode_reply wrote; http->headers has room for FIELDS_MAX. */
static int make_answer(struct engine *e, const struct engine_codec *codec, struct yt_msg *msg, uint64_t exchange,
        struct yt_str octets, struct yt_str key, struct yt_http *http)
{
	struct yt_reply reply = { .arena = msg->arena, .outcome = YT_DONE }; /* the octets say what it is */
	int rv;

	*http = (struct yt_http){ .headers = http->headers, .n_headers = FIELDS_MAX, .status = 200, .body = octets };
	engine_box(e, codec, "http_reply", exchange, octets);
	rv = codec->api->http_reply(codec->plugin, msg, &reply, octets, key, msg->arena, engine_wall(e), http);
	engine_unbox(e);
	if (rv != 0)
		yt_log(YT_ERROR, "engine", "exchange %016llx: its answer cannot be signed: %s",
		        (unsigned long long)exchange, yt_strerror(rv));
	return rv;
}

bool whole_answer(struct engine *e, struct work *w, struct yt_str octets)
{
	const char *type = w->is_file ? "application/octet-stream" : w->codec.api->content_type;
	struct yt_header headers[FIELDS_MAX];
	struct yt_http http = { .headers = headers };

	if (w->codec.api->http_reply == NULL || e->world.answer_http == NULL || w->is_file) {
		e->world.answer(e->world.ctx, w->token, 200, type, octets);
		return true;
	}
	if (make_answer(e, &w->codec, w->msg, w->id, octets, w->key, &http) != 0)
		return false;
	e->world.answer_http(e->world.ctx, w->token, &http, type, true);
	return true;
}

/* What the format says to somebody it does not believe: its own words need a message, of which nothing is known but the
 * path. */
static int write_denial(struct engine *e, const struct engine_request *r, struct yt_msg *msg,
        const struct yt_fault *fault, struct yt_buf *octets)
{
	struct yt_str detail = yt_arena_printf(msg->arena, "%s %s", fault->path, fault->why);
	struct yt_reply *reply = engine_refusal(msg->arena, TEXT_NOT_BELIEVED, detail, "-");
	int rv;

	msg->path = r->path;
	msg->refusal = yt_str(fault->path);
	engine_box(e, &r->codec, "encode_reply", work_next_id(e), yt_buf_view(&e->head));
	rv = r->codec.api->encode_reply(r->codec.plugin, msg, reply, octets);
	engine_unbox(e);
	return rv;
}

bool whole_deny(struct engine *e, const struct engine_request *r, struct yt_str key, const struct yt_fault *fault)
{
	struct yt_header headers[FIELDS_MAX];
	struct yt_http http = { .headers = headers };
	struct yt_buf octets = { 0 };
	struct yt_arena *arena;
	struct yt_msg *msg;
	bool is_said;

	if (r->codec.api->http_verify == NULL || r->codec.api->http_reply == NULL || e->world.answer_http == NULL ||
	        call_is_slow(e, &r->codec)) /* its thread may be in encode_reply just now */
		return false;
	arena = engine_arena(e);
	msg = yt_msg_new(arena);
	YT_REQUIRE(msg != NULL);
	is_said = write_denial(e, r, msg, fault, &octets) == 0 &&
	          make_answer(e, &r->codec, msg, work_next_id(e), yt_buf_view(&octets), key, &http) == 0;
	if (is_said)
		e->world.answer_http(e->world.ctx, r->token, &http, r->codec.api->content_type, false);
	yt_buf_free(&octets);
	engine_arena_back(e, arena);
	return is_said;
}
