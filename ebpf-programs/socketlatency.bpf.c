// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// TCP sockets: how long data that are ready wait until the application reads them, and how long written data wait until
// they are sent for the first time; per namespace and role of the socket, the slow ones as events.
#include "event.h"
#include "flow.h"
#include "share.h"
#include "waiting.h"

/* Older exporters count what takes longer, beside LEGACY_SLOWER. */
#define LEGACY_LEAST 1000000ULL

/* A read or transmission that goes on where the one before left off is part of it, unless it comes later than this. */
#define GOES_ON 1000000ULL

#define MSG_MORE 0x8000
#define MSG_NOT_LAST (0x20000 | MSG_MORE) /* MSG_SENDPAGE_NOTLAST */

struct socketlatency_settings {
	__u64 slow; /* ns above which there is an event */
	__u64 least; /* the smaller of slow and LEGACY_LEAST: below, nothing but the histogram needs a look */
	__u32 burst; /* events per second and key; 0: no events */
	__u32 pad;
};

struct socketlatency_value {
	struct histogram histogram;
	__u64 over_1ms;
	__u64 over_100ms;
	struct limiter limiter;
};

struct socketlatency_event {
	struct event_head head; /* without a task where none is known to have read or written */
	struct flow flow;
	__u64 duration;
	__u8 direction;
	__u8 role;
	__u8 window; /* the peer's receive window held it */
	__u8 pad[5];
};

SETTINGS(struct socketlatency_settings)
EVENT(socketlatency_event)
MAP(times, BPF_MAP_TYPE_HASH, 4096, struct socketlatency_key, struct socketlatency_value); /* set by the loader */
/* Too large for the stack: what a new value begins as. */
ONE(fresh, BPF_MAP_TYPE_ARRAY, struct socketlatency_value, get_fresh)

/* A wait that is over. */
struct over {
	const struct sock *sk;
	const struct waiting *waiting;
	__u64 from;
	__u64 now;
	enum direction direction;
	bool on; /* it goes on where another one left off */
	bool window;
};

static __always_inline void report(void *ctx, const struct over *over, const struct socketlatency_key *key)
{
	bool task = over->direction == DIRECTION_READ && is_held(over->sk);
	struct socketlatency_event *event = begin_event(over->now, key->netns, key->netns_cookie, task);

	if (!event)
		return;
	if (over->direction == DIRECTION_WRITE)
		fill_writer(&event->head, over->waiting);
	event->head.rootless = key->rootless;
	flow_of_sock(&event->flow, over->sk, IPPROTO_TCP);
	event->duration = over->now - over->from;
	event->direction = over->direction;
	event->role = key->role;
	event->window = over->window;
	end_event(ctx, event, sizeof(*event));
}

/* What took longer than least. */
static __always_inline void slow(void *ctx, const struct over *over, const struct socketlatency_key *key,
				 const struct socketlatency_settings *config, struct socketlatency_value *value)
{
	__u64 ns = over->now - over->from;

	if (ns > LEGACY_LEAST)
		add(&value->over_1ms, 1);
	if (ns > LEGACY_SLOWER)
		add(&value->over_100ms, 1);
	if (ns <= config->slow || !config->burst || !admit(&value->limiter, over->now, config->burst))
		return;
	if (!key->rootless || admit_rootless(&value->limiter, over->now, config->burst))
		report(ctx, over, key);
}

static __always_inline void count(void *ctx, const struct over *over)
{
	struct socketlatency_key key = key_of(over->waiting, over->sk, over->direction);
	struct socketlatency_value *value, *none = get_fresh();
	struct socketlatency_settings *config = get_settings();

	value = none && key.netns ? lookup_or_share(&times, &key, none, key.rootless, SHARE_COUNTERS) : NULL;
	if (!value) {
		lost(LOSS_ENTRY);
		return;
	}
	histogram_add_atomic(&value->histogram, over->now - over->from);
	if (config && over->now - over->from > config->least)
		slow(ctx, over, &key, config, value);
}

static __always_inline void ended(void *ctx, const struct over *over)
{
	if (over->now >= over->from && (!over->on || over->now - over->from > GOES_ON))
		count(ctx, over);
}

/*
 * Runs for each segment that a socket gets. Nothing has been read since older data became ready: those count, and the
 * clock is not looked at. By the sequence number, so that a read which nobody saw makes no later one slow.
 */
static __always_inline void became_ready(struct sock *sk, bool typed)
{
	const struct tcp_sock *tp = tcp_of(sk, typed);
	struct waiting *waiting;
	__u32 unread;

	if (!tp || state_of(tp, typed) == TCP_LISTEN)
		return;
	waiting = waiting_of(sk, typed, true);
	if (!waiting) {
		lost(LOSS_ENTRY);
		return;
	}
	unread = GET(typed, tp, copied_seq);
	if (waiting->ready && waiting->unread == unread)
		return;
	waiting->ready = bpf_ktime_get_ns();
	waiting->unread = unread;
	waiting->read_on = false;
}

/* Runs for each buffer that an application has read of, the kernel's own readers included. */
static __always_inline void was_read(void *ctx, struct sock *sk, bool typed)
{
	struct waiting *waiting = waiting_of(sk, typed, false);
	struct over over = { .sk = sk, .waiting = waiting, .direction = DIRECTION_READ };
	const struct tcp_sock *tp;
	__u32 unread;

	if (!waiting || !waiting->ready)
		return;
	tp = tcp_of(sk, typed);
	if (!tp)
		return;
	unread = GET(typed, tp, copied_seq);
	/* Somebody has looked at them only. */
	if (unread == waiting->unread)
		return;
	over.from = waiting->ready;
	over.now = bpf_ktime_get_ns();
	over.on = waiting->read_on;
	ended(ctx, &over);
	waiting->unread = unread;
	waiting->read_on = unread != GET(typed, tp, rcv_nxt);
	waiting->ready = waiting->read_on ? over.now : 0;
}

/*
 * A write that finds nothing unsent: its first byte is the one whose time is taken. What is behind older data waits for
 * them, as is a matter of course for who sends much: then the first that is unsent is followed.
 */
static __always_inline void was_written(struct sock *sk, bool more, bool typed)
{
	const struct tcp_sock *tp = tcp_of(sk, typed);
	struct waiting *waiting;
	__u32 unsent;
	bool behind;
	__u8 state;

	if (!tp)
		return;
	state = state_of(tp, typed);
	if (state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT)
		return;
	unsent = GET(typed, tp, snd_nxt);
	behind = GET(typed, tp, write_seq) != unsent;
	/* The application wants it to wait for more; what an earlier write began may have come to nothing. */
	if (!behind && (more || is_corked(tp, typed))) {
		waiting = waiting_of(sk, typed, false);
		if (waiting)
			waiting->written = 0;
		return;
	}
	waiting = waiting_of(sk, typed, true);
	if (!waiting) {
		lost(LOSS_ENTRY);
		return;
	}
	if (behind && waiting->written && waiting->unsent == unsent)
		return;
	waiting->unsent = unsent;
	waiting->send_on = behind;
	waiting->writer = bpf_get_current_task();
	waiting->writer_id = bpf_get_current_pid_tgid();
	waiting->written = bpf_ktime_get_ns();
}

/*
 * Of a segment with data that is the first with the byte that waits: snd_nxt moves after it has left. What is still
 * unsent then waits on, and counts where the peer's window is what holds it.
 */
static __always_inline void was_sent(void *ctx, const struct sock *sk, struct waiting *waiting, __u32 end)
{
	struct over over = { .sk = sk, .waiting = waiting, .direction = DIRECTION_WRITE };
	const struct tcp_sock *tp = (const void *)sk;

	/* It was sent before, and nobody saw it. */
	if (BPF_CORE_READ(tp, snd_nxt) != waiting->unsent) {
		waiting->written = 0;
		return;
	}
	over.from = waiting->written;
	over.now = bpf_ktime_get_ns();
	over.on = waiting->send_on;
	over.window = is_held_by_window(tp);
	if (!over.on || over.window)
		ended(ctx, &over);
	waiting->send_on = BPF_CORE_READ(tp, write_seq) != end;
	waiting->unsent = end;
	waiting->written = waiting->send_on ? over.now : 0;
}

/* Runs for each packet that leaves, also those of others and of no socket. */
static __always_inline void leaves(void *ctx, const struct sk_buff *skb, struct sock *sk, bool typed)
{
	struct waiting *waiting;
	__u32 begin, end;

	if (!sk)
		return;
	waiting = waiting_of(sk, typed, false);
	if (!waiting || !waiting->written || !data_of(skb, &begin, &end, typed) || begin != waiting->unsent)
		return;
	was_sent(ctx, sk, waiting, end);
}

TRACEPOINT(ready, sk_data_ready, became_ready(sk, typed), struct sock *sk)

/* Until 6.3. */
FUNCTION_ENTRY(ready, sock_def_readable, became_ready(sk, typed), struct sock *sk)

TRACEPOINT(read, tcp_rcv_space_adjust, was_read(ctx, sk, typed), struct sock *sk)

/* 6.16. */
TRACEPOINT(write, tcp_sendmsg_locked, was_written(sk, GET(typed, msg, msg_flags) & MSG_MORE, typed), struct sock *sk,
	   const struct msghdr *msg)

FUNCTION_ENTRY(write, tcp_sendmsg_locked, was_written(sk, GET(typed, msg, msg_flags) & MSG_MORE, typed),
	       struct sock *sk, const struct msghdr *msg)

/* Until 6.4: what sendfile and splice write. */
FUNCTION_ENTRY(pages, do_tcp_sendpages, was_written(sk, (flags & MSG_NOT_LAST) != 0, typed), struct sock *sk,
	       void *page, int offset, unsigned long size, int flags)

TRACEPOINT(leave, net_dev_queue, leaves(ctx, skb, GET(typed, skb, sk), typed), const struct sk_buff *skb)
