// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// What every process of the node has open, and has read and written: one record per process, in one read.
#include "maps.h"

#define BITS 64
/* Files that are counted: as many as there are bits in so many words. */
#define MOST_WORDS 1024
#define MOST_THREADS 256
#define PF_KTHREAD 0x00200000
#define RLIMIT_NOFILE 7

enum {
	FILES = 1, /* open is true */
	IO = 2, /* io is true */
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct list_head {
	struct list_head *next;
};

/* With CONFIG_TASK_XACCT and CONFIG_TASK_IO_ACCOUNTING: all or none of it. */
struct task_io_accounting {
	__u64 rchar;
	__u64 wchar;
	__u64 syscr;
	__u64 syscw;
	__u64 read_bytes;
	__u64 write_bytes;
};

struct rlimit {
	unsigned long rlim_cur;
};

struct signal_struct {
	struct rlimit rlim[16];
	int nr_threads;
	struct list_head thread_head;
	struct task_io_accounting ioac;
};

struct fdtable {
	unsigned int max_fds;
	unsigned long *open_fds;
};

struct files_struct {
	struct fdtable *fdt;
};

struct upid {
	int nr;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct nsproxy {
	struct net *net_ns;
};

struct task_struct___tasks {
	int pid;
	int tgid;
	unsigned int flags;
	__u64 start_boottime;
	struct pid *thread_pid;
	struct signal_struct *signal;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct list_head thread_node;
	struct task_io_accounting ioac;
};

struct bpf_iter_meta {
	void *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

/* The order of /proc/PID/io. */
struct io {
	__u64 counters[6];
};

struct task_record {
	__u64 start; /* nanoseconds since boot */
	__u32 pid; /* as the reader sees it */
	__u32 open;
	__u32 threads;
	__u32 known; /* FILES, IO */
	struct io io;
	__u32 netns; /* 0: it is over, or its main thread is */
	__u32 pad;
	__u64 file_limit; /* RLIM_INFINITY: none */
};

/* The one that is being written: there is one reader. */
ONE(record, BPF_MAP_TYPE_ARRAY, struct task_record, get_record)

#define IO_OFFSET(field) bpf_core_field_offset(struct task_io_accounting, field)

static __always_inline bool has_io(void)
{
	return bpf_core_field_exists(struct task_io_accounting, write_bytes) &&
	       bpf_core_field_exists(struct task_io_accounting, rchar) &&
	       IO_OFFSET(write_bytes) - IO_OFFSET(rchar) == 5 * sizeof(__u64);
}

static __always_inline bool read_io(struct io *io, const void *from)
{
	return bpf_probe_read_kernel(io, sizeof(*io), from + IO_OFFSET(rchar)) == 0;
}

static __always_inline void add_io(struct io *to, const struct io *io)
{
	for (int i = 0; i < 6; i++)
		to->counters[i] += io->counters[i];
}

static __always_inline bool same(const struct io *a, const struct io *b)
{
	for (int i = 0; i < 6; i++)
		if (a->counters[i] != b->counters[i])
			return false;
	return true;
}

/*
 * Its living threads, and what its dead ones and its children left. No lock is taken: a thread that ends meanwhile
 * changes what they left, and then the sum is not told.
 */
static __always_inline bool sum_io(struct task_record *record, struct signal_struct *signal)
{
	struct list_head *head = &signal->thread_head;
	struct list_head *at = BPF_CORE_READ(head, next);
	struct io left = {};
	struct io now = {};
	unsigned int threads = 0;

	if (!has_io() || !read_io(&left, &signal->ioac))
		return false;
	record->io = left;
	for (int i = 0; i < MOST_THREADS && at != head && at; i++) {
		struct task_struct___tasks *thread =
			(void *)at - bpf_core_field_offset(struct task_struct___tasks, thread_node);

		if (!read_io(&now, &thread->ioac))
			return false;
		add_io(&record->io, &now);
		at = BPF_CORE_READ(at, next);
		threads++;
	}
	record->threads = threads;
	return at == head && threads == (unsigned int)BPF_CORE_READ(signal, nr_threads) &&
	       read_io(&now, &signal->ioac) && same(&now, &left);
}

static __always_inline __u32 bits(__u64 word)
{
	word -= (word >> 1) & 0x5555555555555555ULL;
	word = (word & 0x3333333333333333ULL) + ((word >> 2) & 0x3333333333333333ULL);
	word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return word * 0x0101010101010101ULL >> 56;
}

static __always_inline bool count_files(struct task_record *record, struct files_struct *files)
{
	struct fdtable *table = BPF_CORE_READ(files, fdt);
	unsigned long *open = BPF_CORE_READ(table, open_fds);
	unsigned int words = BPF_CORE_READ(table, max_fds) / BITS;

	record->open = 0;
	for (unsigned int i = 0; i < MOST_WORDS && i < words; i++) {
		__u64 word = 0;

		if (bpf_probe_read_kernel(&word, sizeof(word), &open[i]))
			return false;
		record->open += bits(word);
	}
	return files && words && words <= MOST_WORDS;
}

/* Its number in the reader's own namespace, which the iterator walks. */
static __always_inline __u32 number_of(struct task_struct___tasks *task)
{
	struct task_struct___tasks *reader = (void *)bpf_get_current_task();
	unsigned int level = BPF_CORE_READ(reader, thread_pid, level);
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	int number = 0;

	bpf_core_read(&number, sizeof(number), (void *)&pid->numbers[0] + level * bpf_core_type_size(struct upid));
	return number;
}

SEC("iter/task")
int read_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct___tasks *task = (void *)ctx->task;
	struct task_record *record = get_record();

	if (!task || !record)
		return 0;
	if (BPF_CORE_READ(task, pid) != BPF_CORE_READ(task, tgid) || BPF_CORE_READ(task, flags) & PF_KTHREAD)
		return 0;
	record->start = BPF_CORE_READ(task, start_boottime);
	record->pid = number_of(task);
	record->netns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
	record->file_limit = BPF_CORE_READ(task, signal, rlim[RLIMIT_NOFILE].rlim_cur);
	record->known = 0;
	if (sum_io(record, BPF_CORE_READ(task, signal)))
		record->known |= IO;
	if (count_files(record, BPF_CORE_READ(task, files)))
		record->known |= FILES;
	bpf_seq_write(ctx->meta->seq, record, sizeof(*record));
	return 0;
}
