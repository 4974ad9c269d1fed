/* core/process/supervisor_sockets.c - the sockets that listeners listen on.
 *
 * The supervisor binds one per listener and worker slot (SO_REUSEPORT); a worker gets those of its slot, and the next
 * worker of that slot the same ones, so that a worker that died leaves its queue to it. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "process/supervisor_parts.h"

/* is_shared: with our other workers.  Without it another process that listens there is noticed; that one may share its
 * port as we do, and each of us would get some of the connections. */
static int bind_one(const struct conf_listener *l, uint32_t port, bool is_shared)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_PASSIVE }, *found = NULL;
	char service[16];
	int fd = -1, one = 1, shared = is_shared;

	snprintf(service, sizeof(service), "%u", port);
	if (getaddrinfo(l->address, service, &hints, &found) != 0)
		return -1;
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
	                       setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &shared, sizeof(shared)) != 0 ||
	                       bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, 1024) != 0)) {
		close(fd);
		fd = -1;
	}
	freeaddrinfo(found);
	return fd;
}

static uint32_t port_of(int fd)
{
	struct sockaddr_storage address;
	socklen_t n = sizeof(address);
	char service[16];

	if (getsockname(fd, (struct sockaddr *)&address, &n) != 0 ||
	        getnameinfo((struct sockaddr *)&address, n, NULL, 0, service, sizeof(service), NI_NUMERICSERV) != 0)
		return 0;
	return (uint32_t)strtoul(service, NULL, 10);
}

static int cannot_listen(const struct conf_listener *l, uint32_t port)
{
	yt_log(YT_ERROR, "supervisor", "listener %s: cannot listen on %s port %u: %s", l->name, l->address, port,
	        strerror(errno));
	return YT_ECONF;
}

/* One socket per slot, so that a worker that died leaves its queue to the next one. */
static int bind_listener(const struct conf *conf, uint32_t i, struct slot *slots, uint32_t n_slots)
{
	const struct conf_listener *l = &conf->listeners[i];
	uint32_t port = l->port, s;
	int alone = bind_one(l, port, false);

	if (alone < 0)
		return cannot_listen(l, port);
	close(alone);
	for (s = 0; s < n_slots; s++) {
		slots[s].fds[i] = bind_one(l, port, true);
		if (slots[s].fds[i] < 0)
			return cannot_listen(l, port);
		port = port_of(slots[s].fds[i]);
	}
	yt_log(YT_INFO, "supervisor", "listener %s on %s port %u", l->name, l->address, port);
	return 0;
}

static bool same_socket(const struct conf_listener *a, const struct conf_listener *b)
{
	return a->kind != CONF_FOLDER && strcmp(a->address, b->address) == 0 && a->port == b->port;
}

static struct slot *new_slots(uint32_t n)
{
	struct slot *slots = calloc(n, sizeof(*slots));
	uint32_t s, i;

	YT_REQUIRE(slots != NULL);
	for (s = 0; s < n; s++) {
		for (i = 0; i < LISTENERS_MAX; i++)
			slots[s].fds[i] = -1;
	}
	return slots;
}

void sockets_shut(struct slot *slots, uint32_t n)
{
	uint32_t s, i;

	for (s = 0; s < n; s++) {
		for (i = 0; i < LISTENERS_MAX; i++) {
			if (slots[s].fds[i] >= 0)
				close(slots[s].fds[i]);
			slots[s].fds[i] = -1;
		}
	}
}

void sockets_close(struct slot *slots, uint32_t n)
{
	sockets_shut(slots, n);
	free(slots);
}

/* Sockets for a configuration: those that stay are taken over, so that no connection is refused. */
int sockets_bind(const struct conf *conf, struct slot **out)
{
	struct slot *slots = new_slots(conf->gateway.workers);
	uint32_t i, j, s;

	YT_REQUIRE(conf->n_listeners <= LISTENERS_MAX);
	for (i = 0; i < conf->n_listeners; i++) {
		if (conf->listeners[i].kind == CONF_FOLDER)
			continue;
		for (j = 0; sup.conf != NULL && j < sup.conf->n_listeners; j++) {
			if (same_socket(&sup.conf->listeners[j], &conf->listeners[i]))
				break;
		}
		if (sup.conf == NULL || j == sup.conf->n_listeners) {
			if (bind_listener(conf, i, slots, conf->gateway.workers) != 0)
				goto fail;
			continue;
		}
		for (s = 0; s < conf->gateway.workers; s++) {
			slots[s].fds[i] = s < sup.n_slots
			                          ? fcntl(sup.slots[s].fds[j], F_DUPFD_CLOEXEC, 0)
			                          : bind_one(&conf->listeners[i], port_of(sup.slots[0].fds[j]), true);
			if (slots[s].fds[i] < 0) {
				yt_log(YT_ERROR, "supervisor", "listener %s: no socket for worker %u: %s",
				        conf->listeners[i].name, s, strerror(errno));
				goto fail;
			}
		}
	}
	*out = slots;
	return 0;
fail:
	sockets_close(slots, conf->gateway.workers);
	return YT_ECONF;
}
