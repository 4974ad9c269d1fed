/* core/process/conf.h - the configuration: one YAML file read once, checked whole, then never changed.
 *
 * `yitongd` reads it before anything is started and at SIGHUP (supervisor.c), each process of a
 * generation works from its own copy, `yitong` reads it to find journal, index and control socket.
 *
 *   conf_yaml.c   file -> tree of nodes with line and column
 *   conf_keys.c   the one table of keys: type, unit, default, limits, doc
 *   conf.c        tree + table -> struct conf; lookups
 *   conf_tls.c    certificates, keys and CA files: loaded as a worker would (in a child or in `yitong` only)
 *   conf_routes.c routes as rules, and the tables in CSV they ask
 *   conf_files.c  listeners and counterparts that are folders
 *   conf_parties.c counterparts: their urls, and what goes with which kind of them
 *   conf_releases.c rules that release payments: what their signers sign
 *   conf_check.c  what no single key can tell: names, files, ports, time-outs that contradict
 *
 * All texts belong to the struct conf and end with it.  Relative paths are relative to the directory
 * the program was started in. */
#ifndef YT_PROCESS_CONF_H
#define YT_PROCESS_CONF_H

#include "yitong/base.h"

#define CONF_BYTES_MAX (1u << 20) /* a larger file is refused */
#define CONF_ERRORS_MAX 50        /* problems kept; more are counted */

enum conf_profile { CONF_DEVELOPMENT, CONF_PRODUCTION };
enum conf_listener_kind { CONF_MTLS, CONF_SIGNED, CONF_PLAIN, CONF_FOLDER };
enum conf_party_kind { CONF_HTTPS, CONF_FRAMES, CONF_FILES, CONF_SFTP };
enum conf_pays { CONF_PAYS_PERSON, CONF_PAYS_INSTITUTION };
enum conf_unknown_style { CONF_HOLD, CONF_SILENCE, CONF_CODE };
enum conf_sign_in { CONF_SIGN_IN_PASS, CONF_SIGN_IN_OWN };

struct conf_place { /* where an entry stands in the file; column 0: in the table of institutions */
	uint32_t line, column;
};

struct conf_setting {
	const char *key, *value;
	struct conf_place place;
};

struct conf_settings { /* keys and texts, such as those of a plugin instance */
	struct conf_setting *item;
	uint32_t n;
};

struct conf_gateway {
	enum conf_profile profile;
	uint32_t workers;
	const char *run_dir, *plugin_dir;
	struct conf_settings plugin_sha256; /* by format: the digest its file must have */
	enum yt_level log_level;
	uint32_t drain_ms, heartbeat_ms;
	uint32_t proposal_s; /* how long a decision waits for the second person */
};

struct conf_journal {
	const char *folder, *index;
	const char *keys;      /* master key and anchor key; NULL: bodies are kept in the clear */
	const char *data_keys; /* folder of the wrapped keys of each day (seal.h) */
	uint32_t segment_mib, reserve_segments, anchor_s, retention_days, index_days, index_lag_mib;
};

struct conf_desk {
	const char *address; /* loopback */
	uint32_t port;       /* 0: no desk */
};

#define CONF_LIST_ROW_KIB 2 /* of a ring for each payout of a list: its order, or twice what is told of it */

struct conf_limits {
	uint32_t body_kib, header_kib, headers, connections, handshake_ms, request_ms, idle_ms;
	uint32_t http2_streams, http2_continuations, http2_buffer_kib, http2_resets, http2_control_frames;
	uint32_t json_depth, json_values;
	uint32_t exchanges, follow_ups, slow_queue, ring_mib, list_rows, statement_lines;
};

struct conf_texts {
	struct yt_str *item; /* sorted */
	uint32_t n;
};

struct conf_listener {
	const char *name;
	enum conf_listener_kind kind;
	const char *address; /* IPv4 or IPv6 in digits; CONF_FOLDER: NULL */
	uint32_t port;       /* 0: any free one */
	const char *format;
	const char *cert, *key, *client_ca, *crl;
	struct conf_texts allow;   /* CONF_PLAIN: networks */
	uint32_t http2;            /* offered beside HTTP/1.1 */
	struct conf_texts paths;   /* served here; empty: any */
	const char *path, *origin; /* CONF_FOLDER: that of files, and who puts them there; else NULL */
	uint32_t files, look_ms, settle_ms, incomplete_ms; /* CONF_FOLDER, net/folder.h */
	struct conf_settings settings;
	struct conf_place place;
};

struct conf_secret {
	const char *name;
	const char *file; /* holds the secret in one line */
	struct conf_place place;
};

struct conf_named_key {
	const char *name;
	uint32_t kind; /* index of its word: YT_KEY_SECRET and so on less one */
	const char *file;
	const char *owner, *id; /* on the wire; NULL: none */
	const char *from, *to;  /* dates or times, UTC+8; NULL: open */
	struct conf_place place;
};

struct conf_party {
	const char *name, *format;
	enum conf_party_kind kind;              /* by its url */
	const char *url, *host, *port, *target; /* target: path with query, begins with /; of CONF_HTTPS */
	const char *folder; /* CONF_FILES: here, has out and sent (net/drop.h); CONF_SFTP: that over there */
	const char *user, *spool, *known_hosts; /* CONF_SFTP; spool has sent, in and fetched */
	uint32_t fetch_ms;
	const char *server_name, *ca, *cert, *key, *crl; /* NULL: not given */
	uint32_t http2;                                  /* offered beside HTTP/1.1 */
	uint32_t trace;                                  /* traceparent is sent along */
	const char *header, *header_secret;              /* a header whose value is that secret; NULL: none */
	uint32_t connections;                            /* of each worker; of CONF_FRAMES of all together */
	uint32_t queue, connect_timeout_ms, idle_ms, response_kib, late_ms;
	uint32_t heartbeat_ms, heartbeat_timeout_ms; /* CONF_FRAMES */
	uint32_t query_timeout_ms, change_timeout_ms, server_delay_ms;
	uint32_t quote_timeout_ms, quote_failures, quote_pause_ms;
	enum conf_pays pays;            /* an insurer: whom */
	struct conf_texts told_by;      /* the parties that tell of what this one was asked, too */
	struct conf_texts statement_at; /* HH:MM, when the entries of its payers' accounts are fetched; none: never */
	uint32_t statement_days;
	const char *enrolment,
	        *enrolment_key; /* the file of who is insured there (message/enrolment.h); NULL: no list */
	uint32_t enrolment_max_age_days, enrolment_min_percent;
	struct conf_settings settings;
	struct conf_place place;
};

struct conf_origin {
	const char *name;
	const char *subject; /* CN of the client certificate; NULL when it signs */
	const char *caller;  /* caller id of the header signature; NULL when it has a certificate */
	const char *key;     /* name of its secret; with caller only */
	const char *party;   /* the party that it is; NULL: conf_origin_party() */
	struct conf_texts institutions;
	struct conf_texts areas; /* first digits of the treatment areas it may also speak for */
	enum conf_unknown_style unknown_style;
	uint32_t unknown_code; /* with CONF_CODE: what infcode says meanwhile */
	uint32_t timeout_ms;
	struct conf_place place;
};

struct conf_institution {
	const char *code, *name, *area;
	enum conf_sign_in sign_in;
	const char *level;                       /* hosp_lv; NULL: not given */
	const char *operator_id, *operator_name; /* of the gateway's own messages in its name */
	const char *old_code;                    /* it is known by this too; NULL: none */
	uint32_t from_day, to_day;               /* yyyymmdd, both included; 0: open */
	struct conf_place place;
};

enum conf_role { /* of people; docs/operators.md has who may do what */
	CONF_SYSTEM = 1 << 0,
	CONF_SECURITY = 1 << 1,
	CONF_AUDITOR = 1 << 2,
	CONF_BUSINESS = 1 << 3,
	CONF_CHECKER = 1 << 4
};

struct conf_operator {
	const char *name; /* as the journal has it */
	const char *user; /* Unix user that proves it; NULL: the name is taken from the gateway's own user */
	struct conf_texts role_names;
	unsigned roles; /* enum conf_role */
	struct conf_place place;
};

struct conf_numbers {
	uint32_t serial_from, serial_to;
};

struct conf_resolution {
	uint32_t reverse_after_ms, retry_ms, retry_max_ms, park_after_ms, follow_up_retry_max_ms,
	        follow_up_park_after_ms, undelivered_ms, busy_tries, busy_retry_ms, pay_ask_max_ms, pay_absent_gap_ms;
};

struct conf_tables {
	const char *areas, *institutions; /* CSV files; NULL: not given */
};

struct calendar;

struct conf_calendar {
	const char *name, *file;
	struct calendar *days; /* NULL: the file could not be read */
	struct conf_place place;
};

struct conf_step { /* of a flow */
	const struct conf_party *party;
	unsigned op;                    /* enum yt_operation; YT_OP_COUNT: the request's own */
	const char *unless, *only_with; /* facts; NULL: always done */
	const char *equals;             /* value that only_with must have; NULL: any */
	bool is_kept;                   /* not undone */
};

struct conf_flow {
	const char *name;
	struct conf_texts steps;
	struct conf_step step[8];
	uint32_t n_steps, answer;
	uint32_t late_after_days;    /* working days; 0: never late */
	uint32_t line_after_days;    /* the same for the statement's line of what it paid; 0: nobody waits for one */
	const char *calendar_name;   /* NULL: weekdays */
	const struct calendar *days; /* of that calendar */
	struct conf_place place;
};

enum conf_pay_type { CONF_PAY_CL, CONF_PAY_MA, CONF_PAY_HS, CONF_PAY_IN };

enum conf_unchecked { CONF_UNCHECKED_RELEASE, CONF_UNCHECKED_PAY };

struct conf_payer { /* an account of ours; see struct engine_payer */
	const char *name, *party, *insurer;
	enum conf_pay_type pay_type;
	const char *account, *account_name, *bank_no, *bank_name, *behalf_name, *purpose;
	const char *order_limit, *day_limit, *account_day_limit;
	enum conf_unchecked unchecked_accounts;
	struct conf_place place;
};

struct conf_release {
	enum conf_pay_type pay_type;
	const char *most, *until, *signed_by;
	const char *signed_on, *signature; /* NULL: not signed; see conf_releases.c */
	struct conf_place place;
};

struct conf_cases {
	struct conf_texts facts; /* relations of areas */
	uint32_t facts_days;
	uint32_t facts_memory_mib;
	unsigned relations; /* the same as bits 1 << enum area_relation */
};

struct conf_route {
	const char *name;
	bool stays_here;         /* payouts, settlements told: kept here, what follows pays or claims them */
	const char *then_name;   /* of the flow that follows; NULL: none */
	const char *result_name; /* of the flow that tells the end of a list of payouts; NULL: none */
	const struct conf_flow *result;
	const struct conf_flow *then;
	const char *quote_name, *quote_member;
	const struct conf_party *quote; /* asked what it would pay, after a pre-settlement; NULL: nobody is */
	const char *one_stop_name, *one_stop_member;
	const struct conf_party *one_stop; /* decides before a settlement's origin hears; NULL: nobody does */
	const char *to, *flow_name;        /* name of the party or the flow ... */
	const struct conf_party *party;    /* ... and itself; of a flow that of its first step */
	const struct conf_flow *flow;
	struct conf_texts operations, relation, listeners, origins, institutions, insutypes; /* empty: any */
	struct conf_texts areas, treatment, insured; /* first 2, 4 or 6 digits; areas: of the institution */
	struct conf_settings fields;                 /* values of one field are parted by | */
	struct conf_place place;
};

struct router;
struct engine_payer;
struct engine_release;
struct area_table;
struct route_query;
struct route_rule;

struct conf_maps; /* hash tables behind the lookups */

struct conf {
	struct conf_gateway gateway;
	struct conf_journal journal;
	struct conf_limits limits;
	struct conf_desk desk;
	struct conf_listener *listeners;
	struct conf_secret *secrets;
	struct conf_named_key *keys;
	struct conf_party *parties;
	struct conf_origin *origins;
	struct conf_institution *institutions;
	struct conf_route *routes;
	struct conf_calendar *calendars;
	uint32_t n_calendars;
	struct conf_operator *operators;
	uint32_t n_operators; /* 0: everybody who reaches the control socket may do everything (development only) */
	uint32_t n_listeners, n_secrets, n_keys, n_parties, n_origins, n_institutions, n_routes;
	struct conf_numbers numbers;
	struct conf_resolution resolution;
	struct conf_tables tables;
	struct conf_flow *flows;
	uint32_t n_flows;
	struct conf_payer *payers;
	struct conf_release *releases;
	uint32_t n_payers, n_releases;
	struct conf_cases cases;

	struct area_table *areas; /* NULL: digits alone */
	struct route_rule *rules; /* of routes, in their order */
	struct router *router;
	struct engine_payer *engine_payers;     /* of payers, ... */
	struct engine_release *engine_releases; /* ... and of releases */
	const char *file;
	uint8_t digest[32]; /* SHA-256 of the file's bytes: which configuration this is */
	struct conf_maps *maps;
	struct yt_arena *arena;
};

struct conf_error {
	uint32_t line, column; /* from 1; both 0: of the whole file; column 0: a row of the institutions' table */
	bool is_warning;
	char text[600]; /* what is wrong and the way out; Chinese takes three octets a character */
};

struct conf_errors { /* zero-initialised by the caller, or by conf_load() */
	char file[256];
	char table[256];   /* of institutions */
	uint32_t n;        /* in item, sorted by place */
	uint32_t n_errors; /* found in all */
	uint32_t n_warnings;
	struct conf_error item[CONF_ERRORS_MAX];
};

enum conf_flag {
	CONF_NO_FILES = 1 << 0 /* do not look whether certificates, keys and secrets are there */
};

/* Reads and checks file.  errors: emptied first, then filled; it may hold warnings after success.
 * Returns 0 with *out the caller's to conf_free(); YT_ECONF with *out untouched; YT_ENOMEM. */
int conf_load(struct conf **out, const char *file, struct conf_errors *errors);
/* The same with enum conf_flag bits. */
int conf_load_with(struct conf **out, const char *file, unsigned flags, struct conf_errors *errors);
void conf_free(struct conf *conf); /* NULL is fine */
/* "file:line:column: error: text\n" for one problem, or "table:line: ..." for one in the table of institutions, into
 * out (at most size bytes with the NUL). */
void conf_error_print(const struct conf_errors *errors, const struct conf_error *error, char *out, size_t size);

struct yt_plugin;
struct yt_keys;
/* Loads the format's plugin as one instance.  YT_ECONF, YT_EDENIED, YT_ENOMEM with why; *at, which may be NULL, becomes
 * the place of the setting at fault and stays as it was where none of them is. */
int conf_load_plugin(const struct conf *conf, const char *format, const char *name,
        const struct conf_settings *settings, struct yt_keys *keys, struct yt_plugin **out, char *why, size_t size,
        struct conf_place *at);
/* Reads the i-th of n_secrets + n_keys; *at: where it stands in the file.  YT_ECONF with why. */
int conf_add_key(
        const struct conf *conf, uint32_t i, struct yt_keys *keys, struct conf_place *at, char *why, size_t size);
/* Adds what only plugins, secrets, certificates and the key folder can tell: loads each as a worker would. */
void conf_check_plugins(const struct conf *conf, struct conf_errors *errors);
/* Appends the text that the signer of the i-th of releases signs (docs/payments.md, "Who signs a rule").  The release
 * has its signed_on. */
void conf_release_text(const struct conf *conf, uint32_t i, struct yt_buf *out);

/* The roles' words, "business checker", as they are written in the configuration; into out. */
void conf_roles_print(unsigned roles, char *out, size_t size);
/* When what follows by this flow since wall_ms is late: the end of its last day, wall clock.  INT64_MAX: never. */
int64_t conf_late_ms(const struct conf_flow *flow, int64_t since_ms);
/* When the line of a statement is late that tells of what this flow has paid at that time.  INT64_MAX: never. */
int64_t conf_line_late_ms(const struct conf_flow *flow, int64_t paid_ms);
const struct conf_operator *conf_operator(const struct conf *conf, struct yt_str name); /* NULL: none */
/* What it is told goes as files. */
static inline bool conf_party_is_files(const struct conf_party *party)
{
	return party->kind == CONF_FILES || party->kind == CONF_SFTP;
}
/* payers has an account there, whose entries it tells. */
bool conf_party_has_account(const struct conf *conf, const struct conf_party *p);
/* A flow hands in claims there. */
bool conf_party_has_claims(const struct conf *conf, const struct conf_party *p);
/* It hands in claims where lists of days are fetched, which are the proof of what that insurer pays. */
bool conf_flow_is_listed(const struct conf_flow *flow);
bool conf_flow_does(const struct conf_flow *flow, unsigned op); /* enum yt_operation */

/* Lookups, one hash probe each; NULL when there is none. */
const struct conf_origin *conf_origin_by_subject(const struct conf *conf, struct yt_str subject);
const struct conf_origin *conf_origin_by_caller(const struct conf *conf, struct yt_str caller);
const struct conf_institution *conf_institution(const struct conf *conf, struct yt_str code);
const struct conf_party *conf_party(const struct conf *conf, struct yt_str name);
/* Connections that the worker of this slot may have there. */
uint32_t conf_party_connections(const struct conf *conf, const struct conf_party *party, uint32_t slot);
const struct conf_secret *conf_secret(const struct conf *conf, struct yt_str name);
/* The party that an origin is, as which it tells things unasked: the one it names, else that of its own name; NULL: it
 * is none. */
const char *conf_origin_party(const struct conf *conf, const struct conf_origin *origin);
/* area: where the institution treats; it counts only where the origin speaks for areas. */
bool conf_origin_speaks_for(const struct conf_origin *origin, struct yt_str institution, struct yt_str area);
/* As conf_origin_speaks_for(), for a message that names area: an institution that we know is where we know it to be,
 * whatever the message says, so that no hub speaks for one of ours. */
bool conf_origin_may(
        const struct conf *conf, const struct conf_origin *origin, struct yt_str institution, struct yt_str area);
const struct conf_flow *conf_flow(const struct conf *conf, struct yt_str name);
/* Minutes after midnight of "HH:MM"; -1: it is none. */
int conf_minute(struct yt_str time);
/* A step of it asks that party, or one that it tells for (told_by). */
bool conf_flow_asks(const struct conf *conf, const char *flow, const char *party);
/* KiB of the largest octets that may come in, by a listener or from a party. */
uint32_t conf_largest_kib(const struct conf *conf);
/* Bytes that one message may take when it is read: of XML an element takes 80, and what is made of it the same again.
 */
size_t conf_message_bytes(const struct conf *conf);
/* The first route that takes a message; NULL when none does. */
const struct conf_route *conf_route(const struct conf *conf, const struct route_query *query);
/* The party of an institution's settlements for people insured where it is; NULL when no route takes them. */
const struct conf_party *conf_local_party(const struct conf *conf, struct yt_str institution);

/* Appends the table of keys as Markdown: what docs/configuration.md holds. */
void conf_keys_markdown(struct yt_buf *out);

#endif
