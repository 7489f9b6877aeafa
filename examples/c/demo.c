/* What ether.h can do: a tour of it, and two verbs for a script.
 *
 *     demo HOST PORT                          the tour: says what it does, stops at the first surprise
 *     demo HOST PORT put                      standard input becomes a new block; prints its handle
 *     demo HOST PORT get HANDLE OFFSET SIZE   the range goes to standard output
 *
 * Exit status: 0 all well, 1 it failed, 2 wrong usage.
 */
#include "ether.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 10000, LARGE_BYTES = 40 * 1024 * 1024, LARGE_STEP = 3 * 1024 * 1024 };

static int failed(const ether *e, const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", what, ether_error_name(ether_error(e)), ether_message(e));
	return 1;
}

static void *must_have(void *memory)
{
	if (!memory) {
		fprintf(stderr, "out of memory\n");
		exit(1);
	}
	return memory;
}

/* The tour */

/* One step: say what was done, or how it was not what one would expect, and end. */
static void step(ether *e, int as_expected, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	if (!as_expected) {
		printf(": a surprise\n");
		failed(e, "last call");
		exit(1);
	}
	putchar('\n');
}

static void tour_of_small_blocks(ether *e)
{
	unsigned char bytes[16], was[8];
	struct ether_info info;
	struct ether_entry entry;
	uint64_t a, b, number, total;
	int refused;

	a = ether_alloc(e, 64, 0);
	b = ether_alloc(e, 64, ETHER_SESSION);
	step(e, a && b && a != b, "alloc: blocks %" PRIu64 " and %" PRIu64 " of 64 bytes", a, b);
	step(e, ether_write(e, a, 16, "hello", 5) == 0, "write: 5 bytes at 16");
	step(e, ether_read(e, a, 14, bytes, 9) == 9 && memcmp(bytes, "\0\0hello\0\0", 9) == 0,
	     "read: they are there, with zeroes around them");
	step(e, ether_read(e, a, 60, bytes, 16) == 4, "read: 4 bytes are left at 60");
	step(e, ether_fill(e, b, 0, 'x', 64) == 0, "fill: the second block with x");
	step(e, ether_copy(e, b, 32, a, 16, 5) == 0 && ether_read(e, b, 30, bytes, 9) == 9
	     && memcmp(bytes, "xxhelloxx", 9) == 0, "copy: hello into it");
	step(e, ether_compare_swap(e, a, 0, "\0\0\0\0\0\0\0\0", "\0\0\0\0\0\0\0\7", was) == 0
	     && memcmp(was, "\0\0\0\0\0\0\0\0", 8) == 0, "compare_swap: 0 became 7");
	step(e, ether_compare_swap(e, a, 0, "\0\0\0\0\0\0\0\0", "\0\0\0\0\0\0\0\1", was) == 0
	     && memcmp(was, "\0\0\0\0\0\0\0\7", 8) == 0, "compare_swap: and not 1, because it was no longer 0");
	step(e, ether_fetch_add(e, a, 0, -9, &number) == 0 && number == 7
	     && ether_fetch_add(e, a, 0, 2, &number) == 0 && number == UINT64_MAX - 1,
	     "fetch_add: 7 - 9 wraps around");
	step(e, ether_realloc(e, a, 128) == 0 && ether_read(e, a, 120, bytes, 16) == 8
	     && memcmp(bytes, "\0\0\0\0\0\0\0\0", 8) == 0, "realloc: to 128 bytes, the new ones zero");
	step(e, ether_info(e, b, &info) == 0 && info.size_bytes == 64 && info.flags == ETHER_SESSION,
	     "info: the second has 64 bytes and ends with this connection");
	step(e, ether_list(e, a - 1, &entry, 1, &total) == 1 && entry.handle == a && entry.size_bytes == 128 && total >= 2,
	     "list: the first has 128 bytes");
	step(e, ether_free(e, a) == 0 && ether_free(e, b) == 0, "free: both");
	refused = ether_read(e, a, 0, bytes, 1) == -1 && ether_error(e) == ETHER_NOT_FOUND;
	step(e, refused, "read: %s, %s", ether_error_name(ether_error(e)), ether_message(e));
	step(e, ether_free(e, 0) == 0, "free: 0 is nothing, as with malloc");
}

static unsigned char pattern(size_t at)
{
	return (unsigned char)(at ^ at >> 8 ^ at >> 16 ^ at >> 24);
}

static void tour_of_a_large_block(ether *e)
{
	unsigned char *bytes = must_have(malloc(LARGE_BYTES));
	uint64_t block = ether_alloc(e, LARGE_BYTES, 0);
	size_t i, moved = LARGE_BYTES - LARGE_STEP;

	for (i = 0; i < LARGE_BYTES; i++)
		bytes[i] = pattern(i);
	step(e, block && ether_write(e, block, 0, bytes, LARGE_BYTES) == 0, "write: 40 MiB");
	step(e, ether_write(e, block, 1, bytes, LARGE_BYTES) == -1 && ether_error(e) == ETHER_OVERFLOW && ether_moved(e) == 0,
	     "write: one byte too far is refused before anything is changed");
	step(e, ether_copy(e, block, LARGE_STEP, block, 0, moved) == 0, "copy: 37 MiB, 3 MiB up in the same block");
	memset(bytes, 0, LARGE_BYTES);
	step(e, ether_read(e, block, LARGE_STEP, bytes, LARGE_BYTES) == (int64_t)moved, "read: up to the end");
	for (i = 0; i < moved && bytes[i] == pattern(i); i++)
		;
	step(e, i == moved, "and every byte is in its place");
	step(e, ether_free(e, block) == 0, "free");
	free(bytes);
}

static int tour(ether *e, char **arguments)
{
	struct ether_server server;

	(void)arguments;
	step(e, ether_ping(e) == 0, "ping");
	step(e, ether_hello(e, "demo", &server) == 0, "hello: %s %s", server.name, server.version);
	tour_of_small_blocks(e);
	tour_of_a_large_block(e);
	return 0;
}

/* The verbs */

static uint64_t number(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 0);
	if (*text == '\0' || *end != '\0') {
		fprintf(stderr, "%s is no number\n", text);
		exit(2);
	}
	return value;
}

static unsigned char *standard_input(size_t *size)
{
	size_t room = 1 << 16, n;
	unsigned char *bytes = must_have(malloc(room));

	*size = 0;
	while ((n = fread(bytes + *size, 1, room - *size, stdin)) > 0)
		if ((*size += n) == room)
			bytes = must_have(realloc(bytes, room *= 2));
	return bytes;
}

static int put(ether *e, char **arguments)
{
	size_t size;
	unsigned char *bytes = standard_input(&size);
	uint64_t block = ether_alloc(e, size, 0);
	int status = block && ether_write(e, block, 0, bytes, size) == 0 ? 0 : failed(e, "put");

	(void)arguments;
	if (status == 0)
		printf("%" PRIu64 "\n", block);
	free(bytes);
	return status;
}

static int get(ether *e, char **arguments)
{
	size_t size = (size_t)number(arguments[2]);
	unsigned char *bytes = must_have(malloc(size ? size : 1));
	int64_t n = ether_read(e, number(arguments[0]), number(arguments[1]), bytes, size);
	int status = n < 0 ? failed(e, "get") : fwrite(bytes, 1, (size_t)n, stdout) != (size_t)n;

	free(bytes);
	return status;
}

static const struct verb {
	const char *name;
	int arguments;
	int (*run)(ether *e, char **arguments);
} verbs[] = {{"tour", 0, tour}, {"put", 0, put}, {"get", 3, get}};

int main(int argc, char **argv)
{
	const char *name = argc > 3 ? argv[3] : "tour";
	int given = argc > 4 ? argc - 4 : 0, status;

	for (size_t i = 0; argc >= 3 && i < sizeof verbs / sizeof *verbs; i++) {
		ether *e;
		if (strcmp(name, verbs[i].name) != 0 || given != verbs[i].arguments)
			continue;
		e = ether_connect(argv[1], argv[2], TIMEOUT_MS);
		status = ether_error(e) ? failed(e, "connect") : verbs[i].run(e, argv + 4);
		ether_close(e);
		return fflush(stdout) ? 1 : status;
	}
	fprintf(stderr, "usage: demo HOST PORT [put | get HANDLE OFFSET SIZE]\n");
	return 2;
}
