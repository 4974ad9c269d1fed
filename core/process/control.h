/* core/process/control.h - the keeper's control socket: what `yitong` asks and tells it.
 *
 * <run_dir>/keeper.sock; one JSON object a line each way: control_ask.h. */
#ifndef YT_PROCESS_CONTROL_H
#define YT_PROCESS_CONTROL_H

#include "process/keeper_process.h"

int control_open(struct keeper_process *p, const char *run_dir);
/* Who may connect, by the active configuration; called again when that is another one. */
void control_open_to(struct keeper_process *p);
void control_durable(struct keeper_process *p); /* one more commit is on disk */
void control_close(struct keeper_process *p);
/* control_lanes.c: which lanes are stopped, on one worker's board, or on all and with what waited for that. */
void control_mark_worker(struct keeper_process *p, struct kp_worker *w);
void control_mark_lanes(struct keeper_process *p);

#endif
