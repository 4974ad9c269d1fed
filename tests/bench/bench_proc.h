/* tests/bench/bench_proc.h - CPU time and memory of a process and all its descendants. */
#ifndef BENCH_PROC_H
#define BENCH_PROC_H

#include <stdint.h>
#include <sys/types.h>

/* CPU time (user and system) of the whole tree so far, ns; 0 for a pid of 0. */
int64_t proc_tree_cpu_ns(pid_t root);
/* Proportional set size of the whole tree, KiB. */
int64_t proc_tree_pss_kib(pid_t root);

#endif
