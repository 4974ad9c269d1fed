/* core/ctl/ctl.h - what the subcommands of `yitong` share: exit codes, configuration, tables, masking.
 *
 * yitong.c finds the subcommand; each is one function in one file: ctl_check.c, ctl_messages.c,
 * ctl_show.c, ctl_case.c, ctl_followups.c, ctl_lane.c, ctl_enrolment.c, ctl_status.c (status, parked), ctl_audit.c,
 * ctl_journal.c (journal, index). Those that work with formats share desk.h. */
#ifndef YT_CTL_CTL_H
#define YT_CTL_CTL_H

#include <stdio.h>

#include "base/words.h"
#include "journal/index.h"
#include "process/conf.h"
#include "yitong/json.h"

enum ctl_exit {
	CTL_OK = 0,
	CTL_FOUND = 1, /* looked, and found a problem, or nothing */
	CTL_USAGE = 2,
	CTL_CANNOT = 3 /* cannot reach or read what it needs */
};

struct ctl {
	const char *conf_file;
	struct conf *conf; /* ctl_conf() */
	bool has_colour;
};

/* argv[0] is the subcommand's name.  Returns enum ctl_exit. */
int ctl_check(struct ctl *ctl, int argc, char **argv);
int ctl_messages(struct ctl *ctl, int argc, char **argv);
int ctl_show(struct ctl *ctl, int argc, char **argv);
int ctl_status(struct ctl *ctl, int argc, char **argv);
int ctl_parked(struct ctl *ctl, int argc, char **argv);
int ctl_case(struct ctl *ctl, int argc, char **argv);
int ctl_followups(struct ctl *ctl, int argc, char **argv);
int ctl_late(struct ctl *ctl, int argc, char **argv);
int ctl_statement(struct ctl *ctl, int argc, char **argv);
int ctl_lane(struct ctl *ctl, int argc, char **argv);
int ctl_enrolment(struct ctl *ctl, int argc, char **argv);
int ctl_decide(struct ctl *ctl, int argc, char **argv);
int ctl_confirm(struct ctl *ctl, int argc, char **argv);
int ctl_audit(struct ctl *ctl, int argc, char **argv);
int ctl_journal(struct ctl *ctl, int argc, char **argv);
int ctl_index(struct ctl *ctl, int argc, char **argv);

/* ctl_decide.c: the exchange with that number, the open one of several, or by its own sixteen digits; 0: there is none,
 * or several are open, or the index cannot be read, which has been told. */
uint64_t ctl_find_exchange(struct ctl *ctl, const char *word);
/* ctl_status.c: asks the keeper for a decision about one exchange, and tells what it came to. */
int ctl_decide_one(
        struct ctl *ctl, const char *exchange, const char *result, const char *operator_name, const char *reason);
/* Who runs this: the user who called sudo, else the user. */
const char *ctl_user(void);

/* Reads the configuration, without looking for certificates and keys; tells what is wrong with it. */
int ctl_conf(struct ctl *ctl);
/* Opens the index for reading; tells the way out where it cannot. */
int ctl_open_index(struct ctl *ctl, struct index **index);
/* What reading the journal needs; to be closed with ctl_close_journal(). */
struct ctl_journal {
	struct yt_io io, key_io;
	struct log_conf conf;
	struct yt_keys *keys;
	bool is_open, has_key_io;
};
/* with_keys: also what opens bodies. */
int ctl_open_journal(struct ctl *ctl, bool with_keys, struct ctl_journal *journal);
void ctl_close_journal(struct ctl_journal *journal);

/* The records of an exchange, whole and back to back, and what they fold to.  Zeroed by the caller, who frees records.
 */
struct ctl_records {
	struct exchange x;
	struct yt_buf records;
	bool is_sealed; /* bodies are left out: the keys are not here */
};
/* Reads them from the n commits at place[], oldest first.  0 also where none is left of them; or another YT_E. */
int ctl_records(
        const struct ctl_journal *journal, uint64_t id, const log_pos *place, size_t n, struct ctl_records *out);

/* Queries written down in [from_ms, to_ms), the newest few minutes first and each minute's in order; between, which
 * may be NULL, is called after each few minutes.  Stops when either returns other than 0.  Returns 0, what each
 * returned, YT_ELIMIT after so many records of any kind had been looked through, or another YT_E. */
#define CTL_QUERY_RECORDS 2000000
int ctl_each_query(struct index *index, const struct ctl_journal *journal, int64_t from_ms, int64_t to_ms,
        log_each each, int (*between)(void *arg), void *arg);

/* Says "yitong: ..." on stderr and returns exit. */
int ctl_fail(int exit, const char *fmt, ...) YT_PRINTF(2, 3);
/* The same for wrong arguments, with the way to the help. */
int ctl_usage(const char *command, const char *fmt, ...) YT_PRINTF(2, 3);
/* What getopt_long() did not take. */
int ctl_bad_option(const char *command);
/* Of --json: what machines read is English whatever the language of people.  Returns true. */
bool ctl_json(void);
/* ---- options.c ---- */

/* --name VALUE, or --name alone: where it goes.  Exactly one of text, flag and take is set. */
struct ctl_option {
	const char *name;                    /* NULL ends a table */
	const char **text;                   /* points into argv */
	bool *flag;                          /* takes no value */
	int (*take)(void *arg, char *value); /* CTL_GO_ON, or the exit code after telling */
	void *arg;
};
#define CTL_GO_ON (-1)
/* Options of a command, besides --conf, --help and, where is_json is no NULL, --json; optind is the first argument
 * then. own: may be NULL.  CTL_GO_ON, or the exit code: its help was printed, or what is wrong told. */
int ctl_options(
        struct ctl *ctl, const char *command, int argc, char **argv, const struct ctl_option *own, bool *is_json);

/* Who does it and why: the same options at each command that decides, changes or reveals something. */
struct ctl_who {
	const char *operator_name, *reason;
};
#define CTL_WHO_OPTIONS(who)                                                                                           \
	{ "operator", .text = &(who)->operator_name }, { "reason", .text = &(who)->reason },                           \
	{                                                                                                              \
		"why", .text = &(who)->reason                                                                          \
	}
/* Where nobody is named it is who runs this.  CTL_GO_ON, or the exit code after telling what is wrong; with_reason:
 * there must be one. */
int ctl_who(const char *command, bool with_reason, struct ctl_who *who);
/* A number from 1 to most; false: it is none. */
bool ctl_number(const char *text, uint32_t most, uint32_t *out);
/* help.c: the help of a command, "" for yitong itself. */
void ctl_help(const char *command, FILE *out);

/* ---- ctl_followups.c ---- */

enum follow_kind {
	FOLLOW_WAITING = 1, /* for something that others must do or tell */
	FOLLOW_DUE,         /* the gateway goes on by itself at its next try */
	FOLLOW_PARKED       /* for a person */
};
enum follow_kind ctl_follow_kind(const struct exchange *x);
/* Who is to do the next thing about an open exchange: "gateway", "institution", a party's name, or whom it is parked
 * for. */
const char *ctl_owner(const struct exchange *x);
/* A reason as the journal has it, in the chosen language. */
void ctl_reason(const char *reason, char *text, size_t size);
/* What it waits for, in the chosen language. */
void ctl_waits_for(const struct exchange *x, char *text, size_t size);
/* When what was paid is late without a line of a statement, or of the list of the insurer that paid; INT64_MAX: never.
 */
int64_t ctl_line_late_ms(const struct conf *conf, const struct exchange *x);
void ctl_unproved(const struct exchange *x, char *text, size_t size); /* why */

/* ---- out.c ---- */

enum ctl_colour { CTL_PLAIN, CTL_BOLD, CTL_DIM, CTL_RED, CTL_GREEN, CTL_YELLOW };
const char *ctl_colour(const struct ctl *ctl, enum ctl_colour colour); /* "" without a terminal */
enum ctl_colour ctl_state_colour(enum exchange_state state);

/* Rows of texts, printed aligned when all are there. */
struct ctl_table {
	size_t n_columns;
	struct yt_buf text; /* cells, each ended by NUL */
	enum ctl_colour *colour;
	size_t n_cells, cap;
	unsigned right; /* bit per column: aligned to the right */
};
void ctl_table_begin(struct ctl_table *table, size_t n_columns, unsigned right);
void ctl_table_cell(struct ctl_table *table, enum ctl_colour colour, const char *fmt, ...) YT_PRINTF(3, 4);
/* The first row is the heading.  Frees the table. */
void ctl_table_print(const struct ctl *ctl, struct ctl_table *table, FILE *out);

/* Columns a UTF-8 text takes on a terminal: Chinese characters take two. */
size_t ctl_width(struct yt_str text);
/* Appends text with control characters as '?': what comes from a message must not steer the terminal. */
void ctl_clean(struct yt_buf *out, struct yt_str text);
/* Exchanges as log lines have them too: sixteen hexadecimal digits. */
void ctl_exchange(uint64_t id, char out[20]);
/* What it does: of a follow-up what its flow begins with, by the configuration.  NULL: it is not known. */
const struct yt_op *ctl_operation(const struct ctl *ctl, const struct exchange *x);
/* The flow it goes by, as people read it. */
const char *ctl_flow(const struct exchange *x);
/* Its own amount: a follow-up has that of its settlement, which is none of its own; 0. */
int64_t ctl_own_fen(const struct exchange *x);
bool ctl_parse_exchange(struct yt_str text, uint64_t *id);
/* The code that our own answers end with: 7B3348LZ, in small letters too, or whole as read out, Y103 7B3348LZ; or
 * the trace id (32 hexadecimal digits) that the request came with. */
bool ctl_parse_trace(struct yt_str text, char trace[9]);
/* Rows of the index that are looked through for a trace, the newest: it has no column there. */
#define CTL_TRACE_ROWS 200000
void ctl_yuan(int64_t fen, char out[24]); /* "1234.50" */
/* yyyy-MM-dd HH:mm:ss.mmm */
void ctl_time(int64_t wall_ms, char out[24]);
void ctl_json_member(struct yt_buf *out, const char *name, struct yt_str text); /* with comma before where needed */
void ctl_json_number(struct yt_buf *out, const char *name, int64_t value);
void ctl_print_buf(struct yt_buf *out, FILE *to);

/* ---- mask.c ---- */

/* Appends one message body, indented: structure, harmless values and our own texts only (promise P9); everything else
 * is 「***(n)」, n being its characters.  is_raw: every value. */
void ctl_body(struct yt_buf *out, struct yt_str octets, bool is_raw);
/* Whether a member of that name and value may be shown to anyone. */
bool ctl_is_harmless(struct yt_str name, struct yt_str value);

#endif
