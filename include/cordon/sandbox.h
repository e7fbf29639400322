/* SPDX-License-Identifier: Apache-2.0 */
/* A sandbox: create, start, wait, kill, free. */
#ifndef CORDON_SANDBOX_H
#define CORDON_SANDBOX_H

#include <cordon/error.h>
#include <cordon/event.h>
#include <cordon/policy.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * One run of one program. Its functions may be called from any thread, by several at once: any number may
 * wait. One at a time delivers; a callback may call the functions of its own sandbox, but not free it, and
 * must not wait for another thread that delivers. Freeing it ends the right to use it for all.
 */
typedef struct cordon_sandbox cordon_sandbox;

/* Where a standard stream of the program comes from or goes to. */
enum cordon_stream_kind {
	CORDON_STREAM_INHERIT, /* the host's own; closed, if it was when the sandbox was made or started */
	CORDON_STREAM_NULL,	/* /dev/null */
	CORDON_STREAM_FD,	/* `fd`, duplicated by cordon_sandbox_new() */
	CORDON_STREAM_PIPE,	/* input: cordon_sandbox_write(); outputs: on_output, or kept */
	CORDON_STREAM_BYTES,	/* input only: `bytes`, copied by cordon_sandbox_new() */
	CORDON_STREAM_STDOUT,	/* standard error only: the same as standard output */
	CORDON_STREAM_TERMINAL, /* all three: a new pseudo-terminal, which becomes the controlling
				   terminal of a new session. Output comes as standard output */
};

struct cordon_stream {
	enum cordon_stream_kind kind;
	int fd;
	const void *bytes;
	size_t length;
	unsigned short rows, columns; /* of the terminal, in stream[0]; 0: unset */
};

/*
 * Output of the program as it comes: any bytes, at most 64 KiB a piece, in order for each stream; stream
 * is 1 or 2. Called by cordon_sandbox_dispatch() and cordon_sandbox_wait(), on the thread that calls
 * them. After the last piece comes CORDON_EVENT_END.
 */
typedef void (*cordon_output_fn)(int stream, const char *bytes, size_t length, void *arg);
/*
 * One descriptor of the program: `target` becomes a copy of the host's `source`, or is closed if that
 * is -1. All of a list are carried out at once, so that they can be exchanged; of two with the same
 * target the later one counts. A source is never close-on-exec in the program.
 */
struct cordon_fd {
	int target, source;
};

/* How the program's process is made. */
enum cordon_spawn {
	CORDON_SPAWN_AUTO, /* the cheapest that the policy and `no_keeper` admit */
	CORDON_SPAWN_FORK, /* from a copy of the host's memory */
	/* In the host's memory, while the calling thread stands still, as posix_spawn() does it. Only with
	 * no_keeper, and without process.user, process.group and `process.huge_pages: false`: -EOPNOTSUPP. */
	CORDON_SPAWN_VFORK,
};

/* Zero it, set `size`, then what is needed. */
struct cordon_options {
	size_t size;		  /* sizeof(struct cordon_options) */
	const char *name;	  /* shown in events; NULL: `run-PID-N` */
	cordon_event_fn on_event; /* may be NULL */
	void *event_arg;
	bool foreground; /* make the program the foreground group of the terminal on descriptor 0 */
	struct cordon_stream stream[3]; /* standard input, output, error */
	cordon_output_fn on_output; /* NULL: piped output is kept, see cordon_sandbox_output() */
	void *output_arg;
	const struct cordon_fd *fds; /* at most 64, on top of process.fds; copied */
	size_t fd_count;
	uint64_t
		open_files; /* soft limit of descriptors that the program starts with, where limits.open_files
				says nothing: of a host that has raised its own; 0: the host's */
	enum cordon_spawn spawn;
	/*
	 * No process keeps the tree together: the kernel holds the policy as ever, but what the program leaves
	 * behind, or what is there when this process dies, lives on, and kill and free reach the program
	 * alone. For hosts that start very many programs and see to that themselves, in a container or
	 * cgroup of their own. Needs `supervisor: off`; limits of the whole tree (wall, memory, processes,
	 * cpu_percent), `isolation` and `foreground` are -EOPNOTSUPP. No thread is made: the run ends in the
	 * function that is called after the program has ended. The program is a child of this process like
	 * any other: SIGCHLD comes for it, and where somebody else reaps it (waitpid(-1), or SIGCHLD is
	 * ignored) how it ended is not known: CORDON_SUPERVISOR_FAILED.
	 */
	bool no_keeper;
	/*
	 * A program from memory: an ELF file, or a script that begins with #!. It is copied, sealed, and
	 * executed whatever `filesystem.exec` lists; argv[0] is no more than its name. A script's
	 * interpreter gets it as /dev/fd/N, so it has to be able to open that.
	 */
	const void *program;
	size_t program_size; /* bytes */
	/*
	 * A function instead of a program: called in a copy of the host's memory when all layers stand, and
	 * what it returns is the exit code. The copy has the host's secrets in it, and only the thread that
	 * calls, so that the function may do what is allowed after fork() in a process with threads
	 * (async-signal-safe functions, execve() among them). With 8 MiB of stack. argv[0] is a name for
	 * messages. Not together with `program` (-EINVAL) or CORDON_SPAWN_VFORK (-EOPNOTSUPP).
	 */
	int (*function)(void *arg);
	void *function_arg;
};

enum cordon_reason {
	CORDON_EXITED,		  /* the program returned; code */
	CORDON_SIGNALED,	  /* died of a signal that cordon did not send; signal */
	CORDON_TIMEOUT_WALL,	  /* limits.wall */
	CORDON_TIMEOUT_CPU,	  /* limits.cpu */
	CORDON_KILLED_BY_CALLER,  /* cordon_sandbox_kill() */
	CORDON_EXEC_FAILED,	  /* not found, or not executable */
	CORDON_SETUP_FAILED,	  /* nothing was run */
	CORDON_SUPERVISOR_FAILED, /* cordon could not go on; the tree was killed */
	CORDON_MEMORY,		  /* limits.memory; the tree was killed */
	CORDON_PROCESSES,	  /* limits.processes; the tree was killed */
	CORDON_POLICY_KILL, /* the program did what the policy forbids, and was killed for it */
};

/* The keys of `limits`; bit 1 << N of cordon_result.limits_hit stands for number N. */
enum cordon_limit {
	CORDON_LIMIT_WALL,
	CORDON_LIMIT_CPU,
	CORDON_LIMIT_MEMORY,
	CORDON_LIMIT_ADDRESS_SPACE, /* never seen to be hit: the call fails, that is all */
	CORDON_LIMIT_PROCESSES,
	CORDON_LIMIT_OPEN_FILES, /* these three do not end a run. This one is seen for calls that the
				    supervisor answers, */
	CORDON_LIMIT_FILE_SIZE,	 /* this one if a process died of it, or in such a call */
	CORDON_LIMIT_OUTPUT,
	CORDON_LIMIT_CPU_PERCENT,
	CORDON_LIMIT_COUNT,
};

struct cordon_result {
	size_t size; /* set by the caller before cordon_sandbox_wait() */
	enum cordon_reason reason;
	int code;   /* exit code, or -1 */
	int signal; /* or 0 */
	int status; /* what `cordon run` exits with: 124, 125, 126, 127, 128+N or the code */
	bool core_dumped;
	uint64_t wall_us, user_us, system_us, max_rss_kib; /* of the whole tree */
	uint64_t notifications;				   /* calls that the supervisor answered */
	uint64_t denied;				   /* denials by policy */
	bool kernel_denials_recorded; /* false: what the kernel refuses alone is not listed */
	uint32_t limits_hit;	      /* bits by enum cordon_limit */
	uint64_t processes; /* that were reaped by cordon: of the tree, those without a parent */
	/* The most that looks at the tree showed; 0 without limits.memory or limits.processes. */
	uint64_t processes_peak, memory_peak_kib;
	/* Of the streams that the host reads: what came, and how much of it was dropped. */
	uint64_t stdout_bytes, stderr_bytes, stdout_dropped, stderr_dropped;
	/* Not everything was delivered: limits.output was reached, or somebody outside the tree held an
	 * output for more than half a second after the end. */
	bool truncated;
};

/*
 * Resolves and checks the policy against this host and makes everything that the program needs, but
 * runs nothing. policy: borrowed for the call. options: may be NULL. ret: the sandbox.
 * Return: 0; -EINVAL for a policy problem; -EOPNOTSUPP for a rule that cannot be held here; -errno.
 */
int cordon_sandbox_new(cordon_policy *policy, const struct cordon_options *options,
		       cordon_sandbox **ret, struct cordon_error *error);
/*
 * Starts the program and returns when it has been executed, or has failed to be.
 * argv: argv[0] is the program, searched in the PATH of its own environment; copied.
 * Return: 0; -ENOENT or another errno if the program could not be executed (the result says
 * CORDON_EXEC_FAILED); -errno if a layer failed (CORDON_SETUP_FAILED). After a failure the sandbox
 * can only be asked for its result and freed.
 */
int cordon_sandbox_start(cordon_sandbox *sandbox, char *const argv[], struct cordon_error *error);

/* Process id of the program, or -1 if none was started. */
pid_t cordon_sandbox_pid(const cordon_sandbox *sandbox);
/*
 * A descriptor that becomes readable when cordon_sandbox_dispatch() has something to do, the end
 * included. Borrowed: valid until the sandbox is freed.
 */
int cordon_sandbox_fd(const cordon_sandbox *sandbox);
/* Delivers queued events. Never blocks. Return: 1 if the run has ended, else 0; -errno. */
int cordon_sandbox_dispatch(cordon_sandbox *sandbox);
/*
 * Waits for the end of the run, delivering events meanwhile. timeout_ms: -1 for ever, 0 to ask.
 * ret: may be NULL. Return: 0; -ETIMEDOUT; -EINVAL if nothing was started.
 */
int cordon_sandbox_wait(cordon_sandbox *sandbox, struct cordon_result *ret, int timeout_ms);
/* A signal for every process of the tree; SIGKILL ends the run. Return: 0; harmless after the end.
 */
int cordon_sandbox_kill(cordon_sandbox *sandbox, int signal);
/* A signal for the program alone. Return: 0; harmless after the end. */
int cordon_sandbox_signal(cordon_sandbox *sandbox, int signal);
/*
 * Goes on after CORDON_EVENT_STOPPED: SIGCONT to the program's group. A host that has taken the
 * terminal back meanwhile gives it to that group first. Return: 0 or -errno.
 */
int cordon_sandbox_resume(cordon_sandbox *sandbox);
/*
 * Bytes for a standard input that is a pipe or a terminal. Never blocks and never raises SIGPIPE.
 * Return: how many were taken; -EAGAIN if none can be taken now; -EPIPE if nobody reads them any more, which
 * is no failure of the run.
 */
ssize_t cordon_sandbox_write(cordon_sandbox *sandbox, const void *bytes, size_t length);
/* The end of a piped standard input. (For a terminal write the character 4 instead.) Return: 0 or -errno. */
int cordon_sandbox_close_input(cordon_sandbox *sandbox);
/*
 * What a piped output has given so far, where no on_output was set. stream: 1 or 2. The bytes are the
 * sandbox's: valid until more are read or it is freed. Return: 0; -EINVAL.
 */
int cordon_sandbox_output(const cordon_sandbox *sandbox, int stream, const char **ret_bytes,
			  size_t *ret_length);
/* The size of the program's terminal; it is told by SIGWINCH. Return: 0; -ENOTTY; -errno. */
int cordon_sandbox_resize(cordon_sandbox *sandbox, unsigned short rows, unsigned short columns);
/*
 * Another value for a limit while the program runs: wall (milliseconds since the start), memory (bytes),
 * processes or cpu_percent, from 1 up to what the policy says. What is exceeded already ends the run soon.
 * error: may be NULL. Return: 0; -EINVAL; -EOPNOTSUPP: the policy does not set that limit, or it is one that
 * every process has for itself; -ESRCH: the run has ended.
 *
 *	cordon_sandbox_set_limit(sandbox, CORDON_LIMIT_WALL, 10000, &error);
 */
int cordon_sandbox_set_limit(cordon_sandbox *sandbox, enum cordon_limit limit, uint64_t value,
			     struct cordon_error *error);
enum cordon_namespace {
	CORDON_NS_USER,
	CORDON_NS_PID,
	CORDON_NS_MOUNT,
	CORDON_NS_NET,
	CORDON_NS_IPC,
	CORDON_NS_UTS,
	CORDON_NS_CGROUP,
	CORDON_NS_TIME,
	CORDON_NS_COUNT,
};
/*
 * The number of the namespace that the program is in: the inode of /proc/PID/ns/... Two sandboxes, or a
 * sandbox and its host, share a namespace if they have the same number. Return: 0; -ESRCH if the program
 * does not run; -EACCES if it cannot be looked into; -ENOENT if the kernel has no such namespaces; -EINVAL.
 */
int cordon_sandbox_namespace(const cordon_sandbox *sandbox, enum cordon_namespace kind,
			     uint64_t *ret_inode);
/* One layer of the set-up, in the order of the report. */
enum cordon_layer_state {
	CORDON_LAYER_SKIPPED, /* not asked for */
	CORDON_LAYER_APPLIED, /* and read back from the kernel */
	CORDON_LAYER_FAILED,
	CORDON_LAYER_UNAVAILABLE, /* this host lacks it */
	CORDON_LAYER_NO_RECORD,	  /* asked for, and the start ended before it was heard of */
};
struct cordon_layer {
	size_t size;	  /* set by the caller */
	const char *name; /* "landlock_fs"; static storage */
	enum cordon_layer_state state;
	int error;	    /* positive errno, whole; 0 unless it failed */
	const char *detail; /* how it is held, where that needs a word; static storage or NULL */
};
/*
 * Layer number `index`, from 0. Complete as soon as cordon_sandbox_start() has returned.
 * Return: 0; -ENOENT past the last; -EINVAL if nothing was started.
 */
int cordon_sandbox_layer(const cordon_sandbox *sandbox, size_t index, struct cordon_layer *ret);
/*
 * What the layers amount to: "full" all that was asked for, "baseline" the same but that was only
 * no_new_privs and resource limits, "partial", "none", "empty". Return: static storage; NULL if
 * nothing was started.
 */
const char *cordon_sandbox_level(const cordon_sandbox *sandbox);
/* The report of the run as one JSON object (after the end, or after a failure). From malloc.
 * Return: 0 or -errno. */
int cordon_sandbox_report(cordon_sandbox *sandbox, char **ret_text, struct cordon_error *error);
/*
 * The same object for a run that did not get as far as a sandbox: the policy was refused, say.
 * error: borrowed. Return: 0 or -errno.
 */
int cordon_error_report(const struct cordon_error *error, char **ret_text);
/* Whether the policy wants lines for people (report.hint). Return: 1 or 0. */
int cordon_sandbox_hint(const cordon_sandbox *sandbox);
/* Kills what still runs, reaps it, removes $TMP. NULL does nothing. */
void cordon_sandbox_free(cordon_sandbox *sandbox);
/*
 * Frees the sandbox and lets the run go on under its policy, its limits and its supervisor, until it ends or
 * this process does. Nothing is heard of it any more: pipes and terminals to the host are closed, events go
 * nowhere. Return: 0, and the sandbox is gone; -EINVAL if no program was started; -EOPNOTSUPP with
 * no_keeper, which nobody looks after; -EAGAIN.
 */
int cordon_sandbox_detach(cordon_sandbox *sandbox);

/*
 * What this host can enforce, each layer proved by doing it once. ret_text: from malloc.
 * Return: 0 if the default policy can be held in full; 1 if not; -errno.
 */
int cordon_host_check(bool json, char **ret_text, struct cordon_error *error);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
