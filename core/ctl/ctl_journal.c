/* core/ctl/ctl_journal.c - `yitong journal verify|stat|erase`, `yitong index rebuild`. */
#include "ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/control_ask.h"
#include "format/keys.h"
#include "journal/verify.h"

static int read_text(const char *path, struct yt_buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;

	if (fd < 0)
		return ctl_fail(CTL_CANNOT, "cannot read %s: %s", path, _(strerror(errno)));
	while (n > 0 && out->n < (256u << 20)) {
		size_t before = out->n;
		uint8_t *room = yt_buf_room(out, 65536);

		n = room == NULL ? -1 : read(fd, room, 65536);
		out->n = before + (n > 0 ? (size_t)n : 0);
	}
	close(fd);
	return n == 0 ? CTL_OK : ctl_fail(CTL_CANNOT, "cannot read %s", path);
}

static void print_pos(const char *before, log_pos pos)
{
	printf("%s%u:%u\n", before, (unsigned)(pos >> 32), (unsigned)(pos & UINT32_MAX));
}

static void print_report(const struct ctl *ctl, const struct verify_report *r, bool has_key, bool has_statements)
{
	printf(_("%sThe journal is whole.%s\n"), ctl_colour(ctl, CTL_GREEN), ctl_colour(ctl, CTL_PLAIN));
	printf(_("  commits      %llu (%llu to %llu), %llu records\n"), (unsigned long long)r->n_commits,
	        (unsigned long long)r->first_commit, (unsigned long long)r->last_commit,
	        (unsigned long long)r->n_records);
	print_pos(_("  end          "), r->end);
	printf(_("  head         "));
	for (size_t i = 0; i < sizeof(r->head); i++)
		printf("%02x", r->head[i]);
	printf(_("\n  anchors      %llu, %s; the last covers commit %llu, %llu came after it\n"),
	        (unsigned long long)r->n_anchors,
	        has_key ? _("signatures checked") : _("signatures NOT checked (no public key)"),
	        (unsigned long long)r->anchored_commit, (unsigned long long)r->n_after_anchor);
	if (has_statements)
		printf(_("  kept heads   %llu agree, of which %llu are about commits dropped since\n"),
		        (unsigned long long)r->n_statements, (unsigned long long)r->n_statements_retired);
	if (r->torn)
		printf(_("  Behind the end are remains of a commit that was never finished: it counts for nothing.\n"));
}

static int public_key(struct ctl *ctl, const char *file, struct yt_buf *pem)
{
	struct yt_keys *keys = NULL;
	char why[256];
	int rv;

	if (file != NULL)
		return read_text(file, pem);
	if (ctl->conf->journal.keys == NULL)
		return CTL_OK;
	rv = keys_open(&keys, ctl->conf->journal.keys, why, sizeof(why));
	if (rv != 0)
		return ctl_fail(CTL_CANNOT, "%s (or give --public-key FILE)", why);
	rv = keys_public_sm2(keys, YT_STR(KEYS_ANCHOR), pem);
	keys_close(keys);
	return rv == 0 || rv == YT_ENOTFOUND ? CTL_OK
	                                     : ctl_fail(CTL_CANNOT, "no public key in %s", ctl->conf->journal.keys);
}

static int report(const struct ctl *ctl, int rv, const struct verify_report *r, bool has_key, bool has_statements)
{
	if (rv == 0) {
		print_report(ctl, r, has_key, has_statements);
		return CTL_OK;
	}
	if (rv == YT_ECORRUPT) {
		printf(_("%sThe journal is damaged or was changed.%s\n  %s, offset %llu, commit %llu: %s\n"),
		        ctl_colour(ctl, CTL_RED), ctl_colour(ctl, CTL_PLAIN), r->problem.file,
		        (unsigned long long)r->problem.offset, (unsigned long long)r->problem.commit_no,
		        _(r->problem.why));
		return CTL_FOUND;
	}
	if (rv == YT_ENOTFOUND)
		return ctl_fail(CTL_CANNOT, "there is no journal in %s", ctl->conf->journal.folder);
	if (rv == YT_ECONF)
		return ctl_fail(CTL_CANNOT, "the public key cannot be read: is it the PEM of an SM2 key?");
	return ctl_fail(CTL_CANNOT, "the journal cannot be read: %s", _(yt_strerror(rv)));
}

static int verify(struct ctl *ctl, const char *anchors, const char *key_file)
{
	struct yt_buf pem = { 0 }, statements = { 0 };
	struct verify_report r = { 0 };
	struct ctl_journal j;
	int rv = ctl_open_journal(ctl, false, &j);

	if (rv == CTL_OK && anchors != NULL)
		rv = read_text(anchors, &statements);
	if (rv == CTL_OK)
		rv = public_key(ctl, key_file, &pem);
	if (rv == CTL_OK) {
		struct verify_conf conf = { .public_key = yt_buf_view(&pem), .statements = yt_buf_view(&statements) };

		rv = report(ctl, journal_verify(&j.io, &conf, &r), &r, pem.n > 0, anchors != NULL);
	}
	ctl_close_journal(&j);
	yt_buf_free(&pem);
	yt_buf_free(&statements);
	return rv;
}

/* ---- stat ---- */

struct counting {
	uint64_t n[256], n_commits, bytes;
	int64_t first_ms, last_ms;
	log_pos last;
};

static int on_record(void *arg, const struct rec *rec, log_pos pos)
{
	struct counting *c = arg;

	if (c->n_commits == 0 || pos != c->last)
		c->n_commits++;
	if (c->first_ms == 0)
		c->first_ms = rec->wall_ms;
	c->last = pos;
	c->last_ms = rec->wall_ms;
	c->bytes += rec->whole.n;
	c->n[(unsigned)rec->type & 255]++;
	return 0;
}

static void print_stat(const struct ctl *ctl, const struct counting *c)
{
	char first[24] = "-", last[24] = "-";
	struct ctl_table table;

	if (c->n_commits > 0) {
		ctl_time(c->first_ms, first);
		ctl_time(c->last_ms, last);
	}
	printf(_("commits %llu, clear fields %llu bytes\nfrom %s\nto   %s\n"), (unsigned long long)c->n_commits,
	        (unsigned long long)c->bytes, first, last);
	print_pos(_("last commit at "), c->last);
	ctl_table_begin(&table, 2, 2);
	ctl_table_cell(&table, CTL_PLAIN, "%s", _("RECORD"));
	ctl_table_cell(&table, CTL_PLAIN, "%s", _("N"));
	for (int type = 0; type < 256; type++) {
		if (c->n[type] == 0)
			continue;
		ctl_table_cell(&table, CTL_PLAIN, "%s", rec_type_name((enum rec_type)type));
		ctl_table_cell(&table, CTL_PLAIN, "%llu", (unsigned long long)c->n[type]);
	}
	ctl_table_print(ctl, &table, stdout);
}

static void print_stat_json(const struct counting *c)
{
	struct yt_buf out = { 0 };

	yt_buf_byte(&out, '{');
	ctl_json_number(&out, "commits", (int64_t)c->n_commits);
	ctl_json_number(&out, "first_ms", c->first_ms);
	ctl_json_number(&out, "last_ms", c->last_ms);
	yt_buf_text(&out, ",\"records\":{");
	for (int type = 0; type < 256; type++)
		if (c->n[type] > 0)
			ctl_json_number(&out, rec_type_name((enum rec_type)type), (int64_t)c->n[type]);
	yt_buf_text(&out, "}}\n");
	ctl_print_buf(&out, stdout);
}

static int stat_journal(struct ctl *ctl, bool is_json)
{
	struct counting *c = calloc(1, sizeof(*c));
	struct log_problem why = { 0 };
	struct ctl_journal j;
	int rv = ctl_open_journal(ctl, false, &j);

	YT_REQUIRE(c != NULL);
	if (rv == CTL_OK) {
		rv = log_scan(&j.io, &j.conf, 0, 0, false, on_record, c, &why);
		if (rv == 0 && is_json)
			print_stat_json(c);
		else if (rv == 0)
			print_stat(ctl, c);
		else
			rv = ctl_fail(rv == YT_ECORRUPT ? CTL_FOUND : CTL_CANNOT, "%s: %s", ctl->conf->journal.folder,
			        *why.why != '\0' ? _(why.why) : _(yt_strerror(rv)));
	}
	ctl_close_journal(&j);
	free(c);
	return rv;
}

/* ---- erase ---- */

struct erasing {
	const char *day;
	struct ctl_who who;
	bool is_sure;
};

static int ask_erase(struct ctl *ctl, const struct erasing *how)
{
	struct yt_arena *arena = yt_arena_new(1 << 20);
	struct yt_buf request = { 0 };
	struct yt_node *answer;
	char why[300];
	int rv;

	YT_REQUIRE(arena != NULL);
	yt_buf_byte(&request, '{');
	ctl_json_member(&request, "do", YT_STR("erase"));
	ctl_json_member(&request, "day", yt_str(how->day));
	ctl_json_member(&request, "operator", yt_str(how->who.operator_name));
	ctl_json_member(&request, "reason", yt_str(how->who.reason));
	yt_buf_byte(&request, '}');
	rv = control_ask(ctl->conf->gateway.run_dir, yt_buf_view(&request), arena, &answer, why, sizeof(why));
	if (rv == 0)
		printf(_("The bodies of %s are erased: their key is destroyed.  Copies of the key, if there are any, are "
		         "yours to destroy.\n"),
		        how->day);
	else
		rv = ctl_fail(CTL_CANNOT, "nothing was erased: %s", why);
	yt_buf_free(&request);
	yt_arena_free(arena);
	return rv;
}

static int erase(struct ctl *ctl, struct erasing *how)
{
	int64_t from_ms;
	int rv;

	if (strlen(how->day) != 10 || yt_time_parse(yt_str(how->day), &from_ms) != 0)
		return ctl_usage("journal", "DAY must be a date such as 2026-11-22, not \"%s\"", how->day);
	rv = ctl_who("journal", true, &how->who);
	if (rv != CTL_GO_ON)
		return rv;
	rv = ctl_conf(ctl);
	if (rv != CTL_OK)
		return rv;
	if (how->is_sure)
		return ask_erase(ctl, how);
	printf(_("This makes the bodies of every message written down on %s unreadable for ever: requests, answers, case "
	         "facts.\nNothing was erased.  If that is what you want, say it again with --yes.\n"),
	        how->day);
	return CTL_OK;
}

int ctl_journal(struct ctl *ctl, int argc, char **argv)
{
	const char *anchors = NULL, *key = NULL, *what;
	struct erasing erasing = { 0 };
	bool is_json = false;
	const struct ctl_option own[] = { { "anchors", .text = &anchors }, { "public-key", .text = &key },
		CTL_WHO_OPTIONS(&erasing.who), { "yes", .flag = &erasing.is_sure }, { NULL } };
	int rv = ctl_options(ctl, "journal", argc, argv, own, &is_json);

	if (rv != CTL_GO_ON)
		return rv;
	if (optind + 2 == argc && strcmp(argv[optind], "erase") == 0) {
		erasing.day = argv[optind + 1];
		return erase(ctl, &erasing);
	}
	what = optind + 1 == argc ? argv[optind] : "";
	if (strcmp(what, "verify") == 0)
		return verify(ctl, anchors, key);
	if (strcmp(what, "stat") == 0)
		return stat_journal(ctl, is_json);
	return ctl_usage("journal", "say verify, stat or erase DAY");
}

/* ---- index rebuild ---- */

static void on_progress(void *arg, log_pos at)
{
	(void)arg;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, _("\rindexed up to segment %u, byte %u   "), (unsigned)(at >> 32),
		        (unsigned)(at & UINT32_MAX));
}

static void remove_files(const char *path)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char name[600];

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		unlink(name);
	}
}

/* The old files go first: a -wal of theirs must never be taken for one of the new file. */
static int put_in_place(const char *made, const char *path)
{
	char wal[620];
	struct stat st;

	snprintf(wal, sizeof(wal), "%s-wal", made);
	if (stat(wal, &st) == 0 && st.st_size > 0)
		return ctl_fail(CTL_CANNOT, "%s could not be finished: is the disk full?", made);
	remove_files(path);
	if (rename(made, path) != 0)
		return ctl_fail(CTL_CANNOT, "cannot put the index at %s: %s", path, _(strerror(errno)));
	return CTL_OK;
}

static int make_index(struct ctl *ctl, struct ctl_journal *j)
{
	const char *path = ctl->conf->journal.index;
	struct index *index = NULL;
	char made[600];
	int rv;

	snprintf(made, sizeof(made), "%s.new", path);
	remove_files(made);
	rv = index_open(&index, made, true);
	if (rv != 0)
		return ctl_fail(CTL_CANNOT, "cannot make %s: %s", made, _(yt_strerror(rv)));
	rv = index_feed(index, &j->io, &j->conf, 0, on_progress, NULL);
	index_close(index);
	if (isatty(STDERR_FILENO))
		fputc('\n', stderr);
	if (rv == 0)
		return put_in_place(made, path);
	remove_files(made);
	if (rv == YT_ENOTFOUND)
		return ctl_fail(CTL_CANNOT, "there is no journal in %s", ctl->conf->journal.folder);
	return ctl_fail(CTL_CANNOT, "the journal in %s cannot be read to its end (%s): see `yitong journal verify`",
	        ctl->conf->journal.folder, _(yt_strerror(rv)));
}

static int rebuild_here(struct ctl *ctl)
{
	struct ctl_journal j;
	int fd = -1, rv = ctl_open_journal(ctl, false, &j);

	if (rv == CTL_OK && j.io.lock != NULL)
		fd = j.io.lock(j.io.ctx, "lock"); /* no keeper may start meanwhile */
	if (rv == CTL_OK && j.io.lock != NULL && fd < 0)
		rv = ctl_fail(CTL_CANNOT, "the journal is in use: the gateway is starting or ending, try again");
	if (rv == CTL_OK)
		rv = make_index(ctl, &j);
	if (rv == CTL_OK)
		printf(_("The index at %s is new.\n"), ctl->conf->journal.index);
	if (fd >= 0)
		j.io.close(j.io.ctx, fd);
	ctl_close_journal(&j);
	return rv;
}

static int rebuild(struct ctl *ctl, const struct ctl_who *who)
{
	struct yt_arena *arena = yt_arena_new(1 << 20);
	struct yt_buf request = { 0 };
	struct yt_node *answer;
	char why[300];
	int rv = ctl_conf(ctl);

	YT_REQUIRE(arena != NULL);
	if (rv == CTL_OK) {
		yt_buf_byte(&request, '{');
		ctl_json_member(&request, "do", YT_STR("reindex"));
		ctl_json_member(&request, "operator", yt_str(who->operator_name));
		yt_buf_byte(&request, '}');
		rv = control_ask(ctl->conf->gateway.run_dir, yt_buf_view(&request), arena, &answer, why, sizeof(why));
		yt_buf_free(&request);
		if (rv == 0)
			printf(_("The gateway makes the index anew; `yitong status` says when it is done.\n"));
		else if (rv == YT_ENOTFOUND)
			rv = rebuild_here(ctl);
		else
			rv = ctl_fail(
			        CTL_CANNOT, rv == YT_EDENIED ? "%s; stop the gateway, then run this again" : "%s", why);
	}
	yt_arena_free(arena);
	return rv;
}

int ctl_index(struct ctl *ctl, int argc, char **argv)
{
	struct ctl_who who = { 0 };
	const struct ctl_option own[] = { { "operator", .text = &who.operator_name }, { NULL } };
	int rv = ctl_options(ctl, "index", argc, argv, own, NULL);

	if (rv != CTL_GO_ON)
		return rv;
	if (optind + 1 != argc || strcmp(argv[optind], "rebuild") != 0)
		return ctl_usage("index", "say rebuild");
	rv = ctl_who("index", false, &who);
	return rv == CTL_GO_ON ? rebuild(ctl, &who) : rv;
}
