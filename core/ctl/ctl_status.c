/* core/ctl/ctl_status.c - `yitong status` and `yitong parked`: what the running keeper says. */
#include "ctl/ctl.h"

#include <getopt.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "process/control_ask.h"

#define DAYS_ALARM 30 /* a certificate that ends sooner is shown in yellow, within 7 days in red */
#define UNREADABLE (-1000000)

/* ---- certificates ---- */

struct certificate {
	const char *file, *whose;
	long days; /* UNREADABLE: the file cannot be read */
};

static long days_left(const char *file)
{
	FILE *f = fopen(file, "re");
	X509 *cert = f == NULL ? NULL : PEM_read_X509(f, NULL, NULL, NULL);
	int days = 0, seconds = 0;
	bool is_read = cert != NULL && ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)) == 1;

	X509_free(cert);
	if (f != NULL)
		fclose(f);
	return is_read ? (seconds < 0 ? days - 1 : days) : UNREADABLE;
}

static size_t list_certificates(const struct conf *conf, struct certificate *out, size_t max)
{
	size_t n = 0;

	for (uint32_t i = 0; i < conf->n_listeners && n < max; i++)
		if (conf->listeners[i].cert != NULL) /* a folder or plain HTTP has none */
			out[n++] = (struct certificate){ conf->listeners[i].cert, conf->listeners[i].name, 0 };
	for (uint32_t i = 0; i < conf->n_parties && n < max; i++)
		if (conf->parties[i].cert != NULL)
			out[n++] = (struct certificate){ conf->parties[i].cert, conf->parties[i].name, 0 };
	for (size_t i = 0; i < n; i++)
		out[i].days = days_left(out[i].file);
	return n;
}

/* ---- status ---- */

static uint64_t pending(const struct yt_node *answer)
{
	return control_number(answer, "exchanges.sent") + control_number(answer, "exchanges.unknown") +
	       control_number(answer, "exchanges.reversing") + control_number(answer, "exchanges.undelivered") +
	       control_number(answer, "exchanges.follow_ups");
}

static void print_status_json(const struct yt_node *answer, const struct certificate *certs, size_t n)
{
	struct yt_buf out = { 0 };

	yt_json_write(answer, &out);
	if (out.n > 0)
		out.n--; /* the closing brace: there is more to say */
	ctl_json_number(&out, "pending", (int64_t)pending(answer));
	yt_buf_text(&out, ",\"certificates\":[");
	for (size_t i = 0; i < n; i++) {
		yt_buf_text(&out, i == 0 ? "{" : ",{");
		ctl_json_member(&out, "of", yt_str(certs[i].whose));
		ctl_json_member(&out, "file", yt_str(certs[i].file));
		ctl_json_number(&out, "days_left", certs[i].days);
		yt_buf_byte(&out, '}');
	}
	yt_buf_text(&out, "]}\n");
	ctl_print_buf(&out, stdout);
}

static void print_bytes(const char *label, uint64_t bytes)
{
	if (bytes >= (uint64_t)10 << 30)
		printf("%s%llu GiB", label, (unsigned long long)(bytes >> 30));
	else
		printf("%s%llu MiB", label, (unsigned long long)(bytes >> 20));
}

static void print_journal(const struct ctl *ctl, const struct yt_node *a)
{
	bool is_usable = yt_str_is(control_text(a, "index.usable"), "true");
	struct statvfs fs;

	printf(_("journal   at %.*s, %llu commits%s"), YT_FMT(control_text(a, "journal.position")),
	        (unsigned long long)control_number(a, "journal.commits"),
	        yt_str_is(control_text(a, "journal.sealed"), "false") ? _(", bodies in the clear") : "");
	print_bytes(_(", ready "), control_number(a, "journal.room_bytes"));
	if (statvfs(ctl->conf->journal.folder, &fs) == 0)
		print_bytes(_(", free on disk "), (uint64_t)fs.f_bavail * fs.f_frsize);
	printf(_("\nindex     at %.*s, %llu bytes behind%s%s%s\n"), YT_FMT(control_text(a, "index.position")),
	        (unsigned long long)control_number(a, "index.lag_bytes"), is_usable ? "" : ctl_colour(ctl, CTL_RED),
	        is_usable ? "" : _(", NOT USABLE: state changes are refused"), ctl_colour(ctl, CTL_PLAIN));
}

static void print_exchanges(const struct ctl *ctl, const struct yt_node *a)
{
	static const struct {
		const char *path, *name;
		enum ctl_colour colour;
	} counts[] = {
		{ "exchanges.sent", N_("sent"), CTL_PLAIN },
		{ "exchanges.unknown", N_("unknown"), CTL_YELLOW },
		{ "exchanges.reversing", N_("reversing"), CTL_YELLOW },
		{ "exchanges.undelivered", N_("undelivered"), CTL_YELLOW },
		{ "exchanges.follow_ups", N_("to follow"), CTL_PLAIN },
		{ "exchanges.leased", N_("being worked off"), CTL_PLAIN },
		{ "exchanges.parked", N_("parked"), CTL_RED },
	};

	printf(_("exchanges "));
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		uint64_t n = control_number(a, counts[i].path);

		printf("%s%s%llu %s%s", i == 0 ? "" : _(", "), n > 0 ? ctl_colour(ctl, counts[i].colour) : "",
		        (unsigned long long)n, _(counts[i].name), n > 0 ? ctl_colour(ctl, CTL_PLAIN) : "");
	}
	printf("\n");
	if (yt_str_is(control_text(a, "exchanges.follow_ups_full"), "true"))
		printf(_("          %sas many to follow as limits.follow_ups allows: what more would follow from is refused%s\n"),
		        ctl_colour(ctl, CTL_RED), ctl_colour(ctl, CTL_PLAIN));
	if (control_number(a, "exchanges.parked") > 0)
		printf(_("          parked ones wait for somebody: `yitong parked` lists them\n"));
	if (pending(a) > control_number(a, "exchanges.sent") + control_number(a, "exchanges.follow_ups"))
		printf(_("          unknown, reversing and undelivered ones are worked off by themselves: "
		         "`yitong messages --state open`\n"));
}

static void print_workers(const struct ctl *ctl, const struct yt_node *a)
{
	static const struct {
		const char *heading, *name;
	} columns[] = { { "WORKER", "incarnation" }, { "PID", "pid" }, { "GENERATION", "generation" },
		{ "CONNECTIONS", "connections" }, { "IN FLIGHT", "in_flight" }, { "REQUESTS", "requests" },
		{ "ANSWERED", "answered" }, { "REFUSED", "refused" }, { "UNKNOWN", "unknown" } };
	const size_t n = sizeof(columns) / sizeof(columns[0]);
	const struct yt_node *workers = control_node(a, "workers");
	struct ctl_table table;

	ctl_table_begin(&table, n, 0x1ff);
	for (size_t i = 0; i < n; i++)
		ctl_table_cell(&table, CTL_PLAIN, "%s", _(columns[i].heading));
	for (const struct yt_node *w = workers == NULL ? NULL : workers->child; w != NULL; w = w->next)
		for (size_t i = 0; i < n; i++)
			ctl_table_cell(
			        &table, CTL_PLAIN, "%llu", (unsigned long long)control_number(w, columns[i].name));
	ctl_table_print(ctl, &table, stdout);
}

static void print_certificates(const struct ctl *ctl, const struct certificate *certs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		enum ctl_colour colour = certs[i].days < 7            ? CTL_RED
		                         : certs[i].days < DAYS_ALARM ? CTL_YELLOW
		                                                      : CTL_PLAIN;

		if (certs[i].days == UNREADABLE)
			printf(_("%scertificate of %s: cannot read %s%s\n"), ctl_colour(ctl, CTL_RED), certs[i].whose,
			        certs[i].file, ctl_colour(ctl, CTL_PLAIN));
		else
			printf(_("%scertificate of %s: %ld days left%s\n"), ctl_colour(ctl, colour), certs[i].whose,
			        certs[i].days, ctl_colour(ctl, CTL_PLAIN));
	}
}

/* The parent of the keeper; 0 when it cannot be told. */
static long supervisor_of(uint64_t keeper)
{
	char path[40], text[512];
	const char *end;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%llu/stat", (unsigned long long)keeper);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	end = strrchr(text, ')'); /* behind the name: state, parent */
	return end == NULL || strlen(end) < 5 ? 0 : strtol(end + 4, NULL, 10);
}

static void print_status(const struct ctl *ctl, const struct yt_node *a, const struct certificate *certs, size_t n)
{
	bool accepts = yt_str_is(control_text(a, "accepting"), "true");
	long supervisor = supervisor_of(control_number(a, "pid"));

	printf(_("%s%s%s, generation %llu, profile %s, keeper %llu\n"), ctl_colour(ctl, accepts ? CTL_GREEN : CTL_RED),
	        accepts ? _("running") : _("running, but refuses new state changes"), ctl_colour(ctl, CTL_PLAIN),
	        (unsigned long long)control_number(a, "generation"),
	        ctl->conf->gateway.profile == CONF_PRODUCTION ? _("production") : _("development"),
	        (unsigned long long)control_number(a, "pid"));
	if (supervisor > 0)
		printf(_("process   supervisor %ld (kill -HUP %ld reloads the configuration)\n"), supervisor,
		        supervisor);
	if (!accepts && control_text(a, "why_closed").n > 0)
		printf(_("because   %s\n"), control_words(a, "why_closed"));
	print_journal(ctl, a);
	print_exchanges(ctl, a);
	print_workers(ctl, a);
	print_certificates(ctl, certs, n);
}

static int status(struct ctl *ctl, bool is_json)
{
	struct yt_arena *arena = yt_arena_new(8 << 20);
	struct certificate certs[128];
	struct yt_node *answer;
	char why[300];
	size_t n;
	int rv = ctl_conf(ctl);

	YT_REQUIRE(arena != NULL);
	if (rv == CTL_OK) {
		rv = control_ask(
		        ctl->conf->gateway.run_dir, YT_STR("{\"do\":\"status\"}"), arena, &answer, why, sizeof(why));
		if (rv == YT_ENOTFOUND)
			rv = ctl_fail(CTL_CANNOT, "%s; start it with `yitongd --conf %s`", why, ctl->conf_file);
		else if (rv != 0)
			rv = ctl_fail(CTL_CANNOT, "%s", why);
		if (rv == CTL_OK) {
			n = list_certificates(ctl->conf, certs, sizeof(certs) / sizeof(certs[0]));
			if (is_json)
				print_status_json(answer, certs, n);
			else
				print_status(ctl, answer, certs, n);
			rv = yt_str_is(control_text(answer, "accepting"), "true") ? CTL_OK : CTL_FOUND;
		}
	}
	yt_arena_free(arena);
	return rv;
}

int ctl_status(struct ctl *ctl, int argc, char **argv)
{
	bool is_json = false;
	int rv = ctl_options(ctl, "status", argc, argv, NULL, &is_json);

	if (rv != CTL_GO_ON)
		return rv;
	if (optind < argc)
		return ctl_usage("status", "what is \"%s\"?", argv[optind]);
	return status(ctl, is_json);
}

/* ---- parked ---- */

struct parked {
	const struct ctl *ctl;
	struct ctl_table table;
	bool is_json;
	uint32_t n;
};

static void parked_json(const struct exchange *x)
{
	struct yt_buf out = { 0 };
	char id[20];

	ctl_exchange(x->id, id);
	yt_buf_byte(&out, '{');
	ctl_json_member(&out, "exchange", yt_str(id));
	ctl_json_member(&out, "wire_op", yt_str(x->wire_op));
	ctl_json_member(&out, "institution", yt_str(x->institution));
	ctl_json_member(&out, "number", yt_str(x->number));
	ctl_json_member(&out, "visit", yt_str(x->visit));
	ctl_json_member(&out, "owner", yt_str(x->owner));
	ctl_json_member(&out, "reason", yt_str(x->reason));
	ctl_json_number(&out, "amount_fen", ctl_own_fen(x));
	ctl_json_number(&out, "unknown_since_ms", x->unknown_since_ms);
	ctl_json_number(&out, "deadline_ms", x->deadline_ms);
	yt_buf_text(&out, "}\n");
	ctl_print_buf(&out, stdout);
}

static int on_parked(void *arg, const struct exchange *x)
{
	static const char *const heading[] = { "EXCHANGE", "SINCE (UTC+8)", "OP", "INSTITUTION", "NUMBER", "YUAN",
		"FOR", "UNTIL", "WHY" };
	struct parked *p = arg;
	const struct yt_op *op = ctl_operation(p->ctl, x);
	bool follows = (x->flags & REC_X_FOLLOW_UP) != 0; /* the wire number it has is its settlement's */
	char since[20] = "-", until[20] = "-", yuan[24] = "-", id[20], why[256];

	if (p->n++ == 0 && !p->is_json) {
		ctl_table_begin(&p->table, 9, 1u << 5);
		for (size_t i = 0; i < 9; i++)
			ctl_table_cell(&p->table, CTL_PLAIN, "%s", _(heading[i]));
	}
	if (p->is_json) {
		parked_json(x);
		return 0;
	}
	if (x->unknown_since_ms != 0)
		yt_time_print(x->unknown_since_ms, since);
	if (x->deadline_ms != 0)
		yt_time_print(x->deadline_ms, until);
	if (ctl_own_fen(x) != 0)
		ctl_yuan(ctl_own_fen(x), yuan);
	ctl_exchange(x->id, id);
	ctl_table_cell(&p->table, CTL_PLAIN, "%s", id);
	ctl_table_cell(&p->table, CTL_PLAIN, "%s", since);
	ctl_table_cell(&p->table, CTL_PLAIN, "%s", follows && op != NULL ? op->name : x->wire_op);
	ctl_table_cell(&p->table, CTL_PLAIN, "%s", x->institution);
	ctl_table_cell(&p->table, CTL_PLAIN, "%s", x->number);
	ctl_table_cell(&p->table, CTL_PLAIN, "%s", yuan);
	ctl_table_cell(&p->table, CTL_PLAIN, "%s", _(x->owner));
	ctl_table_cell(
	        &p->table, x->deadline_ms != 0 && x->deadline_ms < yt_wall_ms() ? CTL_RED : CTL_PLAIN, "%s", until);
	ctl_reason(x->reason, why, sizeof(why));
	ctl_table_cell(&p->table, CTL_PLAIN, "%s", why);
	return 0;
}

static int list_parked(struct ctl *ctl, bool is_json)
{
	struct index_filter filter = { .state = YT_STR("parked"), .limit = 10000 };
	struct parked p = { .ctl = ctl, .is_json = is_json };
	struct index *index = NULL;
	int rv = ctl_open_index(ctl, &index);

	if (rv != CTL_OK)
		return rv;
	rv = index_search(index, &filter, on_parked, &p);
	index_close(index);
	if (p.n > 0 && !is_json)
		ctl_table_print(ctl, &p.table, stdout);
	if (rv != 0)
		return ctl_fail(
		        CTL_CANNOT, "the index cannot be read (%s): `yitong index rebuild`", _(yt_strerror(rv)));
	return p.n > 0 ? CTL_OK : ctl_fail(CTL_FOUND, "nothing is parked");
}

/* What nobody heard cannot be kept: whoever decides must know what later messages of the visit will lack. */
static void say_what_is_missing(struct ctl *ctl, const char *exchange)
{
	struct index *index = NULL;
	struct exchange x;
	uint64_t id;

	if (!ctl_parse_exchange(yt_str(exchange), &id) || ctl_open_index(ctl, &index) != CTL_OK)
		return;
	if (index_get(index, id, &x) != 0) {
		index_close(index);
		return;
	}
	for (unsigned i = 0; i < REC_STEPS_MAX; i++)
		if (x.step_sent[i] != 0 && x.step_got[i] == 0)
			printf(_("No answer of step %u is here: what it would have told (numbers, amounts, how lines are split) "
			         "is not kept, and a later message of the visit that needs it will be refused.\n"),
			        i + 1);
	if (x.flow[0] == '\0')
		printf(_(
		        "Its answer is not here: numbers, amounts and how lines are split are not kept for later messages of "
		        "the visit; the hospital has them by query.\n"));
	if (x.then[0] != '\0' && x.settlement[0] == '\0')
		printf(_("Nothing follows from it, as the number of its settlement is not here: do what the flow %s would "
		         "have done (such as a claim) by hand.\n"),
		        x.then);
	index_close(index);
}

/* What a decision came to: it counts, or waits for the second person.  False: it waits. */
static bool told_decided(
        const struct yt_node *answer, const char *exchange, const char *result, const char *operator_name)
{
	struct yt_str proposal = control_text(answer, "proposal");

	if (proposal.n > 0)
		printf(_("Proposed as %.*s; it counts when a second person confirms it within %llu hours and before the "
		         "gateway restarts: `yitong confirm %.*s`.\n"),
		        YT_FMT(proposal), (unsigned long long)(control_number(answer, "expires_s") + 1800) / 3600,
		        YT_FMT(proposal));
	else if (strcmp(result, "retry") == 0)
		printf(_("Exchange %s: the gateway tries again to find out.\n"), exchange);
	else if (strcmp(result, "park") == 0)
		printf(_("Exchange %s is held now, by %s: nothing of it leaves until `yitong decide %s retry`, and "
		         "`refused` ends it.\n"),
		        exchange, operator_name, exchange);
	else
		printf(_("Exchange %s is %s now, decided by %s; the lists follow within a second or two.\n"), exchange,
		        _(result), operator_name);
	return proposal.n == 0;
}

int ctl_decide_one(
        struct ctl *ctl, const char *exchange, const char *result, const char *operator_name, const char *reason)
{
	struct yt_arena *arena = yt_arena_new(1 << 20);
	struct yt_buf request = { 0 };
	struct yt_node *answer;
	char why[300];
	int rv = ctl_conf(ctl);

	YT_REQUIRE(arena != NULL);
	if (rv == CTL_OK) {
		yt_buf_byte(&request, '{');
		ctl_json_member(&request, "do", YT_STR("decide"));
		ctl_json_member(&request, "exchange", yt_str(exchange));
		ctl_json_member(&request, "result", yt_str(result));
		ctl_json_member(&request, "operator", yt_str(operator_name));
		ctl_json_member(&request, "reason", yt_str(reason));
		yt_buf_byte(&request, '}');
		rv = control_ask(ctl->conf->gateway.run_dir, yt_buf_view(&request), arena, &answer, why, sizeof(why));
		if (rv != 0)
			rv = ctl_fail(CTL_CANNOT, "nothing was decided: %s", why);
		else if (told_decided(answer, exchange, result, operator_name) && strcmp(result, "done") == 0)
			say_what_is_missing(ctl, exchange);
	}
	yt_buf_free(&request);
	yt_arena_free(arena);
	return rv;
}

static int check_decision(struct ctl *ctl, char **word, struct ctl_who *who)
{
	char exchange[20];
	uint64_t id;
	int rv;

	if (strcmp(word[2], "done") != 0 && strcmp(word[2], "refused") != 0 && strcmp(word[2], "reversed") != 0 &&
	        strcmp(word[2], "retry") != 0)
		return ctl_usage("parked", "a decision is done, refused, reversed or retry, not \"%s\"", word[2]);
	rv = ctl_who("parked", true, who);
	if (rv != CTL_GO_ON)
		return rv;
	if (ctl_parse_exchange(yt_str(word[1]), &id))
		return ctl_decide_one(ctl, word[1], word[2], who->operator_name, who->reason);
	id = ctl_find_exchange(ctl, word[1]);
	if (id == 0)
		return CTL_FOUND;
	ctl_exchange(id, exchange);
	return ctl_decide_one(ctl, exchange, word[2], who->operator_name, who->reason);
}

int ctl_parked(struct ctl *ctl, int argc, char **argv)
{
	struct ctl_who who = { 0 };
	bool is_json = false;
	const struct ctl_option own[] = { CTL_WHO_OPTIONS(&who), { NULL } };
	int rv = ctl_options(ctl, "parked", argc, argv, own, &is_json);

	if (rv != CTL_GO_ON)
		return rv;
	if (optind == argc)
		return list_parked(ctl, is_json);
	if (strcmp(argv[optind], "decide") != 0 || argc - optind != 3)
		return ctl_usage("parked", "say: decide NUMBER done|refused|reversed|retry");
	return check_decision(ctl, argv + optind, &who);
}
