/* core/process/conf_plugins.c - what only the plugins and the key folder can tell about a configuration.
 *
 * Loads each plugin as a worker would, with its settings and secrets, and closes it again.  Run by `yitong
 * check` and by the supervisor's short-lived child (yitongd check), never inside the supervisor. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "engine/proof.h"
#include "engine/route.h"
#include "format/keys.h"
#include "net/http1.h"
#include "plugin/loader.h"
#include "process/conf_parts.h"

#define WARN_DAYS 30 /* a key that ends sooner is warned about */

/* 0 too where the operator has pinned nothing. */
static int is_pinned(const struct conf *conf, const char *format, const char *file, char *why, size_t size)
{
	const struct conf_settings *pins = &conf->gateway.plugin_sha256;

	for (uint32_t i = 0; i < pins->n; i++) {
		if (strcmp(pins->item[i].key, format) == 0)
			return plugin_check_digest(file, pins->item[i].value, why, size);
	}
	return 0;
}

/* A pin with a slip of the pen in its name would pin nothing. */
static void check_pins(const struct conf *conf, struct conf_errors *errors)
{
	const struct conf_settings *pins = &conf->gateway.plugin_sha256;
	uint32_t i, j;

	for (i = 0; i < pins->n; i++) {
		bool used = false;

		for (j = 0; j < conf->n_listeners; j++)
			used = used || strcmp(conf->listeners[j].format, pins->item[i].key) == 0;
		for (j = 0; j < conf->n_parties; j++)
			used = used || strcmp(conf->parties[j].format, pins->item[i].key) == 0;
		if (!used)
			conf_error_add(errors, pins->item[i].place.line, pins->item[i].place.column,
			        "plugin_sha256: no listener and no party has the format \"%.40s\"; leave it out",
			        pins->item[i].key);
	}
}

int conf_load_plugin(const struct conf *conf, const char *format, const char *name,
        const struct conf_settings *settings, struct yt_keys *keys, struct yt_plugin **out, char *why, size_t size,
        struct conf_place *at)
{
	struct plugin_problem problem = { why, size, "" };
	struct plugin_setting *given = calloc(settings->n + 1, sizeof(*given));
	char file[600];
	uint32_t i;
	int rv;

	YT_REQUIRE(given != NULL);
	for (i = 0; i < settings->n; i++)
		given[i] = (struct plugin_setting){ settings->item[i].key, settings->item[i].value };
	snprintf(file, sizeof(file), "%s/%s.so", conf->gateway.plugin_dir, format);
	rv = is_pinned(conf, format, file, why, size);
	if (rv == 0)
		rv = plugin_load_telling(out, file, name, given, settings->n, keys, &problem);
	for (i = 0; at != NULL && i < settings->n; i++)
		if (strcmp(settings->item[i].key, problem.key) == 0)
			*at = settings->item[i].place;
	free(given);
	if (rv != 0 && *why == 0)
		snprintf(why, size, "%s: %s", file, _(yt_strerror(rv)));
	return rv;
}

struct warning {
	struct conf_place at;
	struct conf_errors *errors;
};

static void on_log(void *ctx, enum yt_level level, const char *text)
{
	const struct warning *w = ctx;

	if (level == YT_WARN)
		conf_warning_add(w->errors, w->at.line, w->at.column, "%s", text);
}

/* Whether some route brings this operation to the flow. */
static bool is_routed(const struct conf *conf, const struct conf_flow *flow, unsigned op)
{
	for (uint32_t i = 0; i < conf->n_routes; i++)
		if (conf->routes[i].flow == flow && conf->rules[i].ops[op])
			return true;
	return false;
}

/* Whether it follows from settlements: then all of it may come to be undone, its last step too. */
static bool is_followed(const struct conf *conf, const struct conf_flow *flow)
{
	for (uint32_t i = 0; i < conf->n_routes; i++)
		if (conf->routes[i].then == flow)
			return true;
	return false;
}

static void check_step(const struct conf *conf, const struct conf_flow *flow, uint32_t i,
        const struct yt_codec_api *api, struct conf_errors *errors)
{
	const struct conf_step *step = &flow->step[i];

	for (unsigned id = 0; id < YT_OP_COUNT; id++) {
		const struct yt_op *op = yt_op((enum yt_operation)id);
		const char *lacks = NULL;

		if (step->op == id || (step->op == YT_OP_COUNT && is_routed(conf, flow, id)))
			lacks = proof_step_lacks(
			        api, op, step->is_kept, i + 1 == flow->n_steps && !is_followed(conf, flow));
		if (lacks != NULL)
			conf_error_add(errors, flow->place.line, flow->place.column,
			        "flow %s, step %u, \"%.*s\": %s %s", flow->name, (unsigned)i + 1,
			        YT_FMT(flow->steps.item[i]), op->name, _(lacks));
	}
}

/* Each step has an answer to "what became of it", and to a refusal behind it, that needs nobody. */
static void check_steps(const struct conf *conf, const struct conf_party *party, const struct yt_codec_api *api,
        struct conf_errors *errors)
{
	for (uint32_t f = 0; party != NULL && f < conf->n_flows; f++)
		for (uint32_t i = 0; i < conf->flows[f].n_steps; i++)
			if (conf->flows[f].step[i].party == party)
				check_step(conf, &conf->flows[f], i, api, errors);
}

/* An insurer that gives no quotes decides no claim at once either. */
static void check_quotes(
        const struct conf *conf, const struct conf_party *party, struct yt_plugin *plugin, struct conf_errors *errors)
{
	const struct yt_codec_api *api = plugin_api(plugin);
	const struct yt_wire_op *op = api->ops;
	const char *lacks = N_("has no claim.quote");

	while (op->wire != NULL && op->op != YT_OP_CLAIM_QUOTE)
		op++;
	if (op->wire != NULL)
		lacks = api->lacks == NULL ? NULL : api->lacks(plugin, YT_OP_CLAIM_QUOTE);
	for (uint32_t i = 0; party != NULL && lacks != NULL && i < conf->n_routes; i++) {
		const struct conf_route *r = &conf->routes[i];

		if (r->quote == party)
			conf_error_add(errors, r->place.line, r->place.column, "quote: %s gives none, its format %s %s",
			        party->name, api->name, _(lacks));
		if (r->one_stop == party)
			conf_error_add(errors, r->place.line, r->place.column,
			        "one_stop: %s decides nothing at once, its format %s %s", party->name, api->name,
			        _(lacks));
	}
}

static void check_statements(const struct conf *conf, const struct conf_party *party, const struct yt_codec_api *api,
        struct conf_errors *errors)
{
	enum yt_operation asked = YT_OP_STATEMENT_FETCH;
	const struct yt_wire_op *op = api->ops;

	if (party == NULL || party->statement_at.n == 0)
		return;
	if (!conf_party_has_account(conf, party))
		asked = YT_OP_CLAIM_STATEMENT;
	while (op->wire != NULL && op->op != asked)
		op++;
	if (op->wire == NULL)
		conf_error_add(errors, party->place.line, party->place.column,
		        "statement_at: %s cannot be asked, its format %s has no %s", party->name, api->name,
		        yt_op(asked)->name);
}

/* A url says how a party is spoken to; here whether its format can.  party: NULL for a listener. */
static bool speaks_so(const struct conf_party *party, const struct yt_codec_api *api, struct conf_place at,
        struct conf_errors *errors)
{
	bool has_frames = api->frame_next != NULL && api->frame_put != NULL;

	if (party != NULL && conf_party_is_files(party) != (api->file_name != NULL)) {
		conf_error_add(errors, at.line, at.column,
		        api->file_name != NULL
		                ? "%s: format %s is handed over as files: its url must be file:FOLDER or sftp://user@host/folder"
		                : "%s: format %s is not handed over as files: its url cannot be file: or sftp:",
		        party->name, party->format);
		return false;
	}
	if (party == NULL || conf_party_is_files(party) ||
	        (party->kind == CONF_FRAMES ? has_frames : !has_frames || api->http_request != NULL))
		return true;
	conf_error_add(errors, at.line, at.column,
	        has_frames ? "%s: format %s speaks over a stream alone: its url must be tls://host:port"
	                   : "%s: format %s does not speak over a stream: its url must be https://host[:port]/path",
	        party->name, party->format);
	return false;
}

const char *conf_kind_name(unsigned kind)
{
	static const char *const names[] = { [YT_KEY_SECRET] = "secret",
		[YT_KEY_SM4] = "sm4",
		[YT_KEY_SM2_PRIVATE] = "sm2-private",
		[YT_KEY_SM2_PUBLIC] = "sm2-public" };

	return names[kind];
}

static const char *nth_key(const void *arg, size_t i)
{
	const struct conf *conf = arg;

	if (i < conf->n_secrets)
		return conf->secrets[i].name;
	return i < conf->n_secrets + conf->n_keys ? conf->keys[i - conf->n_secrets].name : NULL;
}

unsigned conf_kind_of_key(const struct conf *conf, const char *name)
{
	if (conf_secret(conf, yt_str(name)) != NULL)
		return YT_KEY_SECRET;
	for (uint32_t i = 0; i < conf->n_keys; i++)
		if (conf->keys[i].name != NULL && strcmp(conf->keys[i].name, name) == 0)
			return YT_KEY_SECRET + conf->keys[i].kind;
	return 0;
}

/* A name that is misspelt here would be found out by the first message. */
static void check_key_name(const struct conf *conf, const char *whose, const struct conf_setting *setting,
        enum yt_key_kind wanted, struct conf_errors *errors)
{
	unsigned kind = conf_kind_of_key(conf, setting->value);
	const char *meant = kind == 0 ? conf_closest(setting->value, nth_key, conf) : NULL;

	if (kind == 0)
		conf_error_add(errors, setting->place.line, setting->place.column,
		        "%s: setting %s: there is no \"%s\" in secrets or keys%s%s%s", whose, setting->key,
		        setting->value, meant == NULL ? "" : _(": did you mean \""), meant == NULL ? "" : meant,
		        meant == NULL ? "" : _("\"?"));
	else if (kind != wanted && (wanted != YT_KEY_SM2_PUBLIC || kind != YT_KEY_SM2_PRIVATE)) /* which has both */
		conf_error_add(errors, setting->place.line, setting->place.column,
		        "%s: setting %s: \"%s\" is of kind %s, one of kind %s is needed", whose, setting->key,
		        setting->value, conf_kind_name(kind), conf_kind_name(wanted));
}

static void check_key_names(const struct conf *conf, const char *whose, const struct conf_settings *settings,
        const struct yt_codec_api *api, struct conf_errors *errors)
{
	for (const struct yt_key_setting *k = api->key_settings; k != NULL && k->key != NULL; k++)
		for (uint32_t i = 0; i < settings->n; i++)
			if (strcmp(settings->item[i].key, k->key) == 0 && settings->item[i].value[0] != '\0')
				check_key_name(conf, whose, &settings->item[i], k->kind, errors);
}

/* What a plugin warns of when it is opened, such as signatures that are switched off, an operator reads here before a
 * log has it. */
static void check_plugin(const struct conf *conf, const char *format, const char *name, struct conf_place at,
        const struct conf_settings *settings, const struct conf_party *party, struct yt_keys *keys,
        struct conf_errors *errors)
{
	const struct conf_place place = at;
	struct yt_plugin *plugin = NULL;
	struct warning warning = { at, errors };
	char why[400] = "";

	yt_log_watch(on_log, &warning);
	if (conf_load_plugin(conf, format, name, settings, keys, &plugin, why, sizeof(why), &at) != 0)
		conf_error_add(errors, at.line, at.column, "%s: %s", name, why);
	else if (speaks_so(party, plugin_api(plugin), place, errors)) {
		check_steps(conf, party, plugin_api(plugin), errors);
		check_quotes(conf, party, plugin, errors);
		check_statements(conf, party, plugin_api(plugin), errors);
		check_key_names(conf, name, settings, plugin_api(plugin), errors);
	}
	yt_log_watch(NULL, NULL);
	plugin_unload(plugin);
}

/* conf_check.c has looked at the text; NULL is open. */
static int64_t moment(const char *text, int64_t open)
{
	int64_t ms;

	return text != NULL && yt_time_parse(yt_str(text), &ms) == 0 ? ms : open;
}

int conf_add_key(
        const struct conf *conf, uint32_t i, struct yt_keys *keys, struct conf_place *at, char *why, size_t size)
{
	const struct conf_named_key *k;
	struct keys_spec spec;

	if (i < conf->n_secrets) {
		*at = conf->secrets[i].place;
		return keys_add_secret(keys, conf->secrets[i].name, conf->secrets[i].file, why, size);
	}
	k = &conf->keys[i - conf->n_secrets];
	*at = k->place;
	spec = (struct keys_spec){ k->name, k->owner, k->id, k->file, (enum yt_key_kind)(YT_KEY_SECRET + k->kind),
		moment(k->from, INT64_MIN), moment(k->to, INT64_MAX) };
	return keys_add(keys, &spec, why, size);
}

static void check_header_value(const struct conf_party *p, const struct yt_keys *keys, struct conf_errors *errors)
{
	struct yt_str value;

	if (p->header_secret == NULL || keys_secret(keys, yt_str(p->header_secret), &value) != 0 ||
	        http1_is_value(value))
		return;
	conf_error_add(errors, p->place.line, p->place.column,
	        "header_secret: the secret %s has an octet that no header may have", p->header_secret);
}

/* A warning only, as with certificates: an ended key must not keep the others from serving.  Silent where the owner
 * has another that goes on. */
static void check_term(const struct yt_keys *keys, const char *name, struct conf_place at, struct conf_errors *errors)
{
	int64_t now_ms = yt_wall_ms(), soon_ms = now_ms + (int64_t)WARN_DAYS * 86400 * 1000;
	struct yt_key key, next;
	char when[20];

	if (keys_get(keys, yt_str(name), &key) != 0 || key.to_ms > soon_ms ||
	        (key.owner.n > 0 &&
	                keys_find(keys, key.owner, (struct yt_str){ NULL, 0 }, key.kind, soon_ms, &next) == 0))
		return;
	yt_time_print(key.to_ms, when);
	conf_warning_add(errors, at.line, at.column,
	        key.to_ms <= now_ms
	                ? "key %s ended on %s, and no other of its owner goes on: add the next one beside it"
	                : "key %s ends on %s, and no other of its owner goes on: add the next one beside it",
	        name, when);
}

void conf_check_plugins(const struct conf *conf, struct conf_errors *errors)
{
	struct conf_place at;
	struct yt_keys *keys = NULL;
	char why[400] = "";
	uint32_t i;

	if (conf->n_operators == 0)
		conf_warning_add(errors, 0, 0,
		        "operators is not given: whoever is the gateway's user may decide, stop lanes and erase, alone and "
		        "under any name (production refuses to start so)");
	conf_check_tls(conf, errors);
	conf_check_folders(conf, errors);
	check_pins(conf, errors);
	if (keys_open(&keys, conf->journal.keys, why, sizeof(why)) != 0) {
		conf_error_add(errors, 0, 0, "journal.keys: %s", why);
		return;
	}
	for (i = 0; i < conf->n_secrets + conf->n_keys; i++)
		if (conf_add_key(conf, i, keys, &at, why, sizeof(why)) != 0)
			conf_error_add(errors, at.line, at.column, "%s", why);
	for (i = 0; i < conf->n_keys; i++)
		check_term(keys, conf->keys[i].name, conf->keys[i].place, errors);
	conf_check_releases(conf, keys, errors);
	for (i = 0; i < conf->n_parties; i++)
		check_header_value(&conf->parties[i], keys, errors);
	for (i = 0; i < conf->n_listeners; i++)
		check_plugin(conf, conf->listeners[i].format, conf->listeners[i].name, conf->listeners[i].place,
		        &conf->listeners[i].settings, NULL, keys, errors);
	for (i = 0; i < conf->n_parties; i++)
		check_plugin(conf, conf->parties[i].format, conf->parties[i].name, conf->parties[i].place,
		        &conf->parties[i].settings, &conf->parties[i], keys, errors);
	keys_close(keys);
}
