/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users and groups by name, as the files under /etc have them. Other databases of the host are not
 * asked: that would load their modules, from a program that may be linked statically and run as
 * root. Who stands only there is named by number.
 */
#ifndef CORDON_SYS_USERS_H
#define CORDON_SYS_USERS_H

#include <sys/types.h>

/* Return: 0; -ENOENT if there is none of that name; -errno. */
int user_by_name(const char *name, uid_t *ret_uid, gid_t *ret_gid);
int group_by_name(const char *name, gid_t *ret);

#endif
