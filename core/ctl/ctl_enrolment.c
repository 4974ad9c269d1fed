/* core/ctl/ctl_enrolment.c - `yitong enrolment`: who is insured at the insurers that keep lists.
 *
 * Without more: each list, its age, how many people.  load: an insurer's file takes the place of the list, once all of
 * it was checked (message/enrolment_load.c).  check: one list, and whether one person is on it.  It works on the files
 * themselves, as the gateway's user, whether the gateway runs or not: workers notice a new list.  Who loads one or asks
 * for a person stands in the journal of a running gateway first. */
#include "process/control_ask.h"
#include "ctl/desk.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message/calendar.h"
#include "message/enrolment.h"

#define FAULTS_SHOWN 20

struct asked {
	struct desk desk;
	const struct conf_party *party;
	struct enrolment_key key;
	const char *file; /* load: the insurer's */
	struct ctl_who who;
	int64_t day; /* INT64_MIN: the file says it */
	bool anyway, person, is_json;
	uint64_t n_faults;
	int64_t told_ms;
};

static void print_day(int64_t day, char out[20])
{
	yt_time_print(calendar_begins_ms(day), out);
	out[10] = '\0';
}

/* The party by its name, and the key of its list.  Returns enum ctl_exit. */
static int find(struct asked *a, const char *name)
{
	struct yt_key key;

	a->party = conf_party(a->desk.ctl->conf, yt_str(name));
	if (a->party == NULL)
		return ctl_fail(CTL_FOUND, "there is no party %s in %s", name, a->desk.ctl->conf_file);
	if (a->party->enrolment == NULL)
		return ctl_fail(
		        CTL_FOUND, "party %s keeps no list: give it enrolment and enrolment_key first", a->party->name);
	a->key = (struct enrolment_key){ a->desk.keys, yt_str(a->party->enrolment_key), yt_str(a->party->name) };
	if (keys_get(a->desk.keys, a->key.name, &key) != 0)
		return ctl_fail(CTL_CANNOT, "the key %s cannot be read: run this as the gateway's user",
		        a->party->enrolment_key);
	return CTL_OK;
}

/* Written down before it is done; no gateway runs: there is nothing to write it into, which is told.  Returns enum
 * ctl_exit. */
static int note(const struct asked *a, bool is_load, const char *reason)
{
	struct yt_buf request = { 0 };
	struct yt_node *answer;
	char what[64], why[300];
	int rv;

	snprintf(what, sizeof(what), "enrolment check %s", a->party->name);
	yt_buf_byte(&request, '{');
	ctl_json_member(&request, "do", is_load ? YT_STR("enrolment") : YT_STR("audit"));
	ctl_json_member(&request, is_load ? "party" : "act", yt_str(is_load ? a->party->name : what));
	ctl_json_member(&request, "operator", yt_str(a->who.operator_name));
	ctl_json_member(&request, "reason", yt_str(reason));
	yt_buf_byte(&request, '}');
	YT_REQUIRE(!request.failed);
	rv = control_ask(
	        a->desk.ctl->conf->gateway.run_dir, yt_buf_view(&request), a->desk.arena, &answer, why, sizeof(why));
	yt_buf_free(&request);
	if (rv == 0)
		return CTL_OK;
	if (rv != YT_ENOTFOUND)
		return ctl_fail(CTL_CANNOT, "nothing is done, as it cannot be written down who does it: %s", why);
	fprintf(stderr, _("the gateway does not run: who did this is not written down\n"));
	return CTL_OK;
}

/* -- what is there ------------------------------------------------------------------------------------ */

struct seen {
	enum enrolment_state state;
	uint64_t n;
	int64_t day, age_days, loaded_ms;
};

static struct seen look(const struct asked *a, const struct conf_party *party)
{
	const struct enrolment_key key = { a->desk.keys, yt_str(party->enrolment_key), yt_str(party->name) };
	struct enrolment *list;
	struct seen s = { 0 };
	char why[400];
	int rv = enrolment_open(&list, party->enrolment, &key, why, sizeof(why));

	if (rv != 0) {
		s.state = rv == YT_ENOTFOUND ? ENROLMENT_MISSING : ENROLMENT_UNUSABLE;
		fprintf(stderr, "%s\n", why);
		return s;
	}
	s.state =
	        enrolment_is_old(list, yt_wall_ms(), party->enrolment_max_age_days) ? ENROLMENT_OLD : ENROLMENT_CURRENT;
	s.n = enrolment_count(list);
	s.day = enrolment_day(list);
	s.age_days = calendar_day(yt_wall_ms()) - s.day;
	s.loaded_ms = enrolment_loaded_ms(list);
	enrolment_close(list);
	return s;
}

static const char *const states[] = { [ENROLMENT_CURRENT] = N_("in use"),
	[ENROLMENT_MISSING] = N_("missing: claims wait"),
	[ENROLMENT_UNUSABLE] = N_("cannot be used: claims wait"),
	[ENROLMENT_OLD] = N_("too old: claims wait") };
static const char *const state_words[] = { [ENROLMENT_CURRENT] = "current",
	[ENROLMENT_MISSING] = "missing",
	[ENROLMENT_UNUSABLE] = "unusable",
	[ENROLMENT_OLD] = "old" };

/* -- load ------------------------------------------------------------------------------------------ */

static void on_fault(void *ctx, uint64_t line, const char *why)
{
	struct asked *a = ctx;

	if (a->n_faults++ < FAULTS_SHOWN)
		fprintf(stderr, "%s:%llu: %s\n", a->file, (unsigned long long)line, why);
}

static void on_progress(void *ctx, uint64_t done, uint64_t all)
{
	struct asked *a = ctx;

	if (!isatty(STDERR_FILENO) || yt_mono_ms() - a->told_ms < 500)
		return;
	a->told_ms = yt_mono_ms();
	fprintf(stderr, _("\rreading: %llu %%   "), (unsigned long long)(done * 100 / (all == 0 ? 1 : all)));
}

/* What is there counts for more than a list that is older, or that many people are gone from: insurers send half of a
 * file, or that of last week, and nobody on it has a claim then.  Returns enum ctl_exit. */
static int compare(const struct asked *a, const struct enrolment_load *load)
{
	struct enrolment *before = NULL;
	char why[400], there[20], new[20];
	uint64_t n_before;
	int64_t day;

	if (enrolment_open(&before, a->party->enrolment, &a->key, why, sizeof(why)) != 0)
		return CTL_OK; /* none that could be used */
	n_before = enrolment_count(before);
	day = enrolment_day(before);
	enrolment_close(before);
	printf(_("before: %llu people\n"), (unsigned long long)n_before);
	if (a->anyway)
		return CTL_OK;
	print_day(day, there);
	print_day(load->day, new);
	if (load->day < day)
		return ctl_fail(CTL_FOUND,
		        "it is of %s, older than the list that is there, of %s: nothing is changed; --anyway takes it",
		        new, there);
	if (load->n_rows * 100 < n_before * a->party->enrolment_min_percent)
		return ctl_fail(CTL_FOUND,
		        "it has fewer than %u %% of the people of the list that is there: nothing is changed; ask the insurer, "
		        "or --anyway takes it",
		        (unsigned)a->party->enrolment_min_percent);
	return CTL_OK;
}

static int tell_faults(const struct asked *a)
{
	if (a->n_faults > FAULTS_SHOWN)
		fprintf(stderr, _("and %llu more\n"), (unsigned long long)(a->n_faults - FAULTS_SHOWN));
	return ctl_fail(CTL_FOUND, "%s has faults: nothing is changed; have the insurer send it anew", a->file);
}

/* As workers will see it: they do not go by a list that is too old, also where it is the first one.  Returns enum
 * ctl_exit. */
static int tell_taken(const struct asked *a)
{
	struct seen now = look(a, a->party);

	if (now.state != ENROLMENT_CURRENT)
		return ctl_fail(CTL_FOUND, "%s: the list was taken, and is %s", a->party->name, _(states[now.state]));
	printf(_("%s: the list is in use from now on\n"), a->party->name);
	return CTL_OK;
}

static int take(struct asked *a, struct enrolment_load *load)
{
	char why[400] = "", day[20];
	int rv = enrolment_read(load);

	if (isatty(STDERR_FILENO))
		fputs("\r                    \r", stderr);
	if (rv == YT_EFORMAT)
		return tell_faults(a);
	if (rv != 0)
		return ctl_fail(CTL_CANNOT, "%s cannot be read: %s", a->file, _(yt_strerror(rv)));
	if (load->day > calendar_day(yt_wall_ms()) + 1)
		return ctl_fail(CTL_FOUND, "its day has not come yet: nothing is changed");
	print_day(load->day, day);
	printf(_("%s: of %s, %llu people, %llu lines were there before\n"), a->file, day,
	        (unsigned long long)load->n_rows, (unsigned long long)load->n_twice);
	rv = compare(a, load);
	snprintf(why, sizeof(why), "of %s, %llu people%s", day, (unsigned long long)load->n_rows,
	        a->anyway ? ", anyway" : "");
	rv = rv == CTL_OK ? note(a, true, why) : rv;
	if (rv != CTL_OK)
		return rv;
	if (enrolment_write(load, a->party->enrolment, yt_wall_ms(), why, sizeof(why)) != 0)
		return ctl_fail(CTL_CANNOT, "%s", why);
	return tell_taken(a);
}

static int load_file(struct asked *a)
{
	struct enrolment_load load = {
		.key = a->key, .fault = on_fault, .progress = on_progress, .ctx = a, .day = a->day
	};
	int fd = open(a->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rv;
	struct stat st;
	void *at;

	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		if (fd >= 0)
			close(fd);
		return ctl_fail(CTL_CANNOT, "cannot read %s: is it a file, and may this user read it?", a->file);
	}
	at = st.st_size == 0 ? NULL : mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (at == MAP_FAILED)
		return ctl_fail(CTL_CANNOT, "cannot read %s: is it a file, and may this user read it?", a->file);
	load.text = (struct yt_str){ at, (size_t)st.st_size };
	rv = take(a, &load);
	free(load.rows);
	if (at != NULL)
		munmap(at, (size_t)st.st_size);
	return rv;
}

/* -- what is told of it ------------------------------------------------------------------------------- */

static void put_json(const struct conf_party *party, const struct seen *s)
{
	struct yt_buf out = { 0 };
	char day[20] = "";

	if (s->n > 0)
		print_day(s->day, day);
	yt_buf_byte(&out, '{');
	ctl_json_member(&out, "party", yt_str(party->name));
	ctl_json_member(&out, "state", yt_str(state_words[s->state]));
	ctl_json_member(&out, "day", yt_str(day));
	ctl_json_number(&out, "age_days", s->age_days);
	ctl_json_number(&out, "people", (int64_t)s->n);
	ctl_json_number(&out, "loaded_ms", s->loaded_ms);
	ctl_json_member(&out, "file", yt_str(party->enrolment));
	yt_buf_text(&out, "}\n");
	ctl_print_buf(&out, stdout);
}

static void put_row(struct ctl_table *table, const struct conf_party *party, const struct seen *s)
{
	char day[20] = "-", loaded[20] = "-";

	if (s->n > 0) {
		print_day(s->day, day);
		yt_time_print(s->loaded_ms, loaded);
	}
	ctl_table_cell(table, CTL_BOLD, "%s", party->name);
	ctl_table_cell(table, CTL_PLAIN, "%s", day);
	ctl_table_cell(table, CTL_PLAIN, "%llu", (unsigned long long)s->n);
	ctl_table_cell(table, CTL_PLAIN, "%s", loaded);
	ctl_table_cell(table, s->state == ENROLMENT_CURRENT ? CTL_GREEN : CTL_RED, "%s", _(states[s->state]));
}

/* Of all parties, or of one.  Returns enum ctl_exit. */
static int list(struct asked *a)
{
	static const char *const heading[] = { "PARTY", "OF", "PEOPLE", "LOADED", "STATE" };
	const struct conf *conf = a->desk.ctl->conf;
	struct ctl_table table;
	int rv = CTL_OK;

	ctl_table_begin(&table, 5, 1u << 2);
	for (size_t i = 0; i < 5; i++)
		ctl_table_cell(&table, CTL_PLAIN, "%s", _(heading[i]));
	for (uint32_t i = 0; i < conf->n_parties; i++) {
		const struct conf_party *p = &conf->parties[i];
		struct seen s;

		if (p->enrolment == NULL || (a->party != NULL && a->party != p))
			continue;
		s = look(a, p);
		rv = s.state != ENROLMENT_CURRENT ? CTL_FOUND : rv;
		if (a->is_json)
			put_json(p, &s);
		else
			put_row(&table, p, &s);
	}
	if (!a->is_json && table.n_cells == 5)
		printf(_("no party keeps a list\n"));
	if (a->is_json || table.n_cells == 5)
		table.n_cells = 0;
	ctl_table_print(a->desk.ctl, &table, stdout); /* and frees it */
	return rv;
}

/* One number from standard input: what stands in an argument, others on this host can read.  Returns enum ctl_exit. */
static int check_person(struct asked *a)
{
	struct enrolment *list_now;
	uint8_t row[ENROLMENT_ROW];
	char line[128], why[400];
	struct yt_str number;
	bool is_on;

	if (isatty(STDIN_FILENO))
		fputs(_("number of the identity paper: "), stderr);
	if (fgets(line, sizeof(line), stdin) == NULL)
		return ctl_usage("enrolment", "--person reads a number from standard input: there is none");
	number = (struct yt_str){ line, strcspn(line, "\r\n") };
	if (enrolment_row(&a->key, number, row) != 0)
		return ctl_fail(CTL_USAGE, "that is no number of an identity paper: is its check digit right?");
	if (enrolment_open(&list_now, a->party->enrolment, &a->key, why, sizeof(why)) != 0)
		return ctl_fail(CTL_CANNOT, "%s", why);
	if (note(a, false, "is a person on the list") != CTL_OK) {
		enrolment_close(list_now);
		return CTL_CANNOT;
	}
	is_on = enrolment_has(list_now, row);
	enrolment_close(list_now);
	printf(is_on ? _("***%.*s is on it\n") : _("***%.*s is not on it: no claim follows\n"), 4,
	        number.p + (number.n > 4 ? number.n - 4 : 0));
	return is_on ? CTL_OK : CTL_FOUND;
}

static int run(struct asked *a, int argc, char **argv)
{
	const char *act = argc > 0 ? argv[0] : "";
	int rv, person;

	if (argc == 0)
		return list(a);
	if (strcmp(act, "load") == 0 ? argc != 3 : strcmp(act, "check") != 0 || argc != 2)
		return ctl_usage("enrolment", "load takes a party and a file, check a party");
	rv = find(a, argv[1]);
	if (rv != CTL_OK)
		return rv;
	if (strcmp(act, "load") == 0) {
		a->file = argv[2];
		return load_file(a);
	}
	rv = list(a);
	person = a->person ? check_person(a) : CTL_OK;
	return person > rv ? person : rv; /* the worse of both */
}

int ctl_enrolment(struct ctl *ctl, int argc, char **argv)
{
	struct asked a = { .day = INT64_MIN };
	const char *day = NULL;
	const struct ctl_option own[] = { { "day", .text = &day }, { "anyway", .flag = &a.anyway },
		{ "person", .flag = &a.person }, { "operator", .text = &a.who.operator_name }, { NULL } };
	int rv = ctl_options(ctl, "enrolment", argc, argv, own, &a.is_json);
	int64_t ms;

	if (rv == CTL_GO_ON)
		rv = ctl_who("enrolment", false, &a.who);
	if (rv != CTL_GO_ON)
		return rv;
	if (day != NULL && (strlen(day) != 10 || yt_time_parse(yt_str(day), &ms) != 0))
		return ctl_usage("enrolment", "--day must be a day as 2026-11-22, not \"%s\"", day);
	if (day != NULL)
		a.day = calendar_day(ms);
	rv = desk_open(&a.desk, ctl, true);
	if (rv == CTL_OK)
		rv = run(&a, argc - optind, argv + optind);
	desk_close(&a.desk);
	return rv;
}
