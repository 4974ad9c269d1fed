/* core/process/conf_files.c - listeners and counterparts that are folders: what goes with such listeners
 * (conf_parties.c has it for counterparts), and whether the folders can be used.
 *
 * conf_check.c calls conf_check_folder() for each such listener, conf_plugins.c conf_check_folders() when files may be
 * looked at. */
#include "base/words.h"
#include "process/conf_parts.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void conf_check_folder(const struct conf *conf, const struct conf_listener *l, struct conf_errors *errors)
{
	const char *name = l->name == NULL ? "" : l->name;
	const char *extra = l->address != NULL     ? "address"
	                    : l->port != 0         ? "port"
	                    : l->cert != NULL      ? "cert"
	                    : l->key != NULL       ? "key"
	                    : l->client_ca != NULL ? "client_ca"
	                    : l->crl != NULL       ? "crl"
	                    : l->allow.n > 0       ? "allow"
	                    : l->paths.n > 0       ? "paths"
	                                           : NULL;
	bool is_known = false;

	for (uint32_t i = 0; l->origin != NULL && i < conf->n_origins; i++)
		is_known = is_known || (conf->origins[i].name != NULL && strcmp(conf->origins[i].name, l->origin) == 0);
	if (extra != NULL)
		conf_error_add(errors, l->place.line, l->place.column,
		        "listener %s is a folder, nothing connects to it: remove %s", name, extra);
	if (l->path == NULL || l->origin == NULL)
		conf_error_add(errors, l->place.line, l->place.column, "listener %s is a folder and needs %s", name,
		        l->path == NULL ? "path" : "origin");
	else if (!is_known)
		conf_error_add(errors, l->place.line, l->place.column,
		        "listener %s: no origin is called \"%s\": add it to origins", name, l->origin);
	for (uint32_t i = 0; l->path != NULL && i < conf->n_listeners && &conf->listeners[i] != l; i++)
		if (conf->listeners[i].path != NULL && strcmp(conf->listeners[i].path, l->path) == 0)
			conf_error_add(errors, l->place.line, l->place.column,
			        "listener %s has the path of another on line %u: give each its own", name,
			        (unsigned)conf->listeners[i].place.line);
}

bool conf_is_by_folder(const struct conf *conf, const struct conf_origin *origin)
{
	for (uint32_t i = 0; origin->name != NULL && i < conf->n_listeners; i++)
		if (conf->listeners[i].origin != NULL && strcmp(conf->listeners[i].origin, origin->name) == 0)
			return true;
	return false;
}

/* One of the folders below path; *device: that of those before it, 0: none yet. */
static void check_below(
        const char *path, const char *name, struct conf_place at, dev_t *device, struct conf_errors *errors)
{
	uint32_t before = errors->n_errors;
	char whole[512];
	struct stat st;

	snprintf(whole, sizeof(whole), "%.255s/%s", path, name);
	conf_check_file(whole, CONF_T_FOLDER, at, name, errors);
	if (errors->n_errors > before)
		return;
	if (access(whole, W_OK) != 0)
		conf_error_add(errors, at.line, at.column,
		        "%s: may not write into \"%.255s\": give it to the user the gateway runs as", name, whole);
	if (stat(whole, &st) != 0)
		return;
	if (*device != 0 && *device != st.st_dev)
		conf_error_add(errors, at.line, at.column,
		        "%s: \"%.255s\" lies on another file system than the folders beside it: files are moved between them",
		        name, whole);
	*device = st.st_dev;
}

void conf_check_folders(const struct conf *conf, struct conf_errors *errors)
{
	static const char *const inbound[] = { "in", "taken", "done", "refused", NULL };
	static const char *const outbound[] = { "out", "sent", NULL }, *const spooled[] = { "sent", "in", "fetched",
		NULL };

	for (uint32_t i = 0; i < conf->n_listeners; i++) {
		const struct conf_listener *l = &conf->listeners[i];
		dev_t device = 0;

		for (const char *const *name = inbound; l->kind == CONF_FOLDER && *name != NULL; name++)
			check_below(l->path, *name, l->place, &device, errors);
	}
	for (uint32_t i = 0; i < conf->n_parties; i++) {
		const struct conf_party *p = &conf->parties[i];
		const char *const *name = p->kind == CONF_SFTP ? spooled : outbound;

		for (; conf_party_is_files(p) && *name != NULL; name++) {
			dev_t device = 0; /* nothing moves between them */

			check_below(p->kind == CONF_SFTP ? p->spool : p->folder, *name, p->place, &device, errors);
		}
	}
}
