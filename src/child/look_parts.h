/* SPDX-License-Identifier: Apache-2.0 */
/* What look.c and look_memory.c share. Private to them. */
#ifndef CORDON_CHILD_LOOK_PARTS_H
#define CORDON_CHILD_LOOK_PARTS_H

#include "child/look.h"
#include "child/proc.h"

/* Different files of memory that are remembered in one look. */
#define LOOK_INODES_MAX 1024u
/*
 * A whole `status`. SECURITY: its figures stand behind the list of groups, which can be 65536 long; with a
 * part of it the process would seem to use nothing.
 */
#define LOOK_TEXT_SIZE (1u << 20)

/* Return: 0 or -errno. */
int look_memory_prepare(struct looker *looker);
/* What the processes in the table have, in KiB; looker->by_growth says how that was found. */
uint64_t look_memory(struct looker *looker);

/* Fills the table. */
void look_walk(struct looker *looker);

/* Whether the file was counted in this look. */
bool look_knows_file(const struct looker *looker, uint64_t inode);

/* look_smaps.c: how much of a process's shared pages, in KiB, lies in files that were counted. */
uint64_t look_mapped_files(struct looker *looker, pid_t thread);

/* What a process is gone or unreadable for is no failure; what we lack to look at it is one. */
void look_note_error(struct looker *looker, long r);
/* How system calls name a process or thread that procfs shows; 0: it is gone. Overwrites looker->text. */
pid_t look_named(struct looker *looker, pid_t pid);
/* Notes the error that a process could not be opened for, if it is still there and so was hidden (look-3). */
void look_note_hidden(struct looker *looker, const struct looked_at *process, long error);
/* Opens a directory of a process or thread. Return: a descriptor or -errno. */
long look_open(struct looker *looker, pid_t pid, const char *name);

#endif
