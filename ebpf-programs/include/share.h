/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What network namespaces that any user can make have of what all share. However many a user makes and floods: all of
 * them together fill a part of a map (room.h) and of the event buffer, and the node and its pods have the rest.
 */
#ifndef NETLENS_SHARE_H
#define NETLENS_SHARE_H

#include "event.h"
#include "room.h"

/* What all namespaces that any user can make may send: as many keys' bursts, per second and CPU. */
#define ROOTLESS_BURSTS 10

PER_CPU(rootless, struct limiter, get_rootless)

/*
 * Of an event that its key's limiter has let through: from such namespaces only so many get through, and none while
 * the buffer fills. It is held back as if it were one too many of its key.
 */
static __always_inline bool admit_rootless(struct limiter *limiter, __u64 now, __u32 burst)
{
	struct limiter *all = get_rootless();

	if (all && !is_filling() && admit(all, now, burst * ROOTLESS_BURSTS))
		return true;
	limiter->held++;
	return false;
}

#endif
