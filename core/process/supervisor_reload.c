/* core/process/supervisor_reload.c - a configuration becomes the active one, at start and at SIGHUP.
 *
 *  - reload_begin() (reload.c)      the operator's file is copied and checked by a child, while everything goes on
 *  - on_checked()                   what only a restart changes is refused; the copy is written for children
 *  - CHANNEL_CHECK                  the keeper counts what is open and needs something that it drops
 *  - reload_answered(), activate()  sockets, a new generation of workers
 * A file that is signalled while an earlier one is still being checked takes its place. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/reload.h"
#include "process/meters.h"
#include "process/supervisor_parts.h"

void reload_path(char *path, size_t size, const struct conf *conf, uint32_t generation)
{
	snprintf(path, size, "%s/active-%u.yaml", conf->gateway.run_dir, generation);
}

void reload_remove(uint32_t generation)
{
	char path[512];

	reload_path(path, sizeof(path), sup.conf, generation);
	unlink(path);
}

/* A checked configuration that waits for the keeper's word is forgotten. */
void reload_drop(void)
{
	conf_free(sup.next_conf);
	sup.next_conf = NULL;
}

/* Held until we end: a second yitongd here would overwrite what our children read. */
static int lock_run_dir(const char *run_dir)
{
	char path[512];
	int fd;

	mkdir(run_dir, 0700);
	snprintf(path, sizeof(path), "%s/lock", run_dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (fd >= 0 && errno == EWOULDBLOCK)
		yt_log(YT_ERROR, "supervisor",
		        "another yitongd runs with run_dir %s: stop it, or give this one its own", run_dir);
	else
		yt_log(YT_ERROR, "supervisor", "%s cannot be locked: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return YT_ECONF;
}

/* What is left to be said against a file that checks; its copy is then at path.  0, or YT_ECONF after having said it.
 */
static int take_over(const struct conf *conf, int copy, const char *path)
{
	const char *key = sup.conf != NULL ? reload_needs_restart(sup.conf, conf) : NULL;

	if (sup.conf == NULL && lock_run_dir(conf->gateway.run_dir) != 0)
		return YT_ECONF; /* said why */
	if (key != NULL) {
		yt_log(YT_ERROR, "supervisor", "%s changes %s: that needs a restart", sup.conf_file, key);
		return YT_ECONF;
	}
	if (reload_write(copy, path) != 0) {
		yt_log(YT_ERROR, "supervisor", "cannot write %s: %s", path, strerror(errno));
		return YT_ECONF;
	}
	return 0;
}

/* A counter belongs to the listener or party of its place: another one there begins with nothing. */
static void renew_meters(const struct conf *old, const struct conf *conf)
{
	struct meters *m = meters_all();

	m->generation = sup.generation;
	for (uint32_t i = 0; old != NULL && i < METER_LISTENERS; i++) {
		bool same = i < old->n_listeners && i < conf->n_listeners &&
		            strcmp(old->listeners[i].name, conf->listeners[i].name) == 0;

		for (unsigned b = 0; b < METER_BLOCKS && !same && i < old->n_listeners; b++) {
			memset(m->block[b].requests[i], 0, sizeof(m->block[b].requests[i]));
			memset(&m->block[b].took[i], 0, sizeof(m->block[b].took[i]));
		}
	}
	for (uint32_t i = 0; old != NULL && i < METER_PARTIES; i++) {
		bool same = i < old->n_parties && i < conf->n_parties &&
		            strcmp(old->parties[i].name, conf->parties[i].name) == 0;

		for (unsigned b = 0; b < METER_BLOCKS && !same && i < old->n_parties; b++) {
			memset(m->block[b].legs[i], 0, sizeof(m->block[b].legs[i]));
			memset(&m->block[b].leg_took[i], 0, sizeof(m->block[b].leg_took[i]));
		}
	}
}

static void activate(struct conf *conf)
{
	struct slot *slots;
	struct conf *old = sup.conf;
	uint32_t s;

	if (sockets_bind(conf, &slots) != 0) {
		yt_log(YT_ERROR, "supervisor", "%s is not activated; generation %u stays active", sup.conf_file,
		        sup.generation);
		conf_free(conf);
		return;
	}
	if (old != NULL)
		sockets_close(sup.slots, sup.n_slots);
	sup.slots = slots;
	sup.n_slots = conf->gateway.workers;
	sup.conf = conf;
	sup.generation++;
	sup.announced = false;
	reload_path(sup.active_file, sizeof(sup.active_file), conf, sup.generation);
	yt_log_setup("yitongd", conf->gateway.log_level);
	process_guard(conf->gateway.profile);
	renew_meters(old, conf);
	for (s = 0; s < sup.n_slots; s++)
		worker_start(s);
	desk_renew();
	supervisor_tell_generation();
	conf_free(old);
}

void reload_answered(const struct channel_msg *msg)
{
	struct conf *conf = sup.next_conf;

	if (conf == NULL || msg->generation != sup.check_no)
		return; /* of a file that a newer one has replaced */
	sup.next_conf = NULL;
	if (msg->number == 0) {
		activate(conf);
		return;
	}
	if (msg->number == UINT64_MAX)
		yt_log(YT_ERROR, "supervisor", "the keeper cannot read its copy of %s; generation %u stays active",
		        sup.conf_file, sup.generation);
	else
		yt_log(YT_ERROR, "supervisor",
		        "%s is not activated: %llu open exchanges still need %.*s, which it drops; "
		        "generation %u stays active",
		        sup.conf_file, (unsigned long long)msg->number, (int)msg->n_text, msg->text, sup.generation);
	conf_free(conf);
}

static void ask_keeper(struct conf *conf, const char *path)
{
	if (!sup.keeper_ready) {
		yt_log(YT_ERROR, "supervisor",
		        "the keeper is not up, so what is open cannot be known; generation %u stays active, "
		        "reload later",
		        sup.generation);
		conf_free(conf);
		return;
	}
	sup.next_conf = conf;
	supervisor_begin_msg(CHANNEL_CHECK);
	sup.msg.generation = ++sup.check_no;
	sup.msg.n_text = (uint32_t)snprintf(sup.msg.text, sizeof(sup.msg.text), "%s", path);
	supervisor_tell();
}

/* The child is done with the file. */
static void on_checked(struct conf *conf, int copy)
{
	char path[512] = "";
	int rv = YT_ECONF;

	if (conf != NULL && !sup.stopping) {
		reload_path(path, sizeof(path), conf, sup.generation + 1);
		rv = take_over(conf, copy, path);
	}
	if (copy >= 0)
		close(copy);
	if (rv != 0) {
		conf_free(conf);
		if (sup.conf != NULL && !sup.stopping)
			yt_log(YT_ERROR, "supervisor", "%s is not used; generation %u stays active", sup.conf_file,
			        sup.generation);
	} else if (sup.conf == NULL) {
		activate(conf);
	} else {
		ask_keeper(conf, path);
	}
}

void reload_on_sighup(uv_signal_t *signal, int number)
{
	(void)signal, (void)number;
	if (sup.stopping)
		return;
	yt_log(YT_INFO, "supervisor", "reload: checking %s", sup.conf_file);
	if (workers_count(false) >= MEMBERS_MAX) {
		yt_log(YT_ERROR, "supervisor",
		        "%u workers of earlier configurations still drain; generation %u stays active, "
		        "reload later",
		        workers_count(false), sup.generation);
		return;
	}
	reload_drop(); /* a newer file counts, whatever the keeper says of the one before it */
	if (!sup.keeper_ready) {
		yt_log(YT_ERROR, "supervisor",
		        "the keeper is not up, so what is open cannot be known; generation %u stays active, "
		        "reload later",
		        sup.generation);
		return;
	}
	reload_begin(sup.conf_file, on_checked);
}

int reload_first(void)
{
	reload_begin(sup.conf_file, on_checked);
	while (reload_is_busy())
		uv_run(sup.loop, UV_RUN_ONCE);
	return sup.conf != NULL ? 0 : YT_ECONF;
}
