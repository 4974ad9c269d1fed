/* core/net/drop_put.c - the steps by which a file appears once under its name, and never with other octets.
 *
 *   1  .NAME.part is written where the party takes files, and is durable
 *   2  sent/.NAME.begun says which octets are about to get that name, durable
 *   3  .NAME.part becomes NAME: from here on the party may take it
 *   4  sent/NAME, the receipt, says that they were handed over
 * Whoever dies in between leaves a state that tells the next try what became of it: a receipt, or NAME itself, means
 * handed over; begun without a part means that it was, and is taken already; begun with a part means that it was not,
 * or, where a rename may be done by half, that only people can find out.
 * Therefore a failed try takes begun away first, durably, and the part only then. */
#include "net/drop_put.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/files.h"
#include "yitong/charset.h"
#include "yitong/plugin.h"

struct put {
	struct place *place;
	int sent;
	struct yt_str octets, receipt;
	char name[FILES_NAME_MAX + 1], part[FILES_NAME_MAX + 8], begun[FILES_NAME_MAX + 8], note[FILES_NAME_MAX + 8];
	char *why;
};

static void failed(struct put *p, const char *what, int error)
{
	snprintf(p->why, DROP_WHY_MAX, "%s %s: %s", what, p->name, strerror(error));
}

/* ---- a folder here ---- */

static int tell(char why[DROP_WHY_MAX], const char *what, const char *name, int rv)
{
	snprintf(why, DROP_WHY_MAX, "out/%s cannot be %s: %s", name, what, strerror(-rv));
	return PLACE_FAILED;
}

static int here_look(struct place *place, const char *name, struct yt_str octets, char why[DROP_WHY_MAX])
{
	int rv = files_hold(((struct place_here *)place)->folder, name, octets);

	if (rv == -ENOENT)
		return 0;
	return rv < 0 ? tell(why, "read", name, rv) : rv == 1 ? 1 : 2;
}

static int here_write(struct place *place, const char *name, struct yt_str octets, char why[DROP_WHY_MAX])
{
	int rv = files_write(((struct place_here *)place)->folder, name, octets);

	return rv != 0 ? tell(why, "written", name, rv) : 0;
}

/* Of a folder over a network the answer may be lost, and said again of what is done already (ENOENT). */
static bool is_surely_not(int rv)
{
	static const int errors[] = { EEXIST, EACCES, EPERM, ENOSPC, EDQUOT, EROFS, EXDEV, ENOTDIR, EISDIR, ELOOP,
		ENAMETOOLONG, EINVAL, ENOMEM };

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (rv == -errors[i])
			return true;
	return false;
}

static int here_rename(struct place *place, const char *from, const char *to, char why[DROP_WHY_MAX])
{
	int folder = ((struct place_here *)place)->folder, rv = files_place(folder, from, folder, to);

	if (rv == 0)
		return 0;
	(void)tell(why, "named", to, rv);
	return is_surely_not(rv) ? PLACE_FAILED : PLACE_UNSURE;
}

static int here_remove(struct place *place, const char *name, char why[DROP_WHY_MAX])
{
	if (unlinkat(((struct place_here *)place)->folder, name, 0) != 0 && errno != ENOENT)
		return tell(why, "removed", name, -errno);
	return 0;
}

static int here_sync(struct place *place, char why[DROP_WHY_MAX])
{
	int rv = files_sync(((struct place_here *)place)->folder);

	return rv != 0 ? tell(why, "synced", "", rv) : 0;
}

void place_here(struct place_here *here, int folder)
{
	*here = (struct place_here){ { here_look, here_write, here_rename, here_remove, here_sync, false }, folder };
}

/* ---- the steps ---- */

static enum lane_end answered(int *status, int with)
{
	*status = with;
	return LANE_ANSWERED;
}

/* Never half a note: who reads one takes it as said. */
static int note(struct put *p, const char *as)
{
	int rv = files_write(p->sent, p->note, p->receipt);

	if (rv == 0 && renameat(p->sent, p->note, p->sent, as) != 0)
		rv = -errno;
	return rv != 0 ? rv : files_sync(p->sent);
}

/* Step 4.  The party has the file whatever becomes of its receipt: without one the next try finds out as if we had died
 * here. */
static enum lane_end keep_receipt(struct put *p, int *status)
{
	int rv = note(p, p->name);

	if (rv == 0)
		unlinkat(p->sent, p->begun, 0);
	else
		yt_log(YT_WARN, "net", "the receipt sent/%s cannot be written: %s", p->name, strerror(-rv));
	return answered(status, YT_FILE_HANDED_OVER);
}

/* The file must not come to be afterwards, so begun goes first; where that cannot be made durable the part stays. */
static enum lane_end take_back(struct put *p)
{
	char ignored[DROP_WHY_MAX];

	if ((unlinkat(p->sent, p->begun, 0) == 0 || errno == ENOENT) && files_sync(p->sent) == 0)
		(void)p->place->remove(p->place, p->part, ignored);
	return LANE_NOT_SENT;
}

/* Step 3. */
static enum lane_end give_name(struct put *p, int *status)
{
	int rv = p->place->rename(p->place, p->part, p->name, p->why);

	if (rv == PLACE_FAILED)
		return take_back(p);
	if (rv == 0 && p->place->sync(p->place, p->why) != 0)
		rv = PLACE_UNSURE; /* the party may see it; whether it is there after a power failure nobody knows */
	return rv != 0 ? LANE_LOST : keep_receipt(p, status);
}

/* Steps 1 and 2. */
static enum lane_end begin(struct put *p, int *status)
{
	int rv = p->place->write(p->place, p->part, p->octets, p->why);

	if (rv == 0)
		rv = p->place->sync(p->place, p->why);
	if (rv != 0)
		return LANE_NOT_SENT; /* a part is nothing to the party, also where its connection broke */
	rv = note(p, p->begun);
	if (rv == 0)
		return give_name(p, status);
	failed(p, "sent: cannot note", -rv);
	return take_back(p);
}

/* The part is there, and NAME is not, or no more: whether the party has taken it, it alone can say. */
static enum lane_end ask_people(struct put *p)
{
	snprintf(p->why, DROP_WHY_MAX,
	        "whether the party has taken it nobody here can tell: ask it, and only if it has none remove sent/%.150s",
	        p->begun);
	return LANE_LOST;
}

/* A try before this one died between steps 2 and 4, and NAME is not there. */
static enum lane_end go_on(struct put *p, int *status)
{
	int rv = p->place->look(p->place, p->part, p->octets, p->why);

	if (rv < 0)
		return LANE_NOT_SENT; /* by this try */
	if (rv == 0)
		return keep_receipt(p, status);
	if (p->place->renames_by_halves)
		return ask_people(p);
	return rv == 1 ? give_name(p, status) : begin(p, status);
}

/* The same, and NAME has other octets: the party may have taken ours and put something there since. */
static enum lane_end tell_apart(struct put *p, int *status)
{
	int rv = p->place->look(p->place, p->part, p->octets, p->why);

	if (rv < 0)
		return LANE_NOT_SENT;
	if (rv > 0 && p->place->renames_by_halves)
		return ask_people(p);
	return rv == 0 ? keep_receipt(p, status) : answered(status, YT_FILE_NAME_TAKEN);
}

static enum lane_end put(struct put *p, int *status)
{
	int rv = files_hold(p->sent, p->name, p->receipt), begun;

	if (rv == -ENOENT) {
		begun = files_hold(p->sent, p->begun, p->receipt);
		rv = begun == 0 || (begun < 0 && begun != -ENOENT) ? begun : -ENOENT;
	}
	if (rv >= 0)
		return answered(status, rv == 1 ? YT_FILE_HANDED_OVER : YT_FILE_NAME_TAKEN);
	if (rv != -ENOENT) {
		failed(p, "sent: cannot read", -rv);
		return LANE_NOT_SENT;
	}
	rv = p->place->look(p->place, p->name, p->octets, p->why);
	if (rv < 0)
		return LANE_NOT_SENT;
	if (rv == 2)
		return begun == 1 ? tell_apart(p, status) : answered(status, YT_FILE_NAME_TAKEN);
	if (rv == 1)
		return keep_receipt(p, status);
	return begun == 1 ? go_on(p, status) : begin(p, status);
}

enum lane_end drop_put(
        struct place *place, int sent, const char *name, struct yt_str octets, int *status, char why[DROP_WHY_MAX])
{
	struct put p = { .place = place, .sent = sent, .octets = octets, .why = why };
	struct yt_buf receipt = { 0 };
	uint8_t digest[32];
	enum lane_end end;

	why[0] = '\0';
	if (!files_name_is_plain(yt_str(name))) {
		snprintf(why, DROP_WHY_MAX, "the message has no name that a file can have");
		return LANE_NOT_SENT;
	}
	YT_REQUIRE(EVP_Digest(octets.p, octets.n, digest, NULL, EVP_sha256(), NULL) == 1);
	yt_buf_text(&receipt, "sha256 ");
	yt_hex_add(&receipt, digest, sizeof(digest), false);
	yt_buf_printf(&receipt, ", %zu octets\n", octets.n);
	p.receipt = yt_buf_view(&receipt);
	snprintf(p.name, sizeof(p.name), "%s", name);
	snprintf(p.part, sizeof(p.part), ".%s.part", name);
	snprintf(p.begun, sizeof(p.begun), ".%s.begun", name);
	snprintf(p.note, sizeof(p.note), ".%s.note", name);
	end = receipt.failed ? LANE_NOT_SENT : put(&p, status);
	yt_buf_free(&receipt);
	return end;
}
