// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// TCP segments that were sent again, by what made the kernel do it.
#include "tcp.h"

enum kind {
	SYN = 1,
	SYN_ACK,
	FAST, /* acknowledgements told of the loss (TCPFastRetrans) */
	RTO, /* the retransmission timer ran out */
	SLOW_START, /* what followed it as acknowledgements came in (TCPSlowStartRetrans) */
	TLP, /* tail loss probe: the last segment again, to get an answer */
	OTHER,
};

/* enum tcp_ca_state (include/uapi/linux/tcp.h); ICSK_TIME_LOSS_PROBE (include/net/inet_connection_sock.h) */
#define TCP_CA_RECOVERY 3
#define TCP_CA_LOSS 4
#define PENDING_LOSS_PROBE 5

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct inet_connection_sock {
	__u8 icsk_ca_state : 5;
	__u8 icsk_pending;
};

#pragma clang attribute pop

/*
 * The timer handlers of RTO and tail loss probe run with the pending timer at 0 and at LOSS_PROBE; as acknowledgements
 * come in, the retransmission timer is pending.
 */
static __always_inline __u8 kind_of(const struct sock *sk, __u8 state)
{
	const struct inet_connection_sock *icsk = (const struct inet_connection_sock *)sk;
	__u8 pending = BPF_CORE_READ(icsk, icsk_pending);

	if (state == TCP_SYN_SENT)
		return SYN;
	if (state == TCP_SYN_RECV)
		return SYN_ACK;
	switch (BPF_CORE_READ_BITFIELD_PROBED(icsk, icsk_ca_state)) {
	case TCP_CA_RECOVERY:
		return FAST;
	case TCP_CA_LOSS:
		return pending ? SLOW_START : RTO;
	}
	return pending == PENDING_LOSS_PROBE ? TLP : OTHER;
}

static __always_inline void again(void *ctx, const struct sock *sk, __u8 kind, __u32 segments)
{
	struct tcp_key key = tcp_key_in(netns_of_sock(sk));
	struct flow flow = {};

	flow_of_connection(&flow, sk);
	key.kind = kind ?: kind_of(sk, flow.state);
	tcp_count(ctx, &key, &flow, kind != SYN_ACK && task_holds(sk), segments);
}

/* One packet may carry many segments: the network card cuts it. */
static __always_inline void data_again(void *ctx, const struct sock *sk, const struct sk_buff *skb)
{
	__u16 segments = BPF_CORE_READ(control_block(skb), tcp_gso_segs);

	again(ctx, sk, 0, segments ?: 1);
}

/* 6.15: also for those that could not be sent. */
SEC("raw_tp/tcp_retransmit_skb")
int BPF_PROG(retransmit_result_raw, struct sock *sk, struct sk_buff *skb, int err)
{
	if (!err)
		data_again(ctx, sk, skb);
	return 0;
}

SEC("raw_tp/tcp_retransmit_skb")
int BPF_PROG(retransmit_raw, struct sock *sk, struct sk_buff *skb)
{
	data_again(ctx, sk, skb);
	return 0;
}

SEC("raw_tp/tcp_retransmit_synack")
int BPF_PROG(retransmit_synack_raw, struct sock *sk, struct sock *req)
{
	again(ctx, req, SYN_ACK, 1);
	return 0;
}
