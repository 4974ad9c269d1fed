/* core/process/conf.c - from the tree of the file, by the table of keys, to struct conf.
 *
 * conf_load() reads the file (conf_yaml.c), fills every section by conf_keys.c, then has the whole
 * checked (conf_check.c).  It goes on after an error, so that one run tells all of them. */
#include "base/words.h"
#include "net/nets.h"
#include "process/conf_parts.h"
#include "engine/route.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct loading {
	struct conf *conf;
	struct conf_errors *errors;
	unsigned flags;
	bool out_of_memory;
};

/* ---- texts and memory ---- */

static const char *keep(struct loading *l, const char *p, size_t n)
{
	struct yt_str copy = yt_arena_copy(l->conf->arena, (struct yt_str){ p, n });

	if (copy.p == NULL)
		l->out_of_memory = true;
	return copy.p;
}

static void *keep_room(struct loading *l, size_t n, size_t size)
{
	void *p = yt_arena_alloc(l->conf->arena, (n == 0 ? 1 : n) * size);

	if (p == NULL)
		l->out_of_memory = true;
	return p;
}

static bool consists_of(const char *p, size_t n, int (*is)(int))
{
	for (size_t i = 0; i < n; i++)
		if (!is((unsigned char)p[i]))
			return false;
	return true;
}

static int is_word(int c)
{
	return isalnum(c) || c == '.' || c == '-' || c == '_' || c == '*';
}

static bool has_control(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
			return true;
	return false;
}

static bool is_name(const char *p, size_t n)
{
	if (n < 1 || n > 31 || p[0] < 'a' || p[0] > 'z')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= '0' && p[i] <= '9') || p[i] == '-'))
			return false;
	return true;
}

/* ---- single values ---- */

#define WRONG(...) conf_error_add(l->errors, v->line, v->column, __VA_ARGS__)

static void fill_number(struct loading *l, const struct conf_key *k, const struct conf_node *v, void *to)
{
	unsigned long long number;

	if (!v->is_plain || v->len == 0 || !consists_of(v->text, v->len, isdigit)) {
		WRONG("%s must be a whole number%s%s without quotes, sign, point or unit, not \"%.40s\"", k->key,
		        k->unit == NULL ? "" : _(" of "), k->unit == NULL ? "" : k->unit, v->text);
		return;
	}
	errno = 0;
	number = strtoull(v->text, NULL, 10);
	if (errno != 0 || number < k->min || number > k->max) {
		WRONG("%s is out of range: %.40s; allowed is %u to %u%s%s", k->key, v->text, (unsigned)k->min,
		        (unsigned)k->max, k->unit == NULL ? "" : " ", k->unit == NULL ? "" : k->unit);
		return;
	}
	*(uint32_t *)to = (uint32_t)number;
}

static bool find_word(const char *words, struct yt_str word, uint32_t *index)
{
	uint32_t i = 0;

	for (const char *p = words; *p != '\0'; i++) {
		size_t n = strcspn(p, " ");

		if (word.n == n && memcmp(word.p, p, n) == 0) {
			*index = i;
			return true;
		}
		p += n;
		p += strspn(p, " ");
	}
	return false;
}

static void fill_choice(struct loading *l, const struct conf_key *k, const struct conf_node *v, void *to)
{
	uint32_t index;

	if (find_word(k->words, (struct yt_str){ v->text, v->len }, &index))
		*(uint32_t *)to = index;
	else
		WRONG("%s must be one of: %s; not \"%.40s\"", k->key, k->words, v->text);
}

static bool text_is_allowed(struct loading *l, const struct conf_key *k, const struct conf_node *v)
{
	if (v->len == 0) {
		WRONG("%s is empty: give a value or leave the key out", k->key);
		return false;
	}
	if (has_control(v->text, v->len)) {
		WRONG("%s holds a control character: remove it", k->key);
		return false;
	}
	if (k->max != 0 && (v->len < k->min || v->len > k->max)) {
		WRONG("%s has %zu bytes; allowed is %u to %u", k->key, v->len, (unsigned)k->min, (unsigned)k->max);
		return false;
	}
	return true;
}

static bool form_is_right(struct loading *l, const struct conf_key *k, const struct conf_node *v)
{
	unsigned char address[16];

	switch (k->type) {
	case CONF_T_NAME:
		if (is_name(v->text, v->len))
			return true;
		WRONG("%s must be a-z, 0-9 or -, begin with a letter and have at most 31 characters, not \"%.40s\"",
		        k->key, v->text);
		return false;
	case CONF_T_CODE:
		if (consists_of(v->text, v->len, isalnum))
			return true;
		WRONG("%s must be letters and digits only, not \"%.40s\"", k->key, v->text);
		return false;
	case CONF_T_AREA:
		if (v->len == 6 && consists_of(v->text, v->len, isdigit))
			return true;
		WRONG("%s must be six digits, as \"330213\", not \"%.40s\"", k->key, v->text);
		return false;
	case CONF_T_ADDRESS:
		if (inet_pton(AF_INET, v->text, address) == 1 || inet_pton(AF_INET6, v->text, address) == 1)
			return true;
		WRONG("%s must be an IPv4 or IPv6 address in digits, as 0.0.0.0, not \"%.60s\"", k->key, v->text);
		return false;
	default:
		return true;
	}
}

static void fill_text(struct loading *l, const struct conf_key *k, const struct conf_node *v, void *to)
{
	struct conf_place at = { v->line, v->column };

	if (!text_is_allowed(l, k, v) || !form_is_right(l, k, v))
		return;
	*(const char **)to = keep(l, v->text, v->len);
	if ((k->type == CONF_T_FILE || k->type == CONF_T_KEYFILE || k->type == CONF_T_FOLDER) &&
	        (l->flags & CONF_NO_FILES) == 0)
		conf_check_file(v->text, k->type, at, k->key, l->errors);
}

static int by_text(const void *a, const void *b)
{
	const struct yt_str *x = a, *y = b;
	int order = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

	return order != 0 ? order : x->n < y->n ? -1 : x->n > y->n;
}

static int is_path_part(int c)
{
	return c > ' ' && c < 127 && c != '?' && c != '#';
}

int conf_minute(struct yt_str time)
{
	if (time.n != 5 || time.p[2] != ':' || !isdigit((unsigned char)time.p[0]) ||
	        !isdigit((unsigned char)time.p[1]) || !isdigit((unsigned char)time.p[3]) ||
	        !isdigit((unsigned char)time.p[4]) || memcmp(time.p, "23:59", 5) > 0 || time.p[3] > '5')
		return -1;
	return ((time.p[0] - '0') * 10 + time.p[1] - '0') * 60 + (time.p[3] - '0') * 10 + time.p[4] - '0';
}

static bool item_is_right(struct loading *l, const struct conf_key *k, const struct conf_node *v)
{
	struct net_range range;

	if (v->kind != CONF_SCALAR) {
		WRONG("%s holds %s where a single value is wanted", k->key, _(conf_node_kind_name(v)));
		return false;
	}
	if (k->type == CONF_T_CODES && (v->len < 1 || v->len > 30 || !consists_of(v->text, v->len, isalnum))) {
		WRONG("%s must hold codes of 1 to 30 letters and digits, not \"%.40s\"", k->key, v->text);
		return false;
	}
	if (k->type == CONF_T_WORDS && (v->len < 1 || v->len > 64 || !consists_of(v->text, v->len, is_word))) {
		WRONG("%s must hold words of 1 to 64 letters, digits and . - _ *, not \"%.40s\"", k->key, v->text);
		return false;
	}
	if (k->type == CONF_T_PATHS &&
	        (v->len > 200 || v->text[0] != '/' || !consists_of(v->text, v->len, is_path_part))) {
		WRONG("%s must hold paths that begin with / and have neither blanks nor ? or #, at most 200 octets long, not \"%.40s\"",
		        k->key, v->text);
		return false;
	}
	if (k->type == CONF_T_TIMES && conf_minute((struct yt_str){ v->text, v->len }) < 0) {
		WRONG("%s must hold times of the day as \"17:30\", not \"%.40s\"", k->key, v->text);
		return false;
	}
	if (k->type == CONF_T_STEPS && (v->len < 1 || v->len > 100)) {
		WRONG("%s must hold steps as party, party:operation, party:operation?fact, party:operation?!fact or "
		      "party:operation?fact=VALUE",
		        k->key);
		return false;
	}
	if (k->type == CONF_T_NETS && (net_range_parse(v->text, &range) != 0 || !net_range_is_private(&range))) {
		WRONG("%s must hold private addresses or networks, as 10.1.0.0/16 or 192.168.3.7, not \"%.46s\"",
		        k->key, v->text);
		return false;
	}
	if (k->type == CONF_T_AREAS &&
	        ((v->len != 2 && v->len != 4 && v->len != 6) || !consists_of(v->text, v->len, isdigit))) {
		WRONG("%s must hold two, four or six digits, not \"%.40s\"", k->key, v->text);
		return false;
	}
	return true;
}

static void fill_list(struct loading *l, const struct conf_key *k, const struct conf_node *v, struct conf_texts *to)
{
	if (v->n == 0) {
		WRONG("%s is an empty list: give at least one%s", k->key,
		        k->must_be_given ? "" : _(" or leave the key out"));
		return;
	}
	to->item = keep_room(l, v->n, sizeof(struct yt_str));
	if (to->item == NULL)
		return;
	for (const struct conf_node *item = v->child; item != NULL; item = item->next) {
		if (!item_is_right(l, k, item))
			continue;
		to->item[to->n].p = keep(l, item->text, item->len);
		to->item[to->n++].n = item->len;
	}
	if (!l->out_of_memory && k->type != CONF_T_STEPS)
		qsort(to->item, to->n, sizeof(struct yt_str), by_text);
}

static void fill_url(struct loading *l, const struct conf_key *k, const struct conf_node *v, struct conf_party *party)
{
	if (text_is_allowed(l, k, v) && !conf_read_url(l->conf, v, k->key, party, l->errors))
		l->out_of_memory = true;
}

static void fill_settings(
        struct loading *l, const struct conf_key *k, const struct conf_node *v, struct conf_settings *settings)
{
	settings->item = keep_room(l, v->n, sizeof(struct conf_setting));
	if (settings->item == NULL)
		return;
	for (const struct conf_node *item = v->child; item != NULL; item = item->next) {
		struct conf_setting *s = &settings->item[settings->n];

		if (item->kind != CONF_SCALAR) {
			conf_error_add(l->errors, item->line, item->column, "%s.%.60s must be a single value, not %s",
			        k->key, item->key, _(conf_node_kind_name(item)));
			continue;
		}
		s->key = keep(l, item->key, strlen(item->key));
		s->value = keep(l, item->text, item->len);
		s->place = (struct conf_place){ item->line, item->column };
		settings->n++;
	}
}

/* ---- sections ---- */

static bool kind_fits(struct loading *l, const struct conf_key *k, const struct conf_node *v)
{
	bool wants_list = k->type == CONF_T_CODES || k->type == CONF_T_AREAS || k->type == CONF_T_WORDS ||
	                  k->type == CONF_T_NETS || k->type == CONF_T_PATHS || k->type == CONF_T_STEPS ||
	                  k->type == CONF_T_TIMES;
	bool wants_map = k->type == CONF_T_SETTINGS;
	enum conf_node_kind wanted = wants_list ? CONF_LIST : wants_map ? CONF_MAP : CONF_SCALAR;

	if (v->kind == wanted)
		return true;
	WRONG("%s must be %s, not %s", k->key,
	        wants_list  ? _("a list, as [one, two]")
	        : wants_map ? _("a group of keys")
	                    : _("a single value"),
	        _(conf_node_kind_name(v)));
	return false;
}

static void fill_key(struct loading *l, const struct conf_key *k, const struct conf_node *v, void *entry)
{
	void *to = (char *)entry + k->offset;

	if (!kind_fits(l, k, v))
		return;
	switch (k->type) {
	case CONF_T_NUMBER:
		fill_number(l, k, v, to);
		break;
	case CONF_T_CHOICE:
		fill_choice(l, k, v, to);
		break;
	case CONF_T_CODES:
	case CONF_T_AREAS:
	case CONF_T_WORDS:
	case CONF_T_NETS:
	case CONF_T_PATHS:
	case CONF_T_TIMES:
	case CONF_T_STEPS:
		fill_list(l, k, v, to);
		break;
	case CONF_T_SETTINGS:
		fill_settings(l, k, v, to);
		break;
	case CONF_T_URL:
		fill_url(l, k, v, entry);
		break;
	default:
		fill_text(l, k, v, to);
	}
}

static void fill_default(struct loading *l, const struct conf_key *k, void *entry)
{
	void *to = (char *)entry + k->offset;

	if (k->type == CONF_T_NUMBER)
		*(uint32_t *)to = (uint32_t)strtoul(k->fallback, NULL, 10);
	else if (k->type == CONF_T_CHOICE)
		YT_REQUIRE(find_word(k->words, yt_str(k->fallback), to));
	else
		*(const char **)to = keep(l, k->fallback, strlen(k->fallback));
}

static const char *nth_key(const void *arg, size_t i)
{
	for (const struct conf_key *k = conf_keys; k->section != NULL; k++)
		if (strcmp(k->section, arg) == 0 && i-- == 0)
			return k->key;
	return NULL;
}

static const char *nth_section(const void *arg, size_t i)
{
	return conf_sections[i].name;
}

static const struct conf_key *find_key(const char *section, const char *key)
{
	for (const struct conf_key *k = conf_keys; k->section != NULL; k++)
		if (strcmp(k->section, section) == 0 && strcmp(k->key, key) == 0)
			return k;
	return NULL;
}

static void report_unknown(struct loading *l, const struct conf_node *v, const char *section,
        const char *(*nth)(const void *arg, size_t i))
{
	const char *meant = conf_closest(v->key, nth, section);
	const char *where = section == NULL ? _("at the top") : section;

	if (meant != NULL)
		conf_error_add(l->errors, v->key_line, v->key_column,
		        "unknown key \"%.60s\" %s%s: did you mean \"%s\"?", v->key, section == NULL ? "" : _("in "),
		        where, meant);
	else
		conf_error_add(l->errors, v->key_line, v->key_column,
		        "unknown key \"%.60s\" %s%s: remove it (`yitong check --keys` lists all)", v->key,
		        section == NULL ? "" : _("in "), where);
}

/* Fills one entry of a section from map (NULL: all defaults); at is where it begins. */
static void fill_entry(struct loading *l, const struct conf_section *s, const struct conf_node *map, void *entry)
{
	uint32_t line = map == NULL ? 0 : map->line, column = map == NULL ? 0 : map->column;

	for (const struct conf_node *v = map == NULL ? NULL : map->child; v != NULL; v = v->next) {
		const struct conf_key *k = find_key(s->name, v->key);

		if (k == NULL)
			report_unknown(l, v, s->name, nth_key);
		else
			fill_key(l, k, v, entry);
	}
	for (const struct conf_key *k = conf_keys; k->section != NULL; k++) {
		if (strcmp(k->section, s->name) != 0 || conf_node_get(map, k->key) != NULL)
			continue;
		if (k->fallback != NULL)
			fill_default(l, k, entry);
		else if (k->must_be_given)
			conf_error_add(l->errors, line, column, "%s lacks \"%s\": %s", s->name, k->key, _(k->doc));
	}
}

static void fill_many(struct loading *l, const struct conf_section *s, const struct conf_node *list)
{
	char *entries = keep_room(l, list->n, s->size);
	uint32_t *n = (uint32_t *)(void *)((char *)l->conf + s->n_offset);

	if (entries == NULL)
		return;
	*(char **)(void *)((char *)l->conf + s->offset) = entries;
	for (const struct conf_node *v = list->child; v != NULL; v = v->next) {
		char *entry = entries + *n * s->size;

		if (v->kind != CONF_MAP) {
			WRONG("an entry of %s must be a group of keys (\"- name: ...\"), not %s", s->name,
			        _(conf_node_kind_name(v)));
			continue;
		}
		*(struct conf_place *)(void *)(entry + s->place) = (struct conf_place){ v->line, v->column };
		fill_entry(l, s, v, entry);
		(*n)++;
	}
}

static void fill_secrets(struct loading *l, const struct conf_node *map)
{
	struct conf *conf = l->conf;

	conf->secrets = keep_room(l, map->n, sizeof(struct conf_secret));
	if (conf->secrets == NULL)
		return;
	for (const struct conf_node *v = map->child; v != NULL; v = v->next) {
		struct conf_secret *secret = &conf->secrets[conf->n_secrets];

		if (!is_name(v->key, strlen(v->key))) {
			conf_error_add(l->errors, v->key_line, v->key_column,
			        "the name of a secret must be a-z, 0-9 or -, begin with a letter and have at most 31 "
			        "characters");
			continue;
		}
		if (v->kind != CONF_SCALAR || v->len == 0 || v->len > 255 || has_control(v->text, v->len)) {
			WRONG("secret %s must be the path of the file that holds it (1 to 255 bytes)", v->key);
			continue;
		}
		secret->name = keep(l, v->key, strlen(v->key));
		secret->file = keep(l, v->text, v->len);
		secret->place = (struct conf_place){ v->line, v->column };
		if ((l->flags & CONF_NO_FILES) == 0)
			conf_check_file(v->text, CONF_T_KEYFILE, secret->place, v->key, l->errors);
		conf->n_secrets++;
	}
}

static void fill_section(struct loading *l, const struct conf_section *s, const struct conf_node *v)
{
	void *entry = (char *)l->conf + s->offset;
	enum conf_node_kind wanted = s->kind == CONF_MANY ? CONF_LIST : CONF_MAP;

	if (v != NULL && v->kind == CONF_SCALAR && v->len == 0 && v->is_plain && !s->must_be_given)
		v = NULL; /* "limits:" with every key commented out */
	if (v != NULL && v->kind != wanted) {
		WRONG("%s must be %s, not %s", s->name,
		        wanted == CONF_LIST ? _("a list (\"- name: ...\")") : _("a group of keys"),
		        _(conf_node_kind_name(v)));
		v = NULL;
	} else if ((v == NULL || v->n == 0) && s->must_be_given) {
		conf_error_add(l->errors, v == NULL ? 0 : v->line, v == NULL ? 0 : v->column,
		        "%s is missing: nothing can be served without", s->name);
		v = NULL;
	}
	if (s->kind == CONF_ONE)
		fill_entry(l, s, v, entry);
	else if (v != NULL && s->kind == CONF_MANY)
		fill_many(l, s, v);
	else if (v != NULL)
		fill_secrets(l, v);
}

static void fill_all(struct loading *l, const struct conf_node *root)
{
	if (root == NULL || root->kind != CONF_MAP) {
		conf_error_add(l->errors, root == NULL ? 0 : root->line, root == NULL ? 0 : root->column,
		        "no configuration in it: it must begin with a key such as \"gateway:\"");
		return;
	}
	for (const struct conf_node *v = root->child; v != NULL; v = v->next) {
		const struct conf_section *s = conf_sections;

		while (s->name != NULL && strcmp(s->name, v->key) != 0)
			s++;
		if (s->name == NULL)
			report_unknown(l, v, NULL, nth_section);
	}
	for (const struct conf_section *s = conf_sections; s->name != NULL; s++)
		fill_section(l, s, conf_node_get(root, s->name));
	if (!l->out_of_memory)
		conf_check_whole(l->conf, root, l->errors);
}

/* ---- the file ---- */

/* Reads at most CONF_BYTES_MAX bytes into bytes. */
static int read_file(const char *file, struct yt_buf *bytes, struct conf_errors *errors)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint8_t *room;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) != 0 || S_ISDIR(st.st_mode)) {
		conf_error_add(errors, 0, 0, "cannot be read: %s: give another file with --conf",
		        fd >= 0 ? _("it is a folder") : _(strerror(errno)));
		if (fd >= 0)
			close(fd);
		return YT_ECONF;
	}
	room = yt_buf_room(bytes, CONF_BYTES_MAX + 1);
	bytes->n = 0;
	do {
		n = room == NULL ? 0 : read(fd, room + bytes->n, CONF_BYTES_MAX + 1 - bytes->n);
		bytes->n += n > 0 ? (size_t)n : 0;
	} while (n > 0 && bytes->n <= CONF_BYTES_MAX);
	close(fd);
	if (room == NULL)
		return YT_ENOMEM;
	if (n < 0)
		conf_error_add(errors, 0, 0, "cannot be read: %s", _(strerror(errno)));
	else if (bytes->n > CONF_BYTES_MAX)
		conf_error_add(errors, 0, 0, "larger than 1 MiB: is this the configuration?");
	return errors->n_errors > 0 ? YT_ECONF : 0;
}

static int by_place(const void *a, const void *b)
{
	const struct conf_error *x = a, *y = b;

	if (x->line != 0 && y->line != 0 && (x->column == 0) != (y->column == 0))
		return x->column != 0 ? -1 : 1; /* the table's come after the file's */
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return strcmp(x->text, y->text);
}

static int conf_new(struct conf **out, const char *file, struct yt_str bytes)
{
	struct yt_arena *arena = yt_arena_new(0);
	struct conf *conf = arena == NULL ? NULL : yt_arena_alloc(arena, sizeof(*conf));

	if (conf == NULL) {
		yt_arena_free(arena);
		return YT_ENOMEM;
	}
	conf->arena = arena;
	conf->file = yt_arena_copy(arena, yt_str(file)).p;
	if (conf->file == NULL || EVP_Digest(bytes.p, bytes.n, conf->digest, NULL, EVP_sha256(), NULL) != 1) {
		conf_free(conf);
		return YT_ENOMEM;
	}
	*out = conf;
	return 0;
}

int conf_load_with(struct conf **out, const char *file, unsigned flags, struct conf_errors *errors)
{
	struct loading l = { .errors = errors, .flags = flags };
	struct yt_arena *nodes = yt_arena_new(0);
	struct conf_node *root = NULL;
	struct yt_buf bytes = { 0 };
	int rv = YT_ENOMEM;

	memset(errors, 0, sizeof(*errors));
	snprintf(errors->file, sizeof(errors->file), "%s", file);
	if (nodes == NULL)
		goto out;
	rv = read_file(file, &bytes, errors);
	if (rv == 0)
		rv = conf_yaml_read(nodes, yt_buf_view(&bytes), errors, &root);
	if (rv == 0)
		rv = conf_new(&l.conf, file, yt_buf_view(&bytes));
	if (rv != 0)
		goto out;
	fill_all(&l, root);
	rv = l.out_of_memory ? YT_ENOMEM : errors->n_errors > 0 ? YT_ECONF : 0;
	if (rv != 0)
		goto out;
	*out = l.conf;
	l.conf = NULL; /* the caller's from here on */
out:
	qsort(errors->item, errors->n, sizeof(errors->item[0]), by_place);
	conf_free(l.conf);
	yt_buf_free(&bytes);
	yt_arena_free(nodes);
	return rv;
}

int conf_load(struct conf **out, const char *file, struct conf_errors *errors)
{
	return conf_load_with(out, file, 0, errors);
}

void conf_free(struct conf *conf)
{
	if (conf == NULL)
		return;
	router_free(conf->router);
	yt_arena_free(conf->arena); /* conf itself is in it */
}

/* ---- lookups ---- */

const struct conf_origin *conf_origin_by_subject(const struct conf *conf, struct yt_str subject)
{
	uint32_t i = conf_map_find(conf, CONF_BY_SUBJECT, subject);

	return i == UINT32_MAX ? NULL : &conf->origins[i];
}

const struct conf_origin *conf_origin_by_caller(const struct conf *conf, struct yt_str caller)
{
	uint32_t i = conf_map_find(conf, CONF_BY_CALLER, caller);

	return i == UINT32_MAX ? NULL : &conf->origins[i];
}

const struct conf_institution *conf_institution(const struct conf *conf, struct yt_str code)
{
	uint32_t i = conf_map_find(conf, CONF_BY_INSTITUTION, code);

	return i == UINT32_MAX ? NULL : &conf->institutions[i];
}

const char *conf_origin_party(const struct conf *conf, const struct conf_origin *origin)
{
	if (origin->party != NULL)
		return origin->party;
	return conf_party(conf, yt_str(origin->name)) != NULL ? origin->name : NULL;
}

const struct conf_party *conf_party(const struct conf *conf, struct yt_str name)
{
	uint32_t i = conf_map_find(conf, CONF_BY_PARTY, name);

	return i == UINT32_MAX ? NULL : &conf->parties[i];
}

const struct conf_secret *conf_secret(const struct conf *conf, struct yt_str name)
{
	uint32_t i = conf_map_find(conf, CONF_BY_SECRET, name);

	return i == UINT32_MAX ? NULL : &conf->secrets[i];
}

bool conf_origin_speaks_for(const struct conf_origin *origin, struct yt_str institution, struct yt_str area)
{
	for (uint32_t i = 0; i < origin->areas.n; i++)
		if (area.n == 6 && memcmp(area.p, origin->areas.item[i].p, origin->areas.item[i].n) == 0)
			return true;
	return origin->institutions.n > 0 && bsearch(&institution, origin->institutions.item, origin->institutions.n,
	                                             sizeof(struct yt_str), by_text) != NULL;
}

bool conf_origin_may(
        const struct conf *conf, const struct conf_origin *origin, struct yt_str institution, struct yt_str area)
{
	const struct conf_institution *known = conf_institution(conf, institution);

	return conf_origin_speaks_for(origin, institution, known == NULL ? area : yt_str(known->area));
}

const struct conf_flow *conf_flow(const struct conf *conf, struct yt_str name)
{
	for (uint32_t i = 0; i < conf->n_flows; i++)
		if (yt_str_is(name, conf->flows[i].name))
			return &conf->flows[i];
	return NULL;
}

static bool has_text(const struct conf_texts *texts, const char *text)
{
	for (uint32_t i = 0; i < texts->n; i++)
		if (yt_str_is(texts->item[i], text))
			return true;
	return false;
}

uint32_t conf_largest_kib(const struct conf *conf)
{
	uint32_t most = conf->limits.body_kib;

	for (uint32_t i = 0; i < conf->n_parties; i++)
		if (conf->parties[i].response_kib > most)
			most = conf->parties[i].response_kib;
	return most;
}

size_t conf_message_bytes(const struct conf *conf)
{
	size_t least = 64u << 20, most = (size_t)conf_largest_kib(conf) << 14;

	return most > least ? most : least;
}

bool conf_flow_asks(const struct conf *conf, const char *flow, const char *party)
{
	const struct conf_flow *known = conf_flow(conf, yt_str(flow));

	for (uint32_t i = 0; known != NULL && i < known->n_steps; i++)
		if (strcmp(known->step[i].party->name, party) == 0 || has_text(&known->step[i].party->told_by, party))
			return true;
	return false;
}
