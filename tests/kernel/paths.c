/* SPDX-License-Identifier: Apache-2.0 */
/* Held descriptors: what resolving and acting on them rely on. */
#include "kernel.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>

TestSuite(kernel_paths, .init = directory_enter, .fini = directory_leave, .timeout = 30);

/* Return: a descriptor or -errno. */
static int open_without_links(const char *path, uint64_t flags)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC | flags,
				.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };
	long fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

static void make_links(void)
{
	cr_assert_eq(mkdir("d", 0700), 0);
	make_file("d/file", "content");
	cr_assert_eq(symlink("d/file", "last"), 0);
	cr_assert_eq(symlink("d", "middle"), 0);
}

static void trailing_body(void)
{
	struct stat st;
	int fd = open_without_links("last", O_NOFOLLOW);

	if (fd == -ENOSYS)
		skip("openat2");
	EXPECT(fd >= 0 && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode));
	EXPECT(open_without_links("last", 0) == -ELOOP);
}

Test(kernel_paths, a_last_link_is_held_only_if_not_followed)
{
	make_links();
	in_child(trailing_body);
}

static void middle_body(void)
{
	int fd = open_without_links("d/file", 0);

	if (fd == -ENOSYS)
		skip("openat2");
	EXPECT(fd >= 0);
	EXPECT(open_without_links("middle/file", O_NOFOLLOW) == -ELOOP);
	EXPECT(open_without_links("/proc/self/root/etc", O_NOFOLLOW) == -ELOOP);
}

Test(kernel_paths, a_link_on_the_way_is_refused)
{
	make_links();
	in_child(middle_body);
}

static void reopen_body(void)
{
	int held = open("file", O_PATH | O_CLOEXEC);
	int own = open("/proc/thread-self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char name[12], byte = 0;
	int fd;

	EXPECT(held >= 0 && own >= 0);
	EXPECT_ERRNO(read(held, &byte, 1), EBADF);
	/* It is the object that is opened again, whatever its name has become. */
	EXPECT(rename("file", "elsewhere") == 0 && rename("other", "file") == 0);
	snprintf(name, sizeof(name), "%d", held);
	fd = openat(own, name, O_RDONLY | O_CLOEXEC);
	EXPECT(fd >= 0 && read(fd, &byte, 1) == 1 && byte == 'c');
	EXPECT(unlink("elsewhere") == 0);
	EXPECT(openat(own, name, O_RDONLY | O_CLOEXEC) >= 0);
}

Test(kernel_paths, a_held_object_is_opened_again)
{
	make_file("file", "content");
	make_file("other", "other");
	in_child(reopen_body);
}

static void socket_body(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "socket" };
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int held;

	EXPECT(server >= 0 && client >= 0);
	EXPECT(bind(server, (struct sockaddr *)&address, sizeof(address)) == 0);
	EXPECT(listen(server, 1) == 0);
	held = open("socket", O_PATH | O_CLOEXEC);
	EXPECT(held >= 0 && rename("socket", "elsewhere") == 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", held);
	EXPECT(connect(client, (struct sockaddr *)&address, sizeof(address)) == 0);
	EXPECT(accept(server, NULL, NULL) >= 0);
}

Test(kernel_paths, a_held_socket_file_is_connected_to)
{
	in_child(socket_body);
}

static void times_body(void)
{
	const struct timespec times[] = { { .tv_sec = 1000 }, { .tv_sec = 2000 } };
	int held = open("file", O_PATH | O_CLOEXEC);
	struct stat st;

	EXPECT(held >= 0);
	if (utimensat(held, "", times, AT_EMPTY_PATH) < 0) {
		if (errno == EINVAL)
			skip("utimensat with AT_EMPTY_PATH (Linux 5.8)");
		EXPECT(errno == 0);
	}
	EXPECT(stat("file", &st) == 0 && st.st_atime == 1000 && st.st_mtime == 2000);
}

Test(kernel_paths, times_of_a_held_object)
{
	make_file("file", "content");
	in_child(times_body);
}

static void owner_body(void)
{
	int held = open("file", O_PATH | O_CLOEXEC);
	/* Without privilege only the own ids can be given. */
	uid_t uid = geteuid() == 0 ? 12 : geteuid();
	gid_t gid = geteuid() == 0 ? 34 : getegid();
	struct stat st;

	EXPECT(held >= 0);
	if (fchownat(held, "", uid, gid, AT_EMPTY_PATH) < 0 && geteuid() == 0)
		skip("CAP_CHOWN over other ids");
	EXPECT(stat("file", &st) == 0 && st.st_uid == uid && st.st_gid == gid);
}

Test(kernel_paths, owner_of_a_held_object)
{
	make_file("file", "content");
	in_child(owner_body);
}
