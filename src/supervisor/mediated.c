/* SPDX-License-Identifier: Apache-2.0 */
/* THE MEDIATION TABLE: see mediated.h. Sorted by name. */
#include "supervisor/mediated.h"

#include "base/cleanup.h"
#include "supervisor/assign.h"
#include "supervisor/handlers/handlers.h"

/* clang-format off */

#define R(...) { __VA_ARGS__ }
#define DIRFD	ROLE_DIRFD
#define PATH	ROLE_PATH
#define MODE	ROLE_MODE
#define FLAGS	ROLE_ATFLAGS

/* Names change only where something may be written; there a guarded rule has to be asked. */
#define NAMES	(WHEN_GUARD_WRITE | WHEN_TRACE)
#define OPENS	(WHEN_GUARD_WRITE | WHEN_DENY | WHEN_NO_TRUNCATE | WHEN_TRACE)
#define EXECS	(WHEN_DENY_EXEC | WHEN_NO_EXEC | WHEN_EXEC_MEMORY | WHEN_TRACE)
/* Whether something may be written or executed is not what the kernel knows of grants. */
#define ACCESSES (WHEN_METADATA | WHEN_LOOK)

const struct mediated mediated[] = {
{ "access",	     OP_STAT,	 R(PATH, ROLE_NUMBER), handle_access, ACCESSES, REG_ACCESS_MODE, 1, "ask for permissions" },
{ "bind",	     OP_LISTEN,	 R(ROLE_FD, ROLE_SOCKADDR, ROLE_SOCKLEN), handle_bind, WHEN_NETWORK, REG_NONE, 0, "give a socket an address" },
{ "capset", OP_CONTROL, R(ROLE_RAW), handle_ids, WHEN_IDS, REG_NONE, 0, "change capabilities" },
{ "chdir",	     OP_STAT,	 R(PATH), handle_chdir, WHEN_LOOK, REG_NONE, 0, "change the working directory" },
{ "chmod",	     OP_META,	 R(PATH, MODE), handle_chmod, WHEN_METADATA, REG_NONE, 0, "change the mode" },
{ "chown",	     OP_META,	 R(PATH, ROLE_UID, ROLE_GID), handle_chown, WHEN_METADATA, REG_NONE, 0, "change the owner" },
{ "connect",	     OP_CONNECT, R(ROLE_FD, ROLE_SOCKADDR, ROLE_SOCKLEN), handle_connect, WHEN_NETWORK, REG_NONE, 0, "connect a socket" },
{ "creat",	     OP_WRITE,	 R(PATH, MODE), handle_creat, OPENS, REG_NONE, 0, "create or truncate a file" },
{ "execve",	     OP_EXEC,	 R(PATH), handle_exec, EXECS, REG_NONE, 0, "execute a file" },
{ "execveat",	     OP_EXEC,	 R(DIRFD, PATH, ROLE_RAW, ROLE_RAW, FLAGS), handle_exec, EXECS, REG_NONE, 0, "execute a file" },
{ "faccessat",	     OP_STAT,	 R(DIRFD, PATH, ROLE_NUMBER), handle_access, ACCESSES, REG_ACCESS_MODE, 2, "ask for permissions" },
{ "faccessat2",	     OP_STAT,	 R(DIRFD, PATH, ROLE_NUMBER, FLAGS), handle_access, ACCESSES, REG_ACCESS_MODE, 2, "ask for permissions, with flags" },
{ "fchdir",	     OP_STAT,	 R(ROLE_FD), handle_fchdir, WHEN_LOOK, REG_NONE, 0, "change the working directory" },
{ "fchmod",	     OP_META,	 R(ROLE_FD, MODE), handle_chmod, WHEN_METADATA, REG_NONE, 0, "change the mode" },
{ "fchmodat",	     OP_META,	 R(DIRFD, PATH, MODE), handle_chmod, WHEN_METADATA, REG_NONE, 0, "change the mode" },
{ "fchmodat2",	     OP_META,	 R(DIRFD, PATH, MODE, FLAGS), handle_chmod, WHEN_METADATA, REG_NONE, 0, "change the mode, with flags" },
{ "fchown",	     OP_META,	 R(ROLE_FD, ROLE_UID, ROLE_GID), handle_chown, WHEN_METADATA, REG_NONE, 0, "change the owner" },
{ "fchownat",	     OP_META,	 R(DIRFD, PATH, ROLE_UID, ROLE_GID, FLAGS), handle_chown, WHEN_METADATA, REG_NONE, 0, "change the owner" },
{ "fremovexattr",    OP_META,	 R(ROLE_FD, ROLE_XATTR), handle_removexattr, WHEN_METADATA, REG_NONE, 0, "remove an extended attribute" },
{ "fsetxattr",	     OP_META,	 R(ROLE_FD, ROLE_XATTR, ROLE_INPUT, ROLE_NUMBER, FLAGS), handle_setxattr, WHEN_METADATA, REG_NONE, 0, "set an extended attribute" },
{ "futimesat",	     OP_META,	 R(DIRFD, PATH, ROLE_TIMEVALS), handle_utimens, WHEN_METADATA, REG_NONE, 0, "change the times" },
{ "getdents",	     OP_READ,	 R(ROLE_FD, ROLE_OUTPUT, ROLE_NUMBER), handle_getdents, WHEN_HIDE, REG_NONE, 0, "list a directory" },
{ "getdents64",	     OP_READ,	 R(ROLE_FD, ROLE_OUTPUT, ROLE_NUMBER), handle_getdents, WHEN_HIDE, REG_NONE, 0, "list a directory" },
{ "getxattr",	     OP_STAT,	 R(PATH, ROLE_XATTR, ROLE_OUTPUT, ROLE_NUMBER), handle_getxattr, WHEN_LOOK, REG_NONE, 0, "read an extended attribute" },
{ "inotify_add_watch", OP_WATCH, R(ROLE_FD, PATH, ROLE_NUMBER), handle_watch, WHEN_DENY, REG_NONE, 0, "watch a file or directory" },
{ "ioprio_set",	     OP_CONTROL, R(ROLE_RAW, ROLE_RAW), handle_control, WHEN_CONTROL, REG_NOT_ZERO, 1, "set an I/O priority" },
{ "kill",	     OP_CONTROL, R(ROLE_RAW), handle_signal, WHEN_NO_SCOPE, REG_NONE, 0, "send a signal" },
{ "lchown",	     OP_META,	 R(PATH, ROLE_UID, ROLE_GID), handle_lchown, WHEN_METADATA, REG_NONE, 0, "change the owner, of a link itself" },
{ "lgetxattr",	     OP_STAT,	 R(PATH, ROLE_XATTR, ROLE_OUTPUT, ROLE_NUMBER), handle_getxattr, WHEN_LOOK, REG_NONE, 0, "read an extended attribute" },
{ "link",	     OP_LINK,	 R(PATH, PATH), handle_link, NAMES, REG_NONE, 0, "give a file another name" },
{ "linkat",	     OP_LINK,	 R(DIRFD, PATH, DIRFD, PATH, FLAGS), handle_link, NAMES, REG_NONE, 0, "give a file another name" },
{ "listen",	     OP_LISTEN,	 R(ROLE_FD, ROLE_NUMBER), handle_listen, WHEN_NETWORK, REG_NONE, 0, "accept connections" },
{ "listxattr",	     OP_STAT,	 R(PATH, ROLE_OUTPUT, ROLE_NUMBER), handle_listxattr, WHEN_LOOK, REG_NONE, 0, "list extended attributes" },
{ "llistxattr",	     OP_STAT,	 R(PATH, ROLE_OUTPUT, ROLE_NUMBER), handle_listxattr, WHEN_LOOK, REG_NONE, 0, "list extended attributes" },
{ "lremovexattr",    OP_META,	 R(PATH, ROLE_XATTR), handle_removexattr, WHEN_METADATA, REG_NONE, 0, "remove an extended attribute" },
{ "lsetxattr",	     OP_META,	 R(PATH, ROLE_XATTR, ROLE_INPUT, ROLE_NUMBER, FLAGS), handle_setxattr, WHEN_METADATA, REG_NONE, 0, "set an extended attribute" },
{ "lstat",	     OP_STAT,	 R(PATH, ROLE_OUTPUT), handle_lstat, WHEN_LOOK, REG_NONE, 0, "look at a file, or at a link itself" },
{ "memfd_create",    OP_CREATE,	 R(ROLE_TEXT, FLAGS), handle_memfd_create, WHEN_EXEC_LIST, REG_NO_EXEC_SEAL, 1, "make a memory file" },
{ "mkdir",	     OP_MKDIR,	 R(PATH, MODE), handle_mkdir, NAMES, REG_NONE, 0, "make a directory" },
{ "mkdirat",	     OP_MKDIR,	 R(DIRFD, PATH, MODE), handle_mkdir, NAMES, REG_NONE, 0, "make a directory" },
{ "mknod",	     OP_CREATE,	 R(PATH, MODE, ROLE_DEVICE), handle_mknod, NAMES, REG_NONE, 0, "make a FIFO, a socket or a file" },
{ "mknodat",	     OP_CREATE,	 R(DIRFD, PATH, MODE, ROLE_DEVICE), handle_mknod, NAMES, REG_NONE, 0, "make a FIFO, a socket or a file" },
{ "newfstatat",	     OP_STAT,	 R(DIRFD, PATH, ROLE_OUTPUT, FLAGS), handle_stat, WHEN_LOOK, REG_NONE, 0, "look at a file" },
{ "open",	     OP_READ,	 R(PATH, ROLE_OFLAGS, MODE), handle_open, OPENS | WHEN_RESOLV_CONF, REG_OPEN_FLAGS, 1, "open or create a file" },
{ "openat",	     OP_READ,	 R(DIRFD, PATH, ROLE_OFLAGS, MODE), handle_open, OPENS | WHEN_RESOLV_CONF, REG_OPEN_FLAGS, 2, "open or create a file" },
{ "openat2",	     OP_READ,	 R(DIRFD, PATH, ROLE_HOW, ROLE_NUMBER), handle_openat2, OPENS | WHEN_RESOLV_CONF, REG_NONE, 0, "open or create a file" },
{ "pidfd_send_signal", OP_CONTROL, R(ROLE_RAW), handle_signal, WHEN_NO_SCOPE, REG_NONE, 0, "send a signal" },
{ "prlimit64",	     OP_CONTROL, R(ROLE_RAW), handle_control, WHEN_CONTROL, REG_NOT_ZERO, 0, "set limits" },
{ "readlink",	     OP_STAT,	 R(PATH, ROLE_OUTPUT, ROLE_NUMBER), handle_readlink, WHEN_LOOK, REG_NONE, 0, "read a symbolic link" },
{ "readlinkat",	     OP_STAT,	 R(DIRFD, PATH, ROLE_OUTPUT, ROLE_NUMBER), handle_readlink, WHEN_LOOK, REG_NONE, 0, "read a symbolic link" },
{ "removexattr",     OP_META,	 R(PATH, ROLE_XATTR), handle_removexattr, WHEN_METADATA, REG_NONE, 0, "remove an extended attribute" },
{ "rename",	     OP_RENAME,	 R(PATH, PATH), handle_rename, NAMES, REG_NONE, 0, "rename" },
{ "renameat",	     OP_RENAME,	 R(DIRFD, PATH, DIRFD, PATH), handle_rename, NAMES, REG_NONE, 0, "rename" },
{ "renameat2",	     OP_RENAME,	 R(DIRFD, PATH, DIRFD, PATH, FLAGS), handle_rename, NAMES, REG_NONE, 0, "rename or exchange" },
{ "rmdir",	     OP_REMOVE,	 R(PATH), handle_rmdir, NAMES, REG_NONE, 0, "remove a directory" },
{ "rt_sigqueueinfo", OP_CONTROL, R(ROLE_RAW), handle_signal, WHEN_NO_SCOPE, REG_NONE, 0, "send a signal" },
{ "rt_tgsigqueueinfo", OP_CONTROL, R(ROLE_RAW), handle_signal, WHEN_NO_SCOPE, REG_NONE, 0, "send a signal" },
{ "sched_setaffinity", OP_CONTROL, R(ROLE_RAW), handle_control, WHEN_CONTROL, REG_NOT_ZERO, 0, "choose processors" },
{ "sched_setattr",   OP_CONTROL, R(ROLE_RAW), handle_control, WHEN_CONTROL, REG_NOT_ZERO, 0, "choose scheduling" },
{ "sched_setparam",  OP_CONTROL, R(ROLE_RAW), handle_control, WHEN_CONTROL, REG_NOT_ZERO, 0, "choose scheduling" },
{ "sched_setscheduler", OP_CONTROL, R(ROLE_RAW), handle_control, WHEN_CONTROL, REG_NOT_ZERO, 0, "choose scheduling" },
{ "sendmmsg",	     OP_CONNECT, R(ROLE_FD, ROLE_RAW, ROLE_RAW, ROLE_RAW), handle_send, WHEN_SENDS, REG_NONE, 0, "send messages, each perhaps to an address" },
{ "sendmsg",	     OP_CONNECT, R(ROLE_FD, ROLE_RAW, ROLE_RAW), handle_send, WHEN_SENDS, REG_NONE, 0, "send a message, perhaps to an address" },
{ "sendto",	     OP_CONNECT, R(ROLE_FD, ROLE_RAW, ROLE_RAW, ROLE_RAW, ROLE_RAW, ROLE_RAW), handle_send, WHEN_NETWORK, REG_NOT_NULL, 4, "send to an address" },
{ "setfsgid", OP_CONTROL, R(ROLE_RAW), handle_ids, WHEN_IDS, REG_NONE, 0, "change ids" },
{ "setfsuid", OP_CONTROL, R(ROLE_RAW), handle_ids, WHEN_IDS, REG_NONE, 0, "change ids" },
{ "setgid", OP_CONTROL, R(ROLE_RAW), handle_ids, WHEN_IDS, REG_NONE, 0, "change ids" },
{ "setgroups", OP_CONTROL, R(ROLE_RAW), handle_ids, WHEN_IDS, REG_NONE, 0, "change ids" },
{ "setpriority",     OP_CONTROL, R(ROLE_RAW, ROLE_RAW), handle_control, WHEN_CONTROL, REG_NOT_ZERO, 1, "set a priority" },
{ "setregid", OP_CONTROL, R(ROLE_RAW), handle_ids, WHEN_IDS, REG_NONE, 0, "change ids" },
{ "setresgid", OP_CONTROL, R(ROLE_RAW), handle_ids, WHEN_IDS, REG_NONE, 0, "change ids" },
{ "setresuid", OP_CONTROL, R(ROLE_RAW), handle_ids, WHEN_IDS, REG_NONE, 0, "change ids" },
{ "setreuid", OP_CONTROL, R(ROLE_RAW), handle_ids, WHEN_IDS, REG_NONE, 0, "change ids" },
{ "setuid", OP_CONTROL, R(ROLE_RAW), handle_ids, WHEN_IDS, REG_NONE, 0, "change ids" },
{ "setxattr",	     OP_META,	 R(PATH, ROLE_XATTR, ROLE_INPUT, ROLE_NUMBER, FLAGS), handle_setxattr, WHEN_METADATA, REG_NONE, 0, "set an extended attribute" },
{ "socket",	     OP_CONNECT, R(ROLE_RAW, ROLE_RAW, ROLE_RAW), handle_socket, WHEN_NO_GETFD, REG_NONE, 0, "make a socket" },
{ "stat",	     OP_STAT,	 R(PATH, ROLE_OUTPUT), handle_stat, WHEN_LOOK, REG_NONE, 0, "look at a file" },
{ "statfs",	     OP_STAT,	 R(PATH, ROLE_OUTPUT), handle_statfs, WHEN_LOOK, REG_NONE, 0, "look at the file system of a file" },
{ "statx",	     OP_STAT,	 R(DIRFD, PATH, FLAGS, ROLE_NUMBER, ROLE_OUTPUT), handle_statx, WHEN_LOOK, REG_NONE, 0, "look at a file" },
{ "symlink",	     OP_CREATE,	 R(ROLE_TEXT, PATH), handle_symlink, NAMES, REG_NONE, 0, "make a symbolic link" },
{ "symlinkat",	     OP_CREATE,	 R(ROLE_TEXT, DIRFD, PATH), handle_symlink, NAMES, REG_NONE, 0, "make a symbolic link" },
{ "tgkill",	     OP_CONTROL, R(ROLE_RAW), handle_signal, WHEN_NO_SCOPE, REG_NONE, 0, "send a signal" },
{ "tkill",	     OP_CONTROL, R(ROLE_RAW), handle_signal, WHEN_NO_SCOPE, REG_NONE, 0, "send a signal" },
{ "truncate",	     OP_WRITE,	 R(PATH, ROLE_NUMBER), handle_truncate, NAMES | WHEN_NO_TRUNCATE, REG_NONE, 0, "set the length of a file" },
{ "unlink",	     OP_REMOVE,	 R(PATH), handle_unlink, NAMES, REG_NONE, 0, "remove a name" },
{ "unlinkat",	     OP_REMOVE,	 R(DIRFD, PATH, FLAGS), handle_unlink, NAMES, REG_NONE, 0, "remove a name" },
{ "utime",	     OP_META,	 R(PATH, ROLE_UTIMBUF), handle_utimens, WHEN_METADATA, REG_NONE, 0, "change the times" },
{ "utimensat",	     OP_META,	 R(DIRFD, PATH, ROLE_TIMESPECS, FLAGS), handle_utimens, WHEN_METADATA, REG_NONE, 0, "change the times" },
{ "utimes",	     OP_META,	 R(PATH, ROLE_TIMEVALS), handle_utimens, WHEN_METADATA, REG_NONE, 0, "change the times" },
};
/* clang-format on */

const size_t mediated_count = COUNT_OF(mediated);
