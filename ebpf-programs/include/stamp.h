/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * When a packet came, by the stamp that the kernel gives it while anybody wants stamps, and how long ago that was. The
 * stamp is of the wall clock, which may be set; what is measured must not know. Only user space reads that clock.
 */
#ifndef NETLENS_STAMP_H
#define NETLENS_STAMP_H

#include "hook.h"
#include "maps.h"

/* Looked at twice: beside it the check costs nothing. */
#define SUSPICIOUS (1 << 17)
/* How far readings of two clocks in a row are apart, on a machine that is emulated. */
#define TOLERANCE 50000

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sk_buff___stamp {
	__u64 tstamp;
	__u8 mono_delivery_time : 1; /* 5.18 to 6.10: when it is to be sent, by another clock */
	__u8 tstamp_type : 2; /* 6.11: the same, of more clocks; 0: the wall clock */
};

#pragma clang attribute pop

/* Since 6.1. */
enum bpf_func_id___tai {
	BPF_FUNC_ktime_get_tai_ns___tai = 208,
};

/* Mirrored by StampClock in C#. Differences wrap as they like. */
struct stamp_clock {
	__u64 ahead; /* nanoseconds that the wall clock is ahead of bpf_ktime_get_ns */
	__u64 tai_ahead; /* the same of CLOCK_TAI, which is set with it */
	__u64 since; /* the wall clock has not been set since then */
	__u64 read; /* when that was read */
};

/* Why the age of a packet is not known. */
enum unmeasured {
	NO_STAMP,
	OTHER_CLOCK, /* stamped by another clock, or the clock was set meanwhile */
	SENT_HERE, /* by TCP: the stamp says still when it was to be sent, by the clock of programs */
	UNMEASURED_MAX,
};

/* Segments without a stamp of the wall clock that this CPU took in last, by their packet's address. */
#define ARRIVALS 64

struct arrival {
	__u64 skb;
	__u64 segment; /* ports and sequence number: the address alone may be that of an earlier packet */
	__u64 time;
};

struct arrivals {
	struct arrival latest[ARRIVALS];
};

PER_CPU(arrivals, struct arrivals, get_arrivals)
MAP(unmeasured, BPF_MAP_TYPE_PERCPU_ARRAY, UNMEASURED_MAX, __u32, __u64);
/* When the wall clock was set last, where functions can be hooked. */
ONE(set_at, BPF_MAP_TYPE_ARRAY, __u64, get_set_at)

struct age {
	__u64 now;
	__u64 nanoseconds;
};

static __always_inline bool not_measured(__u32 why)
{
	__u64 *count = bpf_map_lookup_elem(&unmeasured, &why);

	if (count)
		add(count, 1);
	return false;
}

/* Nobody has set the wall clock since user space looked. */
static __always_inline bool is_clock_known(const struct stamp_clock *clock)
{
	__u64 *set = get_set_at(), apart;

	if (set && *set >= clock->read)
		return false;
	if (!bpf_core_enum_value_exists(enum bpf_func_id___tai, BPF_FUNC_ktime_get_tai_ns___tai))
		return true;
	apart = bpf_ktime_get_tai_ns() - bpf_ktime_get_ns() - clock->tai_ahead;
	return apart + TOLERANCE < 2 * TOLERANCE;
}

static __always_inline bool is_of_wall_clock(const struct sk_buff *packet)
{
	const struct sk_buff___stamp *skb = (const void *)packet;

	if (!skb)
		return true;
	if (bpf_core_field_exists(skb->tstamp_type))
		return !BPF_CORE_READ_BITFIELD_PROBED(skb, tstamp_type);
	if (bpf_core_field_exists(skb->mono_delivery_time))
		return !BPF_CORE_READ_BITFIELD_PROBED(skb, mono_delivery_time);
	return true;
}

/* The wall clock was never behind the start of the machine. */
static __always_inline bool is_wall_time(const struct stamp_clock *clock, __u64 stamp)
{
	return stamp && stamp >= clock->ahead;
}

/* The verifier lets nobody reckon with a pointer: read from the stack by a helper it is a number. */
static __always_inline __u64 number_of(const struct sk_buff *skb)
{
	__u64 number = 0;

	bpf_probe_read_kernel(&number, sizeof(number), &skb);
	return number;
}

static __always_inline struct arrival *arrival_at(__u64 skb)
{
	struct arrivals *arrivals = get_arrivals();

	/* They are aligned to their size, about a power of two. */
	return arrivals ? &arrivals->latest[skb >> 8 & (ARRIVALS - 1)] : NULL;
}

static __always_inline __u64 segment_of(const void *header)
{
	__u64 segment = 0;

	bpf_probe_read_kernel(&segment, sizeof(segment), header);
	return segment;
}

/* header: TCP's. */
static __always_inline void note_arrival(const struct sk_buff *skb, const void *header)
{
	__u64 number = number_of(skb);
	struct arrival *arrival = arrival_at(number);

	if (!arrival)
		return;
	arrival->time = bpf_ktime_get_ns();
	arrival->segment = segment_of(header);
	arrival->skb = number;
}

/* 0: it was not noted, or not on this CPU. */
static __always_inline __u64 noted_arrival(const struct sk_buff *skb, const void *header)
{
	__u64 number = number_of(skb);
	struct arrival *arrival = arrival_at(number);

	return arrival && arrival->skb == number && arrival->segment == segment_of(header) ? arrival->time : 0;
}

/*
 * How long ago the packet of that stamp came; false: not known, and counted. The stamps of other clocks are before the
 * start of the machine or in the future; skb, where it is still there, tells of those that are not. From 5.18 on TCP's
 * of this node get the wall clock's late, behind the rules: what was noted where they came is better.
 */
static __always_inline bool measure(struct age *age, const struct stamp_clock *clock, __u64 stamp, __u64 noted,
				    const struct sk_buff *skb)
{
	__u64 from = stamp - clock->ahead;
	bool wall = is_wall_time(clock, stamp);

	if (!wall && !noted)
		return not_measured(stamp ? SENT_HERE : NO_STAMP);
	age->now = bpf_ktime_get_ns();
	if (noted && (!wall || noted < from)) {
		age->nanoseconds = age->now - noted;
		return true;
	}
	if (from > age->now && from - age->now < TOLERANCE)
		from = age->now;
	if (from > age->now || from < clock->since)
		return not_measured(OTHER_CLOCK);
	age->nanoseconds = age->now - from;
	if (age->nanoseconds > SUSPICIOUS && !(is_clock_known(clock) && is_of_wall_clock(skb)))
		return not_measured(OTHER_CLOCK);
	return true;
}

static __always_inline __u64 stamp_of(const struct sk_buff *packet, bool typed)
{
	const struct sk_buff___stamp *skb = (const void *)packet;

	return GET(typed, skb, tstamp);
}

FUNCTION_ENTRY(clock_set, clock_was_set, {
	__u64 *set = get_set_at();

	if (set)
		*set = bpf_ktime_get_ns();
})

#endif
