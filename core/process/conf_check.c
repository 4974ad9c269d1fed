/* core/process/conf_check.c - what no single key can tell: names, files, ports and time-outs together.
 *
 * Last step of conf_load(), on a struct conf that may be incomplete: whatever had an error of its own
 * is NULL or zero here and is not complained about twice.  Also the hash tables of the lookups, since
 * building them is how duplicate names are found. */
#include "base/words.h"
#include "net/nets.h"
#include "process/conf_parts.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- telling ---- */

static void add(
        struct conf_errors *errors, bool is_warning, uint32_t line, uint32_t column, const char *fmt, va_list args)
{
	struct conf_error *e, told = { .line = line, .column = column, .is_warning = is_warning };

	vsnprintf(told.text, sizeof(told.text), _(fmt), args);
	for (e = errors->item; e < errors->item + errors->n; e++)
		if (e->line == line && e->column == column && strcmp(e->text, told.text) == 0)
			return; /* two that need the same name both miss it */
	if (is_warning)
		errors->n_warnings++;
	else
		errors->n_errors++;
	if (errors->n < CONF_ERRORS_MAX)
		errors->item[errors->n++] = told;
}

void conf_error_add(struct conf_errors *errors, uint32_t line, uint32_t column, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add(errors, false, line, column, fmt, args);
	va_end(args);
}

void conf_warning_add(struct conf_errors *errors, uint32_t line, uint32_t column, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add(errors, true, line, column, fmt, args);
	va_end(args);
}

void conf_error_print(const struct conf_errors *errors, const struct conf_error *error, char *out, size_t size)
{
	const char *word = error->is_warning ? _("warning") : _("error");

	if (error->line == 0)
		snprintf(out, size, "%s: %s: %s\n", errors->file, word, error->text);
	else if (error->column == 0)
		snprintf(out, size, "%s:%u: %s: %s\n", errors->table, (unsigned)error->line, word, error->text);
	else
		snprintf(out, size, "%s:%u:%u: %s: %s\n", errors->file, (unsigned)error->line, (unsigned)error->column,
		        word, error->text);
}

/* Edits (insert, drop, change, swap neighbours) between two words; both at most 31 bytes. */
static unsigned distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned d[32][32];

	if (n > 31 || m > 31)
		return 99;
	for (size_t i = 0; i <= n; i++)
		d[i][0] = (unsigned)i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		for (size_t j = 1; j <= m; j++) {
			unsigned best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			if (d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			        d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	}
	return d[n][m];
}

const char *conf_closest(const char *word, const char *(*nth)(const void *arg, size_t i), const void *arg)
{
	unsigned least = (unsigned)strlen(word) / 3 + 1;
	const char *best = NULL, *known;

	for (size_t i = 0; (known = nth(arg, i)) != NULL; i++) {
		unsigned d = distance(word, known);

		if (d <= least && (best == NULL || d < least)) {
			best = known;
			least = d;
		}
	}
	return best;
}

/* ---- files ---- */

void conf_check_file(
        const char *path, enum conf_type type, struct conf_place at, const char *key, struct conf_errors *errors)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		conf_error_add(errors, at.line, at.column,
		        "%s: cannot find \"%.200s\" (%s): make it, or correct the path "
		        "(relative to the folder the program is started in)",
		        key, path, _(strerror(errno)));
		return;
	}
	if (S_ISDIR(st.st_mode) != (type == CONF_T_FOLDER)) {
		conf_error_add(errors, at.line, at.column,
		        type == CONF_T_FOLDER ? "%s: \"%.200s\" is not a folder" : "%s: \"%.200s\" is a folder", key,
		        path);
		return;
	}
	if (access(path, type == CONF_T_FOLDER ? R_OK | X_OK : R_OK) != 0) {
		conf_error_add(errors, at.line, at.column,
		        "%s: may not read \"%.200s\" (%s): give it to the user the gateway "
		        "runs as",
		        key, path, _(strerror(errno)));
		return;
	}
	if (type == CONF_T_KEYFILE && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		conf_error_add(errors, at.line, at.column,
		        "%s: \"%.200s\" can be read by others (mode %03o): "
		        "chmod 600 it",
		        key, path, (unsigned)st.st_mode & 0777);
	if (type == CONF_T_KEYFILE && st.st_size == 0)
		conf_error_add(errors, at.line, at.column, "%s: \"%.200s\" is empty", key, path);
}

/* ---- hash tables ---- */

struct slot {
	struct yt_str key;
	uint32_t index_plus_1; /* 0: free */
	uint32_t hash;
};

struct conf_maps {
	struct table {
		struct slot *slot;
		uint32_t mask;
	} of[CONF_N_MAPS];
};

static uint32_t hash_of(struct yt_str key)
{
	uint32_t h = 2166136261u; /* FNV-1a: the keys are the operator's own, not a stranger's */

	for (size_t i = 0; i < key.n; i++)
		h = (h ^ (uint8_t)key.p[i]) * 16777619u;
	return h;
}

static struct slot *find_slot(const struct table *t, struct yt_str key, uint32_t hash)
{
	uint32_t i = hash & t->mask;

	while (t->slot[i].index_plus_1 != 0 && !(t->slot[i].hash == hash && yt_str_eq(t->slot[i].key, key)))
		i = (i + 1) & t->mask;
	return &t->slot[i];
}

bool conf_map_add(struct conf *conf, enum conf_map map, const char *key, uint32_t index, uint32_t *at)
{
	struct yt_str k = yt_str(key);
	uint32_t hash = hash_of(k);
	struct slot *slot = find_slot(&conf->maps->of[map], k, hash);

	if (slot->index_plus_1 != 0) {
		*at = slot->index_plus_1 - 1;
		return false;
	}
	*slot = (struct slot){ k, index + 1, hash };
	return true;
}

uint32_t conf_map_find(const struct conf *conf, enum conf_map map, struct yt_str key)
{
	const struct slot *slot;

	if (conf->maps == NULL)
		return UINT32_MAX;
	slot = find_slot(&conf->maps->of[map], key, hash_of(key));
	return slot->index_plus_1 == 0 ? UINT32_MAX : slot->index_plus_1 - 1;
}

static bool make_maps(struct conf *conf)
{
	uint32_t n[CONF_N_MAPS] = { [CONF_BY_PARTY] = conf->n_parties,
		[CONF_BY_SECRET] = conf->n_secrets,
		[CONF_BY_SUBJECT] = conf->n_origins,
		[CONF_BY_CALLER] = conf->n_origins,
		[CONF_BY_INSTITUTION] = 2 * conf->n_institutions,
		[CONF_BY_LISTENER] = conf->n_listeners,
		[CONF_BY_ORIGIN] = conf->n_origins,
		[CONF_BY_ROUTE] = conf->n_routes };

	conf->maps = yt_arena_alloc(conf->arena, sizeof(*conf->maps));
	for (int i = 0; conf->maps != NULL && i < CONF_N_MAPS; i++) {
		struct table *t = &conf->maps->of[i];
		uint32_t size = 4;

		while (size < 2 * n[i])
			size *= 2;
		t->mask = size - 1;
		t->slot = yt_arena_alloc(conf->arena, size * sizeof(struct slot));
		if (t->slot == NULL)
			conf->maps = NULL;
	}
	return conf->maps != NULL;
}

/* ---- names ---- */

struct named { /* how a list of entries is walked by the checks below */
	enum conf_map map;
	const char *what;
	const void *entries;
	uint32_t n;
	size_t size, name, place;
};

static const char *text_at(const struct named *d, uint32_t i, size_t offset)
{
	return *(const char *const *)(const void *)((const char *)d->entries + i * d->size + offset);
}

static struct conf_place place_at(const struct named *d, uint32_t i)
{
	return *(const struct conf_place *)(const void *)((const char *)d->entries + i * d->size + d->place);
}

static void check_named(struct conf *conf, const struct named *d, struct conf_errors *errors)
{
	for (uint32_t i = 0; i < d->n; i++) {
		const char *name = text_at(d, i, d->name);
		struct conf_place at = place_at(d, i);
		uint32_t first;

		if (name == NULL || conf_map_add(conf, d->map, name, i, &first))
			continue;
		if (at.column == 0 && place_at(d, first).column != 0)
			conf_error_add(errors, at.line, at.column,
			        "%s \"%.64s\" is there twice: the first is in the configuration on line %u, remove one",
			        d->what, name, (unsigned)place_at(d, first).line);
		else
			conf_error_add(errors, at.line, at.column,
			        "%s \"%.64s\" is there twice: the first is on line %u, "
			        "rename or remove one",
			        d->what, name, (unsigned)place_at(d, first).line);
	}
}

#define NAMED(map, what, list, type, member)                                                                           \
	{                                                                                                              \
		map, what, conf->list, conf->n_##list, sizeof(struct type), offsetof(struct type, member),             \
		        offsetof(struct type, place)                                                                   \
	}

static void check_names(struct conf *conf, struct conf_errors *errors)
{
	const struct named all[] = {
		NAMED(CONF_BY_LISTENER, "listener", listeners, conf_listener, name),
		NAMED(CONF_BY_SECRET, "secret", secrets, conf_secret, name),
		NAMED(CONF_BY_PARTY, "party", parties, conf_party, name),
		NAMED(CONF_BY_ORIGIN, "origin", origins, conf_origin, name),
		NAMED(CONF_BY_SUBJECT, "subject", origins, conf_origin, subject),
		NAMED(CONF_BY_CALLER, "caller", origins, conf_origin, caller),
		NAMED(CONF_BY_INSTITUTION, "institution", institutions, conf_institution, code),
		NAMED(CONF_BY_ROUTE, "route", routes, conf_route, name),
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		check_named(conf, &all[i], errors);
}

/* An institution is known by its old code too. */
static void add_old_codes(struct conf *conf, struct conf_errors *errors)
{
	for (uint32_t i = 0; i < conf->n_institutions; i++) {
		const char *old = conf->institutions[i].old_code;
		uint32_t first;

		if (old != NULL && !conf_map_add(conf, CONF_BY_INSTITUTION, old, i, &first))
			conf_error_add(errors, conf->institutions[i].place.line, conf->institutions[i].place.column,
			        "old_code %s of institution %s is the code of %s already", old,
			        conf->institutions[i].code, conf->institutions[first].code);
	}
}

/* ---- listeners ---- */

static bool takes_all(const char *address)
{
	return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

static void check_port(const struct conf *conf, uint32_t i, struct conf_errors *errors)
{
	const struct conf_listener *l = &conf->listeners[i];

	for (uint32_t j = 0; j < i; j++) {
		const struct conf_listener *o = &conf->listeners[j];

		if (l->port == 0 || l->port != o->port || l->address == NULL || o->address == NULL)
			continue;
		if (takes_all(l->address) || takes_all(o->address) || strcmp(l->address, o->address) == 0) {
			conf_error_add(errors, l->place.line, l->place.column,
			        "port %u on %s is in use by listener %s on line %u "
			        "already: take another",
			        (unsigned)l->port, l->address, o->name == NULL ? "" : o->name, (unsigned)o->place.line);
			return;
		}
	}
}

/* What a listener without TLS must have and must not have, and the others likewise. */
static void check_plain(const struct conf_listener *l, struct conf_errors *errors)
{
	const char *name = l->name == NULL ? "" : l->name;
	struct net_range here;

	if (l->kind != CONF_PLAIN) {
		if (l->cert == NULL || l->key == NULL)
			conf_error_add(errors, l->place.line, l->place.column, "listener %s needs cert and key", name);
		if (l->allow.n > 0)
			conf_error_add(errors, l->place.line, l->place.column,
			        "allow goes with kind plain: listener %s knows its callers by certificate or signature; remove it",
			        name);
		return;
	}
	conf_warning_add(errors, l->place.line, l->place.column,
	        "listener %s is plain HTTP: whoever is on the way can read people's data; use kind signed as soon as its "
	        "callers can",
	        name);
	if (l->cert != NULL || l->key != NULL)
		conf_error_add(errors, l->place.line, l->place.column,
		        "listener %s is plain: remove cert and key, or change the kind", name);
	if (l->allow.n == 0)
		conf_error_add(errors, l->place.line, l->place.column,
		        "listener %s is plain and needs allow: the addresses that may connect", name);
	if (l->address != NULL && (net_range_parse(l->address, &here) != 0 || !net_range_is_private(&here)))
		conf_error_add(errors, l->place.line, l->place.column,
		        "listener %s is plain and its address %s is not private: name one of 10/8, 172.16/12, 192.168/16, 127/8, "
		        "fc00::/7",
		        name, l->address);
}

/* What a door needs that a folder does not; node: as it stands in the file. */
static void check_door(const struct conf_listener *l, const struct conf_node *node, struct conf_errors *errors)
{
	if (l->address == NULL && conf_node_get(node, "address") == NULL)
		conf_error_add(errors, l->place.line, l->place.column, "%s lacks \"%s\": %s", "listeners", "address",
		        _("address and port are where it listens"));
	if (conf_node_get(node, "port") == NULL)
		conf_error_add(errors, l->place.line, l->place.column, "%s lacks \"%s\": %s", "listeners", "port",
		        _("address and port are where it listens"));
	if (l->path != NULL || l->origin != NULL)
		conf_error_add(errors, l->place.line, l->place.column,
		        "%s goes with kind folder: remove it, or change the kind of listener %s",
		        l->path != NULL ? "path" : "origin", l->name == NULL ? "" : l->name);
}

static void check_listeners(const struct conf *conf, const struct conf_node *root, struct conf_errors *errors)
{
	const struct conf_node *list = conf_node_get(root, "listeners");
	const struct conf_node *node = list == NULL ? NULL : list->child;

	if (conf->n_listeners > 64) /* check_port() compares each with each */
		conf_error_add(errors, conf->listeners[64].place.line, conf->listeners[64].place.column,
		        "more than 64 listeners: let several origins come in by one");
	for (uint32_t i = 0; i < conf->n_listeners && i < 64; i++) {
		const struct conf_listener *l = &conf->listeners[i];

		while (node != NULL && node->kind != CONF_MAP)
			node = node->next; /* told already */
		if (l->kind == CONF_FOLDER) {
			conf_check_folder(conf, l, errors);
		} else {
			check_door(l, node, errors);
			check_port(conf, i, errors);
			check_plain(l, errors);
		}
		node = node == NULL ? NULL : node->next;
		if (l->kind == CONF_MTLS && l->client_ca == NULL)
			conf_error_add(errors, l->place.line, l->place.column,
			        "a listener of kind mtls needs client_ca: "
			        "the file that client certificates must chain to");
		if (l->kind != CONF_MTLS && l->kind != CONF_FOLDER && (l->client_ca != NULL || l->crl != NULL))
			conf_error_add(errors, l->place.line, l->place.column,
			        "%s goes with kind mtls: a listener of "
			        "kind %s asks for no certificate; remove the key or change the kind",
			        l->client_ca != NULL ? "client_ca" : "crl", l->kind == CONF_PLAIN ? "plain" : "signed");
	}
}

/* ---- who asks ---- */

static bool has_listener(const struct conf *conf, enum conf_listener_kind kind)
{
	for (uint32_t i = 0; i < conf->n_listeners; i++)
		if (conf->listeners[i].kind == kind)
			return true;
	return false;
}

static void check_identity(const struct conf *conf, const struct conf_origin *o, struct conf_errors *errors)
{
	const bool is_by_folder = conf_is_by_folder(conf, o); /* who may write there speaks for it */
	const struct conf_place at = o->place;

	if (o->subject != NULL && o->caller != NULL)
		conf_error_add(
		        errors, at.line, at.column, "an origin has either subject or caller: make two origins of it");
	else if (o->subject == NULL && o->caller == NULL && !is_by_folder)
		conf_error_add(errors, at.line, at.column,
		        "an origin needs subject (CN of its certificate) or caller "
		        "(id of its signature): how else would it be known?");
	else if (o->caller != NULL && o->key == NULL)
		conf_error_add(errors, at.line, at.column,
		        "an origin with caller needs key: the name of the secret it signs with");
	else if (o->subject != NULL && o->key != NULL)
		conf_error_add(
		        errors, at.line, at.column, "key goes with caller: an origin with a certificate signs nothing");
	else if (!is_by_folder && !has_listener(conf, o->subject != NULL ? CONF_MTLS : CONF_SIGNED) &&
	         (o->subject != NULL || !has_listener(conf, CONF_PLAIN)))
		conf_warning_add(errors, at.line, at.column, "no listener of kind %s: this origin can never come in",
		        o->subject != NULL ? "mtls" : "signed");
	if (o->party != NULL && conf_party(conf, yt_str(o->party)) == NULL)
		conf_error_add(
		        errors, at.line, at.column, "party: no party is called \"%s\": add it to parties", o->party);
	if (o->institutions.n == 0 && o->areas.n == 0)
		conf_error_add(errors, at.line, at.column,
		        "it speaks for nobody: give institutions, or areas where a hub asks");
	if (o->key != NULL && conf_secret(conf, yt_str(o->key)) == NULL)
		conf_error_add(
		        errors, at.line, at.column, "key: no secret is called \"%s\": add it to secrets", o->key);
}

/* One institution of an origin: known, routed, and answered in time. */
static void check_spoken_for(const struct conf *conf, const struct conf_origin *o, struct yt_str code, bool *told_time,
        struct conf_errors *errors)
{
	const struct conf_party *party;

	if (conf_institution(conf, code) == NULL) {
		conf_error_add(errors, o->place.line, o->place.column,
		        "origin %s speaks for institution %.*s, which is not "
		        "under institutions: add it there",
		        o->name == NULL ? "" : o->name, YT_FMT(code));
		return;
	}
	party = conf_local_party(conf, code);
	if (party == NULL || *told_time || party->change_timeout_ms == 0 || o->timeout_ms == 0 ||
	        party->change_timeout_ms < o->timeout_ms)
		return;
	*told_time = true;
	if (o->unknown_style == CONF_HOLD)
		conf_error_add(errors, o->place.line, o->place.column,
		        "origin %s gives up after %u ms, party %s is waited for "
		        "%u ms: timeout_ms must be more than change_timeout_ms to hold its requests, else take "
		        "unknown_style: silence",
		        o->name == NULL ? "" : o->name, (unsigned)o->timeout_ms, party->name,
		        (unsigned)party->change_timeout_ms);
	else
		conf_warning_add(errors, o->place.line, o->place.column,
		        "origin %s gives up after %u ms, before party %s has "
		        "to answer (change_timeout_ms: %u): it will reverse what might have succeeded",
		        o->name == NULL ? "" : o->name, (unsigned)o->timeout_ms, party->name,
		        (unsigned)party->change_timeout_ms);
}

static void check_unknown_code(const struct conf_origin *o, struct conf_errors *errors)
{
	if ((o->unknown_style == CONF_CODE) == (o->unknown_code != 0))
		return;
	conf_error_add(errors, o->place.line, o->place.column,
	        o->unknown_style == CONF_CODE
	                ? "unknown_style: code needs unknown_code, a number from 1 to 9999 agreed with origin %s"
	                : "unknown_code is only heard with unknown_style: code; remove it from origin %s or set that",
	        o->name == NULL ? "" : o->name);
}

static void check_origins(struct conf *conf, bool *is_spoken_for, struct conf_errors *errors)
{
	for (uint32_t i = 0; i < conf->n_origins; i++) {
		const struct conf_origin *o = &conf->origins[i];
		bool told_time = false;

		check_identity(conf, o, errors);
		check_unknown_code(o, errors);
		for (uint32_t j = 0; j < o->institutions.n; j++) {
			struct yt_str code = o->institutions.item[j];
			const struct conf_institution *inst = conf_institution(conf, code);

			check_spoken_for(conf, o, code, &told_time, errors);
			if (inst != NULL)
				is_spoken_for[inst - conf->institutions] = true;
			if (j > 0 && yt_str_eq(o->institutions.item[j - 1], code))
				conf_error_add(errors, o->place.line, o->place.column,
				        "institution %.*s is there twice: remove one", YT_FMT(code));
		}
	}
}

/* Whether a route leads to no party: told at the route; that it takes nobody would only follow from it. */
static bool has_lost_route(const struct conf *conf)
{
	for (uint32_t i = 0; i < conf->n_routes; i++)
		if (conf->routes[i].party == NULL)
			return true;
	return false;
}

static void check_institutions(const struct conf *conf, const bool *is_spoken_for, struct conf_errors *errors)
{
	const bool is_followed = has_lost_route(conf);

	for (uint32_t i = 0; i < conf->n_institutions; i++) {
		const struct conf_institution *inst = &conf->institutions[i];

		if (inst->code == NULL)
			continue;
		if (!is_spoken_for[i])
			conf_warning_add(errors, inst->place.line, inst->place.column,
			        "no origin may speak for institution %s: nothing can come in for it", inst->code);
		else if (conf->n_routes > 0 && !is_followed && conf_local_party(conf, yt_str(inst->code)) == NULL)
			conf_error_add(errors, inst->place.line, inst->place.column,
			        "no route takes institution %s (area %s): add one", inst->code,
			        inst->area == NULL ? "unknown" : inst->area);
	}
}

/* ---- numbers that belong together ---- */

/* What is written down about one leg: an answer as it came and as it is told, beside others of its kind. */
static void check_room(const struct conf *conf, const struct conf_node *limits, struct conf_errors *errors,
        const char *key, uint32_t mib)
{
	uint32_t most = conf->limits.body_kib;
	const char *of = "body_kib";

	for (uint32_t i = 0; i < conf->n_parties; i++) {
		if (conf->parties[i].response_kib > most) {
			most = conf->parties[i].response_kib;
			of = "response_kib";
		}
	}
	if ((uint64_t)mib * 1024 < 4 * (uint64_t)most)
		conf_error_add(errors, limits == NULL ? 0 : limits->line, limits == NULL ? 0 : limits->column,
		        "%s: %u is too small for %s: %u: the largest message must fit in four times", key,
		        (unsigned)mib, of, (unsigned)most);
}

static void check_numbers(const struct conf *conf, const struct conf_node *root, struct conf_errors *errors)
{
	const struct conf_node *numbers = conf_node_get(root, "numbers"), *limits = conf_node_get(root, "limits");
	const struct conf_node *resolution = conf_node_get(root, "resolution");

	if (conf->numbers.serial_from > conf->numbers.serial_to)
		conf_error_add(errors, numbers == NULL ? 0 : numbers->line, numbers == NULL ? 0 : numbers->column,
		        "serial_from %u is behind serial_to %u: swap them", (unsigned)conf->numbers.serial_from,
		        (unsigned)conf->numbers.serial_to);
	if (conf->resolution.retry_ms > conf->resolution.retry_max_ms)
		conf_error_add(errors, resolution == NULL ? 0 : resolution->line,
		        resolution == NULL ? 0 : resolution->column, "retry_ms %u is longer than retry_max_ms %u",
		        (unsigned)conf->resolution.retry_ms, (unsigned)conf->resolution.retry_max_ms);
	if (conf->numbers.serial_from <= conf->numbers.serial_to &&
	        conf->numbers.serial_to - conf->numbers.serial_from < 9)
		conf_error_add(errors, numbers == NULL ? 0 : numbers->line, numbers == NULL ? 0 : numbers->column,
		        "serial_from %u to serial_to %u are too few: leave the gateway ten a second at least",
		        (unsigned)conf->numbers.serial_from, (unsigned)conf->numbers.serial_to);
	check_room(conf, limits, errors, "segment_mib", conf->journal.segment_mib);
	check_room(conf, limits, errors, "ring_mib", conf->limits.ring_mib);
	if (conf->limits.http2_buffer_kib < conf->limits.body_kib)
		conf_error_add(errors, limits == NULL ? 0 : limits->line, limits == NULL ? 0 : limits->column,
		        "http2_buffer_kib: %u is smaller than body_kib: %u: the largest request could not come in",
		        (unsigned)conf->limits.http2_buffer_kib, (unsigned)conf->limits.body_kib);
}

/* What it tells is for this host: whoever wants it elsewhere puts a server with access rules before it. */
static void check_desk(const struct conf *conf, const struct conf_node *root, struct conf_errors *errors)
{
	const struct conf_node *desk = conf_node_get(root, "desk");
	struct net_range here, four, six;

	if (conf->desk.address == NULL || net_range_parse(conf->desk.address, &here) != 0 ||
	        net_range_parse("127.0.0.0/8", &four) != 0 || net_range_parse("::1", &six) != 0)
		return;
	if (!net_range_is_inside(&here, &four) && !net_range_is_inside(&here, &six))
		conf_error_add(errors, desk == NULL ? 0 : desk->line, desk == NULL ? 0 : desk->column,
		        "desk address %s is not a loopback address: use 127.0.0.1 or ::1", conf->desk.address);
}

static void check_profile(const struct conf *conf, const struct conf_node *root, struct conf_errors *errors)
{
	const struct conf_node *gateway = conf_node_get(root, "gateway");
	const struct conf_node *profile = conf_node_get(gateway, "profile");

	if (conf->gateway.profile == CONF_PRODUCTION && conf->journal.keys == NULL)
		conf_error_add(errors, profile == NULL ? 0 : profile->line, profile == NULL ? 0 : profile->column,
		        "profile production needs journal.keys: without it personal data would be stored in the clear");
	if (conf->gateway.profile == CONF_PRODUCTION && conf_secret(conf, YT_STR("person-key")) == NULL)
		conf_error_add(errors, profile == NULL ? 0 : profile->line, profile == NULL ? 0 : profile->column,
		        "profile production needs a secret person-key: the hash that stands for a person is made with "
		        "it");
}

/* ---- keys ---- */

static int64_t check_moment(
        const char *text, const char *key, int64_t open, struct conf_place at, struct conf_errors *errors)
{
	int64_t ms;

	if (text == NULL)
		return open;
	if (yt_time_parse(yt_str(text), &ms) == 0)
		return ms;
	conf_error_add(errors, at.line, at.column,
	        "%s must be a date or a time (\"2026-01-01\" or \"2026-01-01 08:00:00\"), not \"%.30s\"", key, text);
	return open;
}

static void check_keys(const struct conf *conf, struct conf_errors *errors)
{
	for (uint32_t i = 0; i < conf->n_keys; i++) {
		const struct conf_named_key *k = &conf->keys[i];
		int64_t from = check_moment(k->from, "from", INT64_MIN, k->place, errors);
		int64_t to = check_moment(k->to, "to", INT64_MAX, k->place, errors);

		if (k->name == NULL)
			continue; /* said already */
		if (from >= to)
			conf_error_add(errors, k->place.line, k->place.column,
			        "key \"%s\" is never valid: its `to` must be later than its `from`", k->name);
		if (k->id != NULL && k->owner == NULL)
			conf_error_add(errors, k->place.line, k->place.column,
			        "key \"%s\" has an id but no owner: name whose it is, as another's may have the same id",
			        k->name);
		if (conf_secret(conf, yt_str(k->name)) != NULL)
			conf_error_add(errors, k->place.line, k->place.column,
			        "key \"%s\" has the name of a secret: rename one of them", k->name);
	}
}

void conf_check_whole(struct conf *conf, const struct conf_node *root, struct conf_errors *errors)
{
	bool *is_spoken_for;

	conf_read_institutions(conf, errors);
	if (conf->n_institutions == 0 && errors->n_errors == 0)
		conf_error_add(errors, 0, 0, "institutions is missing: give them here or in tables.institutions");
	is_spoken_for = yt_arena_alloc(conf->arena, conf->n_institutions + 1);
	if (is_spoken_for == NULL || !make_maps(conf)) {
		conf_error_add(errors, 0, 0, "out of memory");
		return;
	}
	check_names(conf, errors);
	add_old_codes(conf, errors);
	check_listeners(conf, root, errors);
	check_keys(conf, errors);
	conf_check_parties(conf, errors);
	conf_check_routes(conf, errors);
	conf_check_statements(conf, errors); /* after the flows */
	conf_check_payments(conf, errors);
	check_origins(conf, is_spoken_for, errors);
	check_institutions(conf, is_spoken_for, errors);
	check_numbers(conf, root, errors);
	check_desk(conf, root, errors);
	check_profile(conf, root, errors);
	conf_check_operators(conf, root, errors);
	conf_read_calendars(conf, errors);
}
