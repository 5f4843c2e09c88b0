/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What network namespaces that any user can make have of what all share. However many a user makes and floods: all of
 * them together fill a part of a map and of the event buffer, and the node and its pods have the rest.
 */
#ifndef NETLENS_SHARE_H
#define NETLENS_SHARE_H

#include "event.h"

struct netns_life {
	__u32 inum;
	__u32 cookie;
};

/*
 * Of a user namespace all the same, and not any user's: root has mounted them where the node's mounts are, as runtimes
 * do for pods with users of their own. Written by user space.
 */
MAP(vouched, BPF_MAP_TYPE_HASH, 512, struct netns_life, __u8);

static __always_inline bool is_vouched(__u32 inum, __u32 cookie)
{
	struct netns_life life = { .inum = inum, .cookie = cookie };

	return bpf_map_lookup_elem(&vouched, &life);
}

/* Maps that they share with others. */
enum share {
	SHARE_COUNTERS,
	SHARE_OVERFLOW,
	SHARES,
};

/*
 * Entries that they ever made, and how many that may be: user space, which alone deletes entries, adds those that it
 * has deleted. Neither side writes what the other does, so no count is ever lost.
 */
MAP(shared_made, BPF_MAP_TYPE_ARRAY, SHARES, __u32, __u64);
MAP(shared_most, BPF_MAP_TYPE_ARRAY, SHARES, __u32, __u64);

/* The key's element as lookup_or_init gives it; NULL also where the namespace's kind has its share of the map. */
static __always_inline void *lookup_or_share(void *map, const void *key, const void *fresh, bool rootless, __u32 share)
{
	void *value = bpf_map_lookup_elem(map, key);
	__u64 *made, *most;

	if (value || !rootless)
		return value ?: lookup_or_init(map, key, fresh);
	made = bpf_map_lookup_elem(&shared_made, &share);
	most = bpf_map_lookup_elem(&shared_most, &share);
	if (!made || !most || *made >= *most)
		return NULL;
	if (!bpf_map_update_elem(map, key, fresh, BPF_NOEXIST))
		add(made, 1);
	return bpf_map_lookup_elem(map, key);
}

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
