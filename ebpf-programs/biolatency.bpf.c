// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Requests to block devices: how long each took in all and in the device, per device, operation and pod; the slow ones
// as events.
#include "event.h"
#include "flow.h"
#include "pod.h"
#include "share.h"

/* include/linux/blk_types.h */
#define REQ_OP_BITS 8
#define REQ_OP_WRITE 1
#define REQ_OP_FLUSH 2
#define REQ_OP_DISCARD 3
#define REQ_OP_SECURE_ERASE 5
#define REQ_OP_DRIVER 32 /* and above: commands of the driver's own, no I/O */

#define MINOR_BITS 20

/* Mirrored by BlockOperation in C#. */
enum operation {
	OPERATION_READ,
	OPERATION_WRITE,
	OPERATION_FLUSH,
	OPERATION_DISCARD,
	OPERATION_OTHER,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct blkcg {
	struct cgroup_subsys_state css;
};

struct blkcg_gq {
	struct blkcg *blkcg;
};

struct bio {
	struct blkcg_gq *bi_blkg;
};

struct gendisk {
	int major;
	int first_minor;
	char disk_name[32];
};

struct request_queue {
	struct gendisk *disk; /* 5.15 */
};

struct request {
	struct request_queue *q;
	unsigned int cmd_flags;
	unsigned int __data_len; /* bytes that are left */
	__u64 __sector;
	struct bio *bio;
	struct gendisk *rq_disk; /* until 5.16 */
	__u64 start_time_ns; /* 0 where the queue keeps no statistics */
};

struct nsproxy {
	struct net *net_ns;
};

struct task_struct___bio {
	struct nsproxy *nsproxy;
};

#pragma clang attribute pop

struct biolatency_settings {
	__u64 slow; /* ns above which there is an event */
	__u32 burst; /* events per second and key; 0: no events */
	__u32 pad;
};

/* A request under way: who asked, and since when the device works. What it took its own start time tells. */
struct biolatency_start {
	__u64 life; /* its start time: another one is another request at the same address */
	__u64 seen;
	__u64 issued; /* 0: it waits */
	__u64 sector;
	__u32 bytes;
	__u32 netns;
	__u32 netns_cookie;
	__u32 pid;
	__u32 tid;
	char comm[16];
	__u32 rootless; /* any user can make such namespaces */
	__u64 cgroup;
};

struct biolatency_key {
	__u64 pod; /* its cgroup; 0: of none */
	__u32 device;
	__u32 operation;
};

struct biolatency_value {
	struct histogram total;
	struct histogram device;
	__u64 bytes;
	struct limiter limiter;
	char name[32];
	__u64 disk; /* whose number it is now */
	__u32 netns; /* of who asked for the last slow one */
	__u32 rootless; /* the same */
};

struct biolatency_event {
	struct event_head head;
	__u64 duration;
	__u64 waited; /* of it, before the device got it */
	__u64 sector;
	__u32 bytes;
	__u32 device;
	__u8 operation;
	__u8 failed;
	char name[32];
	__u8 pad[6];
};

SETTINGS(struct biolatency_settings)
EVENT(biolatency_event)
/* By address. One that is pushed out costs the name of who asked, nothing else. */
MAP(starts, BPF_MAP_TYPE_LRU_HASH, 4096, __u64, struct biolatency_start);
MAP(biolatency, BPF_MAP_TYPE_HASH, 4096, struct biolatency_key, struct biolatency_value);
/* Too large for the stack: what a new value begins as. */
ONE(fresh, BPF_MAP_TYPE_ARRAY, struct biolatency_value, get_fresh)

static __always_inline void fill_asker(struct biolatency_start *start)
{
	struct task_struct___bio *task = (void *)bpf_get_current_task();
	struct netns ns = netns_of_net(BPF_CORE_READ(task, nsproxy, net_ns), false);
	__u64 id = bpf_get_current_pid_tgid();

	start->netns = ns.inum;
	start->netns_cookie = ns.cookie;
	start->rootless = ns.rootless;
	start->pid = id >> 32;
	start->tid = (__u32)id;
	bpf_get_current_comm(start->comm, sizeof(start->comm));
	start->cgroup = bpf_get_current_cgroup_id();
}

static __always_inline void met(const struct request *rq, __u64 issued, bool typed)
{
	struct biolatency_start start = { .life = GET(typed, rq, start_time_ns), .issued = issued };
	__u64 key = (__u64)rq;

	start.seen = issued ? issued : bpf_ktime_get_ns();
	start.sector = GET(typed, rq, __sector);
	start.bytes = GET(typed, rq, __data_len);
	fill_asker(&start);
	bpf_map_update_elem(&starts, &key, &start, BPF_ANY);
}

/* Where it was asked for: mostly the task that did. */
static __always_inline void started(const struct request *rq, bool typed)
{
	met(rq, 0, typed);
}

/*
 * The device gets it; once more after it refused it. An entry of another request, whose end was missed, does not count:
 * where requests have no start time, neither does one that was issued.
 */
static __always_inline void issued(const struct request *rq, bool typed)
{
	__u64 key = (__u64)rq, now = bpf_ktime_get_ns();
	struct biolatency_start *start = bpf_map_lookup_elem(&starts, &key);
	__u64 life = GET(typed, rq, start_time_ns);

	if (!start || start->life != life || (!life && start->issued))
		met(rq, now, typed);
	else
		start->issued = now;
}

static __always_inline enum operation operation_of(__u32 op, __u32 bytes)
{
	/* A flush that was asked for has no data: a write of nothing. */
	if (op == REQ_OP_FLUSH || (op == REQ_OP_WRITE && !bytes))
		return OPERATION_FLUSH;
	if (op <= REQ_OP_WRITE)
		return op;
	return op == REQ_OP_DISCARD || op == REQ_OP_SECURE_ERASE ? OPERATION_DISCARD : OPERATION_OTHER;
}

static __always_inline struct gendisk *disk_of(const struct request *rq)
{
	if (bpf_core_field_exists(rq->rq_disk))
		return BPF_CORE_READ(rq, rq_disk);
	return BPF_CORE_READ(rq, q, disk);
}

/* Whose it is by the cgroup that its first bio is charged to: also what is written back later. */
static __always_inline __u64 pod_of(const struct bio *bio)
{
	struct blkcg *blkcg;

	if (!bio || !bpf_core_field_exists(bio->bi_blkg))
		return 0;
	blkcg = BPF_CORE_READ(bio, bi_blkg, blkcg);
	if (!blkcg)
		return 0;
	return pod_of_css((void *)blkcg + bpf_core_field_offset(struct blkcg, css));
}

static __always_inline struct biolatency_value *value_of(struct biolatency_key *key, const struct gendisk *disk)
{
	struct biolatency_value *value = bpf_map_lookup_elem(&biolatency, key), *none;

	if (value && (!value->disk || value->disk == (__u64)disk))
		return value;
	/* The number of a disk that was taken away has another one now: its figures are not that one's. */
	if (value)
		bpf_map_delete_elem(&biolatency, key);
	none = get_fresh();
	value = none ? lookup_or_init(&biolatency, key, none) : NULL;
	if (!value)
		return NULL;
	BPF_CORE_READ_INTO(&value->name, disk, disk_name);
	value->disk = (__u64)disk;
	return value;
}

static __always_inline void report(void *ctx, const struct biolatency_key *key, const struct biolatency_start *start,
				   const char *name, __u64 from, __u64 now, bool failed)
{
	struct biolatency_event *event = begin_event(now, start->netns, start->netns_cookie, false);

	if (!event)
		return;
	event->head.rootless = start->rootless;
	event->head.pid = start->pid;
	event->head.tid = start->tid;
	__builtin_memcpy(event->head.comm, start->comm, sizeof(event->head.comm));
	event->head.cgroup = start->cgroup;
	event->duration = now - from;
	if (start->issued > from)
		event->waited = start->issued - from;
	event->sector = start->sector;
	event->bytes = start->bytes;
	event->device = key->device;
	event->operation = key->operation;
	event->failed = failed;
	__builtin_memcpy(event->name, name, sizeof(event->name));
	end_event(ctx, event, sizeof(*event));
}

/* The value of a request and its key; NULL: counted as lost. */
static __always_inline struct biolatency_value *value_for(const struct request *rq, struct biolatency_key *key)
{
	struct gendisk *disk = disk_of(rq);
	struct biolatency_value *value;

	if (!disk)
		return NULL;
	key->device = (__u32)BPF_CORE_READ(disk, major) << MINOR_BITS | (__u32)BPF_CORE_READ(disk, first_minor);
	value = value_of(key, disk);
	if (!value && key->pod) {
		/* The device's figures stay whole. */
		key->pod = 0;
		value = value_of(key, disk);
	}
	if (!value)
		lost(LOSS_ENTRY);
	return value;
}

/* Takes what is known of who asked; all zero where that is nothing. */
static __always_inline void take_start(struct biolatency_start *start, const struct request *rq, __u64 life)
{
	__u64 key = (__u64)rq;
	struct biolatency_start *found = bpf_map_lookup_elem(&starts, &key);

	if (!found)
		return;
	if (found->life == life)
		*start = *found;
	bpf_map_delete_elem(&starts, &key);
}

/* What any user asks for from namespaces of his own takes nothing of the burst of the node, whose key it has. */
static __always_inline bool let(struct biolatency_value *value, bool rootless, __u64 now, __u32 burst)
{
	return rootless ? admit_rootless(&value->limiter, now, burst) : admit(&value->limiter, now, burst);
}

/* The whole of it is done. */
static __always_inline void ended(void *ctx, const struct request *rq, const struct biolatency_key *key,
				  struct biolatency_value *value, bool failed, bool typed)
{
	struct biolatency_settings *config = get_settings();
	__u64 life = GET(typed, rq, start_time_ns), now = bpf_ktime_get_ns(), from;
	struct biolatency_start start = {};

	take_start(&start, rq, life);
	from = life ? life : start.seen;
	/* It began before anybody looked. */
	if (!from || from > now)
		return;
	histogram_add_atomic(&value->total, now - from);
	if (start.issued && start.issued <= now)
		histogram_add_atomic(&value->device, now - start.issued);
	if (!config || now - from <= config->slow || !config->burst)
		return;
	value->netns = start.netns;
	value->rootless = start.rootless;
	if (let(value, start.rootless, now, config->burst))
		report(ctx, key, &start, value->name, from, now, failed);
}

static __always_inline void completed(void *ctx, const struct request *rq, int error, __u32 bytes, bool typed)
{
	__u32 op = GET(typed, rq, cmd_flags) & ((1 << REQ_OP_BITS) - 1), left = GET(typed, rq, __data_len);
	const struct bio *bio = GET(typed, rq, bio);
	struct biolatency_value *value;
	struct biolatency_key key = {};

	/* A write with a flush behind it ends twice, the second time without data. */
	if (op >= REQ_OP_DRIVER || (!bio && op != REQ_OP_FLUSH))
		return;
	key.operation = operation_of(op, left);
	key.pod = pod_of(bio);
	value = value_for(rq, &key);
	if (!value)
		return;
	add(&value->bytes, bytes);
	/* Else the rest is to come. */
	if (bytes >= left)
		ended(ctx, rq, &key, value, error != 0, typed);
}

TRACEPOINT(complete, block_rq_complete, completed(ctx, rq, error, bytes, typed), struct request *rq, int error,
	   unsigned int bytes)

TRACEPOINT(issue, block_rq_issue, issued(rq, typed), struct request *rq)

/* Until 5.10 the queue comes first. */
TRACEPOINT(issue_queue, block_rq_issue, issued(rq, typed), struct request_queue *q, struct request *rq)

/* 6.5. */
TRACEPOINT(start, block_io_start, started(rq, typed), struct request *rq)

/* Before: where it goes to a scheduler. */
TRACEPOINT(insert, block_rq_insert, started(rq, typed), struct request *rq)

TRACEPOINT(insert_queue, block_rq_insert, started(rq, typed), struct request_queue *q, struct request *rq)
