/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * When some packets were somewhere: places in an array of fixed size, by address, so that nothing is allocated or has
 * to be freed. A newer packet takes the place of an older one, whose time is lost then; nobody ever gets another's.
 */
#ifndef NETLENS_SAMPLE_H
#define NETLENS_SAMPLE_H

#include "hook.h"
#include "maps.h"

#define SAMPLES 4096
#define SAMPLE_BITS 12

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* What a packet on its way out has beside: libbpf ignores three underscores and what follows. */
struct sk_buff___out {
	__u64 skb_mstamp_ns; /* 4.20: of TCP CLOCK_MONOTONIC, when it was sent or is to leave; 0 for most others */
	unsigned int truesize;
};

#pragma clang attribute pop

struct sample {
	__u64 skb;
	__u64 where;
	__u64 time;
	__u64 check; /* fits the packet and the time, or another processor wrote meanwhile */
};

MAP(samples, BPF_MAP_TYPE_ARRAY, SAMPLES, __u32, struct sample);

/* By the address of its data, some lines of the cache from the next: with that of a packet nobody may reckon. */
static __always_inline struct sample *sample_of(const struct sk_buff *skb)
{
	__u32 at = ((__u64)BPF_CORE_READ(skb, head) >> 6) * 0x9E3779B97F4A7C15ULL >> (64 - SAMPLE_BITS);

	return bpf_map_lookup_elem(&samples, &at);
}

/*
 * Fits this packet and no other one that was at the same address with the same data. Whatever passes sample_void is
 * told apart by that already; this is for what comes another way, as pieces of a larger packet do.
 */
static __always_inline __u64 check_of(const struct sk_buff *skb, __u32 length, __u64 time, bool typed)
{
	__u64 stamp = GET(typed, (const struct sk_buff___out *)skb, skb_mstamp_ns);

	return (__u64)BPF_CORE_READ(skb, head) * 0x9E3779B97F4A7C15ULL + (stamp ^ length) * 0xC2B2AE3D27D4EB4FULL +
	       time * 0x165667B19E3779F9ULL;
}

/* What is known of an earlier packet at this address is void. */
static __always_inline void sample_void(struct sample *sample, const struct sk_buff *skb)
{
	if (sample->skb == (__u64)skb)
		sample->skb = 0;
}

static __always_inline void sample_put(struct sample *sample, const struct sk_buff *skb, const void *where,
				       __u32 length, __u64 time, bool typed)
{
	sample->skb = 0;
	sample->where = (__u64)where;
	sample->time = time;
	sample->check = check_of(skb, length, time, typed);
	sample->skb = (__u64)skb;
}

/* When it was there; 0: it was not, or nobody looked. */
static __always_inline __u64 sample_take(struct sample *sample, const struct sk_buff *skb, const void *where,
					 __u32 length, bool typed)
{
	__u64 time = sample->time;

	if (sample->skb != (__u64)skb || sample->where != (__u64)where)
		return 0;
	sample->skb = 0;
	return sample->check == check_of(skb, length, time, typed) ? time : 0;
}

/* One of so many, whatever the order in which they come. */
static __always_inline bool is_drawn(__u32 of)
{
	return !((__u64)bpf_get_prandom_u32() * of >> 32);
}

#endif
