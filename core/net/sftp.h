/* core/net/sftp.h - one party's folder over SSH (SFTP): put there, listed, fetched from; blocks, for drop.c's thread.
 *
 * The party's host key must stand in a known_hosts file, ours is a private key without a passphrase; passwords are not
 * spoken.  libssh2 of Debian 12 signs with Ed25519 and ECDSA keys, which servers of today take; not so with its RSA. */
#ifndef YT_NET_SFTP_H
#define YT_NET_SFTP_H

#include "net/drop_put.h"
#include "net/files.h"

#define SFTP_LISTED_MAX 10000

struct sftp_conf {
	const char *host, *port, *user;
	const char *folder;      /* over there, "/bank": has the folders out (we put) and in (we fetch) */
	const char *key_file;    /* ours, as ssh-keygen writes it */
	const char *known_hosts; /* as ssh has it */
	uint32_t connect_ms;     /* to be connected, and signed in */
	uint32_t answer_ms;      /* for each step after that */
};

struct sftp;
struct sftp *sftp_new(const struct sftp_conf *conf); /* copied; NULL: out of memory */
void sftp_free(struct sftp *sftp);                   /* NULL is fine */
/* 0, or PLACE_FAILED with why. */
int sftp_connect(struct sftp *sftp, char why[DROP_WHY_MAX]);
void sftp_disconnect(struct sftp *sftp);
/* From any thread: what is going on there fails soon, and so does each later connect. */
void sftp_stop(struct sftp *sftp);

/* The folder out, while connected. */
struct place *sftp_place(struct sftp *sftp);

struct sftp_entry {
	char name[FILES_NAME_MAX + 1];
	uint64_t size;
	uint64_t changed_s;
};
/* The files of `in` whose names are plain: *entry is the caller's to free.  0, or PLACE_FAILED with why. */
int sftp_list(struct sftp *sftp, struct sftp_entry **entry, size_t *n, char why[DROP_WHY_MAX]);
/* Appends a file of `in`, at most most octets.  0, or PLACE_FAILED with why; out is then as before. */
int sftp_get(struct sftp *sftp, const char *name, size_t most, struct yt_buf *out, char why[DROP_WHY_MAX]);

#endif
