/* core/process/control_ask.c - asks the running keeper one thing over its control socket: for `yitong` and the desk. */
#include "process/control_ask.h"
#include "base/words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_to(const char *run_dir, int *out, char *why, size_t size)
{
	const struct timeval limit = { CONTROL_TIMEOUT_MS / 1000, CONTROL_TIMEOUT_MS % 1000 * 1000 };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/" CONTROL_SOCKET, run_dir);

	if (n < 0 || (size_t)n >= sizeof(address.sun_path)) {
		snprintf(why, size, _("gateway.run_dir is too long for a socket: %s"), run_dir);
		return YT_ECONF;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		snprintf(why, size, _("no socket: %s"), _(strerror(errno)));
		return YT_EIO;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		bool is_absent = errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR;

		snprintf(why, size,
		        is_absent ? _("the gateway is not running: nothing listens at %s") : _("cannot connect to %s"),
		        address.sun_path);
		if (!is_absent)
			snprintf(why + strlen(why), size - strlen(why), _(" (%s): run this as the gateway's user"),
			        _(strerror(errno)));
		close(fd);
		return is_absent ? YT_ENOTFOUND : YT_EDENIED;
	}
	*out = fd;
	return 0;
}

static int send_all(int fd, struct yt_str bytes)
{
	while (bytes.n > 0) {
		ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);

		if (n <= 0)
			return YT_EIO;
		bytes.p += n;
		bytes.n -= (size_t)n;
	}
	return 0;
}

/* Reads up to and without the line end. */
static int receive_line(int fd, struct yt_buf *line)
{
	while (line->n == 0 || memchr(line->p, '\n', line->n) == NULL) {
		size_t before = line->n;
		uint8_t *room = line->n > CONTROL_LINE_MAX ? NULL : yt_buf_room(line, 4096);
		ssize_t n = room == NULL ? 0 : recv(fd, room, 4096, 0);

		line->n = before + (n > 0 ? (size_t)n : 0);
		if (n <= 0)
			return YT_EIO;
	}
	line->n = (size_t)((uint8_t *)memchr(line->p, '\n', line->n) - line->p);
	return 0;
}

static int read_answer(struct yt_str line, struct yt_arena *arena, struct yt_node **answer, char *why, size_t size)
{
	struct yt_str copy = yt_arena_copy(arena, line); /* the tree points into it */
	struct yt_node *root = NULL;
	const struct yt_node *ok;

	if (copy.p == NULL)
		return YT_ENOMEM;
	if (yt_json_read(arena, copy, NULL, &root, NULL) != 0 || root->kind != YT_OBJECT ||
	        (ok = yt_node_get(root, "ok")) == NULL || ok->kind != YT_BOOL) {
		snprintf(why, size, "%s",
		        _("the gateway's answer cannot be read: is it of the same version as this command?"));
		return YT_EFORMAT;
	}
	if (!yt_str_is(ok->text, "true")) {
		snprintf(why, size, _("the gateway refused: %s"), control_words(root, "error"));
		return YT_EDENIED;
	}
	*answer = root;
	return 0;
}

int control_ask(const char *run_dir, struct yt_str request, struct yt_arena *arena, struct yt_node **answer, char *why,
        size_t size)
{
	struct yt_buf line = { 0 };
	int fd = -1, rv = connect_to(run_dir, &fd, why, size);

	if (rv != 0)
		return rv;
	rv = send_all(fd, request);
	if (rv == 0)
		rv = send_all(fd, YT_STR("\n"));
	if (rv == 0)
		rv = receive_line(fd, &line);
	if (rv != 0)
		snprintf(why, size, "%s", _("the gateway does not answer: see its log"));
	else
		rv = read_answer(yt_buf_view(&line), arena, answer, why, size);
	close(fd);
	yt_buf_free(&line);
	return rv;
}

const struct yt_node *control_node(const struct yt_node *answer, const char *path)
{
	char name[32];

	while (answer != NULL && *path != '\0') {
		size_t n = strcspn(path, ".");

		snprintf(name, sizeof(name), "%.*s", (int)n, path);
		answer = yt_node_get(answer, name);
		path += n + (path[n] == '.');
	}
	return answer;
}

struct yt_str control_text(const struct yt_node *answer, const char *path)
{
	const struct yt_node *node = control_node(answer, path);

	if (node == NULL || node->kind == YT_OBJECT || node->kind == YT_ARRAY)
		return (struct yt_str){ "", 0 };
	return node->text;
}

const char *control_words(const struct yt_node *answer, const char *path)
{
	static char text[400];

	snprintf(text, sizeof(text), "%.*s", YT_FMT(control_text(answer, path)));
	return _(text);
}

uint64_t control_number(const struct yt_node *answer, const char *path)
{
	struct yt_str text = control_text(answer, path);
	char digits[24];

	snprintf(digits, sizeof(digits), "%.*s", YT_FMT(text));
	return strtoull(digits, NULL, 10);
}
