/* core/net/drop_fetch.c - see drop_fetch.h.
 *
 * A file that changes over there is another file: it comes again, and P2 says whether its message does.  A crash
 * between the file and its receipt brings the same file twice, which changes nothing either. */
#include "net/drop_fetch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

struct folders {
	int in, fetched;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct sftp_entry *)a)->name, ((const struct sftp_entry *)b)->name);
}

static bool was_so(const struct drop_fetch *f, const struct sftp_entry *e)
{
	const struct sftp_entry *before = f->n > 0 ? bsearch(e, f->entry, f->n, sizeof(*f->entry), by_name) : NULL;

	return before != NULL && before->size == e->size && before->changed_s == e->changed_s;
}

static size_t receipt_of(const struct sftp_entry *e, char out[80])
{
	return (size_t)snprintf(out, 80, "%llu octets, changed at %llu\n", (unsigned long long)e->size,
	        (unsigned long long)e->changed_s);
}

static bool has_receipt(const struct folders *to, const struct sftp_entry *e)
{
	char receipt[80];
	size_t n = receipt_of(e, receipt);

	return files_hold(to->fetched, e->name, (struct yt_str){ receipt, n }) == 1;
}

/* Under a name that nobody takes first, so that it appears whole, over one of that name that was not taken yet. */
static int write_whole(int folder, const char *name, struct yt_str octets)
{
	char part[FILES_NAME_MAX + 8];
	int rv;

	snprintf(part, sizeof(part), ".%s.part", name);
	rv = files_write(folder, part, octets);
	if (rv == 0 && renameat(folder, part, folder, name) != 0)
		rv = -errno;
	return rv != 0 ? rv : files_sync(folder);
}

/* 1: it came; 0: not now; -1: nothing more comes, with why. */
static int bring(
        struct sftp *sftp, const struct folders *to, const struct sftp_entry *e, size_t most, char why[DROP_WHY_MAX])
{
	struct yt_buf octets = { 0 };
	char receipt[80];
	int rv;

	if (sftp_get(sftp, e->name, most, &octets, why) != 0) {
		yt_log(YT_WARN, "net", "%s", why); /* this one alone, or the connection: the next one tells */
		yt_buf_free(&octets);
		return 0;
	}
	if (octets.n != e->size) { /* it grows */
		yt_buf_free(&octets);
		return 0;
	}
	rv = write_whole(to->in, e->name, yt_buf_view(&octets));
	if (rv == 0)
		rv = write_whole(to->fetched, e->name, (struct yt_str){ receipt, receipt_of(e, receipt) });
	yt_buf_free(&octets);
	if (rv == 0)
		return 1;
	snprintf(why, DROP_WHY_MAX, "%s cannot be kept here: %s", e->name, strerror(-rv));
	return -1;
}

/* Receipts of what is not there any more. */
static void forget_gone(const struct folders *to, const struct sftp_entry *entry, size_t n)
{
	int fd = openat(to->fetched, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *d;
	struct sftp_entry key;

	while (dir != NULL && (d = readdir(dir)) != NULL) {
		if (!files_name_is_plain(yt_str(d->d_name)))
			continue;
		snprintf(key.name, sizeof(key.name), "%.*s", FILES_NAME_MAX, d->d_name);
		if (n == 0 || bsearch(&key, entry, n, sizeof(*entry), by_name) == NULL)
			unlinkat(to->fetched, d->d_name, 0);
	}
	if (dir != NULL)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
}

static int fetch_all(
        struct drop_fetch *f, struct sftp *sftp, const struct folders *to, size_t most, char why[DROP_WHY_MAX])
{
	struct sftp_entry *entry = NULL;
	int came = 0, rv = 0;
	size_t n = 0;

	if (sftp_list(sftp, &entry, &n, why) != 0)
		return -1;
	if (n > 0)
		qsort(entry, n, sizeof(*entry), by_name);
	for (size_t i = 0; i < n && came < DROP_FETCH_MAX && rv >= 0; i++) {
		bool rests = was_so(f, &entry[i]);

		if (entry[i].size > most && !rests)
			yt_log(YT_WARN, "net", "%s has %llu octets, %zu may come (response_kib): it stays there",
			        entry[i].name, (unsigned long long)entry[i].size, most);
		if (entry[i].size > most || !rests || has_receipt(to, &entry[i]))
			continue;
		rv = bring(sftp, to, &entry[i], most, why);
		came += rv > 0;
	}
	if (n < SFTP_LISTED_MAX)
		forget_gone(to, entry, n);
	free(f->entry);
	f->entry = entry;
	f->n = n;
	return rv < 0 ? -1 : came;
}

int drop_fetch(struct drop_fetch *f, struct sftp *sftp, const char *folder, size_t most, char why[DROP_WHY_MAX])
{
	struct folders to = { files_folder(folder, "in"), files_folder(folder, "fetched") };
	int rv = -1;

	if (to.in < 0 || to.fetched < 0)
		snprintf(why, DROP_WHY_MAX, "folder %.200s/%s cannot be used: %s", folder, to.in < 0 ? "in" : "fetched",
		        strerror(to.in < 0 ? -to.in : -to.fetched));
	else if (flock(to.fetched, LOCK_EX | LOCK_NB) != 0)
		rv = 0; /* another worker is at it: one that a reload lets go */
	else if (sftp_connect(sftp, why) == 0)
		rv = fetch_all(f, sftp, &to, most, why);
	sftp_disconnect(sftp);
	if (to.in >= 0)
		close(to.in);
	if (to.fetched >= 0)
		close(to.fetched);
	return rv;
}
