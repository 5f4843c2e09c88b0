/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What network namespaces that any user can make have of the maps that all share. However many a user makes: all of
 * them together fill a part of a map, and the node and its pods have the rest.
 */
#ifndef NETLENS_ROOM_H
#define NETLENS_ROOM_H

#include "maps.h"

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
	SHARE_DATAGRAMS,
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

#endif
