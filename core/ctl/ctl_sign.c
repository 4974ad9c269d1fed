/* core/ctl/ctl_sign.c - `yitong sign-explain`: how one message is signed, and why a signature does not verify.
 *
 * Takes a captured HTTP request apart (head and body, as `curl -v` or a capture shows it) or takes the octets of a
 * message that carries its own signature, and lets the codecs say (explain_signature in yitong/plugin.h). */
#include "ctl/desk.h"

#include <getopt.h>
#include <string.h>
#include <strings.h>

#define HEADERS_MAX 128

struct capture {
	struct yt_header header[HEADERS_MAX];
	size_t n_headers;
	struct yt_str body;
};

static struct yt_str trimmed(struct yt_str s)
{
	while (s.n > 0 && (*s.p == ' ' || *s.p == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && strchr(" \t\r\n", s.p[s.n - 1]) != NULL)
		s.n--;
	return s;
}

static struct yt_str take_line(struct yt_str *rest)
{
	const char *end = memchr(rest->p, '\n', rest->n);
	struct yt_str line = { rest->p, end != NULL ? (size_t)(end - rest->p) + 1 : rest->n };

	rest->p += line.n;
	rest->n -= line.n;
	return line;
}

/* curl -v writes "> " before what it sends, "< " and "* " before all else. */
static struct yt_str without_mark(struct yt_str line, bool *is_other)
{
	*is_other = line.n >= 2 && (line.p[0] == '<' || line.p[0] == '*' || line.p[0] == '{' || line.p[0] == '}') &&
	            line.p[1] == ' ';
	if (line.n >= 1 && line.p[0] == '>') {
		line.p += 1 + (line.n >= 2 && line.p[1] == ' ');
		line.n -= 1 + (line.n >= 2 && line.p[-1] == ' ');
	}
	return line;
}

static bool begins_http(struct yt_str s)
{
	static const char *const first[] = { "POST ", "GET ", "PUT ", "> POST ", "> GET ", "> PUT ", "* " };
	struct yt_str line = take_line(&s), colon = { memchr(line.p, ':', line.n), 0 };

	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		if (yt_str_starts(line, first[i]))
			return true;
	/* A head without its first line: "x-tif-paasid: ..." */
	return line.n > 0 && colon.p != NULL && line.p[0] != '{' && line.p[0] != '<';
}

/* "POST /fsi HTTP/1.1" as the header fields that HTTP/2 has for it: some signatures are over it too. */
static void take_request_line(struct yt_str line, struct capture *c)
{
	const char *path = memchr(line.p, ' ', line.n), *end;

	if (path == NULL || c->n_headers + 2 > HEADERS_MAX || path + 1 == line.p + line.n || path[1] != '/')
		return;
	end = memchr(path + 1, ' ', line.n - (size_t)(path + 1 - line.p));
	if (end == NULL)
		end = line.p + line.n;
	c->header[c->n_headers++] = (struct yt_header){ YT_STR(":method"), { line.p, (size_t)(path - line.p) } };
	c->header[c->n_headers++] = (struct yt_header){ YT_STR(":path"), { path + 1, (size_t)(end - path) - 1 } };
}

static void read_capture(struct yt_str file, struct capture *c)
{
	bool is_other, had_any = false;

	c->body = file;
	if (!begins_http(file))
		return;
	while (file.n > 0) {
		struct yt_str line = trimmed(without_mark(take_line(&file), &is_other));
		const char *colon = memchr(line.p, ':', line.n);

		if (is_other)
			continue;
		if (line.n == 0) {
			if (had_any)
				break;
			continue;
		}
		had_any = true;
		if (colon == line.p) /* ":path: /x", as HTTP/2 has it */
			colon = memchr(line.p + 1, ':', line.n - 1);
		if (colon == NULL || memchr(line.p, ' ', (size_t)(colon - line.p)) != NULL ||
		        c->n_headers == HEADERS_MAX) {
			take_request_line(line, c);
			continue;
		}
		c->header[c->n_headers].name = (struct yt_str){ line.p, (size_t)(colon - line.p) };
		c->header[c->n_headers++].value =
		        trimmed((struct yt_str){ colon + 1, (size_t)(line.p + line.n - colon - 1) });
	}
	c->body = file;
}

struct signing {
	struct desk desk;
	const char *only;
	struct capture capture;
	struct yt_str *keys;
	size_t n_keys;
	struct yt_buf whose; /* of the codec asked: whose signature it would be */
	bool is_verified, is_denied;
	const char *asked[DESK_CODECS_MAX]; /* formats: each is asked once */
	size_t n_asked;
};

static void list_keys(struct signing *s)
{
	const struct conf *conf = s->desk.ctl->conf;

	if (conf == NULL)
		return;
	s->keys = yt_arena_alloc(s->desk.arena, (conf->n_secrets + 1) * sizeof(*s->keys));
	YT_REQUIRE(s->keys != NULL);
	for (uint32_t i = 0; i < conf->n_secrets; i++)
		s->keys[s->n_keys++] = yt_str(conf->secrets[i].name);
}

static bool is_ours(const struct conf *conf, struct yt_str caller)
{
	for (uint32_t i = 0; i < conf->n_parties; i++)
		for (uint32_t j = 0; j < conf->parties[i].settings.n; j++)
			if (yt_str_is(caller, conf->parties[i].settings.item[j].value))
				return true;
	return false;
}

/* The keys that the gateway would try: of a caller, its origin's only.  None: nobody here has that caller id. */
static size_t keys_of_caller(
        struct signing *s, const struct desk_codec *codec, struct yt_str *one, const struct yt_str **keys)
{
	const struct conf *conf = s->desk.ctl->conf;
	struct yt_str caller = { 0 };

	*keys = s->keys;
	if (conf != NULL && codec->api->sender != NULL)
		caller = codec->api->sender(codec->plugin, s->capture.header, s->capture.n_headers);
	if (caller.n == 0)
		return s->n_keys;
	for (uint32_t i = 0; i < conf->n_origins; i++) {
		const struct conf_origin *o = &conf->origins[i];

		if (o->caller == NULL || !yt_str_is(caller, o->caller))
			continue;
		yt_buf_printf(&s->whose, _("origin: %s, by its caller id; its secret is %s\n"), o->name, o->key);
		*one = yt_str(o->key);
		*keys = one;
		return 1;
	}
	if (is_ours(conf, caller))
		return s->n_keys;
	yt_buf_printf(&s->whose, _("origin: none has the caller id %.*s; the gateway refuses it\n"), YT_FMT(caller));
	return 0;
}

/* The caller's own secret does not fit, another one does. */
static bool fits_another(struct signing *s, const struct desk_codec *codec)
{
	struct yt_buf unused = { 0 };
	int rv = codec->api->explain_signature(codec->plugin, s->capture.header, s->capture.n_headers, s->capture.body,
	        s->keys, s->n_keys, yt_wall_ms(), s->desk.arena, &unused);

	yt_buf_free(&unused);
	return rv == 0;
}

static int ask(struct signing *s, const char *name)
{
	const struct desk_codec *codec = desk_codec(&s->desk, name);
	struct yt_buf out = { 0 }, clean = { 0 };
	const struct yt_str *keys;
	struct yt_str one;
	size_t n_keys;
	int rv;

	if (codec == NULL)
		return CTL_CANNOT;
	for (size_t i = 0; i < s->n_asked; i++)
		if (strcmp(s->asked[i], codec->format) == 0)
			return CTL_OK;
	s->asked[s->n_asked++] = codec->format;
	if (codec->api->explain_signature == NULL)
		return s->only != NULL
		               ? ctl_fail(CTL_FOUND, "format %s has no signatures it could tell of", codec->format)
		               : CTL_OK;
	n_keys = keys_of_caller(s, codec, &one, &keys);
	rv = codec->api->explain_signature(codec->plugin, s->capture.header, s->capture.n_headers, s->capture.body,
	        keys, n_keys, yt_wall_ms(), s->desk.arena, &out);
	if (rv == YT_EDENIED && n_keys == 1 && s->n_keys > 1 && fits_another(s, codec))
		yt_buf_text(&out, _("slip: it is signed with the secret of another than this caller\n"));
	if (rv == 0 || rv == YT_EDENIED || (s->only != NULL && out.n > 0)) {
		ctl_clean(&clean, yt_buf_view(&out));
		printf("format: %s\n", codec->format);
		if (s->whose.n > 0)
			ctl_print_buf(&s->whose, stdout);
		ctl_print_buf(&clean, stdout);
	}
	yt_buf_free(&out);
	yt_buf_free(&s->whose);
	s->is_verified = s->is_verified || rv == 0;
	s->is_denied = s->is_denied || rv == YT_EDENIED;
	return CTL_OK;
}

static int ask_all(struct signing *s)
{
	const struct conf *conf = s->desk.ctl->conf;
	int rv = CTL_OK;

	if (s->only != NULL)
		return ask(s, s->only);
	for (uint32_t i = 0; conf != NULL && i < conf->n_listeners && rv == CTL_OK; i++)
		rv = ask(s, conf->listeners[i].name);
	for (uint32_t i = 0; conf != NULL && i < conf->n_parties && rv == CTL_OK; i++)
		rv = ask(s, conf->parties[i].name);
	return rv;
}

static int sign_explain(struct signing *s, const char *file)
{
	struct yt_str octets;
	int rv = desk_open(&s->desk, s->desk.ctl, true);

	if (rv == CTL_OK)
		rv = desk_read(&s->desk, file, &octets);
	if (rv != CTL_OK)
		return rv;
	list_keys(s);
	read_capture(octets, &s->capture);
	rv = ask_all(s);
	if (rv != CTL_OK)
		return rv;
	if (s->desk.key_trouble[0] != '\0' && !s->is_verified)
		ctl_fail(CTL_FOUND, "a key could not be read and was not tried: %s", s->desk.key_trouble);
	if (s->is_verified)
		return CTL_OK;
	return s->is_denied
	               ? CTL_FOUND
	               : ctl_fail(CTL_FOUND,
	                         "%s: there is no signature of a configured format; is it the whole request, with its head?",
	                         file);
}

int ctl_sign_explain(struct ctl *ctl, int argc, char **argv)
{
	struct signing s = { .desk.ctl = ctl };
	const struct ctl_option own[] = { { "plugin", .text = &s.only }, { "plugins", .text = &s.desk.plugin_dir },
		{ NULL } };
	int rv = ctl_options(ctl, "sign-explain", argc, argv, own, NULL);

	if (rv != CTL_GO_ON)
		return rv;
	if (argc - optind != 1)
		return ctl_usage("sign-explain", "name one file, - for standard input");
	rv = sign_explain(&s, argv[optind]);
	desk_close(&s.desk);
	return rv;
}
