/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * When some packets were somewhere: places in an array of fixed size, by address, so that nothing is allocated or has
 * to be freed. Where both places for an address are taken the newer packet has the older one's, whose time is lost then
 * and counted; nobody ever gets another's.
 */
#ifndef NETLENS_SAMPLE_H
#define NETLENS_SAMPLE_H

#include "hook.h"
#include "maps.h"

#define SAMPLE_BITS 11
#define SAMPLES (1 << SAMPLE_BITS) /* pairs of them */

/* ns. No packet takes longer than what a histogram tells apart: what is older is of one that was dropped. */
#define SAMPLE_AGE (1ULL << (HISTOGRAM_FIRST + HISTOGRAM_SLOTS - 2))

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* What a packet on its way out has beside: libbpf ignores three underscores and what follows. */
struct sk_buff___out {
	__u64 skb_mstamp_ns; /* 4.20: of TCP CLOCK_MONOTONIC, when it was sent or is to leave; 0 for most others */
	unsigned int truesize;
};

#pragma clang attribute pop

struct sample {
	__u64 data; /* 0: the place is free */
	__u64 where;
	__u64 time;
	__u64 check; /* fits the packet and the time, or another processor wrote meanwhile */
};

/* A line of the cache. */
struct sample_pair {
	struct sample first;
	struct sample second;
};

MAP(samples, BPF_MAP_TYPE_ARRAY, SAMPLES, __u32, struct sample_pair);

/* A packet somewhere. */
struct sight {
	struct sample_pair *pair; /* where it has its places */
	__u64 data; /* of all that are under way only copies for other devices have the same */
	const void *where;
	const struct sk_buff *skb;
};

/*
 * By the address of its data, some lines of the cache from the next: with that of a packet nobody may reckon. Without
 * data there are no places. The one condition is that of the places: verifiers of old kernels do not understand two that
 * were made one.
 */
static __always_inline bool sight_of(struct sight *sight, const struct sk_buff *skb, const void *where)
{
	__u64 data = (__u64)BPF_CORE_READ(skb, head); /* a number: not so what is typed */
	__u32 at = (data >> 6) * 0x9E3779B97F4A7C15ULL >> (64 - SAMPLE_BITS);

	sight->data = data;
	sight->where = where;
	sight->skb = skb;
	sight->pair = NULL;
	if (data)
		sight->pair = bpf_map_lookup_elem(&samples, &at);
	return sight->pair;
}

/*
 * Beside the packet's address. Fits this packet and no other one that had the same data: whatever passes sample_void is
 * told apart by that already; this is for what comes another way, as pieces of a larger packet do. In front of a device
 * its length still grows.
 */
static __always_inline __u64 check_of(const struct sight *sight, __u64 time, bool typed)
{
	const struct sk_buff *skb = sight->skb;
	__u64 stamp = GET(typed, (const struct sk_buff___out *)skb, skb_mstamp_ns);
	__u32 length = sight->where ? GET(typed, skb, len) : 0;

	return (stamp ^ length) * 0xC2B2AE3D27D4EB4FULL + time * 0x165667B19E3779F9ULL;
}

static __always_inline bool is_for(const struct sample *sample, const struct sight *sight)
{
	return sample->data == sight->data && sample->where == (__u64)sight->where;
}

/* What was noted there of it, or of one before that had its data; NULL: nothing. */
static __always_inline struct sample *sample_for(const struct sight *sight)
{
	if (is_for(&sight->pair->first, sight))
		return &sight->pair->first;
	return is_for(&sight->pair->second, sight) ? &sight->pair->second : NULL;
}

/* What is known of an earlier packet with this data is void. */
static __always_inline void sample_void(const struct sight *sight)
{
	struct sample *sample = sample_for(sight);

	if (sample)
		sample->data = 0;
}

/* Of one for which sample_void was called. Two processors that do it to one pair at once may lose the time of one. */
static __always_inline void sample_put(const struct sight *sight, __u64 time, bool typed)
{
	struct sample *first = &sight->pair->first, *second = &sight->pair->second, *sample = first;

	if (first->data && (!second->data || second->time < first->time))
		sample = second;
	if (sample->data && sample->time + SAMPLE_AGE > time)
		lost(LOSS_SAMPLE);
	sample->data = 0;
	sample->where = (__u64)sight->where;
	sample->time = time;
	/* Typed pointers are no numbers until they come from a map. */
	*(volatile __u64 *)&sample->check = (__u64)sight->skb;
	sample->check = *(volatile __u64 *)&sample->check + check_of(sight, time, typed);
	sample->data = sight->data;
}

/* When it was there; 0: it was not, or nobody looked. */
static __always_inline __u64 sample_take(const struct sight *sight, bool typed)
{
	struct sample *sample = sample_for(sight);
	__u64 time;

	if (!sample)
		return 0;
	time = sample->time;
	sample->data = 0;
	return sample->check - check_of(sight, time, typed) == (__u64)sight->skb ? time : 0;
}

/* One of so many, whatever the order in which they come. */
static __always_inline bool is_drawn(__u32 of)
{
	return !((__u64)bpf_get_prandom_u32() * of >> 32);
}

#endif
