/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* ICMP errors that TCP is told of: what they said, for the socket that one of them ends. */
#ifndef NETLENS_ICMP_H
#define NETLENS_ICMP_H

#include "flow.h"
#include "maps.h"

/* include/uapi/linux/icmp.h: an administrator's no, which the socket is told as "host" or "network unreachable" */
#define ICMP_DEST_UNREACH 3
#define ICMP_NET_ANO 9
#define ICMP_HOST_ANO 10
#define ICMP_PKT_FILTERED 13

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sk_buff___icmp {
	__u16 transport_header;
};

#pragma clang attribute pop

/* The last ICMP error of TCP on this CPU. */
struct icmp_note {
	__be16 sport;
	__be16 dport;
	__u8 type;
	__u8 code;
	__u8 pad[2];
};

PER_CPU(icmp_notes, struct icmp_note, get_icmp_note)

static __always_inline bool is_prohibition(const struct icmp_note *note)
{
	return note && note->type == ICMP_DEST_UNREACH &&
	       (note->code == ICMP_NET_ANO || note->code == ICMP_HOST_ANO || note->code == ICMP_PKT_FILTERED);
}

/* The ICMP error that ends this very connect. */
static __always_inline const struct icmp_note *note_of(const struct flow *flow)
{
	struct icmp_note *note = get_icmp_note();

	if (!note || !note->dport || note->sport != flow->sport || note->dport != flow->dport)
		return NULL;
	note->dport = 0;
	return note;
}

/* Behind the header of the ICMP error comes the packet that it is about. */
static __always_inline void note_icmp4(const struct sk_buff *skb)
{
	__u16 at = BPF_CORE_READ((const struct sk_buff___icmp *)skb, transport_header);
	const unsigned char *ip = BPF_CORE_READ(skb, data);
	struct icmp_note *note = get_icmp_note();
	__u8 words = 0;

	if (!note)
		return;
	bpf_probe_read_kernel(&note->type, 2, BPF_CORE_READ(skb, head) + at);
	bpf_probe_read_kernel(&words, 1, ip);
	bpf_probe_read_kernel(&note->sport, 4, ip + (words & 15) * 4);
}

#endif
