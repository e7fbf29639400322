/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of the processes that a look has found: see look.c.
 *
 *   estimate  per process the resident anonymous and shared pages and what is swapped out, from
 *             `status`: cheap, and never too small, since what several processes share is counted
 *             for each
 *   exact     only when the estimate is over the limit: proportional shares from `smaps_rollup`
 *
 * To both come the page tables, a table of 4 KiB for every 2 MiB of addresses that are as much as read, and
 * huge pages: of these what several processes share is counted for each.
 *
 * Files of memory (memfd) belong to a descriptor and need not be mapped: what they hold is looked up
 * through the descriptors, each file once. What of them is mapped as well is counted twice by that;
 * where it matters, `smaps` tells how much that is (look_smaps.c). Pages of files on disk are not counted, the kernel
 * takes them back when it likes. Not seen: what was written to a tmpfs and is not mapped, and memory
 * files that lie in a socket's queue.
 *
 * Processes that cannot be looked into. One that is not dumpable (it said so, or its program is not
 * readable) shows its pages but not its descriptors, except to CAP_SYS_PTRACE. While there is one, the
 * tree has what the shared memory and the swap of the whole host have grown by since everything could
 * be looked into last, if that is more than what is seen: such memory can be in no other place. What
 * others take meanwhile is taken for the tree's as well; that can end a run too early, and never lets
 * more pass than what others have given back.
 *
 * memory-1: a child of vfork() has its parent's memory; it is not counted again.
 * memory-2: a process whose first thread has ended shows nothing under its own number: it has the
 *           figures and the descriptors of any other thread. One without such a thread is a zombie.
 * memory-3: a thread can have a table of descriptors of its own.
 */
#include "child/look_parts.h"

#include "child/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/memfd.h>
#include <linux/stat.h>
#include <linux/sysinfo.h>

#define DESCRIPTORS_MAX 16384u

struct use {
	uint64_t anonymous, shared, swapped, files; /* KiB */
};

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* Shared memory and swap that the whole host uses. Return: 0 or -errno. */
static long host_use(uint64_t *ret_kib)
{
	struct sysinfo info = { 0 };
	long r = raw(SYS_sysinfo, &info);

	if (r < 0)
		return r;
	*ret_kib = (info.sharedram + less(info.totalswap, info.freeswap)) * info.mem_unit / 1024;
	return 0;
}

int look_memory_prepare(struct looker *looker)
{
	long r = raw(SYS_memfd_create, "", MFD_CLOEXEC), fd = r;
	struct statx st;

	/* The device that files of memory lie on. */
	if (r >= 0)
		r = raw(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_INO, &st);
	if (r >= 0)
		r = host_use(&looker->elsewhere_kib);
	if (fd >= 0)
		raw(SYS_close, fd);
	if (r < 0)
		return (int)r;
	looker->memfd_major = st.stx_dev_major;
	looker->memfd_minor = st.stx_dev_minor;
	looker->elsewhere_before_kib = looker->elsewhere_kib;
	return 0;
}

/* --- a process and its threads ------------------------------------------------------------------ */

/* Into looker->text. Return: whether there is something. */
static bool read_below(struct looker *looker, pid_t pid, const char *name)
{
	char path[PROC_NAME_MAX];
	long r;

	proc_put(proc_put_number(path, pid), name);
	r = proc_read(looker->proc, path, looker->text, LOOK_TEXT_SIZE);
	look_note_error(looker, r);
	return r > 0;
}

/* Leaves its `status` in looker->text. */
static bool has_memory(struct looker *looker, pid_t tid)
{
	return read_below(looker, tid, "/status") && proc_field(looker->text, "VmSize:") >= 0;
}

struct search {
	struct looker *looker;
	pid_t found;
};

static bool is_living(void *arg, pid_t tid)
{
	struct search *search = arg;

	if (has_memory(search->looker, tid))
		search->found = tid;
	return search->found == 0;
}

/* memory-2. Return: a thread that has not ended, with its `status` in looker->text; 0 if there is none. */
static pid_t living_thread(struct looker *looker, const struct looked_at *process)
{
	struct search search = { looker, 0 };
	long task;

	if (has_memory(looker, process->pid))
		return process->pid;
	task = look_open(looker, process->pid, "/task");
	if (task < 0) {
		look_note_hidden(looker, process, task);
		return 0;
	}
	proc_each_entry((int)task, is_living, &search);
	raw(SYS_close, task);
	return search.found;
}

/* --- files of memory ---------------------------------------------------------------------------- */

bool look_knows_file(const struct looker *looker, uint64_t inode)
{
	for (size_t i = 0; i < looker->inode_count; i++) {
		if (looker->inodes[i] == inode)
			return true;
	}
	return false;
}

static bool is_new(struct looker *looker, uint64_t inode)
{
	if (look_knows_file(looker, inode))
		return false;
	/* More files than can be remembered may be counted twice: too much rather than too little. */
	if (looker->inode_count < LOOK_INODES_MAX)
		looker->inodes[looker->inode_count++] = inode;
	return true;
}

struct files {
	struct looker *looker;
	struct use *use;
	pid_t first;
	long dir;
};

static bool add_file(void *arg, pid_t number)
{
	struct files *files = arg;
	struct looker *looker = files->looker;
	char name[PROC_NAME_MAX];
	struct statx st;
	long r;

	proc_put_number(name, number);
	r = raw(SYS_statx, files->dir, name, AT_STATX_DONT_SYNC, STATX_INO | STATX_BLOCKS, &st);
	if (r == -EACCES || r == -EPERM)
		looker->unseen = true;
	if (r == 0 && st.stx_dev_major == looker->memfd_major &&
	    st.stx_dev_minor == looker->memfd_minor && st.stx_blocks > 0 &&
	    is_new(looker, st.stx_ino))
		files->use->files += st.stx_blocks / 2;
	return ++looker->descriptors < DESCRIPTORS_MAX;
}

/* Return: 0, or why the descriptors cannot be listed. */
static long add_table(struct files *files, pid_t tid)
{
	files->dir = look_open(files->looker, tid, "/fd");
	if (files->dir < 0)
		return files->dir;
	proc_each_entry((int)files->dir, add_file, files);
	raw(SYS_close, files->dir);
	return 0;
}

/* what: KCMP_* */
static bool shares(struct looker *looker, pid_t a, pid_t b, int what)
{
	pid_t first = look_named(looker, a), second = look_named(looker, b);

	return first > 0 && second > 0 && raw(SYS_kcmp, first, second, what, 0, 0) == 0;
}

/* memory-3 */
static bool add_table_of_its_own(void *arg, pid_t tid)
{
	struct files *files = arg;

	if (tid != files->first && !shares(files->looker, files->first, tid, KCMP_FILES))
		add_table(files, tid);
	return files->looker->descriptors < DESCRIPTORS_MAX;
}

static void add_files(struct looker *looker, pid_t pid, pid_t thread, struct use *use)
{
	struct files files = { looker, use, thread, -1 };
	long r = add_table(&files, thread), task;

	/* Of what has ended meanwhile nothing can be seen and nothing is left. */
	if ((r == -EACCES || r == -EPERM) && has_memory(looker, thread))
		looker->unseen = true;
	if (r < 0)
		return;
	task = look_open(looker, pid, "/task");
	if (task < 0)
		return;
	proc_each_entry((int)task, add_table_of_its_own, &files);
	raw(SYS_close, task);
}

/* --- estimate and exact ------------------------------------------------------------------------- */

static uint64_t field(const struct looker *looker, const char *label)
{
	int64_t value = proc_field(looker->text, label);

	return value > 0 ? (uint64_t)value : 0;
}

/* What each memory has for itself and is told in no other file. From the `status` in looker->text. */
static void add_own(const struct looker *looker, struct use *use)
{
	use->anonymous += field(looker, "VmPTE:") + field(looker, "HugetlbPages:");
}

/* From the `status` in looker->text. */
static void add_estimate(const struct looker *looker, struct use *use)
{
	use->anonymous += field(looker, "RssAnon:");
	use->swapped += field(looker, "VmSwap:");
	use->shared += field(looker, "RssShmem:");
}

static void estimate(struct looker *looker, struct use *use)
{
	looker->inode_count = looker->descriptors = 0;
	looker->unseen = false;
	for (size_t i = 0; i < looker->count; i++) {
		struct looked_at *process = &looker->table[i];

		process->thread = living_thread(looker, process);
		if (process->thread == 0)
			continue;
		add_estimate(looker, use);
		add_own(looker, use);
		add_files(looker, process->pid, process->thread, use);
	}
}

static void add_exact(struct looker *looker, const struct looked_at *process, struct use *use)
{
	if (process->thread == 0)
		return;
	if (shares(looker, process->thread, process->parent, KCMP_VM))
		return; /* memory-1 */
	if (!has_memory(looker, process->thread))
		return;
	add_own(looker, use);
	if (!read_below(looker, process->thread, "/smaps_rollup")) {
		if (has_memory(looker, process->thread))
			add_estimate(looker, use);
		return;
	}
	use->anonymous += field(looker, "Pss_Anon:");
	use->swapped += field(looker, "SwapPss:");
	use->shared += field(looker, "Pss_Shmem:");
}

static uint64_t total(const struct looker *looker, const struct use *use, uint64_t twice)
{
	uint64_t seen = less(use->swapped + use->shared + use->files, twice);
	uint64_t grown = looker->unseen ? less(looker->host_kib, looker->elsewhere_kib) : 0;

	return use->anonymous + (grown > seen ? grown : seen);
}

/*
 * What of the host's use is not the tree's, by an estimate in which nothing was unseen: at most what is left
 * without the files, which are exact, and at least what is left without anything. RACE: files may come
 * and go between the looks at them and at the host, so a higher figure has to be seen twice.
 */
static void learn_elsewhere(struct looker *looker, const struct use *use)
{
	uint64_t high = less(looker->host_kib, use->files);
	uint64_t low = less(high, use->shared + use->swapped),
		 before = looker->elsewhere_before_kib;

	looker->elsewhere_before_kib = high;
	high = before < high ? before : high;
	if (looker->elsewhere_kib < low)
		looker->elsewhere_kib = low;
	if (looker->elsewhere_kib > high)
		looker->elsewhere_kib = high;
}

uint64_t look_memory(struct looker *looker)
{
	const uint64_t limit = looker->limits.memory_kib;
	struct use use = { 0 };
	uint64_t twice = 0;
	long r;

	estimate(looker, &use);
	r = host_use(&looker->host_kib);
	if (r < 0)
		looker->error = r;
	else if (!looker->unseen)
		learn_elsewhere(looker, &use);
	if (total(looker, &use, 0) > limit) {
		uint64_t files = use.files;

		use = (struct use){ .files = files };
		for (size_t i = 0; i < looker->count; i++)
			add_exact(looker, &looker->table[i], &use);
	}
	/* Only now can it matter what was counted by mapping and by descriptor. */
	if (total(looker, &use, 0) > limit && use.files > 0 && use.shared > 0) {
		for (size_t i = 0; i < looker->count; i++)
			twice += look_mapped_files(looker, looker->table[i].thread);
	}
	looker->by_growth =
		looker->unseen && total(looker, &use, twice) > limit &&
		less(use.swapped + use.shared + use.files, twice) + use.anonymous <= limit;
	return total(looker, &use, twice);
}
