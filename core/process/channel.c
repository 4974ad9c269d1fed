/* core/process/channel.c - packets with descriptors between supervisor and keeper; see channel.h. */
#include "process/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define HEAD offsetof(struct channel_msg, fds)

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * CHANNEL_FDS)];
};

int channel_send(int fd, const struct channel_msg *msg)
{
	struct iovec iov[2] = { { (void *)(uintptr_t)msg, HEAD }, { (void *)(uintptr_t)msg->text, msg->n_text } };
	union control control;
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;

	if (msg->n_fds > 0) {
		struct cmsghdr *c;

		memset(&control, 0, sizeof(control));
		m.msg_control = control.bytes;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * msg->n_fds);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * msg->n_fds);
		memcpy(CMSG_DATA(c), msg->fds, sizeof(int) * msg->n_fds);
	}
	do {
		n = sendmsg(fd, &m, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EPIPE || errno == ECONNRESET || errno == EMSGSIZE ? YT_EIO : YT_EAGAIN;
	return 0;
}

static void take_fds(struct channel_msg *msg, struct msghdr *m)
{
	struct cmsghdr *c;

	msg->n_fds = 0;
	for (c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		msg->n_fds = (uint32_t)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(msg->fds, CMSG_DATA(c), sizeof(int) * msg->n_fds);
	}
}

int channel_receive(int fd, struct channel_msg *msg)
{
	struct iovec iov[2] = { { msg, HEAD }, { msg->text, sizeof(msg->text) } };
	union control control;
	struct msghdr m = {
		.msg_iov = iov, .msg_iovlen = 2, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)
	};
	ssize_t n;

	do {
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? YT_EAGAIN : YT_ENOTFOUND;
	if (n == 0)
		return YT_ENOTFOUND;
	if ((size_t)n < HEAD)
		return YT_ECORRUPT;
	msg->n_text = (uint32_t)((size_t)n - HEAD);
	take_fds(msg, &m);
	return 0;
}
