/* SPDX-License-Identifier: Apache-2.0 */
/* The handlers of the mediation table, by file. Each takes copied values and held descriptors, and
 * returns a verdict. */
#ifndef CORDON_SUPERVISOR_HANDLERS_H
#define CORDON_SUPERVISOR_HANDLERS_H

#include "supervisor/request.h"

/* fs_open.c */
struct verdict handle_open(struct request *rq);
struct verdict handle_creat(struct request *rq);
struct verdict handle_openat2(struct request *rq);

/* fs_names.c */
struct verdict handle_mkdir(struct request *rq);
struct verdict handle_mknod(struct request *rq);
struct verdict handle_symlink(struct request *rq);
struct verdict handle_link(struct request *rq);
struct verdict handle_unlink(struct request *rq);
struct verdict handle_rmdir(struct request *rq);
struct verdict handle_rename(struct request *rq);

/* fs_meta.c */
struct verdict handle_chmod(struct request *rq);
struct verdict handle_chown(struct request *rq);
struct verdict handle_lchown(struct request *rq);
struct verdict handle_utimens(struct request *rq);
struct verdict handle_truncate(struct request *rq);

/* fs_xattr.c */
struct verdict handle_setxattr(struct request *rq);
struct verdict handle_removexattr(struct request *rq);
struct verdict handle_getxattr(struct request *rq);
struct verdict handle_listxattr(struct request *rq);

/* fs_stat.c */
struct verdict handle_stat(struct request *rq);
struct verdict handle_lstat(struct request *rq);
struct verdict handle_statx(struct request *rq);
struct verdict handle_statfs(struct request *rq);
struct verdict handle_readlink(struct request *rq);
struct verdict handle_access(struct request *rq);

/* fs_directory.c */
struct verdict handle_chdir(struct request *rq);
struct verdict handle_fchdir(struct request *rq);
struct verdict handle_getdents(struct request *rq);

/* fs_watch.c */
struct verdict handle_watch(struct request *rq);

/* exec.c */
struct verdict handle_exec(struct request *rq);

/* memory.c */
struct verdict handle_memfd_create(struct request *rq);

/* net.c */
struct verdict handle_socket(struct request *rq);
struct verdict handle_connect(struct request *rq);
struct verdict handle_bind(struct request *rq);
struct verdict handle_listen(struct request *rq);

/* send.c */
struct verdict handle_send(struct request *rq);

/* control.c */
struct verdict handle_control(struct request *rq);
struct verdict handle_signal(struct request *rq);
struct verdict handle_ids(struct request *rq);

#endif
