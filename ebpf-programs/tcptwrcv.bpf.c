// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// TCP segments that arrive for a connection in TIME_WAIT, by what the kernel does with them.
#include "tcp.h"

enum action {
	DROPPED = 1,
	ACKNOWLEDGED,
	RESET,
	LET_THROUGH, /* a SYN: a new connection of the same two ends */
	UNKNOWN, /* dropped or acknowledged: this way to see it does not tell */
};

enum outcome {
	ORDERLY = 1, /* an acknowledgement or the end of the connection that was, or the beginning of a new one */
	REFUSED,
	OTHER, /* data once more, a reset, what is far from where the connection ended */
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct tcp_timewait_sock {
	__u32 tw_rcv_wnd;
};

#pragma clang attribute pop

/* include/net/tcp.h */
enum tcp_tw_status {
	TCP_TW_SUCCESS,
	TCP_TW_RST,
	TCP_TW_ACK,
	TCP_TW_SYN,
	TCP_TW_ACK_OOW, /* of later kernels; an acknowledgement, too */
};

/* Since 5.17. */
enum bpf_func_id___return {
	BPF_FUNC_get_func_ret___return = 184,
};

/* The segment that this CPU works on, with bottom halves off: nothing comes in between. */
struct held {
	__u64 skb;
	__u64 tw;
};

PER_CPU(held, struct held, get_held)

#define HAS(name) bpf_core_enum_value_exists(enum tcp_tw_status, name)
#define IS(verdict, name) (HAS(name) && verdict == bpf_core_enum_value(enum tcp_tw_status, name))

static __always_inline __u8 action_of(__u32 verdict)
{
	if (IS(verdict, TCP_TW_ACK) || IS(verdict, TCP_TW_ACK_OOW))
		return ACKNOWLEDGED;
	if (IS(verdict, TCP_TW_RST))
		return RESET;
	if (IS(verdict, TCP_TW_SYN))
		return LET_THROUGH;
	return IS(verdict, TCP_TW_SUCCESS) ? DROPPED : UNKNOWN;
}

/* A connection gets delayed, or its peer loses what it has sent. */
static __always_inline bool is_refused(__u8 flags, __u8 action)
{
	bool begins = (flags & (TCP_FLAG_SYN | TCP_FLAG_ACK | TCP_FLAG_RST)) == TCP_FLAG_SYN;

	return action == RESET || (begins && action != LET_THROUGH);
}

/*
 * Without data, and of where the connection ended: on two processors the last acknowledgement may come in behind the
 * end that was sent after it. TCP has filled the control block; the socket, freed or not, is still one in TIME_WAIT.
 */
static __always_inline bool is_end(const struct sock *tw, const struct sk_buff *skb, __u8 flags)
{
	const struct tcp_timewait_sock *end = (const struct tcp_timewait_sock *)tw;
	__u32 seq = BPF_CORE_READ(control_block(skb), seq);
	__u32 data = BPF_CORE_READ(control_block(skb), end_seq) - seq - (flags & TCP_FLAG_FIN ? 1 : 0);
	__u32 window = BPF_CORE_READ(end, tw_rcv_wnd) + 1;

	if (data || !(flags & TCP_FLAG_ACK) || flags & (TCP_FLAG_SYN | TCP_FLAG_RST))
		return false;
	return seq - BPF_CORE_READ(tw, __sk_common.skc_tw_rcv_nxt) + window <= 2 * window;
}

static __always_inline __u32 outcome_of(const struct sock *tw, const struct sk_buff *skb, __u8 flags, __u8 action)
{
	if (is_refused(flags, action))
		return REFUSED;
	return action == LET_THROUGH || is_end(tw, skb, flags) ? ORDERLY : OTHER;
}

static __always_inline void arrived(void *ctx, const struct sock *tw, const struct sk_buff *skb, __u8 action)
{
	struct tcp_key key = tcp_key_in(netns_of_skb(skb, NULL, false)); /* not the socket's: it may be freed by now */
	struct flow flow = {};

	flow_of_answer(&flow, skb);
	if (flow.protocol != IPPROTO_TCP)
		return;
	flow.state = TCP_TIME_WAIT;
	key.kind = action;
	key.reason = outcome_of(tw, skb, flow.tcp_flags, action);
	/* The last acknowledgement is nothing to tell of. */
	if (key.reason == ORDERLY && !(flow.tcp_flags & (TCP_FLAG_FIN | TCP_FLAG_SYN)))
		tcp_add(&key, &flow, 1);
	else
		tcp_count(ctx, &key, &flow, false, 1);
}

/*
 * Behind the arguments: three in kernels without the helper, later ones have more. Volatile, or clang makes both ways
 * one load through a pointer, which the verifier refuses.
 */
static __always_inline __u32 returned(__u64 *ctx)
{
	__u64 verdict = 0;

	if (!bpf_core_enum_value_exists(enum bpf_func_id___return, BPF_FUNC_get_func_ret___return))
		return *(volatile __u64 *)&ctx[3];
	bpf_get_func_ret(ctx, &verdict);
	return verdict;
}

SEC("fexit/tcp_timewait_state_process")
int BPF_PROG(process_fexit, struct sock *tw, struct sk_buff *skb)
{
	arrived(ctx, tw, skb, action_of(returned(ctx)));
	return 0;
}

/* Gives the one before. */
static __always_inline struct held hold(const struct sock *tw, const struct sk_buff *skb)
{
	struct held *held = get_held(), before = {};

	if (!held)
		return before;
	before = *held;
	held->tw = (__u64)tw;
	held->skb = (__u64)skb;
	return before;
}

SEC("kprobe/tcp_timewait_state_process")
int BPF_KPROBE(process_kprobe, struct sock *tw, struct sk_buff *skb)
{
	hold(tw, skb);
	return 0;
}

SEC("kretprobe/tcp_timewait_state_process")
int BPF_KRETPROBE(process_kretprobe, __u32 verdict)
{
	struct held held = hold(NULL, NULL);

	arrived(ctx, (struct sock *)held.tw, (struct sk_buff *)held.skb, action_of(verdict));
	return 0;
}

/* Where functions cannot be hooked: a reset is sent, then what it answers is freed. */
SEC("raw_tp/tcp_send_reset")
int BPF_PROG(answered_raw, struct sock *sk, struct sk_buff *skb)
{
	if (BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_TIME_WAIT)
		hold(sk, skb);
	return 0;
}

/* 6.11: with the socket, whose memory is not given to other types. A SYN that is let through is not freed. */
SEC("tp_btf/kfree_skb")
int BPF_PROG(freed_btf, struct sk_buff *skb, void *location, __u32 reason, struct sock *rx_sk)
{
	if (rx_sk && rx_sk->__sk_common.skc_state == TCP_TIME_WAIT)
		arrived(ctx, rx_sk, skb, hold(NULL, NULL).skb == (__u64)skb ? RESET : UNKNOWN);
	return 0;
}
