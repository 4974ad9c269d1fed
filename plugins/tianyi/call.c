/* plugins/tianyi/call.c - which call of insurer.md 6.3 a path is, and the path of a call. */
#include <stdio.h>
#include <string.h>

#include "tianyi.h"

static const struct {
	const char *wire;
	enum ty_verb verb;
	const char *before, *after; /* around the claim number; after NULL: there is none */
} calls[] = {
	{ "eligibility", TY_POST, "/ins/v1/eligibility", NULL },
	{ "claims", TY_POST, "/ins/v1/claims", NULL },
	{ "quote", TY_POST, "/ins/v1/claims/quote", NULL },
	{ "query", TY_GET, "/ins/v1/claims/", "" },
	{ "documents", TY_POST, "/ins/v1/claims/", "/documents" },
	{ "withdraw", TY_POST, "/ins/v1/claims/", "/withdraw" },
	{ "payment", TY_POST, "/ins/v1/claims/", "/payment" },
	{ "reconciliation", TY_GET, "/ins/v1/reconciliation/", "" },
};
#define N_CALLS (sizeof(calls) / sizeof(calls[0]))
#define BY_REQUEST "/ins/v1/claims?requestNo="

bool ty_is_plain(struct yt_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
		            c == '.' || c == '_'))
			return false;
	}
	return s.n > 0;
}

static bool between(struct yt_str path, const char *before, const char *after, struct yt_str *middle)
{
	size_t n = strlen(before), m = strlen(after);

	if (path.n <= n + m || memcmp(path.p, before, n) != 0 || memcmp(path.p + path.n - m, after, m) != 0)
		return false;
	*middle = (struct yt_str){ path.p + n, path.n - n - m };
	return ty_is_plain(*middle);
}

static void find_call(const struct ty *ty, struct yt_str path, struct ty_call *call)
{
	const char *mark = memchr(path.p, '?', path.n);
	struct yt_str query = { NULL, 0 };

	if (mark != NULL) {
		query = (struct yt_str){ mark + 1, path.n - (size_t)(mark + 1 - path.p) };
		path.n = (size_t)(mark - path.p);
	}
	if (call->verb == TY_POST && query.p == NULL && yt_str_eq(path, ty->callback_path))
		call->wire = "callback";
	if (call->verb == TY_GET && yt_str_is(path, "/ins/v1/claims") &&
	        between(query, "requestNo=", "", &call->request))
		call->wire = "query";
	for (size_t i = 0; i < N_CALLS && call->wire == NULL; i++) {
		if (calls[i].verb != call->verb)
			continue;
		if (calls[i].after == NULL ? yt_str_is(path, calls[i].before)
		                           : between(path, calls[i].before, calls[i].after, &call->claim))
			call->wire = calls[i].wire;
	}
	if (call->wire == NULL || call->request.n > 0)
		return;
	if (strcmp(call->wire, "reconciliation") == 0 && query.p != NULL ? !between(query, "page=", "", &call->page)
	                                                                 : query.p != NULL)
		call->wire = NULL;
}

/* The request line of octets that this plugin wrote. */
static bool take_line(struct yt_str *octets, struct ty_call *call, struct yt_str *path)
{
	const char *end = octets->n > 0 ? memchr(octets->p, '\n', octets->n < 1024 ? octets->n : 1024) : NULL;
	bool is_get = yt_str_starts(*octets, "GET /");
	const char *space;

	if (end == NULL || (!is_get && !yt_str_starts(*octets, "POST /")))
		return false;
	call->verb = is_get ? TY_GET : TY_POST;
	path->p = octets->p + (is_get ? 4 : 5);
	path->n = (size_t)(end - path->p);
	space = memchr(path->p, ' ', path->n);
	if (space != NULL) {
		call->number = (struct yt_str){ space + 1, (size_t)(end - space) - 1 };
		path->n = (size_t)(space - path->p);
	}
	octets->n -= (size_t)(end + 1 - octets->p);
	octets->p = end + 1;
	return true;
}

void ty_call_read(const struct ty *ty, struct yt_str octets, struct yt_str path, struct ty_call *call)
{
	*call = (struct ty_call){ .verb = octets.n == 0 ? TY_GET : TY_POST, .body = octets };
	if (path.n == 0)
		call->has_line = take_line(&call->body, call, &path);
	if (path.n > 0)
		find_call(ty, path, call);
	/* A body without a path, as it is captured: only these two tell themselves. */
	else if (octets.n > 0 && memmem(octets.p, octets.n, "\"eventId\"", 9) != NULL)
		call->wire = "callback";
	else if (octets.n > 0 && memmem(octets.p, octets.n, "\"claimType\"", 11) != NULL &&
	         memmem(octets.p, octets.n, "\"setlId\"", 8) != NULL)
		call->wire = "claims";
}

int ty_call_path(const struct ty *ty, const struct ty_call *call, struct yt_arena *arena, struct yt_str *path)
{
	size_t i = 0;

	*path = ty->callback_path;
	if (strcmp(call->wire, "callback") == 0)
		return 0;
	if (strcmp(call->wire, "query") == 0 && call->claim.n == 0) {
		*path = yt_arena_printf(arena, BY_REQUEST "%.*s", YT_FMT(call->request));
		return !ty_is_plain(call->request) ? YT_EFORMAT : path->p != NULL ? 0 : YT_ENOMEM;
	}
	while (strcmp(calls[i].wire, call->wire) != 0)
		i++;
	*path = yt_str(calls[i].before);
	if (calls[i].after == NULL)
		return 0;
	if (!ty_is_plain(call->claim))
		return YT_EFORMAT;
	*path = yt_arena_printf(arena, "%s%.*s%s%s%.*s", calls[i].before, YT_FMT(call->claim), calls[i].after,
	        call->page.n > 0 ? "?page=" : "", YT_FMT(call->page));
	return path->p != NULL ? 0 : YT_ENOMEM;
}
