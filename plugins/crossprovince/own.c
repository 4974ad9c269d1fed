/* plugins/crossprovince/own.c - reads what this plugin wrote itself, without the XML library.
 *
 * Every request of ours is read again before it leaves (request.c), and its octets once more when its answer is
 * there (envelope.c): a third of all the reading there is.  Our writer has one way to say things: no attributes
 * inside, no comments, no CDATA, five references.  Whatever else there is, this gives up, and the caller asks the
 * strict reader.  Never for octets from outside. */
#include <string.h>

#include "ksbw.h"

#define DEEPEST 8

struct own {
	struct yt_arena *arena;
	const char *at, *end;
	bool is_utf8;
};

static void skip_space(struct own *o)
{
	while (o->at < o->end && (*o->at == ' ' || *o->at == '\n'))
		o->at++;
}

static bool take(struct own *o, const char *text, size_t n)
{
	if ((size_t)(o->end - o->at) < n || memcmp(o->at, text, n) != 0)
		return false;
	o->at += n;
	return true;
}

/* A name up to > or />; *is_empty tells which. */
static bool take_tag(struct own *o, struct yt_str *name, bool *is_empty)
{
	const char *stop = o->at < o->end && *o->at == '<' ? memchr(o->at, '>', (size_t)(o->end - o->at)) : NULL;

	if (stop == NULL || stop == o->at + 1)
		return false;
	*is_empty = stop[-1] == '/';
	*name = (struct yt_str){ o->at + 1, (size_t)(stop - o->at) - 1 - *is_empty };
	o->at = stop + 1;
	return name->n > 0 && name->p[0] != '/' && memchr(name->p, ' ', name->n) == NULL;
}

static const struct {
	struct yt_str reference;
	char c;
} references[] = { { { "&amp;", 5 }, '&' }, { { "&lt;", 4 }, '<' }, { { "&gt;", 4 }, '>' }, { { "&#13;", 5 }, '\r' } };

static bool resolve(struct own *o, struct yt_str *text)
{
	char *out = yt_arena_alloc(o->arena, text->n + 1);
	size_t n = 0, i = 0;

	if (out == NULL)
		return false;
	while (i < text->n) {
		size_t r = 0, left = text->n - i;

		if (text->p[i] != '&') {
			out[n++] = text->p[i++];
			continue;
		}
		while (r < 4 && (left < references[r].reference.n ||
		                        memcmp(text->p + i, references[r].reference.p, references[r].reference.n) != 0))
			r++;
		if (r == 4)
			return false;
		out[n++] = references[r].c;
		i += references[r].reference.n;
	}
	*text = (struct yt_str){ out, n };
	return true;
}

static bool to_utf8(struct own *o, struct yt_str *text)
{
	struct yt_buf out = { 0 };
	bool is_ascii = true;

	for (size_t i = 0; i < text->n && is_ascii; i++)
		is_ascii = (unsigned char)text->p[i] < 0x80;
	if (is_ascii)
		return true;
	if (yt_gb18030_to_utf8(*text, &out, NULL) == 0)
		*text = yt_arena_copy(o->arena, yt_buf_view(&out));
	else
		text->p = NULL;
	yt_buf_free(&out);
	return text->p != NULL;
}

static bool take_text(struct own *o, struct yt_str *text)
{
	const char *stop = memchr(o->at, '<', (size_t)(o->end - o->at));

	if (stop == NULL)
		return false;
	*text = (struct yt_str){ o->at, (size_t)(stop - o->at) };
	o->at = stop;
	if (memchr(text->p, '&', text->n) != NULL && !resolve(o, text))
		return false;
	return o->is_utf8 || to_utf8(o, text);
}

static bool take_end(struct own *o, struct yt_str name)
{
	return take(o, "</", 2) && take(o, name.p, name.n) && take(o, ">", 1);
}

static struct yt_node *take_element(struct own *o, struct yt_node *parent, unsigned depth);

/* What stands inside of node: elements, or a text. */
static bool take_inside(struct own *o, struct yt_node *node, unsigned depth)
{
	const char *from = o->at;

	skip_space(o);
	if (o->end - o->at < 2 || o->at[0] != '<' || o->at[1] == '/') {
		o->at = from;
		return take_text(o, &node->text);
	}
	node->kind = YT_OBJECT;
	while (o->end - o->at >= 2 && o->at[1] != '/') {
		if (take_element(o, node, depth + 1) == NULL)
			return false;
		skip_space(o);
	}
	return true;
}

static struct yt_node *take_element(struct own *o, struct yt_node *parent, unsigned depth)
{
	struct yt_node *node;
	struct yt_str name;
	bool is_empty;

	if (depth > DEEPEST || !take_tag(o, &name, &is_empty))
		return NULL;
	node = parent != NULL ? yt_node_add(o->arena, parent, name, YT_TEXT) : yt_node_new(o->arena, YT_TEXT);
	if (node == NULL)
		return NULL;
	node->name = name;
	node->text = (struct yt_str){ "", 0 };
	if (!is_empty && (!take_inside(o, node, depth) || !take_end(o, name)))
		return NULL;
	return node;
}

struct yt_node *ksbw_read_own(
        struct yt_arena *arena, struct yt_str octets, enum yt_charset charset, struct yt_str *rest)
{
	struct own o = { .arena = arena, .at = octets.p, .end = octets.p + octets.n, .is_utf8 = charset == YT_UTF8 };
	struct yt_node *node;

	skip_space(&o);
	node = take_element(&o, NULL, 1);
	if (rest != NULL)
		*rest = (struct yt_str){ o.at, (size_t)(o.end - o.at) };
	return node;
}
