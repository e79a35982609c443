/* SPDX-License-Identifier: MIT */
/* host/step/lanes.h - steps of one flow, or of one user, are taken one after
 * another (S5); or so many at a time.  Any thread. */
#ifndef HOST_STEP_LANES_H
#define HOST_STEP_LANES_H

#include <stdbool.h>
#include <stddef.h>

struct job;
struct lane;  /* a key that somebody holds */
struct lanes;

/* For so many abreast in one lane, and so many waiting there; or NULL. */
struct lanes *lanes_new(size_t width, size_t queue_max);
void lanes_free(struct lanes *lanes);      /* NULL is allowed */

enum lane_entry { LANE_ENTERED, LANE_TAKEN, LANE_FULL };

/* Enter the lane if there is room. */
enum lane_entry lanes_try(struct lanes *lanes, const char *key,
                          struct lane **ret_lane);

/* Enter, or queue behind those who wait: `ready(job)` is called once it is
 * this job's turn, maybe at once, maybe from another thread, with *ret_lane
 * set before.  LANE_ENTERED: it is in already, ready is not called. */
enum lane_entry lanes_wait(struct lanes *lanes, const char *key,
                           struct job *job, struct lane **ret_lane,
                           void (*ready)(struct job *job));

/* Leave; the next in the queue is told.  NULL is allowed. */
void lanes_leave(struct lanes *lanes, struct lane *lane);

#endif
