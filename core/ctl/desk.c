/* core/ctl/desk.c - see desk.h: configuration, keys and codecs for the commands that work with formats. */
#include "ctl/desk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add_keys(struct desk *desk)
{
	const struct conf *conf = desk->ctl->conf;
	struct conf_place at;
	char why[256];

	for (uint32_t i = 0; i < conf->n_secrets + conf->n_keys; i++)
		if (conf_add_key(conf, i, desk->keys, &at, why, sizeof(why)) != 0 && desk->key_trouble[0] == '\0')
			snprintf(desk->key_trouble, sizeof(desk->key_trouble), "%s", why);
}

int desk_open(struct desk *desk, struct ctl *ctl, bool needs_conf)
{
	char why[256];
	int rv;

	desk->ctl = ctl;
	desk->arena = yt_arena_new(0);
	YT_REQUIRE(desk->arena != NULL);
	if (keys_open(&desk->keys, NULL, why, sizeof(why)) != 0)
		return ctl_fail(CTL_CANNOT, "%s", why);
	if (!needs_conf && access(ctl->conf_file, F_OK) != 0)
		return CTL_OK;
	rv = ctl_conf(ctl);
	if (rv == CTL_OK)
		add_keys(desk);
	return rv;
}

void desk_close(struct desk *desk)
{
	for (size_t i = 0; i < desk->n_codecs; i++)
		plugin_unload(desk->codec[i].plugin);
	keys_close(desk->keys);
	yt_arena_free(desk->arena);
	memset(desk, 0, sizeof(*desk));
}

bool desk_set(struct desk *desk, char *text)
{
	char *equals = strchr(text, '=');

	if (equals == NULL || equals == text || desk->n_settings == DESK_SETTINGS_MAX)
		return false;
	*equals = '\0';
	desk->setting[desk->n_settings++] = (struct plugin_setting){ text, equals + 1 };
	return true;
}

/* -- codecs ------------------------------------------------------------------------------------- */

/* The settings of a listener or party; NULL: name is neither. */
static const struct conf_settings *configured(const struct conf *conf, const char *name, const char **format)
{
	for (uint32_t i = 0; conf != NULL && i < conf->n_listeners; i++) {
		if (strcmp(conf->listeners[i].name, name) != 0)
			continue;
		*format = conf->listeners[i].format;
		return &conf->listeners[i].settings;
	}
	for (uint32_t i = 0; conf != NULL && i < conf->n_parties; i++) {
		if (strcmp(conf->parties[i].name, name) != 0)
			continue;
		*format = conf->parties[i].format;
		return &conf->parties[i].settings;
	}
	return NULL;
}

static int load_bare(struct desk *desk, const char *name, struct yt_plugin **out, char *why, size_t size)
{
	const char *dir = desk->plugin_dir;
	char file[600];

	if (dir == NULL)
		dir = desk->ctl->conf != NULL ? desk->ctl->conf->gateway.plugin_dir : DESK_PLUGINS;
	if (strchr(name, '/') != NULL)
		snprintf(file, sizeof(file), "%s", name);
	else
		snprintf(file, sizeof(file), "%s/%s.so", dir, name);
	return plugin_load(out, file, name, desk->setting, desk->n_settings, desk->keys, why, size);
}

static int load(struct desk *desk, const char *name, struct yt_plugin **out, char *why, size_t size)
{
	const char *format = name;
	const struct conf_settings *settings = configured(desk->ctl->conf, name, &format);
	struct conf conf;

	if (settings == NULL)
		return load_bare(desk, name, out, why, size);
	conf = *desk->ctl->conf;
	if (desk->plugin_dir != NULL)
		conf.gateway.plugin_dir = desk->plugin_dir;
	return conf_load_plugin(&conf, format, name, settings, desk->keys, out, why, size, NULL);
}

const struct desk_codec *desk_codec(struct desk *desk, const char *name)
{
	struct desk_codec *codec = &desk->codec[desk->n_codecs];
	char why[600] = "";

	for (size_t i = 0; i < desk->n_codecs; i++)
		if (strcmp(desk->codec[i].name, name) == 0)
			return &desk->codec[i];
	if (desk->n_codecs == DESK_CODECS_MAX || load(desk, name, &codec->plugin, why, sizeof(why)) != 0) {
		if (why[0] == '\0')
			ctl_fail(CTL_CANNOT, "%s: too many formats at once", name);
		else if (strchr(name, '/') != NULL) /* why begins with the file */
			ctl_fail(CTL_CANNOT, "%s", why);
		else
			ctl_fail(CTL_CANNOT, "%s: %s", name, why);
		return NULL;
	}
	codec->api = plugin_api(codec->plugin);
	codec->name = yt_arena_copy(desk->arena, yt_str(name)).p;
	codec->format = codec->api->name;
	desk->n_codecs++;
	return codec;
}

/* -- files -------------------------------------------------------------------------------------- */

int desk_read(struct desk *desk, const char *file, struct yt_str *out)
{
	FILE *in = strcmp(file, "-") == 0 ? stdin : fopen(file, "rbe");
	struct yt_buf buf = { 0 };
	char part[16384];
	size_t n;

	if (in == NULL)
		return ctl_fail(CTL_CANNOT, "cannot read %s: %s", file, _(strerror(errno)));
	while (buf.n <= DESK_FILE_MAX && (n = fread(part, 1, sizeof(part), in)) > 0)
		yt_buf_add(&buf, part, n);
	n = (size_t)ferror(in);
	if (in != stdin)
		fclose(in);
	*out = yt_arena_copy(desk->arena, yt_buf_view(&buf));
	yt_buf_free(&buf);
	if (n != 0 || out->p == NULL)
		return ctl_fail(CTL_CANNOT, "cannot read %s", file);
	if (out->n > DESK_FILE_MAX)
		return ctl_fail(CTL_CANNOT, "%s is larger than %u MiB", file, DESK_FILE_MAX >> 20);
	return CTL_OK;
}

static bool is_value(const struct yt_node *node)
{
	return node->kind == YT_TEXT || node->kind == YT_NUMBER;
}

/* What is wrong with one member of a piece, NULL: nothing.  Rows of lines and members of set are single values. */
static const char *wrong_member(const struct yt_node *member)
{
	const bool is_lines = yt_str_is(member->name, "lines");

	if (yt_str_is(member->name, "op") || yt_str_is(member->name, "batch"))
		return member->kind == YT_TEXT ? NULL : N_("must be a text");
	if (yt_str_is(member->name, "set")) {
		for (const struct yt_node *v = member->child; v != NULL; v = v->next)
			if (!is_value(v))
				return N_("must hold single values only");
		return member->kind == YT_OBJECT ? NULL : N_("must be an object of single values");
	}
	if (!is_lines && !yt_str_is(member->name, "gone"))
		return N_("is none of op, batch, set, lines and gone");
	if (member->kind != YT_ARRAY)
		return is_lines ? N_("must be an array of fee lines")
		                : N_("must be an array of the numbers of fee lines");
	for (const struct yt_node *row = member->child; row != NULL; row = row->next) {
		if (is_lines ? row->kind != YT_OBJECT : row->kind != YT_TEXT)
			return is_lines ? N_("must be an array of fee lines")
			                : N_("must be an array of the numbers of fee lines");
		for (const struct yt_node *v = row->child; v != NULL; v = v->next)
			if (!is_value(v))
				return N_("must hold single values only");
	}
	return NULL;
}

/* The journal's own pieces are taken as they are; what somebody wrote by hand is not: a slip would only be missed. */
static int check_piece(const char *file, unsigned i, const struct yt_node *piece)
{
	bool has_any = false;

	if (piece->kind != YT_OBJECT)
		return ctl_fail(CTL_CANNOT, "%s: [%u]: must be an object, as {\"set\": {\"setl_id\": \"1\"}}", file, i);
	for (const struct yt_node *m = piece->child; m != NULL; m = m->next) {
		const char *wrong = wrong_member(m);

		if (wrong != NULL)
			return ctl_fail(CTL_CANNOT, "%s: [%u].%.*s: %s", file, i,
			        (int)(m->name.n < 60 ? m->name.n : 60), m->name.p, _(wrong));
		has_any = has_any || (!yt_str_is(m->name, "op") && !yt_str_is(m->name, "batch"));
	}
	return has_any ? CTL_OK : ctl_fail(CTL_CANNOT, "%s: [%u]: has none of set, lines and gone", file, i);
}

static int check_facts(struct desk *desk, const char *file, struct yt_str json)
{
	struct yt_json_error error = { 0 };
	struct yt_node *root = NULL;
	unsigned i = 0;
	int rv = CTL_OK;

	if (yt_json_read(desk->arena, json, NULL, &root, &error) != 0)
		return ctl_fail(CTL_CANNOT, "%s: is no JSON: %s, at octet %zu", file, _(error.why), error.offset);
	if (root->kind != YT_ARRAY)
		return check_piece(file, 0, root);
	for (const struct yt_node *p = root->child; p != NULL && rv == CTL_OK; p = p->next)
		rv = check_piece(file, i++, p);
	return rv;
}

int desk_facts(struct desk *desk, const char *file, const struct yt_msg *msg, struct facts *facts)
{
	struct yt_str json;
	int rv;

	facts_begin(facts, desk->arena);
	if (file != NULL) {
		rv = desk_read(desk, file, &json);
		if (rv != CTL_OK)
			return rv;
		rv = check_facts(desk, file, json);
		if (rv != CTL_OK)
			return rv;
		if (facts_read(facts, json) != 0)
			return ctl_fail(CTL_CANNOT, "out of memory");
	}
	return facts_gather(facts, msg) == 0 ? CTL_OK : ctl_fail(CTL_CANNOT, "out of memory");
}

/* -- messages ----------------------------------------------------------------------------------- */

struct yt_str desk_wire_of(const struct desk_codec *codec, enum yt_operation op)
{
	for (const struct yt_wire_op *row = codec->api->ops; row != NULL && row->wire != NULL; row++)
		if (row->op == op)
			return yt_str(row->wire);
	return (struct yt_str){ 0 };
}

struct yt_msg *desk_outward(struct desk *desk, const struct desk_codec *from, const struct desk_codec *to,
        const struct yt_msg *msg, const struct facts *facts, const struct yt_op *op)
{
	bool is_same = op == msg->op && strcmp(from->format, to->format) == 0;
	const struct conf_institution *institution =
	        desk->ctl->conf == NULL ? NULL : conf_institution(desk->ctl->conf, msg->institution);
	struct yt_msg *out = is_same ? yt_msg_new(desk->arena) : facts_compose(facts, msg, op);
	char now[20];

	if (out == NULL || is_same) { /* goes on as it came */
		if (out != NULL)
			*out = *msg;
		return out;
	}
	out->sign_no = (struct yt_str){ 0 };
	out->wire_op = desk_wire_of(to, op->id);                   /* its number is another one there */
	if (institution != NULL && to->api->sign_in_for != NULL) { /* there, messages of ours are our own operator's */
		out->operator_id = yt_str(institution->operator_id);
		out->operator_name = yt_str(institution->operator_name);
	}
	out->wall_ms = yt_wall_ms();
	yt_time_print(out->wall_ms, now);
	out->time = yt_arena_copy(desk->arena, yt_str(now));
	if (to->api->make_number != NULL &&
	        to->api->make_number(to->plugin, desk->arena, out->wall_ms, 1, &out->own_number) != 0)
		out->own_number = (struct yt_str){ 0 };
	if (out->own_number.n == 0 && to->api->sign_in_for != NULL && msg->institution.n != 0) { /* as engine/cross.c */
		char time[15];

		yt_time_compact(out->wall_ms, time);
		out->number = yt_arena_printf(desk->arena, "%.*s%s%04u", YT_FMT(msg->institution), time,
		        (unsigned)(desk->ctl->conf != NULL ? desk->ctl->conf->numbers.serial_from : 9000));
	}
	return out;
}

void desk_put(struct desk *desk, struct yt_node *object, const char *name, struct yt_str text)
{
	if (text.n != 0)
		YT_REQUIRE(yt_node_add_text(desk->arena, object, name, text) != NULL);
}

void desk_putf(struct desk *desk, struct yt_node *object, const char *name, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), _(fmt), args);
	va_end(args);
	desk_put(desk, object, name, yt_arena_copy(desk->arena, yt_str(text)));
}

static void put_fen(struct desk *desk, struct yt_node *object, const char *name, int64_t fen)
{
	if (fen != 0)
		yt_node_add_fen(desk->arena, object, name, fen);
}

static void put_tree(struct desk *desk, struct yt_node *object, const char *name, const struct yt_node *tree)
{
	struct yt_node *node;

	if (tree == NULL || tree->child == NULL)
		return;
	node = yt_node_add(desk->arena, object, yt_str(name), (enum yt_kind)tree->kind);
	YT_REQUIRE(node != NULL);
	node->child = tree->child;
	node->last = tree->last;
	node->n = tree->n;
}

struct yt_node *desk_message(struct desk *desk, const struct yt_msg *m)
{
	struct yt_node *tree = yt_node_new(desk->arena, YT_OBJECT);

	YT_REQUIRE(tree != NULL);
	desk_put(desk, tree, "operation", yt_str(m->op->name));
	desk_put(desk, tree, "wire", m->wire_op);
	desk_put(desk, tree, "number", m->own_number.n != 0 ? m->own_number : m->number);
	desk_put(desk, tree, "sender", m->sender);
	desk_put(desk, tree, "institution", m->institution);
	desk_put(desk, tree, "institution_name", m->institution_name);
	desk_put(desk, tree, "operator", m->operator_id);
	desk_put(desk, tree, "operator_name", m->operator_name);
	desk_put(desk, tree, "sign_no", m->sign_no);
	desk_put(desk, tree, "treatment_area", m->treatment_area);
	desk_put(desk, tree, "insured_area", m->insured_area);
	desk_put(desk, tree, "time", m->time);
	desk_put(desk, tree, "person", m->person);
	desk_put(desk, tree, "visit", m->visit);
	desk_put(desk, tree, "own_visit", m->own_visit);
	desk_put(desk, tree, "batch", m->batch);
	desk_put(desk, tree, "settlement", m->settlement);
	desk_put(desk, tree, "original_number", m->original_number);
	desk_put(desk, tree, "original_wire", m->original_wire_op);
	put_fen(desk, tree, "amount", m->amount_fen);
	put_tree(desk, tree, "head", m->head);
	put_tree(desk, tree, "body", m->body);
	return tree;
}

struct yt_node *desk_reply(struct desk *desk, const struct yt_reply *r)
{
	struct yt_node *tree = yt_node_new(desk->arena, YT_OBJECT);

	YT_REQUIRE(tree != NULL);
	desk_put(desk, tree, "outcome",
	        yt_str(r->outcome == YT_DONE       ? "done"
	                : r->outcome == YT_REFUSED ? "refused"
	                                           : "unknown"));
	desk_put(desk, tree, "code", r->code);
	desk_put(desk, tree, "text", r->text);
	desk_put(desk, tree, "number", r->own_number.n != 0 ? r->own_number : r->number);
	desk_put(desk, tree, "visit", r->visit);
	desk_put(desk, tree, "settlement", r->settlement);
	desk_put(desk, tree, "sign_no", r->sign_no);
	put_fen(desk, tree, "amount", r->amount_fen);
	put_fen(desk, tree, "fund", r->fund_fen);
	put_fen(desk, tree, "account", r->account_fen);
	put_fen(desk, tree, "cash", r->cash_fen);
	desk_put(desk, tree, "does_not_add_up", r->breach);
	desk_put(desk, tree, "already_done", yt_str(r->already_done ? "yes" : NULL));
	desk_put(desk, tree, "never_happened", yt_str(r->never_happened ? "yes" : NULL));
	desk_put(desk, tree, "sign_in_again", yt_str(r->session_expired ? "yes" : NULL));
	desk_put(desk, tree, "refused_on_its_way", yt_str(r->at_gateway ? "yes" : NULL));
	put_tree(desk, tree, "head", r->head);
	put_tree(desk, tree, "body", r->body);
	return tree;
}

/* -- trees as text ------------------------------------------------------------------------------ */

static void print_lines(struct yt_str text, unsigned depth, FILE *out)
{
	while (text.n > 0) {
		const char *end = memchr(text.p, '\n', text.n);
		size_t n = end != NULL ? (size_t)(end - text.p) : text.n;

		fprintf(out, "%*s| %.*s\n", (int)depth * 2, "", (int)n, text.p);
		n += end != NULL;
		text.p += n;
		text.n -= n;
	}
}

static void print_node(const struct yt_node *node, unsigned depth, FILE *out)
{
	struct yt_buf clean = { 0 };

	ctl_clean(&clean, node->text);
	YT_REQUIRE(!clean.failed);
	if (node->name.n != 0)
		fprintf(out, "%*s%.*s:", (int)depth * 2, "", YT_FMT(node->name));
	else
		fprintf(out, "%*s-", (int)depth * 2, "");
	if (node->kind == YT_OBJECT || node->kind == YT_ARRAY)
		fputc('\n', out);
	else if (memchr(node->text.p != NULL ? node->text.p : "", '\n', node->text.n) == NULL)
		fprintf(out, " %.*s\n", YT_FMT(yt_buf_view(&clean)));
	else {
		fputc('\n', out);
		print_lines(yt_buf_view(&clean), depth + 1, out);
	}
	for (const struct yt_node *c = node->child; c != NULL; c = c->next)
		print_node(c, depth + 1, out);
	yt_buf_free(&clean);
}

void desk_print(const struct yt_node *tree, FILE *out)
{
	for (const struct yt_node *c = tree->child; c != NULL; c = c->next)
		print_node(c, 0, out);
}

void desk_print_json(const struct yt_node *tree, FILE *out)
{
	struct yt_buf json = { 0 };

	yt_json_write(tree, &json);
	yt_buf_byte(&json, '\n');
	ctl_print_buf(&json, out);
}
