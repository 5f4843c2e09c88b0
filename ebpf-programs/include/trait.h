/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What tells whether somebody has lost a packet that is freed: that it was answered, what it met, what it is. */
#ifndef NETLENS_TRAIT_H
#define NETLENS_TRAIT_H

#include "flow.h"
#include "maps.h"

#define ICMP_DEST_UNREACH 3
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12
#define FRESH 100000000ULL /* nanoseconds from what was done with a packet until it is freed */

/* What is known of a packet beside reason and place. Mirrored by DropTrait in C#. */
enum trait {
	PLAIN,
	ANSWERED, /* by a reset or an ICMP error */
	CLOSING, /* met a connection that its application has left: TIME_WAIT, or FIN_WAIT2 without a socket */
	RESET, /* is one */
	FIN,
};

/* Noted of a packet that this CPU works on, which is freed next. */
struct note {
	__u64 skb;
	__u64 time;
	__u64 trait;
};

PER_CPU(notes, struct note, get_note)

static __always_inline void note(const struct sk_buff *skb, __u8 trait)
{
	struct note *noted = get_note();

	if (!noted)
		return;
	noted->skb = (__u64)skb;
	noted->time = bpf_ktime_get_ns();
	noted->trait = trait;
}

/* The packet may have been kept after all: a later one at the same address has nothing to do with it. */
static __always_inline __u8 noted_of(const struct sk_buff *skb)
{
	struct note *noted = get_note();

	if (!noted || noted->skb != (__u64)skb)
		return PLAIN;
	noted->skb = 0;
	return bpf_ktime_get_ns() - noted->time < FRESH ? noted->trait : PLAIN;
}

static __always_inline __u8 trait_of(const struct sk_buff *skb, const struct sock *rx_sk, int family, bool look,
				     bool typed)
{
	__u8 trait = noted_of(skb), flags;

	if (trait || !look)
		return trait;
	flags = tcp_flags_of(skb, family, typed);
	/* A SYN there is a new connection, which is late when it is dropped. */
	if (rx_sk && !(flags & TCP_FLAG_SYN) && BPF_CORE_READ(rx_sk, __sk_common.skc_state) == TCP_TIME_WAIT)
		return CLOSING;
	if (flags & TCP_FLAG_RST)
		return RESET;
	return flags & TCP_FLAG_FIN ? FIN : PLAIN;
}

/* What is answered is freed next. */
static __always_inline void answered(const struct sk_buff *skb)
{
	if (skb)
		note(skb, ANSWERED);
}

/* Not what tells of a better way for a packet that goes on. */
static __always_inline void answered_by_icmp(const struct sk_buff *skb, int type)
{
	if (type == ICMP_DEST_UNREACH || type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB)
		answered(skb);
}

/* A SYN may be the beginning of a new connection. */
static __always_inline void met_closing(const struct sk_buff *skb)
{
	struct flow flow = {};

	flow_of_skb(&flow, skb);
	if (!(flow.tcp_flags & TCP_FLAG_SYN))
		note(skb, CLOSING);
}

/* At the entry of what sends one: no reset answers a reset. */
static __always_inline void answered_by_reset(const struct sk_buff *skb)
{
	struct flow flow = {};

	flow_of_skb(&flow, skb);
	if (!(flow.tcp_flags & TCP_FLAG_RST))
		answered(skb);
}

/*
 * nf_ct_attach (net/netfilter/core.c) relates an answer to the packet that it answers: the reset of a rule that
 * rejects, and ICMP errors, which have no headers yet and are heard of elsewhere.
 */
static __always_inline void answered_by_rule(const struct sk_buff *answer, const struct sk_buff *skb)
{
	struct flow flow = {};

	if (!BPF_CORE_READ(answer, protocol))
		return;
	flow_of_skb(&flow, answer);
	if (flow.tcp_flags & TCP_FLAG_RST)
		answered(skb);
}

#endif
