/* core/net/sftp.c - see sftp.h.  One connection at a time, in one thread; only sftp_stop() comes from another. */
#include "net/sftp.h"

#include <errno.h>
#include <fcntl.h>
#include <libssh2.h>
#include <libssh2_sftp.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATH_MAX_THERE = 1024, CHUNK = 32 * 1024 };

struct sftp {
	struct place place; /* first */
	char *host, *port, *user, *folder, *key_file, *known_hosts;
	uint32_t connect_ms, answer_ms;
	pthread_mutex_t lock; /* of the two below */
	int fd;
	bool stops;
	LIBSSH2_SESSION *session;
	LIBSSH2_SFTP *sftp;
};

/* ---- telling ---- */

/* Whether the server said no; else the connection is no good any more. */
static bool is_refusal(struct sftp *s)
{
	return s->session != NULL && libssh2_session_last_errno(s->session) == LIBSSH2_ERROR_SFTP_PROTOCOL;
}

static bool is_missing(struct sftp *s)
{
	unsigned long error = is_refusal(s) ? libssh2_sftp_last_error(s->sftp) : LIBSSH2_FX_OK;

	return error == LIBSSH2_FX_NO_SUCH_FILE || error == LIBSSH2_FX_NO_SUCH_PATH;
}

static const char *refusal_of(unsigned long error)
{
	switch (error) {
	case LIBSSH2_FX_NO_SUCH_FILE:
	case LIBSSH2_FX_NO_SUCH_PATH:
		return "no such file or folder";
	case LIBSSH2_FX_PERMISSION_DENIED:
	case LIBSSH2_FX_WRITE_PROTECT:
		return "permission denied";
	case LIBSSH2_FX_FILE_ALREADY_EXISTS:
		return "it is there already";
	case LIBSSH2_FX_NO_SPACE_ON_FILESYSTEM:
	case LIBSSH2_FX_QUOTA_EXCEEDED:
		return "no space left there";
	default:
		return "the server refuses";
	}
}

/* unsure: what to return when the connection broke. */
static int tell(struct sftp *s, const char *what, const char *name, int unsure, char why[DROP_WHY_MAX])
{
	char *text = NULL;

	if (is_refusal(s)) {
		snprintf(why, DROP_WHY_MAX, "%s cannot be %s there: %s", name, what,
		        refusal_of(libssh2_sftp_last_error(s->sftp)));
		return PLACE_FAILED;
	}
	if (s->session != NULL)
		libssh2_session_last_error(s->session, &text, NULL, 0);
	snprintf(why, DROP_WHY_MAX, "%s: the connection broke while it was %s: %s", name, what,
	        text != NULL && text[0] != '\0' ? text : "not connected");
	sftp_disconnect(s);
	return unsure;
}

/* ---- connecting ---- */

static int fail(struct sftp *s, char why[DROP_WHY_MAX], const char *what, const char *more)
{
	snprintf(why, DROP_WHY_MAX, "%s port %s: %s: %s", s->host, s->port, what, more);
	sftp_disconnect(s);
	return PLACE_FAILED;
}

static int fail_ssh(struct sftp *s, char why[DROP_WHY_MAX], const char *what)
{
	char *text = NULL, copy[160];

	if (s->session != NULL)
		libssh2_session_last_error(s->session, &text, NULL, 0);
	snprintf(copy, sizeof(copy), "%s", text != NULL ? text : "");
	return fail(s, why, what, copy);
}

/* The socket as sftp_stop() may reach it; false: it has been told to stop. */
static bool show_socket(struct sftp *s, int fd)
{
	bool goes_on;

	pthread_mutex_lock(&s->lock);
	s->fd = fd;
	goes_on = !s->stops;
	pthread_mutex_unlock(&s->lock);
	return goes_on;
}

static int finish_connect(int fd, uint32_t ms)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int error = 0, n = poll(&p, 1, (int)ms);
	socklen_t size = sizeof(error);

	if (n == 0)
		return ETIMEDOUT;
	if (n < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
		return errno;
	return error;
}

static int connect_one(struct sftp *s, const struct addrinfo *a)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;

	if (fd < 0)
		return errno;
	if (!show_socket(s, fd))
		error = ECANCELED;
	else if (connect(fd, a->ai_addr, a->ai_addrlen) != 0)
		error = errno == EINPROGRESS ? finish_connect(fd, s->connect_ms) : errno;
	if (error == 0)
		return 0;
	show_socket(s, -1);
	close(fd);
	return error;
}

static int connect_socket(struct sftp *s, char why[DROP_WHY_MAX])
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *all = NULL;
	int error = getaddrinfo(s->host, s->port, &hints, &all);

	if (error != 0)
		return fail(s, why, "cannot find it", gai_strerror(error));
	error = ECONNREFUSED;
	for (const struct addrinfo *a = all; a != NULL; a = a->ai_next) {
		error = connect_one(s, a);
		if (error == 0 || error == ECANCELED)
			break;
	}
	freeaddrinfo(all);
	return error == 0 ? 0 : fail(s, why, "cannot connect", strerror(error));
}

/* The kinds of host keys that we know of this host are asked for before others. */
static int check_host(struct sftp *s, char why[DROP_WHY_MAX])
{
	LIBSSH2_KNOWNHOSTS *known = libssh2_knownhost_init(s->session);
	size_t n = 0;
	int type, found = LIBSSH2_KNOWNHOST_CHECK_FAILURE, port = atoi(s->port);
	const char *key = libssh2_session_hostkey(s->session, &n, &type);

	if (known == NULL || key == NULL)
		return fail(s, why, "cannot check its host key", "out of memory");
	if (libssh2_knownhost_readfile(known, s->known_hosts, LIBSSH2_KNOWNHOST_FILE_OPENSSH) < 0) {
		libssh2_knownhost_free(known);
		return fail(s, why, "known_hosts cannot be read", s->known_hosts);
	}
	found = libssh2_knownhost_checkp(
	        known, s->host, port, key, n, LIBSSH2_KNOWNHOST_TYPE_PLAIN | LIBSSH2_KNOWNHOST_KEYENC_RAW, NULL);
	libssh2_knownhost_free(known);
	if (found == LIBSSH2_KNOWNHOST_CHECK_MATCH)
		return 0;
	return fail(s, why, "its host key is not believed",
	        found == LIBSSH2_KNOWNHOST_CHECK_MISMATCH
	                ? "another one stands in known_hosts; has somebody come in between, or has the party a new one?"
	                : "it does not stand in known_hosts: ask the party for it, and compare");
}

static void prefer_known_keys(struct sftp *s)
{
	static const char *const kinds[] = { "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
		"ecdsa-sha2-nistp521", "ssh-rsa" };
	char prefer[200] = "", line[4096], *end;
	FILE *file = fopen(s->known_hosts, "re");

	for (unsigned known = 2; known-- > 0;) { /* those in the file first, then the others */
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
			bool is_there = false;

			if (file != NULL)
				rewind(file);
			while (file != NULL && !is_there && fgets(line, sizeof(line), file) != NULL)
				is_there = (end = strstr(line, kinds[i])) != NULL && end != line;
			if (is_there == (known == 1)) {
				strncat(prefer, prefer[0] != '\0' ? "," : "", sizeof(prefer) - strlen(prefer) - 1);
				strncat(prefer, kinds[i], sizeof(prefer) - strlen(prefer) - 1);
			}
		}
	}
	if (file != NULL)
		fclose(file);
	(void)libssh2_session_method_pref(s->session, LIBSSH2_METHOD_HOSTKEY, prefer);
}

static void init_library(void)
{
	YT_REQUIRE(libssh2_init(0) == 0);
}

int sftp_connect(struct sftp *s, char why[DROP_WHY_MAX])
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int rv;

	pthread_once(&once, init_library);
	sftp_disconnect(s);
	rv = connect_socket(s, why);
	if (rv != 0)
		return rv;
	s->session = libssh2_session_init();
	if (s->session == NULL)
		return fail(s, why, "cannot begin", "out of memory");
	libssh2_session_set_timeout(s->session, (long)s->connect_ms);
	prefer_known_keys(s);
	if (libssh2_session_handshake(s->session, s->fd) != 0)
		return fail_ssh(s, why, "no SSH there");
	rv = check_host(s, why);
	if (rv != 0)
		return rv;
	if (libssh2_userauth_publickey_fromfile_ex(
	            s->session, s->user, (unsigned)strlen(s->user), NULL, s->key_file, NULL) != 0)
		return fail_ssh(s, why, "it does not take our key");
	s->sftp = libssh2_sftp_init(s->session);
	if (s->sftp == NULL)
		return fail_ssh(s, why, "it has no SFTP for us");
	libssh2_session_set_timeout(s->session, (long)s->answer_ms);
	return 0;
}

void sftp_disconnect(struct sftp *s)
{
	int fd = s->fd;

	if (s->session != NULL) {
		libssh2_session_set_timeout(s->session, 1000); /* a goodbye is no reason to wait */
		if (s->sftp != NULL)
			libssh2_sftp_shutdown(s->sftp);
		libssh2_session_disconnect(s->session, "done");
		libssh2_session_free(s->session);
	}
	s->session = NULL;
	s->sftp = NULL;
	show_socket(s, -1);
	if (fd >= 0)
		close(fd);
}

void sftp_stop(struct sftp *s)
{
	pthread_mutex_lock(&s->lock);
	s->stops = true;
	if (s->fd >= 0)
		shutdown(s->fd, SHUT_RDWR);
	pthread_mutex_unlock(&s->lock);
}

/* ---- files ---- */

static void path_of(const struct sftp *s, const char *folder, const char *name, char path[PATH_MAX_THERE])
{
	snprintf(path, PATH_MAX_THERE, "%s/%s/%s", s->folder, folder, name);
}

static LIBSSH2_SFTP_HANDLE *open_there(struct sftp *s, const char *path, unsigned long flags)
{
	return s->sftp == NULL ? NULL
	                       : libssh2_sftp_open_ex(
	                                 s->sftp, path, (unsigned)strlen(path), flags, 0640, LIBSSH2_SFTP_OPENFILE);
}

/* Appends a whole file; -1 as libssh2 says. */
static int read_whole(LIBSSH2_SFTP_HANDLE *file, size_t most, struct yt_buf *out)
{
	size_t from = out->n;
	ssize_t n;

	do {
		uint8_t *p = yt_buf_room(out, CHUNK);

		if (p == NULL)
			return -1;
		n = libssh2_sftp_read(file, (char *)p, CHUNK);
		out->n -= CHUNK - (n > 0 ? (size_t)n : 0);
	} while (n > 0 && out->n - from <= most);
	return n < 0 ? -1 : 0;
}

static int sftp_look(struct place *place, const char *name, struct yt_str octets, char why[DROP_WHY_MAX])
{
	struct sftp *s = (struct sftp *)place;
	LIBSSH2_SFTP_ATTRIBUTES is;
	LIBSSH2_SFTP_HANDLE *file;
	char path[PATH_MAX_THERE];
	struct yt_buf there = { 0 };
	int rv;

	path_of(s, "out", name, path);
	if (s->sftp == NULL || libssh2_sftp_stat_ex(s->sftp, path, (unsigned)strlen(path), LIBSSH2_SFTP_STAT, &is) != 0)
		return is_missing(s) ? 0 : tell(s, "looked for", path, PLACE_FAILED, why);
	if ((is.flags & LIBSSH2_SFTP_ATTR_SIZE) != 0 && is.filesize != octets.n)
		return 2;
	file = open_there(s, path, LIBSSH2_FXF_READ);
	if (file == NULL && is_refusal(s) && libssh2_sftp_last_error(s->sftp) == LIBSSH2_FX_PERMISSION_DENIED)
		return 1; /* a letter box: name and size are all that it tells */
	if (file == NULL)
		return tell(s, "read", path, PLACE_FAILED, why);
	rv = read_whole(file, octets.n, &there);
	if (rv == 0)
		rv = yt_str_eq(yt_buf_view(&there), octets) ? 1 : 2;
	else
		rv = tell(s, "read", path, PLACE_FAILED, why);
	yt_buf_free(&there);
	if (s->sftp != NULL)
		libssh2_sftp_close(file);
	return rv;
}

/* fsync is an extension of OpenSSH; a server without it has done what it can when it closes the file. */
static bool is_durable(struct sftp *s, LIBSSH2_SFTP_HANDLE *file)
{
	return libssh2_sftp_fsync(file) == 0 ||
	       (is_refusal(s) && libssh2_sftp_last_error(s->sftp) == LIBSSH2_FX_OP_UNSUPPORTED);
}

static int sftp_write(struct place *place, const char *name, struct yt_str octets, char why[DROP_WHY_MAX])
{
	struct sftp *s = (struct sftp *)place;
	char path[PATH_MAX_THERE];
	LIBSSH2_SFTP_HANDLE *file;
	bool is_written;

	path_of(s, "out", name, path);
	file = open_there(s, path, LIBSSH2_FXF_WRITE | LIBSSH2_FXF_CREAT | LIBSSH2_FXF_TRUNC);
	if (file == NULL)
		return tell(s, "written", path, PLACE_FAILED, why);
	while (octets.n > 0) {
		ssize_t n = libssh2_sftp_write(file, octets.p, octets.n);

		if (n < 0)
			break;
		octets.p += n;
		octets.n -= (size_t)n;
	}
	is_written = octets.n == 0 && is_durable(s, file);
	if (is_written)
		return libssh2_sftp_close(file) == 0 ? 0 : tell(s, "written", path, PLACE_FAILED, why);
	tell(s, "written", path, PLACE_FAILED, why);
	if (s->sftp != NULL)
		libssh2_sftp_close(file);
	return PLACE_FAILED;
}

/* OpenSSH never renames over a file: it links the new name and then removes the old one.  Its own word for a rename in
 * one step is not in libssh2 of Debian 12.  Where a server does replace a file, drop_put.c has looked before. */
static int sftp_rename(struct place *place, const char *from, const char *to, char why[DROP_WHY_MAX])
{
	struct sftp *s = (struct sftp *)place;
	char old[PATH_MAX_THERE], new[PATH_MAX_THERE];

	path_of(s, "out", from, old);
	path_of(s, "out", to, new);
	if (s->sftp == NULL)
		return tell(s, "named", new, PLACE_FAILED, why); /* nothing was said to it */
	if (libssh2_sftp_rename_ex(s->sftp, old, (unsigned)strlen(old), new, (unsigned)strlen(new), 0) != 0)
		return tell(s, "named", new, PLACE_UNSURE, why);
	return 0;
}

static int sftp_remove(struct place *place, const char *name, char why[DROP_WHY_MAX])
{
	struct sftp *s = (struct sftp *)place;
	char path[PATH_MAX_THERE];

	path_of(s, "out", name, path);
	if (s->sftp == NULL || libssh2_sftp_unlink_ex(s->sftp, path, (unsigned)strlen(path)) != 0)
		return is_missing(s) ? 0 : tell(s, "removed", path, PLACE_UNSURE, why);
	return 0;
}

/* The protocol has no word for it. */
static int sftp_sync(struct place *place, char why[DROP_WHY_MAX])
{
	return 0;
}

struct place *sftp_place(struct sftp *s)
{
	return &s->place;
}

/* ---- fetching ---- */

static bool is_wanted(const char *name, const LIBSSH2_SFTP_ATTRIBUTES *is)
{
	return files_name_is_plain(yt_str(name)) && !files_name_is_unfinished(name) &&
	       ((is->flags & LIBSSH2_SFTP_ATTR_PERMISSIONS) == 0 || LIBSSH2_SFTP_S_ISREG(is->permissions));
}

int sftp_list(struct sftp *s, struct sftp_entry **entry, size_t *n, char why[DROP_WHY_MAX])
{
	struct sftp_entry *all = calloc(SFTP_LISTED_MAX, sizeof(*all));
	LIBSSH2_SFTP_HANDLE *dir = NULL;
	LIBSSH2_SFTP_ATTRIBUTES is;
	char path[PATH_MAX_THERE], name[256];
	int rv = all != NULL ? 1 : 0;

	*n = 0;
	snprintf(path, sizeof(path), "%s/in", s->folder);
	if (all != NULL && s->sftp != NULL)
		dir = libssh2_sftp_open_ex(s->sftp, path, (unsigned)strlen(path), 0, 0, LIBSSH2_SFTP_OPENDIR);
	while (dir != NULL && *n < SFTP_LISTED_MAX &&
	        (rv = libssh2_sftp_readdir_ex(dir, name, sizeof(name) - 1, NULL, 0, &is)) > 0) {
		name[rv < (int)sizeof(name) ? rv : (int)sizeof(name) - 1] = '\0';
		if (!is_wanted(name, &is))
			continue;
		snprintf(all[*n].name, sizeof(all[*n].name), "%.*s", FILES_NAME_MAX, name);
		all[*n].size = (is.flags & LIBSSH2_SFTP_ATTR_SIZE) != 0 ? is.filesize : 0;
		all[(*n)++].changed_s = (is.flags & LIBSSH2_SFTP_ATTR_ACMODTIME) != 0 ? is.mtime : 0;
	}
	*entry = all;
	if (dir != NULL && rv >= 0) {
		libssh2_sftp_closedir(dir);
		return 0;
	}
	free(all);
	*entry = NULL;
	return tell(s, "listed", path, PLACE_FAILED, why);
}

static int too_large(const char *path, size_t most, char why[DROP_WHY_MAX])
{
	snprintf(why, DROP_WHY_MAX, "%.200s has more than %zu octets (response_kib)", path, most);
	return PLACE_FAILED;
}

int sftp_get(struct sftp *s, const char *name, size_t most, struct yt_buf *out, char why[DROP_WHY_MAX])
{
	char path[PATH_MAX_THERE];
	LIBSSH2_SFTP_HANDLE *file;
	size_t from = out->n;
	int rv;

	path_of(s, "in", name, path);
	file = open_there(s, path, LIBSSH2_FXF_READ);
	if (file == NULL)
		return tell(s, "read", path, PLACE_FAILED, why);
	rv = read_whole(file, most, out);
	if (rv != 0)
		rv = tell(s, "read", path, PLACE_FAILED, why);
	else if (out->n - from > most)
		rv = too_large(path, most, why);
	if (rv != 0)
		out->n = from;
	if (s->sftp != NULL)
		libssh2_sftp_close(file);
	return rv;
}

/* ---- life ---- */

struct sftp *sftp_new(const struct sftp_conf *conf)
{
	struct sftp *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->place = (struct place){ sftp_look, sftp_write, sftp_rename, sftp_remove, sftp_sync, true };
	s->host = strdup(conf->host);
	s->port = strdup(conf->port);
	s->user = strdup(conf->user);
	s->folder = strdup(conf->folder);
	s->key_file = strdup(conf->key_file);
	s->known_hosts = strdup(conf->known_hosts);
	s->connect_ms = conf->connect_ms;
	s->answer_ms = conf->answer_ms;
	s->fd = -1;
	pthread_mutex_init(&s->lock, NULL);
	if (s->host != NULL && s->port != NULL && s->user != NULL && s->folder != NULL && s->key_file != NULL &&
	        s->known_hosts != NULL)
		return s;
	sftp_free(s);
	return NULL;
}

void sftp_free(struct sftp *s)
{
	if (s == NULL)
		return;
	sftp_disconnect(s);
	pthread_mutex_destroy(&s->lock);
	free(s->host);
	free(s->port);
	free(s->user);
	free(s->folder);
	free(s->key_file);
	free(s->known_hosts);
	free(s);
}
