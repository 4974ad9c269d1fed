/* core/process/conf_institutions.c - the institutions of a table in CSV (tables.institutions), beside those in the
 * file.
 *
 * A city has thousands; they are kept in a spreadsheet.  conf_check.c calls conf_read_institutions() before it looks at
 * anything: each row becomes an institution like one of the file, is added to the origin that may speak for it, or
 * brings an origin of its own where it signs in its own name (caller, key). */
#include "base/words.h"
#include "process/conf_parts.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/csv.h"

#define ROWS_MAX 200000

enum column {
	CODE,
	NAME,
	AREA,
	OPERATOR,
	ORIGIN,
	OLD_CODE,
	SIGN_IN,
	OPERATOR_NAME,
	CALLER,
	KEY,
	FROM,
	TO,
	LEVEL,
	N_COLUMNS
};

static const char *const columns[] = { "code", "name", "area", "operator", "origin", "old_code", "sign_in",
	"operator_name", "caller", "key", "from", "to", "level", NULL };

struct reading {
	struct conf *conf;
	struct conf_errors *errors;
	struct csv csv;
	uint32_t room, room_origins;
	uint32_t *spoken_by; /* of each row: index of its origin + 1 */
};

static bool complain(struct reading *r, const char *column, const char *why)
{
	conf_error_add(r->errors, 0, 0, "tables.institutions: %s:%u: %s%s%s", r->conf->tables.institutions,
	        (unsigned)r->csv.line, column, *column == '\0' ? "" : ": ", _(why));
	return false;
}

static const char *keep(struct reading *r, struct yt_str text)
{
	return text.n == 0 ? NULL : yt_arena_copy(r->conf->arena, text).p;
}

static bool is_code(struct yt_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!isalnum((unsigned char)s.p[i]))
			return false;
	return s.n >= 1 && s.n <= 30;
}

static bool read_day(struct yt_str text, uint32_t *day)
{
	int64_t ms;
	char print[20];

	*day = 0;
	if (text.n == 0)
		return true;
	if (text.n != 10 || yt_time_parse(text, &ms) != 0)
		return false;
	yt_time_print(ms, print);
	*day = (uint32_t)(atoi(print) * 10000 + atoi(print + 5) * 100 + atoi(print + 8));
	return true;
}

/* An origin of its own: it signs, and speaks for itself alone. */
static bool add_origin(struct reading *r, const struct yt_str *v, uint32_t *index)
{
	struct conf_origin *o = &r->conf->origins[r->conf->n_origins];
	char name[40];

	if (v[KEY].n == 0)
		return complain(r, "key", "a caller needs key, the name of its secret");
	snprintf(name, sizeof(name), "i-%.*s", YT_FMT(v[CODE]));
	for (char *p = name; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	o->name = keep(r, yt_str(name));
	o->caller = keep(r, v[CALLER]);
	o->key = keep(r, v[KEY]);
	o->unknown_style = CONF_HOLD;
	o->timeout_ms = 180000;
	o->place = (struct conf_place){ r->csv.line, 0 };
	*index = r->conf->n_origins++;
	return true;
}

static bool find_origin(struct reading *r, const struct yt_str *v, uint32_t *index)
{
	if (v[CALLER].n != 0 && v[ORIGIN].n != 0)
		return complain(r, "caller", "give either origin or caller, not both");
	if (v[CALLER].n != 0)
		return add_origin(r, v, index);
	for (*index = 0; *index < r->conf->n_origins; (*index)++)
		if (yt_str_is(v[ORIGIN], r->conf->origins[*index].name))
			return true;
	return complain(r, "origin",
	        v[ORIGIN].n == 0 ? "give the origin that speaks for it, or a caller" : "there is no such origin");
}

static bool take_row(struct reading *r, const struct yt_str *v)
{
	struct conf_institution *inst = &r->conf->institutions[r->conf->n_institutions];
	uint32_t origin;

	if (r->conf->n_institutions >= r->room)
		return complain(r, "", "more than 200000 rows");
	if (!is_code(v[CODE]) || (v[OLD_CODE].n != 0 && !is_code(v[OLD_CODE])))
		return complain(r, "code", "code and old_code are 1 to 30 letters and digits");
	if (v[AREA].n != 6 || strspn(v[AREA].p, "0123456789") < 6)
		return complain(r, "area", "an area is six digits");
	if (v[NAME].n == 0 || v[OPERATOR].n == 0 || v[OPERATOR].n > 30)
		return complain(r, "", "name and operator must be given, the operator in at most 30 bytes");
	if (v[SIGN_IN].n != 0 && !yt_str_is(v[SIGN_IN], "pass") && !yt_str_is(v[SIGN_IN], "own"))
		return complain(r, "sign_in", "is pass or own");
	if (v[LEVEL].n != 0 && (v[LEVEL].n != 2 || strspn(v[LEVEL].p, "0123456789") < 2))
		return complain(r, "level", "a level is two digits");
	if (!read_day(v[FROM], &inst->from_day) || !read_day(v[TO], &inst->to_day))
		return complain(r, "from", "from and to are days as 2026-01-31");
	if (!find_origin(r, v, &origin))
		return false;
	inst->place = (struct conf_place){ r->csv.line, 0 };
	inst->code = keep(r, v[CODE]);
	inst->old_code = keep(r, v[OLD_CODE]);
	inst->name = keep(r, v[NAME]);
	inst->area = keep(r, v[AREA]);
	inst->level = keep(r, v[LEVEL]);
	inst->sign_in = yt_str_is(v[SIGN_IN], "own") ? CONF_SIGN_IN_OWN : CONF_SIGN_IN_PASS;
	inst->operator_id = keep(r, v[OPERATOR]);
	inst->operator_name = v[OPERATOR_NAME].n == 0 ? "医通网关" : keep(r, v[OPERATOR_NAME]);
	r->spoken_by[r->conf->n_institutions++] = origin + 1;
	return true;
}

static int by_text(const void *a, const void *b)
{
	const struct yt_str *x = a, *y = b;
	int order = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

	return order != 0 ? order : x->n < y->n ? -1 : x->n > y->n;
}

/* Each origin's list of codes, old ones too, with those of the table. */
static bool extend_origins(struct reading *r, uint32_t first)
{
	struct conf *conf = r->conf;
	uint32_t *more = calloc(conf->n_origins + 1, sizeof(*more));
	bool ok = more != NULL;

	for (uint32_t i = first; ok && i < conf->n_institutions; i++)
		more[r->spoken_by[i] - 1] += conf->institutions[i].old_code != NULL ? 2 : 1;
	for (uint32_t o = 0; ok && o < conf->n_origins; o++) {
		struct conf_texts *list = &conf->origins[o].institutions;
		struct yt_str *item =
		        more[o] == 0 ? list->item : yt_arena_alloc(conf->arena, (list->n + more[o]) * sizeof(*item));

		ok = more[o] == 0 || item != NULL;
		if (ok && more[o] != 0 && list->n > 0)
			memcpy(item, list->item, list->n * sizeof(*item));
		list->item = item;
	}
	for (uint32_t i = first; ok && i < conf->n_institutions; i++) {
		struct conf_texts *list = &conf->origins[r->spoken_by[i] - 1].institutions;

		list->item[list->n++] = yt_str(conf->institutions[i].code);
		if (conf->institutions[i].old_code != NULL)
			list->item[list->n++] = yt_str(conf->institutions[i].old_code);
	}
	for (uint32_t o = 0; ok && o < conf->n_origins; o++)
		if (more[o] != 0)
			qsort(conf->origins[o].institutions.item, conf->origins[o].institutions.n,
			        sizeof(struct yt_str), by_text);
	free(more);
	return ok;
}

/* Room for as many rows as the text has lines. */
static bool make_room(struct reading *r, struct yt_str text)
{
	struct conf *conf = r->conf;
	uint32_t lines = 1;
	struct conf_institution *institutions;
	struct conf_origin *origins;

	for (size_t i = 0; i < text.n && lines < ROWS_MAX; i++)
		lines += text.p[i] == '\n';
	r->room = conf->n_institutions + lines;
	institutions = yt_arena_alloc(conf->arena, r->room * sizeof(*institutions));
	origins = yt_arena_alloc(conf->arena, (conf->n_origins + lines) * sizeof(*origins));
	r->spoken_by = calloc(r->room, sizeof(*r->spoken_by));
	if (institutions == NULL || origins == NULL || r->spoken_by == NULL)
		return false;
	if (conf->n_institutions > 0)
		memcpy(institutions, conf->institutions, conf->n_institutions * sizeof(*institutions));
	if (conf->n_origins > 0)
		memcpy(origins, conf->origins, conf->n_origins * sizeof(*origins));
	conf->institutions = institutions;
	conf->origins = origins;
	return true;
}

void conf_read_institutions(struct conf *conf, struct conf_errors *errors)
{
	struct reading r = { .conf = conf, .errors = errors };
	struct yt_str values[N_COLUMNS], text;
	uint32_t first = conf->n_institutions;
	const char *why = NULL;
	bool ok = true;
	int rv;

	if (conf->tables.institutions == NULL)
		return;
	snprintf(errors->table, sizeof(errors->table), "%s", conf->tables.institutions);
	if (conf_read_table(conf, conf->tables.institutions, &text, &why) != 0) {
		if (why != NULL)
			conf_error_add(errors, 0, 0, "tables.institutions: %s %s", conf->tables.institutions, _(why));
		return;
	}
	if (!make_room(&r, text)) {
		conf_error_add(errors, 0, 0, "out of memory");
		free(r.spoken_by);
		return;
	}
	rv = csv_open(&r.csv, text, columns, 4);
	while (rv == 0 && (rv = csv_next(&r.csv, conf->arena, values)) == 0)
		ok = take_row(&r, values) && ok;
	if (rv != YT_ENOTFOUND)
		complain(&r, "", r.csv.why);
	if (ok && !extend_origins(&r, first))
		conf_error_add(errors, 0, 0, "out of memory");
	free(r.spoken_by);
}
