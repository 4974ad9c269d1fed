/* core/process/conf_parts.h - what the parts of the configuration reader share; nobody else includes it. */
#ifndef YT_PROCESS_CONF_PARTS_H
#define YT_PROCESS_CONF_PARTS_H

#include "process/conf.h"

enum conf_node_kind { CONF_SCALAR, CONF_MAP, CONF_LIST };

/* One value of the file, and the key before it when it is a member of a map. */
struct conf_node {
	struct conf_node *next, *child, *last;
	const char *key;
	const char *text; /* scalar: NUL-terminated, without NUL inside */
	size_t len;
	uint32_t line, column;         /* of the value */
	uint32_t key_line, key_column; /* of the key, else of the value */
	uint32_t n;
	enum conf_node_kind kind;
	bool is_plain; /* scalar without quotes */
};

/* Reads bytes into a tree in arena.  Problems go to errors; *root stays NULL when it cannot be read. */
int conf_yaml_read(struct yt_arena *arena, struct yt_str bytes, struct conf_errors *errors, struct conf_node **root);
struct conf_node *conf_node_get(const struct conf_node *map, const char *key);
const char *conf_node_kind_name(const struct conf_node *node); /* "a list" */

enum conf_type {
	CONF_T_NUMBER,  /* uint32_t, min .. max */
	CONF_T_CHOICE,  /* one of words, stored as its index */
	CONF_T_TEXT,    /* min .. max bytes */
	CONF_T_NAME,    /* a-z 0-9 -, begins with a letter, at most 31 */
	CONF_T_CODE,    /* A-Z a-z 0-9, min .. max bytes */
	CONF_T_AREA,    /* 6 digits */
	CONF_T_ADDRESS, /* IPv4 or IPv6 in digits */
	CONF_T_URL,     /* https://host[:port]/path or tls://host:port */
	CONF_T_PATH,    /* of a file or folder that we make */
	CONF_T_FILE,    /* must be readable */
	CONF_T_KEYFILE, /* must be readable, and not by others */
	CONF_T_FOLDER,  /* must be there */
	CONF_T_CODES,   /* list of codes */
	CONF_T_AREAS,   /* list of 2, 4 or 6 digits */
	CONF_T_NETS,    /* list of addresses and ranges, 10.1.0.0/16 */
	CONF_T_WORDS,   /* list of words: letters, digits, `.`, `-`, `*`, `_` */
	CONF_T_PATHS,   /* list of paths of a URL, without query */
	CONF_T_TIMES,   /* list of HH:MM */
	CONF_T_STEPS,   /* list of words and = ? :, in their order */
	CONF_T_SETTINGS /* names and texts of the plugin */
};

enum conf_section_kind {
	CONF_ONE,  /* a map of keys */
	CONF_MANY, /* a list of such maps */
	CONF_NAMES /* a map of names to file paths */
};

struct conf_section {
	const char *name;
	enum conf_section_kind kind;
	bool must_be_given;
	size_t offset;   /* in struct conf: of the struct, or of the pointer */
	size_t n_offset; /* in struct conf: of the count */
	size_t size;     /* of one entry */
	size_t place;    /* in the entry: of its struct conf_place */
	const char *doc;
};

struct conf_key {
	const char *section, *key;
	enum conf_type type;
	const char *unit;     /* "ms"; NULL: none */
	const char *fallback; /* as it would be written; NULL: none */
	bool must_be_given;
	uint32_t min, max; /* of the number, or of the text's bytes */
	const char *words; /* "hold silence"; CONF_T_CHOICE only */
	size_t offset;     /* in the entry */
	const char *doc;
};

extern const struct conf_section conf_sections[]; /* ends with a NULL name */
extern const struct conf_key conf_keys[];         /* ends with a NULL section */

/* Of the known words the one that was probably meant; NULL when none is close. */
const char *conf_closest(const char *word, const char *(*nth)(const void *arg, size_t i), const void *arg);

void conf_error_add(struct conf_errors *errors, uint32_t line, uint32_t column, const char *fmt, ...) YT_PRINTF(4, 5);
void conf_warning_add(struct conf_errors *errors, uint32_t line, uint32_t column, const char *fmt, ...) YT_PRINTF(4, 5);

/* Whether the file behind a key may be used; type is FILE, KEYFILE or FOLDER. */
void conf_check_file(
        const char *path, enum conf_type type, struct conf_place at, const char *key, struct conf_errors *errors);
/* A table's whole file in conf's arena; *why NULL: conf_check_file() has told already. */
int conf_read_table(struct conf *conf, const char *path, struct yt_str *text, const char **why);
/* tables.institutions: rows become institutions, and origins where they sign themselves. */
void conf_read_institutions(struct conf *conf, struct conf_errors *errors);
/* The tables in CSV (areas) and the routes as rules: fills conf->areas, routes[].party and conf->router. */
void conf_check_routes(struct conf *conf, struct conf_errors *errors);
/* Payers, releases, and flows that pay. */
void conf_check_payments(struct conf *conf, struct conf_errors *errors);
/* Signatures of releases, by keys that are there: conf_check_plugins() calls it. */
struct yt_keys;
void conf_check_releases(const struct conf *conf, const struct yt_keys *keys, struct conf_errors *errors);
/* Takes a party's url apart: kind, host, port, target.  False: out of memory. */
bool conf_read_url(struct conf *conf, const struct conf_node *v, const char *key, struct conf_party *party,
        struct conf_errors *errors);
/* What goes with which kind of party; fills in what depends on the kind. */
void conf_check_parties(struct conf *conf, struct conf_errors *errors);
void conf_check_statements(const struct conf *conf, struct conf_errors *errors);
/* Calendars, and the flows that go by them. */
void conf_read_calendars(struct conf *conf, struct conf_errors *errors);
/* Roles of people: conf->operators[].roles, and what production needs. */
void conf_check_operators(struct conf *conf, const struct conf_node *root, struct conf_errors *errors);
/* All that no single key can tell. */
void conf_check_whole(struct conf *conf, const struct conf_node *root, struct conf_errors *errors);

/* A listener of kind folder; and, looking at the disk, all of those. */
void conf_check_folder(const struct conf *conf, const struct conf_listener *listener, struct conf_errors *errors);
void conf_check_folders(const struct conf *conf, struct conf_errors *errors);
/* Its messages come as files, so nothing else says who it is. */
bool conf_is_by_folder(const struct conf *conf, const struct conf_origin *origin);

/* Of the key or secret of that name, as enum yt_key_kind; 0: there is none. */
unsigned conf_kind_of_key(const struct conf *conf, const char *name);
const char *conf_kind_name(unsigned kind); /* as it is written in keys; not of 0 */

/* Loads certificates, keys and CA files as a worker would; conf_check_plugins() calls it. */
void conf_check_tls(const struct conf *conf, struct conf_errors *errors);

/* Indices of the lookups; index() gives conf->maps->of[...] its entries. */
enum conf_map {
	CONF_BY_PARTY,
	CONF_BY_SECRET,
	CONF_BY_SUBJECT,
	CONF_BY_CALLER,
	CONF_BY_INSTITUTION,
	CONF_BY_LISTENER,
	CONF_BY_ORIGIN,
	CONF_BY_ROUTE,
	CONF_N_MAPS
};
/* Adds key -> index.  False when the key is there already; *at then is its index. */
bool conf_map_add(struct conf *conf, enum conf_map map, const char *key, uint32_t index, uint32_t *at);
/* Index of key, or UINT32_MAX. */
uint32_t conf_map_find(const struct conf *conf, enum conf_map map, struct yt_str key);

#endif
