// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// TCP segments that were sent again, by what made the kernel do it.
#include "lost.h"
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

/* Whether what is sent again was lost on this node; the key's reason. */
enum verdict {
	DROPPED_HERE = 1,
	NOT_HERE,
	UNKNOWN, /* freed packets are not seen, or not since long enough, or another's was left in its place */
};

/* enum tcp_ca_state (include/uapi/linux/tcp.h); ICSK_TIME_LOSS_PROBE (include/net/inet_connection_sock.h) */
#define TCP_CA_RECOVERY 3
#define TCP_CA_LOSS 4
#define PENDING_LOSS_PROBE 5

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct inet_connection_sock {
	__u8 icsk_ca_state : 5;
	__u8 icsk_pending;
	__u8 icsk_backoff;
	__u32 icsk_rto; /* jiffies */
};

struct tcp_sock {
	__u64 bytes_acked;
	__u32 delivered; /* segments, with the SYN */
	__u32 snd_una;
	__u32 snd_nxt;
	__u32 snd_wnd;
	__u64 tcp_clock_cache; /* bpf_ktime_get_ns; 4.20 */
};

struct request_sock {
	__u8 num_timeout : 7;
};

struct tcp_request_sock {
	__u32 snt_isn;
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

/* What the peer has not acknowledged, and when it may have been lost to be what is sent again now. */
struct unacknowledged {
	__u32 from;
	__u32 to;
	__u64 since;
	__u64 until; /* what was lost later is what was just sent */
};

/*
 * A time-out is one retransmission time-out after what was lost, the next one twice as long after that. The timer may
 * be late: what was lost in the time-out before is told apart as long as it is by less than three eighths (at first
 * there is none before; where a SYN's time does not double, seven eighths).
 */
static __always_inline __u64 earliest(__u64 now, __u64 rto, __u8 backoff)
{
	__u64 span = rto + rto * (backoff ? 3 : 7) / 8;

	return now > span ? now - span : 0;
}

static __always_inline void of_connection(struct unacknowledged *open, const struct sock *sk, __u64 now)
{
	const struct inet_connection_sock *icsk = (const struct inet_connection_sock *)sk;
	const struct tcp_sock *tp = (const struct tcp_sock *)sk;
	struct tcp_settings *config = get_settings();
	__u64 rto = (__u64)BPF_CORE_READ(icsk, icsk_rto) * 1000000000;

	open->from = BPF_CORE_READ(tp, snd_una);
	open->to = BPF_CORE_READ(tp, snd_nxt);
	open->until = now;
	if (bpf_core_field_exists(tp->tcp_clock_cache))
		open->until = BPF_CORE_READ(tp, tcp_clock_cache);
	if (config && config->second)
		open->since = earliest(now, rto / config->second, BPF_CORE_READ(icsk, icsk_backoff));
}

/* The first time-out is a second (TCP_TIMEOUT_INIT). */
static __always_inline void of_request(struct unacknowledged *open, const struct sock *sk, __u64 now)
{
	const struct request_sock *req = (const struct request_sock *)sk;
	__u8 timeouts = BPF_CORE_READ_BITFIELD_PROBED(req, num_timeout);

	open->from = BPF_CORE_READ((const struct tcp_request_sock *)sk, snt_isn);
	open->to = open->from + 1;
	open->until = now;
	open->since = earliest(now, 1000000000ULL << (timeouts & 7), timeouts);
}

static __always_inline bool same_end(const __u64 *addr, __be16 port, const __u8 *its_addr, __be16 its_port)
{
	const __u64 *words = (const __u64 *)its_addr;

	return port == its_port && addr[0] == words[0] && addr[1] == words[1];
}

/*
 * Looks into one slot. Address translation changes one end at most on the way; numbers that nobody acknowledged yet are
 * no other connection's with that end. 0: nothing; UNKNOWN: another's was left there since.
 */
static __always_inline __u32 look(const struct flow *flow, const struct unacknowledged *open, bool rootless,
				  bool answer, __u64 now, struct tcp_loss *loss)
{
	const struct lost_segment *slot = answer ? lost_slot(flow->dport, flow->sport, rootless, true)
						 : lost_slot(flow->sport, flow->dport, rootless, false);
	struct lost_segment lost;
	bool near, far;

	if (!slot)
		return 0;
	lost = *slot;
	/* What was read is what is looked at. */
	asm volatile("" : : "r"(&lost) : "memory");
	if (lost.time < open->since)
		return 0;
	if (lost.check != lost_check(&lost) || lost.time > open->until)
		return UNKNOWN;
	if (answer) {
		near = same_end(lost.daddr, lost.dport, flow->saddr, flow->sport);
		far = same_end(lost.saddr, lost.sport, flow->daddr, flow->dport);
	} else {
		near = same_end(lost.saddr, lost.sport, flow->saddr, flow->sport);
		far = same_end(lost.daddr, lost.dport, flow->daddr, flow->dport);
	}
	/* An acknowledgement names what comes next. */
	if ((!near && !far) || (answer ? lost.ack - 1 : lost.seq) - open->from >= open->to - open->from)
		return near && far ? 0 : UNKNOWN;
	loss->location = lost.location;
	loss->reason = lost.reason;
	loss->before = now - lost.time;
	loss->netns = lost.netns;
	loss->netns_cookie = lost.netns_cookie;
	loss->answer = answer;
	return DROPPED_HERE;
}

/* A namespace that any user can make may hide what was lost in such a one, not what was lost elsewhere. */
static __always_inline __u32 verdict_of(const struct flow *flow, const struct unacknowledged *open, bool rootless,
					__u64 now, struct tcp_loss *loss)
{
	__u64 watched = lost_time(LOST_WATCHED), wanted = lost_time(LOST_WANTED);
	__u32 packet, answer, their_packet, their_answer;

	if (!open->since || !watched || !wanted)
		return UNKNOWN;
	packet = look(flow, open, false, false, now, loss);
	if (packet == DROPPED_HERE)
		return packet;
	answer = look(flow, open, false, true, now, loss);
	if (answer == DROPPED_HERE)
		return answer;
	their_packet = look(flow, open, true, false, now, loss);
	if (their_packet == DROPPED_HERE)
		return their_packet;
	their_answer = look(flow, open, true, true, now, loss);
	if (their_answer == DROPPED_HERE)
		return their_answer;
	if (packet || answer || (rootless && (their_packet || their_answer)))
		return UNKNOWN;
	return watched > open->since || wanted > open->since ? UNKNOWN : NOT_HERE;
}

/* What tells a path that loses large packets only: small ones arrived, this one does not. */
static __always_inline void fill_size(struct tcp_loss *loss, const struct sock *sk, const struct sk_buff *skb)
{
	const struct tcp_sock *tp = (const struct tcp_sock *)sk;
	__u32 delivered = BPF_CORE_READ(tp, delivered);

	loss->timeouts = BPF_CORE_READ((const struct inet_connection_sock *)sk, icsk_backoff) + 1;
	/* The peer takes nothing now, and says so: what is sent again asks when it does, whatever its size. */
	if (!BPF_CORE_READ(tp, snd_wnd))
		return;
	loss->length = BPF_CORE_READ(control_block(skb), end_seq) - BPF_CORE_READ(control_block(skb), seq);
	if (delivered)
		loss->delivered = BPF_CORE_READ(tp, bytes_acked) / delivered;
}

/* skb: NULL for the answer to a SYN. */
static __always_inline void again(void *ctx, const struct sock *sk, const struct sk_buff *skb, __u8 kind,
				  __u32 segments)
{
	struct netns ns = netns_of_sock(sk);
	struct tcp_key key = tcp_key_in(ns);
	struct unacknowledged open = {};
	struct tcp_loss loss = {};
	struct flow flow = {};
	__u64 now = bpf_ktime_get_ns();

	flow_of_connection(&flow, sk);
	key.kind = kind ?: kind_of(sk, flow.state);
	if (kind == SYN_ACK)
		of_request(&open, sk, now);
	else
		of_connection(&open, sk, now);
	if (skb && key.kind == RTO)
		fill_size(&loss, sk, skb);
	key.reason = verdict_of(&flow, &open, ns.rootless, now, &loss);
	tcp_count_all(ctx, &key, &flow, kind != SYN_ACK && task_holds(sk), segments, 0, &loss);
}

/* One packet may carry many segments: the network card cuts it. */
static __always_inline void data_again(void *ctx, const struct sock *sk, const struct sk_buff *skb)
{
	__u16 segments = BPF_CORE_READ(control_block(skb), tcp_gso_segs);

	again(ctx, sk, skb, 0, segments ?: 1);
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
	again(ctx, req, NULL, SYN_ACK, 1);
	return 0;
}
