// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Next hops that do not answer, and those that have another hardware address than before.
#include "event.h"
#include "flow.h"
#include "neighbour.h"
#include "share.h"

/* include/net/neighbour.h */
#define NEIGH_UPDATE_F_OVERRIDE 0x00000001
#define NEIGH_UPDATE_F_ADMIN 0x80000000

/* Mirrored by NextHopKind in C#. */
enum kind {
	FAILED = 1,
	CHANGED,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct net_device___hop {
	unsigned char addr_len;
};

#pragma clang attribute pop

struct nexthop_settings {
	__u32 burst; /* events per second, key and CPU; 0: no events */
};

struct nexthop_key {
	__u32 netns;
	__u32 netns_cookie;
	__u8 kind;
	__u8 family;
	__u8 rootless;
	__u8 pad;
};

struct nexthop_value {
	__u64 times;
	struct limiter limiter;
};

struct nexthop_event {
	struct event_head head;
	__u8 address[16];
	__u8 before[MAX_ADDR_LEN]; /* hardware addresses; all zero: none */
	__u8 after[MAX_ADDR_LEN];
	char device[16];
	__u32 ifindex;
	__u8 length; /* of hardware addresses */
	__u8 kind;
	__u8 family;
	__u8 pad;
};

SETTINGS(struct nexthop_settings)
EVENT(nexthop_event)
MAP(counters, BPF_MAP_TYPE_PERCPU_HASH, 4096, struct nexthop_key, struct nexthop_value); /* set by the loader */

static __always_inline __u8 length_of(const struct net_device *dev)
{
	__u8 length = BPF_CORE_READ((const struct net_device___hop *)dev, addr_len);

	return length < MAX_ADDR_LEN ? length : 0;
}

static __always_inline void report(void *ctx, const struct nexthop_key *key, const struct neighbour *neighbour,
				   const __u8 *after, __u64 now)
{
	struct nexthop_event *event = begin_event(now, key->netns, key->netns_cookie, false);
	const struct net_device *dev = BPF_CORE_READ(neighbour, dev);

	if (!event)
		return;
	event->head.rootless = key->rootless;
	event->kind = key->kind;
	event->family = address_of_neighbour(event->address, neighbour);
	event->ifindex = BPF_CORE_READ(dev, ifindex);
	event->length = length_of(dev);
	BPF_CORE_READ_STR_INTO(&event->device, dev, name);
	BPF_CORE_READ_INTO(&event->before, neighbour, ha);
	if (after)
		__builtin_memcpy(event->after, after, sizeof(event->after));
	end_event(ctx, event, sizeof(*event));
}

static __always_inline void count(void *ctx, const struct neighbour *neighbour, __u8 kind, const __u8 *after)
{
	struct netns ns = netns_of_dev(BPF_CORE_READ(neighbour, dev));
	struct nexthop_key key = { .netns = ns.inum, .netns_cookie = ns.cookie, .kind = kind, .rootless = ns.rootless };
	struct nexthop_value *value, fresh = {};
	struct nexthop_settings *config = get_settings();
	__u64 now;

	key.family = BPF_CORE_READ(neighbour, tbl, family) == AF_INET ? 4 : 6;
	value = key.netns ? lookup_or_share(&counters, &key, &fresh, key.rootless, SHARE_COUNTERS) : NULL;
	if (!value) {
		lost(LOSS_ENTRY);
		return;
	}
	add(&value->times, 1);
	if (!config || !config->burst)
		return;
	now = bpf_ktime_get_ns();
	if (admit(&value->limiter, now, config->burst) &&
	    (!key.rootless || admit_rootless(&value->limiter, now, config->burst)))
		report(ctx, &key, neighbour, after, now);
}

/* The timer ends with the entry that failed, so each failure passes here once. */
SEC("raw_tp/neigh_timer_handler")
int BPF_PROG(timer_raw, struct neighbour *neighbour, int err)
{
	if (BPF_CORE_READ(neighbour, nud_state) == NUD_FAILED)
		count(ctx, neighbour, FAILED, NULL);
	return 0;
}

/* Before it is done: what __neigh_update (net/core/neighbour.c) will not take is left out. */
SEC("raw_tp/neigh_update")
int BPF_PROG(update_raw, struct neighbour *neighbour, const __u8 *lladdr, __u8 state, __u32 flags)
{
	__u8 before[MAX_ADDR_LEN] = {}, after[MAX_ADDR_LEN] = {};
	__u8 old = BPF_CORE_READ(neighbour, nud_state);
	bool differs = false;
	__u32 length;

	if (!is_kernel_pointer(lladdr) || !(flags & NEIGH_UPDATE_F_OVERRIDE))
		return 0;
	if (!(old & NUD_VALID) || !(state & NUD_VALID))
		return 0;
	if (BPF_CORE_READ(neighbour, dead) || (old & NUD_UNASKED && !(flags & NEIGH_UPDATE_F_ADMIN)))
		return 0;
	length = length_of(BPF_CORE_READ(neighbour, dev));
	BPF_CORE_READ_INTO(&before, neighbour, ha);
	/* What the verifier has seen bounded is what is used. */
	barrier_var(length);
	length &= MAX_ADDR_LEN - 1;
	if (!length || bpf_probe_read_kernel(after, length, lladdr))
		return 0;
	for (__u32 i = 0; i < MAX_ADDR_LEN; i++)
		differs |= i < length && before[i] != after[i];
	if (differs)
		count(ctx, neighbour, CHANGED, after);
	return 0;
}
