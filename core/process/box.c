/* core/process/box.c - the black box of each thread, and whose it was that died; see box.h.
 *
 * A worker's loop and its slow codecs' threads are in plugins at the same time, so which box is busy does not say who
 * died.  The handler of the signals that a crash raises does: it runs in the thread at fault, notes that and lets the
 * signal kill.  A worker killed from outside had no such chance: then it was a thread that stood still. */
#include "process/box.h"

#include <signal.h>
#include <string.h>

static const int deadly[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };

enum { N_DEADLY = sizeof(deadly) / sizeof(deadly[0]) };

static struct boxes *watched;
static struct sigaction before[N_DEADLY];
static _Thread_local volatile uint32_t mine = BOXES; /* of a thread that calls no plugin: none */

void box_fill(struct box *box, const char *plugin, const char *what, uint64_t exchange, struct yt_str octets)
{
	strncpy(box->plugin, plugin, sizeof(box->plugin) - 1);
	strncpy(box->what, what, sizeof(box->what) - 1);
	box->exchange = exchange;
	box->n_octets = octets.n < BOX_OCTETS ? (uint32_t)octets.n : BOX_OCTETS;
	if (box->n_octets != 0)
		memcpy(box->octets, octets.p, box->n_octets);
	atomic_store_explicit(&box->busy, 1, memory_order_release);
}

void box_empty(struct box *box)
{
	atomic_store_explicit(&box->busy, 0, memory_order_release);
}

/* What came before it, a sanitizer or the kernel, has the last word: the fault happens again when this returns, and
 * what was raised is raised again. */
static void on_deadly(int number, siginfo_t *info, void *context)
{
	atomic_store(&watched->died_in, mine + 1);
	for (int i = 0; i < N_DEADLY; i++) {
		if (deadly[i] == number)
			sigaction(number, &before[i], NULL);
	}
	if (info->si_code <= 0)
		raise(number);
}

void box_watch(struct boxes *boxes)
{
	struct sigaction action;

	watched = boxes;
	mine = BOX_LOOP;
	memset(&action, 0, sizeof(action));
	action.sa_sigaction = on_deadly;
	action.sa_flags = SA_SIGINFO | SA_ONSTACK;
	for (int i = 0; i < N_DEADLY; i++)
		sigaction(deadly[i], &action, &before[i]);
}

/* A fault's signal that is blocked kills without the handler. */
void box_is_mine(uint32_t index)
{
	sigset_t set;

	mine = index;
	sigemptyset(&set);
	for (int i = 0; i < N_DEADLY; i++)
		sigaddset(&set, deadly[i]);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

const struct box *box_of_death(const struct boxes *boxes)
{
	uint32_t died_in = atomic_load(&boxes->died_in);
	const struct box *box;

	if (died_in > 0) {
		box = died_in <= BOXES ? &boxes->box[died_in - 1] : NULL;
		return box != NULL && atomic_load(&box->busy) != 0 ? box : NULL;
	}
	/* Killed from outside, as one that stands still is.  If that was the loop, no other has work for long. */
	for (uint32_t i = BOXES; i-- > 0;) {
		if (atomic_load(&boxes->box[i].busy) != 0)
			return &boxes->box[i];
	}
	return NULL;
}
