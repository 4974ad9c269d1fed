/* core/process/desk.h - what the desk tells of the gateway's state; desk_process.c answers with it. */
#ifndef YT_PROCESS_DESK_H
#define YT_PROCESS_DESK_H

#include "yitong/node.h"

/* status: the keeper's answer as control_ask.h has it; NULL: it gave none. */
void desk_print_state(const struct yt_node *status, struct yt_buf *out);
/* workers: that the configuration wants.  *why: static, when not ready. */
bool desk_is_ready(const struct yt_node *status, uint32_t workers, const char **why);

#endif
