/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls without the C library, for code between clone and exec (I11).
 *
 * The program shares its keeper's memory until it executes, thread-local storage included, so even
 * errno would be a race between the two. Everything here returns the result or -errno.
 */
#ifndef CORDON_CHILD_RAW_H
#define CORDON_CHILD_RAW_H

#include <sys/syscall.h>

#if defined(__x86_64__)
static inline long raw6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__)
static inline long raw6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}
#else
#error "cordon runs on x86_64 and aarch64"
#endif

/* raw(number, up to six arguments): every argument is widened, those not given are zero. */
#define raw(...) raw_widen(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define raw_widen(nr, a, b, c, d, e, f, ...)                                                       \
	raw6((nr), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* What rt_sigaction takes: the first word is the handler; all zero is SIG_DFL with no flags. */
struct raw_disposition {
	unsigned long words[4];
};

__attribute__((noreturn)) static inline void raw_exit(int status)
{
	for (;;)
		raw(SYS_exit_group, status);
}

#endif
