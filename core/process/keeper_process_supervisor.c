/* core/process/keeper_process_supervisor.c - what the supervisor says over its channel: workers come and go, one died
 * of what it was handling, a configuration is to be checked or is active now, the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/control.h"
#include "process/keeper_process.h"
#include "process/process.h"

/* The digest of what is active goes into the journal: one sees later which configuration it was. */
static void note_generation(struct keeper_process *p, uint64_t generation, const struct conf *conf)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_GENERATION, 0, 0, yt_wall_ms());

	rec_u32(&buf, REC_T_GENERATION, (uint32_t)generation);
	rec_bytes(&buf, REC_T_DIGEST, conf->digest, sizeof(conf->digest));
	rec_end(&buf, at);
	keeper_note(p->keeper, yt_buf_view(&buf));
	yt_buf_free(&buf);
	p->generation = generation;
}

static struct conf *load_named(const struct channel_msg *msg)
{
	struct conf_errors *errors = calloc(1, sizeof(*errors));
	struct conf *conf = NULL;
	char file[512];

	snprintf(file, sizeof(file), "%.*s", (int)msg->n_text, msg->text);
	if (errors == NULL || conf_load_with(&conf, file, CONF_NO_FILES, errors) != 0)
		yt_log(YT_ERROR, "keeper", "%s cannot be read", file);
	free(errors);
	return conf;
}

/* The rest of journal: changes with a restart only (reload.c). */
static void take_journal(struct keeper_process *p, const struct conf_journal *journal)
{
	p->index_lag_max = (uint64_t)journal->index_lag_mib << 20;
	p->retention_ms = (int64_t)journal->retention_days * 24 * 3600 * 1000;
	p->index_ms = (int64_t)journal->index_days * 24 * 3600 * 1000;
	committer_set_anchor(p->committer, (int64_t)journal->anchor_s * 1000);
}

static void on_configure(struct keeper_process *p, const struct channel_msg *msg)
{
	struct conf *conf = load_named(msg);
	struct keeper_conf k;

	if (conf == NULL)
		return;
	kp_conf_of_machine(&k, conf);
	keeper_configure(p->keeper, &k);
	take_journal(p, &conf->journal);
	yt_log_setup("keeper", conf->gateway.log_level);
	process_guard(conf->gateway.profile);
	note_generation(p, msg->number, conf);
	conf_free(p->conf);
	p->conf = conf;
	control_open_to(p);
}

static const char *format_of_party(const struct conf *conf, const char *name)
{
	const struct conf_party *p = conf_party(conf, yt_str(name));

	return p == NULL ? NULL : p->format;
}

static const char *format_of_listener(const struct conf *conf, const char *name)
{
	uint32_t i;

	for (i = 0; i < conf->n_listeners; i++) {
		if (strcmp(conf->listeners[i].name, name) == 0)
			return conf->listeners[i].format;
	}
	return format_of_party(conf, name); /* what was fetched came by its party */
}

/* Gone, or of another format: what was written down could not be read any more. */
static bool is_lost(const char *now, const char *next)
{
	return next == NULL || (now != NULL && strcmp(now, next) != 0);
}

/* Steps that are no longer the same, or not said in the same formats: what an open exchange has sent would be read as
 * something else. */
static bool is_other_flow(const struct kp_checking *c, const char *name)
{
	const struct conf_flow *a = conf_flow(c->now, yt_str(name)), *b = conf_flow(c->next, yt_str(name));

	if (strcmp(name, "here") == 0)
		return false; /* what is told to the gateway itself: no configuration has or drops it */
	if (a == NULL || b == NULL)
		return b == NULL;
	if (a->n_steps != b->n_steps || a->answer != b->answer)
		return true;
	for (uint32_t i = 0; i < a->n_steps; i++) {
		if (!yt_str_eq(a->steps.item[i], b->steps.item[i]) ||
		        is_lost(a->step[i].party->format, b->step[i].party->format))
			return true;
	}
	return false;
}

/* A key that is gone: what was signed with it can not be believed when it is read back.  NULL: none. */
static const char *lost_key(const struct kp_checking *c)
{
	for (uint32_t i = 0; i < c->now->n_keys; i++) {
		uint32_t j = 0;

		while (j < c->next->n_keys && strcmp(c->now->keys[i].name, c->next->keys[j].name) != 0)
			j++;
		if (j == c->next->n_keys)
			return c->now->keys[i].name;
	}
	return NULL;
}

void kp_check_each(void *arg, const struct exchange *x)
{
	struct kp_checking *c = arg;

	if (x->party[0] != 0 && is_lost(format_of_party(c->now, x->party), format_of_party(c->next, x->party)))
		snprintf(c->what, sizeof(c->what), "party %s in its format", x->party);
	else if (x->listener[0] != 0 &&
	         is_lost(format_of_listener(c->now, x->listener), format_of_listener(c->next, x->listener)))
		snprintf(c->what, sizeof(c->what), "listener %s in its format", x->listener);
	else if (conf_institution(c->now, yt_str(x->institution)) != NULL &&
	         conf_institution(c->next, yt_str(x->institution)) == NULL)
		snprintf(c->what, sizeof(c->what), "institution %s", x->institution);
	else if (x->flow[0] != 0 && is_other_flow(c, x->flow))
		snprintf(c->what, sizeof(c->what), "flow %s with its steps", x->flow);
	else if ((x->flags & REC_X_FOREIGN) != 0 && lost_key(c) != NULL)
		snprintf(c->what, sizeof(c->what), "key %s", lost_key(c));
	else
		return;
	c->n++;
}

static void on_check(struct keeper_process *p, const struct channel_msg *msg)
{
	struct conf *conf = load_named(msg);
	struct kp_checking c = { p->conf, conf, 0, { 0 } };

	if (conf == NULL || !keeper_each_open(p->keeper, kp_check_each, &c))
		c.n = UINT64_MAX;
	conf_free(conf);
	memset(&p->out, 0, offsetof(struct channel_msg, text));
	p->out.kind = CHANNEL_CHECKED;
	p->out.generation = msg->generation;
	p->out.number = c.n;
	p->out.n_text = (uint32_t)strlen(c.what);
	memcpy(p->out.text, c.what, p->out.n_text);
	if (channel_send(FD_CHANNEL, &p->out) != 0)
		yt_log(YT_WARN, "keeper", "the supervisor does not hear what the check found; reload again");
}

/* What killed a worker: kept whole for the people who must look at it (P8). */
static void on_crashed(struct keeper_process *p, const struct channel_msg *msg)
{
	struct kp_worker *w = kp_worker_of(p, msg->worker);
	const char *plugin = msg->text;
	size_t n_plugin = strnlen(plugin, msg->n_text), n_what;
	const char *what = plugin + n_plugin + 1;
	struct yt_buf buf = { 0 };
	enum rec_type type;
	char reason[96];
	size_t at;

	if (n_plugin + 1 >= msg->n_text)
		return;
	n_what = strnlen(what, msg->n_text - n_plugin - 1);
	if (n_plugin + n_what + 2 > msg->n_text)
		return;
	if (w != NULL)
		kp_drain(p, w); /* what it had said of the exchange comes before this */
	snprintf(reason, sizeof(reason), "a worker died in plugin %.32s, %.32s", plugin, what);
	if (msg->number != 0)
		yt_log(YT_ERROR, "keeper", "exchange %016llx: %s", (unsigned long long)msg->number, reason);
	else
		yt_log(YT_ERROR, "keeper", "%s; no exchange is touched", reason);
	type = msg->number == 0 || keeper_may_resolve(p->keeper, msg->number) ? REC_RESOLVED : REC_PARKED;
	at = rec_begin(&buf, type, 0, msg->number, yt_wall_ms());
	rec_str(&buf, REC_T_REASON, yt_str(reason));
	rec_str(&buf, REC_T_OWNER, YT_STR("operator"));
	rec_str(&buf, REC_T_REQUEST, (struct yt_str){ what + n_what + 1, msg->n_text - n_plugin - n_what - 2 });
	rec_end(&buf, at);
	keeper_note(p->keeper, yt_buf_view(&buf));
	yt_buf_free(&buf);
}

static void on_packet(struct keeper_process *p, struct channel_msg *msg)
{
	switch (msg->kind) {
	case CHANNEL_WORKER_UP:
		kp_add_worker(p, msg);
		break;
	case CHANNEL_WORKER_GONE:
		if (kp_worker_of(p, msg->worker) != NULL)
			kp_worker_of(p, msg->worker)->dead = true; /* kp_turn() follows */
		break;
	case CHANNEL_WORKER_DRAINS:
		keeper_worker_drains(p->keeper, msg->worker);
		break;
	case CHANNEL_CRASHED:
		on_crashed(p, msg);
		break;
	case CHANNEL_CHECK:
		on_check(p, msg);
		break;
	case CHANNEL_CONFIGURE:
		on_configure(p, msg);
		break;
	case CHANNEL_FINISH:
		p->finishing = true;
		break;
	default:
		break;
	}
}

void kp_on_channel(uv_poll_t *poll, int status, int events)
{
	struct keeper_process *p = poll->data;
	int rv;

	while ((rv = channel_receive(FD_CHANNEL, &p->msg)) == 0)
		on_packet(p, &p->msg);
	if (rv == YT_ENOTFOUND)
		_exit(0); /* the supervisor is gone: it takes its children with it */
	if (!p->started && p->generation != 0) {
		p->started = true; /* the supervisor names workers of a keeper before us first, then the generation */
		keeper_start(p->keeper);
	}
	kp_turn(p);
}
